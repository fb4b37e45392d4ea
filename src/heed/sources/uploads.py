"""File sets that come through the page: received in pieces, kept until they are imported or discarded."""

import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler
from django.db import transaction
from django.utils.translation import gettext as _

from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.people.models import User
from heed.people.permissions import Permission, allows
from heed.sources.actions import ImportFailed, dry_run, failing_clearly, preview, run_import
from heed.sources.mapping import MappingError, parse_mapping
from heed.sources.models import Import, ImportState, Source
from heed.sources.queueing import ASK_COUNT, ASK_IMPORT, enqueue_asked
from heed.sources.running import digest_of

MOST_FILES = 100
OPEN = (ImportState.UPLOADED, ImportState.FAILED)
"""The states in which an upload can be confirmed or thrown away."""
STOPPED = "heed.upload_stopped"
"""Where a request keeps the name of the file at which its upload was stopped."""


class UploadRefused(ValueError):  # noqa: N818 - not an error of the program
    """Files or a mapping were not taken; the message says why and what to do."""


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Keeps uploads on disk, and stops reading one that is larger than HEED_UPLOAD_LIMIT_MB."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if start + len(raw_data) > limit_bytes():
            if self.request is not None:
                self.request.META[STOPPED] = self.file_name
            raise StopUpload(connection_reset=False)
        return super().receive_data_chunk(raw_data, start)


def too_large() -> str:
    limit = _("%(limit)s MB") % {"limit": f"{int(settings.HEED_UPLOAD_LIMIT_MB):,}"}
    return _(
        "The files are larger than %(limit)s together, so none was taken. Send fewer at once, gzip them, "
        "import them with the command, heed import, or raise HEED_UPLOAD_LIMIT_MB."
    ) % {"limit": limit}


def limit_bytes() -> int:
    return int(settings.HEED_UPLOAD_LIMIT_MB) * 1_000_000


def folder_of(import_: Import) -> Path:
    """Where the uploaded files of an import lie until it is done."""
    return Path(settings.MEDIA_ROOT) / "imports" / str(import_.pk)


def paths_of(import_: Import) -> list[Path]:
    folder = folder_of(import_)
    return sorted(folder.iterdir()) if folder.is_dir() else []


def safe_name(given: str) -> str:
    """A file name that stays in its folder and keeps its ending."""
    base = given.replace("\\", "/").rsplit("/", 1)[-1]
    return re.sub(r"[^\w. ()\-]", "_", base).lstrip(".")[-150:] or "file"


def receive(files: "Sequence[UploadedFile[Any]]", source: str, *, by: User) -> Import:
    """Take in uploaded files for a source (declared now if it is new), with its mapping or a guessed one.

    Large files take a while to be moved and looked at, and nobody else's writing waits for that.
    """
    _demand_files(files)
    import_ = _begin(source.strip(), by)
    folder = folder_of(import_)
    try:
        with failing_clearly():
            _store(files, folder)
            look_again(import_)
    except ImportFailed as error:
        shutil.rmtree(folder, ignore_errors=True)
        _abandon(import_, str(error), by)
        raise UploadRefused(_("The files could not be taken in: %(why)s") % {"why": error}) from error
    with transaction.atomic():
        after = {"files": _names_of(import_.files), "source": import_.source.name}
        record(Change("upload", "import", str(import_.pk), None, after), by=by.actor)
    return import_


@transaction.atomic
def _begin(source: str, by: User) -> Import:
    declared = _declared(source, by)
    return Import.objects.create(
        source=declared,
        mapping=declared.mapping,
        state=ImportState.UPLOADED,
        by=by.actor,
        started_at=clock.now(),
    )


@transaction.atomic
def _abandon(import_: Import, why: str, by: User) -> None:
    """Forget an upload of which nothing was kept, and its source where it was declared for it alone."""
    source, pk = import_.source, str(import_.pk)
    import_.delete()
    record(Change("abandon", "import", pk, {"source": source.name}, None, why), by=by.actor)
    if not source.mapping and not source.imports.exists():
        record(Change("withdraw", "source", source.name, {"name": source.name}, None, why), by=by.actor)
        source.delete()


def _demand_files(files: "Sequence[UploadedFile[Any]]") -> None:
    if not files:
        raise UploadRefused(
            _("No file arrived. Choose files of together at most %(limit)s MB.")
            % {"limit": settings.HEED_UPLOAD_LIMIT_MB}
        )
    if len(files) > MOST_FILES:
        raise UploadRefused(_("Choose at most %(most)s files.") % {"most": MOST_FILES})
    if sum(file.size or 0 for file in files) > limit_bytes():
        raise UploadRefused(too_large())


def _declared(name: str, by: User) -> Source:
    known = Source.objects.filter(name=name).first()
    if known is not None:
        return known
    if not name or len(name) > 100:
        raise UploadRefused(_("Give the source a name of at most 100 characters."))
    if not allows(by, Permission.MANAGE_SOURCES):
        raise UploadRefused(_("Only an admin can declare a new source. Choose one that is there."))
    source = Source.objects.create(name=name, mapping="", made_by=by.actor, made_at=clock.now())
    record(Change("declare", "source", name, None, {"name": name}), by=by.actor)
    return source


