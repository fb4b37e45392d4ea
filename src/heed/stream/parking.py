"""Parking: activities of accounts that are not known yet wait here until the account comes."""

import datetime as dt
from collections.abc import Iterable

import pyarrow as pa

from heed.stream.activity import INCOMING, Appended, AppTransaction
from heed.stream.append import append_rows
from heed.stream.removal import Sorted, files_with, remove_rows
from heed.stream.staging import Rows, stage
from heed.stream.standing import same_content
from heed.stream.tables import Table, Written
from heed.stream.workbench import Workbench, instant, quoted, scan, text

ORDER = "account, parked_at, line"
RELEASE = "release"


def park_rows(
    bench: Workbench,
    parked: Table,
    erasures: Table,
    rows: Rows,
    *,
    transaction: AppTransaction,
    recorded_at: dt.datetime,
) -> int:
    """Park rows that do not wait already word for word; how many they are. All versions of an id are kept."""
    last = parked.last_transaction(transaction.app)
    if last is not None and last >= transaction.version:
        notes = parked.notes(transaction.app, transaction.version) or {}
        return int(notes.get("parked", 0))
    staged = stage(bench, rows, transaction, erasures)
    snapshot = parked.snapshot()
    number = parked.next_number()
    written: list[Written] = []
    for month in staged.months:
        waiting = scan(parked, snapshot.of_months([month]))
        query = (
            f"SELECT s.*, {instant(recorded_at)} AS parked_at FROM {staged.month(month)} AS s "
            "WHERE line NOT IN (SELECT line FROM decided WHERE replaced_by IS NULL) AND NOT EXISTS "
            f"(SELECT 1 FROM {waiting} AS t WHERE t.source = s.source AND t.id = s.id "
            f"AND {same_content('s', 't')})"
        )
        file = bench.save(parked, month, number, query, ORDER)
        written += [file] if file else []
    count = sum(file.rows for file in written)
    parked.commit(
        written,
        transactions=[(transaction.app, transaction.version)],
        notes={"app": transaction.app, "app_version": transaction.version, "parked": count},
    )
    return count


def release_rows(
    bench: Workbench,
    activities: Table,
    parked: Table,
    erasures: Table,
    accounts: Iterable[str],
    *,
    recorded_at: dt.datetime,
) -> Appended:
    """Append what waits for these accounts in the order in which it came, then let it leave.

    Killed in between, the next release finds its rows known already and only lets them leave.
    """
    bench.connection.register("arrived", pa.table({"account": pa.array(sorted(set(accounts)), pa.string())}))
    condition = "account IN (SELECT account FROM arrived)"
    files = files_with(bench, parked, condition)
    if not files:
        return Appended()
    path = bench.folder / "released.parquet"
    columns = ", ".join(quoted(name) for name in INCOMING.names)
    bench.run(
        f"COPY (SELECT {columns} FROM {scan(parked, files)} WHERE {condition} ORDER BY parked_at, line) "
        f"TO {text(path)} (FORMAT parquet)"
    )
    appended = append_rows(
        bench,
        activities,
        erasures,
        [path],
        transaction=AppTransaction(RELEASE, parked.snapshot().version),
        recorded_at=recorded_at,
    )
    remove_rows(bench, Sorted(parked, ORDER), files, condition, reason=RELEASE)
    return appended
