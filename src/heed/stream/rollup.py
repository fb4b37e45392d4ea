"""The daily roll-up: what stands, per account, contact, name, day, and the days between which it was known.

It follows the files: those that came after the last roll-up name the touched days, and only these days are
made again. A month's files are ordered by account, so one month is read, never the history.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from heed.stream.activity import RolledUp
from heed.stream.standing import VERSION
from heed.stream.tables import DataFile, Snapshot, Table
from heed.stream.workbench import Workbench, scan, text

APP = "roll-up"
ORDER = "account, name, day, contact, known_on, unknown_on"


def roll_up_days(bench: Workbench, activities: Table, daily: Table) -> RolledUp:
    """Make the days again that the appends since the last roll-up touched, in one transaction."""
    snapshot = activities.snapshot()
    touched = touched_days(bench, activities, pending(snapshot, daily))
    if not touched:
        return RolledUp()
    before = daily.snapshot()
    queries: dict[str, str] = {}
    removed: list[DataFile] = []
    for month, days in sorted(touched.items()):
        old = [file for file in before.of_months([month]) if file.overlaps(min(days), max(days))]
        queries[month] = month_rows(activities, snapshot, daily, old, month, days)
        removed += old
    added = bench.save_months(daily, daily.next_number(), queries, ORDER)
    made = sorted(day for each in touched.values() for day in each)
    daily.commit(
        added, removed, transactions=[(APP, snapshot.version)], notes={"app": APP, "days": len(made)}
    )
    return RolledUp(days=tuple(made), rows=sum(file.rows for file in added))


def pending(snapshot: Snapshot, daily: Table) -> list[DataFile]:
    """The files that the roll-up has not seen."""
    seen = daily.last_transaction(APP)
    return [file for file in snapshot.files if seen is None or file.number > seen]


def touched_days(bench: Workbench, activities: Table, files: list[DataFile]) -> dict[str, set[dt.date]]:
    """The days that these files speak of, by month."""
    days: dict[str, set[dt.date]] = defaultdict(set)
    if files:
        for month, day in bench.rows(
            f'SELECT DISTINCT month, CAST("at" AS DATE) FROM {scan(activities, files)}'
        ):
            days[month].add(day)
    return days


def month_rows(
    activities: Table,
    snapshot: Snapshot,
    daily: Table,
    old: list[DataFile],
    month: str,
    days: set[dt.date],
) -> str:
    """SQL for the daily rows of a month: touched days from the activities, the others as they were."""
    chosen = day_list(days)
    files = [file for file in snapshot.of_months([month]) if file.overlaps(min(days), max(days))]
    rows = f'(SELECT * FROM {scan(activities, files)} WHERE CAST("at" AS DATE) IN ({chosen}))'
    if days == covered(files):
        rows = scan(activities, files)
    fresh = daily_rows(facts(rows, any(file.withdraws for file in files)), month)
    kept = f"SELECT * FROM {scan(daily, old)} WHERE day NOT IN ({chosen})"
    return f"{fresh} UNION ALL BY NAME {kept}" if old else fresh


def covered(files: Iterable[DataFile]) -> set[dt.date]:
    """All days between the first and the last that the files may speak of."""
    spans = [(file.first, file.last) for file in files if file.first and file.last]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    return {first + dt.timedelta(days=each) for each in range((last - first).days + 1)}


def day_list(days: Iterable[dt.date]) -> str:
    return ", ".join(f"DATE {text(day)}" for day in sorted(days))


def facts(rows: str, withdraws: bool) -> str:
    """SQL for one row per standing of an activity: from which day it was known, until which.

    The first record of a version pairs with its first withdrawal, the second with the second. What was known
    and withdrawn on one day was never known at the end of a day.
    """
    if not withdraws:
        return f"(SELECT {FACT}, NULL::DATE AS unknown_on FROM {rows})"
    return f"""(
        WITH given AS (SELECT * FROM {rows}),
        doubted AS (SELECT DISTINCT source, id FROM given WHERE sign < 0),
        ranked AS (
            SELECT *, {FACT_DAYS},
                row_number() OVER (PARTITION BY {VERSION}, sign ORDER BY recorded_at) AS turn
            FROM given SEMI JOIN doubted USING (source, id)
        ),
        paired AS (
            SELECT *, lead(known_on) OVER (PARTITION BY {VERSION}, turn ORDER BY sign DESC) AS unknown_on
            FROM ranked
        )
        SELECT {FACT}, NULL::DATE AS unknown_on FROM given ANTI JOIN doubted USING (source, id)
        UNION ALL BY NAME
        SELECT {FACT_NAMES}, unknown_on FROM paired
        WHERE sign > 0 AND (unknown_on IS NULL OR unknown_on > known_on)
    )"""


FACT_DAYS = (
    """CAST("at" AS DATE) AS day, greatest(CAST("at" AS DATE), CAST(recorded_at AS DATE)) AS known_on"""
)
FACT = f'source, id, account, contact, name, {FACT_DAYS}, "at", value'
FACT_NAMES = 'source, id, account, contact, name, day, known_on, "at", value'


def daily_rows(facts: str, month: str) -> str:
    """SQL that counts the facts of a month into daily rows, the same to the last bit on every run."""
    return f"""
        SELECT account, contact, name, day, known_on, unknown_on, count(*)::BIGINT AS n,
            list_sum(list(value ORDER BY value) FILTER (WHERE value IS NOT NULL))::DOUBLE AS total,
            count(value)::BIGINT AS value_n, max("at") AS last_at,
            arg_max(value, ("at", source, id)) FILTER (WHERE value IS NOT NULL) AS last_value,
            {text(month)} AS month
        FROM {facts} GROUP BY account, contact, name, day, known_on, unknown_on
    """
