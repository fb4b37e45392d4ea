"""Accounts in the order of any field: unknown last in both directions, equal ones by when they came.

A figure's order is read from its own index and matched against the ids of the filter: how fast a page comes
then does not depend on how the database would plan the join, nor much on how many accounts match.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from django.conf import settings
from django.db.models import F, Min, OuterRef, QuerySet, Subquery
from django.db.models.expressions import Combinable, OrderBy

from heed.customers.models import Account
from heed.measures.models import MetricDefinition, MetricValue, Risk
from heed.segments import contracts, money
from heed.segments.expressions import (
    Among,
    AttributeDay,
    AttributeFlag,
    AttributeNumber,
    AttributeText,
)
from heed.segments.fields import Family, Field, Kind
from heed.segments.probes import Asking, ownerships

FEW = 2_000
"""Up to so many matching accounts are worth naming to the database when it reads an order."""
COLUMNS = {"owner": "owner__name", "parent": "parent__name"}


@dataclass(frozen=True)
class Sort:
    field: Field
    descending: bool = False


class Arranged:
    """The matching accounts in order: how many, and the ids of any stretch of them."""

    def __init__(self, matching: QuerySet[Account], sort: Sort, asking: Asking, *, everyone: bool) -> None:
        """`everyone` says that no filter narrows the accounts: then the database counts and pages itself."""
        self._matching = matching
        self._sort = sort
        self._asking = asking
        self._is_own = sort.field.family in (Family.ACCOUNT, Family.ATTRIBUTE)
        self._by_itself = everyone and self._is_own
        self._is_walked = sort.field.name == INDEXED or not self._is_own

    def total(self) -> int:
        return self._matching.count() if self._by_itself else len(self._ids)

    def stretch(self, first: int, last: int) -> list[int]:
        """The ids from place `first` up to but not including `last`, counted from 0."""
        if self._by_itself:
            return list(self._in_own_order()[first:last])
        return list(islice(self.all(), first, last))

    def all(self) -> Iterable[int]:
        if self._by_itself:
            return self._in_own_order().iterator()
        return self._walked() if self._is_walked else self._ids

    @cached_property
    def _ids(self) -> list[int]:
        """The matching ids; where no index gives the order, in the order already."""
        if self._is_walked:
            return list(self._matching.order_by().values_list("pk", flat=True))
        return list(self._in_own_order())

    def _in_own_order(self) -> QuerySet[Account, int]:
        order = [_directed(expression, self._sort) for expression in self._own_expressions()]
        return self._matching.order_by(*order, "pk").values_list("pk", flat=True)

    def _own_expressions(self) -> list[Combinable]:
        if self._asking.past and self._sort.field.name == "owner":
            then = ownerships(self._asking.as_of).filter(account=OuterRef("pk")).order_by("pk")
            return [Subquery(then.values("owner__name")[:1])]
        return _own_expressions(self._sort.field)

    def _walked(self) -> Iterator[int]:
        """The order of all accounts, as far as it is asked for, without those that do not match."""
        left = set(self._ids)
        for account in self._order():
            if account in left:
                left.remove(account)
                yield account
        yield from sorted(left)

    def _order(self) -> Iterator[int]:
        if self._asking.past and self._sort.field.metric:
            return iter(self._by_past_values(self._sort.field.metric))
        if self._asking.past and self._sort.field.family is Family.SUBSCRIPTION:
            return iter(self._by_past_contracts())
        if self._is_own:
            return _in_steps(
                Account.objects.order_by(_directed(F(INDEXED), self._sort), "pk"), "pk", FIRST_STEP
            )
        rows = _figures(self._sort.field, self._asking)
        if self._asking.past and rows.model is Risk:
            return iter(())
        if len(self._ids) <= FEW:
            rows = rows.filter(Among("account_id", self._ids))
        family = self._sort.field.family
        ordered = rows.order_by(_directed(F(FIGURES.get(family, "total")), self._sort), "account_id")
        # What has to be added up first is asked for in fewer steps.
        return _in_steps(ordered, "account_id", FIRST_STEP if family in FIGURES else FIRST_STEP * 10)

    def _by_past_values(self, metric: MetricDefinition) -> list[int]:
        """Those whose value was known on the day asked about, in its order."""
        day = self._asking.as_of
        known = self._asking.history.values(metric, [day])[day].dropna()
        ids = Account.objects.filter(Among("key", list(known.index))).values_list("key", "pk")
        sign = -1 if self._sort.descending else 1
        return [pk for _value, pk in sorted((sign * known[key], pk) for key, pk in ids)]

    def _by_past_contracts(self) -> list[int]:
        rates = self._asking.rates.into(settings.HEED_CURRENCY)
        known = contracts.past_values(self._sort.field.name, self._asking.as_of, rates)
        ids = Account.objects.filter(Among("key", list(known))).order_by("pk").values_list("key", "pk")
        ordered = sorted(ids, key=lambda each: known[each[0]][0], reverse=self._sort.descending)
        return [pk for _key, pk in ordered]


def _in_steps(rows: QuerySet[Any], column: str, step: int) -> Iterator[int]:
    """Rows in order, a few first and then more: most pages need only a few."""
    first = 0
    while True:
        found = list(rows.values_list(column, flat=True)[first : first + step])
        yield from found
        if len(found) < step:
            return
        first, step = first + step, step * 4


INDEXED = "name"
FIRST_STEP = 500
FIGURES = {Family.METRIC: "value", Family.RISK: "probability"}


def _directed(expression: Any, sort: Sort) -> OrderBy:
    if sort.descending:
        return OrderBy(expression, descending=True, nulls_last=True)
    return OrderBy(expression, nulls_last=True)


def _figures(field: Field, asking: Asking) -> QuerySet[Any, Any]:
    """Rows of `account_id` and the figure, only where it is known."""
    if field.family is Family.METRIC:
        return MetricValue.objects.filter(metric=field.metric, value__isnull=False)
    if field.family is Family.RISK:
        return Risk.objects.filter(probability__isnull=False)
    if field.name == "plan":
        plans = asking.current_periods().exclude(plan="").order_by()
        return plans.values("account_id").annotate(total=Min("plan"))
    if field.name == "seats":
        return money.seats(asking.current_periods())
    if field.name == "renewal":
        return money.renewals(asking.current_periods(), asking.as_of)
    rates = asking.rates.into(settings.HEED_CURRENCY)
    return money.paid(asking.periods(), asking.as_of, rates, money.MONTHS[field.name])


def _own_expressions(field: Field) -> list[Combinable]:
    """What to order by; an attribute of several types puts numbers before texts."""
    if field.family is Family.ACCOUNT:
        return [F(COLUMNS.get(field.name, field.name))]
    by_kind: dict[Kind, list[Any]] = {
        Kind.NUMBER: [AttributeNumber(field.name)],
        Kind.DAY: [AttributeDay(field.name)],
        Kind.FLAG: [AttributeFlag(field.name)],
        Kind.TEXT: [AttributeText(field.name)],
    }
    several = [AttributeFlag(field.name), AttributeNumber(field.name), AttributeText(field.name)]
    return by_kind.get(field.kind, several)
