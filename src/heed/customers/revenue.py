"""Reads of revenue: what an account pays, retention of a period, and the movements behind both."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import TruncMonth

from heed.customers.models import Account, ExchangeRate, Movement, MovementKind, SubscriptionPeriod
from heed.evidence import revenue
from heed.evidence.revenue import Form, Retention

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Revenue:
    """What is paid in one currency: `mrr` a month, and the periods in force that it adds up."""

    currency: str
    mrr: Decimal
    periods: tuple[SubscriptionPeriod, ...]

    @property
    def arr(self) -> Decimal:
        return self.mrr * 12


def revenue_of(account: Account, as_of: date) -> list[Revenue]:
    """What the account pays on a day, by currency; empty: no paid subscription is in force."""
    by_currency: dict[str, list[SubscriptionPeriod]] = defaultdict(list)
    for period in periods_in_force(account, as_of):
        by_currency[period.currency].append(period)
    return [
        Revenue(currency, sum((period.monthly_amount for period in periods), ZERO), tuple(periods))
        for currency, periods in sorted(by_currency.items())
    ]


def periods_in_force(account: Account, as_of: date) -> list[SubscriptionPeriod]:
    begun = account.subscription_periods.filter(withdrawn_at=None, starts_on__lte=as_of)
    return [p for p in begun.order_by("starts_on", "key") if p.ends_on is None or p.ends_on > as_of]


@dataclass(frozen=True, slots=True)
class RetentionFigure:
    """GRR and NRR of one currency over a span of days; the definition is in each estimate's `method`.

    `rates` are those that amounts were converted by, empty where currencies are kept apart.
    """

    currency: str
    start: date
    end: date
    retention: Retention
    rates: tuple[ExchangeRate, ...] = ()

    @property
    def grr(self) -> str:
        return share(self.retention.grr.value)

    @property
    def nrr(self) -> str:
        return share(self.retention.nrr.value)


def share(value: float | None) -> str:
    """A share of one as per cent with one decimal, the way retention is told."""
    return "" if value is None else f"{value * 100:.1f} %"


def retention_figures(
    start: date, end: date, *, form: Form = Form.POINT_TO_POINT, into: str | None = None
) -> list[RetentionFigure]:
    """Retention from the end of day `start` to the end of day `end`, by currency or converted `into` one.

    Raises ValueError when the end is not after the start, or a currency has no stated rate.
    """
    if into is None:
        found = revenue.retention(stored_movements(end), start, end, form=form)
        return [RetentionFigure(currency, start, end, each) for currency, each in found.items()]
    rates = tuple(ExchangeRate.objects.order_by("currency"))
    periods = revenue.converted(_periods(end), {rate.currency: rate.rate for rate in rates}, into)
    found = revenue.retention(revenue.movements(periods), start, end, form=form)
    return [RetentionFigure(currency, start, end, each, rates) for currency, each in found.items()]


def stored_movements(until: date) -> list[revenue.Movement]:
    """The movements of standing accounts up to a day, as the formulas take them."""
    rows = Movement.objects.filter(on__lte=until, account__withdrawn_at=None).order_by("account_id", "on")
    fields = ("account__key", "on", "kind", "before", "after", "currency")
    return [
        revenue.Movement(account, on, revenue.MovementKind(kind), before, after, currency)
        for account, on, kind, before, after, currency in rows.values_list(*fields).iterator(
            chunk_size=10_000
        )
    ]


def _periods(until: date) -> list[revenue.Period]:
    rows = SubscriptionPeriod.objects.filter(
        withdrawn_at=None, account__withdrawn_at=None, starts_on__lte=until
    )
    fields = ("account__key", "starts_on", "ends_on", "monthly_amount", "currency")
    return [revenue.Period(*row) for row in rows.values_list(*fields)]


def movements_between(
    start: date, end: date, *, kind: str = "", currency: str = "", account: Account | None = None
) -> QuerySet[Movement]:
    """The movements after `start`, up to and including `end`, newest first, each with its account."""
    rows = Movement.objects.filter(on__gt=start, on__lte=end, account__withdrawn_at=None)
    if kind:
        rows = rows.filter(kind=kind)
    if currency:
        rows = rows.filter(currency=currency)
    if account is not None:
        rows = rows.filter(account=account)
    return rows.select_related("account").order_by("-on", "account__key", "currency")


@dataclass(frozen=True, slots=True)
class Moved:
    """The movements of one kind in a month: the change of MRR they add up to, and how many they are."""

    kind: str
    change: Decimal
    n: int


@dataclass(frozen=True, slots=True)
class Month:
    month: date
    currency: str
    moved: tuple[Moved | None, ...]

    @property
    def before(self) -> date:
        """The last day before the month."""
        return self.month - timedelta(days=1)

    @property
    def last(self) -> date:
        return (self.month + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    @property
    def change(self) -> Decimal:
        return sum((moved.change for moved in self.moved if moved), ZERO)


def movements_by_month(start: date, end: date) -> list[Month]:
    """Movements by month and currency, newest month first, in the order of `MovementKind`; None: none."""
    rows = (
        movements_between(start, end)
        .order_by()
        .annotate(month=TruncMonth("on"))
        .values("month", "currency", "kind")
        .annotate(change=Sum(F("after") - F("before")), n=Count("pk"))
    )
    found: dict[tuple[date, str], dict[str, Moved]] = defaultdict(dict)
    for row in rows:
        place = (row["month"], row["currency"])
        found[place][row["kind"]] = Moved(row["kind"], row["change"], row["n"])
    return [
        Month(month, currency, tuple(moved.get(kind) for kind in MovementKind.values))
        for (month, currency), moved in sorted(
            found.items(), key=lambda item: (-item[0][0].toordinal(), item[0][1])
        )
    ]


def reporting_currency() -> str:
    return str(settings.HEED_CURRENCY)


def missing_rates(currencies: Sequence[str]) -> list[str]:
    """The currencies in use that have no stated rate into the reporting currency."""
    stated = {reporting_currency(), *ExchangeRate.objects.values_list("currency", flat=True)}
    return sorted(set(currencies) - stated)
