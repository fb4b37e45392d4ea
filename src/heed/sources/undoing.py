"""An import taken back: asked for on its page, carried out by a worker, and what it came to."""

import shutil
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from heed.conversations.actions import revert as revert_conversations
from heed.customers.actions import derive_movements
from heed.customers.actions import revert as revert_customers
from heed.ledger import clock, outbox
from heed.ledger.actions import Change, record
from heed.ledger.durable import enqueue
from heed.ledger.home import open_stream
from heed.people.models import User
from heed.sources.actions import failing_clearly
from heed.sources.models import Import, ImportState, ParkedRow
from heed.sources.running import ImportFailed, no_progress, one_import_at_a_time
from heed.sources.uploads import folder_of, names_of
from heed.stream import Stream

UNDO_JOB = "undo an import"
ENDED = (ImportState.DONE, ImportState.FAILED, ImportState.HALFWAY)
SHOWN = 100
"""So many of the entries that an undo kept are named on the page."""


class UndoRefused(ValueError):  # noqa: N818 - not an error of the program
    """There is nothing to take back; the message says why."""


@dataclass(frozen=True)
class Undone:
    """What an undo came to: entities brought back, activities withdrawn, and what others changed or need.

    `later` are imports that said again what was known, so that they may have said what is gone now.
    """

    restored: int
    deleted: int
    withdrawn: int
    activities: int
    kept: list[dict[str, str]]
    later: list[int]


def can_be_undone(import_: Import) -> bool:
    return import_.state in ENDED and bool(import_.counts)


@transaction.atomic
def ask(import_: Import, *, by: User) -> None:
    """Have a worker take the import back."""
    current = Import.objects.select_for_update().get(pk=import_.pk)
    if not can_be_undone(current):
        raise UndoRefused(
            _("This import cannot be taken back: %(state)s.") % {"state": current.get_state_display()}
        )
    before = {"state": current.state}
    current.state, current.error, current.step = ImportState.UNDOING, "", ""
    current.save(update_fields=["state", "error", "step"])
    entry = record(
        Change("ask undo", "import", str(current.pk), before, {"state": current.state}), by=by.actor
    )
    enqueue(UNDO_JOB, current.pk, by.actor, key=f"{current.pk}-{entry.pk}")


def carry_out(import_pk: int, by: str) -> None:
    """The job behind "Undo this import"; what stopped it stands on the page, where it can be asked again."""
    import_ = Import.objects.select_related("source").get(pk=import_pk)
    if import_.state != ImportState.UNDOING:
        return
    try:
        with failing_clearly():
            undo(import_, by=by)
    except ImportFailed as error:
        # Not failed: an import that failed is carried on where it stopped, and its beginning may be gone.
        import_.state, import_.error = ImportState.HALFWAY, str(error)
        import_.save(update_fields=["state", "error"])
        record(Change("fail", "import", str(import_.pk), None, {"error": str(error)}), by=by)
        return
    shutil.rmtree(folder_of(import_), ignore_errors=True)
    import_.files, import_.expected = names_of(import_.files), None
    import_.save(update_fields=["files", "expected"])


def undo(import_: Import, *, by: str) -> Undone:
    """Take an import back: entities as they were, its activities withdrawn by new facts. Repeatable.

    While an import runs it waits.
    """
    with one_import_at_a_time(no_progress):
        stream = open_stream()
        now = clock.now()
        conversations = revert_conversations(import_.actor, by=by)
        outbox.drain()
        activities = stream.withdraw(batch=import_.actor, recorded_at=now, by=by)
        stream.roll_up()
        customers = revert_customers(import_.actor, by=by, needed=_spoken_of(stream))
        derive_movements(customers.accounts, by=by)
        outbox.drain()
        stream.roll_up()
        with transaction.atomic():
            ParkedRow.objects.filter(of_import=import_, released_at=None).delete()
            done = Undone(
                conversations.restored + customers.restored,
                conversations.deleted + customers.deleted,
                conversations.withdrawn + customers.withdrawn,
                activities,
                [
                    {"kind": kept.kind, "key": kept.key, "reason": kept.reason}
                    for kept in (*conversations.kept, *customers.kept)
                ],
                _later_unchanged(import_),
            )
            after = {name: value for name, value in vars(done).items() if name != "kept"}
            import_.state, import_.undone_at = ImportState.UNDONE, now
            import_.undone = {**after, "kept": done.kept[:SHOWN], "kept_more": max(0, len(done.kept) - SHOWN)}
            import_.save(update_fields=["state", "undone_at", "undone"])
            record(Change("undo", "import", str(import_.pk), None, after), by=by)
        return done


def _spoken_of(stream: Stream) -> set[str]:
    """The accounts with standing activities, but for movements, which follow from subscriptions."""
    days = stream.daily()
    standing = days.filter(days.unknown_on.isnull(), ~days.name.startswith("subscription."))
    return set(stream.run(standing.select("account").distinct())["account"].to_pylist())


def _later_unchanged(import_: Import) -> list[int]:
    later = Import.objects.filter(source=import_.source, pk__gt=import_.pk, state=ImportState.DONE)
    return [one.pk for one in later if any(counts["unchanged"] for counts in one.counts.values())]
