"""The outbox: activities that changes of state make, carried to the stream exactly once.

A drain first gives the waiting rows a chunk number (and commits that), then appends them to the stream
under that number, then marks them drained. Killed anywhere, the next drain takes up the same chunk with the
same rows, and the stream knows the number. The number is given in the database rather than taken from the
row ids, because PostgreSQL may show a higher id before a lower one.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from heed.ledger import clock
from heed.ledger.home import open_stream
from heed.ledger.models import Drain, OutboxEntry

if TYPE_CHECKING:
    from heed.stream import Activity

CHUNK = 20_000
APP = "outbox"
WITHDRAWALS = "outbox withdrawals"
INSTANTS = ("at", "recorded_at")
KEPT = timedelta(days=7)


class ActivityError(Exception):
    """An activity that the stream would refuse; one such row would hold up all rows behind it."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Says that an activity, which a change of state made before, no longer holds."""

    source: str
    id: str
    account: str

    def as_json(self, *, batch: str) -> dict[str, Any]:
        return asdict(self) | {"batch": batch, "withdrawn": True}


def as_json(activity: "Activity", *, batch: str, learnt: datetime) -> dict[str, Any]:
    """The activity as it waits in the outbox: instants as ISO 8601 in UTC, `batch` naming who made it.

    `learnt` is when the company learnt of it, for an activity that does not say.
    """
    row = asdict(activity) | {"batch": batch, "recorded_at": activity.recorded_at or learnt}
    missing = [name for name in ("source", "id", "account", "name", "at") if not row[name]]
    naive = [name for name in INSTANTS if row[name] is not None and row[name].tzinfo is None]
    if missing or naive:
        why = f"lacks {', '.join(missing)}" if missing else f"has no time zone in {', '.join(naive)}"
        raise ActivityError(f"Activity '{row['source']}' '{row['id']}' {why}.")
    return row | {name: row[name].isoformat() for name in INSTANTS}


def _from_json(row: dict[str, Any]) -> "Activity":
    from heed.stream import Activity

    return Activity(**row | {name: datetime.fromisoformat(row[name]) for name in INSTANTS})


def drain(*, chunk_size: int = CHUNK) -> int:
    """Carry every waiting row to the stream, oldest first; returns how many rows were marked as drained."""
    drained = 0
    while (chunk := _claim(chunk_size)) is not None:
        drained += _carry(chunk)
    OutboxEntry.objects.filter(drained_at__lt=clock.now() - KEPT).delete()
    return drained


def forget(*, account: str | None = None, contact: str | None = None) -> int:
    """Delete rows of an erased account or contact, waiting or kept; the caller records the erasure."""
    named = {"activity__account": account} if account is not None else {"activity__contact": contact}
    return OutboxEntry.objects.filter(**named).delete()[0]


def waiting() -> int:
    """How many activities wait for the stream."""
    return OutboxEntry.objects.filter(drained_at__isnull=True).count()


@transaction.atomic
def _claim(chunk_size: int) -> int | None:
    """The chunk to carry next: one left open by a drain before, or a new one; None when all is done."""
    Drain.objects.get_or_create(pk=1)
    turn = Drain.objects.select_for_update().get(pk=1)
    unfinished = OutboxEntry.objects.filter(drained_at__isnull=True)
    left_open = unfinished.filter(chunk__isnull=False).order_by("chunk").first()
    if left_open is not None:
        return left_open.chunk
    rows = list(unfinished.order_by("id").values_list("id", flat=True)[:chunk_size])
    if not rows:
        return None
    turn.chunk += 1
    turn.save(update_fields=["chunk"])
    unfinished.filter(id__gte=rows[0], id__lte=rows[-1]).update(chunk=turn.chunk)
    return turn.chunk


def _carry(chunk: int) -> int:
    rows = list(OutboxEntry.objects.filter(chunk=chunk).order_by("id"))
    last = {_identity(row.activity): row.activity for row in rows}
    withdrawn = [activity for activity in last.values() if activity.get("withdrawn")]
    gone = {_identity(activity) for activity in withdrawn}
    kept = [
        row.activity
        for row in rows
        if "withdrawn" not in row.activity and _identity(row.activity) not in gone
    ]
    recorded_at = max(row.created_at for row in rows)
    if kept:
        _append(kept, chunk, recorded_at)
    if withdrawn:
        _withdraw(withdrawn, chunk, recorded_at)
    return OutboxEntry.objects.filter(chunk=chunk, drained_at__isnull=True).update(drained_at=clock.now())


def _identity(activity: dict[str, Any]) -> tuple[str, str]:
    return activity["source"], activity["id"]


def _append(activities: list[dict[str, Any]], chunk: int, recorded_at: datetime) -> None:
    # The engines take half a second to import; pages that need none of them should not wait.
    from heed.stream import AppTransaction, as_table

    open_stream().append(
        as_table([_from_json(activity) for activity in activities]),
        transaction=AppTransaction(app=APP, version=chunk),
        recorded_at=recorded_at,
    )


def _withdraw(activities: list[dict[str, Any]], chunk: int, recorded_at: datetime) -> None:
    """One call per actor, as each names who took back what."""
    import pyarrow as pa

    from heed.stream import AppTransaction

    for number, by in enumerate(sorted({activity["batch"] for activity in activities})):
        mine = [activity for activity in activities if activity["batch"] == by]
        open_stream().withdraw_ids(
            pa.table({name: [activity[name] for activity in mine] for name in ("source", "id")}),
            transaction=AppTransaction(app=f"{WITHDRAWALS} {number}", version=chunk),
            recorded_at=recorded_at,
            by=by,
        )
