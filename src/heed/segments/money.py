"""What accounts pay on a day, in one currency, and what their current subscriptions say."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Case, Count, FloatField, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Round

from heed.customers.models import ExchangeRate, SubscriptionPeriod

Rows = QuerySet[SubscriptionPeriod, Any]
MONTHS = {"mrr": 1, "arr": 12}


@dataclass(frozen=True)
class Rates:
    """Units of the reporting currency for one unit of each currency, as people stated them."""

    reporting: str
    stated: dict[str, Decimal]

    @classmethod
    def now(cls) -> "Rates":
        stated = dict(ExchangeRate.objects.values_list("currency", "rate"))
        return cls(settings.HEED_CURRENCY, stated | {settings.HEED_CURRENCY: Decimal(1)})

    def into(self, currency: str) -> dict[str, float]:
        """Units of `currency` for one unit of each currency that can be converted."""
        target = self.stated.get(currency)
        if not target:
            return {currency: 1.0}
        return {name: float(rate / target) for name, rate in self.stated.items()} | {currency: 1.0}


def begun_periods(as_of: date) -> QuerySet[SubscriptionPeriod]:
    """Periods that had begun by the day, as they are known now."""
    return SubscriptionPeriod.objects.filter(withdrawn_at=None, starts_on__lte=as_of)


def is_current(as_of: date) -> Q:
    return Q(ends_on=None) | Q(ends_on__gt=as_of)


def current_periods(as_of: date) -> QuerySet[SubscriptionPeriod]:
    return begun_periods(as_of).filter(is_current(as_of))


def paid(periods: QuerySet[SubscriptionPeriod], as_of: date, rates: dict[str, float], months: int) -> Rows:
    """`account_id` and `total` per account with a period, in the currency of the rates.

    Zero where all periods have ended; accounts with a current amount that no rate converts are left out.
    """
    current = is_current(as_of)
    amount = Cast("monthly_amount", FloatField())
    converted = Case(
        *(When(currency=name, then=amount * Value(rate * months)) for name, rate in rates.items()),
        output_field=FloatField(),
    )
    summed = Coalesce(Sum(converted, filter=current), Value(0.0), output_field=FloatField())
    return (
        periods.order_by()
        .values("account_id")
        .annotate(
            total=Round(summed, precision=4, output_field=FloatField()),
            foreign=Count("pk", filter=current & ~Q(currency__in=list(rates))),
        )
        .filter(foreign=0)
    )


def seats(periods: QuerySet[SubscriptionPeriod]) -> Rows:
    """`account_id` and `total` seats per account whose current periods say how many."""
    counted = periods.order_by().exclude(seats=None)
    return counted.values("account_id").annotate(total=Sum("seats"))


def renewals(periods: QuerySet[SubscriptionPeriod], as_of: date) -> Rows:
    """`account_id` and `total`: the next day of renewal of a current period."""
    coming = periods.order_by().filter(renews_on__gte=as_of)
    return coming.values("account_id").annotate(total=Min("renews_on"))
