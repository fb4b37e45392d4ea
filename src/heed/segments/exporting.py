"""A list as CSV: exactly the rows of its filter, its columns and its order."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from heed.segments.cells import Cell, rows_of
from heed.segments.fields import Field, Kind
from heed.segments.probes import Asking

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BATCH = 500
PAST_BATCH = 50_000
"""Each batch of a past day reads its activities anew, so there are few."""


class _Line:
    """What the csv module writes into: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(ids: Iterable[int], columns: Sequence[Field], asking: Asking) -> Iterator[str]:
    """The lines of the file, header first, a few hundred accounts at a time.

    Unknown is an empty cell, numbers are written plainly, dates as 2026-09-01, and text that a spreadsheet
    would take for a formula gets an apostrophe in front.
    """
    writer = csv.writer(_Line())
    yield writer.writerow([safe(_("Id")), safe(_("Account")), *(safe(heading(field)) for field in columns)])
    remaining = iter(ids)
    while batch := list(islice(remaining, PAST_BATCH if asking.past else BATCH)):
        for row in rows_of(batch, columns, asking):
            account = row.account
            yield writer.writerow([safe(account.key), safe(account.name), *map(plain, row.cells)])


def heading(field: Field) -> str:
    unit = settings.HEED_CURRENCY if field.kind is Kind.MONEY else field.unit
    return f"{field.label} ({unit})" if unit else field.label


def plain(cell: Cell) -> Any:
    if cell.unknown or cell.value is None:
        return ""
    if isinstance(cell.value, bool):
        return _("yes") if cell.value else _("no")
    if isinstance(cell.value, date):
        return cell.value.isoformat()
    if isinstance(cell.value, float) and cell.value.is_integer():
        return int(cell.value)
    return cell.value if isinstance(cell.value, int | float) else safe(str(cell.value))


def safe(text: str) -> str:
    """Text that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
