"""How fast activities come in from files: checked, deduplicated, stored and rolled up, with peak memory.

    python benchmarks/import_files.py --activities 10000000 [--kinds parquet csv]

Writes synthetic activities of 10,000 accounts over 22 months, imports them in a process of their own
through `heed import`, then imports the same files again. Prints rows a second, CPU seconds and peak memory
beside the targets. Only an idle machine shows what it can do: CPU seconds are there for the others.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

TARGETS = {"parquet": 250_000, "csv": 150_000}
MEMORY_GB = 2.0
ACCOUNTS = 10_000
DAYS = 680
NAMES = ["login", "report_exported", "dashboard_viewed", "record_created", "api_called", "comment_added"]

ROWS = """
SELECT 'e' || i AS id, 'acc-' || (hash(i) % {accounts}) AS account,
    'acc-' || (hash(i) % {accounts}) || '-u' || (hash(i * 7) % 20) AS contact,
    {names}[1 + (hash(i * 3) % {kinds})::INT] AS name,
    TIMESTAMP '2025-01-01' + to_seconds((i * {seconds} / {rows})::BIGINT) AS "at",
    CASE WHEN hash(i * 5) % 4 = 0 THEN round((hash(i * 11) % 1000) / 10.0, 1) END AS value
FROM range({rows}) t(i)
"""


def write(folder: Path, kind: str, rows: int) -> None:
    folder.mkdir()
    query = ROWS.format(accounts=ACCOUNTS, names=NAMES, kinds=len(NAMES), seconds=DAYS * 86_400, rows=rows)
    how = "(FORMAT parquet, COMPRESSION zstd)" if kind == "parquet" else "(HEADER)"
    with duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(folder.parent)}) as db:
        db.execute(f"COPY ({query}) TO '{folder / f'activities.{kind}'}' {how}")
        keys = f"SELECT 'acc-' || i AS key, 'Account ' || i AS name FROM range({ACCOUNTS}) t(i)"
        db.execute(f"COPY ({keys}) TO '{folder / 'accounts.csv'}' (HEADER)")


def run(home: Path, *arguments: str) -> tuple[float, float, float, str]:
    """Seconds, CPU seconds, peak memory in GB, and what was printed."""
    environment = {**os.environ, "HEED_HOME": str(home)}
    heed = [sys.executable, "-c", "from heed.site.commands import main; main()", *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(heed, env=environment, stdout=subprocess.PIPE)
    said = process.stdout.read().decode() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"heed {' '.join(arguments)} failed: {said}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1_048_576, said


def measure(folder: Path, kind: str, rows: int) -> None:
    home = folder / f"home-{kind}"
    data = folder / kind
    write(data, kind, rows)
    run(home, "migrate")
    for label in ("first", "again"):
        seconds, cpu, memory, said = run(home, "import", str(data), "--json", "--source", "bench")
        counts = json.loads(said)["counts"]["activities"]
        assert counts["new"] == (rows if label == "first" else 0), counts
        speed = f"{rows / seconds:10,.0f} rows/s (target {TARGETS[kind]:,})"
        peak = f"peak {memory:.2f} GB (target {MEMORY_GB})"
        print(f"{kind:8} {label:6} {speed}  {seconds:7.1f} s  CPU {cpu:7.1f} s  {peak}", flush=True)
    shutil.rmtree(home)
    shutil.rmtree(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--activities", type=int, default=10_000_000)
    parser.add_argument("--kinds", nargs="+", choices=sorted(TARGETS), default=list(TARGETS))
    parser.add_argument("--folder", type=Path, default=None, help="where to work; else a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="heed-bench-", dir=given.folder) as folder:
        for kind in given.kinds:
            measure(Path(folder), kind, given.activities)


if __name__ == "__main__":
    main()
