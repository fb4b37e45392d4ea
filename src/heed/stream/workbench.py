"""Where the writer works: a DuckDB with bounded memory that spills beside the stream and leaves nothing."""

import datetime as dt
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from heed.stream.duck import SETTINGS
from heed.stream.errors import WriteFailedError
from heed.stream.tables import DataFile, Table, Written

MEMORY = "1GB"
THREADS = 2
ROW_GROUP = 20_480
"""Rows per group: small enough that one account is found without reading a month."""
STAGED_ROWS = 32_768
"""Rows of a row group of incoming rows, and of a month kept in memory while they are sorted into months."""


@dataclass
class Workbench:
    """One writer's connection, its own folder, and the files it has written but not yet committed."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    written: list[Path] = field(default_factory=list)

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        self.connection.execute(sql, list(parameters))

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, list(parameters)).fetchall()

    def value(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        row = self.connection.execute(sql, list(parameters)).fetchone()
        return None if row is None else row[0]

    def save(self, table: Table, month: str, number: int, query: str, order: str) -> Written | None:
        """Write the rows of a query as one file of the table, in this order; None when there is no row."""
        path = table.new_path(month, number)
        target = table.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self.written.append(target)
        columns = ", ".join(quoted(name) for name in table.columns)
        saved = self.connection.execute(
            f"COPY (SELECT {columns} FROM ({query}) ORDER BY {order}) TO {text(target)} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}, RETURN_STATS)"
        ).fetchone()
        rows, size, columns_of = (saved[1], saved[2], saved[4]) if saved else (0, 0, {})
        if not rows:
            target.unlink(missing_ok=True)
            return None
        low, high = bounds(table, columns_of)
        return Written(path=path, month=month, size=size, rows=rows, low=low, high=high)

    def save_months(self, table: Table, number: int, queries: Mapping[str, str], order: str) -> list[Written]:
        """As `save` for the queries of months, several at once: sorting and writing one leaves a core idle.

        The queries see the bench's tables, but nothing that was registered or is temporary.
        """

        def save(month: str) -> Written | None:
            beside = Workbench(self.connection.cursor(), self.folder, self.written)
            return beside.save(table, month, number, queries[month], order)

        with ThreadPoolExecutor(THREADS) as pool:
            return [file for file in pool.map(save, queries) if file is not None]

    def discard(self) -> None:
        """Remove what was written: no transaction will name it."""
        for path in self.written:
            path.unlink(missing_ok=True)
        self.written.clear()


@contextmanager
def workbench(home: Path) -> Iterator[Workbench]:
    """Open a workbench under the stream's folder, whose writer lock the caller holds.

    Anything that a killed writer left there is removed first. When the block fails, the files that it wrote
    are removed; a failure of the disk comes out as `WriteFailedError`.
    """
    shutil.rmtree(home / "work", ignore_errors=True)
    folder = home / "work" / uuid.uuid4().hex
    (folder / "spill").mkdir(parents=True)
    bench = Workbench(connect(MEMORY, THREADS, folder / "spill"), folder)
    try:
        yield bench
    except (OSError, duckdb.IOException) as error:
        bench.discard()
        raise WriteFailedError(
            f"The stream in {home} could not be written: {error}. Nothing was committed. "
            "Make room on the disk (or mend its permissions) and run the same again."
        ) from error
    except BaseException:
        bench.discard()
        raise
    finally:
        bench.connection.close()
        shutil.rmtree(home / "work", ignore_errors=True)


def connect(memory: str, threads: int | None, spill: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, in UTC, that never fetches an extension."""
    settings = {**SETTINGS, "memory_limit": memory, "temp_directory": str(spill)}
    if threads is not None:
        settings["threads"] = threads
    connection = duckdb.connect(config=settings)
    # It goes to standard output, where programs read answers.
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET GLOBAL parquet_metadata_cache = true")
    return connection


def scan(table: Table, files: Iterable[DataFile]) -> str:
    """SQL for the rows of these files, with the month; an empty relation of the same shape for no files."""
    return scan_paths(table.paths(files), table)


def scan_paths(paths: list[str], table: Table) -> str:
    if not paths:
        nothing = ", ".join(f"NULL::{sql_type(each.type)} AS {quoted(each.name)}" for each in table.schema)
        return f"(SELECT {nothing} WHERE false)"
    listed = ", ".join(text(path) for path in paths)
    names = ", ".join(quoted(name) for name in table.schema.names)
    hive = (
        "hive_partitioning = true, hive_types = {'month': VARCHAR}" if "month" in table.schema.names else ""
    )
    return f"(SELECT {names} FROM read_parquet([{listed}]{', ' + hive if hive else ''}))"


def sql_type(arrow: Any) -> str:
    """DuckDB's name of an arrow type that the stream uses."""
    return {
        "string": "VARCHAR",
        "timestamp[us, tz=UTC]": "TIMESTAMPTZ",
        "date32[day]": "DATE",
        "bool": "BOOLEAN",
        "double": "DOUBLE",
        "int8": "TINYINT",
        "int64": "BIGINT",
    }[str(arrow)]


def text(value: object) -> str:
    """A text as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


def instant(moment: dt.datetime) -> str:
    """An instant as an SQL literal."""
    if moment.tzinfo is None:
        raise ValueError(f"The instant {moment} has no time zone. Give it in UTC.")
    return f"TIMESTAMPTZ '{moment.astimezone(dt.UTC).isoformat(sep=' ')}'"


def quoted(name: str) -> str:
    """A column's name in SQL (`at` is a word of the grammar)."""
    return '"' + name.replace('"', '""') + '"'


def bounds(table: Table, columns: dict[str, dict[str, str]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The least and greatest value of the columns that files are chosen by."""
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    for name in (table.span or "", "sign"):
        found = columns.get(quoted(name), {}) if name in table.schema.names else {}
        if "min" in found:
            kind = str(table.schema.field(name).type)
            low[name], high[name] = parsed(found["min"], kind), parsed(found["max"], kind)
    return low, high


def parsed(value: str, kind: str) -> Any:
    if kind.startswith("timestamp"):
        return dt.datetime.fromisoformat(value)
    return dt.date.fromisoformat(value) if kind.startswith("date") else int(value)
