"""The verbs of sources: look at a file set, import it, correct and replay what was refused."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.measures.actions import ensure_starter_metrics, set_key_activities
from heed.sources.encodings import FileProblemError
from heed.sources.guessing import Guess, guess
from heed.sources.mapping import MappingError, parse_mapping, write_mapping
from heed.sources.models import Import, ImportState, RejectedRow, RejectedState, Source
from heed.sources.reading import FileSet, open_set
from heed.sources.reasons import sentence
from heed.sources.replaying import Replayed, replay_lines, replay_row
from heed.sources.running import (
    ImportFailed,
    Progress,
    Report,
    Run,
    digest_of,
    first_rejected,
    no_progress,
    one_import_at_a_time,
)
from heed.sources.staging import StagingError, misfits
from heed.sources.steps import ImportStopped
from heed.sources.tally import Counts
from heed.stream import StreamError
from heed.stream.files import FileQueryError

__all__ = [
    "ImportFailed",
    "Report",
    "dismiss",
    "dry_run",
    "prepare",
    "preview",
    "replay",
    "run_import",
]

EXPECTED = (
    *(ImportFailed, ImportStopped, StagingError, MappingError, FileProblemError, FileQueryError),
    *(StreamError, OSError),
)
FIRST_ROWS = 5
TAKEN_BACK = (ImportState.UNDOING, ImportState.HALFWAY, ImportState.UNDONE)
"""The states in which nothing more comes in under an import's name."""


@dataclass(frozen=True)
class Preview:
    """A file set before it is imported: its mapping as text, notes on it, and each file's first rows."""

    mapping: str
    notes: list[str]
    samples: list[dict[str, Any]]


