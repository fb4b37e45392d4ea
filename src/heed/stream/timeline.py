"""One account's activities, newest first, a page at a time: found by row groups, not by a scan."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from heed.stream.activity import Activity, Cursor, TimelinePage
from heed.stream.engines import DuckDBEngine
from heed.stream.standing import standing
from heed.stream.tables import DataFile, Snapshot, Table
from heed.stream.workbench import quoted, text

USAGE = "usage"
"""The kind of all activities of the product itself: names without a dot."""

FIELDS = tuple(Activity.__dataclass_fields__)


def read_timeline(
    engine: DuckDBEngine,
    activities: Table,
    account: str,
    kinds: Sequence[str] | None,
    before: Cursor | None,
    limit: int,
) -> TimelinePage:
    """The page of standing activities that follows `before`, with the account's totals by name."""
    snapshot = activities.snapshot()
    mine = f"account = {text(account)}"
    counted = engine.query(
        f"SELECT name, count(*) FROM {standing(activities, snapshot.files, mine)} GROUP BY name ORDER BY name"
    )
    rows: list[tuple[Any, ...]] = []
    for files in months_back(snapshot, before):
        rows += engine.query(
            f"""
            SELECT {", ".join(quoted(name) for name in FIELDS)} FROM {standing(activities, files, mine)}
            WHERE {of_kinds(kinds)} AND {after(before)}
            ORDER BY "at" DESC, source DESC, id DESC LIMIT {int(limit) + 1}
            """
        )
        if len(rows) > limit:
            break
    return as_page(rows, dict(counted), limit)


def months_back(snapshot: Snapshot, before: Cursor | None) -> Iterator[list[DataFile]]:
    """The files of the latest month, then of the two before it, then of four: few hold a whole page."""
    latest = f"{before.at.astimezone(dt.UTC):%Y-%m}" if before else "9999"
    months = sorted({file.month for file in snapshot.files if file.month <= latest}, reverse=True)
    start, width = 0, 1
    while start < len(months):
        yield snapshot.of_months(months[start : start + width])
        start, width = start + width, width * 2


def read_batches(engine: DuckDBEngine, activities: Table) -> pa.Table:
    """Each batch with how many of its rows stand and from when to when they happened."""
    rows = standing(activities, activities.snapshot().files)
    return engine.table(
        f'SELECT batch, count(*) AS n, min("at") AS first_at, max("at") AS last_at FROM {rows} '
        "GROUP BY batch ORDER BY batch"
    )


def as_page(rows: list[tuple[Any, ...]], totals: dict[str, int], limit: int) -> TimelinePage:
    shown = tuple(Activity(**dict(zip(FIELDS, in_utc(row), strict=True))) for row in rows[:limit])
    last = shown[-1] if len(rows) > limit and shown else None
    following = Cursor(last.at, last.source, last.id) if last else None
    return TimelinePage(rows=shown, totals=totals, next=following)


def in_utc(row: tuple[Any, ...]) -> list[Any]:
    return [value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else value for value in row]


def of_kinds(kinds: Sequence[str] | None) -> str:
    """SQL for the kinds: a whole name, a family (`case` for `case.opened`, ...), or `usage`."""
    if kinds is None:
        return "true"
    each = [f"name = {text(kind)} OR starts_with(name, {text(kind + '.')})" for kind in kinds]
    each += ["NOT contains(name, '.')"] if USAGE in kinds else []
    return f"({' OR '.join(each) or 'false'})"


def after(before: Cursor | None) -> str:
    if before is None:
        return "true"
    at = f"TIMESTAMPTZ {text(before.at.astimezone(dt.UTC).isoformat())}"
    return f"""("at", source, id) < ({at}, {text(before.source)}, {text(before.id)})"""
