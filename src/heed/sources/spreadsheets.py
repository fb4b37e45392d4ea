"""XLSX workbooks as Parquet, one file a sheet, read row by row."""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from heed.sources.encodings import FileProblemError

MOST_SHARED_STRINGS = 300 * 1024 * 1024
MOST_RATIO = 200
RATIO_FROM = 50 * 1024 * 1024
MOST_PARTS = 10_000
MOST_COLUMNS = 2_000
BATCH = 10_000
UNREADABLE = "{} is not a readable XLSX workbook: {}. Save it again."


@dataclass(frozen=True)
class Sheet:
    """A sheet written as Parquet; `first_row` is the number of its first row under the header."""

    name: str
    path: Path
    first_row: int


def to_parquet(path: Path, scratch: Path, *, limit_bytes: int) -> list[Sheet]:
    """Write each sheet that has a header and rows as Parquet, all columns as text.

    The first is named like the file, the others `file.xlsx/Sheet`. Refuses a workbook that unpacks to more
    than `limit_bytes`, before anything is unpacked.
    """
    _check_bounds(path, limit_bytes)
    try:
        return list(_sheets(path, scratch))
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, ParseError, EOFError) as error:
        raise FileProblemError(UNREADABLE.format(path.name, error)) from error


def _check_bounds(path: Path, limit_bytes: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise FileProblemError(UNREADABLE.format(path.name, error)) from error
    unpacked = sum(part.file_size for part in parts)
    strings = sum(part.file_size for part in parts if part.filename.endswith("sharedStrings.xml"))
    packed = max(path.stat().st_size, 1)
    trap = unpacked > RATIO_FROM and unpacked > packed * MOST_RATIO
    if unpacked > limit_bytes or strings > MOST_SHARED_STRINGS or trap or len(parts) > MOST_PARTS:
        raise FileProblemError(
            f"{path.name} unpacks to {unpacked // 1_000_000:,} MB in {len(parts)} parts, more than Heed "
            "opens from a workbook. Save the sheets as CSV."
        )


def _sheets(path: Path, scratch: Path) -> Iterator[Sheet]:
    book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    found = 0
    try:
        for number, sheet in enumerate(book.worksheets):
            sheet.reset_dimensions()
            name = path.name if found == 0 else f"{path.name}/{sheet.title}"
            target = scratch / f"{path.name}.{number}.parquet"
            written = _write(name, sheet.iter_rows(values_only=True), target)
            if written is not None:
                found += 1
                yield written
    finally:
        book.close()
    if not found:
        raise FileProblemError(f"{path.name} has no sheet with a header row and rows under it.")


def _write(name: str, rows: Iterator[Sequence[Any]], target: Path) -> Sheet | None:
    from heed.sources.reading import unique_names

    header_at, header = _header(rows)
    if not header:
        return None
    if len(header) > MOST_COLUMNS:
        raise FileProblemError(f"{name} has {len(header)} columns; {MOST_COLUMNS} is the most.")
    names = unique_names([text_of(cell) or "" for cell in header])
    schema = pa.schema([(one, pa.string()) for one in names])
    with pq.ParquetWriter(target, schema) as writer:
        for batch in _batches(rows, len(names)):
            columns = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    return Sheet(name, target, header_at + 1)


def _header(rows: Iterator[Sequence[Any]]) -> tuple[int, list[Any]]:
    for number, row in enumerate(rows, start=1):
        cells = list(row)
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            return number, cells
    return 0, []


def _batches(rows: Iterator[Sequence[Any]], width: int) -> Iterator[list[list[str | None]]]:
    batch: list[list[str | None]] = []
    for row in rows:
        cells = [text_of(cell) for cell in row[:width]]
        batch.append(cells + [None] * (width - len(cells)))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def text_of(cell: Any) -> str | None:
    """A cell as the text that a CSV of the same data would hold: ISO dates, no '.0' on whole numbers."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time(0):
        return cell.date().isoformat()
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)
