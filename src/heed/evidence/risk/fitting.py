# ruff: noqa: N803 (X is what scikit-learn calls the table)
"""Fitting a hazard: checks, the clock, the candidates, how sure, and whether its calibration can be shown."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.risk.baseline import Timeline, learn_timeline
from heed.evidence.risk.calibration import Calibration, calibrated
from heed.evidence.risk.encoding import Encoding, columns_missing, infinite_rows, learn_encoding
from heed.evidence.risk.folds import account_folds, group_codes
from heed.evidence.risk.learnt import ClockColumns, Learnt
from heed.evidence.risk.mending import NO_MEND, Mend, Question, question
from heed.evidence.risk.ridge import Fit, Problem, scores
from heed.evidence.risk.selection import (
    CLOCK,
    Candidate,
    Choice,
    Folds,
    Standing,
    choose,
    fit_chosen,
    restricted,
)

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

LEAST_EVENTS = 10
CURVED_FROM = 100
MOST_STUDIED = 12_000
ENOUGH_EVENTS = 300
MILDER = 0.1
MOST_USED = 0.5


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit found: `learnt` None with a `reason`, or learnt with `notes`."""

    learnt: Learnt | None
    reason: str
    notes: tuple[str, ...]
    rows: int
    accounts: int
    events: int
    chosen: str = ""
    candidates: tuple[Standing, ...] = ()
    penalty: float = 0.0
    effective: float = 0.0
    calibration: Calibration | None = None

    @classmethod
    def of(cls, model: Any) -> Self:
        """What a model holds of its fit."""
        return cls(
            model.learnt_, model.reason_, tuple(model.notes_), model.n_, model.accounts_, model.events_,
            model.chosen_, model.candidates_, model.penalty_, model.effective_parameters_, model.calibration_,
        )  # fmt: skip


def outcomes(y: npt.NDArray[np.void]) -> tuple[Truths, Real]:
    """(event, time) of a structured array: its first field of truths and its first field of numbers."""
    names = getattr(y, "dtype", np.dtype(float)).names or ()
    if len(names) != 2 or y[names[0]].dtype != bool:
        raise ValueError("y must be a structured array of two fields, (event: bool, time: number).")
    time = y[names[1]].astype(np.float64)
    if not np.all(np.isfinite(time) & (time > 0)):
        raise ValueError("The times of y must be finite and above 0.")
    return y[names[0]], time


def fit(
    X: pd.DataFrame,
    y: npt.NDArray[np.void],
    groups: npt.ArrayLike | None,
    folds: Folds | None,
    clock_columns: ClockColumns,
    fold_count: int,
    seed: int,
) -> Fitted:
    event, time = outcomes(y)
    if len(X) != len(time):
        raise ValueError(f"X has {len(X)} rows and y has {len(time)}.")
    if absent := columns_missing(X, clock_columns.named):
        raise ValueError(f"X has no column '{absent[0]}', which the model takes the contract clock from.")
    codes = group_codes(groups, len(X))
    accounts = int(codes.max()) + 1 if len(codes) else 0
    events = len(np.unique(codes[event]))
    if reason := _unfit(X, events, accounts):
        return Fitted(None, reason, (), len(X), accounts, events)
    encoding = learn_encoding(X.drop(columns=clock_columns.named), curved=events >= CURVED_FROM)
    learnt, problem = _problem(X, event, time, encoding, clock_columns, events)
    some = _studied(codes, event)
    studied, own_codes = problem.take(some), group_codes(codes[some], len(some))
    held_out = _usable(_within(folds, some, len(X)), own_codes, event[some])
    held_out = held_out or account_folds(own_codes, event[some], min(fold_count, events), seed)
    choice = choose(studied, _candidates(encoding, learnt.timeline, events), own_codes, held_out, events)
    renewals = clock_columns.contract(X).renewals(learnt.timeline.longest)[some]

    def asks(eta: Real, rows: Whole) -> Question:
        terms = studied.cells.clock[..., 1]
        own = terms[rows] if terms.ndim == 2 else terms
        return question(eta, own, learnt.timeline, renewals[rows], event[some][rows], time[some][rows])

    tested = restricted(studied, choice.candidate)
    calibration, mend = calibrated(tested, choice, own_codes, held_out, asks)
    return _concluded(learnt, problem, choice, calibration, mend, codes, events)


def _unfit(X: pd.DataFrame, events: int, accounts: int) -> str:
    if accounts == 0:
        return "no account has been observed yet"
    if events == 0:
        return "no account has left yet"
    if events == accounts:
        return "every account has left: there is nobody who stayed to compare them with"
    if events < LEAST_EVENTS:
        return f"only {events} left so far, at least {LEAST_EVENTS} are needed"
    bad = infinite_rows(X)
    for name in bad.columns[bad.any()]:
        return f"{name} is infinite in {int(bad[name].sum())} of {len(X)} rows: correct or empty them"
    return ""


def _studied(groups: Whole, event: Truths) -> Whole:
    """The rows that candidates are compared on: all, or of many those of every so manieth account."""
    step = len(groups) // MOST_STUDIED + 1
    while step > 1 and len(np.unique(groups[event & (groups % step == 0)])) < ENOUGH_EVENTS:
        step -= 1
    return np.flatnonzero(groups % step == 0)


