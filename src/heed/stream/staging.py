"""Staging: incoming rows, however many, are readable by month on disk, checked, each id decided about.

Files whose rows lie in the order of time, more or less, are read where they are: their row groups already are
months. Other rows are first sorted into months.
"""

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from heed.stream.activity import CONTENT, INCOMING, REQUIRED, AppTransaction
from heed.stream.erasure import erased_among
from heed.stream.errors import RowsRefusedError, StreamError
from heed.stream.tables import Table
from heed.stream.workbench import STAGED_ROWS, Workbench, quoted, sql_type, text

Rows: TypeAlias = pa.Table | pa.RecordBatchReader | list[Path]

IDENTITY = "source, id"
MONTHS_PER_GROUP = 3
"""Up to so many months in a row group, reading month by month costs less than sorting into months first."""
EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(2200, 1, 1)
LARGEST = 1e15
"""Values are added up exactly; what is larger (or no number) has no exact place in a sum."""


@dataclass(frozen=True)
class Staged:
    """Incoming rows as SQL, beside a table `decided` of what is already decided about some of them.

    `line` is a row's place in the order in which it was offered; `key` is a hash of source and id.
    `sorted_into` is the folder of a file set by month, or None when the files are read as they came.
    """

    everything: str
    sorted_into: Path | None = None
    months: tuple[str, ...] = ()
    rows: int = 0
    erased: int = 0
    repeated: bool = False

    def month(self, month: str) -> str:
        """SQL for the rows of one month."""
        if self.sorted_into is not None:
            files = text(self.sorted_into / f"month={month}" / "*.parquet")
            return f"(SELECT *, {text(month)} AS month FROM read_parquet({files}))"
        start = dt.date.fromisoformat(f"{month}-01")
        end = (start + dt.timedelta(days=31)).replace(day=1)
        within = f""""at" >= TIMESTAMPTZ '{start} 00:00:00+00' AND "at" < TIMESTAMPTZ '{end} 00:00:00+00'"""
        return f"(SELECT * REPLACE ({text(month)} AS month) FROM {self.everything} WHERE {within})"

    def current(self, month: str) -> str:
        """The rows of a month that may still be new: of rows offered twice, the last version only."""
        decided = "WHERE line NOT IN (SELECT line FROM decided)" if self.repeated else ""
        return f"(SELECT * FROM {self.month(month)} {decided})"


def stage(bench: Workbench, rows: Rows, transaction: AppTransaction, erasures: Table) -> Staged:
    """Check the rows, make them readable by month, and decide about ids that were offered more than once."""
    bench.run("CREATE TABLE decided (line BIGINT, first BOOLEAN, replaced_by BIGINT)")
    files = as_files(bench, rows)
    types = {name: kind for name, kind, *_ in bench.rows(f"DESCRIBE SELECT * FROM {read(files)}")}
    staged = Staged(shaped(files, types, transaction))
    total = int(bench.value(f"SELECT count(*) FROM {staged.everything}"))
    check(bench, staged)
    if total and not in_order_of_time(bench, files, types):
        staged = sort_into_months(bench, staged)
    months = bench.rows(f"SELECT DISTINCT month FROM {staged.everything} ORDER BY month") if total else []
    kept_out = keep_out(bench, staged, erased_among(bench, erasures, staged.everything))
    find_repeated(bench, staged)
    decided = bool(bench.value("SELECT count(*) > 0 FROM decided"))
    return replace(
        staged, months=tuple(month for (month,) in months), rows=total, erased=kept_out, repeated=decided
    )


def as_files(bench: Workbench, rows: Rows) -> list[Path]:
    """The offered rows as Parquet files in their order."""
    if isinstance(rows, list):
        if not rows:
            raise StreamError("append was given no Parquet file. Give at least one path.")
        return rows
    path = bench.folder / "offered.parquet"
    bench.connection.register("offered", rows)
    names = ", ".join(quoted(name) for name in rows.schema.names if name in INCOMING.names)
    bench.run(
        f"COPY (SELECT {names or '1 AS nothing'} FROM offered) TO {text(path)} "
        f"(FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {STAGED_ROWS})"
    )
    bench.connection.unregister("offered")
    return [path]


