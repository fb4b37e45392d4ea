"""Two waves of a survey: what changed, with its interval.

Two questions differ. How did the figure move: the mean of all who answered the second time less that of
all who answered the first time. How did people move: the mean change of those who answered both times,
in which who happens to answer plays no part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile, student_quantile, wilson
from heed.evidence.voices.answers import Real, Survey, survey_of
from heed.evidence.voices.differences import difference

LEAST_PAIRS = 5


@dataclass(frozen=True, slots=True)
class WaveComparison:
    """`change` compares all who answered each time, as if nobody had answered twice (careful where some did);
    `change_within` is that of the people who answered both times."""

    before: Estimate
    after: Estimate
    change: Estimate
    change_within: Estimate


def compare_waves(
    before: pd.Series, after: pd.Series, *, survey: str = "nps", level: float = LEVEL
) -> WaveComparison:
    """Two waves of answers by person (index: who answered; missing values did not answer)."""
    chosen = survey_of(survey)
    before, after = _answered(before), _answered(after)
    return WaveComparison(
        chosen.figure(list(before), level=level),
        chosen.figure(list(after), level=level),
        wave_change(list(before), list(after), survey=survey, level=level),
        change_within(before, after, survey=survey, level=level),
    )


def wave_change(
    before: Sequence[float], after: Sequence[float], *, survey: str = "nps", level: float = LEVEL
) -> Estimate:
    """The figure of `after` less that of `before`, of people asked independently.

    Means of effort: Welch's interval. NPS and shares, and answers all alike: recovered from the intervals
    of both figures (Newcombe's for shares).
    """
    chosen = survey_of(survey)
    first, second = chosen.figure(before, level=level), chosen.figure(after, level=level)
    if survey in ("ces", "ees") and min(len(set(before)), len(set(after))) > 1:
        return _welch(np.array(before, float), np.array(after, float), chosen.name, level)
    return difference(second, first, method=f"change of {chosen.name} between two waves, intervals combined")


def change_within(
    before: pd.Series, after: pd.Series, *, survey: str = "nps", level: float = LEVEL
) -> Estimate:
    """The mean change of those who answered both times (index: who answered).

    NPS and effort: Student's t of the changes. Shares: Agresti and Min's interval of matched pairs (2005).
    Where nobody changed, the bound is Wilson's for the share that might have, each by the whole scale.
    """
    chosen = survey_of(survey)
    method = f"mean change of {chosen.name} of those who answered both times"
    first, second = _answered(before), _answered(after)
    both = first.index.intersection(second.index)
    if len(both) < LEAST_PAIRS:
        reason = f"{len(both)} answered both times, at least {LEAST_PAIRS} are needed"
        return Estimate.unknown(reason, n=len(both), method=method)
    start, end = (chosen.checked(wave[both]) for wave in (first, second))
    changes = chosen.points(end) - chosen.points(start)
    if survey == "csat":
        return _matched_shares(changes, level, f"{method}, Agresti and Min's interval")
    if np.ptp(changes) == 0:
        return _nobody_differs(changes, chosen, level)
    return _mean_change(changes, level, f"{method}, Student's t interval")


def _answered(scores: pd.Series) -> pd.Series:
    answered = scores.dropna()
    if not answered.index.is_unique:
        twice = answered.index[answered.index.duplicated()][0]
        raise ValueError(f"{twice!r} answered twice in one wave: keep one answer of each person.")
    return answered


def _welch(before: Real, after: Real, name: str, level: float) -> Estimate:
    errors = [float(np.var(wave, ddof=1)) / len(wave) for wave in (before, after)]
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(wave) - 1) for error, wave in zip(errors, (before, after), strict=True)
    )
    change = float(after.mean() - before.mean())
    half = student_quantile(level, freedom) * sqrt(sum(errors))
    n = len(before) + len(after)
    return Estimate(change, change - half, change + half, n, level, f"change of {name}, Welch's interval")


def _mean_change(changes: Real, level: float, method: str) -> Estimate:
    n, mean = len(changes), float(changes.mean())
    half = student_quantile(level, n - 1) * float(np.std(changes, ddof=1)) / sqrt(n)
    return Estimate(mean, mean - half, mean + half, n, level, method)


def _nobody_differs(changes: Real, survey: Survey, level: float) -> Estimate:
    n, value, span = len(changes), float(changes[0]), survey.high - survey.low
    reach = span * (wilson(0, n, level=level).high or 0.0)
    method = f"mean change of {survey.name}; all changed alike, bounded by Wilson's interval"
    return Estimate(value, max(-span, value - reach), min(span, value + reach), n, level, method)


def _matched_shares(changes: Real, level: float, method: str) -> Estimate:
    """Half an answer is added to each of the four cells before the normal interval is taken."""
    n = len(changes)
    up, down = float((changes > 0).sum()) + 0.5, float((changes < 0).sum()) + 0.5
    centre = (up - down) / (n + 2)
    half = normal_quantile(level) * sqrt(up + down - (up - down) ** 2 / (n + 2)) / (n + 2)
    value = float(changes.mean())
    return Estimate(value, max(-1.0, centre - half), min(1.0, centre + half), n, level, method)
