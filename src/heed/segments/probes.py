"""For each family of fields: the accounts whose value compares so, and those whose value is known."""

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    IContains,
    IsNull,
    IStartsWith,
    LessThan,
    LessThanOrEqual,
)

from heed.customers.models import Account, Ownership, SubscriptionPeriod
from heed.measures.models import MetricDefinition, MetricValue, Risk
from heed.people.models import User
from heed.segments import contracts, money
from heed.segments.expressions import (
    Among,
    AttributeDay,
    AttributeFlag,
    AttributeKnown,
    AttributeNumber,
    AttributeText,
)
from heed.segments.fields import Catalogue, Family, Field, Kind
from heed.segments.history import Figure
from heed.segments.tree import (
    Amount,
    Comparison,
    Day,
    Flag,
    Me,
    Number,
    Percent,
    Text,
    Value,
)

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = {
    Comparison.IS: "",
    Comparison.ABOVE: "__gt",
    Comparison.AT_LEAST: "__gte",
    Comparison.BELOW: "__lt",
    Comparison.AT_MOST: "__lte",
    Comparison.CONTAINS: "__icontains",
    Comparison.STARTS: "__istartswith",
}
LOOKUPS: dict[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.IS: Exact,
    Comparison.ABOVE: GreaterThan,
    Comparison.AT_LEAST: GreaterThanOrEqual,
    Comparison.BELOW: LessThan,
    Comparison.AT_MOST: LessThanOrEqual,
    Comparison.CONTAINS: IContains,
    Comparison.STARTS: IStartsWith,
}
SERIES: dict[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.IS: operator.eq,
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.CONTAINS: lambda text, part: part.lower() in text.lower(),
    Comparison.STARTS: lambda text, part: text.lower().startswith(part.lower()),
}


class History(Protocol):
    """What the activities alone can answer."""

    def values(self, metric: MetricDefinition, days: Sequence[date]) -> "pd.DataFrame":
        """A column per day and a row per account key; NaN where the metric was unknown on that day."""

    def figures(
        self, metrics: Sequence[MetricDefinition], day: date, accounts: Collection[str]
    ) -> Mapping[tuple[str, str], Figure]:
        """By account key and metric key, what was known on that day of these accounts."""

    def counts(self, activity: str | None, first: date, last: date) -> Mapping[str, int]:
        """How often it happened from `first` to `last`, as known on `last`; only accounts where it did."""


@dataclass(frozen=True)
class Asking:
    """Who asks, as of which day. `past` True asks for what was known then, not for the latest figures."""

    user: User
    as_of: date
    past: bool
    catalogue: Catalogue
    history: History
    rates: money.Rates

    def periods(self) -> QuerySet[SubscriptionPeriod]:
        """As they are known now; of a past day, `contracts` tells what was known then."""
        return money.begun_periods(self.as_of)

    def current_periods(self) -> QuerySet[SubscriptionPeriod]:
        return money.current_periods(self.as_of)


def compares(field: Field, comparison: Comparison, value: Value, asking: Asking) -> Q:
    """The accounts whose known value compares so; `comparison` is none of `is not` and `does not contain`."""
    match field.family:
        case Family.METRIC:
            return _metric(field, asking, comparison, _plain(value))
        case Family.RISK:
            return _within_table(Risk.objects, "probability", comparison, _plain(value))
        case Family.ATTRIBUTE:
            expression = ATTRIBUTES[type(value)](field.name)
            return Q(LOOKUPS[comparison](expression, _plain(value, as_json=True)))
        case Family.SUBSCRIPTION:
            return _subscription(field, asking, comparison, value)
        case Family.ACCOUNT:
            return _own(field, asking, comparison, value)


def is_known(field: Field, asking: Asking, value: Value | None = None) -> Q:
    """The accounts whose value is known; with `value`, known as a value of its type."""
    match field.family:
        case Family.METRIC:
            return _metric(field, asking, None, None)
        case Family.RISK:
            return Q(pk__in=Risk.objects.exclude(probability=None).values("account_id"))
        case Family.ATTRIBUTE if value is None:
            return Q(Exact(AttributeKnown(field.name), 1))
        case Family.ATTRIBUTE:
            return Q(IsNull(ATTRIBUTES[type(value)](field.name), False))
        case Family.SUBSCRIPTION:
            return _subscription(field, asking, None, value)
        case Family.ACCOUNT:
            return _own_known(field, asking)


ATTRIBUTES: dict[type, Callable[[str], Any]] = {
    Text: AttributeText,
    Number: AttributeNumber,
    Flag: AttributeFlag,
    Day: AttributeDay,
}


