"""Withdrawal of a batch: an undo is new rows that say so, never a change of old ones."""

import datetime as dt

from heed.stream.append import ORDER
from heed.stream.standing import VERSION, standing_rows
from heed.stream.tables import Table
from heed.stream.workbench import Workbench, instant, scan, text


def withdraw_batch(
    bench: Workbench, activities: Table, *, batch: str, recorded_at: dt.datetime, by: str
) -> int:
    """Withdraw what stands of a batch and bring back the versions that it had replaced; how many stood.

    The withdrawal of a row whose record was assumed is assumed to be as old as that record: nobody knew it.
    """
    snapshot = activities.snapshot()
    everything = scan(activities, snapshot.files)
    touched = bench.rows(f"SELECT DISTINCT month FROM {everything} WHERE batch = ?", [batch])
    bench.run(
        f"CREATE TEMP TABLE concerned AS SELECT DISTINCT source, id FROM {everything} WHERE batch = ?",
        [batch],
    )
    if not touched:
        return 0
    bench.run(
        f"CREATE TEMP TABLE history AS SELECT * FROM {everything} SEMI JOIN concerned USING (source, id)"
    )
    bench.run(
        f"CREATE TEMP TABLE withdrawn AS SELECT * FROM {standing_rows('history')} WHERE batch = ?", [batch]
    )
    stood = int(bench.value("SELECT count(*) FROM withdrawn"))
    if stood:
        rewrite(bench, activities, batch, instant(recorded_at), by)
    return stood


def rewrite(bench: Workbench, activities: Table, batch: str, now: str, by: str) -> None:
    """Commit the withdrawals, and the return of what the batch had replaced."""
    bench.run(
        f"""
        CREATE TEMP TABLE gained AS
        SELECT * REPLACE (-1::TINYINT AS sign, {text(by)} AS batch,
            CASE WHEN recorded_assumed THEN recorded_at ELSE greatest(recorded_at, {now}) END AS recorded_at)
        FROM withdrawn
        UNION ALL BY NAME
        SELECT * REPLACE (1::TINYINT AS sign, {now} AS recorded_at, false AS recorded_assumed) FROM (
            SELECT * FROM history SEMI JOIN (
                SELECT {VERSION} FROM history SEMI JOIN withdrawn USING (source, id)
                WHERE sign < 0 AND batch = {text(batch)}
            ) AS replaced ON {same_version("history", "replaced")}
            WHERE sign > 0 AND batch <> {text(batch)}
            QUALIFY row_number() OVER (PARTITION BY source, id ORDER BY recorded_at DESC) = 1
        )
        """
    )
    number = activities.next_number()
    files = [
        bench.save(activities, month, number, f"SELECT * FROM gained WHERE month = {text(month)}", ORDER)
        for (month,) in bench.rows("SELECT DISTINCT month FROM gained ORDER BY month")
    ]
    activities.commit([file for file in files if file], notes={"app": "withdrawal", "batch": batch, "by": by})


def same_version(one: str, other: str) -> str:
    """SQL that holds for rows of the same version of an activity."""
    return " AND ".join(f"{one}.{name} IS NOT DISTINCT FROM {other}.{name}" for name in VERSION.split(", "))
