"""Who could need somebody today: every account with a reason, before the choice of the few."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import zip_longest

from django.conf import settings
from django.db.models import Exists, Min, OuterRef, Q

from heed.conversations.models import Case, Direction
from heed.conversations.reads import open_plans, telling_sources, unresolved_harm
from heed.customers.models import Account, AccountKind, ExchangeRate, SubscriptionPeriod
from heed.desk.models import WorkKind
from heed.measures.models import Risk
from heed.people.models import Role, User

RENEWAL_DAYS = 30
"""A renewal is due when its date is at most this far away."""
FOLLOW_UP_DAYS = 60
"""A planned interaction that nobody closed is asked about for so long after its day."""
CASE_DAYS = 365
"""Cases that have waited longer are a matter of tidying up, not of today."""


@dataclass(frozen=True, slots=True)
class Stake:
    """What an account pays a year and how likely it is to leave by `horizon_on`."""

    amount: Decimal | None = None
    currency: str = ""
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    events: int = 0
    method: str = ""
    horizon_on: date | None = None
    worth: float = 0.0
    """Amount in the reporting currency times probability: the order of the list."""

    @property
    def least(self) -> float:
        """What the worth is at the lower end of the probability's interval."""
        return self._worth_at(self.low)

    @property
    def most(self) -> float:
        return self._worth_at(self.high)

    def _worth_at(self, bound: float | None) -> float:
        return self.worth * bound / self.probability if self.probability and bound is not None else self.worth


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reason why one account needs one person. `key` names the reason: a case, a date, a plan."""

    person: int
    account: int
    kind: WorkKind
    stake: Stake
    key: str = ""
    due_on: date | None = None
    since: datetime | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Carers:
    """Who looks after what: active people with their capacity, and who cares for what nobody owns."""

    capacity: Mapping[int, int]
    fallback: tuple[int, ...]
    owner_of: Mapping[int, int | None]

    def person_for(self, account: int) -> int | None:
        """The active owner; else one of the leads (or admins), the same one every day."""
        owner = self.owner_of[account]
        if owner in self.capacity:
            return owner
        return self.fallback[account % len(self.fallback)] if self.fallback else None

    def nobody_owns(self, account: int) -> bool:
        return self.owner_of[account] not in self.capacity


@dataclass(frozen=True, slots=True)
class Gathered:
    """All candidates by person: what is due by date, and who is at risk (known stake and probability)."""

    carers: Carers
    due: dict[int, list[Candidate]] = field(default_factory=dict)
    at_risk: dict[int, list[Candidate]] = field(default_factory=dict)


def gather(as_of: date) -> Gathered:
    """Every candidate as of the end of that day (UTC), in a handful of queries."""
    carers = carers_now()
    stakes = stakes_now()
    gathered = Gathered(carers)
    for candidate in due_by_date(as_of, carers, stakes):
        gathered.due.setdefault(candidate.person, []).append(candidate)
    for account, stake in stakes.items():
        person = carers.person_for(account) if account in carers.owner_of else None
        if person is not None and stake.amount is not None and stake.probability is not None:
            row = Candidate(person, account, WorkKind.RISK, stake, due_on=stake.horizon_on)
            gathered.at_risk.setdefault(person, []).append(row)
    for rows in gathered.due.values():
        rows[:] = in_turns(rows)
    for rows in gathered.at_risk.values():
        rows.sort(key=lambda row: (-row.stake.worth, row.account))
    return gathered


def in_turns(rows: Iterable[Candidate]) -> list[Candidate]:
    """The most pressing of each kind, then the second of each: no kind crowds out another.

    What is open since long comes first among harm and cases, what was due first among plans; renewals
    are in the order of their value at stake.
    """
    kinds: dict[str, list[Candidate]] = {kind: [] for kind in DUE}
    for row in sorted(rows, key=_pressing):
        kinds[row.kind].append(row)
    return [row for turn in zip_longest(*kinds.values()) for row in turn if row is not None]


def _pressing(row: Candidate) -> tuple[float, float, int]:
    waited = row.since.timestamp() if row.since else 0.0
    return waited, -row.stake.worth, row.account


def carers_now() -> Carers:
    people = list(User.objects.filter(is_active=True).order_by("id").values_list("id", "capacity", "role"))
    leads = tuple(pk for pk, _, role in people if role == Role.LEAD)
    admins = tuple(pk for pk, _, role in people if role == Role.ADMIN)
    standing = Account.objects.filter(withdrawn_at=None, erased_at=None, kind=AccountKind.CUSTOMER)
    owners = dict(standing.values_list("id", "owner_id"))
    return Carers({pk: capacity for pk, capacity, _ in people}, leads or admins, owners)


def stakes_now() -> dict[int, Stake]:
    """By account. An amount whose currency has no stated rate counts as if the rate were one."""
    rates = {currency: float(rate) for currency, rate in ExchangeRate.objects.values_list("currency", "rate")}
    rates[settings.HEED_CURRENCY] = 1.0
    columns = (
        "account_id", "yearly_amount", "currency", "probability", "low", "high", "n", "events", "method",
        "horizon_on",
    )  # fmt: skip
    stakes = {}
    for account, amount, currency, chance, low, high, n, events, method, horizon in (
        Risk.objects.values_list(*columns).iterator(5_000)
    ):  # fmt: skip
        worth = float(amount or 0) * rates.get(currency, 1.0) * (chance or 0.0)
        stakes[account] = Stake(amount, currency, chance, low, high, n, events, method, horizon, worth)
    return stakes


def due_by_date(as_of: date, carers: Carers, stakes: Mapping[int, Stake]) -> Iterator[Candidate]:
    for kind, find in DUE.items():
        for account, holder, key, due_on, since, said in find(as_of):
            if account not in carers.owner_of:
                continue
            person = holder if holder in carers.capacity else carers.person_for(account)
            if person is not None:
                stake = stakes.get(account, Stake())
                yield Candidate(person, account, kind, stake, key, due_on, since, said)


Found = tuple[int, int | None, str, date | None, datetime | None, str]


def _harm(as_of: date) -> Iterable[Found]:
    """Per account the severe case that has been open for longest; not of customers that have left."""
    end = end_of(as_of)
    periods = SubscriptionPeriod.objects.filter(account=OuterRef("account"), withdrawn_at=None)
    found = unresolved_harm().filter(
        Exists(periods.filter(Q(ends_on=None) | Q(ends_on__gt=as_of))) | ~Exists(periods),
        opened_at__lt=end,
        opened_at__gte=end - timedelta(days=CASE_DAYS),
    )
    return _first_case(found.values_list("account_id", "key", "opened_at", "subject"))


def _follow_ups(as_of: date) -> Iterable[Found]:
    """Conversations that were planned for a day up to this one and not closed since, the oldest first."""
    end = end_of(as_of)
    planned = open_plans().filter(
        direction=Direction.OUTBOUND, at__lt=end, at__gte=end - timedelta(days=FOLLOW_UP_DAYS)
    ).order_by("account_id", "at", "id")  # fmt: skip
    seen = set()
    for account, holder, key, at, goal in planned.values_list(
        "account_id", "held_by_id", "key", "at", "goal"
    ):
        if account not in seen:
            seen.add(account)
            yield account, holder, f"interaction:{key}", at.date(), at, goal


def _waiting_cases(as_of: date) -> Iterable[Found]:
    """Per account the case that has waited longest without a first reply.

    Only from sources that record first replies at all: where none does, waiting is unknown, not endless.
    """
    end = end_of(as_of)
    waiting = Case.objects.filter(
        first_reply_at=None, resolved_at=None, closed_at=None, withdrawn_at=None,
        opened_at__lt=end, opened_at__gte=end - timedelta(days=CASE_DAYS), source__in=telling_sources(),
    ).order_by("account_id", "opened_at", "id")  # fmt: skip
    return _first_case(waiting.values_list("account_id", "key", "opened_at", "subject"))


def _first_case(cases: Iterable[tuple[int, str, datetime, str]]) -> Iterator[Found]:
    seen = set()
    for account, key, opened, subject in cases:
        if account not in seen:
            seen.add(account)
            yield account, None, f"case:{key}", None, opened, subject


def _renewals(as_of: date) -> Iterable[Found]:
    running = SubscriptionPeriod.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=as_of), withdrawn_at=None, starts_on__lte=as_of,
        renews_on__gte=as_of, renews_on__lte=as_of + timedelta(days=RENEWAL_DAYS),
    )  # fmt: skip
    by_account = running.order_by().values_list("account_id").annotate(first=Min("renews_on"))
    for account, renews_on in by_account.order_by("account_id"):
        yield account, None, f"renewal:{renews_on}", renews_on, None, ""


DUE: Mapping[WorkKind, Callable[[date], Iterable[Found]]] = {
    WorkKind.HARM: _harm,
    WorkKind.CASE: _waiting_cases,
    WorkKind.FOLLOW_UP: _follow_ups,
    WorkKind.RENEWAL: _renewals,
}
"""What is due by date, in the order in which the kinds take their turns."""


def end_of(day: date) -> datetime:
    """The first instant after the day (UTC)."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
