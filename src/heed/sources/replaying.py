"""Rows that come in again: corrected after they were rejected, or released when their account arrived."""

import csv
import json
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from heed.sources.checking import Setting, replay_block
from heed.sources.context import Context
from heed.sources.mapping import Block, FileMapping, parse_mapping
from heed.sources.models import Import, ParkedRow, RejectedRow
from heed.sources.reading import JSON_LINES, FileSet
from heed.sources.reasons import sentence
from heed.sources.staging import DELIMITER, HEADER, Refused, Staging
from heed.sources.steps import ORDER, EntityStep
from heed.sources.tally import Counts
from heed.stream.files import FileColumn, FileKind, FileTable

Values = dict[str, str | None]
RELEASED = 20_000
KEPT = "kept rows"


@dataclass(frozen=True)
class Replayed:
    """What became of rows that came in again; `refused` are those that are still wrong."""

    counts: Counts
    refused: list[Refused]


def replay_row(row: RejectedRow, texts: Values, *, app: str, now: datetime) -> Replayed:
    """Send a corrected row (texts by target column) through the checks and the saving of its import.

    Nothing is saved of what is refused. `app` names this replay: the same again appends nothing twice.
    """
    again = _again(row.of_import, row.block, row.file)

    def make(scratch: Path) -> FileTable:
        return _table(scratch, row.file, again, [texts], row.row)

    return _replay(row.of_import, row.entity, again, make, app=app, now=now, whole=True)


def replay_lines(row: RejectedRow, text: str, *, app: str, now: datetime) -> Replayed:
    """Read a line that was no record again, now that its text was corrected (into one record or several)."""
    given = parse_mapping(row.of_import.mapping).blocks[row.block]

    def make(scratch: Path) -> FileTable:
        return _lines(scratch, row, text)

    return _replay(row.of_import, row.entity, given, make, app=app, now=now, whole=True)


def _again(record: Import, block: int, name: str) -> Block:
    return replay_block(parse_mapping(record.mapping).blocks[block], name)


def _replay(
    record: Import,
    entity: str,
    block: Block,
    make: Callable[[Path], FileTable],
    *,
    app: str,
    now: datetime,
    whole: bool = False,
) -> Replayed:
    """Check and save; `whole`: everything or, where one row is refused, nothing."""
    scratch = Path(settings.HEED_HOME) / "imports" / f"replay-{uuid.uuid4().hex}"
    scratch.mkdir(parents=True)
    try:
        setting = Setting(now, record.source.name, record.actor, str(settings.HEED_CURRENCY))
        files = FileSet((make(scratch),), {}, ())
        staging = Staging(files, FileMapping((block,)), scratch / "staged", setting)
        step = EntityStep(Context(record, app, now, scratch), staging, entity)
        try:
            step.stage()
            with transaction.atomic():
                step.replay(whole=whole)
        finally:
            staging.close()
        return Replayed(step.counts, step.context.rejected)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _lines(scratch: Path, row: RejectedRow, text: str) -> FileTable:
    """The corrected text below its header, as a file of its own."""
    names: list[str] = json.loads(row.values[HEADER])
    delimiter, packed = row.values[DELIMITER], row.file.removesuffix(".gz")
    kind: FileKind = "jsonl" if Path(packed).suffix.casefold() in JSON_LINES else "csv"
    path = scratch / "corrected lines"
    with path.open("w", encoding="utf-8", newline="") as file:
        if kind == "csv":
            csv.writer(file, delimiter=delimiter, lineterminator="\n").writerow(names)
        file.write(text.replace("\r\n", "\n").rstrip("\n") + "\n")
    columns = tuple(FileColumn(name) for name in names)
    return FileTable(row.file, path, kind, columns, delimiter, first_row=row.row)


def _table(scratch: Path, name: str, block: Block, rows: Sequence[Values], first_row: int) -> FileTable:
    path = scratch / "kept rows.jsonl"
    names = list(block.columns)
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({name: row.get(name) for name in names}) + "\n")
    return FileTable(name, path, "jsonl", tuple(FileColumn(name) for name in names), first_row=first_row)


def replay_parked(accounts: Collection[str], now: datetime) -> int:
    """Save the parked rows of these accounts; returns how many were released."""
    released = 0
    waiting = ParkedRow.objects.filter(released_at=None, waits_for__in=list(accounts))
    groups: dict[tuple[int, str, int], list[int]] = defaultdict(list)
    for pk, of_import, entity, block in waiting.values_list("pk", "of_import_id", "entity", "block"):
        groups[of_import, entity, block].append(pk)
    for of_import, entity, block in sorted(groups, key=lambda group: ORDER.index(group[1])):
        ids = groups[of_import, entity, block]
        for start in range(0, len(ids), RELEASED):
            released += _release(of_import, entity, block, ids[start : start + RELEASED], now)
    return released


def _release(of_import: int, entity: str, block: int, ids: list[int], now: datetime) -> int:
    record = Import.objects.select_related("source").get(pk=of_import)
    rows = list(ParkedRow.objects.filter(pk__in=ids).order_by("pk"))
    again = _again(record, block, KEPT)

    def make(scratch: Path) -> FileTable:
        return _table(scratch, KEPT, again, [row.values for row in rows], 0)

    with transaction.atomic():
        app = f"release:{rows[0].pk}-{rows[-1].pk}"
        done = _replay(record, entity, again, make, app=app, now=now)
        RejectedRow.objects.bulk_create(
            [_rejected(rows[refused.row], refused) for refused in done.refused if refused.file == KEPT]
        )
        ParkedRow.objects.filter(pk__in=ids).update(released_at=now)
    return len(rows)


def _rejected(parked: ParkedRow, refused: Refused) -> RejectedRow:
    """A row that waited for its account, and is refused now that the account is there."""
    return RejectedRow(
        of_import_id=parked.of_import_id,
        entity=parked.entity,
        block=parked.block,
        file=parked.file,
        row=parked.row,
        column=refused.column[:200],
        reason=sentence(parked.entity, refused.column, refused.code)[:300],
        values=parked.values,
    )
