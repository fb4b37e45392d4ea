"""Append: check the rows, drop what is known, keep each change as a withdrawal and a new version, commit once.

Nothing here grows with the rows but files on disk and a few narrow columns: rows are sorted into months first,
then each month is compared, ordered and written alone.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from heed.stream.activity import CONTENT, INCOMING, REQUIRED, Appended, AppTransaction
from heed.stream.errors import RowsRefused, StreamError
from heed.stream.standing import same_content, standing, standing_rows
from heed.stream.tables import DataFile, Snapshot, Table, Written
from heed.stream.workbench import (
    STAGED_ROWS_PER_MONTH,
    Workbench,
    instant,
    quoted,
    scan,
    sql_type,
    text,
)

Rows = pa.Table | pa.RecordBatchReader | list[Path]

IDENTITY = "source, id"
ORDER = 'account, "at", source, id, sign, recorded_at'


@dataclass(frozen=True)
class Staged:
    """Incoming rows in files by month, beside tables of what is already decided about some of them.

    `line` is a row's place in the order in which it was offered; `key` is a hash of source and id.
    """

    folder: Path
    months: tuple[str, ...]
    rows: int = 0
    erased: int = 0
    repeated: bool = False

    def month(self, month: str) -> str:
        return f"(SELECT *, {text(month)} AS month FROM read_parquet({text(self.folder)} || '/month={month}/*.parquet'))"

    def everything(self) -> str:
        return f"read_parquet({text(self.folder)} || '/*/*.parquet', hive_partitioning = true, hive_types = {{'month': VARCHAR}})"

    def current(self, month: str | None = None) -> str:
        """The rows that may still be new: of rows offered twice, the last version only."""
        rows = self.month(month) if month else self.everything()
        decided = "WHERE line NOT IN (SELECT line FROM decided)" if self.repeated else ""
        return f"(SELECT * FROM {rows} {decided})"


def append_rows(
    bench: Workbench,
    activities: Table,
    rows: Rows,
    *,
    transaction: AppTransaction,
    recorded_at: dt.datetime,
    erased: list[tuple[str, str]],
) -> Appended:
    """Append within the writer's lock. `erased` lists (column, key) of what may not come back."""
    repeated = recorded_before(activities, transaction)
    if repeated is not None:
        return repeated
    staged = stage(bench, rows, transaction, erased)
    counts = compare(bench, activities, staged, recorded_at)
    written = write(bench, activities, staged)
    activities.commit(
        written,
        transactions=[(transaction.app, transaction.version)],
        notes={"app": transaction.app, "app_version": transaction.version, **count_notes(counts)},
    )
    return counts


def recorded_before(activities: Table, transaction: AppTransaction) -> Appended | None:
    """The counts of this transaction when it was committed before (zeros once the log has forgotten them)."""
    last = activities.last_transaction(transaction.app)
    if last is None or last < transaction.version:
        return None
    notes = activities.notes(transaction.app, transaction.version) or {}
    return Appended(**{name: int(notes.get(name, 0)) for name in count_notes(Appended())})


def count_notes(counts: Appended) -> dict[str, int]:
    return {
        "new": counts.new,
        "unchanged": counts.unchanged,
        "corrected": counts.corrected,
        "erased": counts.erased,
    }


# Staging


def stage(bench: Workbench, rows: Rows, transaction: AppTransaction, erased: list[tuple[str, str]]) -> Staged:
    """Write the rows into files by month, checked, and decide about ids that were offered more than once."""
    folder = bench.folder / "rows"
    source, names = incoming(bench, rows)
    bench.run(f"SET partitioned_write_flush_threshold = {STAGED_ROWS_PER_MONTH}")
    bench.run(
        f"COPY (SELECT {selection(names, transaction)}, line, hash({IDENTITY}) AS key, "
        f"""strftime("at", '%Y-%m') AS month FROM {source}) TO {text(folder)} """
        f"(FORMAT parquet, PARTITION_BY (month), COMPRESSION lz4, ROW_GROUP_SIZE {STAGED_ROWS_PER_MONTH})"
    )
    months = tuple(sorted(path.name.removeprefix("month=") for path in folder.glob("month=*")))
    staged = Staged(folder, months)
    bench.run("CREATE TEMP TABLE decided (line BIGINT, first BOOLEAN, replaced_by BIGINT)")
    if not months:
        return staged
    check(bench, staged)
    total = int(bench.value(f"SELECT count(*) FROM {staged.everything()}"))
    kept_out = keep_out(bench, staged, erased)
    find_repeated(bench, staged)
    decided = bool(bench.value("SELECT count(*) > 0 FROM decided"))
    return replace(staged, rows=total, erased=kept_out, repeated=decided)


