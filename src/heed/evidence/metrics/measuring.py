"""All metrics of all accounts at one date or a grid of dates: one expression, run in one pass."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from heed.evidence.metrics.facts import contract_facts
from heed.evidence.metrics.gather import Gathered, gather
from heed.evidence.metrics.language import Metric, Per
from heed.evidence.metrics.values import answer


def measure(
    metrics: Sequence[Metric],
    *,
    daily: ir.Table,
    accounts: ir.Table,
    contracts: ir.Table,
    dates: Sequence[date],
    seen: ir.Table | None = None,
) -> ir.Table:
    """Every metric of every account at every date, from what was known by the end of that date.

    `daily`: the stream's roll-up (account, contact, name, day, known_on, unknown_on, n, total, value_n,
    last_at, last_value). "Never had the activity" means: not in these rows; hand over all of it. For one
    date `seen` (account, name, first_day, last_day: over all days, as the date knew them) answers that
    instead, and `daily` need only hold the last `longest_window(metrics)` days.
    `accounts`: account, since (null: not stated), one row each. `contracts`: see `facts`.
    Answers account, as_of, metric (key), value (float64 or null), n (activities or facts behind it) and
    reason ("" when the value is known). One row per account, date and metric.
    """
    rows, gathered = _rows(metrics, daily, accounts, contracts, dates, seen)
    answers = ibis.array([_answer(metric, rows, gathered) for metric in metrics])
    long = rows.select("as_of", "account", answer=answers).mutate(answer=lambda t: t.answer.unnest())
    return long.unpack("answer")


def measure_wide(
    metrics: Sequence[Metric],
    *,
    daily: ir.Table,
    accounts: ir.Table,
    contracts: ir.Table,
    dates: Sequence[date],
    seen: ir.Table | None = None,
) -> ir.Table:
    """As `measure`, one row per account and date: columns `<key>`, `<key>__n` and `<key>__reason`."""
    rows, gathered = _rows(metrics, daily, accounts, contracts, dates, seen)
    columns: dict[str, Any] = {}
    for metric in metrics:
        value, n, reason = answer(metric, rows, gathered).columns()
        columns |= {metric.key: value, f"{metric.key}__n": n, f"{metric.key}__reason": reason}
    return rows.select("as_of", "account", **columns)


def account_ranges(accounts: Sequence[str], size: int) -> list[tuple[str, str]]:
    """First and last account of runs of at most `size`, in order: a grid of many dates over many accounts is
    measured range by range, so that its memory is bounded; the roll-up is clustered by account, so each
    range reads its own part of the files."""
    ordered = sorted(accounts)
    return [(ordered[k], ordered[min(k + size, len(ordered)) - 1]) for k in range(0, len(ordered), size)]


def within(table: ir.Table, accounts: tuple[str, str]) -> ir.Table:
    """The rows of a range of accounts, ends included."""
    return table.filter(table.account.between(*accounts))


def _answer(metric: Metric, rows: ir.Table, gathered: Gathered) -> Any:
    value, n, reason = answer(metric, rows, gathered).columns()
    return ibis.struct({"metric": ibis.literal(metric.key), "value": value, "n": n, "reason": reason})


def _rows(
    metrics: Sequence[Metric],
    daily: ir.Table,
    accounts: ir.Table,
    contracts: ir.Table,
    dates: Sequence[date],
    seen: ir.Table | None,
) -> tuple[ir.Table, Gathered]:
    """One row per account and date with all that the metrics need."""
    if not metrics or not dates:
        raise ValueError("Nothing to measure: give at least one metric and one date.")
    grid = sorted(set(dates))
    if seen is not None and len(grid) > 1:
        raise ValueError("What was seen is known for one date: leave 'seen' out to measure several.")
    gathered = gather(metrics, daily, accounts, grid, seen)
    rows = accounts.cross_join(ibis.memtable(pa.table({"as_of": pa.array(grid, pa.date32())})))
    covered = [metric.window for metric in metrics if metric.per is Per.CONTRACT_MONTH and metric.window]
    for table in (contract_facts(contracts, grid, covered), *gathered.tables):
        rows = rows.left_join(table, ["account", "as_of"]).drop("account_right", "as_of_right")
    return rows, gathered
