"""One daily round at a time, whatever process or machine it runs on; a kill -9 sets the lock free."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import connection
from filelock import FileLock, Timeout

# Any number that nothing else in this database takes as an advisory lock.
KEY: Final = 4_833_301_072
# As long as whoever only asks whether a round runs may hold the file.
A_GLANCE: Final = 0.5


class RoundBusyError(Exception):
    """Another daily round is running."""


@contextmanager
def the_only_round() -> Iterator[None]:
    """Hold the lock of the round, or raise RoundBusyError.

    On PostgreSQL it is held by the session, so that workers on other machines see it; else by a file in the
    home. Both go free when their holder dies.
    """
    holding = advisory_lock if connection.vendor == "postgresql" else file_lock
    with holding():
        yield


def is_running() -> bool:
    """Whether some process holds the lock; what a round says of itself stays true after a kill -9."""
    return advisory_lock_is_held() if connection.vendor == "postgresql" else file_lock_is_held()


def the_file() -> FileLock:
    return FileLock(settings.HEED_HOME / "round.lock")


def file_lock_is_held() -> bool:
    try:
        with the_file().acquire(timeout=0):
            return False
    except Timeout:
        return True


def advisory_lock_is_held() -> bool:
    with connection.cursor() as cursor:
        # PostgreSQL shows the key in two halves of 32 bits.
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database "
            "WHERE locktype = 'advisory' AND datname = current_database() "
            "AND classid::bigint = %s AND objid::bigint = %s AND objsubid = 1)",
            [KEY >> 32, KEY & 0xFFFF_FFFF],
        )
        return bool(cursor.fetchone() == (True,))


@contextmanager
def file_lock() -> Iterator[None]:
    lock = the_file()
    try:
        lock.acquire(timeout=A_GLANCE)
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
