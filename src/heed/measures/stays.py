"""How long accounts stayed, out of their subscription periods: what the clock is fitted to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from heed.customers.models import Account, SubscriptionPeriod
from heed.evidence.clock import Stay

LONGEST_TERM = 3 * 366
MONTH = 30.44


@dataclass(frozen=True, slots=True)
class Term:
    """A period that is paid for; `ends` is the day it ends or renews, None: it says neither."""

    starts: date
    ends: date | None
    stops: date | None
    renews: date | None
    amount: Decimal
    currency: str
    plan: str

    @property
    def length(self) -> str:
        """The length of the term in words, "" where it has none to speak of."""
        if self.ends is None or not 0 < (self.ends - self.starts).days <= LONGEST_TERM:
            return ""
        return f"{max(1, round((self.ends - self.starts).days / MONTH))}-month terms"

    def in_force(self, on: date) -> bool:
        return self.starts <= on and (self.stops is None or self.stops > on)


@dataclass
class Contract:
    """An account's paid terms in order of their start, and since when it is a customer (None: not said)."""

    account: int
    since: date | None
    terms: list[Term] = field(default_factory=list)

    def spells(self) -> list[tuple[date, date | None]]:
        """The stretches of days in which it paid, without gaps; None: still open."""
        spells: list[tuple[date, date | None]] = []
        for term in self.terms:
            if spells and (spells[-1][1] is None or term.starts <= spells[-1][1]):
                spells[-1] = (spells[-1][0], _later(spells[-1][1], term.stops))
            else:
                spells.append((term.starts, term.stops))
        return spells

    def in_force(self, on: date) -> list[Term]:
        return [term for term in self.terms if term.in_force(on)]

    def started(self, on: date) -> date | None:
        """When the stay began in which the account is on a day; None: it is in none."""
        for number, (start, stop) in enumerate(self.spells()):
            if start <= on and (stop is None or stop > on):
                return min(start, self.since) if number == 0 and self.since else start
        return None


def _later(one: date | None, other: date | None) -> date | None:
    return None if one is None or other is None else max(one, other)


def contracts(as_of: date, *, account: int | None = None) -> list[Contract]:
    """Every standing account (or the one) with the terms that began by `as_of` and were known by then."""
    one = {} if account is None else {"pk": account}
    found = {
        pk: Contract(pk, since)
        for pk, since in Account.objects.filter(withdrawn_at=None, erased_at=None, **one)
        .order_by("pk")
        .values_list("pk", "since")
    }
    periods = SubscriptionPeriod.objects.filter(
        withdrawn_at=None,
        starts_on__lte=as_of,
        monthly_amount__gt=0,
        recorded_at__lt=datetime.combine(as_of + timedelta(days=1), time(), UTC),
        account__withdrawn_at=None,
        account__erased_at=None,
        **({} if account is None else {"account": account}),
    )
    fields = ("account_id", "starts_on", "ends_on", "renews_on", "monthly_amount", "currency", "plan")
    for pk, starts, stops, renews, amount, currency, plan in periods.order_by(
        "account_id", "starts_on", "key"
    ).values_list(*fields):
        end = renews if renews and renews > starts else stops
        found[pk].terms.append(Term(starts, end, stops, renews, amount, currency, plan))
    return list(found.values())


def tenure_stays(contracts: Iterable[Contract], as_of: date) -> Iterator[Stay]:
    """One stay for each stretch of paying: days since it began, until the account left or `as_of`.

    An account that was a customer before the first period Heed knows is at risk from that period on only.
    """
    for contract in contracts:
        for number, (start, stop) in enumerate(contract.spells()):
            origin = min(start, contract.since) if number == 0 and contract.since else start
            left = stop is not None and stop <= as_of
            end = stop if stop is not None and left else as_of
            until, entered = (end - origin).days, (start - origin).days
            if until > entered:
                yield Stay(until, left, entered, _plan(contract, end))


def _plan(contract: Contract, end: date) -> str:
    """The plan that an account was on when it was last seen."""
    plans = [term.plan for term in contract.terms if term.starts < end and term.plan]
    return f"plan {plans[-1]}" if plans else ""


def term_stays(contracts: Iterable[Contract], as_of: date) -> Iterator[Stay]:
    """One stay for each term with an end: days into the term, until the account left or the term ended."""
    for contract in contracts:
        stops = [stop for _, stop in contract.spells() if stop is not None]
        for term in contract.terms:
            if term.length and term.ends is not None:
                yield from _term_stay(term, term.ends, stops, as_of)


def _term_stay(term: Term, ends: date, stops: Sequence[date], as_of: date) -> Iterator[Stay]:
    seen = min(ends, as_of)
    gone = next((stop for stop in stops if term.starts < stop <= seen), None)
    until = ((gone or seen) - term.starts).days
    if until > 0:
        yield Stay(until, gone is not None, 0, term.length)


def tallied(stays: Iterable[Stay]) -> list[list[int | str]]:
    """Stays as rows of segment, entered, until, left (1 or 0) and how many are alike."""
    counts: dict[tuple[str, int, int, int], int] = defaultdict(int)
    for stay in stays:
        counts[stay.segment, stay.entered, stay.until, int(stay.left)] += 1
    return [[*key, count] for key, count in sorted(counts.items())]


def told(rows: Iterable[Sequence[int | str]]) -> Iterator[Stay]:
    """The stays that `tallied` counted."""
    for segment, entered, until, left, count in rows:
        stay = Stay(int(until), bool(left), int(entered), str(segment))
        yield from (stay for _ in range(int(count)))
