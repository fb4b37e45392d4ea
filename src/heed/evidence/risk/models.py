"""Models of the log-odds to leave, each with what every column adds and how far it may be off."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from heed.evidence.risk.columns import LinearTerms
from heed.evidence.risk.logistic import Fit, posterior_spread

Real = npt.NDArray[np.float64]


class Model(Protocol):
    """`base` + the sum of `contributions` (rows × columns) is `log_odds`; `spread` its standard error."""

    @property
    def base(self) -> float: ...

    def log_odds(self, matrix: Real) -> Real: ...

    def contributions(self, matrix: Real) -> Real: ...

    def spread(self, matrix: Real) -> Real: ...


@dataclass(frozen=True, slots=True)
class Linear:
    """A ridge logistic regression on the terms of the columns.

    `information` and `penalty` are those of its spread: at the calibrated fit, and the weakest plausible one.
    """

    terms: LinearTerms
    fit: Fit
    slope: float
    information: Real
    penalty: float

    @property
    def base(self) -> float:
        return float(self.fit.beta[0])

    def log_odds(self, matrix: Real) -> Real:
        return self.fit.log_odds(self.terms.design(matrix))

    def contributions(self, matrix: Real) -> Real:
        found = np.zeros(matrix.shape)
        each = self.terms.design(matrix) * self.fit.beta[1:]
        np.add.at(found.T, self.terms.owners, each.T)
        return found

    def spread(self, matrix: Real) -> Real:
        calibrated = posterior_spread(self.information, self.penalty, self.terms.design(matrix))
        return calibrated / self.slope


@dataclass(frozen=True, slots=True)
class Prior:
    """The share that left, for everybody.

    `doubt` is the simplest model that was not shown to be better: its spread is what columns may yet do.
    """

    share: float
    rows: int
    doubt: Linear | None = None

    @property
    def base(self) -> float:
        return float(np.log(self.share / (1 - self.share)))

    def log_odds(self, matrix: Real) -> Real:
        return np.full(len(matrix), self.base)

    def contributions(self, matrix: Real) -> Real:
        return np.zeros(matrix.shape)

    def spread(self, matrix: Real) -> Real:
        if self.doubt is not None:
            return self.doubt.slope * self.doubt.spread(matrix)
        return np.full(len(matrix), (self.rows * self.share * (1 - self.share)) ** -0.5)


@dataclass(frozen=True, slots=True)
class Blend:
    """A weighted mean of the log-odds of two models; `weight` is the second's."""

    first: Model
    second: Model
    weight: float

    @property
    def base(self) -> float:
        return (1 - self.weight) * self.first.base + self.weight * self.second.base

    def log_odds(self, matrix: Real) -> Real:
        return self._mix(self.first.log_odds(matrix), self.second.log_odds(matrix))

    def contributions(self, matrix: Real) -> Real:
        return self._mix(self.first.contributions(matrix), self.second.contributions(matrix))

    def spread(self, matrix: Real) -> Real:
        # As if both were off in the same direction: never too narrow.
        return self._mix(self.first.spread(matrix), self.second.spread(matrix))

    def _mix(self, first: Real, second: Real) -> Real:
        return (1 - self.weight) * first + self.weight * second
