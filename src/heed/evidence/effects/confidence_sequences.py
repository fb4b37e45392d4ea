"""Unplanned looks: intervals that hold at every time, so that anyone may look whenever they like and stop.

`ConfidenceSequence` widens the interval of any contrast (shares, means, adjusted means) so that it holds at
all times together, by a mixture over the plausible drifts of its z (Robbins 1970; asymptotic: Waudby-Smith
and others 2021, Bibaut and others 2022). `BettingSequence` does it for bounded outcomes read in order,
without any approximation, by the capital of a bettor who cannot expect to win if the effect is as stated
(Waudby-Smith and Ramdas 2024).

Both are tuned to the planned number of accounts: they bet on effects which a single test at that number would
find nine times of ten. They hold for all effects and at all times, beyond the planned number too.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import exp, log, log1p, sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from sklearn.base import BaseEstimator

from heed.evidence.effects.contrast import Contrast, size_of
from heed.evidence.effects.decision import Decision, sign_of, spoken
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile, tails
from heed.evidence.tables import numbers

ASYMPTOTIC = "interval at all times, normal mixture tuned to the planned number"
BETTING = "difference of means of pairs, interval at all times by betting"
POWER_OF_THE_BET = 0.9
SPREAD_OF_THE_BET = 0.25
"""Standard deviation of the drifts betted on, as a share of their mean: narrow enough to keep the power,
wide enough that the interval goes on shrinking after the planned number."""
BETS = 7
CAP = 0.75
"""The most of its capital that a bet may lose at once."""
WARM_UP = 4

Real = npt.NDArray[np.float64]
Outcomes = Sequence[float] | npt.NDArray[np.generic]


class ConfidenceSequence(BaseEstimator):
    """Intervals of a contrast that hold at all times together, with probability `level`."""

    def __init__(self, planned_treated_n: int, planned_control_n: int, *, level: float = LEVEL) -> None:
        self.planned_treated_n = planned_treated_n
        self.planned_control_n = planned_control_n
        self.level = level

    def critical(self, fraction: float) -> float:
        """The z to be passed when a fraction (above 0; may pass 1) of the planned accounts is in."""
        if not fraction > 0:
            raise ValueError(f"The fraction of the planned accounts is above 0; it is {fraction}.")
        return _critical(fraction, self.level)

    def interval(self, contrast: Contrast) -> Estimate:
        """The effect with the interval of this look alone."""
        low, high = contrast.interval(self.critical(self._fraction(contrast)))
        method = f"{contrast.method}; {ASYMPTOTIC}"
        return Estimate(contrast.value, low, high, contrast.n, self.level, method)

    def intervals(self, contrasts: Sequence[Contrast], *, running: bool = True) -> list[Estimate]:
        """The interval at each look; `running` cuts each with all before it, as all hold together."""
        found = [self.interval(contrast) for contrast in contrasts]
        return running_intersection(found) if running else found

    def decide(self, contrasts: Sequence[Contrast]) -> Decision:
        """What the looks so far say; `contrasts` hold all accounts up to each look, the latest last."""
        if not contrasts:
            estimate = Estimate.unknown("no look was taken yet", method=ASYMPTOTIC)
            return Decision("unknown", 0, 0.0, 0.0, estimate, spoken("unknown", 0), self._guarantee())
        for number, contrast in enumerate(contrasts):
            fraction = self._fraction(contrast)
            critical = self.critical(fraction)
            if abs(contrast.z) > critical:
                return self._decision(contrasts[: number + 1], fraction, critical)
        return self._decision(contrasts, fraction, critical)

    def _decision(self, contrasts: Sequence[Contrast], fraction: float, critical: float) -> Decision:
        look, z = len(contrasts), contrasts[-1].z
        finding = sign_of(z) if abs(z) > critical else "go on"
        estimate = self.intervals(contrasts)[-1]
        return Decision(finding, look, fraction, critical, estimate, spoken(finding, look), self._guarantee())

    def _guarantee(self) -> str:
        return (
            f"Of experiments without effect at most {1 - self.level:.0%} ever raise a false alarm, however "
            f"often and for whatever reason anybody looks; approximate while an arm has few accounts."
        )

    def _fraction(self, contrast: Contrast) -> float:
        if not min(self.planned_treated_n, self.planned_control_n) > 0:
            raise ValueError(
                "planned_treated_n and planned_control_n are above 0: looks are measured by them."
            )
        return contrast.size / size_of(self.planned_treated_n, self.planned_control_n)


@lru_cache(maxsize=4096)
def _critical(fraction: float, level: float) -> float:
    needed = -log(2 * (1 - tails(level)[1]))
    return float(brentq(lambda z: _log_evidence(z, fraction, level) - needed, 0.0, 1e3, xtol=1e-10))


def _log_evidence(z: float, fraction: float, level: float) -> float:
    """Log of the likelihood ratio of z, mixed over drifts ±N(D, T²) at fraction 1, to no drift."""
    drift = drift_of_the_bet(level)
    spread = (SPREAD_OF_THE_BET * drift) ** 2
    scale = 1 + spread * fraction
    reach = drift * sqrt(fraction) * z / scale
    # log cosh without overflow.
    both_signs = reach + log1p(exp(-2 * reach)) - log(2)
    quadratic = (spread * fraction * z * z - drift**2 * fraction) / (2 * scale)
    return quadratic + both_signs - 0.5 * log(scale)


def drift_of_the_bet(level: float) -> float:
    """What z averages at the planned number where a single test there has the power that is betted on."""
    return normal_quantile(level) + normal_quantile(2 * POWER_OF_THE_BET - 1)


def running_intersection(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Intervals that hold at all times together, each cut with all before it.

    Where nothing is left the effect changed while it was measured, or the approximation failed: unknown.
    """
    found: list[Estimate] = []
    low, high = -np.inf, np.inf
    for estimate in estimates:
        if estimate.value is None or estimate.low is None or estimate.high is None:
            found.append(estimate)
            continue
        low, high = max(low, estimate.low), min(high, estimate.high)
        if low > high:
            reason = "the looks contradict each other: the effect changed while it was measured"
            found.append(Estimate.unknown(reason, n=estimate.n, method=estimate.method))
        else:
            value = min(high, max(low, estimate.value))
            found.append(replace(estimate, value=value, low=low, high=high))
    return found


