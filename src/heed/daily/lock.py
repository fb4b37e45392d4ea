"""One daily round at a time, whatever process or machine it runs on; a kill -9 sets the lock free."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import connection
from filelock import FileLock, Timeout

# Any number that nothing else in this database takes as an advisory lock.
KEY: Final = 4_833_301_072


class RoundBusyError(Exception):
    """Another daily round is running."""


@contextmanager
def the_only_round() -> Iterator[None]:
    """Hold the lock of the round, or raise RoundBusyError at once.

    On PostgreSQL it is held by the session, so that workers on other machines see it; else by a file in the
    home. Both go free when their holder dies.
    """
    holding = advisory_lock if connection.vendor == "postgresql" else file_lock
    with holding():
        yield


@contextmanager
def file_lock() -> Iterator[None]:
    lock = FileLock(settings.HEED_HOME / "round.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise busy() from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def advisory_lock() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [KEY])
        if cursor.fetchone() != (True,):
            raise busy()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [KEY])


def busy() -> RoundBusyError:
    return RoundBusyError(
        "A daily round is running already. Wait until it is done; its steps are under Settings."
    )
