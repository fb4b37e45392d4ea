"""What pages and programs read of measures: figures of an account, definitions, the rows behind each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from heed.customers.models import Account
from heed.evidence.metrics import Metric
from heed.measures.behind import ROWS, BehindPage, rows_behind
from heed.measures.definitions import metric_of
from heed.measures.measuring import Point, measure_history
from heed.measures.models import MetricDefinition, MetricValue, Risk
from heed.measures.wording import direction_words, made_of, window_words

__all__ = [
    "ROWS",
    "BehindPage",
    "Definition",
    "Figure",
    "Freshness",
    "Point",
    "definition_of",
    "definitions",
    "freshness",
    "metric_names",
    "risk_of",
    "rows_behind",
    "standing_of",
    "trends_of",
    "versions_of",
]

NOT_MEASURED = "not measured yet"


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one account: `value` in `metric.unit`, or None with the `reason` why it is unknown.

    `as_of` None: not measured yet. `change` is value less the value at `earlier_as_of`, None unless both
    are known.
    """

    metric: Metric
    value: float | None
    n: int
    reason: str
    as_of: date | None
    earlier_value: float | None = None
    earlier_as_of: date | None = None

    @property
    def key(self) -> str:
        return self.metric.key

    @property
    def window(self) -> str:
        return window_words(self.metric)

    @property
    def change(self) -> float | None:
        if self.value is None or self.earlier_value is None:
            return None
        return self.value - self.earlier_value


@dataclass(frozen=True, slots=True)
class Definition:
    """A version of a metric, and of how many accounts it is known and unknown (as last measured)."""

    row: MetricDefinition
    metric: Metric
    known: int = 0
    unknown: int = 0

    @property
    def window(self) -> str:
        return window_words(self.metric)

    @property
    def direction(self) -> str:
        return direction_words(self.metric)

    @property
    def made_of(self) -> str:
        return made_of(self.metric)


@dataclass(frozen=True, slots=True)
class Freshness:
    """The span of dates as of which the figures in force were measured."""

    first: date | None
    last: date | None


def standing_of(account: Account) -> list[Figure]:
    """Every metric in force of the account, in the order of the definitions."""
    values = {value.metric_id: value for value in account.metric_values.all()}
    current = MetricDefinition.objects.filter(is_current=True).order_by("pk")
    return [_figure(metric_of(row), values.get(row.pk)) for row in current]


def _figure(metric: Metric, value: MetricValue | None) -> Figure:
    if value is None:
        return Figure(metric, None, 0, NOT_MEASURED, None)
    return Figure(
        metric,
        value.value,
        value.n,
        value.reason,
        value.as_of,
        value.earlier_value,
        value.earlier_as_of,
    )


def trends_of(
    account: Account,
    as_of: date,
    *,
    points: int = 12,
    days: int = 28,
    keys: Collection[str] | None = None,
) -> dict[str, list[Point]]:
    """Metrics in force (all, or those of `keys`) at `points` dates, `days` apart, the last one `as_of`."""
    dates = [as_of - timedelta(days=days * k) for k in reversed(range(points))]
    return measure_history(account, dates, keys)


def definitions() -> list[Definition]:
    """The definitions in force, with how many accounts each is known of."""
    rows = _counted(MetricDefinition.objects.filter(is_current=True)).order_by("pk")
    return [_definition(row) for row in rows]


def versions_of(key: str) -> list[Definition]:
    """All versions of a metric, newest first; 404 when there is none."""
    rows = list(_counted(MetricDefinition.objects.filter(key=key)).order_by("-version"))
    if not rows:
        raise Http404(_("There is no metric %(key)s.") % {"key": key})
    return [_definition(row) for row in rows]


def definition_of(key: str, version: int | None = None) -> Definition:
    """A version of a metric, or the one in force; 404 when there is none."""
    for each in versions_of(key):
        if each.row.version == version or (version is None and each.row.is_current):
            return each
    raise Http404(_("There is no version %(n)s of the metric %(key)s.") % {"n": version, "key": key})


def _counted(rows: QuerySet[MetricDefinition]) -> QuerySet[Any]:
    return rows.annotate(
        known=Count("values", filter=Q(values__value__isnull=False)),
        unknown=Count("values", filter=Q(values__value__isnull=True)),
    )


def _definition(row: Any) -> Definition:
    return Definition(row, metric_of(row), row.known, row.unknown)


def metric_names() -> dict[str, str]:
    """The name of every metric by its key, in force or not, as it was last defined."""
    return dict(MetricDefinition.objects.order_by("version").values_list("key", "name"))


def freshness() -> Freshness:
    span = MetricValue.objects.filter(metric__is_current=True).aggregate(
        first=Min("as_of"), last=Max("as_of")
    )
    return Freshness(span["first"], span["last"])


def risk_of(account: Account) -> Risk | None:
    return Risk.objects.select_related("clock").filter(account=account).first()


def unknowns_of(figures: Sequence[Figure]) -> list[Figure]:
    """What is not known of an account."""
    return [figure for figure in figures if figure.value is None]
