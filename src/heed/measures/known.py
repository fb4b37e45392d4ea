"""Subscription periods as they were known: what stands now, and from the audit trail what stood before.

A period that an undo deleted, or that belongs to another account now, counts as never told of the account.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from heed.customers.models import SubscriptionPeriod
from heed.customers.states import State, day
from heed.ledger.models import AuditEntry


class KnownPeriod(NamedTuple):
    """A state of a period (`key`) of an account (its key), taken for true on the days from `known_on` up to,
    not including, `unknown_on` (None: still). `monthly_amount` is in `currency`."""

    account: str
    key: str
    plan: str
    starts_on: date
    ends_on: date | None
    renews_on: date | None
    monthly_amount: Decimal
    currency: str
    seats: int | None
    source: str
    known_on: date
    unknown_on: date | None

    def known(self, on: date) -> bool:
        """Whether it was taken for true at the end of a day."""
        return self.known_on <= on and (self.unknown_on is None or self.unknown_on > on)

    def in_force(self, on: date) -> bool:
        return self.starts_on <= on and (self.ends_on is None or self.ends_on > on)


FEW = 1_000
CONTENT = ("plan", "starts_on", "ends_on", "renews_on", "monthly_amount", "currency", "seats", "source")


def if_few(accounts: Collection[str] | None) -> Collection[str] | None:
    """The accounts (keys) where they are so few that only their rows are worth asking for; else None."""
    return accounts if accounts is not None and len(accounts) <= FEW else None


@contextmanager
def read_once() -> Iterator[None]:
    """Within, the periods of all accounts are read once, by whoever asks first: every step of a round sees
    the same ones, and what comes in meanwhile waits for the next."""
    before = _once.set([])
    try:
        yield
    finally:
        _once.reset(before)


_once: ContextVar[list[KnownPeriod] | None] = ContextVar("periods read once", default=None)


def known_periods(only: Collection[str] | None = None) -> Iterator[KnownPeriod]:
    """Every state of the periods of all accounts (or of a few, by key), by account and start; a state that
    nobody saw at the end of any day is left out. Accounts that were withdrawn have none."""
    held = _once.get()
    if only is not None or held is None:
        return _read(only)
    if not held:
        held.extend(_read(None))
    return iter(held)


def _read(only: Collection[str] | None) -> Iterator[KnownPeriod]:
    periods = SubscriptionPeriod.objects.filter(account__withdrawn_at=None)
    if only is not None:
        periods = periods.filter(account__key__in=only)
    past = _past_states(only)
    rows = periods.order_by("account__key", "starts_on", "key").values_list(
        "account__key", "key", *CONTENT, "recorded_at", "withdrawn_at"
    )
    for account, key, *content, recorded_at, withdrawn_at in rows:
        since = utc_day(recorded_at)
        for before, known_on, unknown_on in past.get(key, ()):
            since = unknown_on
            if known_on < unknown_on and before["account"] == account:
                yield KnownPeriod._make((account, key, *_content(before), known_on, unknown_on))
        if withdrawn_at is None:
            yield KnownPeriod._make((account, key, *content, since, None))


def _past_states(only: Collection[str] | None) -> dict[str, list[tuple[State, date, date]]]:
    """By period: each earlier state with the days [known_on, unknown_on) on which it was taken for true."""
    changes = AuditEntry.objects.filter(kind="period", before__isnull=False, after__isnull=False)
    if only is not None:
        periods = SubscriptionPeriod.objects.filter(account__key__in=only)
        changes = changes.filter(subject__in=periods.values("key"))
    found: dict[str, list[tuple[State, date, date]]] = {}
    for key, at, before, after in changes.order_by("id").values_list("subject", "at", "before", "after"):
        if before is None or after is None:
            continue
        earlier = found.setdefault(key, [])
        since = earlier[-1][2] if earlier else _day_of(before)
        until = max(since, _learnt(at, before, after))
        # While it was withdrawn nobody took it for true.
        earlier.append((before, until if before["withdrawn"] else since, until))
    return found


def _learnt(at: datetime, before: State, after: State) -> date:
    """The day on which a change became known: the one its source states, else the one it was made on. An
    undo brings an older statement back, but nobody knew that before."""
    return _day_of(after) if _instant(after) > _instant(before) else utc_day(at)


def _content(state: State) -> tuple[Any, ...]:
    days = (day(state[name]) for name in ("starts_on", "ends_on", "renews_on"))
    amount = Decimal(state["monthly_amount"])
    return (state["plan"], *days, amount, state["currency"], state["seats"], state["source"])


def _instant(state: State) -> datetime:
    return datetime.fromisoformat(state["recorded_at"])


def _day_of(state: State) -> date:
    return utc_day(_instant(state))


def utc_day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()
