"""Which hazard: the clock alone, straight effects, curved ones, or ones that change in time.

Each candidate's ridge penalty is the strongest whose log loss on held-out accounts (or on the caller's
forward folds) is within one standard error of the least, among those that leave at most one effective
parameter per ten who left. Of the candidates the simplest stays whose log loss is within one standard error
of the best's (Breiman and others 1984, section 3.4.3). The error is that of the paired difference by account.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from heed.evidence.risk.baseline import Cells
from heed.evidence.risk.ridge import Fit, Problem, fit_ridge, row_likelihoods

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]
Folds = Sequence[tuple[Whole, Whole]]

PENALTIES = (1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
STRONGER = 1
CLOCK_PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 100_000.0)
CONTRACT_PENALTY = 0.1
ROUGHLY = 1e-6
PER_PARAMETER = 10
TURN_PENALTY = 30.0
CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Candidate:
    """`columns` of the design it uses, and which turns of the timeline their effects have; none: those of
    the candidate before it. Candidates of one name are rivals as simple as each other."""

    name: str
    columns: Truths
    turns: tuple[int, ...] = (0,)

    def after(self, before: "Candidate") -> "Candidate":
        return self if self.turns else replace(self, turns=before.turns)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a candidate did: mean log loss per row held out, behind the best by `behind` ± `error`."""

    name: str
    penalty: float
    log_loss: float
    behind: float
    error: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen candidate and its coefficients in each fold."""

    candidate: Candidate
    penalty: float
    held_out: tuple[Real, ...]
    table: tuple[Standing, ...]
    clock_penalty: float


def restricted(problem: Problem, candidate: Candidate) -> Problem:
    cells = problem.cells
    own = Cells(cells.share, cells.clock, cells.turns[..., list(candidate.turns)], cells.contract)
    return Problem(own, np.ascontiguousarray(problem.X[:, candidate.columns]), problem.event)


def penalties(problem: Problem, clock_penalty: float, penalty: float) -> Real:
    columns = problem.X.shape[1]
    turning = [penalty * (TURN_PENALTY if turn else 1.0) for turn in range(problem.turns)]
    clock = np.full(problem.clock_terms, clock_penalty)
    clock[0] = 0.0
    # That contracts end at renewals is no finding to be doubted: shrunk like a bend of the curve, it spreads
    # the leaving of renewals over all days.
    clock[len(clock) - problem.cells.contract :] = CONTRACT_PENALTY
    return np.concatenate([clock, np.repeat(turning, columns)])


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A candidate with its penalty, the held-out likelihood of each row and each fold's coefficients; and the
    likelihood of each row under the penalty that does best."""

    candidate: Candidate
    penalty: float
    likelihoods: Real
    held_out: tuple[Real, ...]
    at_best: Real


def choose(
    problem: Problem, candidates: Sequence[Candidate], groups: Whole, folds: Folds, events: int
) -> Choice:
    """Choose among candidates, simplest first; the first must be the clock alone."""
    alone = restricted(problem, candidates[0])
    clock_penalty, start = _clock_penalty(alone, events)
    tried: list[Tried] = []
    for candidate in candidates:
        # A richer candidate wants a penalty near that of the one before it.
        path = _path(tried[-1].penalty) if tried and tried[-1].penalty else PENALTIES
        before = (
            tried[-1] if tried else Tried(candidate, 0.0, np.zeros(0), (start,) * len(folds), np.zeros(0))
        )
        after = candidate.after(before.candidate)
        starts = [_carried(own, before.candidate, after) for own in before.held_out]
        found = _try(restricted(problem, after), after, groups, folds, clock_penalty, events, path, starts)
        tried = _with(tried, found)
    tested = np.unique(np.concatenate([test for _, test in folds]))
    table = _table(tried, groups, tested)
    chosen = next(own for own, line in zip(tried, table, strict=True) if line.behind <= line.error)
    if _is_noise(tried, groups):
        chosen = tried[0]
    return Choice(chosen.candidate, chosen.penalty, chosen.held_out, table, clock_penalty)


def _with(tried: list[Tried], found: Tried | None) -> list[Tried]:
    """One more; of candidates of one name, which are as simple as each other, the best."""
    if found is None:
        return tried
    if not tried or tried[-1].candidate.name != found.candidate.name:
        return [*tried, found]
    return [*tried[:-1], max(tried[-1], found, key=lambda own: float(own.likelihoods.sum()))]


def fit_chosen(problem: Problem, choice: Choice, events: int) -> Fit:
    """The chosen candidate on all rows, shrunk further where it has over a parameter per ten who left."""
    own = restricted(problem, choice.candidate)
    start = choice.held_out[0]
    for penalty in (choice.penalty, *_stronger(choice.penalty)):
        fit = fit_ridge(own, penalties(own, choice.clock_penalty, penalty), start)
        if not own.X.shape[1] or fit.effective <= max(events / PER_PARAMETER, 1.0):
            break
        start = fit.coefficients
    return fit


