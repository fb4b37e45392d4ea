"""The command line: each command lives in a module of its own under `heed.site.cli`."""

import os

import typer

from heed.site.cli import demo, doctor, import_, link, migrate, refresh, serve, today, worker

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def heed() -> None:
    """Heed listens, leads and proves it."""


app.command("migrate")(migrate.migrate)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("link")(link.link)
app.command("import")(import_.import_)
app.command("refresh")(refresh.refresh)
app.command("today")(today.today)
app.command("doctor")(doctor.doctor)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.site.settings")
    app()
