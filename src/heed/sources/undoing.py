"""An import taken back: asked for on its page, carried out by a worker, and what it came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from heed.conversations.actions import revert as revert_conversations
from heed.customers.actions import revert as revert_customers
from heed.customers.actions import say_movements_again
from heed.customers.models import SubscriptionPeriod
from heed.customers.undo import Kept, Reverted
from heed.ledger import clock, outbox
from heed.ledger.actions import Change, record
from heed.ledger.home import open_stream
from heed.ledger.models import AuditEntry
from heed.people.models import User
from heed.sources.actions import failing_clearly
from heed.sources.derived import ids_that_follow
from heed.sources.models import Import, ImportState, ParkedRow, RejectedRow, RejectedState
from heed.sources.queueing import ASK_UNDO, enqueue_asked
from heed.sources.running import ImportFailed, no_progress, one_import_at_a_time
from heed.sources.uploads import clear_away
from heed.stream import AppTransaction, Stream

ENDED = (ImportState.DONE, ImportState.FAILED, ImportState.HALFWAY)
BATCH = 2_000
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
    """Whether something of it may be there: also what an undo kept, which may be free by now."""
    kept = import_.state == ImportState.UNDONE and bool((import_.undone or {}).get("kept"))
    return import_.has_stored and (import_.state in ENDED or kept)


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
    after = {"state": current.state}
    enqueue_asked(record(Change(ASK_UNDO, "import", str(current.pk), before, after), by=by.actor))


def carry_out(import_pk: int, by: str) -> None:
    """The job behind "Undo this import"; what stopped it stands on the page, where it can be asked again."""
    import_ = Import.objects.select_related("source").get(pk=import_pk)
    if import_.state == ImportState.UNDOING:
        try:
            with failing_clearly():
                undo(import_, by=by)
        except ImportFailed as error:
            _stop(import_, str(error), by)
    if import_.state == ImportState.UNDONE:
        clear_away(import_)


@transaction.atomic
def _stop(import_: Import, why: str, by: str) -> None:
    # Not failed: an import that failed is carried on where it stopped, and its beginning may be gone.
    import_.state, import_.error = ImportState.HALFWAY, why
    import_.save(update_fields=["state", "error"])
    record(Change("fail", "import", str(import_.pk), None, {"error": why}), by=by)


def undo(import_: Import, *, by: str) -> Undone:
    """Take an import back: entities as they were, its activities withdrawn by new facts. Repeatable.

    While an import runs it waits.
    """
    with one_import_at_a_time(no_progress):
        stream = open_stream()
        now = clock.now()
        conversations = revert_conversations(import_.actor, by=by)
        outbox.drain()
        _withdraw(stream, import_, conversations, now, by)
        stream.roll_up()
        customers = revert_customers(import_.actor, by=by, needed=_spoken_of(stream))
        outbox.drain()
        _say_what_stays(stream, customers, by)
        stream.roll_up()
        return _finish(import_, [*conversations.kept, *customers.kept], now, by)


def _withdraw(stream: Stream, import_: Import, kept: Reverted, now: datetime, by: str) -> None:
    """Withdraw the import's activities, but for those of tickets and interactions that stay."""
    staying = [each for one in kept.kept for each in ids_that_follow(one.kind, one.key)]
    undone = Import.objects.filter(state=ImportState.UNDONE).exclude(pk=import_.pk)
    before = import_.undone or {}
    tries = before.get("tries", 0) + 1
    n = stream.withdraw(
        batch=import_.actor, recorded_at=now, by=by,
        keeping=staying, undone=[each.actor for each in undone.only("pk")],
        transaction=AppTransaction(f"undo:{import_.pk}", tries),
    )  # fmt: skip
    import_.undone = {"activities": n + before.get("activities", 0), "tries": tries}
    import_.save(update_fields=["undone"])


def _say_what_stays(stream: Stream, customers: Reverted, by: str) -> None:
    """Say the movements of periods that stay again: they were of the import's batch, and went with it."""
    periods = [kept.key for kept in customers.kept if kept.kind == "period"]
    accounts: set[str] = set()
    for start in range(0, len(periods), BATCH):
        found = SubscriptionPeriod.objects.filter(key__in=periods[start : start + BATCH])
        accounts |= set(found.values_list("account__key", flat=True))
    if accounts:
        there = stream.standing(accounts, ["subscription"], date.min, clock.today())
        say_movements_again(accounts, there={activity.id for activity in there}, by=by)
        outbox.drain()


@transaction.atomic
def _finish(import_: Import, kept: Sequence[Kept], now: datetime, by: str) -> Undone:
    """Note what it came to, over all tries; rows that the import refused or that wait are set aside."""
    ParkedRow.objects.filter(of_import=import_, released_at=None).delete()
    open_rows = RejectedRow.objects.filter(of_import=import_, state=RejectedState.OPEN)
    open_rows.update(state=RejectedState.DISMISSED)
    steps = AuditEntry.objects.filter(reason=import_.actor, action__in=("revert", "delete", "withdraw"))
    counted = dict(steps.order_by().values_list("action").annotate(n=Count("pk")))
    names = [{"kind": each.kind, "key": each.key, "reason": each.reason} for each in kept]
    done = Undone(
        counted.get("revert", 0),
        counted.get("delete", 0),
        counted.get("withdraw", 0),
        (import_.undone or {}).get("activities", 0),
        names,
        _later_unchanged(import_),
    )
    after = {name: value for name, value in vars(done).items() if name != "kept"}
    import_.state, import_.undone_at = ImportState.UNDONE, now
    shown = {"kept": names[:SHOWN], "kept_more": max(0, len(names) - SHOWN)}
    import_.undone = {**(import_.undone or {}), **after, **shown}
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
