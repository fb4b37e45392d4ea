"""Staging: the rows of a file set, typed and judged, as Parquet on disk before anything is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from heed.sources.checking import BLANK_ROW, Checked, Setting, originals, problem_parts, sql_column
from heed.sources.mapping import Block, FileMapping
from heed.sources.reading import FileSet
from heed.stream.files import (
    FileBench,
    FileQueryError,
    FileTable,
    Sandbox,
    StructuralReject,
    literal,
    parquet_table,
    quoted,
    reader,
)

QUERY = "a query over the files"


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
        name = self.table.name
        for reject in self.structural:
            yield Refused(self.number, name, reject.line, "", "wrong_width", {"line": reject.text[:2_000]})
        lines = [reject.line for reject in self.structural]
        query = (
            f"SELECT file_row_number, _problem, _original FROM {self.source} "
            f"WHERE _problem IS NOT NULL AND _problem <> {literal(BLANK_ROW)} ORDER BY file_row_number"
        )
        for batch in self.bench.batches(query):
            for row in batch.to_pylist():
                column, code = problem_parts(row["_problem"])
                number = self.row_number(row["file_row_number"], lines)
                yield Refused(self.number, name, number, column, code, originals(row["_original"]))

    def row_number(self, index: int, left_out: Sequence[int]) -> int:
        """The number of a row in its file, given the numbers of the lines that were no rows."""
        number = index + self.table.first_row
        for line in left_out:
            number += line <= number
        return number

    def good(self) -> Iterator[pa.RecordBatch]:
        """The accepted rows in the order of the file, with `_row` (their place) and `_original`."""
        yield from self.bench.batches(
            f"SELECT * EXCLUDE (file_row_number, _problem), file_row_number AS _index FROM {self.source} "
            "WHERE _problem IS NULL ORDER BY file_row_number"
        )


class Staging:
    """Stages the rows of a file set, one entity at a time, below `scratch`."""

    def __init__(
        self, files: FileSet, mapping: FileMapping, scratch: Path, setting: Setting, *, memory_mb: int = 600
    ) -> None:
        self.files, self.mapping, self.scratch, self.setting = files, mapping, scratch, setting
        self._memory = memory_mb
        self._benches: dict[str, FileBench] = {}

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
            raise StagingError(self._no_file(block))
        if block.holds_sql:
            return [
                self._evaluated(number, block, quoted(table.name), table.name, part, table.first_row)
                for part, table in enumerate(tables)
            ]
        return tables

    def _no_file(self, block: Block) -> str:
        for name, problem in self.files.problems.items():
            if block.reads(name):
                return problem
        there = ", ".join(table.name for table in self.files.tables) or "none"
        return f"The mapping of {block.entity} reads '{block.file}', which is not in the set. Files: {there}."

    def _evaluated(
        self, number: int, block: Block, source: str, name: str, part: int, first_row: int
    ) -> FileTable:
        expressions = "".join(
            f", ({column.sql}\n) AS {quoted(sql_column(target))}"
            for target, column in block.columns.items()
            if column.sql is not None
        )
        target = self.scratch / f"{block.entity}-{number}-{part}.sql.parquet"
        with Sandbox(self.files.tables, self.scratch / "sandbox") as sandbox:
            try:
                sandbox.write(f"SELECT t.*{expressions} FROM {source} AS t", target)
            except FileQueryError as error:
                raise StagingError(f"The SQL of {block.entity} ({name}): {error}") from error
        evaluated = parquet_table(name, target)
        return FileTable(name, target, "parquet", evaluated.columns, first_row=first_row)

    def _stage(self, number: int, block: Block, table: FileTable, part: int) -> Staged:
        bench = self.bench(block.formats.time_zone)
        target = self.scratch / f"{block.entity}-{number}-{part}.parquet"
        keep = block.entity != "activities"
        try:
            checked = Checked(block, table.columns, reader(table, keep_rejects=True), self.setting, keep=keep)
        except KeyError as error:
            raise StagingError(_no_column(block, table, str(error.args[0]))) from error
        rows = bench.write(checked.sql(), target)
        structural = bench.structural(table.path) if table.kind == "csv" else []
        return Staged(number, block, table, target, bench, rows, structural)

    def bench(self, time_zone: str = "UTC") -> FileBench:
        if time_zone not in self._benches:
            readable = [table.path for table in self.files.tables]
            self._benches[time_zone] = FileBench(
                readable, self.scratch, time_zone=time_zone, memory_mb=self._memory
            )
        return self._benches[time_zone]


def _no_column(block: Block, table: FileTable, wanted: str) -> str:
    there = ", ".join(column.name for column in table.columns)
    return f"The mapping of {block.entity} wants the column '{wanted}' of {table.name}, which has: {there}."


def rows_of(staged: Staged) -> Iterator[dict[str, Any]]:
    """The accepted rows as dictionaries."""
    for batch in staged.good():
        yield from batch.to_pylist()
