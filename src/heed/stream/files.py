"""SQL over files that a user brings, in a DuckDB that can reach nothing else.

`FileBench` runs Heed's own statements: it reads the files it is given and writes below one scratch folder.
`Sandbox` runs a user's: one plain query over views of the files, by an allow-list on its syntax tree, in a
database that has no other file, no network, no extension, and no setting left to change.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from heed.stream.duck import SETTINGS

FileKind = Literal["csv", "jsonl", "parquet"]
MALFORMED = "_malformed"
BATCH_ROWS = 100_000
LONGEST_LINE = 2_000_000
UNSEEN = "\x1f"
"""How the names of views begin that are no file's: Heed's own expressions read them."""

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
QUERY_NODES = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE", "VALUES_NODE"}
)
TABLE_REFS = frozenset(
    {"BASE_TABLE", "JOIN", "SUBQUERY", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST", "PIVOT"}
)
FORBIDDEN_FUNCTIONS = frozenset(
    {"getenv", "current_setting", "getvariable", "nextval", "currval", "write_log", "query", "query_table"}
)


class FileQueryError(Exception):
    """A query over files was refused or failed; the message is for the person who wrote it."""


@dataclass(frozen=True)
class FileColumn:
    name: str
    type: str = "VARCHAR"


@dataclass(frozen=True)
class FileTable:
    """One table in a file: UTF-8 text with a header, JSON lines, or Parquet.

    Columns of text files and of JSON lines are text; columns of Parquet keep their type. `first_row` is the
    number that a person would give to the first record (2: the header is row 1). `marked`: its rows say
    themselves which of them were read of lines that are no records.
    """

    name: str
    path: Path
    kind: FileKind
    columns: tuple[FileColumn, ...]
    delimiter: str = ","
    first_row: int = 2
    marked: bool = False


@dataclass(frozen=True)
class StructuralReject:
    """A line of a text file that is not a record of it: `line` counts from 1, the header being one.

    `reason` is DuckDB's name for what is wrong, such as UNQUOTED VALUE or TOO MANY COLUMNS; of a line of
    JSON, NO JSON OBJECT.
    """

    line: int
    text: str
    reason: str


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def reader(table: FileTable) -> str:
    """The query that reads a table's columns, in the order of the file.

    The rows carry one more column, `_malformed`: true where a line of JSON could not be read. Lines of text
    that are no records are kept aside (`FileBench.structural`).
    """
    path = literal(str(table.path))
    if table.kind == "parquet":
        mark = "" if table.marked else f", false AS {MALFORMED}"
        return f"SELECT *{mark} FROM read_parquet({path})"
    if table.kind == "jsonl":
        return _jsonl_reader(table, path)
    columns = ", ".join(f"{literal(column.name)}: 'VARCHAR'" for column in table.columns)
    return (
        f"SELECT *, false AS {MALFORMED} FROM read_csv({path}, auto_detect=false, header=true, "
        f"columns={{{columns}}}, delim={literal(table.delimiter)}, quote='\"', escape='\"', "
        # Told to ignore errors instead, DuckDB drops good rows too where a quote is not closed.
        f"max_line_size={LONGEST_LINE}, store_rejects=true)"
    )


def every_line(table: FileTable) -> str:
    """The view, in a `Sandbox`, of a table with its lines that are no records too; JSON lines are marked."""
    return f"{UNSEEN}{table.name}" if table.kind == "jsonl" else table.name


def _jsonl_reader(table: FileTable, path: str) -> str:
    fields = ", ".join(
        f"json->>{literal('$.' + json.dumps(column.name))} AS {quoted(column.name)}"
        for column in table.columns
    )
    return (
        f"SELECT {fields}, json IS NULL OR json_type(json) <> 'OBJECT' AS {MALFORMED} "
        f"FROM read_ndjson_objects({path}, ignore_errors=true)"
    )


class FileBench:
    """A locked-down DuckDB for Heed's own statements over given files.

    It reads `readable`, and reads and writes below `scratch`; its memory and threads are bounded. Naive
    times are in `time_zone`. Rows of text files that are not records are kept aside: see `structural`.
    """

    def __init__(
        self,
        readable: Iterable[Path],
        scratch: Path,
        *,
        memory_mb: int = 600,
        threads: int = 2,
        time_zone: str = "UTC",
    ) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._db = _locked(readable, scratch, memory_mb=memory_mb, threads=threads, zone=time_zone)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def close(self) -> None:
        self._db.close()

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under a name."""
        self._db.register(name, table)

    def table(self, sql: str) -> pa.Table:
        """The whole answer."""
        with _told():
            return self._db.sql(sql).to_arrow_table()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with _told():
            return self._db.execute(sql).fetchall()

    def batches(self, sql: str, size: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """The answer in pieces of at most `size` rows."""
        with _told():
            yield from self._db.sql(sql).to_arrow_reader(size)

    def write(self, sql: str, target: Path) -> int:
        """Write the answer as Parquet, in its order; returns the rows. Whole or not at all."""
        with _told():
            copied = self._db.execute(
                f"COPY ({sql}) TO {literal(str(target))} "
                "(FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE 122880, DICTIONARY_SIZE_LIMIT 20000)"
            ).fetchall()
        return int(copied[0][0])

    def structural(self, path: Path) -> list[StructuralReject]:
        """The lines that the last reads of this text file left aside, in order."""
        if not self.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'"):
            return []
        found = self.rows(
            "SELECT line, any_value(csv_line), any_value(error_type)::VARCHAR FROM reject_errors "
            f"JOIN reject_scans USING (scan_id, file_id) WHERE file_path = {literal(str(path))} "
            "GROUP BY line ORDER BY line"
        )
        return [StructuralReject(int(line), text or "", reason) for line, text, reason in found]


class Sandbox:
    """A user's own queries over their files, and nothing else.

    `tables` become views by their names, without the lines that are no records. Every query is bounded in
    memory and time, and is one plain SELECT: other statements, other tables and table functions are refused
    before they run.
    """

    def __init__(self, tables: Sequence[FileTable], scratch: Path, *, memory_mb: int = 600) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._names = {name.casefold() for table in tables for name in (table.name, every_line(table))}
        self._db = _locked(
            [table.path for table in tables], None, memory_mb=memory_mb, spill=scratch, views=tables
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def columns(self, sql: str) -> tuple[FileColumn, ...]:
        """What a query would answer, without running it whole."""
        answer = self._run(f"SELECT * FROM ({self._checked(sql)}) LIMIT 0")
        return tuple(
            FileColumn(name, str(kind)) for name, kind in zip(answer.columns, answer.types, strict=True)
        )

    def rows(self, sql: str, limit: int) -> list[dict[str, Any]]:
        """The first rows of a query."""
        answer = self._run(f"SELECT * FROM ({self._checked(sql)}) LIMIT {int(limit)}")
        return list(answer.to_arrow_table().to_pylist())

    def count(self, sql: str) -> int:
        return int(self._run(f"SELECT count(*) FROM ({self._checked(sql)})").fetchall()[0][0])

    def write(self, sql: str, target: Path) -> int:
        """Write a query's answer as Parquet in its order; returns the rows."""
        answer = self._run(self._checked(sql)).to_arrow_reader(BATCH_ROWS)
        written = 0
        with _told(), pq.ParquetWriter(target, answer.schema, compression="zstd") as writer:
            for batch in answer:
                writer.write_batch(batch)
                written += batch.num_rows
        return written

    def _run(self, sql: str) -> Any:
        with _told():
            return self._db.sql(sql)

    def _checked(self, sql: str) -> str:
        with _told():
            tree = json.loads(self._db.execute("SELECT json_serialize_sql($1)", [sql]).fetchall()[0][0])
        if tree.get("error"):
            raise FileQueryError(_why_not_serialised(tree))
        if len(tree["statements"]) != 1:
            raise FileQueryError("The SQL holds more than one statement. Write one SELECT.")
        _Inspection(self._names).of(tree["statements"][0])
        return sql.strip().rstrip(";")


def check_expression(sql: str) -> None:
    """Refuse an SQL expression that could end its place in a query (two expressions, a stray bracket)."""
    if not sql.strip():
        raise FileQueryError("The SQL expression is empty.")
    with _told():
        parser = _parser().cursor()
        wrapped = f"SELECT ({sql}\n) AS x"
        tree = json.loads(parser.execute("SELECT json_serialize_sql($1)", [wrapped]).fetchall()[0][0])
    if tree.get("error"):
        raise FileQueryError(f"'{sql}' is not an SQL expression: {tree.get('error_message', '')}")
    node = tree["statements"][0]["node"]
    alone = len(tree["statements"]) == 1 and node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1
    if not alone or node["from_table"]["type"] != "EMPTY":
        raise FileQueryError(f"'{sql}' is more than one SQL expression.")


@lru_cache(maxsize=1)
def _parser() -> duckdb.DuckDBPyConnection:
    return _locked([], None, memory_mb=100, threads=1)


class _Inspection:
    """A walk over a query's syntax tree that lets through only what is known to be harmless."""

    def __init__(self, tables: set[str]) -> None:
        self._tables = tables

    def of(self, statement: Any) -> None:
        named = self._tables | set(_common_tables(statement))
        for node in _dicts(statement):
            self._check(node, named)

    def _check(self, node: dict[str, Any], named: set[str]) -> None:
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE") and kind not in QUERY_NODES:
            raise FileQueryError("The SQL may only read. Write one SELECT.")
        if node.get("class") == "FUNCTION" and _plain(node["function_name"]) in FORBIDDEN_FUNCTIONS:
            raise FileQueryError(f"The function {node['function_name']} may not be used here.")
        # Every table reference, and nothing else but query nodes, has a place for a sample.
        if "sample" in node and not kind.endswith("_NODE"):
            self._check_reference(node, kind, named)

    def _check_reference(self, node: dict[str, Any], kind: str, named: set[str]) -> None:
        if kind not in TABLE_REFS:
            raise FileQueryError("The SQL may only read from the files of this set. Write one SELECT.")
        if kind == "TABLE_FUNCTION":
            name = _plain(node["function"]["function_name"])
            if name not in TABLE_FUNCTIONS:
                raise FileQueryError(f"The table function {name} may not be used here.")
        if kind == "BASE_TABLE":
            self._check_table(node, named)

    @staticmethod
    def _check_table(node: dict[str, Any], named: set[str]) -> None:
        outside = node.get("schema_name") or node.get("catalog_name")
        if outside or node["table_name"].casefold() not in named:
            known = ", ".join(sorted(name for name in named if not name.startswith(UNSEEN))) or "none"
            raise FileQueryError(f"There is no file '{node['table_name']}' in this set. Files: {known}.")


def _plain(name: str) -> str:
    return name.casefold()


def _common_tables(tree: Any) -> Iterator[str]:
    for node in _dicts(tree):
        for entry in (node.get("cte_map") or {}).get("map", []):
            yield str(entry["key"]).casefold()


def _dicts(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _why_not_serialised(tree: Mapping[str, Any]) -> str:
    if tree.get("error_type") == "not implemented":
        return "The SQL may only read. Write one SELECT."
    return f"The SQL cannot be read: {tree.get('error_message', 'unknown error')}"


def _locked(
    readable: Iterable[Path],
    scratch: Path | None,
    *,
    memory_mb: int,
    threads: int = 2,
    zone: str = "UTC",
    spill: Path | None = None,
    views: Sequence[FileTable] = (),
    seconds: int = 3_600,
) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect(
        config={**SETTINGS, "python_enable_replacements": False, "allow_persistent_secrets": False}
    )
    # It goes to standard output, where programs read answers.
    db.execute("SET enable_progress_bar=false")
    spill_to = (spill or scratch or Path()) / "spill"
    db.execute(f"SET temp_directory={literal(str(spill_to))}")
    db.execute(f"SET TimeZone={literal(zone)}; SET memory_limit='{memory_mb}MB'; SET threads={threads}")
    db.execute(f"SET max_execution_time={seconds * 1000}; SET preserve_insertion_order=true")
    paths = ", ".join(literal(str(path)) for path in readable)
    db.execute(f"SET allowed_paths=[{paths}]")
    if scratch is not None:
        db.execute(f"SET allowed_directories=[{literal(str(scratch) + '/')}]")
    for table in views:
        _make_views(db, table)
    db.execute("SET enable_external_access=false; SET lock_configuration=true")
    return db


def _make_views(db: duckdb.DuckDBPyConnection, table: FileTable) -> None:
    names = ", ".join(quoted(column.name) for column in table.columns)
    if table.kind != "jsonl":
        db.execute(f"CREATE VIEW {quoted(table.name)} AS SELECT {names} FROM ({reader(table)})")
        return
    lines = quoted(every_line(table))
    db.execute(f"CREATE VIEW {lines} AS SELECT {names}, {MALFORMED} FROM ({reader(table)})")
    db.execute(f"CREATE VIEW {quoted(table.name)} AS SELECT {names} FROM {lines} WHERE NOT {MALFORMED}")


@contextmanager
def _told() -> Iterator[None]:
    """DuckDB's errors as ours, without its stack and hints on other objects."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise FileQueryError("The query took longer than it may. Narrow it.") from error
    except duckdb.OutOfMemoryException as error:
        raise FileQueryError("The query needs more memory than it may use. Narrow it.") from error
    except duckdb.Error as error:
        if "No space left" in str(error):
            raise OSError(28, "No space left on device", str(error)) from error
        raise FileQueryError(str(error).split("\n\n", maxsplit=1)[0]) from error


def parquet_table(name: str, path: Path) -> FileTable:
    """Describe a Parquet file; FileQueryError where it is none."""
    with duckdb.connect(config=SETTINGS) as db, _told():
        found = db.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))})").fetchall()
    return FileTable(name, path, "parquet", tuple(FileColumn(row[0], row[1]) for row in found))