def incoming(bench: Workbench, rows: Rows) -> tuple[str, list[str]]:
    """SQL that reads the offered rows with their line, and the names of their columns."""
    if isinstance(rows, list):
        if not rows:
            raise StreamError("append was given no Parquet file. Give at least one path.")
        listed = ", ".join(text(path) for path in rows)
        source = (
            "(SELECT *, (file_index::BIGINT << 40) + file_row_number AS line "
            f"FROM read_parquet([{listed}], file_row_number = true, union_by_name = true))"
        )
    else:
        reader = rows.to_reader() if isinstance(rows, pa.Table) else rows
        bench.connection.register("offered", with_lines(reader))
        source = "offered"
    described = bench.rows(f"DESCRIBE SELECT * FROM {source}")
    return source, [name for name, *_ in described]


def with_lines(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Number the rows in the order in which they come."""
    schema = pa.schema([column for column in reader.schema if column.name != "line"])

    def numbered() -> Iterator[pa.RecordBatch]:
        line = 0
        for batch in reader:
            columns = [batch.column(name) for name in schema.names]
            lines = pa.array(range(line, line + batch.num_rows), pa.int64())
            line += batch.num_rows
            yield pa.record_batch([*columns, lines], names=[*schema.names, "line"])

    return pa.RecordBatchReader.from_batches(schema.append(pa.field("line", pa.int64())), numbered())


def selection(names: list[str], transaction: AppTransaction) -> str:
    """The columns of an activity out of whatever columns came, with the rules for those that are absent."""
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise RowsRefused(f"The rows have no column {', '.join(missing)}. They have: {', '.join(names)}.")
    given = {
        column.name: f"CAST({quoted(column.name)} AS {sql_type(column.type)})"
        if column.name in names
        else f"NULL::{sql_type(column.type)}"
        for column in INCOMING
    }
    assumed = f"coalesce({given['recorded_assumed']}, false) OR {given['recorded_at']} IS NULL"
    given["recorded_assumed"] = f"({assumed})"
    given["recorded_at"] = f"coalesce({given['recorded_at']}, {given['at']})"
    given["batch"] = f"coalesce({given['batch']}, {text(transaction.app)})"
    return ", ".join(f"{expression} AS {quoted(name)}" for name, expression in given.items())


def check(bench: Workbench, staged: Staged) -> None:
    """Refuse the append when a row lacks what every activity must have."""
    empty = " OR ".join(f"{quoted(name)} IS NULL" for name in REQUIRED)
    found = bench.rows(
        f'SELECT line, source, id, account, name, "at" FROM {staged.everything()} '
        f'WHERE {empty} OR NOT isfinite("at") ORDER BY line LIMIT 1'
    )
    if found:
        line, *values = found[0]
        row = dict(zip(("source", "id", "account", "name", "at"), values, strict=True))
        lacks = ", ".join(name for name, value in row.items() if value is None) or "a finite at"
        file, place = divmod(int(line), 1 << 40)
        raise RowsRefused(
            f"Row {place + 1}{f' of file {file + 1}' if file else ''} lacks {lacks}: {row}. "
            "An activity needs a source, an id, an account, a name and the instant it happened. Nothing was appended."
        )


def keep_out(bench: Workbench, staged: Staged, erased: list[tuple[str, str]]) -> int:
    """Decide against the rows of what was erased for good; how many they are."""
    for column, key in erased:
        bench.run(
            f"INSERT INTO decided SELECT line, false, NULL FROM {staged.everything()} "
            f"WHERE {quoted(column)} = ? AND line NOT IN (SELECT line FROM decided)",
            [key],
        )
    return int(bench.value("SELECT count(*) FROM decided"))


def find_repeated(bench: Workbench, staged: Staged) -> None:
    """Of ids offered more than once, the last version stands; what differs before it is kept as a past version."""
    rows = f"(SELECT * FROM {staged.everything()} WHERE line NOT IN (SELECT line FROM decided))"
    bench.run(
        f"CREATE TEMP TABLE twice AS SELECT key FROM {staged.everything()} GROUP BY key HAVING count(*) > 1"
    )
    if not bench.value("SELECT count(*) FROM twice"):
        return
    content = ", ".join(quoted(name) for name in CONTENT)
    bench.run(
        f"""
        CREATE TEMP TABLE versions AS
        WITH several AS (
            SELECT {IDENTITY}, line, row({content}) AS content FROM {rows}
            WHERE key IN (SELECT key FROM twice)
        ), compared AS (
            SELECT *, lag(content) OVER same AS before, lag(line) OVER same IS NULL AS first
            FROM several WINDOW same AS (PARTITION BY {IDENTITY} ORDER BY line)
        )
        SELECT {IDENTITY}, line, first, first OR content IS DISTINCT FROM before AS differs FROM compared
        """
    )
    bench.run("INSERT INTO decided SELECT line, false, NULL FROM versions WHERE NOT differs")
    bench.run(
        f"""
        INSERT INTO decided
        SELECT line, first, last FROM (
            SELECT *, max(line) OVER (PARTITION BY {IDENTITY}) AS last FROM versions WHERE differs
        ) WHERE line < last
        """
    )


# Comparing with the store


def compare(bench: Workbench, activities: Table, staged: Staged, recorded_at: dt.datetime) -> Appended:
    """Find what is new and what is another version of a known id, and count it. Leaves its findings in tables:

    `fresh` (line, key, month) are the rows to write; `adjusted` (line, recorded_at, corrects) those of them that
    are recorded at another instant than they say; `beside` are whole rows to write beside them: withdrawals of
    stored versions, and versions that a later row of the same append replaces.
    """
    snapshot = activities.snapshot()
    bench.run("CREATE TEMP TABLE fresh (line BIGINT, key UBIGINT, month VARCHAR)")
    bench.run("CREATE TEMP TABLE adjusted (line BIGINT, recorded_at TIMESTAMPTZ, corrects BOOLEAN)")
    bench.run(f"CREATE TEMP TABLE beside AS SELECT * FROM {scan(activities, [])}")
    for month in staged.months:
        find_fresh(bench, activities, snapshot.of_months([month]), staged, month)
    if snapshot.files and find_hits(bench, activities, snapshot, staged):
        find_outdated(bench, activities, snapshot, staged, instant(recorded_at))
    past = keep_past(bench, staged, instant(recorded_at)) if staged.repeated else 0
    fresh, corrects = bench.rows(
        "SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM adjusted WHERE corrects)"
    )[0]
    unchanged = staged.rows - staged.erased - fresh - past
    return Appended(fresh - corrects, unchanged, corrects + past, staged.erased)


def find_fresh(
    bench: Workbench, activities: Table, files: list[DataFile], staged: Staged, month: str
) -> None:
    """Keep the lines of a month that do not stand in the store word for word."""
    known = ""
    if files:
        known = (
            f"WHERE NOT EXISTS (SELECT 1 FROM {standing(activities, files)} AS t WHERE t.source = s.source "
            f"AND t.id = s.id AND {same_content('s', 't')} AND {same_record('s', 't')})"
        )
    bench.run(f"INSERT INTO fresh SELECT s.line, s.key, s.month FROM {staged.current(month)} AS s {known}")


def same_record(offered: str, stored: str) -> str:
    """SQL that holds unless a row says that it was learnt later than the store believes.

    A correction is stored at the instant when it came, which is later than what its source says ever after.
    """
    return (
        f"({offered}.recorded_assumed OR {stored}.recorded_assumed "
        f"OR {offered}.recorded_at <= {stored}.recorded_at)"
    )


def find_hits(bench: Workbench, activities: Table, snapshot: Snapshot, staged: Staged) -> int:
    """Which fresh keys the store may know. Reads the identities only, and of them what lies in their range."""
    bench.run("CREATE TEMP TABLE hits (key UBIGINT)")
    low, high = bench.rows(
        f"SELECT min(id), max(id) FROM {staged.everything()} WHERE line IN (SELECT line FROM fresh)"
    )[0]
    bench.run(
        f"INSERT INTO hits SELECT DISTINCT hash({IDENTITY}) FROM {scan(activities, snapshot.files)} "
        f"WHERE id >= ? AND id <= ? AND hash({IDENTITY}) IN (SELECT key FROM fresh)",
        [low, high],
    )
    return int(bench.value("SELECT count(*) FROM hits"))


def find_outdated(bench: Workbench, activities: Table, snapshot: Snapshot, staged: Staged, now: str) -> None:
    """Withdraw the stored versions of fresh ids; ids that were withdrawn before stand again from then on."""
    bench.run(
        f"CREATE TEMP TABLE again AS SELECT line, {IDENTITY}, batch FROM {staged.everything()} "
        "WHERE line IN (SELECT line FROM fresh WHERE key IN (SELECT key FROM hits))"
    )
    bench.run(
        f"CREATE TEMP TABLE known AS SELECT * FROM {scan(activities, snapshot.files)} "
        f"WHERE hash({IDENTITY}) IN (SELECT key FROM hits)"
    )
    bench.run(
        f"""
        INSERT INTO beside BY NAME
        SELECT known.* REPLACE (again.batch AS batch, -1 AS sign, {now} AS recorded_at, false AS recorded_assumed)
        FROM {standing_rows("known")} AS known JOIN again USING ({IDENTITY})
        """
    )
    bench.run(f"INSERT INTO adjusted SELECT line, {now}, true FROM again SEMI JOIN beside USING ({IDENTITY})")
    # Counted from its first record on, an id that was withdrawn and came back would count twice before.
    bench.run(
        f"""
        INSERT INTO adjusted
        SELECT line, withdrawn_at, false FROM (SELECT * FROM again ANTI JOIN beside USING ({IDENTITY}))
        JOIN (
            SELECT {IDENTITY}, max(recorded_at) AS withdrawn_at FROM known
            WHERE sign < 0 AND NOT recorded_assumed GROUP BY {IDENTITY}
        ) USING ({IDENTITY})
        """
    )


def keep_past(bench: Workbench, staged: Staged, now: str) -> int:
    """Keep the versions that a later row of this append replaces, unless the last one stands already."""
    bench.run(
        f"""
        CREATE TEMP TABLE past AS
        SELECT s.*, replaced_by, CASE WHEN first AND NOT coalesce(a.corrects, false)
            THEN greatest(s.recorded_at, a.recorded_at) ELSE {now} END AS known_at
        FROM decided JOIN {staged.everything()} AS s USING (line) LEFT JOIN adjusted AS a ON a.line = replaced_by
        WHERE replaced_by IN (SELECT line FROM fresh)
        """
    )
    plain = "SELECT * EXCLUDE (line, key, replaced_by, known_at) REPLACE (known_at AS recorded_at), 1 AS sign FROM past"
    bench.run(f"INSERT INTO beside BY NAME {plain}")
    bench.run(
        "INSERT INTO beside BY NAME SELECT * REPLACE (-1 AS sign, false AS recorded_assumed, "
        f"{now} AS recorded_at) FROM ({plain})"
    )
    bench.run(f"UPDATE adjusted SET recorded_at = {now} WHERE line IN (SELECT replaced_by FROM past)")
    bench.run(
        f"INSERT INTO adjusted SELECT DISTINCT replaced_by, {now}, false FROM past "
        "WHERE replaced_by NOT IN (SELECT line FROM adjusted)"
    )
    return int(bench.value("SELECT count(*) FROM past"))


# Writing


def write(bench: Workbench, activities: Table, staged: Staged) -> list[Written]:
    """Write one file per month that gains rows, ordered by account and time."""
    gains = dict(bench.rows("SELECT month, count(*) FROM fresh GROUP BY month"))
    beside = {month for (month,) in bench.rows("SELECT DISTINCT month FROM beside")}
    adjusted = bool(bench.value("SELECT count(*) > 0 FROM adjusted"))
    number = activities.next_number()
    files = []
    for month in sorted(gains.keys() | beside):
        parts = [fresh_rows(bench, staged, month, gains[month], adjusted)] if month in gains else []
        parts += [f"SELECT * FROM beside WHERE month = {text(month)}"] if month in beside else []
        files.append(bench.save(activities, month, number, " UNION ALL BY NAME ".join(parts), ORDER))
    return [file for file in files if file is not None]


def fresh_rows(bench: Workbench, staged: Staged, month: str, gain: int, adjusted: bool) -> str:
    """SQL for the new rows of a month, as they are to be stored."""
    rows = staged.current(month)
    if gain < bench.value(f"SELECT count(*) FROM {rows}"):
        rows = f"(SELECT * FROM {rows} WHERE line IN (SELECT line FROM fresh WHERE month = {text(month)}))"
    if not adjusted:
        return f"SELECT * EXCLUDE (line, key), 1 AS sign FROM {rows}"
    return (
        "SELECT s.* EXCLUDE (line, key) REPLACE (coalesce(a.recorded_at, s.recorded_at) AS recorded_at, "
        "s.recorded_assumed AND a.line IS NULL AS recorded_assumed), 1 AS sign "
        f"FROM {rows} AS s LEFT JOIN adjusted AS a USING (line)"
    )
