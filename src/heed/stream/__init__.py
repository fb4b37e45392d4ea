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
    UsageDay,
    as_table,
)
from heed.stream.errors import (
    EngineMissingError,
    RowsRefusedError,
    StreamBusyError,
    StreamError,
    WriteFailedError,
)
from heed.stream.store import Stream

__all__ = [
    "INCOMING",
    "Activity",
    "AppTransaction",
    "Appended",
    "Compacted",
    "Cursor",
    "EngineMissingError",
    "Erased",
    "RolledUp",
    "RowsRefusedError",
    "Stream",
    "StreamBusyError",
    "StreamError",
    "TimelinePage",
    "UsageDay",
    "WriteFailedError",
    "as_table",
]
