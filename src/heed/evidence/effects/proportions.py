"""What a touch does to a share: renewed, implemented, answered. Counts of two arms in, an estimate out.

The interval is the score interval of Miettinen and Nurminen (1985), also for accounts in clusters (sites of
one company), by effective counts (Rao and Scott 1992), and for the ratio of shares. Strata are put together
by Mantel and Haenszel's weights with the variance of Sato (1989), which holds for few large strata and for
many small ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, inf, sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq

from heed.evidence.effects.contrast import ShareContrast
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile, student_quantile
from heed.evidence.tables import numbers

DIFFERENCE = "difference of shares, Miettinen-Nurminen score interval"
RATIO = "ratio of shares, Miettinen-Nurminen score interval"
CLUSTERED = "difference of shares, score interval of effective counts by cluster"
STRATIFIED = "difference of shares, Mantel-Haenszel over strata, interval by Sato's variance"
LEAST_CLUSTERS = 3

Real = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stratum:
    """Counts of both arms in one stratum."""

    treated_successes: int
    treated_n: int
    control_successes: int
    control_n: int


def proportion_effect(
    treated_successes: int, treated_n: int, control_successes: int, control_n: int, *, level: float = LEVEL
) -> Estimate:
    """Share of the treated less share of the control (-1 to 1). Unknown where an arm is empty."""
    check_counts(treated_successes, treated_n, control_successes, control_n)
    if reason := empty_arm(treated_n, control_n):
        return Estimate.unknown(reason, n=treated_n + control_n, method=DIFFERENCE)
    contrast = ShareContrast(treated_successes, treated_n, control_successes, control_n)
    low, high = contrast.interval(normal_quantile(level))
    return Estimate(contrast.value, low, high, contrast.n, level, DIFFERENCE)


def proportion_ratio(
    treated_successes: int, treated_n: int, control_successes: int, control_n: int, *, level: float = LEVEL
) -> Estimate:
    """Share of the treated over share of the control (relative risk). Unknown where the control has none."""
    check_counts(treated_successes, treated_n, control_successes, control_n)
    n = treated_n + control_n
    reason = empty_arm(treated_n, control_n) or (
        ""
        if control_successes
        else "nobody in the control arm succeeded, so there is nothing to compare with"
    )
    if reason:
        return Estimate.unknown(reason, n=n, method=RATIO)
    counts = Stratum(treated_successes, treated_n, control_successes, control_n)
    ratio = (treated_successes / treated_n) / (control_successes / control_n)
    low, high = _ratio_interval(counts, ratio, normal_quantile(level))
    return Estimate(ratio, low, high, n, level, RATIO)


def clustered_proportion_effect(
    success: Sequence[float] | npt.NDArray[np.generic] | pd.Series,
    treated: Sequence[float] | npt.NDArray[np.generic] | pd.Series,
    clusters: Sequence[object] | npt.NDArray[np.generic] | pd.Series,
    *,
    level: float = LEVEL,
) -> Estimate:
    """Difference of shares of accounts that come in clusters assigned as a whole; one row per account.

    Each arm counts for as many accounts as would tell as much if they were independent: n over its design
    effect, which is never taken below 1. The critical value is Student's, with two less than the clusters.
    """
    frame = _clustered_frame(success, treated, clusters)
    arms = [frame[frame["treated"] == arm] for arm in (1.0, 0.0)]
    n = len(frame)
    if reason := empty_arm(len(arms[0]), len(arms[1])):
        return Estimate.unknown(reason, n=n, method=CLUSTERED)
    groups = [arm.groupby("cluster")["success"].agg(["sum", "count"]).to_numpy(float) for arm in arms]
    if reason := few_clusters(min(len(group) for group in groups)):
        return Estimate.unknown(reason, n=n, method=CLUSTERED)
    effective = [_effective_counts(group) for group in groups]
    contrast = ShareContrast(*effective[0], *effective[1])
    freedom = len(groups[0]) + len(groups[1]) - 2
    low, high = contrast.interval(student_quantile(level, freedom))
    return Estimate(contrast.value, low, high, n, level, CLUSTERED)


def stratified_proportion_effect(strata: Sequence[Stratum], *, level: float = LEVEL) -> Estimate:
    """Difference of shares within strata (segments, regions): Σ wₖ·dₖ / Σ wₖ with wₖ = n₁n₀/(n₁ + n₀).

    A stratum with an empty arm tells nothing and has no weight.
    """
    for stratum in strata:
        check_counts(
            stratum.treated_successes, stratum.treated_n, stratum.control_successes, stratum.control_n
        )
    n = sum(stratum.treated_n + stratum.control_n for stratum in strata)
    both = [stratum for stratum in strata if stratum.treated_n and stratum.control_n]
    if not both:
        reason = "no stratum has accounts in both arms, so there is nothing to compare"
        return Estimate.unknown(reason, n=n, method=STRATIFIED)
    value, variance = _mantel_haenszel(both)
    if variance <= 0:
        if len(both) == 1:
            only = both[0]
            return proportion_effect(
                only.treated_successes, only.treated_n, only.control_successes, only.control_n, level=level
            )
        reason = "every stratum had all or none succeed, so the spread cannot be measured"
        return Estimate.unknown(reason, n=n, method=STRATIFIED)
    half = normal_quantile(level) * sqrt(variance)
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), n, level, STRATIFIED)


def check_counts(treated_successes: int, treated_n: int, control_successes: int, control_n: int) -> None:
    """ValueError where a count is negative or above its arm."""
    arms = (("treated", treated_successes, treated_n), ("control", control_successes, control_n))
    for arm, successes, n in arms:
        if not 0 <= successes <= n < inf:
            raise ValueError(f"The {arm} arm needs 0 <= successes <= n; it has {successes} of {n}.")


def few_clusters(fewest: int) -> str:
    """Why the errors cannot be taken by cluster, or ""."""
    if fewest >= LEAST_CLUSTERS:
        return ""
    noun = "cluster" if fewest == 1 else "clusters"
    return f"an arm has only {fewest} {noun}, at least {LEAST_CLUSTERS} are needed"


def empty_arm(treated_n: int, control_n: int) -> str:
    """Why two arms cannot be compared, or ""."""
    if treated_n == 0 and control_n == 0:
        return "nobody is in the experiment yet"
    if control_n == 0:
        return "everyone is in the treated arm, so there is nobody to compare with"
    return "everyone is in the control arm, so nobody was treated" if treated_n == 0 else ""


def _ratio_interval(counts: Stratum, ratio: float, critical: float) -> tuple[float, float]:
    def beyond(logarithm: float) -> float:
        return min(1e6, abs(_ratio_z(counts, float(np.exp(logarithm))))) - critical

    middle = float(np.log(ratio)) if ratio else -20.0
    low = 0.0 if ratio == 0 else float(np.exp(brentq(beyond, -20.0, middle, xtol=1e-11)))
    return low, float(np.exp(brentq(beyond, middle, 20.0, xtol=1e-11)))


def _ratio_z(counts: Stratum, ratio: float) -> float:
    """The score of a ratio of shares; the restricted shares solve a quadratic (Koopman 1984)."""
    seen, treated_n = counts.treated_successes, counts.treated_n
    other, control_n = counts.control_successes, counts.control_n
    n = treated_n + control_n
    a = n * ratio
    b = -(treated_n * ratio + seen + control_n + other * ratio)
    control = (-b - sqrt(max(0.0, b * b - 4 * a * (seen + other)))) / (2 * a)
    treated = min(1.0, control * ratio)
    distance = seen / treated_n - ratio * other / control_n
    variance = treated * (1 - treated) / treated_n + ratio**2 * control * (1 - control) / control_n
    if variance <= 0:
        return copysign(inf, distance) if distance else 0.0
    return distance / sqrt(variance * n / (n - 1))


def _clustered_frame(success: object, treated: object, clusters: object) -> pd.DataFrame:
    columns = {"success": success, "treated": treated, "cluster": clusters}
    held = {name: np.asarray(values, dtype=object) for name, values in columns.items()}
    if len({len(values) for values in held.values()}) > 1:
        counted = ", ".join(f"{name} {len(values)}" for name, values in held.items())
        raise ValueError(f"Every column needs one entry per account; they have {counted}.")
    frame = pd.DataFrame(held)
    frame[["success", "treated"]] = np.column_stack([numbers(frame[name]) for name in ("success", "treated")])
    for name in ("success", "treated"):
        if not frame[name].isin((0.0, 1.0)).all():
            raise ValueError(f"The column {name} needs 0 or 1 in every row.")
    if frame["cluster"].isna().any():
        raise ValueError("Every row needs a cluster; an account without one is a cluster of its own.")
    return frame


def _effective_counts(group: Real) -> tuple[float, float]:
    """Successes and n of an arm, both over its design effect; `group` has a row of both per cluster."""
    successes, n = group.sum(axis=0)
    share, clusters = successes / n, len(group)
    simple = share * (1 - share) / n
    if simple == 0:
        # All alike: nothing shows how alike a cluster's accounts are, so a cluster counts as one.
        return share * clusters, float(clusters)
    residuals = group[:, 0] - share * group[:, 1]
    variance = clusters / (clusters - 1) * float(residuals @ residuals) / n**2
    effect = max(1.0, variance / simple)
    return successes / effect, n / effect


def _mantel_haenszel(strata: Sequence[Stratum]) -> tuple[float, float]:
    a, n1, c, n0 = (
        np.array([getattr(stratum, name) for stratum in strata], dtype=float)
        for name in ("treated_successes", "treated_n", "control_successes", "control_n")
    )
    n = n1 + n0
    weight = float(np.sum(n1 * n0 / n))
    value = float(np.sum(a * n0 / n - c * n1 / n)) / weight
    linear = np.sum(c * (n1 / n) ** 2 - a * (n0 / n) ** 2 + (n1 / n) * (n0 / n) * (n0 - n1) / 2)
    constant = np.sum(a * (n0 - c) / n + c * (n1 - a) / n) / 2
    return value, float(value * linear + constant) / weight**2
