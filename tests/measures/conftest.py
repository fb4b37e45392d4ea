from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from heed.stream import Activity, AppTransaction, Stream, as_table

Log = Callable[..., None]


@pytest.fixture
def log(stream: Stream) -> Log:
    """Append activities given as (account, contact, name, "2026-03-01"[, value]) and roll them up."""
    versions = count(1)

    def append(*rows: tuple[Any, ...], recorded_at: datetime | None = None, batch: str = "import:1") -> None:
        version = next(versions)
        activities = [
            Activity(
                source="test",
                id=f"{version}-{number}",
                account=account,
                contact=contact,
                name=name,
                at=datetime.fromisoformat(day).replace(tzinfo=UTC),
                recorded_at=recorded_at,
                value=rest[0] if rest else None,
                batch=batch,
            )
            for number, (account, contact, name, day, *rest) in enumerate(rows)
        ]
        told = recorded_at or datetime(2026, 6, 1, tzinfo=UTC)
        stream.append(as_table(activities), transaction=AppTransaction("test", version), recorded_at=told)
        stream.roll_up()

    return append
