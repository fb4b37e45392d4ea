"""Rows that come in again: corrected after they were rejected, or released when their account arrived."""

import json
import shutil
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from heed.sources.checking import Setting, replay_block
from heed.sources.mapping import FileMapping, parse_mapping
from heed.sources.models import Import, ParkedRow
from heed.sources.reading import FileSet
from heed.sources.staging import Refused, Staging
from heed.sources.steps import ORDER, Context, EntityStep
from heed.sources.tally import Counts
from heed.stream.files import FileColumn, FileTable

Values = dict[str, str | None]
RELEASED = 20_000


@dataclass(frozen=True)
class Replayed:
    """What became of rows that came in again; `refused` are those that are still wrong."""

    counts: Counts
    refused: list[Refused]


def replay_rows(
    record: Import, entity: str, block: int, rows: Sequence[Values], *, app: str, now: datetime
) -> Replayed:
    """Send rows (texts by target column) through the same checks and the same saving as their import.

    `app` names this replay: the same again appends nothing twice.
    """
    scratch = Path(settings.HEED_HOME) / "imports" / f"replay-{uuid.uuid4().hex}"
    scratch.mkdir(parents=True)
    try:
        given = parse_mapping(record.mapping).blocks[block]
        again = replay_block(given)
        table = _table(scratch / "kept rows.jsonl", list(again.columns), rows)
        setting = Setting(now, record.source.name, record.actor, str(settings.HEED_CURRENCY))
        staging = Staging(FileSet((table,), {}, ()), FileMapping((again,)), scratch / "staged", setting)
        context = Context(record, app, now, scratch)
        step = EntityStep(context, staging, entity)
        try:
            step.stage()
            with transaction.atomic():
                step.replay()
        finally:
            staging.close()
        return Replayed(step.counts, context.rejected)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _table(path: Path, names: list[str], rows: Sequence[Values]) -> FileTable:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({name: row.get(name) for name in names}) + "\n")
    return FileTable(path.stem, path, "jsonl", tuple(FileColumn(name) for name in names), first_row=1)


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
    with transaction.atomic():
        replay_rows(
            record,
            entity,
            block,
            [row.values for row in rows],
            app=f"release:{rows[0].pk}-{rows[-1].pk}",
            now=now,
        )
        ParkedRow.objects.filter(pk__in=ids).update(released_at=now)
    return len(rows)
