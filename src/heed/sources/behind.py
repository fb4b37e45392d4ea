"""The rows behind each count of an import: what came in, what changed, what was refused, what waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from heed.ledger.home import open_stream
from heed.ledger.models import AuditEntry
from heed.sources.models import Import, ParkedRow, RejectedRow
from heed.sources.steps import KINDS
from heed.stream import Stream

A_PAGE = 50


@dataclass(frozen=True)
class Field:
    """One field of a row; a field that did not change has no `before`."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Line:
    """One row: what it is, the account that it speaks of, what it says, and where it stood or stands."""

    name: str
    account: str
    fields: list[Field]
    note: str = ""
    rejected: int | None = None


@dataclass(frozen=True)
class Behind:
    """A page of the rows behind a count; `n` is how many there are by now."""

    n: int
    lines: list[Line]
    page: int
    pages: int


def rows_behind(import_: Import, entity: str, became: str, page: int = 1) -> Behind:
    """The rows of an entity that became `became` (new, changed, rejected, parked), a page at a time.

    Rows that changed nothing left no trace, so none are behind `unchanged`.
    """
    if became == "unchanged":
        return Behind(0, [], 1, 1)
    if became == "rejected":
        found = RejectedRow.objects.filter(of_import=import_, entity=entity).order_by("pk")
        return _paged(found, page, _rejected)
    if became == "parked":
        waiting = ParkedRow.objects.filter(of_import=import_, entity=entity).order_by("pk")
        return (
            _paged(waiting, page, _parked) if entity in KINDS else _in_stream(import_, entity, became, page)
        )
    if entity in KINDS:
        return _paged(_entries(import_, entity, became), page, _entry)
    return _in_stream(import_, entity, became, page)


def _paged(found: Any, page: int, line: Any) -> Behind:
    chosen = Paginator(found, A_PAGE).get_page(page)
    return Behind(
        chosen.paginator.count, [line(one) for one in chosen], chosen.number, chosen.paginator.num_pages
    )


# Rows of tables, by the audit trail


def _entries(import_: Import, entity: str, became: str) -> Any:
    ours = AuditEntry.objects.filter(by=import_.actor, kind=KINDS[entity]).order_by("pk")
    made = ours.filter(action="create")
    if became == "new":
        return made
    # What the import made and then gave its parent was new, and did not change.
    later = Q(action="change") & ~Exists(made.filter(subject=OuterRef("subject")))
    return ours.filter(later | Q(action="supersede"))


def _entry(entry: AuditEntry) -> Line:
    before, after = entry.before or {}, entry.after or {}
    account = entry.subject if entry.kind == "account" else str(after.get("account") or "")
    fields = [
        Field(name, _text(before.get(name)) if entry.before else "", _text(after.get(name)))
        for name in after
        if before.get(name) != after[name] and not (entry.before is None and after[name] in (None, "", {}))
    ]
    return Line(entry.subject, account, fields, entry.reason)


def _rejected(row: RejectedRow) -> Line:
    fields = [Field(name, "", _text(value)) for name, value in row.values.items() if value is not None]
    return Line(_place(row), "", fields, f"{row.reason} ({row.get_state_display()})", row.pk)


def _parked(row: ParkedRow) -> Line:
    fields = [Field(name, "", _text(value)) for name, value in row.values.items() if value is not None]
    came = row.released_at
    note = _("Waits for account %(key)s.") % {"key": row.waits_for}
    if came is not None:
        note = _("Came in on %(day)s, with account %(key)s.") % {"day": came.date(), "key": row.waits_for}
    return Line(_place(row), row.waits_for if came else "", fields, note)


def _place(row: RejectedRow | ParkedRow) -> str:
    return _("%(file)s, row %(row)s") % {"file": row.file, "row": row.row}


# Activities, from the stream


def _in_stream(import_: Import, entity: str, became: str, page: int) -> Behind:
    stream = open_stream()
    rows = _activities(stream, import_, entity, became)
    n = int(stream.run(rows.count())[0][0].as_py())
    pages = max(1, -(-n // A_PAGE))
    page = min(max(1, page), pages)
    shown = stream.run(rows.order_by(ibis._.at.desc(), "id").limit(A_PAGE, offset=(page - 1) * A_PAGE))
    return Behind(n, [_activity(row, became) for row in shown.to_pylist()], page, pages)


def _activities(stream: Stream, import_: Import, entity: str, became: str) -> ibis.Table:
    if became == "parked":
        return _of(entity, stream.parked().filter(ibis._.batch == import_.actor))
    ours = _of(entity, stream.activities().filter(ibis._.batch == import_.actor))
    replaced = ours.filter(ours.sign < 0).select("source", "id").distinct()
    came = ours.filter(ours.sign > 0)
    keys = ["source", "id"]
    return came.semi_join(replaced, keys) if became == "changed" else came.anti_join(replaced, keys)


def _of(entity: str, rows: ibis.Table) -> ibis.Table:
    """The activities of a file of activities or of survey responses, and not what follows from other rows."""
    answers = rows.id.startswith("survey:") & rows.name.startswith("survey.")
    if entity == "survey_responses":
        return rows.filter(answers)
    tickets = rows.id.startswith("case:") & (rows.name.startswith("case.") | (rows.name == "survey.csat"))
    talks = rows.id.startswith("interaction:") & rows.name.startswith("interaction.")
    return rows.filter(~(answers | tickets | talks))


def _activity(row: Mapping[str, Any], became: str) -> Line:
    names = ("at", "contact", "value", "properties")
    fields = [Field(name, "", _text(row[name])) for name in names if row[name] is not None]
    note = _("Waits for account %(key)s.") % {"key": row["account"]} if became == "parked" else ""
    return Line(f"{row['name']} ({row['id']})", row["account"] if became != "parked" else "", fields, note)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(one)}" for name, one in value.items()) or "—"
    return "—" if value in (None, "") else str(value)
