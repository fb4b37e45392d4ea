"""What Today shows: the same for its page and for `heed today`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Case as Choose
from django.db.models import Count, Exists, F, FloatField, Max, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext as _

from heed.customers.models import Account, AccountKind, ExchangeRate, SubscriptionPeriod
from heed.desk import words
from heed.desk.findings import SILENT_DAYS
from heed.desk.models import WorkKind, WorklistRow, WorkState
from heed.ledger import clock
from heed.measures.models import MetricValue, Risk
from heed.people.models import User

DECIDED = [WorkState.DONE, WorkState.SNOOZED, WorkState.NOT_USEFUL]
CONVERSATION = "days_since_conversation"


@dataclass(frozen=True, slots=True)
class Quote:
    """Verbatim words of the customer: who said them (a role), when, where, and the address of the rows."""

    words: str
    speaker: str
    at: datetime
    source: str
    href: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the list, ready to be read. Amounts are yearly, probabilities shares of one."""

    id: int
    rank: int
    kind: str
    account: str
    name: str
    about: str
    url: str
    why: str
    evidence: Sequence[Mapping[str, str]]
    unknowns: Sequence[str]
    quote: Quote | None
    change: str
    first_step: str
    due_on: date | None
    since: date | None
    stake: Decimal | None
    currency: str
    probability: float | None
    low: float | None
    high: float | None
    horizon_on: date | None
    n: int | None
    events: int | None
    method: str
    first_shown_on: date
    state: str
    state_reason: str = ""
    snoozed_until: date | None = None

    @property
    def untold(self) -> Sequence[str]:
        """What is unknown and does not stand in the sentence already."""
        return [line for line in self.unknowns if line not in self.why]

    @property
    def by(self) -> str:
        """The day by which the probability holds, short, with its year where it is not this one."""
        return words.short_day(self.horizon_on, clock.today()) if self.horizon_on else ""

    @property
    def waited(self) -> str:
        """How long it has been open: `34 days`."""
        return words.days((clock.today() - self.since).days) if self.since else ""

    @property
    def interval(self) -> str:
        return words.interval(self.low, self.high, share=True)


@dataclass(frozen=True, slots=True)
class Section:
    kind: str
    title: str
    note: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Silent:
    """Accounts without a recorded conversation for 90 days, and their share of the yearly amounts.

    `share` is None when no amount is known; `unpriced` counts the silent ones without a known amount.
    """

    accounts: int
    of: int
    share: float | None
    never: int
    unpriced: int
    days: int
    url: str


@dataclass(frozen=True, slots=True)
class Today:
    """A person's day: the rows that stand, what was decided today, and whom nobody has heard."""

    person: str
    email: str
    as_of: date
    ranked_on: date | None
    capacity: int
    sections: Sequence[Section]
    decided: Sequence[Row]
    snoozed: int
    silent: Silent | None
    unowned: int
    accounts: int

    @property
    def count(self) -> int:
        return sum(len(section.rows) for section in self.sections)

    @property
    def new(self) -> int:
        return sum(row.first_shown_on == self.ranked_on for section in self.sections for row in section.rows)


def today(user: User, as_of: date) -> Today:
    """The list of this person as of the day: the rows of the last ranking up to it."""
    rows = rows_of(user)
    standing = [row for row in rows if row.state == WorkState.OPEN]
    return Today(
        person=user.name,
        email=user.email,
        as_of=as_of,
        ranked_on=WorklistRow.objects.aggregate(last=Max("as_of"))["last"],
        capacity=user.capacity,
        sections=sections_of(standing),
        decided=[row for row in rows if row.state != WorkState.OPEN],
        snoozed=WorklistRow.objects.filter(person=user, state=WorkState.SNOOZED).count(),
        silent=silent_of(user, as_of),
        unowned=standing_accounts().filter(Q(owner=None) | Q(owner__is_active=False)).count(),
        accounts=standing_accounts().filter(owner=user).count(),
    )


def rows_of(user: User) -> list[Row]:
    """The open rows in their order, then what was decided on the list of the same day."""
    last = WorklistRow.objects.filter(person=user).aggregate(last=Max("as_of"))["last"]
    if last is None:
        return []
    decided = Q(as_of=last, state__in=DECIDED, decided_at__date__gte=last)
    found = WorklistRow.objects.filter(Q(state=WorkState.OPEN) | decided, person=user)
    found = found.select_related("account", "account__risk")
    return [row_of(row) for row in found.order_by(F("rank").asc(nulls_last=True), "id")]