def read(files: list[Path]) -> str:
    listed = ", ".join(text(path) for path in files)
    return f"read_parquet([{listed}], file_row_number = true, union_by_name = true)"


def shaped(files: list[Path], types: dict[str, str], transaction: AppTransaction) -> str:
    """SQL for the offered rows as activities, with their line, key and month."""
    return (
        f"(SELECT *, hash({IDENTITY}) AS key, strftime(\"at\", '%Y-%m') AS month FROM ("
        f"SELECT {selection(list(types), transaction)}, "
        f"(file_index::BIGINT << 40) + file_row_number AS line FROM {read(files)}))"
    )


def in_order_of_time(bench: Workbench, files: list[Path], types: dict[str, str]) -> bool:
    """Whether the row groups hold few months each, by their statistics."""
    if types["at"] != "TIMESTAMP WITH TIME ZONE":
        return False
    listed = ", ".join(text(path) for path in files)
    groups, months, known = bench.rows(
        f"""
        SELECT count(*), sum(datediff('month', first, last) + 1), count(first) FROM (
            SELECT try_cast(stats_min_value AS TIMESTAMPTZ) AS first,
                try_cast(stats_max_value AS TIMESTAMPTZ) AS last
            FROM parquet_metadata([{listed}]) WHERE path_in_schema = 'at'
        )
        """
    )[0]
    return bool(groups == known and (months or 0) <= MONTHS_PER_GROUP * groups + 24)


def sort_into_months(bench: Workbench, staged: Staged) -> Staged:
    folder = bench.folder / "months"
    bench.run(f"SET partitioned_write_flush_threshold = {STAGED_ROWS}")
    bench.run(
        f"COPY {staged.everything} TO {text(folder)} "
        f"(FORMAT parquet, PARTITION_BY (month), COMPRESSION lz4, ROW_GROUP_SIZE {STAGED_ROWS})"
    )
    files = text(folder / "*" / "*.parquet")
    rows = f"read_parquet({files}, hive_partitioning = true, hive_types = {{'month': VARCHAR}})"
    return Staged(rows, sorted_into=folder)


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
        f'SELECT line, source, id, account, name, "at", value FROM {staged.everything} '
        f"""WHERE {empty} OR "at" < DATE '{EARLIEST}' OR "at" >= DATE '{LATEST}' """
        f"OR NOT abs(value) <= {LARGEST!r} ORDER BY line LIMIT 1"
    )
    if found:
        line, *values, value = found[0]
        row = dict(zip(("source", "id", "account", "name", "at"), values, strict=True))
        file, place = divmod(int(line), 1 << 40)
        raise RowsRefusedError(
            f"Row {place + 1}{f' of file {file + 1}' if file else ''} lacks {lacking(row, value)}: {row}. "
            "An activity needs a source, an id, an account, a name and the instant it happened. "
            "Nothing was appended."
        )


def lacking(row: dict[str, Any], value: float | None) -> str:
    """What a refused row lacks."""
    if missing := ", ".join(name for name, given in row.items() if given is None):
        return missing
    if value is not None and not abs(value) <= LARGEST:
        return f"a value between -{LARGEST:.0f} and {LARGEST:.0f} (it is {value})"
    return f"a time between {EARLIEST.year} and {LATEST.year}"


def keep_out(bench: Workbench, staged: Staged, erased: list[tuple[str, str]]) -> int:
    """Decide against the rows of what was erased for good; how many they are."""
    for column, key in erased:
        bench.run(
            f"INSERT INTO decided SELECT line, false, NULL FROM {staged.everything} "
            f"WHERE {quoted(column)} = ? AND line NOT IN (SELECT line FROM decided)",
            [key],
        )
    return int(bench.value("SELECT count(*) FROM decided"))


def find_repeated(bench: Workbench, staged: Staged) -> None:
    """Of ids offered more than once, the last version stands; what differs before it is kept as past."""
    rows = f"(SELECT * FROM {staged.everything} WHERE line NOT IN (SELECT line FROM decided))"
    bench.run(f"CREATE TABLE twice AS SELECT key FROM {staged.everything} GROUP BY key HAVING count(*) > 1")
    if not bench.value("SELECT count(*) FROM twice"):
        return
    content = ", ".join(quoted(name) for name in CONTENT)
    bench.run(
        f"""
        CREATE TABLE versions AS
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
