"""How well a risk foretold who left: discrimination, calibration, and what it is worth at a team's capacity.

Every figure comes with the interval of 500 draws of whole accounts (200 where rows are very many). AUC and
average precision (Hanley and McNeil 1982; Davis and Goadrich 2006), Brier score and its skill (Brier 1950;
Murphy 1973), logistic recalibration (Cox 1958), expected calibration error (Naeini et al. 2015) over ten
bins of equal counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from heed.evidence.cards import figures
from heed.evidence.cards.coarse import drawn_of
from heed.evidence.cards.resampling import Drawn, Figure, Real, Resamples
from heed.evidence.cards.rows import Column, Rows, column
from heed.evidence.cards.separation import separation
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, wilson

NOT_A_PROBABILITY = "a score is no probability: it ranks, it does not say how likely"
NO_CAPACITY = "no capacity was stated: say how many accounts the team can take on"
HOW = "interval over draws of whole accounts"
FEWEST_FOR_MEDIAN = 6


@dataclass(frozen=True, slots=True)
class Band:
    """Accounts between two values of a score or metric, and what share of their rows ended with leaving.

    `low` and `high` are the least and the greatest value of the band; None where the value was missing.
    `mean` is the mean value, which for a probability is what was foretold.
    """

    low: float | None
    high: float | None
    mean: float | None
    n: int
    left: int
    share: Estimate


@dataclass(frozen=True, slots=True)
class Judged:
    """Every figure of one risk on one set of rows; unknown ones say why."""

    auc: Estimate
    average_precision: Estimate
    brier: Estimate
    brier_skill: Estimate
    log_loss: Estimate
    calibration_slope: Estimate
    calibration_intercept: Estimate
    calibration_error: Estimate
    recall: Estimate
    precision: Estimate


METHODS = {
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "brier_skill": "Brier skill: 1 - Brier score / that of the baseline",
    "log_loss": "log loss",
    "calibration_slope": "calibration slope, logistic recalibration",
    "calibration_intercept": "calibration intercept, logistic recalibration",
    "calibration_error": "expected calibration error, ten bins of equal counts",
    "recall": "recall at capacity",
    "precision": "precision at capacity",
}
_PROBABLE = (
    "brier",
    "brier_skill",
    "log_loss",
    "calibration_slope",
    "calibration_intercept",
    "calibration_error",
)
_AT_CAPACITY = ("recall", "precision")
_BOUNDS = {
    "brier_skill": (-np.inf, 1.0),
    "log_loss": (0.0, np.inf),
    "calibration_slope": (-np.inf, np.inf),
    "calibration_intercept": (-np.inf, np.inf),
}


def squared(y: Real, probability: Real) -> Real:
    return np.asarray((y - probability) ** 2)


def surprise(y: Real, probability: Real) -> Real:
    """Log loss of each row; probabilities of 0 and 1 count as 1e-15 away from it, as in scikit-learn's."""
    tiny = np.finfo(float).eps
    sure = np.clip(probability, tiny, 1 - tiny)
    return np.asarray(-(y * np.log(sure) + (1 - y) * np.log(1 - sure)))


def figures_of(rows: Rows, *, probability: bool) -> dict[str, Figure]:
    """The figures that rows allow."""
    y, risk = rows.y, rows.values
    found = {"auc": figures.auc(y, risk), "average_precision": figures.average_precision(y, risk)}
    if not probability:
        return found
    intercept, slope = figures.together(figures.Recalibration(y, figures.log_odds(risk)).fit)
    return found | {
        "brier": figures.mean(squared(y, risk)),
        "brier_skill": figures.skill(squared(y, risk), y),
        "log_loss": figures.mean(surprise(y, risk)),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "calibration_error": figures.calibration_error(y, risk),
    }


def capacity_figures(rows: Rows, capacity: float | None) -> dict[str, Figure]:
    """Recall and precision; rows whose value is minus infinity have no place."""
    if capacity is None:
        return {}
    taken = figures.Capacity(rows.y, rows.values, rows.landmarks, capacity)
    recall, precision = figures.together(taken.caught)
    return {"recall": recall, "precision": precision}


def ranked(rows: Rows) -> Rows:
    """Those without a value at the end of every list."""
    return replace(rows, values=np.where(np.isnan(rows.values), -np.inf, rows.values))


def judge(
    rows: Rows, *, probability: bool, capacity: float | None, baseline: Real | None = None,
    seed: int = 0, level: float = LEVEL,
) -> Judged:  # fmt: skip
    """All figures of the rows; those whose value is missing count at capacity only, as not flagged.
    Too few that left or stayed, or one risk for all: unknown, with the reason. `baseline` has an entry for
    each row whose value is known."""
    known = rows.known()
    if reason := known.thin() or _constant(known):
        return Judged(**{name: _unknown(reason, known, name) for name in METHODS})
    drawn = drawn_of(known, partial(figures_of, probability=probability), seed)
    if probability and baseline is not None:
        errors = squared(known.y, known.values), squared(known.y, baseline)
        drawn["brier_skill"] = Resamples(known.clusters, seed).skill(*errors)
    found = {name: _estimate(name, drawn[name], known, level) for name in drawn}
    flagging = drawn_of(ranked(rows), partial(capacity_figures, capacity=capacity), seed, dated=True)
    found |= {name: _estimate(name, flagging[name], rows, level) for name in flagging}
    lacking = dict.fromkeys(_PROBABLE, NOT_A_PROBABILITY) | dict.fromkeys(_AT_CAPACITY, NO_CAPACITY)
    unknown = {name: _unknown(lacking[name], known, name) for name in METHODS if name not in found}
    return Judged(**found, **unknown)


