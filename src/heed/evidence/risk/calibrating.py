"""Recalibration of log-odds: intercept + slope · log-odds, fitted on rows that the model had not seen.

A logistic regression with a normal prior on the slope around 1 (Platt 1999; Cox 1958, Biometrika 45:562), so
that a few events cannot bend it far. A slope above 1 stretches what was shrunk too far; a straight line keeps
contributions that add up.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Real = npt.NDArray[np.float64]

PRIOR_STRENGTH = 1.0
"""Precision of the prior on the slope: one standard deviation is 1 / √this."""
FARTHEST = 15.0


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Calibrated log-odds are `intercept + slope · log-odds`."""

    intercept: float
    slope: float

    def apply(self, log_odds: Real) -> Real:
        return self.intercept + self.slope * log_odds


def calibrate(log_odds: Real, y: Real, *, strength: float = PRIOR_STRENGTH) -> Recalibration:
    """The calibration of out-of-fold log-odds (rows, or repeats × rows: their average) to labels 0 and 1."""
    found = np.mean([_fit(repeat, y, strength) for repeat in np.atleast_2d(log_odds)], axis=0)
    return Recalibration(float(found[0]), float(found[1]))


def _fit(log_odds: Real, y: Real, strength: float) -> Real:
    terms = np.column_stack([np.ones(len(y)), np.clip(log_odds, -FARTHEST, FARTHEST)])
    found = np.array([0.0, 1.0])
    prior = np.array([1e-6, strength])
    for _ in range(50):
        chance = expit(terms @ found)
        slope = terms.T @ (y - chance) - prior * (found - np.array([0.0, 1.0]))
        step = np.linalg.solve((terms.T * (chance * (1 - chance))) @ terms + np.diag(prior), slope)
        found = found + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-9:
            break
    return found


def row_losses(log_odds: Real, y: Real) -> Real:
    """Each row's log loss, averaged over repeats where there are several."""
    eta = np.atleast_2d(log_odds)
    result: Real = np.mean(np.logaddexp(0.0, eta) - y * eta, axis=0)
    return result
