"""What people ask of imports, given to a worker: once, and again where the process died in between."""

from heed.ledger.durable import enqueue
from heed.ledger.models import AuditEntry
from heed.sources.models import Import, ImportState

COUNT_JOB, IMPORT_JOB, UNDO_JOB = "count an import", "import files", "undo an import"
ASK_COUNT, ASK_IMPORT, ASK_UNDO = "count", "confirm", "ask undo"
JOBS = {ASK_COUNT: COUNT_JOB, ASK_IMPORT: IMPORT_JOB, ASK_UNDO: UNDO_JOB}
"""The job behind each action of the audit trail that asks for one."""
ASKED = (ImportState.COUNTING, ImportState.WAITING, ImportState.UNDOING)


def enqueue_asked(entry: AuditEntry) -> None:
    """Have a worker do what this entry asks of an import; enqueued twice it is done once."""
    by = (entry.by,) if entry.action == ASK_UNDO else ()
    enqueue(JOBS[entry.action], int(entry.subject), *by, key=f"{entry.subject}-{entry.pk}")


def take_up() -> int:
    """Enqueue again what waits: its process may have died before the queue knew. Returns how many wait."""
    waiting = Import.objects.filter(state__in=ASKED)
    for import_ in waiting:
        entries = AuditEntry.objects.filter(kind="import", subject=str(import_.pk), action__in=JOBS)
        asked = entries.order_by("-pk").first()
        if asked is not None:
            enqueue_asked(asked)
    return len(waiting)