def row_of(row: WorklistRow) -> Row:
    risk: Risk | None = getattr(row.account, "risk", None)
    account = row.account
    return Row(
        id=row.pk,
        rank=row.rank or 0,
        kind=row.kind,
        account=account.key,
        name=account.name,
        about=about(account),
        url=reverse("desk:account", kwargs={"key": account.key}),
        why=row.why,
        evidence=row.evidence,
        unknowns=row.unknowns,
        quote=quote_of(row.quote),
        change=row.change,
        first_step=row.first_step,
        due_on=row.due_on,
        since=row.since,
        stake=row.stake,
        currency=row.currency,
        probability=row.probability,
        low=row.low,
        high=row.high,
        horizon_on=risk.horizon_on if risk else None,
        n=risk.n if risk else None,
        events=risk.events if risk else None,
        method=risk.method if risk else "",
        first_shown_on=row.first_shown_on,
        state=row.state,
        state_reason=row.state_reason,
        snoozed_until=row.snoozed_until,
    )


def quote_of(kept: Mapping[str, str] | None) -> Quote | None:
    if kept is None:
        return None
    at = datetime.fromisoformat(kept["at"])
    return Quote(kept["words"], kept["speaker"], at, kept["source"], kept["href"])


def about(account: Account) -> str:
    """What kind of customer it is, by the first of the attributes that usually say so."""
    named = (account.attributes.get(name) for name in ("segment", "tier", "size", "plan", "industry"))
    return " · ".join(str(value) for value in named if isinstance(value, str) and value)[:60]


def sections_of(rows: Sequence[Row]) -> list[Section]:
    """What is due by date first, in the order of how soon it hurts; then risk by value at stake."""
    titles = {
        WorkKind.HARM: (_("Harm not put right"), _("severe cases, the longest open first")),
        WorkKind.CASE: (_("Cases waiting"), _("no first reply yet")),
        WorkKind.FOLLOW_UP: (_("Follow-ups"), _("planned, with an agenda")),
        WorkKind.RENEWAL: (_("Renewals due"), _("within 30 days")),
        WorkKind.RISK: (
            _("At risk, by what is at stake"),
            _("yearly amount × probability of leaving, which knows the renewal date only"),
        ),
    }
    return [
        Section(kind, title, note, found)
        for kind, (title, note) in titles.items()
        if (found := [row for row in rows if row.kind == kind])
    ]


def standing_accounts() -> QuerySet[Account]:
    return Account.objects.filter(withdrawn_at=None, erased_at=None, kind=AccountKind.CUSTOMER)


def silent_of(user: User, as_of: date) -> Silent | None:
    """Among the person's accounts that pay, or of which that is not known.

    None while no conversation has been measured for anybody.
    """
    periods = SubscriptionPeriod.objects.filter(account=OuterRef("pk"), withdrawn_at=None)
    paying = periods.filter(
        Q(ends_on=None) | Q(ends_on__gt=as_of), starts_on__lte=as_of, monthly_amount__gt=0
    )
    mine = standing_accounts().filter(Exists(paying) | ~Exists(periods), owner=user)
    measured = MetricValue.objects.filter(metric__key=CONVERSATION, metric__is_current=True, account__in=mine)
    quiet = Q(value=None) | Q(value__gte=SILENT_DAYS)
    amount = in_reporting_currency("account__risk__yearly_amount", "account__risk__currency")
    found = measured.annotate(amount=amount).aggregate(
        of=Count("id"), accounts=Count("id", filter=quiet), never=Count("id", filter=Q(value=None)),
        unpriced=Count("id", filter=quiet & Q(amount=None)), total=Sum("amount"),
        silent=Sum("amount", filter=quiet),
    )  # fmt: skip
    if not found["of"]:
        return None
    share = (found["silent"] or 0.0) / found["total"] if found["total"] else None
    counts = found["accounts"], found["of"], share, found["never"], found["unpriced"]
    return Silent(*counts, SILENT_DAYS, silent_url(user))


def silent_url(user: User) -> str:
    """The list of the same accounts."""
    quiet = f"({CONVERSATION} >= {SILENT_DAYS} or {CONVERSATION} is unknown)"
    paying = "(mrr > 0 or mrr is unknown)"
    text = f'owner is "{user.email}" and kind is "customer" and {paying} and {quiet}'
    return "/customers/?" + urlencode({"q": text})


def in_reporting_currency(amount: str, currency: str) -> Choose:
    """The amount by the stated rates; unknown where a currency has none."""
    rates = dict(ExchangeRate.objects.values_list("currency", "rate")) | {settings.HEED_CURRENCY: Decimal(1)}
    cases = [
        When(**{currency: code}, then=Cast(F(amount), FloatField()) * Value(float(rate)))
        for code, rate in rates.items()
    ]
    return Choose(*cases, default=None, output_field=FloatField())
