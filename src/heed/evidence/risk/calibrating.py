"""Calibration of log-odds on rows that the model had not seen, with two slopes.

Beta calibration (Kull, Silva Filho and Flach 2017, AISTATS): intercept - low · log(1 + exp(-eta)) +
high · log(1 + exp(eta)), where eta is the log-odds: far below 0 its slope is `low`, far above `high`; where
both are alike it is the straight line of Platt (1999). Normal priors hold both near 1 and near each other, so
that a few events cannot bend it far. A slope above 1 stretches what a penalty shrank too far.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

Real = npt.NDArray[np.float64]

SLOPE_STRENGTH = 1.0
BEND_STRENGTH = 1.0
"""Precisions of the priors on the mean slope less 1, and on the difference of the slopes."""
LEAST_SLOPE = 0.02


@dataclass(frozen=True, slots=True)
class Recalibration:
    """An intercept and the slopes for those unlikely and for those likely to leave."""

    intercept: float
    low: float
    high: float

    @property
    def slope(self) -> float:
        """The slope at even odds."""
        return (self.low + self.high) / 2

    def apply(self, log_odds: Real) -> Real:
        result: Real = self.intercept + _bent(log_odds) @ np.array([self.low, self.high])
        return result

    def slope_at(self, log_odds: Real) -> Real:
        chance = expit(log_odds)
        result: Real = self.low * (1 - chance) + self.high * chance
        return result

    def stretch(self, log_odds: Real, base: float) -> Real:
        """By how much what lies between `base` and each row's log-odds is stretched."""
        apart = log_odds - base
        near = np.abs(apart) < 1e-6
        rise = self.apply(log_odds) - self.apply(np.array(base))
        return np.where(near, self.slope_at(log_odds), rise / np.where(near, 1.0, apart))


UNCHANGED = Recalibration(0.0, 1.0, 1.0)


def _bent(log_odds: Real) -> Real:
    """The two terms whose sum is the log-odds."""
    return np.stack([-np.logaddexp(0.0, -log_odds), np.logaddexp(0.0, log_odds)], axis=-1)


def calibrate(log_odds: Real, y: Real) -> Recalibration:
    """The calibration of out-of-fold log-odds (rows, or repeats × rows: their average) to labels 0 and 1."""
    found = np.mean([_fit(_bent(repeat), y) for repeat in np.atleast_2d(log_odds)], axis=0)
    return Recalibration(*(float(part) for part in found))


def _fit(terms: Real, y: Real) -> Real:
    def loss(found: Real) -> tuple[float, Real]:
        eta = found[0] + terms @ found[1:]
        mean, bend = (found[1] + found[2]) / 2 - 1, found[1] - found[2]
        prior = SLOPE_STRENGTH * mean**2 / 2 + BEND_STRENGTH * bend**2 / 2
        pull = SLOPE_STRENGTH * mean / 2 + BEND_STRENGTH * bend * np.array([1.0, -1.0])
        wrong = expit(eta) - y
        slope = np.concatenate([[wrong.sum()], wrong @ terms + pull])
        return float(np.sum(np.logaddexp(0.0, eta) - y * eta) + prior), slope

    bounds = [(None, None), (LEAST_SLOPE, None), (LEAST_SLOPE, None)]
    result: Real = minimize(loss, [0.0, 1.0, 1.0], jac=True, method="L-BFGS-B", bounds=bounds).x
    return result


def row_losses(log_odds: Real, y: Real) -> Real:
    """Each row's log loss, averaged over repeats where there are several."""
    eta = np.atleast_2d(log_odds)
    result: Real = np.mean(np.logaddexp(0.0, eta) - y * eta, axis=0)
    return result
