"""Removal of rows from a table's files: only files that hold such rows are written again."""

from dataclasses import dataclass

from heed.stream.tables import DataFile, Table, Written
from heed.stream.workbench import Workbench, scan, text


@dataclass(frozen=True, slots=True)
class Sorted:
    """A table and the order of the rows in its files."""

    table: Table
    order: str


def files_with(bench: Workbench, table: Table, condition: str) -> dict[DataFile, int]:
    """The files that hold rows for which the SQL condition holds, and how many."""
    files = {str(table.folder / file.path): file for file in table.snapshot().files}
    if not files:
        return {}
    listed = ", ".join(text(path) for path in files)
    counted = bench.rows(
        f"SELECT filename, count(*) FROM read_parquet([{listed}], filename = true) "
        f"WHERE {condition} GROUP BY filename ORDER BY filename"
    )
    return {files[path]: int(rows) for path, rows in counted}


def remove_rows(
    bench: Workbench, place: Sorted, files: dict[DataFile, int], condition: str, *, reason: str
) -> int:
    """Write these files again without such rows, each under its own number; how many rows went."""
    added: list[Written] = []
    for file in files:
        rest = f"SELECT * FROM {scan(place.table, [file])} WHERE ({condition}) IS NOT TRUE"
        written = bench.save(place.table, file.month, file.number, rest, place.order)
        added += [written] if written else []
    if files:
        place.table.commit(added, list(files), notes={"app": reason})
    return sum(files.values())
