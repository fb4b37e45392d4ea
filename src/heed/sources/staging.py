"""Staging: the rows of a file set, typed and judged, as Parquet on disk before anything is stored."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from heed.sources.checking import (
    BLANK_ROW,
    MALFORMED_ROW,
    Checked,
    Setting,
    originals,
    problem_parts,
    sql_column,
    visible,
)
from heed.sources.mapping import Block, FileMapping
from heed.sources.reading import FileSet
from heed.stream.files import (
    MALFORMED,
    FileBench,
    FileQueryError,
    FileTable,
    Sandbox,
    StructuralReject,
    every_line,
    literal,
    parquet_table,
    quoted,
    reader,
)

QUERY = "a query over the files"
TORN = {"UNQUOTED VALUE": "torn_quotes"}
LINE, HEADER, DELIMITER = "line", "header", "delimiter"
LONGEST_KEPT, LONGEST_TOLD = 100_000, 500
BLANKS = " \t\n\v\f\r"


class StagingError(Exception):
    """A mapped file or column is not there, or SQL failed; nothing was stored."""


@dataclass(frozen=True)
class Refused:
    """A row that was refused: where, why (a code), and its texts by target column."""

    block: int
    file: str
    row: int
    column: str
    code: str
    values: dict[str, str | None]


@dataclass
class Staged:
    """One file's rows of one entity, in the order of the file, on disk.

    Rows with a `_problem` are refused; a row's number is its place in this file plus `table.first_row`.
    """

    number: int
    block: Block
    table: FileTable
    path: Path
    bench: FileBench = field(repr=False)
    rows: int
    structural: list[StructuralReject]
    origin: FileTable

    @cached_property
    def problems(self) -> list[tuple[str, int]]:
        """How many rows have which problem, the most frequent first."""
        found = self.bench.rows(
            f"SELECT _problem, count(*) AS n FROM {self.source} WHERE _problem IS NOT NULL "
            "GROUP BY _problem ORDER BY n DESC"
        )
        return [(str(problem), int(count)) for problem, count in found]

    @property
    def source(self) -> str:
        return f"read_parquet({literal(str(self.path))}, file_row_number=true)"

    @property
    def blank(self) -> int:
        return sum(count for problem, count in self.problems if problem == BLANK_ROW)

    @property
    def refused(self) -> int:
        return sum(count for _, count in self.problems) - self.blank + len(self.structural)

    @property
    def accepted(self) -> int:
        return self.rows - self.blank - self.refused + len(self.structural)

    def refusals(self) -> Iterator[Refused]:
        """The refused rows in the order of the file."""
        name, texts = self.table.name, json_lines(self.origin.path)
        for reject in self.structural:
            code, values = TORN.get(reject.reason, "wrong_width"), self._as_line(reject.text)
            yield Refused(self.number, name, reject.line, "", code, values)
        query = (
            f"SELECT file_row_number, _problem, _original FROM {self.source} "
            f"WHERE _problem IS NOT NULL AND _problem <> {literal(BLANK_ROW)} ORDER BY file_row_number"
        )
        for batch in self.bench.batches(query):
            for row in batch.to_pylist():
                column, code = problem_parts(row["_problem"])
                index = row["file_row_number"]
                if row["_problem"] == MALFORMED_ROW:
                    values = self._as_line(next((line.text for line in texts if line.row == index), ""))
                else:
                    values = originals(row["_original"])
                yield Refused(self.number, name, self.place(index), column, code, values)

    def _as_line(self, text: str) -> dict[str, str | None]:
        """A line that is no record, with what it takes to read it again once it is corrected."""
        if len(text) > LONGEST_KEPT:
            return {LINE: visible(text[:LONGEST_KEPT])}
        header = json.dumps([column.name for column in self.origin.columns])
        return {LINE: visible(text), HEADER: header, DELIMITER: self.origin.delimiter}

    def place(self, index: int) -> int:
        """The number of a row in its file, counting the lines that were no rows."""
        number = index + self.table.first_row
        for reject in self.structural:
            number += reject.line <= number
        return number

    def good(self) -> Iterator[pa.RecordBatch]:
        """The accepted rows in the order of the file, with `_row` (their place) and `_original`."""
        yield from self.bench.batches(
            f"SELECT * EXCLUDE (file_row_number, _problem), file_row_number AS _index FROM {self.source} "
            "WHERE _problem IS NULL ORDER BY file_row_number"
        )


@dataclass(frozen=True)
class JsonLine:
    """One line of a file of JSON lines: the number of its row from 0, of the line from 1, and its text."""

    row: int
    number: int
    text: str


def json_lines(path: Path) -> Iterator[JsonLine]:
    """The lines that DuckDB takes for rows, as it counts them: a carriage return alone ends none, and only
    ASCII blanks make a blank line.
    """
    row = 0
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if line.strip(BLANKS):
                yield JsonLine(row, number, line.rstrip("\r\n"))
                row += 1


class Staging:
    """Stages the rows of a file set, one entity at a time, below `scratch`."""

    def __init__(
        self, files: FileSet, mapping: FileMapping, scratch: Path, setting: Setting, *, memory_mb: int = 600
    ) -> None:
        self.files, self.mapping, self.scratch, self.setting = files, mapping, scratch, setting
        self._memory = memory_mb
        self._benches: dict[str, FileBench] = {}
        self._origins: dict[Path, FileTable] = {}

    def close(self) -> None:
        for bench in self._benches.values():
            bench.close()
        self._benches.clear()

    def entity(self, name: str) -> Iterator[Staged]:
        """Stage every block of an entity, file by file."""
        for number, block in enumerate(self.mapping.blocks):
            if block.entity == name:
                yield from self.block(number, block)

    def block(self, number: int, block: Block) -> Iterator[Staged]:
        for part, table in enumerate(self.tables(number, block)):
            yield self._stage(number, block, table, part)

    def tables(self, number: int, block: Block) -> list[FileTable]:
        """The tables that a block reads, its SQL evaluated in the sandbox."""
        if block.sql is not None:
            return [self._evaluated(number, block, f"({block.sql}\n)", QUERY, 0, 1)]
        tables = [table for table in self.files.tables if block.reads(table.name)]
        if not tables:
            raise StagingError(_no_file(block, self.files))
        if block.holds_sql:
            return [self._with_expressions(number, block, table, part) for part, table in enumerate(tables)]
        return tables

    def _with_expressions(self, number: int, block: Block, table: FileTable, part: int) -> FileTable:
        found = self._evaluated(number, block, _lines(table), table.name, part, table.first_row)
        self._origins[found.path] = table
        return replace(found, marked=table.kind == "jsonl")

    def plan(self) -> None:
        """Refuse a mapping that the files cannot answer, before any row is read. StagingError names what is
        not there, and SQL that cannot be run."""
        for problem in missing(self.files, self.mapping):
            raise StagingError(problem)
        if not self.mapping.holds_sql:
            return
        with self._sandbox() as sandbox:
            for name, query in self._queries():
                with _named(name):
                    sandbox.columns(query)

    def _queries(self) -> Iterator[tuple[str, str]]:
        for block in self.mapping.blocks:
            if block.sql is not None:
                yield f"The SQL of {block.entity} ({QUERY})", _query(block, f"({block.sql}\n)")
            elif block.holds_sql:
                for table in self.files.tables:
                    if block.reads(table.name):
                        yield f"The SQL of {block.entity} ({table.name})", _query(block, _lines(table))
        for check in self.mapping.checks:
            yield f"[checks.{check.name}]", check.sql

    def _sandbox(self) -> Sandbox:
        return Sandbox(self.files.tables, self.scratch / "sandbox")

    def torn(self) -> Iterator[tuple[FileTable, list[StructuralReject]]]:
        """The lines of text files that only SQL reads, which are no records and so were left out."""
        read = {
            table.name
            for block in self.mapping.blocks
            for table in self.files.tables
            if block.reads(table.name)
        }
        for table in self.files.tables if self.mapping.holds_sql else ():
            if table.name not in read and (rejects := self._left_out(table)):
                yield table, rejects

    def _left_out(self, table: FileTable) -> list[StructuralReject]:
        if table.kind != "jsonl":
            return self._structural(self.bench(), table, seen=False)
        numbered = f"SELECT row_number() OVER () - 1 AS n, {MALFORMED} FROM ({reader(table)})"
        rows = {n for (n,) in self.bench().rows(f"SELECT n FROM ({numbered}) WHERE {MALFORMED}")}
        lines = json_lines(table.path) if rows else ()
        return [
            StructuralReject(line.number, visible(line.text[:LONGEST_TOLD]), "NO JSON OBJECT")
            for line in lines
            if line.row in rows
        ]

    def _structural(self, bench: FileBench, table: FileTable, *, seen: bool) -> list[StructuralReject]:
        if table.kind != "csv":
            return []
        if not seen:
            bench.rows(f"SELECT count(*) FROM ({reader(table)})")
        return bench.structural(table.path)

    def _evaluated(
        self, number: int, block: Block, source: str, name: str, part: int, first_row: int
    ) -> FileTable:
        target = self.scratch / f"{block.entity}-{number}-{part}.sql.parquet"
        with self._sandbox() as sandbox, _named(f"The SQL of {block.entity} ({name})"):
            sandbox.write(_query(block, source), target)
        evaluated = parquet_table(name, target)
        return FileTable(name, target, "parquet", evaluated.columns, first_row=first_row)

    def _stage(self, number: int, block: Block, table: FileTable, part: int) -> Staged:
        bench = self.bench(block.formats.time_zone)
        target = self.scratch / f"{block.entity}-{number}-{part}.parquet"
        keep = block.entity != "activities"
        try:
            checked = Checked(block, table.columns, reader(table), self.setting, keep=keep)
        except KeyError as error:
            raise StagingError(_no_column(block, table, str(error.args[0]))) from error
        rows = bench.write(checked.sql(), target)
        origin = self._origins.get(table.path, table)
        structural = self._structural(bench, origin, seen=origin is table)
        return Staged(number, block, table, target, bench, rows, structural, origin)

    def bench(self, time_zone: str = "UTC") -> FileBench:
        if time_zone not in self._benches:
            readable = [table.path for table in self.files.tables]
            self._benches[time_zone] = FileBench(
                readable, self.scratch, time_zone=time_zone, memory_mb=self._memory
            )
        return self._benches[time_zone]


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say of SQL that cannot be answered whose it is."""
    try:
        yield
    except FileQueryError as error:
        raise StagingError(f"{name}: {error}") from error


