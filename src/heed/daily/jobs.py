"""The daily round as a durable job: each morning, and when somebody asks for it."""

from datetime import date, datetime

from django.conf import settings

from heed.daily.round import refresh
from heed.ledger.durable import daily_at, job

ROUND = "daily round"


def of_the_day(at: datetime) -> tuple[str, str]:
    """The round of the scheduled day, so that a retry after midnight is still that day's."""
    return at.date().isoformat(), ROUND


# Five tries more, over a quarter of an hour: one may find a round that somebody else has started.
@job(ROUND, cron=daily_at(settings.HEED_DAILY_ROUND_AT), arguments=of_the_day, first_wait=30.0, retries=5)
def daily_round(as_of: str, by: str) -> int:
    """Run the round of a day (ISO 8601); returns its number."""
    return int(refresh(date.fromisoformat(as_of), by=by).pk)
