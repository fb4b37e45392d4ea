"""One writer at a time, over threads, processes and a kill -9 (the system releases the lock)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from heed.stream.errors import StreamBusyError


@contextmanager
def one_writer(folder: Path, seconds: float) -> Iterator[None]:
    """Hold the writer's lock of the stream in `folder`, waiting up to `seconds` for the one before."""
    lock = FileLock(folder / "writer.lock")
    try:
        lock.acquire(timeout=seconds)
    except Timeout as error:
        raise StreamBusyError(
            f"Another process has been writing to the stream in {folder} for more than {seconds:g} s. "
            "Try again when it is done."
        ) from error
    try:
        yield
    finally:
        lock.release()