def _store(files: "Iterable[UploadedFile[Any]]", folder: Path) -> None:
    # The number is new, so what lies here is of an upload whose transaction was rolled back.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in files:
        name = safe_name(file.name or "file")
        target = folder / name
        number = 1
        while target.exists():
            number += 1
            target = folder / f"{number} {name}"
        if isinstance(file, TemporaryUploadedFile):
            shutil.move(file.temporary_file_path(), target)
            continue
        with target.open("wb") as out:
            for piece in file.chunks():
                out.write(piece)


def look_again(import_: Import) -> None:
    """Make the preview: first rows, and the guessed mapping where there is none yet."""
    paths = paths_of(import_)
    try:
        found = preview(paths, import_.mapping or None)
    except MappingError:
        found = preview(paths)
    import_.mapping = import_.mapping or found.mapping
    import_.files = [
        {"name": path.name, "size": path.stat().st_size, "sample": _sample_of(path.name, found.samples)}
        for path in paths
    ]
    import_.notes = found.notes
    import_.save(update_fields=["mapping", "files", "notes"])


def _names_of(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The files as the trail keeps them: without their first rows, which may speak of persons."""
    return [{"name": file["name"], "size": file["size"]} for file in files]


def guessed(import_: Import) -> str:
    """A mapping guessed from the uploaded files, whatever the source remembers; empty where none fits."""
    return preview(paths_of(import_)).mapping


def _sample_of(name: str, samples: list[dict[str, object]]) -> dict[str, object] | None:
    return next((one for one in samples if one["file"] == name), None)


@transaction.atomic
def confirm(import_: Import, mapping: str, *, by: User, count_only: bool) -> None:
    """Set the mapping of an upload and have a worker import it (or only count what it would change)."""
    mapping = mapping.replace("\r\n", "\n")
    current = Import.objects.select_for_update().get(pk=import_.pk)
    if current.state not in OPEN:
        raise UploadRefused(_("This import is %(state)s already.") % {"state": current.get_state_display()})
    try:
        parsed = parse_mapping(mapping)
    except MappingError as error:
        raise UploadRefused(str(error)) from error
    known = current.source.mapping == mapping
    if parsed.holds_sql and not known and not allows(by, Permission.MANAGE_SOURCES):
        raise UploadRefused(_("Only an admin can write SQL in a mapping."))
    before = {"mapping": current.mapping}
    current.mapping, current.error, current.expected = mapping, "", None
    current.state = ImportState.COUNTING if count_only else ImportState.WAITING
    current.step, current.rows_done, current.rows_expected = "", 0, None
    current.save()
    verb = ASK_COUNT if count_only else ASK_IMPORT
    enqueue_asked(record(Change(verb, "import", str(current.pk), before, {"mapping": mapping}), by=by.actor))


def count(import_pk: int) -> None:
    """The job behind "Count what would change"."""
    import_ = Import.objects.select_related("source").get(pk=import_pk)
    if import_.state != ImportState.COUNTING:
        return
    try:
        report = dry_run(paths_of(import_), import_.mapping, source=import_.source.name, by=import_.by)
        import_.expected = {
            "counts": report.counts,
            "findings": report.findings,
            "rejected": report.rejected,
        }
        import_.error = ""
    except ImportFailed as error:
        import_.error = str(error)
    import_.state = ImportState.UPLOADED
    import_.save(update_fields=["expected", "error", "state"])


def carry_out(import_pk: int) -> None:
    """The job behind "Import"."""
    import_ = Import.objects.select_related("source").get(pk=import_pk)
    if import_.state in (ImportState.WAITING, ImportState.RUNNING):
        _import(import_)
    if import_.state == ImportState.DONE:
        clear_away(import_)


def _import(import_: Import) -> None:
    paths = paths_of(import_)
    if not import_.digest:
        import_.digest = digest_of(paths, import_.mapping)
        import_.started_at = clock.now()
        import_.save(update_fields=["digest", "started_at"])
    # An import that fails says why, on its page; running it again by itself would not help.
    with suppress(ImportFailed):
        run_import(import_, paths, by=import_.by)


def clear_away(import_: Import) -> None:
    """Remove the files of an import that has ended, with their first rows and the expectations."""
    shutil.rmtree(folder_of(import_), ignore_errors=True)
    # They were for the preview; what became of the rows stands elsewhere.
    import_.files, import_.expected = _names_of(import_.files), None
    import_.save(update_fields=["files", "expected"])


@transaction.atomic
def discard(import_: Import, *, by: User) -> None:
    """Throw away uploaded files that were not imported."""
    if import_.state not in OPEN or import_.has_stored:
        raise UploadRefused(_("Something of this import is stored. Undo it instead."))
    record(
        Change("discard", "import", str(import_.pk), {"files": _names_of(import_.files)}, None), by=by.actor
    )
    shutil.rmtree(folder_of(import_), ignore_errors=True)
    import_.delete()
