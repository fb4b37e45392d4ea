"""What the daily round costs after one new day, and how that follows the history behind it.

    python benchmarks/daily_round.py [--accounts 10000 --activities 10000000]

A simulated company of 24 months is imported and measured; then one new day (1/180 of the activities) comes
in and the round runs. The same again with 36 months: twice the history behind the longest window of a year.
Each command runs in a process of its own; its start is part of the seconds.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from heed.evidence.simulation import simulate

LAST = date(2026, 11, 1)
NEW_DAY = """
COPY (
    SELECT 'new-' || row_number() OVER () AS id, account, contact, name,
        TIMESTAMP '{day}' + to_seconds((hash(id) % 72000)::BIGINT) AS "at"
    FROM (
        SELECT * FROM '{activities}' WHERE NOT contains(name, '.')
        USING SAMPLE reservoir({rows} ROWS) REPEATABLE (1)
    )
) TO '{file}' (HEADER)
"""


@dataclass(frozen=True)
class Measured:
    months: int
    first_import: float
    first_round: float
    new_import: float
    new_round: float
    steps: dict[str, float]
    peak_gb: float


def heed(home: Path, day: date, *arguments: str) -> tuple[float, float, dict[str, object]]:
    """Seconds, peak memory in GB, and the JSON that a command printed."""
    environment = {**os.environ, "HEED_HOME": str(home), "HEED_NOW": f"{day}T23:00:00+00:00"}
    command = [sys.executable, "-c", "from heed.site.commands import main; main()", *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    said = process.stdout.read().decode() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"heed {' '.join(arguments)} failed: {said}")
    answer = json.loads(said) if "--json" in arguments else {}
    return time.perf_counter() - started, usage.ru_maxrss / 1_048_576, answer


def measure(folder: Path, months: int, accounts: int, activities: int) -> Measured:
    files, new, home = folder / "files", folder / "new", folder / "home"
    simulate(files, end=LAST, accounts=accounts, activities=activities * months // 24, months=months)
    new.mkdir()
    day = LAST + timedelta(days=1)
    parts = {"activities": files / "activities.parquet", "file": new / "activities.csv"}
    duckdb.execute(NEW_DAY.format(day=day, rows=activities // 180, **parts))
    heed(home, LAST, "migrate")
    first_import, peak, _ = heed(home, LAST, "import", str(files), "--json", "--source", "bench")
    first_round, _, _ = heed(home, LAST, "refresh", "--json")
    new_import, _, _ = heed(home, day, "import", str(new), "--json", "--source", "bench new")
    new_round, _, answer = heed(home, day, "refresh", "--json")
    steps = {str(each["name"]): float(each["seconds"]) for each in answer["steps"]}  # type: ignore[attr-defined]
    shutil.rmtree(folder)
    return Measured(months, first_import, first_round, new_import, new_round, steps, peak)


def told(found: Measured) -> None:
    print(
        f"{found.months} months: import {found.first_import:.1f} s (peak {found.peak_gb:.2f} GB), "
        f"first round {found.first_round:.1f} s, new day's import {found.new_import:.1f} s, "
        f"round after it {found.new_round:.1f} s (target 15)",
        flush=True,
    )
    for name, seconds in found.steps.items():
        print(f"    {seconds:7.2f} s  {name}", flush=True)


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    reader.add_argument("--accounts", type=int, default=10_000)
    reader.add_argument("--activities", type=int, default=10_000_000)
    given = reader.parse_args()
    found = []
    for months in (24, 36):
        folder = Path(tempfile.mkdtemp(prefix="heed-bench-round-"))
        found.append(measure(folder, months, given.accounts, given.activities))
        told(found[-1])
    ratio = found[1].new_round / found[0].new_round
    print(f"twice the history behind the longest window: {ratio:.2f} x (target 1.3)")


if __name__ == "__main__":
    main()
