"""One account's activities, newest first, a page at a time: found by row groups, not by a scan."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from heed.stream.activity import Activity, Cursor, TimelinePage
from heed.stream.engines import DuckDBEngine
from heed.stream.standing import standing
from heed.stream.tables import Table
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
    rows = standing(activities, activities.snapshot().files, f"account = {text(account)}")
    fields = ", ".join(quoted(name) for name in FIELDS)
    found = engine.query(
        f"""
        WITH mine AS MATERIALIZED (SELECT {fields} FROM {rows}),
        totals AS (SELECT name, count(*) AS n FROM mine GROUP BY name),
        page AS (
            SELECT {fields} FROM mine WHERE {of_kinds(kinds)} AND {after(before)}
            ORDER BY "at" DESC, source DESC, id DESC LIMIT {int(limit) + 1}
        )
        SELECT {fields}, NULL FROM page
        UNION ALL
        SELECT {", ".join("name" if name == "name" else "NULL" for name in FIELDS)}, n FROM totals
        """
    )
    page = sorted((row[:-1] for row in found if row[-1] is None), key=place, reverse=True)
    totals = sorted((row[FIELDS.index("name")], row[-1]) for row in found if row[-1] is not None)
    return as_page(page, dict(totals), limit)


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


PLACE = tuple(FIELDS.index(name) for name in ("at", "source", "id"))


def place(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(row[each] for each in PLACE)


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
