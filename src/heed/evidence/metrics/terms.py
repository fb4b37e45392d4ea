"""What metrics need counted: terms over selections and windows, shared between metrics that need the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from heed.evidence.metrics.language import Activities, Aggregate, Metric

WORD = 63


class What(StrEnum):
    """One additive or distinct quantity of the activities of a window."""

    ROWS = "n"
    TOTAL = "total"
    VALUES = "value_n"
    CONTACTS = "contacts"
    NAMES = "names"
    DAYS = "days"
    LAST = "last"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Days whose age at the date (0 = the date itself) is from `youngest` up to, not including, `oldest`."""

    youngest: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Term:
    what: What
    activities: Activities
    window: Window


def windows_of(metric: Metric) -> list[Window]:
    """The metric's window, then the older ones it is compared with."""
    if metric.window is None:
        return []
    older = metric.comparison.windows if metric.comparison else 0
    return [Window(metric.window * k, metric.window * (k + 1)) for k in range(older + 1)]


_WHAT = {
    Aggregate.COUNT: (What.ROWS,),
    Aggregate.SUM: (What.TOTAL, What.VALUES),
    Aggregate.MEAN: (What.TOTAL, What.VALUES),
    Aggregate.LAST: (What.LAST,),
    Aggregate.DISTINCT_CONTACTS: (What.CONTACTS, What.ROWS),
    Aggregate.DISTINCT_NAMES: (What.NAMES, What.ROWS),
    Aggregate.DAYS_ACTIVE: (What.DAYS, What.ROWS),
    Aggregate.DAYS_SINCE_LAST: (),
}


def terms_of(metric: Metric) -> list[Term]:
    """Every term that the metric's value and n are made from."""
    if metric.aggregate is None or metric.activities.none_chosen:
        return []
    terms = [
        Term(what, metric.activities, window)
        for window in windows_of(metric)
        for what in _WHAT[metric.aggregate]
    ]
    if metric.per_activities:
        terms += [Term(What.ROWS, metric.per_activities, window) for window in windows_of(metric)]
    return terms


def presence(metric: Metric) -> Activities | None:
    """The selection that an account must have had once for the metric to be known of it: what it divides
    by, else what it says, else what it counts. None for facts and where nothing is chosen."""
    if metric.aggregate is None or metric.activities.none_chosen:
        return None
    return metric.per_activities or metric.known_by or metric.activities


def points(terms: Iterable[Term]) -> list[int]:
    """The ages at which some term begins or ends, ascending; long windows of days are cut into words
    of 63 days, so that the days of a piece fit the bits of one integer."""
    found: set[int] = set()
    for term in terms:
        found |= {term.window.youngest, term.window.oldest}
        if term.what is What.DAYS:
            found |= set(range(term.window.youngest, term.window.oldest, WORD))
    return sorted(found)


def longest_window(metrics: Iterable[Metric]) -> int:
    """Days that the windows of these metrics reach back, comparisons included (0 for facts alone)."""
    return max((window.oldest for metric in metrics for window in windows_of(metric)), default=0)
