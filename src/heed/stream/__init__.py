"""The activity store: append-only Delta tables, read as Ibis expressions, run by an exchangeable engine."""

from heed.stream.activity import (
    INCOMING,
    Activity,
    Appended,
    AppTransaction,
    Compacted,
    Cursor,
    Erased,
    RolledUp,
    TimelinePage,
    as_table,
)
from heed.stream.errors import EngineMissing, RowsRefused, StreamBusy, StreamError, WriteFailed
from heed.stream.store import Stream

__all__ = [
    "INCOMING",
    "Activity",
    "AppTransaction",
    "Appended",
    "Compacted",
    "Cursor",
    "EngineMissing",
    "Erased",
    "RolledUp",
    "RowsRefused",
    "Stream",
    "StreamBusy",
    "StreamError",
    "TimelinePage",
    "WriteFailed",
    "as_table",
]
