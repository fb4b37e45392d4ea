# ruff: noqa: N803 (X is what scikit-learn calls the table)
"""What a hazard model has learnt, and what it says of a row: pure functions of the two.

Every sum over terms is taken term by term, never by a matrix product whose order depends on how many rows are
asked for: one account alone gets the same bytes as among a hundred thousand.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.risk.baseline import Cells, Contract, Timeline
from heed.evidence.risk.encoding import Encoding, columns_missing, is_number
from heed.evidence.risk.mending import Mend
from heed.evidence.risk.ridge import softplus

Real = npt.NDArray[np.float64]

CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class ClockColumns:
    """The columns of X that carry the contract clock, "" for none."""

    renewal: str = ""
    term: str = ""
    tenure: str = ""

    @property
    def named(self) -> list[str]:
        return [name for name in (self.renewal, self.term, self.tenure) if name]

    def contract(self, X: pd.DataFrame) -> Contract:
        parts = [self._numbers(X, name) if name else None for name in (self.renewal, self.term, self.tenure)]
        return Contract(len(X), *parts)

    def _numbers(self, X: pd.DataFrame, name: str) -> Real:
        if not is_number(X[name]):
            raise ValueError(f"The clock's column '{name}' holds {X[name].dtype}: give days as numbers.")
        return X[name].to_numpy(dtype=np.float64, na_value=np.nan)


@dataclass(frozen=True, slots=True)
class Learnt:
    """A fitted hazard: `coefficients` of the clock's terms, then of the columns for each turn
    in `turns` (places among the turns of the timeline).

    `covariance` is that of the coefficients. `typical` is the time by which half of those who left had left.
    """

    encoding: Encoding
    timeline: Timeline
    clock_columns: ClockColumns
    turns: tuple[int, ...]
    coefficients: Real
    covariance: Real
    mend: Mend
    typical: float

    @property
    def needed(self) -> list[str]:
        return [*self.clock_columns.named, *self.encoding.names]

    def parts(self, X: pd.DataFrame, start: Real, stop: Real) -> Iterator[tuple[slice, "Asked"]]:
        """The rows in chunks, each with the cells between `start` and `stop`."""
        if absent := columns_missing(X, self.needed):
            raise ValueError(f"X lacks the column '{absent[0]}', which the model was fitted with.")
        for at in range(0, len(X), CHUNK):
            rows = slice(at, min(at + CHUNK, len(X)))
            part = X.iloc[rows]
            cells = self.timeline.cells(self.clock_columns.contract(part), start[rows], stop[rows])
            yield rows, Asked(self, cells, self.encoding.design(part))

    @property
    def clock_coefficients(self) -> Real:
        return self.coefficients[: len(self.timeline.labels())]

    @property
    def effects(self) -> Real:
        """Turns × columns of the design."""
        return self.coefficients[len(self.timeline.labels()) :].reshape(len(self.turns), -1)


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows about which the model is asked: their cells and their columns."""

    learnt: Learnt
    cells: Cells
    X: Real

    def clock(self) -> Real:
        """Log-odds of each cell from the clock alone: those of an average account, rows × cells."""
        mend, time = self.learnt.mend, self.cells.clock[..., 1]
        eta = weighted(self.cells.clock, self.learnt.clock_coefficients)
        return np.broadcast_to(mend.levels(time) + mend.slopes(time) * eta, self.cells.share.shape)

    def turns(self) -> list[Real]:
        """What each turn's effects are multiplied by, rows × cells or cells."""
        slopes = self.learnt.mend.slopes(self.cells.clock[..., 1])
        return [slopes * self.cells.turns[..., turn] for turn in self.learnt.turns]

    def shifts(self) -> Real:
        """What the columns add to the log-odds of each cell, rows × cells."""
        total = np.zeros(self.cells.share.shape)
        for turn, effects in zip(self.turns(), self.learnt.effects, strict=True):
            total += weighted(self.X, effects)[:, None] * turn
        return total

    def log_odds(self) -> Real:
        return self.clock() + self.shifts()

    def losses(self) -> Real:
        """Minus the logarithm of the chance to stay, of each row."""
        return summed(self.cells.share * softplus(self.log_odds()))

    def slopes(self) -> tuple[Real, Real]:
        """Each row's losses, and the derivatives of log(exp(loss) - 1), its log-odds, by the coefficients."""
        eta = self.log_odds()
        losses = summed(self.cells.share * softplus(eta))
        weights = self.cells.share / (1 + np.exp(-eta)) / -np.expm1(-np.maximum(losses, 1e-300))[:, None]
        clock = along(weights * self.learnt.mend.slopes(self.cells.clock[..., 1]), self.cells.clock)
        columns = [self.X * summed(weights * turn)[:, None] for turn in self.turns()]
        return losses, np.column_stack([clock, *columns])


def weighted(terms: Real, coefficients: Real) -> Real:
    """Σ_j terms[…, j]·coefficients[j], added in order."""
    total = np.zeros(terms.shape[:-1])
    for place, coefficient in enumerate(coefficients):
        if coefficient:
            total += terms[..., place] * coefficient
    return total


def summed(cells: Real) -> Real:
    """Along the cells of each row, added in order."""
    total = np.zeros(len(cells))
    for place in range(cells.shape[1]):
        total += cells[:, place]
    return total


def along(weights: Real, terms: Real) -> Real:
    """Σ_k weights[i,k]·terms[(i,)k,m], added in order."""
    total = np.zeros((len(weights), terms.shape[-1]))
    for place in range(weights.shape[1]):
        total += weights[:, place, None] * terms[..., place, :]
    return total


def quadratic(slopes: Real, covariance: Real) -> Real:
    """slopes[i]·covariance·slopes[i] of each row, added in order."""
    total = np.zeros(len(slopes))
    columns = [np.ascontiguousarray(slopes[:, place]) for place in range(slopes.shape[1])]
    for first, own in enumerate(columns):
        inner = own * covariance[first, first] / 2
        for second in range(first):
            inner = inner + columns[second] * covariance[first, second]
        total += 2 * own * inner
    return total
