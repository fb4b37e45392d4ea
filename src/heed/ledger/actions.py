"""Recording: the audit row and the outbox rows of a change, in the transaction of the change itself."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from heed.ledger import clock
from heed.ledger.models import AuditEntry, OutboxEntry
from heed.ledger.outbox import Withdrawal, as_json

if TYPE_CHECKING:
    from heed.stream import Activity

BATCH = 2_000


class OutsideTransactionError(Exception):
    """A change was recorded outside a transaction, so that it could stand without its record."""


@dataclass(frozen=True)
class Change:
    """One change of state.

    `action` is the verb ("invite", "save account"), `kind` the kind of thing ("account"), `subject` its key;
    `before` and `after` hold the fields that changed (None before it was, and after it went).
    `activities` go to the stream; the actor becomes their batch. `withdrawals` name activities that went to
    the stream before and no longer hold.
    """

    action: str
    kind: str
    subject: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str = ""
    activities: "Sequence[Activity]" = ()
    withdrawals: Sequence[Withdrawal] = ()


def record(change: Change, *, by: str) -> AuditEntry:
    """Record one change; refuses outside a transaction."""
    _demand_transaction()
    at = clock.now()
    entry = _audit_entry(change, by, at)
    entry.save(force_insert=True)
    OutboxEntry.objects.bulk_create(_outbox_entries([change], by, at), batch_size=BATCH)
    return entry


def record_many(changes: Iterable[Change], *, by: str) -> int:
    """Record many changes in bulk, memory bound by a batch; returns how many."""
    _demand_transaction()
    at = clock.now()
    recorded = 0
    for batch in _batches(changes):
        AuditEntry.objects.bulk_create([_audit_entry(change, by, at) for change in batch])
        OutboxEntry.objects.bulk_create(_outbox_entries(batch, by, at), batch_size=BATCH)
        recorded += len(batch)
    return recorded


def forget(kind: str, subjects: Sequence[str], *, by: str, reason: str) -> int:
    """Blank what the trail says of erased subjects, and record that it was done; returns the rows blanked.

    That a change happened, by whom and when, stays. The only change ever made to the trail.
    """
    _demand_transaction()
    blanked = 0
    for start in range(0, len(subjects), BATCH):
        named = AuditEntry.objects.filter(kind=kind, subject__in=subjects[start : start + BATCH])
        blanked += named.update(before=None, after=None, reason="")
    changes = [Change("erase from trail", kind, subject, reason=reason) for subject in subjects]
    record_many(changes, by=by)
    return blanked


def _demand_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransactionError(
            "A change is recorded in the transaction that makes it. Wrap the action in transaction.atomic()."
        )


def _batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    batch: list[Change] = []
    for change in changes:
        batch.append(change)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _audit_entry(change: Change, by: str, at: datetime) -> AuditEntry:
    return AuditEntry(
        at=at,
        by=by,
        action=change.action,
        kind=change.kind,
        subject=change.subject,
        before=change.before,
        after=change.after,
        reason=change.reason,
    )


def _outbox_entries(changes: Iterable[Change], by: str, at: datetime) -> list[OutboxEntry]:
    return [
        OutboxEntry(activity=row, created_at=at)
        for change in changes
        for row in (
            *(as_json(activity, batch=by, learnt=at) for activity in change.activities),
            *(withdrawal.as_json(batch=by) for withdrawal in change.withdrawals),
        )
    ]
