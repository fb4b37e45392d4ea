"""`heed import`: a folder of files into Heed, with its mapping or a guessed one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from heed.site.cli import prepare

BY = "command line"
EXIT_FAILED, EXIT_REJECTED = 1, 3
COLUMNS = ("new", "changed", "unchanged", "rejected", "parked")
IGNORED = {"mapping.toml", "readme.md"}


def import_(
    folder: Annotated[Path, typer.Argument(exists=True, help="A folder of files, or one file.")],
    mapping: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The mapping; else mapping.toml in the folder."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
    source: Annotated[str, typer.Option(help="The source's name; else the folder's.")] = "",
) -> None:
    """Import a file set: accounts, contacts, subscriptions, tickets, interactions, surveys, activities.

    Exit codes: 0 all rows taken, 3 done but some rows rejected or a file not read, 1 failed (nothing
    half-written).
    """
    prepare()
    from heed.sources.actions import ImportFailed

    paths = files_in(folder)
    name = source or folder.resolve().name
    try:
        text = mapping_text(folder, mapping, paths)
        with told(quiet=as_json) as progress:
            report = carry_out(paths, text, name, dry_run=dry_run, progress=progress)
    except ImportFailed as error:
        fail(str(error), as_json=as_json)
    show(report, as_json=as_json, dry_run=dry_run)
    if report.unread or any(counts["rejected"] for counts in report.counts.values()):
        raise typer.Exit(EXIT_REJECTED)


def files_in(folder: Path) -> list[Path]:
    """The files of a set; a single file is a set of one."""
    if folder.is_file():
        return [folder]
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.name.lower() not in IGNORED and not path.name.startswith(".")
    )


def mapping_text(folder: Path, mapping: Path | None, paths: list[Path]) -> str:
    """The mapping given, else the folder's own, else a guess, which is shown on standard error."""
    own = folder / "mapping.toml"
    if mapping is not None:
        return mapping.read_text(encoding="utf-8")
    if own.is_file():
        return own.read_text(encoding="utf-8")
    from heed.sources.actions import ImportFailed, preview

    found = preview(paths)
    if not found.mapping:
        why = " ".join(found.notes)
        raise ImportFailed(f"No file could be mapped by its name and columns. {why} Write a mapping.toml.")
    console = Console(stderr=True)
    for note in found.notes:
        console.print(note, markup=False)
    console.print("Guessed mapping:\n", markup=False)
    console.print(found.mapping, markup=False, highlight=False)
    return found.mapping


def carry_out(paths: list[Path], text: str, name: str, *, dry_run: bool, progress: Any) -> Any:
    from heed.sources import actions
    from heed.sources.mapping import MappingError

    try:
        if dry_run:
            return actions.dry_run(paths, text, source=name, by=BY, progress=progress)
        prepared = actions.prepare(paths, text, source=name, by=BY)
    except MappingError as error:
        raise actions.ImportFailed(str(error)) from error
    return actions.run_import(prepared, paths, by=BY, progress=progress)


@contextmanager
def told(*, quiet: bool) -> Iterator[Any]:
    """A bar on standard error: what runs, how many rows are done, how long it took."""
    columns = (
        *(SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("", total=None)

        def progress(step: str, done: int, expected: int | None) -> None:
            bar.update(task, description=step, completed=done, total=expected)

        yield progress


def show(report: Any, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        answer = {
            "import": None if dry_run else report.import_id,
            "dry_run": dry_run,
            "counts": report.counts,
            "findings": report.findings,
            "rejected": report.rejected,
            "unread": report.unread,
        }
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    console = Console()
    table = Table(title="What would happen" if dry_run else f"Import {report.import_id}")
    table.add_column("")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for entity, counts in report.counts.items():
        table.add_row(entity, *(f"{counts[column]:,}" for column in COLUMNS))
    console.print(table)
    for finding in report.findings:
        console.print(f"{finding['count']:,}× {finding['name']}: {finding['sentence']}", markup=False)
        for example in finding["examples"][:2]:
            console.print(f"    {example}", markup=False)
    show_rejected(console, report, dry_run=dry_run)


def show_rejected(console: Console, report: Any, *, dry_run: bool) -> None:
    """The first rejected rows, where they stand, why, and what to do."""
    if not report.rejected:
        return
    console.print("The first rejected rows:", markup=False)
    for row in report.rejected:
        place = f"{row['file']}, row {row['row']:,}"
        column = f", {row['column']}" if row["column"] else ""
        console.print(f"    {place}{column}: {row['reason']}", markup=False, highlight=False)
    if not dry_run:
        console.print(
            "Correct them under Settings, Rejected rows; or in their file, and import it again: what is in "
            "already counts as unchanged.",
            markup=False,
        )


def fail(message: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"error": message}, ensure_ascii=False))
    else:
        Console(stderr=True).print(message, markup=False)
    raise typer.Exit(EXIT_FAILED)