def _stronger(penalty: float) -> list[float]:
    return [other for other in reversed(PENALTIES) if other > penalty]


def _path(penalty: float) -> tuple[float, ...]:
    """The penalties from somewhat stronger than one that did well."""
    return PENALTIES[max(0, PENALTIES.index(penalty) - STRONGER) :]


def _clock_penalty(alone: Problem, events: int) -> tuple[float, Real]:
    """The least that leaves the clock half of the parameters that the events allow, and its coefficients."""
    start = None
    for penalty in CLOCK_PENALTIES:
        fit = fit_ridge(alone, penalties(alone, penalty, 0.0), start, ROUGHLY)
        if fit.effective <= max(1.0, events / PER_PARAMETER / 2):
            break
        start = fit
    return penalty, fit.coefficients


def _carried(coefficients: Real, before: Candidate, candidate: Candidate) -> Real:
    """Where a candidate starts from: the coefficients that it shares with the one before it, else 0."""
    columns = len(candidate.columns)
    size = len(before.turns) * int(before.columns.sum())
    clock, effects = np.split(coefficients, [len(coefficients) - size])
    table = np.zeros((len(candidate.turns), columns))
    for turn, own in zip(before.turns, effects.reshape(len(before.turns), -1), strict=True):
        if turn in candidate.turns:
            table[candidate.turns.index(turn), before.columns] = own
    return np.concatenate([clock, table[:, candidate.columns].reshape(-1)])


def _try(
    problem: Problem,
    candidate: Candidate,
    groups: Whole,
    folds: Folds,
    clock_penalty: float,
    events: int,
    path: Sequence[float],
    starts: Sequence[Fit | Real],
) -> Tried | None:
    """Penalties from strong to weak, until held-out likelihood falls or too many parameters are in effect."""
    parts = [(problem.take(train), problem.take(test), test) for train, test in folds]
    found: list[Tried] = []
    for penalty in path if problem.X.shape[1] else (0.0,):
        fits = [
            fit_ridge(learning, penalties(learning, clock_penalty, penalty), start, ROUGHLY)
            for (learning, _, _), start in zip(parts, starts, strict=True)
        ]
        if problem.X.shape[1] and max(fit.effective for fit in fits) > events / PER_PARAMETER:
            break
        starts = fits
        likelihoods = np.zeros(len(problem.X))
        for (_, testing, test), fit in zip(parts, fits, strict=True):
            likelihoods[test] += row_likelihoods(testing, fit.coefficients)
        held_out = tuple(fit.coefficients for fit in fits)
        found.append(Tried(candidate, penalty, likelihoods, held_out, likelihoods))
        best = max(found, key=lambda own: float(own.likelihoods.sum()))
        if best is not found[-1]:
            break
    return _strongest(found, groups) if found else None


def _strongest(found: Sequence[Tried], groups: Whole) -> Tried:
    """The strongest penalty that is not surely worse than the best."""
    best = max(found, key=lambda own: float(own.likelihoods.sum()))
    strongest = next(own for own in found if _near(best, own, groups))
    return replace(strongest, at_best=best.likelihoods)


def _is_noise(tried: Sequence[Tried], groups: Whole) -> bool:
    """Whether no candidate is surely better than the clock alone, the first, even at its best penalty.

    Effects shrunk to next to nothing differ from it so little that any gain would look sure.
    """
    best = max(tried, key=lambda own: float(own.at_best.sum()))
    return _near(replace(best, likelihoods=best.at_best), tried[0], groups)


def _near(best: Tried, own: Tried, groups: Whole) -> bool:
    behind, error = _behind(best, own, groups)
    return behind <= error


def _behind(best: Tried, own: Tried, groups: Whole) -> tuple[float, float]:
    """How far the likelihood of the rows held out is behind the best's, and its standard error by account."""
    gap = np.bincount(groups, best.likelihoods - own.likelihoods)
    return float(gap.sum()), float(gap.std(ddof=1) * np.sqrt(len(gap))) if len(gap) > 1 else 0.0


def _table(tried: Sequence[Tried], groups: Whole, tested: Whole) -> tuple[Standing, ...]:
    best = max(tried, key=lambda own: float(own.likelihoods.sum()))
    found = []
    for own in tried:
        behind, error = _behind(best, own, groups)
        log_loss = float(-own.likelihoods[tested].mean())
        rows = len(tested)
        found.append(Standing(own.candidate.name, own.penalty, log_loss, behind / rows, error / rows))
    return tuple(found)
