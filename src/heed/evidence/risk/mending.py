"""Recalibration within horizons: where what was forecast on held-out rows is not what came, it is mended.

A hazard that fits each stretch of time well may still be off at a horizon: its errors add up, and effects
that differ in ways it cannot tell are averaged. The log-odds of each cell become level(t) + slope(t)·eta,
both straight in log time, so that survival stays a survival curve. The four numbers minimise the log loss
of leaving by each of a dozen horizons, weighted by the inverse chance of being still observed (Graf et al.
1999, Statistics in Medicine 18:2529; Scheike, Zhang and Gerds 2008, Biometrika 95:205), shrunk to no
change.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from heed.evidence.risk.baseline import Timeline
from heed.evidence.risk.ridge import softplus

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

HORIZONS = 12
LEAST_OBSERVED = 0.05
UNCHANGED = (0.0, 0.0, 1.0, 0.0)
DOUBT = np.array([1.0, 1.0, 4.0, 4.0])
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Mend:
    """`level` and `slope` of the log-odds of a cell: constant, and by the first term of time of the clock."""

    level: tuple[float, float] = (0.0, 0.0)
    slope: tuple[float, float] = (1.0, 0.0)

    def levels(self, time: Real) -> Real:
        return self.level[0] + self.level[1] * time

    def slopes(self, time: Real) -> Real:
        return self.slope[0] + self.slope[1] * time


NO_MEND = Mend()


@dataclass(frozen=True, slots=True)
class Question:
    """Held-out rows asked who leaves by each of some horizons.

    `eta` log-odds of their cells and `time` the first term of time there, rows × cells; `bins` how many
    cells are bins; `ends` the bins with which the horizons end; `renewed` rows × renewals × horizons: which
    are reached; `left` and `weight` rows × horizons.
    """

    eta: Real
    time: Real
    bins: int
    ends: Whole
    renewed: Real
    left: Truths
    weight: Real

    def take(self, rows: Truths) -> "Question":
        return Question(
            self.eta[rows], self.time[rows], self.bins, self.ends, self.renewed[rows], self.left[rows],
            self.weight[rows],
        )  # fmt: skip

    def totals(self, cells: Real) -> Real:
        """Sums over the cells up to each horizon, rows × horizons."""
        sums: Real = np.cumsum(cells[:, : self.bins], axis=1)[:, self.ends]
        total: Real = sums + np.einsum("ir,irh->ih", cells[:, self.bins :], self.renewed)
        return total

    def losses(self, mend: Real) -> Real:
        """Weighted log loss of each row, the mean over horizons."""
        total = np.maximum(self.totals(softplus(self._mended(mend))), TINY)
        each = np.where(self.left, -np.log(-np.expm1(-total)), total)
        result: Real = (self.weight * each).mean(axis=1)
        return result

    def slopes(self, mend: Real) -> Real:
        """The derivative of the sum of the losses by the four numbers."""
        eta = self._mended(mend)
        total = np.maximum(self.totals(softplus(eta)), TINY)
        by_total = self.weight * np.where(self.left, -1 / np.expm1(total), 1.0) / len(self.ends)
        chance = 1 / (1 + np.exp(-eta))
        terms = (chance, chance * self.time, chance * self.eta, chance * self.eta * self.time)
        return np.array([float(np.sum(by_total * self.totals(term))) for term in terms])

    def _mended(self, mend: Real) -> Real:
        eta: Real = mend[0] + mend[1] * self.time + (mend[2] + mend[3] * self.time) * self.eta
        return eta

    def expected(self, mend: Real) -> float:
        """How many leave by the last horizon."""
        return float(np.sum(-np.expm1(-self.totals(softplus(self._mended(mend)))[:, -1])))

    def observed(self) -> float:
        """How many left by the last horizon, those of unknown outcome stood for by the others."""
        return float(np.sum(self.weight[:, -1] * self.left[:, -1]))


def question(
    eta: Real, time_terms: Real, timeline: Timeline, renewals: Real, event: Truths, time: Real
) -> Question:
    """Rows with the log-odds of all their cells; what came: `event` at `time`, else observed till then."""
    edges = np.array(timeline.edges[1:])
    observed = still_observed(event, time, edges)
    usable = np.flatnonzero(observed >= LEAST_OBSERVED)
    ends = np.unique(usable[np.linspace(0, len(usable) - 1, min(HORIZONS, len(usable))).astype(np.int64)])
    at = edges[ends]
    left = event[:, None] & (time[:, None] <= at)
    known = np.where(left, still_observed(event, time, time)[:, None], observed[ends])
    weight = np.where(left | (time[:, None] >= at), 1 / np.maximum(known, LEAST_OBSERVED), 0.0)
    renewed = (renewals[:, :, None] <= at).astype(np.float64)
    spread = np.broadcast_to(time_terms, eta.shape)
    return Question(eta, spread, len(edges), ends.astype(np.int64), renewed, left, weight)


def still_observed(event: Truths, time: Real, at: Real) -> Real:
    """The chance of not being censored before each time (Kaplan-Meier of the censoring)."""
    times, first, counts = np.unique(time, return_index=False, return_inverse=True, return_counts=True)
    censored = np.bincount(first, weights=~event, minlength=len(times))
    at_risk = len(time) - np.concatenate([[0], np.cumsum(counts)[:-1]]) - (counts - censored)
    stay = 1 - np.divide(censored, at_risk, out=np.zeros(len(times)), where=at_risk > 0)
    before = np.concatenate([[1.0], np.cumprod(stay)])
    result: Real = before[np.searchsorted(times, at, "left")]
    return result


def fitted_mend(asked: Question) -> Real:
    """The four numbers, from their derivative; the same rows give the same numbers."""
    start = np.array(UNCHANGED)

    def cost(mend: Real) -> tuple[float, Real]:
        off = mend - start
        value = float(asked.losses(mend).sum() + 0.5 * np.sum(DOUBT * off * off))
        return value / len(asked.eta), (asked.slopes(mend) + DOUBT * off) / len(asked.eta)

    found: Real = minimize(cost, start, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 100}).x
    return found if np.all(np.isfinite(found)) else start


@dataclass(frozen=True, slots=True)
class Mended:
    """A mend where it helps on accounts it was not fitted on, else none; and the counts of those, with it."""

    mend: Mend
    helps: bool
    expected: float
    observed: float


def mended(asked: Question, groups: Whole) -> Mended:
    """Fitted on half of the accounts and tried on the others, both ways; kept where its gain is sure."""
    unchanged = np.array(UNCHANGED)
    half = groups % 2 == 0
    gain, expected, plain = np.zeros(len(groups)), 0.0, asked.expected(unchanged)
    for learn, test in ((half, ~half), (~half, half)):
        if not learn.any() or not test.any():
            return Mended(NO_MEND, False, plain, asked.observed())
        tested, mend = asked.take(test), fitted_mend(asked.take(learn))
        gain[test] = tested.losses(unchanged) - tested.losses(mend)
        expected += tested.expected(mend)
    by_account = np.bincount(groups, gain)
    error = float(by_account.std(ddof=1) * np.sqrt(len(by_account)))
    if not gain.sum() > error:
        return Mended(NO_MEND, False, plain, asked.observed())
    a, b, c, d = (float(number) for number in fitted_mend(asked))
    return Mended(Mend((a, b), (c, d)), True, expected, asked.observed())
