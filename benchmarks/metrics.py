"""How long all starter metrics take for all accounts, beside a bare query over the same Parquet.

    python benchmarks/metrics.py --activities 5000000      (500 activities an account in 24 months)

Makes synthetic activities (clustered by account within the month, some learnt late, a few withdrawn),
rolls them up as the stream does, and measures in processes of their own: the bare query `count, distinct
people per account` over the longest window; all metrics at one date as the daily round does it (the days of
the longest window, and what is kept of the first and last day of everything); the same without what is
kept, from all days; and at 24 monthly dates, range by range of accounts, from all days.
Ratios in one run are what counts; the machine's speed is not.
"""

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow.parquet as pq

from heed.evidence.metrics import (
    Metric,
    account_ranges,
    longest_window,
    measure_wide,
    parse_metric,
    read_metrics,
    within,
)

STARTER = Path(__file__).parents[1] / "src/heed/measures/starter_metrics.toml"
MEMORY = "2500MB"
RANGE = 25_000
LAST = date(2026, 1, 1)
DATES = [date(2024 + (month // 12), month % 12 + 1, 1) for month in range(1, 25)]
TARGETS = {"one date / bare query": 4.0, "24 dates / one date": 12.0, "peak memory GB": 4.0}

# A row is one (person, day, name) of a session; repeats make the activities of a day. hash() is the dice.
MONTH = """
COPY (
  WITH dice AS (
    SELECT i, hash(i, {month}) AS a, hash(i // 3, {month}, 'who') AS who, hash(i, {month}, 'what') AS what
    FROM range({rows}) AS t(i)
  ), placed AS (
    SELECT printf('account-%06d', (who % {accounts})) AS account,
      printf('%06d-%d', who % {accounts}, (who // 1000003) % (3 + (who % {accounts}) % 12)) AS contact,
      DATE '{first}' + ((who // 77777777) % {days})::INT AS day,
      (what % 1000)::INT AS roll, (a % 100)::INT AS late, a
    FROM dice
  ), named AS (
    SELECT account, contact, day, late, a, CASE
      WHEN roll < 960 THEN 'feature_' || ((roll * roll) // 48000)::INT
      WHEN roll < 970 THEN 'error_seen'
      WHEN roll < 990 THEN ['case.opened', 'case.replied', 'case.resolved', 'case.reopened'][roll % 4 + 1]
      WHEN roll < 995 THEN ['interaction.call', 'interaction.email'][roll % 2 + 1]
      ELSE ['survey.invited', 'survey.nps', 'survey.csat', 'survey.ces'][roll % 4 + 1] END AS name
    FROM placed
  )
  SELECT account, contact, name, day::TIMESTAMP + to_seconds((a // 100) % 86400) AS "at",
    day + (CASE WHEN late < 97 THEN 0 ELSE (a // 7) % 20 END)::INT AS recorded_on,
    CASE WHEN (a // 13) % 1000 = 0 THEN day + 40 END AS withdrawn_on,
    CASE WHEN contains(name, '.') THEN ((a // 17) % 11)::DOUBLE END AS value
  FROM named ORDER BY account, contact, day
) TO '{folder}/activities/{month:02d}.parquet' (FORMAT parquet, COMPRESSION zstd)
"""

ROLL_UP = """
COPY (
  SELECT account, contact, name, "at"::DATE AS day, greatest("at"::DATE, recorded_on) AS known_on,
    withdrawn_on AS unknown_on, count(*) AS n, coalesce(sum(value), 0) AS total, count(value) AS value_n,
    max("at") AS last_at, arg_max(value, "at") AS last_value, strftime("at", '%Y-%m') AS month
  FROM '{folder}/activities/{month:02d}.parquet' GROUP BY ALL ORDER BY account, contact, day
) TO '{folder}/daily/{month:02d}.parquet' (FORMAT parquet, COMPRESSION zstd)
"""

ACCOUNTS = """
COPY (SELECT printf('account-%06d', i) AS account, DATE '2023-06-01' + (i % 400)::INT AS since
  FROM range({accounts}) AS t(i)) TO '{folder}/accounts.parquet' (FORMAT parquet)
"""

SEEN = """
COPY (SELECT account, name, min(day) AS first_day, max(day) AS last_day FROM '{folder}/daily/*.parquet'
  WHERE known_on <= DATE '{last}' AND (unknown_on IS NULL OR unknown_on > DATE '{last}')
  GROUP BY account, name ORDER BY account, name) TO '{folder}/seen.parquet' (FORMAT parquet, COMPRESSION zstd)
"""

CONTRACTS = """
COPY (SELECT printf('account-%06d', i) AS account, DATE '2023-06-01' + (i % 400)::INT AS starts_on,
    NULL::DATE AS ends_on, DATE '2026-01-01' + (i % 365)::INT AS renews_on, 5 + i % 20 AS seats,
    DATE '2023-06-01' + (i % 400)::INT AS known_on
  FROM range({accounts}) AS t(i)) TO '{folder}/contracts.parquet' (FORMAT parquet)
"""

BARE = """
SELECT account, {count}, count(DISTINCT contact) FROM '{folder}/{table}/*.parquet'
WHERE {day} > DATE '{last}' - {window} AND {day} <= DATE '{last}' GROUP BY account
"""


def metrics() -> tuple[Metric, ...]:
    """The starter metrics, with key activities chosen."""
    chosen = {"names": ("feature_1", "feature_4")}
    starter = read_metrics(STARTER.read_text())
    key = parse_metric(
        {"key": "key_activities", "name": "Key", "sentence": "key activities", "unit": "activities"}
        | {"direction": "up_is_good", "aggregate": "count", "window": 28, "activities": chosen["names"]}
    )
    return tuple(key if metric.key == key.key else metric for metric in starter)


def generate(folder: Path, activities: int) -> dict[str, Any]:
    """24 monthly files of activities and their roll-up."""
    settings: dict[str, Any] = {
        "folder": folder,
        "accounts": max(1, activities // 500),
        "rows": activities // 24,
    }
    connection = duckdb.connect(config={"memory_limit": "4GB"})
    connection.execute("SET enable_progress_bar = false")
    for name in ("activities", "daily"):
        (folder / name).mkdir(parents=True)
    for month in range(24):
        first = date(2024 + month // 12, month % 12 + 1, 1)
        days = ((DATES[month] if month < 23 else LAST) - first).days
        connection.execute(MONTH.format(**settings, month=month, first=first, days=days))
        connection.execute(ROLL_UP.format(**settings, month=month))
    connection.execute(ACCOUNTS.format(**settings))
    connection.execute(CONTRACTS.format(**settings))
    connection.execute(SEEN.format(**settings, last=LAST))
    daily = sum(pq.read_metadata(file).num_rows for file in (folder / "daily").iterdir())
    return {"accounts": settings["accounts"], "activities": settings["rows"] * 24, "daily rows": daily}


def bare(folder: Path, table: str) -> int:
    """The yardstick: count and distinct people per account over the longest window."""
    count, day = ("sum(n)", "day") if table == "daily" else ("count(*)", '"at"')
    window = longest_window(metrics())
    query = BARE.format(folder=folder, table=table, count=count, day=day, last=LAST, window=window)
    connection = duckdb.connect(config={"memory_limit": MEMORY})
    return len(connection.sql(query).to_arrow_table())


def opened(folder: Path) -> tuple[Any, dict[str, Any]]:
    """DuckDB behind Ibis, with the tables that `measure` takes."""
    connection = ibis.duckdb.connect(memory_limit=MEMORY, temp_directory=str(folder / "spill"))
    connection.raw_sql("SET enable_progress_bar = false")
    places = {"daily": "daily/*.parquet", "accounts": "accounts.parquet", "contracts": "contracts.parquet"}
    tables = {name: connection.read_parquet(str(folder / place)) for name, place in places.items()}
    return connection, tables


def at_one_date(folder: Path) -> int:
    """All metrics as the daily round measures them; the number of figures."""
    connection, tables = opened(folder)
    first = LAST - timedelta(days=longest_window(metrics()) - 1)
    tables["daily"] = tables["daily"].filter(tables["daily"].day >= first)
    seen = connection.read_parquet(str(folder / "seen.parquet"))
    return len(connection.to_pyarrow(measure_wide(metrics(), **tables, seen=seen, dates=[LAST]))) * len(
        metrics()
    )


def from_all_days(folder: Path) -> int:
    """All metrics at one date of the past, for which nothing is kept; the number of figures."""
    connection, tables = opened(folder)
    answers = connection.to_pyarrow(measure_wide(metrics(), **tables, dates=[LAST]))
    return len(answers) * len(metrics())


def at_many_dates(folder: Path) -> int:
    """All metrics at 24 dates, range by range of accounts, into files; the number of figures."""
    connection, tables = opened(folder)
    accounts = connection.to_pyarrow(tables["accounts"])["account"].to_pylist()
    return sum(
        measured_range(connection, tables, each, folder / f"answers-{each[0]}.parquet")
        for each in account_ranges(accounts, RANGE)
    )


def measured_range(connection: Any, tables: dict[str, Any], accounts: tuple[str, str], answers: Path) -> int:
    """All metrics of a range of accounts, into a file; the number of figures."""
    own = {name: within(table, accounts) for name, table in tables.items()}
    connection.to_parquet(measure_wide(metrics(), **own, dates=DATES), answers)
    return int(pq.read_metadata(answers).num_rows) * len(metrics())


def timed(work: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Run in a fresh process: seconds, peak memory, answer."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_timed, work, *arguments).result()


def _timed(work: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    start, used = time.perf_counter(), time.process_time()
    answer = work(*arguments)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    figures = {"seconds": seconds, "processor seconds": used, "peak memory GB": peak}
    return {name: round(figure, 2) for name, figure in figures.items()} | {"answer": answer}


def run(folder: Path, activities: int) -> dict[str, Any]:
    """The figures beside their targets."""
    if not (folder / "seen.parquet").exists():
        timed(generate, folder, activities)
    steps = {
        "bare query on activities": timed(bare, folder, "activities"),
        "bare query on the roll-up": timed(bare, folder, "daily"),
        "one date": timed(at_one_date, folder),
        "one date from all days": timed(from_all_days, folder),
        "24 dates": timed(at_many_dates, folder),
    }
    return {"steps": steps, "figures": figures(steps), "targets": TARGETS}


def figures(steps: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Ratios by wall clock and, for a busy machine, by processor time."""
    found: dict[str, float] = {}
    for unit, note in (("seconds", ""), ("processor seconds", " (processor time)")):
        one, many = steps["one date"][unit], steps["24 dates"][unit]
        found[f"one date / bare query{note}"] = one / steps["bare query on activities"][unit]
        found[f"one date / bare query on the roll-up{note}"] = one / steps["bare query on the roll-up"][unit]
        found[f"24 dates / one date{note}"] = many / one
        found[f"24 dates / one date from all days{note}"] = many / steps["one date from all days"][unit]
    found["peak memory GB"] = max(step["peak memory GB"] for step in steps.values())
    return {name: round(figure, 2) for name, figure in found.items()}


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    reader.add_argument("--activities", type=int, default=50_000_000)
    reader.add_argument("--folder", type=Path, help="keep the data here and use it again")
    chosen = reader.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="heed-metrics-"))
    try:
        json.dump(run(folder, chosen.activities), sys.stdout, indent=2, default=str)
        print()
    finally:
        if not chosen.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