class BettingSequence(BaseEstimator):
    """Intervals of a difference of means of bounded outcomes, exact at all times together.

    Outcomes lie within `low` and `high` (0 and 1 for renewed or not, or the share of revenue kept). The k-th
    outcome of each arm, in the order in which they were known, make a pair; one without a partner waits.
    """

    def __init__(
        self, planned_pairs: int, *, low: float = 0.0, high: float = 1.0, level: float = LEVEL
    ) -> None:
        self.planned_pairs = planned_pairs
        self.low = low
        self.high = high
        self.level = level

    def evidence(self, treated: Outcomes, control: Outcomes) -> Real:
        """The e-value against "no difference" after each pair; above 1/(1 - level) at any time decides."""
        pairs = self._pairs(treated, control)
        bets = self._bets(pairs)
        return (_capital(pairs, bets, 0.0) + _capital(-pairs, bets, 0.0)) / 2

    def interval(self, treated: Outcomes, control: Outcomes) -> Estimate:
        """The difference of means with its interval after the last pair, cut with all before it."""
        if any(np.isnan(numbers(pd.Series(arm, name="outcome"))).any() for arm in (treated, control)):
            return Estimate.unknown("some outcomes are not known yet", method=BETTING)
        pairs = self._pairs(treated, control)
        if not len(pairs):
            return Estimate.unknown("no pair of outcomes yet, one of each arm", method=BETTING)
        bets, needed = self._bets(pairs), 2 / (1 - self.level)
        low, high = _lowest(pairs, bets, needed), -_lowest(-pairs, bets, needed)
        if low > high:
            reason = "the looks contradict each other: the effect changed while it was measured"
            return Estimate.unknown(reason, n=2 * len(pairs), method=BETTING)
        width = self.high - self.low
        value = min(high, max(low, float(pairs.mean())))
        return Estimate(value * width, low * width, high * width, 2 * len(pairs), self.level, BETTING)

    def _pairs(self, treated: Outcomes, control: Outcomes) -> Real:
        """Differences of pairs on the scale where outcomes lie within 0 and 1."""
        if not (-np.inf < self.low < self.high < np.inf and self.planned_pairs > 0):
            raise ValueError(
                f"Bets need low below high and planned pairs above 0; these are {self.low}, {self.high} and "
                f"{self.planned_pairs}."
            )
        arms = [np.asarray(arm, dtype=float) for arm in (treated, control)]
        for name, arm in zip(("treated", "control"), arms, strict=True):
            if not np.all((arm >= self.low) & (arm <= self.high)):
                raise ValueError(
                    f"Outcomes of the {name} arm must be known and lie within {self.low} and {self.high}."
                )
        count = min(len(arm) for arm in arms)
        pairs: Real = (arms[0][:count] - arms[1][:count]) / (self.high - self.low)
        return pairs

    def _bets(self, pairs: Real) -> Real:
        """Bets (k × pairs), each set before its pair is seen, in proportion to the spread seen until then."""
        earlier = np.concatenate([[0.0], np.cumsum(pairs**2)[:-1]])
        spread = np.sqrt((WARM_UP * 0.5 + earlier) / (WARM_UP + np.arange(len(pairs))))
        nodes, _ = _normal_nodes()
        drifts = drift_of_the_bet(self.level) * (1 + SPREAD_OF_THE_BET * nodes)
        bets: Real = np.outer(drifts / sqrt(self.planned_pairs), 1 / np.maximum(spread, 1e-6))
        return bets


def _normal_nodes() -> tuple[Real, Real]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(BETS)
    return nodes, weights / weights.sum()


def _capital(pairs: Real, bets: Real, mean: float) -> Real:
    """The capital after each pair of one who bets that the difference is above `mean`."""
    _, weights = _normal_nodes()
    bounded = np.minimum(bets, CAP / (1 + mean))
    capital: Real = weights @ np.exp(np.cumsum(np.log1p(bounded * (pairs - mean)), axis=1))
    return capital


def _lowest(pairs: Real, bets: Real, needed: float) -> float:
    """The lowest difference that no look has refuted; the capital falls as the difference stated rises."""

    def excess(mean: float) -> float:
        return float(_capital(pairs, bets, mean).max()) - needed

    nearly = -1 + 1e-9
    if excess(nearly) <= 0:
        return -1.0
    return float(brentq(excess, nearly, 1.0, xtol=1e-9)) if excess(1.0) < 0 else 1.0
