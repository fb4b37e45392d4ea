"""The ledger's own durable work."""

from datetime import timedelta

from heed.ledger import clock, outbox
from heed.ledger.durable import job, tidy

KEPT = timedelta(days=30)
KEPT_FREQUENT = timedelta(hours=6)
DRAIN = "drain the outbox"


@job(DRAIN, queue="outbox", cron="*/20 * * * * *", retries=5)
def drain_outbox() -> int:
    """Carry what people did to the stream; returns the activities carried."""
    return outbox.drain()


@job("tidy the list of jobs", cron="17 * * * *")
def tidy_jobs() -> int:
    """Forget runs that went well: frequent ones after hours, the others after a month."""
    now = clock.now()
    frequent = tidy(now - KEPT_FREQUENT, names=[DRAIN])
    return frequent + tidy(now - KEPT)
