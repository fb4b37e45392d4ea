"""Staging: incoming rows, however many, become files by month on disk, checked, each id decided about."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from heed.stream.activity import CONTENT, INCOMING, REQUIRED, AppTransaction
from heed.stream.erasure import erased_among
from heed.stream.errors import RowsRefusedError, StreamError
from heed.stream.tables import Table
from heed.stream.workbench import STAGED_ROWS_PER_MONTH, Workbench, quoted, sql_type, text

Rows: TypeAlias = pa.Table | pa.RecordBatchReader | list[Path]

IDENTITY = "source, id"


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
        files = text(self.folder / f"month={month}" / "*.parquet")
        return f"(SELECT *, {text(month)} AS month FROM read_parquet({files}))"

    def everything(self) -> str:
        files = text(self.folder / "*" / "*.parquet")
        return f"read_parquet({files}, hive_partitioning = true, hive_types = {{'month': VARCHAR}})"

    def current(self, month: str | None = None) -> str:
        """The rows that may still be new: of rows offered twice, the last version only."""
        rows = self.month(month) if month else self.everything()
        decided = "WHERE line NOT IN (SELECT line FROM decided)" if self.repeated else ""
        return f"(SELECT * FROM {rows} {decided})"


def stage(bench: Workbench, rows: Rows, transaction: AppTransaction, erasures: Table) -> Staged:
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
    kept_out = keep_out(bench, staged, erased_among(bench, erasures, staged.everything()))
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
        raise RowsRefusedError(
            f"The rows have no column {', '.join(missing)}. They have: {', '.join(names)}."
        )
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
        raise RowsRefusedError(
            f"Row {place + 1}{f' of file {file + 1}' if file else ''} lacks {lacks}: {row}. "
            "An activity needs a source, an id, an account, a name and the instant it happened. "
            "Nothing was appended."
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
    """Of ids offered more than once, the last version stands; what differs before it is kept as past."""
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
