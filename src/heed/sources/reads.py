"""What the pages of sources read."""

import json
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _

from heed.sources.mapping import MappingError, parse_mapping
from heed.sources.models import Import, ParkedRow, RejectedRow, RejectedState, Source
from heed.sources.steps import ORDER

COLUMNS = ("new", "changed", "unchanged", "rejected", "parked")
A_PAGE, IMPORTS_A_PAGE = 50, 20


@dataclass(frozen=True)
class SourceLine:
    """A source with its last import, as the list shows it."""

    source: Source
    last: Import | None
    imports: int


def source_lines() -> list[SourceLine]:
    """Every source with its newest import, by name."""
    newest: dict[int, Import] = {}
    many: dict[int, int] = {}
    for import_ in Import.objects.order_by("pk").only("source_id", "state", "started_at", "counts"):
        newest[import_.source_id] = import_
        many[import_.source_id] = many.get(import_.source_id, 0) + 1
    return [
        SourceLine(source, newest.get(source.pk), many.get(source.pk, 0))
        for source in Source.objects.order_by("name")
    ]


def latest_imports(source: Source | None, page: str | None) -> Page[Import]:
    """Imports, of one source or of all, the newest first."""
    imports = Import.objects.select_related("source").order_by("-pk")
    if source is not None:
        imports = imports.filter(source=source)
    return Paginator(imports, IMPORTS_A_PAGE).get_page(page)


def count_rows(counts: dict[str, dict[str, int]]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Counts per entity, each with the name of its column, as rows of a table in the order of the import."""
    return [
        (entity, [(name, counts[entity][name]) for name in COLUMNS]) for entity in ORDER if entity in counts
    ]


@dataclass(frozen=True)
class Sample:
    """The first rows of an uploaded file, each cell with the name of its column."""

    name: str
    columns: list[str]
    rows: list[list[tuple[str, str]]]


def samples_of(import_: Import) -> list[Sample]:
    found = ((file["name"], file["sample"]) for file in import_.files if file.get("sample"))
    return [
        Sample(
            name,
            sample["columns"],
            [list(zip(sample["columns"], row, strict=True)) for row in sample["rows"]],
        )
        for name, sample in found
    ]


def rejected_rows(of_import: int | None, page: str | None) -> Page[RejectedRow]:
    """Open rejected rows, the oldest first."""
    rows = RejectedRow.objects.filter(state=RejectedState.OPEN).select_related("of_import__source")
    if of_import is not None:
        rows = rows.filter(of_import_id=of_import)
    return Paginator(rows.order_by("pk"), A_PAGE).get_page(page)


def open_rejected(of_import: Import | None = None) -> int:
    rows = RejectedRow.objects.filter(state=RejectedState.OPEN)
    return (rows if of_import is None else rows.filter(of_import=of_import)).count()


def waiting_rows(of_import: Import) -> int:
    return ParkedRow.objects.filter(of_import=of_import, released_at=None).count()


def correctable(row: RejectedRow) -> list[tuple[str, Any]]:
    """The columns of a rejected row that can be corrected, in the order of the mapping.

    Of a line that is no record, the line itself; one that was too long to be kept whole cannot be.
    """
    if row.is_line:
        return [("line", row.values["line"])] if "header" in row.values else []
    try:
        block = parse_mapping(row.of_import.mapping).blocks[row.block]
    except (MappingError, IndexError):
        return []
    return [(name, row.values.get(name) or "") for name in block.columns]


def line_columns(row: RejectedRow) -> list[str]:
    """The columns that a corrected line is to give, in order; none where the row is no line."""
    return list(json.loads(row.values["header"])) if row.is_line and "header" in row.values else []


def undone_lines(import_: Import) -> list[tuple[str, int, str]]:
    """What an undo did to entries: in words, how many, and the action of the audit trail that names each."""
    undone = import_.undone or {}
    lines = (
        (_("Entries as they were before"), "restored", "revert"),
        (_("Removed"), "deleted", "delete"),
        (_("Withdrawn, as others refer to them"), "withdrawn", "withdraw"),
    )
    return [(label, undone.get(name, 0), action) for label, name, action in lines]
