"""What an order of treating gains over random order, from an experiment with two arms.

Customers are sorted by a score, highest first. Treating the first share q of them gains, per customer of all,
g(q) = q·(mean outcome of the treated in it - mean outcome of the untreated in it). Random order gains q·g(1).
The gain is the area between the two, the mean over all shares (Radcliffe 2007; Gutierrez and Gérardy 2017).
Customers with the same score count as in random order among themselves, so a constant score gains 0.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile
from heed.evidence.tables import numbers

PER = 1000
SHARES = 10
ROUNDING = 1e-12

Real = npt.NDArray[np.float64]


class Sums(NamedTuple):
    """Running sums by falling score, at the start and at the last customer of each distinct score."""

    customers: Real
    treated: Real
    treated_outcome: Real
    untreated_outcome: Real

    @property
    def untreated(self) -> Real:
        return self.customers - self.treated

    @property
    def share(self) -> Real:
        return np.asarray(self.customers / self.customers[-1])

    @property
    def treated_mean(self) -> Real:
        return np.asarray(self.treated_outcome / np.maximum(self.treated, 1))

    @property
    def untreated_mean(self) -> Real:
        return np.asarray(self.untreated_outcome / np.maximum(self.untreated, 1))

    @property
    def gain(self) -> Real:
        """g(q) per customer, at each share q in `share`."""
        return self.share * (self.treated_mean - self.untreated_mean)


def gain_area(y: Any, score: Any, treatment: Any, *, level: float = LEVEL) -> Estimate:
    """Outcomes gained per 1,000 customers by treating in the order of `score` and not in random order.

    `y`: outcomes, `score`: highest first, `treatment`: 1 treated, 0 not; each of n rows. The interval is for
    a score that was made without these rows; it counts the chance in outcomes and in who is among the n
    (influence function of the area). Unknown where an arm is empty.
    """
    method = "gain over random order per 1,000, area between gain curves, influence-function interval"
    y, score, treatment = checked(y, score, treatment)
    if lacking := missing_arm(treatment):
        return Estimate.unknown(lacking, n=len(y), method=method)
    value = area(running_sums(y, score, treatment))
    half = normal_quantile(level) * standard_error(influence(y, score, treatment))
    if len(np.unique(score)) > 1 and not half > ROUNDING * PER:
        reason = "the outcomes do not vary within the arms, so the chance in them cannot be measured"
        return Estimate.unknown(reason, n=len(y), method=method)
    return Estimate(value, value - half, value + half, len(y), level, method)


def qini(y: Any, score: Any, treatment: Any) -> Estimate:
    """The Qini coefficient: 0 for random order, 1 for the best order that these outcomes allow.

    The curve is responses of the treated less those of the untreated scaled to as many customers
    (Radcliffe 2007); the coefficient is its area over the random line, divided by that of the perfect order:
    responding treated, then those who did not respond, then responding untreated. For outcomes 0 and 1.
    Without an interval: use `gain_area` to decide.
    """
    method = "Qini coefficient, normalised by the perfect order"
    y, score, treatment = checked(y, score, treatment)
    if not np.isin(y, (0, 1)).all():
        raise ValueError("The Qini coefficient needs outcomes of 0 and 1. For amounts use gain_area.")
    if lacking := missing_arm(treatment):
        return Estimate.unknown(lacking, n=len(y), method=method)
    perfect = _over_random(running_sums(y, y * (2 * treatment - 1), treatment))
    if perfect == 0:
        return Estimate.unknown("the outcomes do not vary: no order is better", n=len(y), method=method)
    coefficient = _over_random(running_sums(y, score, treatment)) / perfect
    return Estimate(coefficient, n=len(y), method=method)


def gain_curve(y: Any, score: Any, treatment: Any, *, shares: int = SHARES) -> pd.DataFrame:
    """One row per share treated: `share`, `gain` and `random` per 1,000 customers of all.

    Also `effect`: the difference between treated and untreated among those first, per 1,000 of them.
    No rows where an arm is empty.
    """
    if not shares >= 1:
        raise ValueError(f"A curve needs one share or more; shares is {shares!r}.")
    y, score, treatment = checked(y, score, treatment)
    columns = ["share", "gain", "random", "effect"]
    if missing_arm(treatment):
        return pd.DataFrame(columns=columns, dtype=float)
    sums = running_sums(y, score, treatment)
    share = np.arange(1, shares + 1) / shares
    gain = PER * np.interp(share, sums.share, sums.gain)
    return pd.DataFrame(dict(zip(columns, (share, gain, share * gain[-1], gain / share), strict=True)))


def running_sums(y: Real, score: Real, treatment: Real) -> Sums:
    order = np.argsort(-score, kind="stable")
    y, score, treatment = y[order], score[order], treatment[order]
    last_of_score = np.append(np.flatnonzero(np.diff(score)), len(y) - 1)
    totals = (np.arange(1.0, len(y) + 1), np.cumsum(treatment), np.cumsum(y * treatment),
              np.cumsum(y * (1 - treatment)))  # fmt: skip
    return Sums(*(np.append(0.0, total[last_of_score]) for total in totals))


def area(sums: Sums) -> float:
    """The mean over all customers of the gain up to them, less that of random order, per 1,000."""
    customers = np.arange(1, sums.customers[-1] + 1)
    gain = np.interp(customers, sums.customers, sums.gain)
    return PER * float(np.mean(gain - customers / customers[-1] * gain[-1]))


def influence(y: Real, score: Real, treatment: Real) -> Real:
    """How much each row moves the area, per 1,000: the area's first-order term, mean 0.

    For a row at share u: the outcome's part w/e·(y(1-u) - ∫μ₁) - (1-w)/(1-e)·(y(1-u) - ∫μ₀), the row's part
    in the ranking -(g(1) - g(u) - ∫(μ₁-μ₀)), and half its part in the whole effect; integrals from u to 1.
    """
    sums = running_sums(y, score, treatment)
    of_row = len(sums.share) - 1 - np.searchsorted(np.unique(score), score)
    share = (sums.share[of_row] + sums.share[of_row - 1]) / 2
    treated_rest = np.interp(share, sums.share, _integral_from(sums.treated_mean, sums.share))
    untreated_rest = np.interp(share, sums.share, _integral_from(sums.untreated_mean, sums.share))
    odds = treatment.mean()
    treated, untreated = treatment / odds, (1 - treatment) / (1 - odds)
    outcome = treated * (y * (1 - share) - treated_rest) - untreated * (y * (1 - share) - untreated_rest)
    gain = np.interp(share, sums.share, sums.gain)
    ranking = sums.gain[-1] - gain - (treated_rest - untreated_rest)
    whole = treated * (y - sums.treated_mean[-1]) - untreated * (y - sums.untreated_mean[-1])
    parts = PER * (outcome - ranking - whole / 2)
    return np.asarray(parts - parts.mean())


def standard_error(influence: Real) -> float:
    return float(np.std(influence, ddof=1) / np.sqrt(len(influence)))


def missing_arm(treatment: Real) -> str:
    if not len(treatment):
        return "nobody was treated yet and nobody left out"
    if treatment.all():
        return "everyone was treated: nobody is left to compare with"
    return "" if treatment.any() else "nobody was treated"


def checked(y: Any, score: Any, treatment: Any) -> tuple[Real, Real, Real]:
    """The three columns as floats. ValueError where they are not of one length, not finite or not 0/1."""
    columns = {"outcomes": y, "scores": score, "treatment": treatment}
    arrays = {name: numbers(pd.Series(column, name=name)) for name, column in columns.items()}
    for name, array in arrays.items():
        if len(array) != len(arrays["outcomes"]):
            raise ValueError(f"The {name} are {len(array)}; one per outcome is needed.")
        if not np.isfinite(array).all():
            raise ValueError(f"The {name} have values that are missing or infinite. Leave those rows out.")
    require_arms(arrays["treatment"])
    return arrays["outcomes"], arrays["scores"], arrays["treatment"]


def require_arms(treatment: Real) -> None:
    if not np.isin(treatment, (0, 1)).all():
        raise ValueError("The treatment must be 1 for treated and 0 for not; it has other values.")


def _integral_from(values: Real, share: Real) -> Real:
    """∫ of `values` from each share to 1, by trapezoids; the first mean, of nobody, is taken as the next."""
    values = np.append(values[1], values[1:])
    pieces = np.diff(share) * (values[1:] + values[:-1]) / 2
    return np.append(np.cumsum(pieces[::-1])[::-1], 0.0)


def _over_random(sums: Sums) -> float:
    """The area of the Qini curve over its random line, in responses times customers."""
    scaled = np.divide(
        sums.treated, sums.untreated, out=np.zeros(len(sums.treated)), where=sums.untreated > 0
    )
    curve = sums.treated_outcome - sums.untreated_outcome * scaled
    return float(np.trapezoid(curve - curve[-1] * sums.share, sums.customers))
