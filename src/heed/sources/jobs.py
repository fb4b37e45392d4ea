"""The durable work of sources."""

from heed.ledger.durable import job
from heed.sources import queueing, undoing, uploads


@job(queueing.IMPORT_JOB, retries=2)
def import_files(import_pk: int) -> None:
    """Import what was uploaded and confirmed; taken up where it stopped after a crash."""
    uploads.carry_out(import_pk)


@job(queueing.COUNT_JOB, retries=1)
def count_import(import_pk: int) -> None:
    """Count what an upload would change, and change nothing."""
    uploads.count(import_pk)


@job(queueing.UNDO_JOB, retries=2)
def undo_import(import_pk: int, by: str) -> None:
    """Take an import back; carried on from its beginning after a crash."""
    undoing.carry_out(import_pk, by)


@job("take up what waits", cron="*/10 * * * *")
def take_up_what_waits() -> int:
    """Enqueue what somebody asked for and no queue knows of, because the process died in between."""
    return queueing.take_up()
