"""What people answered: NPS, CSAT, CES and EES, each with its interval and n.

An empty list is unknown. These describe those who answered; they say nothing of those who kept silent.
"""

import numbers
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile, student_quantile, wilson

NO_ANSWERS = "no answers yet"
# What is satisfied differs by scale (of 5, of 10, of 100), so that of CSAT is the widest in use.
SCALES = {"NPS": (0, 10), "CSAT": (0, 100), "CES": (1, 7), "EES": (1, 7)}
Real = npt.NDArray[np.float64]


def nps(scores: Sequence[float], *, level: float = LEVEL) -> Estimate:
    """Net promoter score (-100 to 100) of answers from 0 to 10: promoters (9, 10) less detractors (to 6)."""
    _check(scores, "NPS")
    promoters = sum(score >= 9 for score in scores)
    detractors = sum(score <= 6 for score in scores)
    return nps_of_counts(promoters, len(scores) - promoters - detractors, detractors, level=level)


def nps_of_counts(promoters: int, passives: int, detractors: int, *, level: float = LEVEL) -> Estimate:
    """NPS from counts; standard error 100·√((p + d - (p - d)²)/n) with the shares p and d (multinomial)."""
    method = "NPS, normal interval from the multinomial standard error"
    if not all(0 <= count < inf for count in (promoters, passives, detractors)):
        raise ValueError(f"Answers are counted from 0; these are {promoters}, {passives}, {detractors}.")
    n = promoters + passives + detractors
    if n == 0:
        return Estimate.unknown(NO_ANSWERS, method=method)
    if promoters in (0, n) and detractors in (0, n):
        return _one_sided(promoters, detractors, n, level)
    up, down = promoters / n, detractors / n
    half = normal_quantile(level) * 100 * sqrt((up + down - (up - down) ** 2) / n)
    score = 100 * (promoters - detractors) / n
    return Estimate(score, max(-100.0, score - half), min(100.0, score + half), n, level, method)


def _one_sided(promoters: int, detractors: int, n: int, level: float) -> Estimate:
    """All answers alike have no spread to measure: the bound comes from the Wilson interval of their share,
    the rest taken as the opposite."""
    method = "NPS of answers all alike, bounded by Wilson intervals of the shares"
    up, down = wilson(promoters, n, level=level), wilson(detractors, n, level=level)
    low = 100 * ((up.low or 0.0) - (down.high or 0.0))
    high = 100 * ((up.high or 0.0) - (down.low or 0.0))
    score = 100 * (promoters - detractors) / n
    return Estimate(score, max(-100.0, low), min(100.0, high), n, level, method)


def csat(scores: Sequence[float], *, satisfied_from: float = 4, level: float = LEVEL) -> Estimate:
    """Share of satisfied answers (0 to 1), those at or above `satisfied_from` (4 on a scale of 5)."""
    _check(scores, "CSAT")
    return csat_of_counts(sum(score >= satisfied_from for score in scores), len(scores), level=level)


def csat_of_counts(satisfied: int, n: int, *, level: float = LEVEL) -> Estimate:
    """Share satisfied (0 to 1), Wilson interval."""
    return _share(satisfied, n, "CSAT: share satisfied, Wilson interval", level)


def ces(scores: Sequence[float], *, level: float = LEVEL) -> Estimate:
    """Mean customer effort score of answers from 1 to 7 (7 is very easy), Student's t interval."""
    return _mean(scores, "CES", level)


def ces_positive(scores: Sequence[float], *, positive_from: float = 5, level: float = LEVEL) -> Estimate:
    """Share of effort answers (0 to 1) that are positive: 5 to 7 of 7."""
    return _share_from(scores, positive_from, "CES", level)


def ees(scores: Sequence[float], *, level: float = LEVEL) -> Estimate:
    """Mean employee effort score of answers from 1 to 7 (7 is very easy), Student's t interval.

    Employee effort, the mirror of customer effort: "it was made easy for me to help my customer". Not
    employee engagement, which goes by the same letters. Groups of few are shown by `employee_effort` only.
    """
    return _mean(scores, "EES", level)


def ees_positive(scores: Sequence[float], *, positive_from: float = 5, level: float = LEVEL) -> Estimate:
    """Share of employee effort answers (0 to 1) that are positive: 5 to 7 of 7."""
    return _share_from(scores, positive_from, "EES", level)


def _mean(scores: Sequence[float], name: str, level: float) -> Estimate:
    method = f"{name}: mean, Student's t interval"
    _check(scores, name)
    n = len(scores)
    if n == 0:
        return Estimate.unknown(NO_ANSWERS, method=method)
    mean = sum(scores) / n
    spread = sum((score - mean) ** 2 for score in scores)
    if n == 1 or spread == 0:
        return Estimate(mean, 1.0, 7.0, n, level, f"{name}: mean; no spread to measure, bounds of the scale")
    half = student_quantile(level, n - 1) * sqrt(spread / (n - 1) / n)
    return Estimate(mean, max(1.0, mean - half), min(7.0, mean + half), n, level, method)


def _share_from(scores: Sequence[float], positive_from: float, name: str, level: float) -> Estimate:
    _check(scores, name)
    positive = sum(score >= positive_from for score in scores)
    return _share(positive, len(scores), f"{name}: share positive, Wilson interval", level)


def _share(successes: int, n: int, method: str, level: float) -> Estimate:
    if n == 0:
        return Estimate.unknown(NO_ANSWERS, method=method)
    return replace(wilson(successes, n, level=level), method=method)


def _check(scores: Iterable[Any], name: str) -> None:
    least, most = SCALES[name]
    for score in scores:
        if not isinstance(score, numbers.Real | Decimal) or not least <= float(score) <= most:
            raise ValueError(f"{name} answers go from {least:g} to {most:g}; one is {score!r}.")


@dataclass(frozen=True, slots=True)
class Survey:
    """How the answers to a question become its figure.

    `points` scores each answer so that the mean is the figure; `low` and `high` bound the points.
    """

    name: str
    figure: Callable[..., Estimate]
    points: Callable[[Real], Real]
    low: float
    high: float

    def checked(self, scores: Iterable[Any]) -> Real:
        """The answers as numbers; ValueError where one is off the scale."""
        held = list(scores)
        _check(held, self.name)
        return np.asarray(held, dtype=np.float64)


def _nps_points(scores: Real) -> Real:
    return 100.0 * (scores >= 9) - 100.0 * (scores <= 6)


def _satisfied(scores: Real) -> Real:
    return np.asarray(scores >= 4, dtype=np.float64)


def _as_answered(scores: Real) -> Real:
    return scores


SURVEYS = {
    "nps": Survey("NPS", nps, _nps_points, -100.0, 100.0),
    "csat": Survey("CSAT", csat, _satisfied, 0.0, 1.0),
    "ces": Survey("CES", ces, _as_answered, 1.0, 7.0),
    "ees": Survey("EES", ees, _as_answered, 1.0, 7.0),
}


def survey_of(name: str) -> Survey:
    """The survey of a name such as "nps"."""
    if name not in SURVEYS:
        raise ValueError(f"There is no survey '{name}'. There are: {', '.join(SURVEYS)}.")
    return SURVEYS[name]
