"""The run of an import: one entity after the other, each whole or not at all, resumable after a kill."""

import hashlib
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _
from filelock import FileLock, Timeout

from heed.customers.models import Account
from heed.ledger import outbox
from heed.ledger.home import open_stream
from heed.sources.checking import Setting
from heed.sources.context import Context
from heed.sources.mapping import FileMapping, MappingError, parse_mapping
from heed.sources.models import Import, ParkedRow, RejectedRow
from heed.sources.reading import FileSet, open_set
from heed.sources.staging import Staging, unread
from heed.sources.steps import ORDER, EntityStep
from heed.sources.streaming import PARTS, known_accounts
from heed.sources.tally import EXAMPLES, Counts, Findings
from heed.stream.files import FileQueryError, Sandbox

PIECE = 4 * 1024 * 1024
SAVE_EVERY_SECONDS = 1.0


class ImportFailed(Exception):  # noqa: N818 - the name a person reads
    """An import cannot go on; what was stored before stays, whole entity by whole entity."""


class Progress(Protocol):
    """Told what runs now and how many rows are done, of how many (None: not known yet)."""

    def __call__(self, step: str, done: int, expected: int | None) -> None: ...


def no_progress(step: str, done: int, expected: int | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Report:
    """What a run came to: counts per entity, findings, the first rejected rows (file, row, column, reason,
    values), and the files that could not be read, each with its reason.
    """

    import_id: int | None
    counts: dict[str, dict[str, int]]
    findings: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    unread: dict[str, str] = field(default_factory=dict)


def digest_of(paths: Sequence[Path], mapping: str) -> str:
    """A digest of the files' names and contents and of the mapping: the same set again has the same."""
    found = hashlib.sha256(mapping.encode())
    for path in sorted(paths):
        found.update(f"\x00{path.name}\x00{path.stat().st_size}\x00".encode())
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                found.update(piece)
    return found.hexdigest()


@contextmanager
def one_import_at_a_time(progress: Progress) -> Iterator[None]:
    """Hold the lock of imports; where another import holds it, say so and wait for it to finish."""
    lock = FileLock(str(Path(settings.HEED_HOME) / "import.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(_("Waiting: another import is running. This one starts when it is done."), 0, None)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def scratch_of(record: Import, *, dry: bool) -> Path:
    """Where a run works; only the holder of the lock uses it."""
    return Path(settings.HEED_HOME) / "imports" / ("dry-run" if dry else str(record.pk))


class Run:
    """One run of an import over its files."""

    def __init__(
        self, record: Import, paths: Sequence[Path], progress: Progress, *, dry: bool = False
    ) -> None:
        self.record, self.paths, self.dry = record, list(paths), dry
        self._progress = progress
        self._saved_at = 0.0
        self.scratch = scratch_of(record, dry=dry)
        self.context = Context(
            record, record.actor, record.started_at, self.scratch, dry, Findings(), told=self._count
        )

    def go(self) -> Report:
        """Everything in order. What is done already (by a run that was killed) is not done again."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        try:
            files, mapping = self._open()
            staging = Staging(files, mapping, self.scratch / "staged", self._setting())
            try:
                staging.plan()
                counts = self._entities(staging, mapping)
                self._report_torn(staging)
                self._check(staging.files, mapping)
            finally:
                staging.close()
            if not self.dry:
                self._finish()
            findings = self.context.findings.as_json()
            return Report(self.record.pk, counts, findings, self._rejected(), dict(files.problems))
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _open(self) -> tuple[FileSet, FileMapping]:
        self._tell(_("Reading the files"))
        try:
            mapping = parse_mapping(self.record.mapping)
        except MappingError as error:
            raise ImportFailed(str(error)) from error
        limit = int(settings.HEED_UPLOAD_LIMIT_MB) * 1_000_000
        files = open_set(self.paths, self.scratch / "files", mapping=mapping, limit_bytes=limit)
        needed = [name for name in files.problems if any(block.reads(name) for block in mapping.blocks)]
        if needed:
            raise ImportFailed(" ".join(files.problems[name] for name in needed))
        for name, problem in files.problems.items():
            self.context.findings.add(name, problem)
        for sentence in unread(files, mapping):
            self.context.findings.add("not read", sentence)
        return files, mapping

    def _setting(self) -> Setting:
        return Setting(
            now=self.record.started_at,
            source=self.record.source.name,
            batch=self.record.actor,
            currency=str(settings.HEED_CURRENCY),
        )

    def _entities(self, staging: Staging, mapping: FileMapping) -> dict[str, dict[str, int]]:
        mapped = [entity for entity in ORDER if any(block.entity == entity for block in mapping.blocks)]
        if self.dry:
            return self._dry_run(staging, mapped)
        for entity in mapped:
            self._entity(staging, entity)
        return {entity: self.record.counts[entity] for entity in mapped}

    def _dry_run(self, staging: Staging, mapped: list[str]) -> dict[str, dict[str, int]]:
        """Save and take back. Nobody's writing waits while files are read or compared with the stream."""
        steps = [self._staged(staging, entity) for entity in mapped]
        with transaction.atomic():
            for step in steps:
                self._tell(_("Saving %(entity)s") % {"entity": step.entity})
                step.keep()
            known = known_accounts()
            transaction.set_rollback(True)
        for step in steps:
            step.append(known)
        return {step.entity: vars(step.counts) for step in steps}

    def _staged(self, staging: Staging, entity: str) -> EntityStep:
        step = EntityStep(self.context, staging, entity)
        self._tell(_("Checking %(entity)s") % {"entity": entity})
        step.stage()
        self._expect(step.counts.rows)
        return step

    def _entity(self, staging: Staging, entity: str) -> Counts:
        in_tables = entity not in ("activities", "survey_responses")
        if entity in self.record.counts and entity not in PARTS:
            return Counts(**self.record.counts[entity])
        step = self._staged(staging, entity)
        self._tell(_("Saving %(entity)s") % {"entity": entity})
        self._note_storing()
        if not in_tables:
            step.append()
        if entity not in self.record.counts:
            step.keep()
        else:
            step.recall()
        if in_tables:
            step.append()
        return step.counts

    def _note_storing(self) -> None:
        """Before anything is stored: what may be there can be taken back, and is not thrown away."""
        if not self.record.has_stored:
            self.record.has_stored = True
            self.record.save(update_fields=["has_stored"])

    def _report_torn(self, staging: Staging) -> None:
        """Lines of files that only SQL reads belong to no entity, so they are told and not kept."""
        for table, rejects in staging.torn():
            self.context.findings.add(
                f"{table.name}: lines left out",
                "These lines have more or fewer values than the header, a quote that is not closed, or are "
                "no JSON object. The SQL did not see them. Correct them in the file, and import it again.",
                len(rejects),
                [{"line": one.line, "text": one.text[:500]} for one in rejects[:EXAMPLES]],
            )

    def _check(self, files: FileSet, mapping: FileMapping) -> None:
        """Run the mapping's own checks; what they find is reported, and stops nothing."""
        if not mapping.checks:
            return
        self._tell(_("Checking what the files say against each other"))
        with Sandbox(files.tables, self.scratch / "checks") as sandbox:
            for check in mapping.checks:
                try:
                    count = sandbox.count(check.sql)
                    examples = [_plain(row) for row in sandbox.rows(check.sql, EXAMPLES)]
                except FileQueryError as error:
                    raise ImportFailed(f"[checks.{check.name}]: {error}") from error
                self.context.findings.add(check.name, check.sentence, count, examples)

    def _finish(self) -> None:
        self._tell(_("Releasing what waited for its account"))
        release_parked(self.context)
        self._tell(_("Adding up the days"))
        outbox.drain()
        open_stream().roll_up()

    def _rejected(self) -> list[dict[str, Any]]:
        if not self.dry:
            return first_rejected(self.record)
        return [
            {"file": one.file, "row": one.row, "column": one.column, "reason": one.code, "values": one.values}
            for one in self.context.rejected
        ]

    # Progress

    def _expect(self, rows: int) -> None:
        self.record.rows_expected = (self.record.rows_expected or 0) + rows

    def _count(self, rows: int) -> None:
        self.record.rows_done += rows
        self._progress(self.record.step, self.record.rows_done, self.record.rows_expected)
        self._save_progress(every=SAVE_EVERY_SECONDS)

    def _tell(self, step: str) -> None:
        self.record.step = step
        self._progress(step, self.record.rows_done, self.record.rows_expected)
        self._save_progress()

    def _save_progress(self, every: float = 0.0) -> None:
        """For the page. Within a transaction nobody would see it, so it is left for later."""
        now = time.monotonic()
        if self.record.pk is None or connection.in_atomic_block or now < self._saved_at + every:
            return
        self._saved_at = now
        self.record.save(update_fields=["step", "rows_done", "rows_expected"])


def first_rejected(record: Import) -> list[dict[str, Any]]:
    rows = RejectedRow.objects.filter(of_import=record).order_by("pk")[:EXAMPLES]
    return [dict(row) for row in rows.values("file", "row", "column", "reason", "values")]


def release_parked(context: Context) -> None:
    """Save parked rows whose account is there by now, and let go of parked activities."""
    from heed.sources.replaying import replay_parked

    waiting = ParkedRow.objects.filter(released_at=None).values_list("waits_for", flat=True).distinct()
    arrived = set(Account.objects.filter(withdrawn_at=None, key__in=waiting).values_list("key", flat=True))
    released = replay_parked(arrived, context.now)
    stream = open_stream()
    parked = stream.awaited()
    known: list[str] = []
    for start in range(0, len(parked), 10_000):
        some = parked[start : start + 10_000]
        known += Account.objects.filter(withdrawn_at=None, key__in=some).values_list("key", flat=True)
    if known:
        released += stream.release(known, recorded_at=context.now).rows
    context.findings.add(
        "released",
        "These rows of earlier imports waited for their account. It is there now, and they are in.",
        released,
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row of an answer as JSON can hold it."""
    return {
        name: value if isinstance(value, str | int | float | bool | None) else str(value)
        for name, value in row.items()
    }
