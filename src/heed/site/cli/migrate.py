"""`heed migrate`: bring the database and the queue of jobs to this version."""

import typer

from heed.site.cli import prepare, unapplied


def migrate() -> None:
    """Make or update the tables of HEED_HOME (or HEED_DATABASE_URL). Safe to repeat."""
    prepare(migrated=False)
    from django.core.management import call_command

    from heed.ledger import durable

    behind = unapplied()
    call_command("migrate", interactive=False, verbosity=0)
    durable.client()
    typer.echo(f"The database is up to date ({behind} migrations applied now).")
