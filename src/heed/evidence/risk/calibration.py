"""Is what was forecast what came? Slope and intercept of the held-out log-odds, and their repair.

Cox 1958 (Biometrika 45:562): a logistic regression of what came on the log-odds that were forecast. A slope
below 1 says that the forecasts are too extreme, above 1 too timid; an intercept off 0 that they are too low
or too high over all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import normal_quantile
from heed.evidence.risk.baseline import Cells
from heed.evidence.risk.mending import Mend, Question, mended
from heed.evidence.risk.ridge import Problem, fit_ridge, log_odds, scores
from heed.evidence.risk.selection import Choice, Folds

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

LEVEL = 0.95
METHOD = "logistic recalibration of held-out log-odds, cluster-robust interval"
FAR_OFF = 1.5
MOST_ROWS = 20_000
SURE = 3.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """On held-out rows: `slope` (1 is perfect) and `intercept` (0 is) of the hazard before it was mended;
    how many were `expected` to leave by the longest horizon and were `observed` to; whether it was
    `mended`; and the `reason` where calibration fails even so."""

    slope: Estimate
    intercept: Estimate
    expected: float
    observed: float
    mended: bool = False
    reason: str = ""


def calibration_of(
    probability: npt.ArrayLike, event: npt.ArrayLike, groups: Whole
) -> tuple[Estimate, Estimate]:
    """(slope, intercept) of forecasts (0 to 1) of rows whose outcome is known, one group number a row."""
    chance = np.clip(np.asarray(probability, dtype=np.float64), 1e-9, 1 - 1e-9)
    happened = np.asarray(event, dtype=bool)
    if happened.all() or not happened.any():
        reason = "all of those held out left" if happened.any() else "none of those held out left"
        return Estimate.unknown(reason, n=len(chance), method=METHOD), Estimate.unknown(
            reason, n=len(chance), method=METHOD
        )
    eta = np.log(chance / (1 - chance))[:, None]
    return _slope(eta, np.ones_like(eta), np.where(happened, 0, -1), groups)


def _slope(eta: Real, share: Real, event: Whole, groups: Whole) -> tuple[Estimate, Estimate]:
    if np.ptp(eta[share > 0]) < 1e-9:
        reason = "the forecast is the same for all"
        return Estimate.unknown(reason, n=len(eta), method=METHOD), Estimate.unknown(
            reason, n=len(eta), method=METHOD
        )
    centre = float(np.average(eta, weights=share))
    clock = np.stack([np.ones_like(eta), eta - centre], axis=-1)
    problem = Problem(
        Cells(share, clock, np.ones((*eta.shape, 1))), np.zeros((len(eta), 0)), event.astype(np.int64)
    )
    fit = fit_ridge(problem, np.full(2, 1e-9))
    sums = np.zeros((int(groups.max()) + 1, 2))
    np.add.at(sums, groups, scores(problem, fit.coefficients))
    bread = np.linalg.inv(fit.information)
    spread = bread @ (sums.T @ sums) @ bread
    level, slope = fit.coefficients
    away = np.array([1.0, -centre])
    return (
        _estimate(float(slope), float(spread[1, 1]), len(eta)),
        _estimate(float(level - slope * centre), float(away @ spread @ away), len(eta)),
    )


def _estimate(value: float, variance: float, n: int) -> Estimate:
    half = normal_quantile(LEVEL) * float(np.sqrt(variance))
    return Estimate(value, value - half, value + half, n, LEVEL, METHOD)


def calibrated(
    problem: Problem,
    choice: Choice,
    groups: Whole,
    folds: Folds,
    asks: Callable[[Real, Whole], Question],
) -> tuple[Calibration, Mend]:
    """The calibration on held-out rows, and the mend where it helps; `asks` makes the question from the
    held-out log-odds of all cells of some rows."""
    eta, tested = _held_out(problem, choice, folds)
    share, event, own = problem.cells.share[tested], problem.event[tested], groups[tested]
    slope, intercept = _slope(eta, share, event, own)
    step = 1 + len(tested) // MOST_ROWS
    some = own % step == 0
    found = mended(asks(eta[some], tested[some]), own[some] // step)
    reason = _why_not(found.expected, found.observed, len(np.unique(own[some & (event >= 0)])))
    return Calibration(slope, intercept, found.expected, found.observed, found.helps, reason), found.mend


def _held_out(problem: Problem, choice: Choice, folds: Folds) -> tuple[Real, Whole]:
    parts = [
        log_odds(problem.take(test), coefficients)
        for (_, test), coefficients in zip(folds, choice.held_out, strict=True)
    ]
    return np.concatenate(parts), np.concatenate([test for _, test in folds])


def _why_not(expected: float, observed: float, accounts: int) -> str:
    """Counts off by half and more than chance allows; accounts, not rows, are what chance is made of."""
    if not observed or not accounts:
        return ""
    off = log(observed / expected)
    if abs(off) > log(FAR_OFF) and abs(off) * accounts**0.5 > SURE:
        return (
            f"calibration cannot be shown: on rows held out it expected {expected:.0f} to leave, "
            f"and {observed:.0f} left"
        )
    return ""
