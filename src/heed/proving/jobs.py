"""The durable work of Prove."""

from typing import Final

from heed.ledger.durable import job

REPLAY_JOB: Final = "replay a trigger"


@job(REPLAY_JOB, retries=2)
def replay_trigger(version_pk: int, by: str) -> None:
    """Replay a version of a trigger over the past 12 months; the same day again is the same replay."""
    from heed.ledger import clock
    from heed.proving.models import TriggerVersion
    from heed.proving.trigger_replays import replay_version

    version = TriggerVersion.objects.select_related("trigger").filter(pk=version_pk).first()
    if version is not None:
        replay_version(version, clock.today(), by=by)
