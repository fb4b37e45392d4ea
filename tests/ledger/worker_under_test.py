"""A real worker process with jobs that leave traces in a file; run by `test_durable.py`."""

import os
import signal
import threading
import time
from datetime import datetime
from pathlib import Path

import django

django.setup()

from heed.ledger import worker  # noqa: E402
from heed.ledger.durable import job  # noqa: E402

TRACES = Path(os.environ["HEED_HOME"])


def trace(name: str, line: str) -> None:
    with (TRACES / name).open("a") as file:
        file.write(line + "\n")


@job("count", retries=0)
def count(number: int) -> int:
    trace("count", str(number))
    return number * 2


@job("slow", retries=0)
def slow(seconds: float) -> None:
    trace("slow", "began")
    time.sleep(seconds)
    trace("slow", "ended")


@job("needs marker", retries=1, first_wait=0.1)
def needs_marker() -> str:
    trace("tries", "tried")
    if not (TRACES / "marker").exists():
        raise ValueError("there is no marker; put it there")
    return "found"


@job("tick", cron="* * * * * *", retries=0, arguments=lambda at: (at.isoformat(),))
def tick(at: str) -> None:
    trace("ticks", datetime.fromisoformat(at).isoformat())


@job("crash", retries=0)
def crash() -> None:
    trace("crashes", "began")
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    worker.CRASHES_ALLOWED = 1
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    worker.work(stop, drain_seconds=5)
    os._exit(0)
