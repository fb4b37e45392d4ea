"""Which workers live: each says so every few seconds in its row, and one that fell silent is dead.

Kept apart from `heed.ledger.worker`, because pages ask too, and need not load the machinery of jobs.
"""

import os
import socket
import time
from datetime import UTC, datetime, timedelta

from heed.ledger.models import Worker

SILENT = timedelta(seconds=30)
# A process id may have been given to another process since.
SILENT_HERE = timedelta(minutes=10)


def real_now() -> datetime:
    """The instant in UTC. Not the clock of the ledger: a fixed day must not stop the heart."""
    return datetime.fromtimestamp(time.time(), UTC)


def count_alive() -> int:
    """How many workers run."""
    return sum(not is_dead(worker) for worker in Worker.objects.all())


def is_dead(worker: Worker) -> bool:
    """On this machine: its process is gone. On another one: silent for `SILENT`."""
    silence = real_now() - worker.seen_at
    if worker.host != socket.gethostname():
        return silence > SILENT
    return silence > SILENT_HERE or not _process_runs(worker.pid)


def _process_runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
