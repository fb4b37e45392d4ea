"""The one place that reads the clock, so that a run can be repeated as of the same moment."""

import os
from datetime import UTC, date, datetime


def now() -> datetime:
    """The current instant in UTC; `HEED_NOW` (ISO 8601 with offset) fixes it for repeatable runs."""
    fixed = os.environ.get("HEED_NOW")
    return datetime.fromisoformat(fixed).astimezone(UTC) if fixed else datetime.now(UTC)


def today() -> date:
    """The current day in UTC."""
    return now().date()