def _query(block: Block, source: str) -> str:
    """The rows of a source with the columns that the block works out."""
    expressions = "".join(
        f", ({column.sql}\n) AS {quoted(sql_column(target))}"
        for target, column in block.columns.items()
        if column.sql is not None
    )
    return f"SELECT t.*{expressions} FROM {source} AS t"


def _lines(table: FileTable) -> str:
    return quoted(every_line(table))


def misfits(files: FileSet, mapping: FileMapping) -> Iterator[str]:
    """Where a mapping does not fit the files: what is not there, and files that it leaves out."""
    yield from missing(files, mapping)
    yield from unread(files, mapping)


def missing(files: FileSet, mapping: FileMapping) -> Iterator[str]:
    """The files and columns that a mapping names and that are not there."""
    for block in mapping.blocks:
        tables = [table for table in files.tables if block.reads(table.name)]
        if block.file is not None and not tables:
            yield _no_file(block, files)
        for table in tables:
            there = {column.name.casefold() for column in table.columns}
            for column in block.columns.values():
                if column.source is not None and column.source.casefold() not in there:
                    yield _no_column(block, table, column.source)


def unread(files: FileSet, mapping: FileMapping) -> Iterator[str]:
    """The files of the set that the mapping leaves out."""
    for table in files.tables:
        if not mapping.mentions(table.name):
            yield f"{table.name} is in the set, and the mapping does not read it."


