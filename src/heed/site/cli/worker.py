"""`heed worker`: the process that runs jobs and schedules."""

import os
import signal
import threading

import typer

from heed.site.cli import prepare


def worker() -> None:
    """Run jobs and schedules until stopped. Any number of workers may run at once."""
    prepare()
    from heed.ledger.worker import work

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    typer.echo("Heed's worker waits for jobs.")
    work(stop)
    typer.echo("Heed's worker stopped.")
    # A job that outlived its grace must not hold the process: the next worker takes it up.
    os._exit(0)
