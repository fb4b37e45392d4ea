"""One account's activities, newest first, a page at a time: found by row groups, not by a scan."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa

from heed.stream.activity import Activity, Cursor, TimelinePage, UsageDay
from heed.stream.engines import DuckDBEngine
from heed.stream.standing import standing
from heed.stream.tables import DataFile, Snapshot, Table
from heed.stream.workbench import quoted, text

USAGE = "usage"
"""The kind of all activities of the product itself: names without a dot."""

FIELDS = tuple(Activity.__dataclass_fields__)
A_DAY = 86_400_000_000
Line = Activity | UsageDay


def read_timeline(
    engine: DuckDBEngine,
    activities: Table,
    account: str,
    kinds: Sequence[str] | None,
    before: Cursor | None,
    limit: int,
    on: dt.date | None = None,
) -> TimelinePage:
    """The page of standing activities that follows `before`, with the account's totals by name."""
    snapshot = activities.snapshot()
    mine = f"account = {text(account)}"
    where = f"{of_kinds(kinds)} AND {after(before)} AND {on_day(on)}"
    rows: list[Line] = []
    for files in [snapshot.of_months([f"{on:%Y-%m}"])] if on else months_back(snapshot, before):
        rows += lines(engine, standing(activities, files, mine), where, limit)
        if len(rows) > limit:
            break
    return as_page(rows, totals(engine, activities, snapshot, mine), limit)


def read_folded(
    engine: DuckDBEngine, activities: Table, account: str, before: Cursor | None, limit: int
) -> TimelinePage:
    """The same with the usage of each UTC day folded into one line, which stands at its last activity.

    A day lies in one month, so that it is folded whole wherever a page begins.
    """
    snapshot = activities.snapshot()
    mine = f"account = {text(account)}"
    found: list[Line] = []
    for files in months_back(snapshot, before):
        rows = standing(activities, files, mine)
        both = lines(engine, rows, f"contains(name, '.') AND {after(before)}", limit)
        both += usage_days(engine, rows, before, limit)
        found += sorted(both, key=lambda line: (line.at, line.source, line.id), reverse=True)
        if len(found) > limit:
            break
    return as_page(found, totals(engine, activities, snapshot, mine), limit)


def read_standing(
    engine: DuckDBEngine,
    activities: Table,
    accounts: Collection[str],
    kinds: Sequence[str],
    since: dt.date,
    until: dt.date,
) -> list[Activity]:
    """What stands of the kinds at these accounts from day to day, newest first."""
    if not accounts:
        return []
    mine = f"account IN ({', '.join(text(account) for account in sorted(accounts))})"
    start, end = (text(f"{day} 00:00:00+00:00") for day in (since, until + dt.timedelta(days=1)))
    when = f""""at" >= TIMESTAMPTZ {start} AND "at" < TIMESTAMPTZ {end}"""
    rows = standing(activities, activities.snapshot().within(since, until), f"{mine} AND {when}")
    return list(found_in(engine, f"{rows} WHERE {of_kinds(kinds)}"))


def read_named(
    engine: DuckDBEngine, activities: Table, names: Collection[str], columns: Sequence[str], known_on: dt.date
) -> pa.Table:
    """The columns of what stood of these names at the end of a day, by account and time.

    What was recorded after the day, also that something never was, is not seen.
    """
    chosen = ", ".join(quoted(name) for name in columns)
    called = ", ".join(text(name) for name in sorted(names)) or "''"
    end = text(f"{known_on + dt.timedelta(days=1)} 00:00:00+00:00")
    rows = standing(
        activities,
        activities.snapshot().files,
        f"name IN ({called}) AND recorded_at < TIMESTAMPTZ {end}",
    )
    return engine.table(f'SELECT {chosen} FROM {rows} ORDER BY account, "at", source, id')


def totals(engine: DuckDBEngine, activities: Table, snapshot: Snapshot, mine: str) -> dict[str, int]:
    rows = standing(activities, snapshot.files, mine)
    return dict(engine.query(f"SELECT name, count(*) FROM {rows} GROUP BY name ORDER BY name"))


def lines(engine: DuckDBEngine, rows: str, where: str, limit: int) -> list[Line]:
    return list(found_in(engine, f"{rows} WHERE {where}", f"LIMIT {int(limit) + 1}"))


def found_in(engine: DuckDBEngine, rows: str, limit: str = "") -> Iterator[Activity]:
    names = ", ".join(quoted(name) for name in FIELDS)
    order = 'ORDER BY "at" DESC, source DESC, id DESC'
    for row in engine.query(f"SELECT {names} FROM {rows} {order} {limit}"):
        yield Activity(**dict(zip(FIELDS, in_utc(row), strict=True)))


def usage_days(engine: DuckDBEngine, rows: str, before: Cursor | None, limit: int) -> list[Line]:
    found = engine.query(
        f"""
        SELECT last.a AS "at", last.s AS source, last.i AS id, n, people, names FROM (
            SELECT max({{'a': "at", 's': source, 'i': id}}) AS last, count(*) AS n,
                count(DISTINCT contact) AS people, histogram(name) AS names
            FROM {rows} WHERE NOT contains(name, '.') GROUP BY epoch_us("at") // {A_DAY}
        ) WHERE {after(before)}
        ORDER BY "at" DESC, source DESC, id DESC LIMIT {int(limit) + 1}
        """
    )
    return [as_day(*in_utc(row)) for row in found]


def as_day(at: dt.datetime, source: str, key: str, n: int, people: int, names: dict[str, int]) -> UsageDay:
    ordered = sorted(names.items(), key=lambda each: (-each[1], each[0]))
    return UsageDay(at.date(), at, source, key, n, people, tuple(ordered))


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


def as_page(found: list[Line], totals: dict[str, int], limit: int) -> TimelinePage:
    shown = found[:limit]
    last = shown[-1] if len(found) > limit and shown else None
    following = Cursor(last.at, last.source, last.id) if last else None
    rows = tuple(line for line in shown if isinstance(line, Activity))
    days = tuple(line for line in shown if isinstance(line, UsageDay))
    return TimelinePage(rows=rows, totals=totals, next=following, days=days)


def in_utc(row: tuple[Any, ...]) -> list[Any]:
    return [value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else value for value in row]


def of_kinds(kinds: Sequence[str] | None) -> str:
    """SQL for the kinds: a whole name, a family (`case` for `case.opened`, ...), or `usage`."""
    if kinds is None:
        return "true"
    each = [f"name = {text(kind)} OR starts_with(name, {text(kind + '.')})" for kind in kinds]
    each += ["NOT contains(name, '.')"] if USAGE in kinds else []
    return f"({' OR '.join(each) or 'false'})"


def on_day(on: dt.date | None) -> str:
    if on is None:
        return "true"
    start, end = (text(f"{day} 00:00:00+00:00") for day in (on, on + dt.timedelta(days=1)))
    return f"""("at" >= TIMESTAMPTZ {start} AND "at" < TIMESTAMPTZ {end})"""


def after(before: Cursor | None) -> str:
    if before is None:
        return "true"
    at = f"TIMESTAMPTZ {text(before.at.astimezone(dt.UTC).isoformat())}"
    return f"""("at", source, id) < ({at}, {text(before.source)}, {text(before.id)})"""