def _constant(rows: Rows) -> str:
    if rows.n and np.ptp(rows.values) == 0:
        return f"it never varies: it is {rows.values[0]:g} for everybody, so it puts nobody before another"
    return ""


def _unknown(reason: str, rows: Rows, name: str) -> Estimate:
    return Estimate.unknown(reason, n=rows.n, method=METHODS[name])


def _estimate(name: str, drawn: Drawn, rows: Rows, level: float) -> Estimate:
    method = f"{METHODS[name]}, {HOW}"
    if not np.isfinite(drawn.value):
        return _unknown("it separates those that left from those that stayed without exception", rows, name)
    if name in _AT_CAPACITY and drawn.value in (0.0, 1.0):
        return _all_or_none(name, drawn.value, rows, level)
    if name == "auc" and drawn.value in (0.0, 1.0):
        return separation(rows.y, rows.values, rows.clusters).estimate(level)
    least, most = _BOUNDS.get(name, (0.0, 1.0))
    moved = drawn.recentred() if name == "calibration_error" else drawn
    return moved.estimate(n=rows.n, method=method, least=least, most=most, level=level)


def _all_or_none(name: str, share: float, rows: Rows, level: float) -> Estimate:
    """Draws of 5 of 5 are all 5 of 5: the bound is Wilson's, over accounts that left."""
    bound = wilson(round(share * rows.left), rows.left, level=level)
    return Estimate(
        share, bound.low, bound.high, rows.n, level, f"{METHODS[name]}, Wilson interval of accounts"
    )


def bands(y: Real, values: Real, *, groups: int = 10, level: float = LEVEL) -> tuple[Band, ...]:
    """Rows by ascending value in up to ten groups of about equal counts (each value in one group only), with
    the share that left and its Wilson interval; those without a value are a group of their own, last."""
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    if distinct.size > groups:
        cuts = np.quantile(values[known], np.arange(1, groups) / groups, method="higher")
        number = np.searchsorted(np.unique(cuts), values[known], side="right")
    else:
        number = np.searchsorted(distinct, values[known])
    found = [
        _band(y[known][number == each], values[known][number == each], level) for each in np.unique(number)
    ]
    if not known.all():
        missing = ~known
        share = wilson(int(y[missing].sum()), int(missing.sum()), level=level)
        found.append(Band(None, None, None, int(missing.sum()), int(y[missing].sum()), share))
    return tuple(found)


def _band(y: Real, values: Real, level: float) -> Band:
    left = int(y.sum())
    share = wilson(left, len(y), level=level)
    return Band(float(values.min()), float(values.max()), float(values.mean()), len(y), left, share)


def median_days(days: Real, seed: int, level: float = LEVEL) -> Estimate:
    """The median of the days from the first alert until leaving, one entry an account."""
    method = f"median days from the first alert, {HOW}"
    if not days.size:
        return Estimate.unknown("none that left had an alert before", method=method)
    drawn = Resamples(np.arange(days.size), seed).of({"days": figures.median(days)})["days"]
    if days.size < FEWEST_FOR_MEDIAN:
        return Estimate(drawn.value, n=days.size, level=level, method=f"{method}; too few for one")
    return drawn.estimate(n=days.size, method=method, level=level)


def stability_index(before: Column, now: Column, *, groups: int = 10) -> Estimate:
    """Population stability index of a score between training and now: Σ (a - e)·ln(a/e) over ten groups of
    equal counts of the training scores, empty groups counted as half a row (Siddiqi 2006). Below .1 is
    calm, above .25 a shift by common use."""
    method = "population stability index, ten groups of the training scores"
    before, now = (column(scores, len(scores), "scores") for scores in (before, now))
    before, now = before[np.isfinite(before)], now[np.isfinite(now)]
    n = min(len(before), len(now))
    if n < 10 * groups:
        reason = f"only {n} scores to compare, at least {10 * groups} are needed"
        return Estimate.unknown(reason, n=n, method=method)
    cuts = np.unique(np.quantile(before, np.arange(1, groups) / groups))
    expected, actual = (_shares(scores, cuts) for scores in (before, now))
    return Estimate(float(np.sum((actual - expected) * np.log(actual / expected))), n=n, method=method)


def _shares(scores: Real, cuts: Real) -> Real:
    counts = np.bincount(np.searchsorted(cuts, scores, side="right"), minlength=len(cuts) + 1)
    return np.asarray(np.maximum(counts, 0.5) / len(scores))


def paired(
    one: Mapping[str, Drawn], other: Mapping[str, Drawn], name: str, rows: Rows, level: float
) -> Estimate:
    """What one has over the other in a figure, over the same draws of accounts."""
    method = f"difference in {METHODS[name]}, {HOW}, paired"
    return one[name].minus(other[name]).estimate(n=rows.n, method=method, level=level)
