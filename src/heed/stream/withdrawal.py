"""Withdrawal of a batch or of single activities: new rows that say so, never a change of old ones."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from heed.stream.activity import AppTransaction
from heed.stream.append import ORDER, recorded_before
from heed.stream.standing import VERSION, standing_rows
from heed.stream.tables import Table
from heed.stream.workbench import Workbench, instant, scan, text


@dataclass(frozen=True, slots=True)
class BatchWithdrawal:
    """The undo of a batch: when, by whom, the ids that stay, the batches whose versions do not come back.

    The same `transaction` again changes nothing.
    """

    batch: str
    recorded_at: dt.datetime
    by: str
    keeping: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    transaction: AppTransaction | None = None


def withdraw_batch(bench: Workbench, activities: Table, told: BatchWithdrawal) -> int:
    """Withdraw what stands of a batch and bring back the versions that it had replaced; how many stood.

    The withdrawal of a row whose record was assumed is assumed to be as old as that record: nobody knew it.
    """
    done = None if told.transaction is None else withdrawn_before(activities, told.transaction)
    if done is not None:
        return done
    snapshot = activities.snapshot()
    everything, batch = scan(activities, snapshot.files), told.batch
    bench.connection.register("keeping", pa.table({"id": pa.array(told.keeping, pa.string())}))
    bench.run(
        f"CREATE TEMP TABLE concerned AS SELECT DISTINCT source, id FROM {everything} WHERE batch = ? "
        "AND id NOT IN (SELECT id FROM keeping)",
        [batch],
    )
    if not bench.value("SELECT count(*) FROM concerned"):
        return 0
    bench.run(
        f"CREATE TEMP TABLE history AS SELECT * FROM {everything} SEMI JOIN concerned USING (source, id)"
    )
    bench.run(
        f"CREATE TEMP TABLE withdrawn AS SELECT * FROM {standing_rows('history')} WHERE batch = ?", [batch]
    )
    # What the batch took back and gave no other version of; it stands again, unless a later one settled it.
    bench.run(
        f"CREATE TEMP TABLE taken AS SELECT DISTINCT source, id FROM history WHERE sign < 0 AND batch = ? "
        f"AND (source, id) NOT IN (SELECT (source, id) FROM history WHERE sign > 0 AND batch = ?) "
        f"AND (source, id) NOT IN (SELECT (source, id) FROM {standing_rows('history')})",
        [batch, batch],
    )
    stood = int(bench.value("SELECT count(*) FROM withdrawn"))
    if stood or bench.value("SELECT count(*) FROM taken"):
        rewrite(bench, activities, told, stood)
    return stood


def withdrawn_before(activities: Table, transaction: AppTransaction) -> int | None:
    """How many this transaction withdrew when it was committed before; None where it was not."""
    last = activities.last_transaction(transaction.app)
    if last is None or last < transaction.version:
        return None
    return int((activities.notes(transaction.app, transaction.version) or {}).get("withdrawn", 0))


def rewrite(bench: Workbench, activities: Table, told: BatchWithdrawal, stood: int) -> None:
    """Commit the withdrawals, and the return of what the batch had replaced: what stood before it came.

    A version that the batch itself gave and replaced stood for nobody before, whoever gave it since. Where
    the version before it is of a batch that was undone meanwhile, the one before that comes back.
    """
    gone, now = ", ".join(text(each) for each in (told.batch, *told.undone)), instant(told.recorded_at)
    bench.run(
        f"""
        CREATE TEMP TABLE replaced AS
        SELECT {VERSION}, max(recorded_at) FILTER (WHERE sign < 0) AS replaced_at FROM history
        SEMI JOIN (SELECT source, id FROM withdrawn UNION SELECT source, id FROM taken) USING (source, id)
        WHERE batch = {text(told.batch)} OR (sign < 0 AND batch IN ({gone}))
        GROUP BY {VERSION} HAVING sum(sign) < 0
        """
    )
    bench.run(
        f"""
        CREATE TEMP TABLE gained AS
        SELECT * REPLACE (-1::TINYINT AS sign, {text(told.by)} AS batch,
            CASE WHEN recorded_assumed THEN recorded_at ELSE greatest(recorded_at, {now}) END AS recorded_at)
        FROM withdrawn
        UNION ALL BY NAME
        SELECT * REPLACE (1::TINYINT AS sign, {now} AS recorded_at, false AS recorded_assumed) FROM (
            SELECT history.* FROM history JOIN replaced ON {same_version("history", "replaced")}
            WHERE sign > 0 AND batch NOT IN ({gone})
            QUALIFY row_number() OVER (
                PARTITION BY history.source, history.id
                ORDER BY recorded_at <= replaced_at DESC, recorded_at DESC
            ) = 1
        )
        """
    )
    notes: dict[str, object] = {"app": "withdrawal", "batch": told.batch, "by": told.by, "withdrawn": stood}
    own = [] if told.transaction is None else [(told.transaction.app, told.transaction.version)]
    if told.transaction is not None:
        notes |= {"app": told.transaction.app, "app_version": told.transaction.version}
    commit_gained(bench, activities, notes, own)


def withdraw_ids(
    bench: Workbench,
    activities: Table,
    ids: pa.Table,
    *,
    transaction: AppTransaction,
    recorded_at: dt.datetime,
    by: str,
) -> int:
    """Withdraw what stands of the ids (source, id); how many stood. The same transaction again: 0."""
    if recorded_before(activities, transaction) is not None:
        return 0
    bench.connection.register("named", ids)
    snapshot = activities.snapshot()
    bench.run(
        f"CREATE TEMP TABLE history AS SELECT * FROM {scan(activities, snapshot.files)} "
        "SEMI JOIN named USING (source, id)"
    )
    # What was assumed to be known from the start was believed until now, so it is taken back now.
    bench.run(
        f"CREATE TEMP TABLE gained AS SELECT * REPLACE (-1::TINYINT AS sign, {text(by)} AS batch, "
        f"greatest(recorded_at, {instant(recorded_at)}) AS recorded_at, false AS recorded_assumed) "
        f"FROM {standing_rows('history')}"
    )
    stood = int(bench.value("SELECT count(*) FROM gained"))
    commit_gained(
        bench, activities, {"app": transaction.app, "by": by}, [(transaction.app, transaction.version)]
    )
    return stood


def commit_gained(
    bench: Workbench, activities: Table, notes: dict[str, object], transactions: list[tuple[str, int]]
) -> None:
    """Write the rows of `gained` by month, and make them count in one transaction."""
    number = activities.next_number()
    files = [
        bench.save(activities, month, number, f"SELECT * FROM gained WHERE month = {text(month)}", ORDER)
        for (month,) in bench.rows("SELECT DISTINCT month FROM gained ORDER BY month")
    ]
    activities.commit([file for file in files if file], transactions=transactions, notes=notes)


def same_version(one: str, other: str) -> str:
    """SQL that holds for rows of the same version of an activity."""
    return " AND ".join(f"{one}.{name} IS NOT DISTINCT FROM {other}.{name}" for name in VERSION.split(", "))
