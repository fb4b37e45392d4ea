"""The command line: each command lives in a module of its own under `heed.site.cli`."""

import os

import typer

from heed.site.cli import doctor, link, migrate, refresh, serve, worker

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def heed() -> None:
    """Heed listens, leads and proves it."""


app.command("migrate")(migrate.migrate)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("link")(link.link)
app.command("refresh")(refresh.refresh)
app.command("doctor")(doctor.doctor)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.site.settings")
    app()
