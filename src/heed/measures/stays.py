"""How long accounts stayed, out of their subscription periods: what the clock is fitted to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from operator import attrgetter

from heed.customers.models import Account
from heed.evidence.clock import Stay
from heed.measures.known import KnownPeriod, known_periods

LONGEST_TERM = 3 * 366
MONTH = 30.44


@dataclass(frozen=True, slots=True)
class Term:
    """A period that is paid for; `ends` is the day it ends or renews, None: it says neither.

    `began` is the first day of the term: of a period that changed seats or price within a term and kept its
    end, the start of the period before. Months are not of one length, nor are years: `day` counts so that all
    terms of as many months end on the same day, for that is when accounts leave.
    """

    starts: date
    began: date
    ends: date | None
    stops: date | None
    amount: Decimal
    currency: str
    plan: str

    @property
    def months(self) -> int:
        """0: it has no length to speak of."""
        if self.ends is None or not 0 < (self.ends - self.began).days <= LONGEST_TERM:
            return 0
        return max(1, round((self.ends - self.began).days / MONTH))

    @property
    def length(self) -> str:
        """The length of the term in words, "" where it has none to speak of."""
        return f"{self.months}-month terms" if self.months else ""

    @property
    def days(self) -> int:
        """The day on which terms of this length end."""
        return round(self.months * MONTH)

    def day(self, on: date) -> int:
        """Which day of terms of this length a date is."""
        return max(0, self.days - ((self.ends or on) - on).days)

    def in_force(self, on: date) -> bool:
        return self.starts <= on and (self.stops is None or self.stops > on)


@dataclass
class Contract:
    """An account's paid terms in order of their start, and since when it is a customer (None: not said)."""

    account: int
    since: date | None
    erased: bool = False
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


def contracts(as_of: date, *, account: Account | None = None) -> list[Contract]:
    """Every account (or the one) with the paid terms that had begun by `as_of`, as they were known that day.

    Erased accounts too: their periods stay without a name, and that they left or stayed stays true.
    """
    accounts = Account.objects.filter(withdrawn_at=None)
    if account is not None:
        accounts = accounts.filter(pk=account.pk)
    found = {
        key: Contract(pk, since, erased_at is not None)
        for pk, key, since, erased_at in accounts.order_by("pk").values_list(
            "pk", "key", "since", "erased_at"
        )
    }
    terms = terms_known(known_periods([account.key] if account else None), as_of)
    for key, contract in found.items():
        # One that an import has added or an erasure has renamed since the accounts were read waits.
        contract.terms = terms.get(key, [])
    return list(found.values())


def terms_known(periods: Iterable[KnownPeriod], as_of: date) -> dict[str, list[Term]]:
    """By account (key), in order of start, the paid terms that had begun by a date, as known then."""
    found: dict[str, list[Term]] = defaultdict(list)
    for period in periods:
        if period.monthly_amount > 0 and period.starts_on <= as_of and period.known(as_of):
            found[period.account].append(_term(period))
    for terms in found.values():
        terms.sort(key=attrgetter("starts"))
        _join_changed_terms(terms)
    return found


def next_term(terms: Iterable[Term], as_of: date) -> Term | None:
    """The term in force that ends or renews first, of those to come."""
    coming = [term for term in terms if term.in_force(as_of) and term.ends is not None and term.ends > as_of]
    return min(coming, key=lambda term: term.ends or date.max, default=None)


def _join_changed_terms(terms: list[Term]) -> None:
    """A term that takes over from another and has its end goes on with it; terms are in order of start."""
    running: dict[tuple[date | None, date | None], date] = {
        (term.stops, term.ends): term.starts for term in reversed(terms) if term.ends and term.stops
    }
    for number, term in enumerate(terms):
        if began := running.get((term.starts, term.ends)):
            terms[number] = replace(term, began=began)
            running[term.stops, term.ends] = began


def _term(period: KnownPeriod) -> Term:
    starts, renews, stops = period.starts_on, period.renews_on, period.ends_on
    ends = renews if renews and renews > starts else stops
    return Term(starts, starts, ends, stops, period.monthly_amount, period.currency, period.plan)


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
            if term.months and term.ends is not None and term.began == term.starts:
                yield from _term_stay(term, min(term.ends, as_of), stops)


def _term_stay(term: Term, seen: date, stops: Sequence[date]) -> Iterator[Stay]:
    gone = next((stop for stop in stops if term.starts < stop <= seen), None)
    if seen > term.starts:
        entered = term.day(term.starts)
        yield Stay(max(term.day(gone or seen), entered + 1), gone is not None, entered, term.length)


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