def preview(paths: Sequence[Path], mapping: str | None = None) -> Preview:
    """Look at a file set: the mapping given, or one guessed from headers and contents. Stores nothing."""
    scratch = Path(settings.HEED_HOME) / "imports" / f"preview-{os.getpid()}-{id(paths)}"
    limit = int(settings.HEED_UPLOAD_LIMIT_MB) * 1_000_000
    try:
        parsed = parse_mapping(mapping) if mapping else None
        files = open_set(paths, scratch / "files", mapping=parsed, limit_bytes=limit)
        found = Guess(parsed, []) if parsed else guess(files, scratch)
        misfit = misfits(files, parsed) if parsed else ()
        notes = list(dict.fromkeys([*found.notes, *misfit, *files.problems.values()]))
        text = mapping or (write_mapping(found.mapping) if found.mapping else "")
        return Preview(text, notes, samples_of(files, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def samples_of(files: FileSet, scratch: Path) -> list[dict[str, Any]]:
    """The first rows of each table, as texts."""
    from heed.stream.files import FileBench, reader

    shown = []
    with FileBench([table.path for table in files.tables], scratch / "samples") as bench:
        for table in files.tables:
            rows = bench.table(f"SELECT * EXCLUDE (_malformed) FROM ({reader(table)}) LIMIT {FIRST_ROWS}")
            names = rows.column_names
            cells = [
                ["" if row[name] is None else str(row[name]) for name in names] for row in rows.to_pylist()
            ]
            shown.append({"file": table.name, "columns": names, "rows": cells})
    return shown


def dry_run(
    paths: Sequence[Path], mapping: str, *, source: str, by: str, progress: Progress = no_progress
) -> Report:
    """What an import would come to, by doing it and taking it back. Writes nothing."""
    now = clock.now()
    known = Source.objects.filter(name=source).first()
    unsaved = known or Source(name=source, mapping=mapping, made_by=by, made_at=now)
    import_ = Import(source=unsaved, mapping=mapping, state=ImportState.RUNNING, by=by, started_at=now)
    with one_import_at_a_time(progress), failing_clearly():
        return Run(import_, paths, progress, dry=True).go()


def prepare(paths: Sequence[Path], mapping: str, *, source: str, by: str) -> Import:
    """Note an import that is about to run. An unfinished one of the same files and mapping is taken up."""
    parse_mapping(mapping)
    # Nobody's writing waits while large files are read.
    return _prepare(paths, mapping, digest_of(paths, mapping), source=source, by=by)


@transaction.atomic
def _prepare(paths: Sequence[Path], mapping: str, digest: str, *, source: str, by: str) -> Import:
    now = clock.now()
    declared, made = Source.objects.get_or_create(
        name=source, defaults={"mapping": mapping, "made_by": by, "made_at": now}
    )
    if made:
        record(Change("declare", "source", source, None, {"mapping": mapping}), by=by)
    unfinished = Import.objects.filter(
        source=declared, digest=digest, state__in=(ImportState.RUNNING, ImportState.FAILED)
    ).last()
    if unfinished is not None:
        return unfinished
    files = [{"name": path.name, "size": path.stat().st_size} for path in sorted(paths)]
    import_ = Import.objects.create(
        source=declared,
        mapping=mapping,
        files=files,
        digest=digest,
        state=ImportState.UPLOADED,
        by=by,
        started_at=now,
    )
    record(Change("prepare", "import", str(import_.pk), None, {"files": files, "source": source}), by=by)
    return import_


def run_import(
    import_: Import, paths: Sequence[Path], *, by: str, progress: Progress = no_progress
) -> Report:
    """Run (or go on with) a prepared import. Raises ImportFailed with a clear reason; safe to repeat."""
    with one_import_at_a_time(progress):
        import_.refresh_from_db()
        if import_.state in (ImportState.DONE, ImportState.UNDONE):
            return Report(import_.pk, import_.counts, import_.findings, first_rejected(import_))
        import_.state, import_.error = ImportState.RUNNING, ""
        import_.rows_done, import_.rows_expected = 0, None
        import_.save(update_fields=["state", "error", "rows_done", "rows_expected"])
        try:
            with failing_clearly():
                report = Run(import_, paths, progress).go()
        except ImportFailed as error:
            _fail(import_, str(error), by)
            raise
        _finish(import_, report, by)
        return report


@transaction.atomic
def _finish(import_: Import, report: Report, by: str) -> None:
    import_.state, import_.step = ImportState.DONE, ""
    import_.findings = report.findings
    import_.finished_at = clock.now()
    import_.save()
    source = import_.source
    source.mapping = import_.mapping
    source.shape = {"files": [file["name"] for file in import_.files]}
    source.save(update_fields=["mapping", "shape"])
    named = parse_mapping(import_.mapping).key_activities
    if named:
        ensure_starter_metrics()
        set_key_activities(named, by=by)
    record(Change("import", "import", str(import_.pk), None, {"counts": import_.counts}), by=by)


@transaction.atomic
def _fail(import_: Import, why: str, by: str) -> None:
    import_.state, import_.error = ImportState.FAILED, why
    import_.save(update_fields=["state", "error"])
    record(Change("fail", "import", str(import_.pk), None, {"error": why}), by=by)


class failing_clearly:  # noqa: N801 - reads as a phrase
    """Expected failures as ImportFailed, with what to do where the disk is full."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, ImportFailed):
            return
        if _disk_is_full(error):
            home = settings.HEED_HOME
            message = _("The disk of %(home)s is full. Free some space and do the same again.")
            raise ImportFailed(message % {"home": home}) from error
        if isinstance(error, EXPECTED):
            raise ImportFailed(str(error)) from error


def _disk_is_full(error: BaseException) -> bool:
    """Whether the operating system, the stream or SQLite says so."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOSPC
    told = {StreamError: "No space left", DatabaseError: "disk is full"}
    return any(isinstance(error, kind) and words in str(error) for kind, words in told.items())


# What was refused


class StillWrong(Exception):  # noqa: N818 - not an error of the program
    """A corrected row is refused again; `column` and the message say why."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


@transaction.atomic
def replay(row: RejectedRow, values: dict[str, str], *, by: str) -> Counts:
    """Send a corrected row through the same checks and saving; what it came to (nothing the second time).

    StillWrong leaves everything as it was.
    """
    row = RejectedRow.objects.select_for_update().select_related("of_import__source").get(pk=row.pk)
    if row.state != RejectedState.OPEN:
        return Counts()
    if Import.objects.select_for_update().get(pk=row.of_import_id).state in TAKEN_BACK:
        raise StillWrong("", _("Its import was taken back. Import the file again, with the row corrected."))
    corrected, done = _line_again(row, values) if row.is_line else _row_again(row, values)
    if done.counts.rows == 0:
        raise StillWrong("", _("There is no row in it. Write the row, or set it aside."))
    if done.refused:
        wrong = done.refused[0]
        raise StillWrong(wrong.column, sentence(row.entity, wrong.column, wrong.code))
    before = {"values": row.values, "state": row.state}
    row.values, row.state = corrected, RejectedState.REPLAYED
    row.save(update_fields=["values", "state"])
    after = {"values": row.values, "state": row.state}
    record(Change("replay", "rejected row", str(row.pk), before, after), by=by)
    return done.counts


def _row_again(row: RejectedRow, values: dict[str, str]) -> tuple[dict[str, Any], Replayed]:
    corrected = {**row.values, **{name: text or None for name, text in values.items()}}
    given = parse_mapping(row.of_import.mapping).blocks[row.block]
    corrected = {name: text for name, text in corrected.items() if name in given.columns}
    return corrected, replay_row(row, corrected, app=_replay_of(row, corrected), now=clock.now())


def _replay_of(row: RejectedRow, corrected: object) -> str:
    """The name of the replay: the same correction after a kill appends nothing twice, another one does."""
    said = json.dumps(corrected, sort_keys=True, default=str)
    return f"replay:{row.pk}:{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def _line_again(row: RejectedRow, values: dict[str, str]) -> tuple[dict[str, Any], Replayed]:
    if "header" not in row.values:
        raise StillWrong(
            "", _("The line is too long to be corrected here. Correct its file, and import that.")
        )
    text = values.get("line", "")
    return {**row.values, "line": text}, replay_lines(row, text, app=_replay_of(row, text), now=clock.now())


@transaction.atomic
def dismiss(rows: Sequence[RejectedRow], *, by: str, reason: str = "") -> int:
    """Set rejected rows aside for good; they stay in the table, marked."""
    dismissed = 0
    for row in RejectedRow.objects.select_for_update().filter(pk__in=[row.pk for row in rows]):
        if row.state != RejectedState.OPEN:
            continue
        row.state = RejectedState.DISMISSED
        row.save(update_fields=["state"])
        states = ({"state": "open"}, {"state": "dismissed"})
        record(Change("dismiss", "rejected row", str(row.pk), *states, reason), by=by)
        dismissed += 1
    return dismissed
