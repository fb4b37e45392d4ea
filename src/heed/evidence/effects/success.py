"""How often a touchpoint gets its customers to implement it, by segment, version or person.

A single rate has Wilson's interval. Rates of many groups are pooled in part (beta-binomial, empirical
Bayes): each is drawn towards the common rate, the more the fewer its deliveries and the more alike the
groups, so that 5 of 5 is not "100 %". How alike the groups are is not taken as known: the answer is averaged
over all plausible common rates and spreads (uniform prior on the rate and on the shrinkage, Daniels 1999).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import betainc, betaln

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, tails, wilson

Verdict = Literal["below", "reached", "undecided", "too few"]
THRESHOLD = 0.5
LEAST_DELIVERIES = 20
POOLED = "share, partly pooled with the other groups (beta-binomial)"
RATES = 64
SHRINKAGES = 48
NEGLIGIBLE = 1e-7

Real = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SuccessRate:
    """The share of deliveries that were implemented, and what follows from it."""

    estimate: Estimate
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class PooledRates:
    """Rates of groups, partly pooled; `common` is the rate of a group not seen yet, and `spread` the standard
    deviation between groups (0: the touchpoint works the same everywhere)."""

    groups: dict[str, Estimate]
    common: Estimate
    spread: Estimate


def success_rate(
    implemented: int,
    deliveries: int,
    *,
    target: float = THRESHOLD,
    threshold: float = THRESHOLD,
    least: int = LEAST_DELIVERIES,
    level: float = LEVEL,
) -> SuccessRate:
    """The rate `implemented / deliveries` (0 to 1) with its verdict.

    Below where the interval ends under `target`, or the rate is at or under `threshold` with `least` or more;
    reached where the interval starts at the target or above, with as many; too few with less.
    """
    if not (0 <= target <= 1 and 0 <= threshold <= 1):
        raise ValueError(f"target and threshold lie between 0 and 1; they are {target} and {threshold}.")
    estimate = wilson(implemented, deliveries, level=level)
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return SuccessRate(estimate, "too few", "Nothing was delivered yet.")
    shown = f"{implemented} of {deliveries} ({estimate.low:.0%} to {estimate.high:.0%})"
    if estimate.high < target:
        words = f"Improve or replace it: {shown} stays under the target of {target:.0%}."
        return SuccessRate(estimate, "below", words)
    if deliveries < least:
        return SuccessRate(estimate, "too few", f"Too few to judge: {shown}; {least} are needed.")
    if estimate.value <= threshold:
        words = f"Improve or replace it: {shown} is not above {threshold:.0%}."
        return SuccessRate(estimate, "below", words)
    if estimate.low >= target:
        return SuccessRate(estimate, "reached", f"Keep it: {shown} reaches the target of {target:.0%}.")
    return SuccessRate(estimate, "undecided", f"Not decided yet: {shown}, the target is {target:.0%}.")


def pooled_success_rates(counts: Mapping[str, tuple[int, int]], *, level: float = LEVEL) -> PooledRates:
    """Rates by group from (implemented, deliveries); a group without deliveries is unknown, and one group
    alone has nothing to be pooled with."""
    if endless := [name for name, pair in counts.items() if not pair[1] < np.inf]:
        raise ValueError(f"The deliveries of {endless[0]!r} are no count: {counts[endless[0]][1]!r}.")
    known = {name: pair for name, pair in counts.items() if pair[1]}
    single = {name: wilson(*pair, level=level) for name, pair in counts.items()}
    n = sum(deliveries for _, deliveries in known.values())
    if len(known) < 2:
        reason = "only one group has deliveries" if known else "nothing was delivered yet"
        unknown = Estimate.unknown(reason, n=n, method=POOLED)
        return PooledRates(single, unknown, unknown)
    successes, deliveries = np.array(list(known.values()), dtype=float).T
    common = _posterior(successes, deliveries)
    groups = {
        name: single[name] if name not in known else _pooled(common, *known[name], level) for name in counts
    }
    return PooledRates(groups, _pooled(common, 0, 0, level, n), _spread(common, n, level))


@dataclass(frozen=True, slots=True)
class _Common:
    """Plausible pairs of a and b of the beta distribution of the groups' rates, with their weights."""

    a: Real
    b: Real
    weights: Real


def _posterior(successes: Real, deliveries: Real) -> _Common:
    rates = (np.arange(RATES) + 0.5) / RATES
    shrinkages = (np.arange(SHRINKAGES) + 0.5) / SHRINKAGES
    # A shrinkage of 1/2 means that a group of middling size is drawn half of the way.
    strengths = float(np.median(deliveries)) * shrinkages / (1 - shrinkages)
    a = np.outer(rates, strengths).ravel()
    b = np.outer(1 - rates, strengths).ravel()
    likelihood = np.zeros(len(a))
    for seen, n in zip(successes, deliveries, strict=True):
        likelihood += betaln(a + seen, b + n - seen) - betaln(a, b)
    weights = np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    kept = weights > NEGLIGIBLE
    return _Common(a[kept], b[kept], weights[kept] / weights[kept].sum())


def _pooled(common: _Common, seen: int, deliveries: int, level: float, n: int = 0) -> Estimate:
    """The rate of a group that has so many, averaged over the plausible common rates and spreads."""
    a, b = common.a + seen, common.b + deliveries - seen
    value = float(common.weights @ (a / (a + b)))

    def excess(rate: float, share: float) -> float:
        return float(common.weights @ betainc(a, b, rate)) - share

    low, high = (float(brentq(excess, 0.0, 1.0, args=(share,), xtol=1e-9)) for share in tails(level))
    return Estimate(value, low, high, n or deliveries, level, POOLED)


def _spread(common: _Common, n: int, level: float) -> Estimate:
    rate, strength = common.a / (common.a + common.b), common.a + common.b
    deviations = np.sqrt(rate * (1 - rate) / (strength + 1))
    order = np.argsort(deviations, kind="stable")
    reached = np.cumsum(common.weights[order])
    below, above = tails(level)
    low, middle, high = (
        float(deviations[order][np.searchsorted(reached, share)]) for share in (below, 0.5, above)
    )
    return Estimate(middle, low, high, n, level, "standard deviation of the rate between groups")
