"""What every DuckDB that Heed opens is told before its first statement."""

from typing import Any, Final

SETTINGS: Final[dict[str, Any]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # A statement that fails (a full disk, say) may wait for an asynchronous write or read for ever:
    # duckdb/duckdb#23885, seen in DuckDB 2.0.0 once in about 150 imports onto a full disk.
    "async_threads": 0,
}
