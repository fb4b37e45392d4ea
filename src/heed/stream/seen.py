"""The first and last day of every activity of every account, kept beside the roll-up.

"Never had it" and "days since the last" look at all days on record; with this table nobody reads them all.
A row (account, name, first_day, last_day, settled_on) speaks of what stands; nothing about it changed after
`settled_on`, so it is what any date from then on knows. Earlier dates read the history.
"""

import datetime as dt

import ibis

from heed.stream.rollup import APP as ROLL_UP
from heed.stream.tables import Table
from heed.stream.workbench import Workbench, scan

APP = "seen"
ORDER = "account, name"
DAY = 'CAST("at" AS DATE)'
EXTREMES = """account, name, min(day) FILTER (unknown_on IS NULL) AS first_day,
    max(day) FILTER (unknown_on IS NULL) AS last_day,
    max(greatest(day, known_on, coalesce(unknown_on, day))) AS settled_on"""


def update_seen(bench: Workbench, activities: Table, daily: Table, seen: Table) -> None:
    """Follow what was appended since the last time; `daily` is up to date. Safe to repeat.

    What only came in moves the first and last day by itself. Of what was withdrawn or corrected, the
    account's days of that name are looked at again. Without any file, all is made from the roll-up.
    """
    held = seen.snapshot().files
    number = daily.last_transaction(ROLL_UP)
    if number is None or (held and seen.last_transaction(APP) == number):
        return
    query = merged(bench, activities, daily, seen) if held else of_daily(daily)
    written = bench.save(seen, "", seen.next_number(), query, ORDER)
    if held or written:
        added = [written] if written else []
        seen.commit(added, held, transactions=[(APP, number)], notes={"app": APP})


def up_to_date(daily: Table, seen: Table) -> bool:
    return bool(seen.snapshot().files) and seen.last_transaction(APP) == daily.last_transaction(ROLL_UP)


def of_daily(daily: Table, among: str = "") -> str:
    """SQL for the rows of the accounts and names of a table `among`, or of all, from the roll-up."""
    rows = scan(daily, daily.snapshot().files)
    chosen = f"SEMI JOIN {among} USING (account, name)" if among else ""
    return f"SELECT {EXTREMES} FROM {rows} {chosen} GROUP BY account, name"


def merged(bench: Workbench, activities: Table, daily: Table, seen: Table) -> str:
    """SQL for what was held and what came since, the first and last day of both."""
    last = seen.last_transaction(APP) or 0
    came = scan(activities, [file for file in activities.snapshot().files if file.number > last])
    bench.run(
        f"CREATE OR REPLACE TEMP TABLE doubtful AS SELECT DISTINCT account, name FROM {came} WHERE sign < 0"
    )
    return f"""
        SELECT account, name, min(first_day) AS first_day, max(last_day) AS last_day,
            max(settled_on) AS settled_on
        FROM (
            SELECT * FROM {scan(seen, seen.snapshot().files)} ANTI JOIN doubtful USING (account, name)
            UNION ALL BY NAME
            SELECT account, name, min({DAY}) AS first_day, max({DAY}) AS last_day,
                max(greatest({DAY}, CAST(recorded_at AS DATE))) AS settled_on
            FROM {came} ANTI JOIN doubtful USING (account, name) GROUP BY account, name
            UNION ALL BY NAME
            {of_daily(daily, "doubtful")}
        ) GROUP BY account, name
    """


def known_then(seen: ibis.Table, daily: ibis.Table, as_of: dt.date) -> ibis.Table:
    """`seen` as a date knew it: of what changed after it, made from the roll-up of the days up to it."""
    changed = seen.filter(seen.settled_on > as_of)
    then = daily.filter(
        daily.day <= as_of,
        daily.known_on <= as_of,
        daily.unknown_on.isnull() | (daily.unknown_on > as_of),
    ).semi_join(changed, ["account", "name"])
    made = then.group_by("account", "name").agg(first_day=then.day.min(), last_day=then.day.max())
    settled = seen.filter(seen.settled_on <= as_of)
    return settled.select("account", "name", "first_day", "last_day").union(made)
