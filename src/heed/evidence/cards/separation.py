"""How well one number separates those that left from those that stayed, and what could have been seen.

The AUC's variance of Hanley and McNeil (1982) in the form that gives Newcombe's method 5 (Statistics in
Medicine 2006): at an AUC of a half it is exactly that of the Mann-Whitney test, and near 1 its interval stays
inside the scale. Ties shrink it as in the Mann-Whitney test; several rows of one account widen it by the
ratio of the clustered to the plain variance of placements (DeLong et al. 1988; Obuchowski 1997).
"""

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from heed.evidence.cards.resampling import Real, Whole
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile

POWER = 0.8
METHOD = "AUC, Newcombe's interval 5, widened for several rows of one account"


@dataclass(frozen=True, slots=True)
class Separation:
    """An AUC of `left` rows that ended with leaving against `stayed` rows that did not.

    `spread` scales the variance for ties and accounts if nothing separates; `own_spread` as it was measured.
    """

    auc: float
    left: int
    stayed: int
    spread: float
    own_spread: float

    def variance(self, auc: float, spread: float) -> float:
        pairs = self.left * self.stayed
        half = (self.left + self.stayed) / 2 - 1
        shape = 1 + half * ((1 - auc) / (2 - auc) + auc / (1 + auc))
        return spread * auc * (1 - auc) * shape / pairs

    @property
    def p_value(self) -> float:
        """Two-sided, of no separation at all."""
        return float(2 * ndtr(-abs(self.auc - 0.5) / sqrt(self.variance(0.5, self.spread))))

    def estimate(self, level: float = LEVEL) -> Estimate:
        z = normal_quantile(level)
        low, high = self._bound(0.0, z), self._bound(1.0, z)
        return Estimate(self.auc, low, high, self.left + self.stayed, level, METHOD)

    def _bound(self, end: float, z: float) -> float:
        """Where the AUC is just z standard errors of that place away."""

        def beyond(auc: float) -> float:
            return (auc - self.auc) ** 2 - z * z * self.variance(auc, self.own_spread)

        start = min(max(self.auc, 1e-9), 1 - 1e-9)
        stop = 1e-9 if end == 0 else 1 - 1e-9
        if beyond(stop) <= 0 or beyond(start) >= 0:
            return end if beyond(stop) <= 0 else self.auc
        return float(brentq(beyond, stop, start))

    def detectable(self, *, power: float = POWER, level: float = LEVEL) -> float | None:
        """The least AUC above a half that rows like these show with this power; None if not even 1."""
        null = normal_quantile(level) * sqrt(self.variance(0.5, self.spread))

        def short(auc: float) -> float:
            return null + float(ndtri(power)) * sqrt(self.variance(auc, self.spread)) - (auc - 0.5)

        return None if short(1.0) > 0 else float(brentq(short, 0.5, 1.0))


def odds_ratio(auc: float) -> float:
    """What an AUC says per standard deviation of a metric that is normal among those that stay and leave:
    exp(√2·Φ⁻¹(AUC)), since their means then lie √2·Φ⁻¹(AUC) standard deviations apart."""
    return exp(sqrt(2) * float(ndtri(min(auc, 1 - 1e-12))))


def separation(y: Real, values: Real, clusters: Whole) -> Separation:
    """Values must be known, and both those that left and those that stayed be there."""
    left = y == 1
    above, below = _placements(values, left)
    auc = float(above.mean())
    parts = np.zeros(len(y))
    parts[left] = (above - auc) / above.size
    parts[~left] = (below - auc) / below.size
    plain = float(parts @ parts)
    sums = np.bincount(clusters, parts)
    widening = _widening(float(sums @ sums), plain, clusters, left)
    found = Separation(auc, int(above.size), int(below.size), _ties(values) * widening, 1.0)
    newcombe = found.variance(auc, 1.0)
    measured = plain * widening / newcombe if newcombe > 0 else 0.0
    return Separation(auc, found.left, found.stayed, found.spread, max(found.spread, measured))


def _placements(values: Real, left: npt.NDArray[np.bool_]) -> tuple[Real, Real]:
    """For each that left the share of those that stayed below it, for each that stayed of those above."""
    ranks = rankdata(values)
    m, n = int(left.sum()), int((~left).sum())
    above = (ranks[left] - rankdata(values[left])) / n
    below = 1 - (ranks[~left] - rankdata(values[~left])) / m
    return above, below


def _widening(clustered: float, plain: float, clusters: Whole, left: npt.NDArray[np.bool_]) -> float:
    """At least 1, at most the rows of an account."""
    sizes = np.bincount(clusters)
    if sizes.max() == 1:
        return 1.0
    accounts = len(sizes)
    ratio = clustered / plain * accounts / (accounts - 1) if plain > 0 else float(sizes.mean())
    return float(np.clip(ratio, 1.0, sizes.max()))


def _ties(values: Real) -> float:
    """1 - Σ(t³ - t)/(n³ - n) over groups of t alike values, as in the Mann-Whitney test."""
    n = float(len(values))
    counts = np.unique(values, return_counts=True)[1].astype(float)
    return float(1 - np.sum(counts**3 - counts) / (n**3 - n))
