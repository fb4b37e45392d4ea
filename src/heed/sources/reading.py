"""Opening a file set: what each file is, in which encoding, with which delimiter and columns.

Every table that comes out is UTF-8 text, JSON lines or Parquet on disk, so that the rest reads one kind of
thing. Files are read in pieces; nothing is ever held whole.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heed.sources import spreadsheets
from heed.sources.encodings import FileProblemError, as_plain_utf8
from heed.sources.mapping import FileMapping, FileOptions
from heed.stream.files import FileColumn, FileQueryError, FileTable, parquet_table

TEXT = {".csv", ".tsv", ".tab", ".txt"}
JSON_LINES = {".jsonl", ".ndjson", ".json"}
OTHER_TABLES = {
    *(".xls", ".xlsb", ".ods", ".numbers", ".zip", ".7z", ".rar", ".bz2", ".xz", ".zst", ".tar", ".tgz"),
    *(".xml", ".avro", ".orc", ".feather", ".arrow", ".sqlite", ".db", ".duckdb", ".sav", ".dta", ".html"),
}
"""Endings of files that may well hold rows, in a form that is not read."""
OTHER_KIND = (
    "{} is no kind of file that Heed reads. Save it as CSV, XLSX, JSON lines or Parquet; text may be gzipped."
)
DELIMITERS = ",;\t|"
SAMPLE_BYTES = 262_144
SAMPLE_LINES = 1_000
MOST_COLUMNS = 2_000


@dataclass(frozen=True)
class FileSet:
    """The tables of a set, and the files that could not be opened with the reason why."""

    tables: tuple[FileTable, ...]
    problems: dict[str, str]
    passed_over: tuple[str, ...]

    def named(self, name: str) -> FileTable | None:
        return next((table for table in self.tables if table.name.casefold() == name.casefold()), None)


def open_set(
    paths: Iterable[Path], scratch: Path, *, mapping: FileMapping | None = None, limit_bytes: int
) -> FileSet:
    """Open the files of a set; `scratch` holds what had to be unpacked or translated.

    `limit_bytes` bounds what any one file may unpack to.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    tables: list[FileTable] = []
    problems: dict[str, str] = {}
    passed_over: list[str] = []
    for path in sorted(paths):
        options = mapping.options_for(path.name) if mapping else FileOptions(path.name)
        opener = _opener(path, stated=options.delimiter is not None)
        if opener is None and path.suffix.casefold() in OTHER_TABLES:
            problems[path.name] = OTHER_KIND.format(path.name)
            continue
        if opener is None:
            passed_over.append(path.name)
            continue
        try:
            tables.extend(opener(path, scratch, options, limit_bytes))
        except (FileProblemError, FileQueryError) as error:
            problems[path.name] = str(error)
    return FileSet(tuple(tables), problems, tuple(passed_over))


Opener = Callable[[Path, Path, FileOptions, int], Sequence[FileTable]]


def _opener(path: Path, *, stated: bool) -> Opener | None:
    suffix = Path(path.name.removesuffix(".gz")).suffix.casefold()
    packed = path.name.casefold().endswith(".gz")
    if suffix in TEXT or stated:
        return _open_text
    if suffix in JSON_LINES:
        return _open_json_lines
    if suffix == ".parquet" and not packed:
        return _open_parquet
    if suffix in (".xlsx", ".xlsm") and not packed:
        return _open_spreadsheet
    return None


def _open_text(path: Path, scratch: Path, options: FileOptions, limit_bytes: int) -> list[FileTable]:
    plain = as_plain_utf8(path, scratch, encoding=options.encoding, limit_bytes=limit_bytes)
    sample = _sample(plain)
    if not sample.strip():
        raise FileProblemError(f"{path.name} is empty. It needs a header line and rows.")
    delimiter = options.delimiter or sniff_delimiter(sample)
    header = next(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter))
    return [FileTable(path.name, plain, "csv", _columns(path.name, header), delimiter)]


def sniff_delimiter(sample: str) -> str:
    """The delimiter under which the sample's first records have the same number (over one) of values.

    The header decides between several; a file of one column gives a comma.
    """
    scores = {delimiter: _evenness(sample, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])
    return best if scores[best] > (0.0, 0) else ","


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    """The share of records as wide as the header, and that width; (0, 0) where the header is one value."""
    records: list[int] = []
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        for record in reader:
            if record:
                records.append(len(record))
            if len(records) > SAMPLE_LINES:
                break
    except csv.Error:
        return (0.0, 0)
    # The sample may end within a record.
    whole = records[:-1] if len(sample) >= SAMPLE_BYTES else records
    if not whole or whole[0] < 2:
        return (0.0, 0)
    return (sum(width == whole[0] for width in whole) / len(whole), whole[0])


def _columns(name: str, header: Sequence[str]) -> tuple[FileColumn, ...]:
    if len(header) > MOST_COLUMNS:
        raise FileProblemError(f"{name} has {len(header)} columns; {MOST_COLUMNS} is the most.")
    return tuple(FileColumn(one) for one in unique_names(header))


def unique_names(header: Sequence[str]) -> list[str]:
    """Header names, trimmed, with `column_3` for an empty one and `name_2` for one that repeats."""
    taken: set[str] = {"_malformed"}
    names = []
    for number, given in enumerate(header, start=1):
        base = given.replace("\ufeff", "").replace("\x00", "").strip() or f"column_{number}"
        name, count = base, 1
        while name.casefold() in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _sample(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(SAMPLE_BYTES).decode("utf-8", errors="ignore").removeprefix("\ufeff")


def _open_json_lines(path: Path, scratch: Path, options: FileOptions, limit_bytes: int) -> list[FileTable]:
    plain = as_plain_utf8(path, scratch, encoding=options.encoding, limit_bytes=limit_bytes)
    sample = _sample(plain)
    if sample.lstrip().startswith("["):
        raise FileProblemError(f"{path.name} is one JSON array. Heed reads JSON lines: one object a line.")
    names: dict[str, None] = {}
    for line in sample.splitlines()[:SAMPLE_LINES]:
        names.update(dict.fromkeys(_keys(line)))
    if not names:
        raise FileProblemError(f"{path.name} holds no JSON object in its first lines.")
    if len(unique_names(list(names))) != len({name.strip().casefold() for name in names}):
        raise FileProblemError(f"{path.name} has keys that differ only by letter case. Rename one.")
    columns = tuple(FileColumn(name) for name in names)
    return [FileTable(path.name, plain, "jsonl", columns, first_row=1)]


def _keys(line: str) -> list[str]:
    try:
        found: Any = json.loads(line)
    except ValueError:
        return []
    return list(found) if isinstance(found, dict) else []


def _open_parquet(path: Path, _scratch: Path, _options: FileOptions, _limit: int) -> list[FileTable]:
    return [replace(parquet_table(path.name, path.resolve()), first_row=1)]


def _open_spreadsheet(path: Path, scratch: Path, _options: FileOptions, limit: int) -> list[FileTable]:
    sheets = spreadsheets.to_parquet(path, scratch, limit_bytes=limit)
    return [replace(parquet_table(sheet.name, sheet.path), first_row=sheet.first_row) for sheet in sheets]