def _plain(value: Value, *, as_json: bool = False) -> Any:
    match value:
        case Text(text):
            return text
        case Number(number):
            return float(number)
        case Percent(percent):
            return float(percent / 100)
        case Amount(amount):
            return float(amount)
        case Day(day):
            return day.isoformat() if as_json else day
        case Flag(flag):
            return int(flag)
        case Me():
            raise TypeError("'me' is compared with people only; check the filter before asking it.")


def _within_table(rows: Any, column: str, comparison: Comparison | None, value: Any) -> Q:
    lookup = {f"{column}{SUFFIXES[comparison]}": value} if comparison else {f"{column}__isnull": False}
    return Q(pk__in=rows.filter(**lookup).order_by().values("account_id"))


def _metric(field: Field, asking: Asking, comparison: Comparison | None, value: Any) -> Q:
    if field.metric is None:
        raise LookupError(f"{field.key} is no metric")
    if not asking.past:
        rows = MetricValue.objects.filter(metric=field.metric)
        return _within_table(rows, "value", comparison, value)
    column = asking.history.values(field.metric, [asking.as_of])[asking.as_of]
    found = SERIES[comparison](column, value) if comparison else column.notna()
    return Q(Among("key", list(column.index[found])))


def _subscription(field: Field, asking: Asking, comparison: Comparison | None, value: Value | None) -> Q:
    currency = value.currency if isinstance(value, Amount) else settings.HEED_CURRENCY
    rates = asking.rates.into(currency)
    if asking.past:
        return _past_subscription(field, asking, rates, comparison, value)
    if field.name == "plan":
        named = asking.current_periods().exclude(plan="")
        return _within_table(named, "plan", comparison, _plain(value) if value else None)
    rows: Any
    if field.name == "seats":
        rows = money.seats(asking.current_periods())
    elif field.name == "renewal":
        rows = money.renewals(asking.current_periods(), asking.as_of)
    else:
        rows = money.paid(asking.periods(), asking.as_of, rates, money.MONTHS[field.name])
    wanted = _plain(value) if value else None
    if comparison and value:
        rows = rows.filter(**{f"total{SUFFIXES[comparison]}": wanted})
    return Q(pk__in=rows.values("account_id"))


def _past_subscription(
    field: Field,
    asking: Asking,
    rates: Mapping[str, float],
    comparison: Comparison | None,
    value: Value | None,
) -> Q:
    found = contracts.past_values(field.name, asking.as_of, rates)
    if comparison and value:
        wanted, fits = _plain(value), SERIES[comparison]
        found = {key: values for key, values in found.items() if any(fits(each, wanted) for each in values)}
    return Q(Among("key", list(found)))


def _own(field: Field, asking: Asking, comparison: Comparison, value: Value) -> Q:
    if field.kind is Kind.PERSON:
        return _owned_by(_people(comparison, value, asking), asking)
    if field.kind is Kind.ACCOUNT:
        suffix, name = SUFFIXES[comparison], _plain(value)
        named = Account.objects.filter(Q(**{f"name{suffix}": name}) | Q(**{f"key{suffix}": name}))
        return Q(parent_id__in=named.values("pk"))
    return Q(**{f"{field.name}{SUFFIXES[comparison]}": _plain(value)})


def _own_known(field: Field, asking: Asking) -> Q:
    if field.kind is Kind.PERSON:
        return _owned_by(None, asking)
    if field.kind is Kind.TEXT:
        return ~Q(**{field.name: ""})
    return Q(**{f"{field.name}__isnull": False})


def _people(comparison: Comparison, value: Value, asking: Asking) -> list[int]:
    if isinstance(value, Me):
        return [asking.user.pk]
    suffix, name = SUFFIXES[comparison], _plain(value)
    address = "__iexact" if comparison is Comparison.IS else suffix
    named = User.objects.filter(Q(**{f"name{suffix}": name}) | Q(**{f"email{address}": name}))
    return list(named.values_list("pk", flat=True))


def _owned_by(people: list[int] | None, asking: Asking) -> Q:
    """Accounts that one of these people (None: anybody) looks after, or looked after then."""
    if not asking.past:
        return Q(owner__isnull=False) if people is None else Q(owner_id__in=people)
    then = ownerships(asking.as_of)
    if people is not None:
        then = then.filter(owner_id__in=people)
    return Q(pk__in=then.values("account_id"))


def ownerships(day: date) -> QuerySet[Ownership]:
    """Who looked after which account on a day."""
    return Ownership.objects.filter(Q(until=None) | Q(until__gt=day), since__lte=day)


__all__ = ["SERIES", "Asking", "Figure", "History", "compares", "is_known", "ownerships"]
