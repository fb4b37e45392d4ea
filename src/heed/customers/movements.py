"""Movements follow from subscription periods: kept beside them, and said to the stream as activities."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from django.db import transaction
from django.db.models import Q

from heed.customers.models import Account, Movement, SubscriptionPeriod
from heed.customers.shelves import batches
from heed.evidence import revenue
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.ledger.models import AuditEntry
from heed.ledger.outbox import Withdrawal
from heed.stream import Activity

SOURCE = "heed"
KIND, SUBJECT = "revenue", "movements"
DUE = "movements come due"

Place = tuple[str, str, date]


@dataclass
class Derived:
    """Movements by what became of them."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0


@dataclass
class Difference:
    """How the movements of a batch of accounts differ from what is stored."""

    stored: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    new: list[revenue.Movement] = field(default_factory=list)
    changed: list[tuple[Movement, revenue.Movement]] = field(default_factory=list)
    gone: list[Movement] = field(default_factory=list)
    unchanged: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.changed or self.gone)


def derive_movements(accounts: Iterable[str], *, by: str, as_of: date | None = None) -> Derived:
    """Make the movements of these accounts (keys) follow from their periods, up to and including `as_of`.

    Each is an activity too; one that changed is a correction, one that vanished is withdrawn. What lies in
    the future is no movement yet. Nothing to change: nothing is written.
    """
    until = as_of or clock.today()
    done = Derived()
    for keys in batches(sorted(set(accounts))):
        with transaction.atomic():
            difference = _compare(keys, until)
            if not difference.is_empty:
                _write(difference, keys)
                record(_change(difference), by=by)
        done.new += len(difference.new)
        done.changed += len(difference.changed)
        done.gone += len(difference.gone)
        done.unchanged += difference.unchanged
    return done


def say_movements_again(accounts: Iterable[str], *, there: Collection[str], by: str) -> int:
    """Send the movements of these accounts (keys) to the stream whose ids are not `there`; how many."""
    said = 0
    for keys in batches(sorted(set(accounts))):
        moved = [movement for movement in _wanted(keys) if movement.on <= clock.today()]
        missing = [movement for movement in moved if _id(*_place(movement)) not in there]
        if missing:
            told = [_activity(movement, backfill=False) for movement in missing]
            change = Change("say again", KIND, SUBJECT, None, {"again": len(told)}, activities=told)
            with transaction.atomic():
                record(change, by=by)
        said += len(missing)
    return said


def derive_due_movements(as_of: date, *, by: str) -> Derived:
    """Derive the movements of accounts with a period that began or ended since this was last done."""
    last = AuditEntry.objects.filter(kind=KIND, subject=DUE).order_by("-id").first()
    since = date.fromisoformat(last.after["as_of"]) if last and last.after else date.min
    starts = Q(starts_on__gt=since, starts_on__lte=as_of)
    ends = Q(ends_on__gt=since, ends_on__lte=as_of)
    due = SubscriptionPeriod.objects.filter(starts | ends, withdrawn_at=None)
    done = derive_movements(due.values_list("account__key", flat=True).distinct(), by=by, as_of=as_of)
    if since < as_of:
        with transaction.atomic():
            record(Change("derive", KIND, DUE, None, {"as_of": as_of.isoformat()}), by=by)
    return done


def _compare(keys: Sequence[str], until: date) -> Difference:
    # The accounts are locked, so that two derivations of one account follow each other.
    list(Account.objects.select_for_update().filter(key__in=keys).order_by("key").values_list("pk"))
    wanted = {_place(movement): movement for movement in _wanted(keys) if movement.on <= until}
    difference = Difference()
    for stored in Movement.objects.filter(account__key__in=keys).select_related("account"):
        place = (stored.account.key, stored.currency, stored.on)
        difference.stored[stored.account.key].add(stored.on)
        movement = wanted.pop(place, None)
        if movement is None:
            difference.gone.append(stored)
        elif (stored.kind, stored.before, stored.after) == (movement.kind, movement.before, movement.after):
            difference.unchanged += 1
        else:
            difference.changed.append((stored, movement))
    difference.new.extend(wanted.values())
    return difference


def _wanted(keys: Sequence[str]) -> list[revenue.Movement]:
    standing = SubscriptionPeriod.objects.filter(
        account__key__in=keys, withdrawn_at=None, account__withdrawn_at=None
    )
    fields = ("account__key", "starts_on", "ends_on", "monthly_amount", "currency")
    return revenue.movements(revenue.Period(*row) for row in standing.values_list(*fields))


def _place(movement: revenue.Movement) -> Place:
    return movement.account, movement.currency, movement.on


def _write(difference: Difference, keys: Sequence[str]) -> None:
    ids = dict(Account.objects.filter(key__in=keys).values_list("key", "pk"))
    Movement.objects.filter(pk__in=[movement.pk for movement in difference.gone]).delete()
    movements = [*difference.new, *(movement for _, movement in difference.changed)]
    Movement.objects.bulk_create(
        [
            Movement(
                account_id=ids[movement.account],
                on=movement.on,
                kind=movement.kind.value,
                before=movement.before,
                after=movement.after,
                currency=movement.currency,
            )
            for movement in movements
        ],
        update_conflicts=True,
        unique_fields=["account", "currency", "on"],
        update_fields=["kind", "before", "after"],
    )


def _change(difference: Difference) -> Change:
    after = {
        "new": len(difference.new),
        "changed": len(difference.changed),
        "gone": len(difference.gone),
    }
    activities = [
        *(
            _activity(movement, backfill=not difference.stored[movement.account])
            for movement in difference.new
        ),
        *(_activity(movement, backfill=False) for _, movement in difference.changed),
    ]
    withdrawals = [
        Withdrawal(SOURCE, _id(movement.account.key, movement.currency, movement.on), movement.account.key)
        for movement in difference.gone
    ]
    return Change("derive", KIND, SUBJECT, None, after, activities=activities, withdrawals=withdrawals)


def _activity(movement: revenue.Movement, *, backfill: bool) -> Activity:
    """The movement as an activity; the first ones of an account are taken to be known since they happened."""
    at = datetime.combine(movement.on, time(), UTC)
    amounts = {
        "currency": movement.currency,
        "before": str(movement.before),
        "after": str(movement.after),
    }
    return Activity(
        source=SOURCE,
        id=_id(*_place(movement)),
        account=movement.account,
        name=f"subscription.{movement.kind.value}",
        at=at,
        recorded_at=at if backfill else None,
        recorded_assumed=backfill,
        value=float(movement.change),
        properties=json.dumps(amounts, sort_keys=True),
    )


def _id(account: str, currency: str, on: date) -> str:
    return f"movement:{account}:{currency}:{on}"
