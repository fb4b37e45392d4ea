"""What pages read of customers: retention of a span, the accounts behind it, and their movements."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from heed.customers.models import Account, ExchangeRate, Movement, MovementKind, SubscriptionPeriod
from heed.evidence import revenue
from heed.evidence.revenue import Form, Member, Retention

ZERO = Decimal(0)

__all__ = [
    "Cohort",
    "Form",
    "Member",
    "Month",
    "Moved",
    "RetentionFigure",
    "cohort_of",
    "gone_accounts",
    "missing_rates",
    "movements_between",
    "movements_by_month",
    "reporting_currency",
    "retention_figures",
]


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
    return [
        RetentionFigure(currency, start, end, revenue.retention_of(members, form), rates)
        for currency, members, rates in _cohorts(start, end, into)
    ]


@dataclass(frozen=True, slots=True)
class Cohort:
    """The accounts behind a retention figure, as the figure's own formula took them."""

    figure: RetentionFigure
    members: list[Member]


def cohort_of(
    currency: str, start: date, end: date, *, form: Form = Form.POINT_TO_POINT, into: str | None = None
) -> Cohort | None:
    """Who stands behind the figures of one currency of `retention_figures`; None: nobody ever paid in it."""
    for found, members, rates in _cohorts(start, end, into):
        if found == currency:
            retention = revenue.retention_of(members, form)
            return Cohort(RetentionFigure(currency, start, end, retention, rates), members)
    return None


def _cohorts(
    start: date, end: date, into: str | None
) -> list[tuple[str, list[Member], tuple[ExchangeRate, ...]]]:
    rates: tuple[ExchangeRate, ...] = ()
    told = stored_movements(end) if into is None else []
    if into is not None:
        rates = tuple(ExchangeRate.objects.order_by("currency"))
        stated = {rate.currency: rate.rate for rate in rates}
        told = revenue.movements(revenue.converted(_periods(end), stated, into))
    found = revenue.cohorts(told, start, end)
    return [(currency, members, rates) for currency, members in found.items()]


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
    """What moved after the end of day `first`, up to the end of day `last`: a month, as far as it was asked.

    `moved` is in the order of `MovementKind`; None: none of that kind.
    """

    month: date
    currency: str
    moved: tuple[Moved | None, ...]
    first: date
    last: date

    @property
    def is_whole(self) -> bool:
        return self.first < self.month and self.last == last_of(self.month)

    @property
    def labelled(self) -> list[tuple[str, Moved | None]]:
        return list(zip(map(str, MovementKind.labels), self.moved, strict=True))

    @property
    def change(self) -> Decimal:
        return sum((moved.change for moved in self.moved if moved), ZERO)

    @property
    def n(self) -> int:
        return sum(moved.n for moved in self.moved if moved)


def last_of(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def movements_by_month(start: date, end: date) -> list[Month]:
    """Movements after `start` up to `end` by month and currency, newest month first."""
    rows = (
        movements_between(start, end)
        .order_by()
        .annotate(month=TruncMonth("on"))
        .values("month", "currency", "kind")
        .annotate(total=Sum(F("after") - F("before")), n=Count("pk"))
    )
    found: dict[tuple[date, str], dict[str, Moved]] = defaultdict(dict)
    for row in rows:
        place = (row["month"], row["currency"])
        found[place][row["kind"]] = Moved(row["kind"], row["total"], row["n"])
    return [
        Month(
            month,
            currency,
            tuple(moved.get(kind) for kind in MovementKind.values),
            first=max(start, month - timedelta(days=1)),
            last=min(end, last_of(month)),
        )
        for (month, currency), moved in sorted(
            found.items(), key=lambda item: (-item[0][0].toordinal(), item[0][1])
        )
    ]


def reporting_currency() -> str:
    return str(settings.HEED_CURRENCY)


def missing_rates() -> list[str]:
    """The currencies of subscriptions that have no stated rate into the reporting currency."""
    stated = {reporting_currency(), *ExchangeRate.objects.values_list("currency", flat=True)}
    standing = SubscriptionPeriod.objects.filter(withdrawn_at=None, account__withdrawn_at=None)
    return sorted(set(standing.order_by().values_list("currency", flat=True).distinct()) - stated)


def gone_accounts() -> frozenset[str]:
    """The keys of accounts that open no page: erased, or withdrawn."""
    gone = Account.objects.filter(Q(withdrawn_at__isnull=False) | Q(erased_at__isnull=False))
    return frozenset(gone.values_list("key", flat=True))
