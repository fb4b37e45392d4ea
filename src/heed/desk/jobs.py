"""The durable work of the desk."""

from heed.desk import erasing
from heed.ledger.durable import job


@job(erasing.JOB, retries=5)
def erase_on_request(kind: str, pk: int, by: str, reason: str) -> None:
    """Erase an account or a contact that an admin asked to erase; taken up again after a crash."""
    erasing.carry_out(kind, pk, by=by, reason=reason)
