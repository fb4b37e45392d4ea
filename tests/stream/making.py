"""Makes activities and reads streams back, for the tests of the stream."""

import datetime as dt
from typing import Any

from heed.stream import Activity, Appended, AppTransaction, Stream, as_table
from heed.stream.activity import DAILY

NOON = dt.time(12, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def on(day: str) -> dt.datetime:
    """Noon of a day, UTC."""
    return dt.datetime.combine(dt.date.fromisoformat(day), NOON)


def activity(id: str, day: str = "2026-11-01", **other: Any) -> Activity:
    plain: dict[str, Any] = {"source": "product", "account": "acme", "name": "report_exported", "at": on(day)}
    return Activity(id=id, **(plain | other))


class Writer:
    """Appends with a transaction of its own each time."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.version = 0

    def append(self, *rows: Activity, at: dt.datetime = NOW, batch: str = "test") -> Appended:
        self.version += 1
        return self.stream.append(
            as_table(list(rows)), transaction=AppTransaction(batch, self.version), recorded_at=at
        )


def rows_of(stream: Stream, *columns: str) -> list[tuple[Any, ...]]:
    """Recorded rows, sorted."""
    found = stream.run(stream.activities()).to_pylist()
    return sorted((tuple(row[name] for name in columns) for row in found), key=repr)


def daily_of(stream: Stream, *columns: str) -> list[tuple[Any, ...]]:
    names = columns or tuple(DAILY.names)
    found = stream.run(stream.daily()).to_pylist()
    return sorted((tuple(row[name] for name in names) for row in found), key=repr)


def everything(stream: Stream) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """All rows of both tables, for comparing two streams row for row."""
    return rows_of(stream, *stream.activities().columns), daily_of(stream)