def _no_file(block: Block, files: FileSet) -> str:
    for name, problem in files.problems.items():
        if block.reads(name):
            return problem
    there = ", ".join(table.name for table in files.tables) or "none"
    return f"The mapping of {block.entity} reads '{block.file}', which is not in the set. Files: {there}."


def _no_column(block: Block, table: FileTable, wanted: str) -> str:
    there = ", ".join(column.name for column in table.columns)
    return f"The mapping of {block.entity} wants the column '{wanted}' of {table.name}, which has: {there}."


def rows_of(staged: Staged) -> Iterator[dict[str, Any]]:
    """The accepted rows as dictionaries."""
    for batch in staged.good():
        yield from batch.to_pylist()


def by_block(staged: Sequence[Staged]) -> Iterator[list[Staged]]:
    """The files of each block of the mapping."""
    for number in dict.fromkeys(each.number for each in staged):
        yield [each for each in staged if each.number == number]


def accepted_rows(parts: Sequence[Staged]) -> str:
    """The accepted rows of several files of one block, with `_file` (which of them) and `_index` (place)."""
    paths = ", ".join(literal(str(staged.path)) for staged in parts)
    return (
        "(SELECT * EXCLUDE (file_row_number), file_index::BIGINT AS _file, file_row_number AS _index "
        f"FROM read_parquet([{paths}], file_row_number=true, union_by_name=true) WHERE _problem IS NULL)"
    )
