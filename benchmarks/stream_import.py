"""How fast activities become stored, deduplicated and rolled up, and what a new day costs.

    python -m benchmarks.stream_import [--rows 10000000] [--accounts 10000] [--json]

Prints each figure beside its target. Times depend on the machine and on what else it does (processor seconds
are beside the first ones), ratios much less: every ratio is of two times of the same run.
"""

import argparse
import datetime as dt
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from heed.stream import AppTransaction, Stream

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
DAYS = 720
NAMES = ["login", "report_exported", "dashboard_viewed", "file_uploaded", "api_called", "comment_added"]


def make_rows(path: Path, rows: int, accounts: int, *, first: int, day: str, days: int) -> None:
    """Write activities of `days` days in the order of time: uniform, the worst case for a roll-up."""
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            f"""
            COPY (
                SELECT 'product' AS source, 'evt-' || lpad(({first} + i)::VARCHAR, 10, '0') AS id,
                    'account-' || who AS account, 'user-' || who || '-' || hash(i * 13) % 20 AS contact,
                    ({NAMES})[(1 + hash(i * 3) % {len(NAMES)})::BIGINT] AS name,
                    TIMESTAMPTZ '{day} 00:00:00+00' + to_seconds(i * {days} * 86400 // {rows}) AS "at",
                    CASE WHEN hash(i) % 5 = 0 THEN (hash(i) % 1000) / 10.0 END AS value,
                    CASE WHEN hash(i) % 10 = 0 THEN '{{"plan":"pro"}}' END AS properties
                FROM (SELECT i, hash(i * 7 + {first}) % {accounts} AS who FROM range({rows}) AS each(i))
            ) TO '{path}' (FORMAT parquet)
            """
        )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def append(stream: Stream, path: Path, version: int) -> Any:
    return stream.append([path], transaction=AppTransaction("benchmark", version), recorded_at=NOW)


def measure(rows: int, accounts: int, home: Path) -> dict[str, float]:
    """Run the whole course once; seconds, ratios, megabytes."""
    days = rows // 180
    history, day, busy = home / "history.parquet", home / "day.parquet", home / "busy.parquet"
    make_rows(history, rows, accounts, first=0, day="2024-11-01", days=DAYS)
    make_rows(day, days, accounts, first=rows, day="2026-10-22", days=1)
    make_rows(busy, 10_000, 1, first=2 * rows, day="2024-11-01", days=DAYS)
    found: dict[str, float] = {}
    started = time.process_time()
    with Stream(home / "stream") as stream:
        found["append, s"], first = timed(lambda: append(stream, history, 1))
        assert first.new == rows
        found["roll-up, s"], _ = timed(stream.roll_up)
        found["both, processor s"] = time.process_time() - started
        found["rows per second, appended and rolled up"] = rows / (found["append, s"] + found["roll-up, s"])
        found["the same again, s"], again = timed(lambda: append(stream, history, 2))
        assert (again.new, again.unchanged) == (0, rows)
        found["the same again / first append"] = found["the same again, s"] / found["append, s"]
        found["one new day, append, s"], new = timed(lambda: append(stream, day, 3))
        assert new.new == days
        found["one new day, roll-up, s"], _ = timed(stream.roll_up)
        found["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        append(stream, busy, 4)
        stream.roll_up()
        found["compaction, s"], _ = timed(stream.compact)
        found["peak memory with compaction, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found |= timeline(stream)
        found["erasure of one account, s"], _ = timed(
            lambda: stream.erase(account="account-0", by="x", at=NOW)
        )
    return found


def timeline(stream: Stream) -> dict[str, float]:
    """A page of the account with 10,000 rows more than the others, the first time and after."""
    first, page = timed(lambda: stream.timeline("account-0"))
    times = sorted(timed(lambda: stream.timeline("account-0", before=page.next))[0] for _ in range(40))
    return {
        "timeline rows of the account": float(sum(page.totals.values())),
        "timeline, first page after a change, ms": first * 1000,
        "timeline, p95 of pages after, ms": times[int(len(times) * 0.95)] * 1000,
    }


TARGETS = {
    "rows per second, appended and rolled up": "≥ 250000",
    "the same again / first append": "≤ 1",
    "peak memory, MB": "≤ 2048",
    "timeline, p95 of pages after, ms": "≤ 60",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="heed-benchmark-"))
    try:
        found = measure(options.rows, options.accounts, home)
    finally:
        shutil.rmtree(home)
    if options.json:
        json.dump(found, sys.stdout)
        return
    for name, value in found.items():
        print(f"{name:<45} {value:>12,.2f}  {TARGETS.get(name, '')}")


if __name__ == "__main__":
    main()
