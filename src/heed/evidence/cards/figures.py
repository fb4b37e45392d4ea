"""What a figure of discrimination, calibration or capacity is, for rows that carry weights.

Each maker takes the rows once and returns a `Figure`: weights of shape (draws, rows) in, one figure a draw
out. Ties share their place: nothing here depends on the order in which rows came.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from heed.evidence.cards.resampling import Figure, Real, Whole

# As in the protocols of the peers: a probability of 0 or 1 would have infinite log-odds.
CLIP = 1e-4
BINS = 10
_STEPS = 25
_SETTLED = 1e-7


@dataclass(frozen=True, slots=True)
class _Ranks:
    """Rows in the order of their risk (within landmarks), those of the same risk in one group."""

    order: Whole
    starts: Whole

    @classmethod
    def of(cls, risk: Real, blocks: Whole | None = None) -> "_Ranks":
        blocks = np.zeros(len(risk), dtype=np.int64) if blocks is None else blocks
        order = np.lexsort((-risk, blocks))
        ordered, block = risk[order], blocks[order]
        new = np.ones(len(risk), dtype=bool)
        new[1:] = (ordered[1:] != ordered[:-1]) | (block[1:] != block[:-1])
        return cls(order, np.flatnonzero(new))

    def sums(self, weights: Real) -> Real:
        """Weights of shape (draws, rows) as sums of shape (draws, groups), riskiest first."""
        ordered = weights[:, self.order]
        return ordered if self.starts.size == self.order.size else np.add.reduceat(ordered, self.starts, 1)


def _over(part: Real, whole: Real) -> Real:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan))


def auc(y: Real, risk: Real) -> Figure:
    """Area under the ROC curve: how often one that left was ranked above one that stayed, ties half."""
    ranks = _Ranks.of(risk)

    def figure(weights: Real) -> Real:
        every, left = ranks.sums(weights), ranks.sums(weights * y)
        stayed = every - left
        above = np.cumsum(left, axis=1) - left / 2
        return _over((stayed * above).sum(1), left.sum(1) * stayed.sum(1))

    return figure


def average_precision(y: Real, risk: Real) -> Figure:
    """Average precision: Σ (recall's step × precision) from the riskiest down."""
    ranks = _Ranks.of(risk)

    def figure(weights: Real) -> Real:
        every, left = ranks.sums(weights), ranks.sums(weights * y)
        precision = np.nan_to_num(_over(np.cumsum(left, axis=1), np.cumsum(every, axis=1)))
        return _over((left * precision).sum(1), left.sum(1))

    return figure


def mean(rows: Real) -> Figure:
    """The mean of one figure a row (Brier, log loss)."""
    return lambda weights: _over(weights @ rows, weights.sum(1))


def skill(rows: Real, y: Real) -> Figure:
    """1 - mean of `rows` / Brier score of foretelling everybody the share that left, share × (1 - share)."""

    def figure(weights: Real) -> Real:
        size = weights.sum(1)
        share = _over(weights @ y, size)
        return 1 - _over(_over(weights @ rows, size), share * (1 - share))

    return figure


def calibration_error(y: Real, probability: Real) -> Figure:
    """Expected calibration error over ten bins of equal counts: Σ |Σ (y - p)| / n."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    member = np.zeros((len(order), len(parts)))
    for number, rows in enumerate(parts):
        member[rows, number] = (y - probability)[rows]
    return lambda weights: _over(np.abs(weights @ member).sum(1), weights.sum(1))


def log_odds(probability: Real) -> Real:
    clipped = np.clip(probability, CLIP, 1 - CLIP)
    return np.asarray(np.log(clipped / (1 - clipped)))


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Logistic recalibration (Cox 1958): log-odds of y = intercept + slope × log-odds of the probability.

    A slope of 1 and an intercept of 0 are perfect; a slope below 1 says that probabilities are too extreme.
    """

    y: Real
    odds: Real

    def fit(self, weights: Real) -> tuple[Real, Real]:
        """Intercept and slope of each draw by Newton's steps; NaN where a draw has no finite fit."""
        intercept, slope = np.zeros(len(weights)), np.ones(len(weights))
        moved = np.full(len(weights), np.inf)
        with np.errstate(all="ignore"):
            for _ in range(_STEPS):
                up, across = self._step(weights, intercept, slope)
                intercept, slope = intercept + up, slope + across
                moved = np.abs(up) + np.abs(across)
                if not np.any(moved > _SETTLED):
                    break
        lost = ~(moved <= _SETTLED)
        return np.where(lost, np.nan, intercept), np.where(lost, np.nan, slope)

    def _step(self, weights: Real, intercept: Real, slope: Real) -> tuple[Real, Real]:
        fitted = 1 / (1 + np.exp(-(intercept[:, None] + slope[:, None] * self.odds)))
        rest = weights * (self.y - fitted)
        curve = weights * fitted * (1 - fitted)
        g0, g1 = rest.sum(1), rest @ self.odds
        h0, h1, h2 = curve.sum(1), curve @ self.odds, curve @ self.odds**2
        det = h0 * h2 - h1 * h1
        return (h2 * g0 - h1 * g1) / det, (h0 * g1 - h1 * g0) / det


@dataclass(frozen=True)
class Capacity:
    """The riskiest `places` accounts of each landmark (or that share of its accounts, below 1).

    Ties at the last place share it: each counts by its chance of a place if they were drawn by lot. A risk of
    minus infinity (unknown) has no place.
    """

    y: Real
    risk: Real
    landmarks: Whole
    places: float

    @cached_property
    def ranks(self) -> _Ranks:
        return _Ranks.of(self.risk, self.landmarks)

    def chances(self, weights: Real) -> tuple[Real, Real]:
        """Weights of the groups of alike risk, and the chance of each to have a place."""
        ranks = self.ranks
        every = ranks.sums(weights)
        block = self.landmarks[ranks.order][ranks.starts]
        first = np.flatnonzero(np.r_[True, np.diff(block) != 0])
        number = np.cumsum(np.r_[True, np.diff(block) != 0]) - 1
        whole = np.add.reduceat(every, first, axis=1)[:, number]
        places = self.places * whole if self.places < 1 else np.full_like(whole, self.places)
        total = np.cumsum(every, axis=1)
        before = total - every - (total[:, first] - every[:, first])[:, number]
        room = np.clip(places - before, 0, every) * np.isfinite(self.risk[ranks.order][ranks.starts])
        return every, np.nan_to_num(_over(room, every))

    def flagged(self) -> Real:
        """The chance of each row to have a place."""
        ranks, chances = self.ranks, self.chances(np.ones((1, len(self.y))))[1]
        sizes = np.diff(np.r_[ranks.starts, len(self.y)])
        found = np.empty(len(self.y))
        found[ranks.order] = np.repeat(chances[0], sizes)
        return found

    def caught(self, weights: Real) -> tuple[Real, Real]:
        """Recall: of those that left, the share that had a place; and precision: the reverse."""
        every, chances = self.chances(weights)
        left = self.ranks.sums(weights * self.y)
        found = (left * chances).sum(1)
        return _over(found, left.sum(1)), _over(found, (every * chances).sum(1))


def together(pair: Callable[[Real], tuple[Real, Real]]) -> tuple[Figure, Figure]:
    """Two figures that are worked out in one: the second takes what the first made of the same weights."""
    made: dict[str, Any] = {"of": None}

    def of(weights: Real) -> tuple[Real, Real]:
        if made["of"] is not weights:
            made.update(of=weights, figures=pair(weights))
        found: tuple[Real, Real] = made["figures"]
        return found

    return lambda weights: of(weights)[0], lambda weights: of(weights)[1]


def median(values: Real) -> Figure:
    """The median of one figure a row: the middle, or the mean of the two in the middle."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]

    def figure(weights: Real) -> Real:
        total = np.cumsum(weights[:, order], axis=1)
        half = total[:, -1:] / 2
        last = len(ordered) - 1
        low = np.minimum((total < half).sum(1), last)
        high = np.minimum((total <= half).sum(1), last)
        return np.where(total[:, -1] > 0, (ordered[low] + ordered[high]) / 2, np.nan)

    return figure
