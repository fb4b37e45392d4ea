"""What Today shows: the same for its page and for `heed today`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, F, FloatField, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from heed.conversations.reads import open_plans
from heed.customers.access import accounts_for
from heed.customers.models import Account, AccountKind, SubscriptionPeriod
from heed.desk.candidates import end_of
from heed.desk.findings import SILENT_DAYS
from heed.desk.models import WorkKind, WorklistRow, WorkState
from heed.ledger import clock, words
from heed.measures.models import MetricValue, Risk
from heed.people.models import User
from heed.people.permissions import Permission, allows
from heed.segments import money
from heed.segments.grammar import parse
from heed.segments.reads import accounts_matching
from heed.segments.tokens import LONGEST, quoted

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
    """One row of the list, ready to be read. Amounts are yearly, probabilities shares of one.

    An unknown probability has its reason beside it.
    """

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
    probability_reason: str
    low: float | None
    high: float | None
    horizon_on: date | None
    n: int | None
    events: int | None
    method: str
    as_of: date
    first_shown_on: date
    state: str
    state_reason: str = ""
    snoozed_until: date | None = None

    @property
    def risk_url(self) -> str:
        """The stays that the probability was read from."""
        return reverse("measures:risk", kwargs={"key": self.account})

    @property
    def clock_url(self) -> str:
        """What its clock counts from or to: a case, a plan, or a renewal."""
        anchors = {WorkKind.HARM: "cases", WorkKind.CASE: "cases", WorkKind.FOLLOW_UP: "planned"}
        return f"{self.url}#{anchors.get(WorkKind(self.kind), 'subscriptions')}"

    @property
    def untold(self) -> Sequence[str]:
        """What is unknown and does not stand in the sentence already."""
        return [line for line in self.unknowns if line not in self.why]

    @property
    def by(self) -> str:
        """The day by which the probability holds, short, with its year where it is not this one."""
        return words.short_day(self.horizon_on, clock.today()) if self.horizon_on else ""

    @property
    def told_on(self) -> str:
        """The day that it was told of, where that is past; else empty."""
        today = clock.today()
        return words.day(self.as_of, today) if self.as_of < today else ""

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
class Counted:
    """A number of accounts, and the list that shows them; `whole` False: the list shows only some of them."""

    n: int
    url: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Silent:
    """Accounts without a recorded conversation for 90 days, and their share of the yearly amounts.

    `share` is None when no amount is known; `unpriced` counts the silent ones without a known amount.
    Accounts that came after the last measuring are in none of these numbers but in `unmeasured`: what is
    on record of them is not known yet. No filter tells them apart, so the lists hold them too.
    """

    accounts: Counted
    of: Counted
    share: float | None
    never: Counted
    unpriced: Counted
    unmeasured: int
    days: int


@dataclass(frozen=True, slots=True)
class Today:
    """A person's day: the rows that stand, what was decided today or put off before, and who is not heard.

    `unowned` is None for who may not see the work of the team.
    """

    person: str
    email: str
    as_of: date
    ranked_on: date | None
    capacity: int
    sections: Sequence[Section]
    decided: Sequence[Row]
    resting: Sequence[Row]
    silent: Silent | None
    unowned: Counted | None
    accounts: Counted

    @property
    def count(self) -> int:
        return sum(len(section.rows) for section in self.sections)

    @property
    def snoozed(self) -> int:
        return sum(row.state == WorkState.SNOOZED for row in (*self.decided, *self.resting))

    @property
    def new(self) -> int:
        return sum(row.first_shown_on == self.ranked_on for section in self.sections for row in section.rows)


def today(user: User, as_of: date, *, viewer: User | None = None) -> Today:
    """The list of this person as of the day: the rows of the last ranking up to it.

    `viewer` is who looks at it, where that is somebody else.
    """
    rows = rows_of(user)
    standing = [row for row in rows if row.state == WorkState.OPEN]
    decided = [row for row in rows if row.state != WorkState.OPEN]
    return Today(
        person=user.name,
        email=user.email,
        as_of=as_of,
        ranked_on=WorklistRow.objects.aggregate(last=Max("as_of"))["last"],
        capacity=user.capacity,
        sections=sections_of(standing),
        decided=decided,
        resting=resting_of(user, {row.id for row in decided}),
        silent=silent_of(user, as_of),
        unowned=unowned_by(viewer or user),
        accounts=counted(user, owned_by(user)),
    )


def rows_of(user: User) -> list[Row]:
    """The open rows in their order, then what was decided today on the same list."""
    last = WorklistRow.objects.filter(person=user).aggregate(last=Max("as_of"))["last"]
    if last is None:
        return []
    decided = Q(as_of=last, state__in=DECIDED, decided_at__date__gte=clock.today())
    found = WorklistRow.objects.filter(open_rows() | decided, person=user)
    found = found.select_related("account", "account__risk")
    return [row_of(row) for row in found.order_by(F("rank").asc(nulls_last=True), "id")]


def open_rows() -> Q:
    """Rows that stand: of a follow-up, as long as a plan that is due is not closed."""
    plans = open_plans().filter(account=OuterRef("account"), at__lt=end_of(clock.today()))
    return Q(state=WorkState.OPEN) & (~Q(kind=WorkKind.FOLLOW_UP) | Q(Exists(plans)))


def resting_of(user: User, but: Collection[int]) -> list[Row]:
    """What was snoozed on earlier days, the first to come back first."""
    found = WorklistRow.objects.filter(person=user, state=WorkState.SNOOZED).exclude(pk__in=but)
    found = found.select_related("account", "account__risk")
    return [row_of(row) for row in found.order_by("snoozed_until", "id")]


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
        probability_reason=_no_risk(risk) if row.probability is None else "",
        low=row.low,
        high=row.high,
        horizon_on=risk.horizon_on if risk else None,
        n=risk.n if risk else None,
        events=risk.events if risk else None,
        method=risk.method if risk else "",
        as_of=row.as_of,
        first_shown_on=row.first_shown_on,
        state=row.state,
        state_reason=row.state_reason,
        snoozed_until=row.snoozed_until,
    )


def _no_risk(risk: Risk | None) -> str:
    return risk.reason if risk and risk.reason else _("no risk was estimated on the day of the list")


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


def silent_of(user: User, as_of: date) -> Silent | None:
    """Among the person's accounts that pay, or of which that is not known: counted as the lists count them.

    None while no conversation has been measured for anybody, and without such accounts.
    """
    values = MetricValue.objects.filter(metric__key=CONVERSATION, metric__is_current=True)
    if not values.exists():
        return None
    sums = silence_sums(user, as_of, values)
    if not sums["all"]:
        return None
    return Silent(
        accounts=Counted(sums["accounts"], list_url(quiet_of(user))),
        of=Counted(sums["of"], list_url(paying(user))),
        share=(sums["silent"] or 0.0) / sums["total"] if sums["total"] else None,
        never=Counted(sums["never"], list_url(f"{paying(user)} and {CONVERSATION} is unknown")),
        unpriced=Counted(sums["unpriced"], list_url(f"{quiet_of(user)} and mrr is unknown")),
        unmeasured=sums["all"] - sums["of"],
        days=SILENT_DAYS,
    )


def silence_sums(user: User, as_of: date, values: QuerySet[MetricValue]) -> dict[str, Any]:
    """How many accounts, measured ones, silent ones, and what they pay a year."""
    own = values.filter(account=OuterRef("pk"))
    found = matching(user, paying(user)).annotate(
        measured=Exists(own),
        said=Subquery(own.values("value")[:1], FloatField()),
        paid=Subquery(yearly(as_of), FloatField()),
    )
    measured = Q(measured=True)
    quiet = measured & (Q(said=None) | Q(said__gte=SILENT_DAYS))
    return found.aggregate(
        all=Count("pk"), of=Count("pk", filter=measured), accounts=Count("pk", filter=quiet),
        never=Count("pk", filter=measured & Q(said=None)),
        unpriced=Count("pk", filter=quiet & Q(paid=None)),
        total=Sum("paid", filter=measured), silent=Sum("paid", filter=quiet),
    )  # fmt: skip


def yearly(as_of: date) -> QuerySet[SubscriptionPeriod, Any]:
    """What the account of an outer query pays a year, in the reporting currency, as lists have it."""
    rates = money.Rates.now()
    periods = money.begun_periods(as_of).filter(account=OuterRef("pk"))
    paid: Any = money.paid(periods, as_of, rates.into(rates.reporting), money.MONTHS["arr"])
    total: QuerySet[SubscriptionPeriod, Any] = paid.values("total")
    return total


def owned_by(user: User) -> str:
    return f'owner is "{user.email}" and kind is "customer"'


def paying(user: User) -> str:
    return f"{owned_by(user)} and (mrr > 0 or mrr is unknown)"


def quiet_of(user: User) -> str:
    """The filter of the person's accounts that nobody has heard."""
    return f"{paying(user)} and ({CONVERSATION} >= {SILENT_DAYS} or {CONVERSATION} is unknown)"


