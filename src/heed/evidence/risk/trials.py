"""Trials: each candidate on rows it has not seen, and how to fit it on all rows.

Whatever a candidate learns of the columns it learns inside the fold. Each may be stretched or shrunk by its
calibration before it is judged, so that a strong penalty that finds the right order is not thrown away for
its size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from heed.evidence.risk.boosting import cross_fit, fit_boosted
from heed.evidence.risk.calibrating import UNCHANGED, Recalibration, calibrate, row_losses
from heed.evidence.risk.columns import LinearTerms
from heed.evidence.risk.folds import account_folds
from heed.evidence.risk.logistic import (
    PENALTIES,
    fit_path,
    information_of,
    log_evidence,
)
from heed.evidence.risk.models import Blend, Linear, Model, Prior

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Split = tuple[Whole, Whole]

ENOUGH_ROWS = 2_000
MOST_REPEATS = 4
WEIGHTS = (0.25, 0.5, 0.75)
PLAUSIBLE = 1.92
"""Half the 95 % quantile of chi-squared: penalties whose log evidence is less behind are plausible."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows: the matrix of columns, which of them are words, labels 0 and 1, each row's account, the folds."""

    matrix: Real
    is_level: tuple[bool, ...]
    y: Real
    groups: Whole
    repeats: tuple[list[Split], ...]
    seed: int


def problem_of(matrix: Real, is_level: Sequence[bool], y: Real, groups: Whole, seed: int) -> Problem:
    """With folds that are shuffled, stratified and never cut an account; few rows are cut repeatedly."""
    many = len(y) >= ENOUGH_ROWS
    count = 1 if many else min(MOST_REPEATS, -(-ENOUGH_ROWS // len(y)))
    folds = min(5 if many else 10, int(y.sum()))
    repeats = tuple(account_folds(groups, y > 0, folds, seed + repeat) for repeat in range(count))
    return Problem(matrix, tuple(is_level), y, groups, repeats, seed)


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate's log-odds of rows not seen (repeats × rows), their calibration, each row's loss."""

    name: str
    setting: str
    held_out: Real
    calibration: Recalibration
    losses: Real
    fit: Callable[[], Model]


def trial_of(name: str, setting: str, held_out: Real, y: Real, fit: Callable[[], Model]) -> Trial:
    calibration = calibrate(held_out, y)
    losses = row_losses(calibration.apply(held_out), y)
    return Trial(name, setting, held_out, calibration, losses, fit)


def prior_trial(name: str, problem: Problem) -> Trial:
    y = problem.y
    share = float(y.mean())
    held_out = np.full((1, len(y)), np.log(share / (1 - share)))
    losses = row_losses(held_out, y)
    return Trial(name, "the share that left", held_out, UNCHANGED, losses, lambda: Prior(share, len(y)))


def ridge_trial(name: str, problem: Problem, *, curved: bool) -> Trial:
    """The penalty is the one whose calibrated log loss on rows not seen is least."""
    held_out = _ridge_held_out(problem, curved=curved)
    trials = [
        trial_of(name, f"penalty {penalty * len(problem.y):.3g}", eta, problem.y, _unfitted)
        for penalty, eta in zip(PENALTIES, held_out, strict=True)
    ]
    losses = np.array([trial.losses.mean() for trial in trials])
    best = int(np.argmin(losses))
    chosen = trials[best]

    def fit() -> Model:
        weakest = max(place for place, trial in enumerate(trials) if _within_one_error(trial, chosen))
        bound = PENALTIES[weakest] * len(problem.y) / trials[weakest].calibration.slope ** 2
        return _fit_linear(problem, best, chosen.calibration, bound, curved=curved)

    return Trial(name, chosen.setting, chosen.held_out, chosen.calibration, chosen.losses, fit)


def _unfitted() -> Model:
    raise AssertionError("Only the chosen penalty is fitted on all rows.")


def _within_one_error(trial: Trial, best: Trial) -> bool:
    apart = trial.losses - best.losses
    return bool(apart.mean() <= apart.std() / np.sqrt(len(apart)))


def _ridge_held_out(problem: Problem, *, curved: bool) -> Real:
    """Log-odds by penalty, repeat and row."""
    found = np.zeros((len(PENALTIES), len(problem.repeats), len(problem.y)))
    for repeat, splits in enumerate(problem.repeats):
        for seen, held in splits:
            terms = LinearTerms.learn(problem.matrix[seen], problem.is_level, curved=curved)
            design, tested = terms.design(problem.matrix[seen]), terms.design(problem.matrix[held])
            fits = fit_path(design, problem.y[seen], PENALTIES * len(seen))
            for place, one in enumerate(fits):
                found[place, repeat, held] = one.log_odds(tested)
    return found


def _fit_linear(
    problem: Problem, best: int, calibration: Recalibration, bound: float, *, curved: bool
) -> Linear:
    terms = LinearTerms.learn(problem.matrix, problem.is_level, curved=curved)
    design, penalties = terms.design(problem.matrix), PENALTIES * len(problem.y)
    fits = fit_path(design, problem.y, penalties)
    evidence = np.array(
        [log_evidence(one, design, problem.y, penalty) for one, penalty in zip(fits, penalties, strict=True)]
    )
    plausible = penalties[evidence >= evidence.max() - PLAUSIBLE]
    chance = expit(calibration.apply(fits[best].log_odds(design)))
    information = information_of(design, chance)
    return Linear(terms, fits[best], calibration.slope, information, float(min(bound, plausible.min())))


def boosted_trial(name: str, problem: Problem, settings: dict[str, Any]) -> Trial:
    """The number of trees is the one whose log loss on rows not seen is least."""
    splits = problem.repeats[0]
    held_out, rounds, siblings = cross_fit(problem.matrix, problem.y, splits, settings, problem.seed)
    return trial_of(
        name, f"{rounds} trees", held_out[None, :], problem.y,
        lambda: fit_boosted(problem.matrix, problem.y, rounds, settings, problem.seed, siblings),
    )  # fmt: skip


def blend_trial(name: str, problem: Problem, first: Trial, second: Trial) -> Trial:
    """The weight is the one whose log loss on rows not seen is least."""
    trials = [_blended(name, problem, first, second, weight) for weight in WEIGHTS]
    return min(trials, key=lambda trial: float(trial.losses.mean()))


def _blended(name: str, problem: Problem, first: Trial, second: Trial, weight: float) -> Trial:
    held_out = (1 - weight) * first.held_out + weight * second.held_out
    setting = f"{1 - weight:.0%} {first.name}, {weight:.0%} {second.name}"
    return trial_of(name, setting, held_out, problem.y, lambda: Blend(first.fit(), second.fit(), weight))
