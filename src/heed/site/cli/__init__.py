"""One module per command. They import Django inside their functions: `heed --help` answers at once."""

import os
from typing import NoReturn

import typer

UNUSABLE = 2


def prepare(*, migrated: bool = True) -> None:
    """Load the settings and the packages; says what is wrong and stops where they cannot be used."""
    import django

    from heed.site.environment import SettingError

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.site.settings")
    try:
        django.setup()
    except SettingError as error:
        stop(str(error), code=UNUSABLE)
    if migrated and (behind := unapplied()):
        stop(f"The database is {behind} migrations behind. Run: heed migrate", code=UNUSABLE)


def stop(why: str, *, code: int = 1) -> NoReturn:
    """Say on stderr why the command ends, and end it."""
    typer.echo(why, err=True)
    raise typer.Exit(code)


def unapplied() -> int:
    """How many migrations the database lacks."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