def _within(folds: Folds | None, some: Whole, rows: int) -> Folds:
    """The folds among some of the rows, in their places there."""
    place = np.full(rows, -1)
    place[some] = np.arange(len(some))
    return [tuple(place[own][place[own] >= 0] for own in fold) for fold in folds or ()]  # type: ignore[misc]


def _usable(folds: Folds, groups: Whole, event: Truths) -> Folds:
    """The folds whose training rows hold enough who left to learn from."""
    return [
        (train, test)
        for train, test in folds
        if len(np.unique(groups[train][event[train]])) >= LEAST_EVENTS and len(test)
    ]


def _problem(
    X: pd.DataFrame,
    event: Truths,
    time: Real,
    encoding: Encoding,
    clock_columns: ClockColumns,
    events: int,
) -> tuple[Learnt, Problem]:
    contract = clock_columns.contract(X)
    timeline = learn_timeline(contract, time, event, 5 if events >= 50 else 3 if events >= 30 else 0)
    cells = timeline.cells(contract, np.zeros(len(X)), time)
    cell = timeline.events(contract, time, event)
    left = np.flatnonzero(cell >= 0)
    # Who left was at risk in the whole of the cell in which it left.
    cells.share[left, cell[left]] = 1.0
    design = encoding.design(X)
    typical = float(np.median(time[event]))
    nothing = np.zeros(0)
    learnt = Learnt(encoding, timeline, clock_columns, (0,), nothing, np.zeros((0, 0)), NO_MEND, typical)
    return learnt, Problem(cells, design, cell)


def _candidates(encoding: Encoding, timeline: Timeline, events: int) -> list[Candidate]:
    labels = [label for column in encoding.columns for label in column.labels()]
    nothing, everything = np.zeros(len(labels), bool), np.ones(len(labels), bool)
    found = [Candidate(CLOCK, nothing)]
    if not labels:
        return found
    straight = np.array(["bend" not in label for label in labels])
    found.append(Candidate("straight effects", straight))
    found += [
        Candidate("straight effects", straight, (timeline.fade(place),))
        for place in range(len(timeline.fades))
    ]
    if events < CURVED_FROM:
        return found
    if not straight.all():
        found.append(Candidate("curved effects", everything, ()))
    found.append(Candidate("effects that change in time", everything, (0, 1)))
    if timeline.renews:
        found.append(Candidate("effects that differ at renewals", everything, (0, 2)))
    return found


def _concluded(
    learnt: Learnt,
    problem: Problem,
    choice: Choice,
    calibration: Calibration,
    mend: Mend,
    groups: Whole,
    events: int,
) -> Fitted:
    own = restricted(problem, choice.candidate)
    fit = fit_chosen(problem, choice, events)
    done = replace(
        learnt,
        encoding=_slimmed(learnt.encoding, choice),
        turns=choice.candidate.turns,
        coefficients=fit.coefficients,
        covariance=_covariance(own, fit, groups, events),
        mend=mend,
    )
    notes = list(learnt.encoding.notes)
    if choice.candidate.name == CLOCK and learnt.encoding.columns:
        notes.append(_why_clock(choice, events))
    return Fitted(
        None if calibration.reason else done, calibration.reason, tuple(notes), len(problem.X),
        int(groups.max()) + 1, events, choice.candidate.name, choice.table, choice.penalty, fit.effective,
        calibration,
    )  # fmt: skip


def _why_clock(choice: Choice, events: int) -> str:
    if len(choice.table) == 1:
        return f"only the clock answers: {events} left, too few to learn from what accounts do"
    return "only the clock answers: nothing accounts do made the forecast of accounts held out surely better"


def _covariance(own: Problem, fit: Fit, groups: Whole, events: int) -> Real:
    """B (f·J + b·b') B with B = (H + P)⁻¹, the information H and the penalty P: how far the coefficients may
    be off, by chance and by shrinking.

    Chance is the scores' variance J by account, so that an account in many rows counts once (Liang and Zeger
    1986, Biometrika 73:13). Scores at a fit are smaller than at the truth: f widens them as leaving out each
    account in turn would on average (MacKinnon and White 1985, Journal of Econometrics 29:305). Shrinking
    takes B·P·β of true effects β; b is P times what they are estimated to be under a tenth of the penalty.
    What it took stands in the interval's width, not in its middle.
    """
    bread = np.linalg.inv(fit.information + np.diag(fit.penalty))
    row_scores = scores(own, fit.coefficients)
    sums = np.zeros((int(groups.max()) + 1, row_scores.shape[1]))
    np.add.at(sums, groups, row_scores)
    used = min(float(np.trace(bread @ fit.information)) / events, MOST_USED)
    milder = fit.information + np.diag(fit.penalty) * MILDER
    taken = fit.penalty * np.linalg.solve(milder, np.linalg.solve(bread, fit.coefficients))
    result: Real = bread @ (sums.T @ sums / (1 - used) ** 2 + np.outer(taken, taken)) @ bread
    return (result + result.T) / 2


def _slimmed(encoding: Encoding, choice: Choice) -> Encoding:
    """That of the chosen candidate alone: the columns it does not use are not kept."""
    if not choice.candidate.columns.any():
        return Encoding((), encoding.notes)
    return encoding if choice.candidate.columns.all() else encoding.straightened()