def unowned_by(viewer: User) -> Counted | None:
    """Customers without an active owner: a figure of the team."""
    if not allows(viewer, Permission.SEE_TEAM_WORK):
        return None
    nobody = Q(owner=None) | Q(owner__is_active=False)
    n = accounts_for(viewer).filter(nobody, kind=AccountKind.CUSTOMER).count()
    text = nobody_owns()
    if len(text) <= LONGEST:
        return Counted(n, list_url(text))
    return Counted(n, list_url('kind is "customer" and owner is unknown'), whole=False)


def nobody_owns() -> str:
    """The filter of customers without an active owner; longer than filters may be, where many people left."""
    gone = User.objects.filter(is_active=False, accounts__isnull=False).distinct().order_by("email")
    owners = [f"owner is {quoted(email)}" for email in gone.values_list("email", flat=True)]
    return f'kind is "customer" and ({" or ".join(["owner is unknown", *owners])})'


def matching(user: User, text: str) -> QuerySet[Account]:
    return accounts_matching(parse(text), user)


def counted(user: User, text: str) -> Counted:
    return Counted(matching(user, text).count(), list_url(text))


def list_url(text: str) -> str:
    return "/customers/?" + urlencode({"q": text})


def silent_url(user: User) -> str:
    return list_url(quiet_of(user))
