"""Measuring against the slow, obvious way: late rows, withdrawn rows, gaps and unknowns, exactly."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heed.evidence.metrics import Metric, measure, parse_metrics, read_metrics
from tests.evidence.slow_metrics import Contract, Day, Figure, Slow

STARTER = read_metrics((Path(__file__).parents[2] / "src/heed/measures/starter_metrics.toml").read_text())
WORDS = {"name": "n", "sentence": "s", "unit": "u", "direction": "neither"}
BASELINE = {"against": "own_baseline", "windows": 2}
HARD = parse_metrics(
    WORDS | {"key": f"hard_{number}"} | definition
    for number, definition in enumerate(
        [
            {"activities": ["any"], "aggregate": "count", "window": 1},
            {"activities": ["any"], "except": ["open"], "aggregate": "sum", "window": 7},
            {"activities": ["usage"], "aggregate": "days_active", "window": 150},
            {"activities": ["usage", "survey.*"], "aggregate": "days_active", "window": 30, "comparison": BASELINE},
            {"activities": ["open", "survey.nps"], "aggregate": "mean", "window": 20, "comparison": BASELINE},
            {"activities": ["survey.*"], "except": ["survey.nps"], "aggregate": "last", "window": 60},
            {"activities": ["any"], "aggregate": "last", "window": 365},
            {"activities": ["open"], "aggregate": "distinct_contacts", "window": 45},
            {"activities": ["any"], "aggregate": "distinct_names", "window": 10, "comparison": BASELINE},
            {"activities": ["usage"], "aggregate": "count", "window": 90, "per": "contract_month"},
            {"activities": ["survey.nps"], "known_by": ["survey.*"], "aggregate": "count", "window": 30},
            {
                "activities": ["usage"],
                "aggregate": "sum",
                "window": 14,
                "comparison": {"against": "previous_window", "result": "difference"},
            },
            {"fact": "seats"},
        ]
    )
)
METRICS = STARTER + HARD

DAILY = {
    "account": "string",
    "contact": "string",
    "name": "string",
    "day": "date",
    "known_on": "date",
    "unknown_on": "date",
    "n": "int64",
    "total": "float64",
    "value_n": "int64",
    "last_at": "timestamp('UTC', 6)",
    "last_value": "float64",
}
ACCOUNTS = {"account": "string", "since": "date"}
CONTRACTS = {
    "account": "string",
    "starts_on": "date",
    "ends_on": "date",
    "renews_on": "date",
    "seats": "int64",
    "known_on": "date",
}
START = date(2025, 1, 1)
NAMES = ["open", "save", "error_seen", "case.opened", "case.replied", "survey.nps", "survey.csat"]
NAMES += ["survey.invited", "interaction.call", "other.thing"]


@st.composite
def days(draw: st.DrawFn) -> Day:
    day = START + timedelta(days=draw(st.integers(0, 400)))
    known_on = day + timedelta(days=draw(st.sampled_from([0, 0, 0, 1, 5, 40])))
    unknown_after = draw(st.sampled_from([None, None, None, 1, 10, 100]))
    value = draw(st.none() | st.integers(0, 40).map(lambda quarters: quarters / 4))
    n = draw(st.integers(1, 3))
    return Day(
        account=draw(st.sampled_from(["a", "b", "c"])),
        contact=draw(st.sampled_from([None, "p", "q", "r"])),
        name=draw(st.sampled_from(NAMES)),
        day=day,
        known_on=known_on,
        unknown_on=None if unknown_after is None else known_on + timedelta(days=unknown_after),
        n=n,
        total=0.0 if value is None else value * n,
        value_n=0 if value is None else n,
        last_at=datetime(day.year, day.month, day.day, draw(st.integers(0, 23)), tzinfo=UTC),
        last_value=value,
    )


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    starts_on = START + timedelta(days=draw(st.integers(-100, 300)))
    length = draw(st.none() | st.integers(1, 300))
    return Contract(
        account=draw(st.sampled_from(["a", "b"])),
        starts_on=starts_on,
        ends_on=None if length is None else starts_on + timedelta(days=length),
        renews_on=draw(st.none() | st.just(starts_on + timedelta(days=365))),
        seats=draw(st.sampled_from([None, 0, 4, 8])),
        known_on=starts_on + timedelta(days=draw(st.sampled_from([0, 0, 30]))),
    )


dates = st.integers(0, 430).map(lambda days: START + timedelta(days=days))
grids = st.lists(dates, min_size=2, max_size=6, unique=True) | st.builds(
    lambda first, step: [START + timedelta(days=first + step * k) for k in range(6)],
    st.integers(20, 150),
    st.sampled_from([1, 7, 30, 50]),
)
SINCE = {"a": date(2024, 6, 1), "b": None, "c": date(2025, 9, 1)}


def table(rows: Sequence[Any], kinds: dict[str, str]) -> Any:
    schema = ibis.schema(kinds)
    columns = {name: [getattr(row, name) for row in rows] for name in kinds}
    return ibis.memtable(pa.table(columns, schema=schema.to_pyarrow()), schema=schema)


def expression(
    days: Sequence[Day], contracts: Sequence[Contract], dates: Sequence[date], metrics: Sequence[Metric] = METRICS
) -> Any:
    accounts = pa.table(
        {"account": list(SINCE), "since": pa.array(list(SINCE.values()), pa.date32())},
    )
    return measure(
        metrics,
        daily=table(days, DAILY),
        accounts=ibis.memtable(accounts, schema=ibis.schema(ACCOUNTS)),
        contracts=table(contracts, CONTRACTS),
        dates=dates,
    )


Figures = dict[tuple[str, date, str], Figure]


def answers(engine: Any, long: Any) -> Figures:
    rows = engine.to_pyarrow(long).to_pylist()
    found = {
        (row["account"], row["as_of"], row["metric"]): Figure(row["value"], row["n"], row["reason"]) for row in rows
    }
    assert len(found) == len(rows)
    return found


def slowly(days: Sequence[Day], contracts: Sequence[Contract], dates: Sequence[date]) -> Figures:
    found = {}
    for account, since in SINCE.items():
        own = [row for row in days if row.account == account]
        theirs = [row for row in contracts if row.account == account]
        for as_of in dates:
            slow = Slow(as_of, since, own, theirs)
            found |= {(account, as_of, metric.key): slow.measure(metric) for metric in METRICS}
    return found


@pytest.fixture(scope="module")
def duck() -> Any:
    return ibis.duckdb.connect()


calm = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@calm
@given(st.lists(days(), max_size=40), st.lists(contracts(), max_size=4), dates)
def test_one_date_is_measured_as_the_slow_way_does(
    duck: Any, days: list[Day], contracts: list[Contract], as_of: date
) -> None:
    assert answers(duck, expression(days, contracts, [as_of])) == slowly(days, contracts, [as_of])


@calm
@given(st.lists(days(), max_size=40), st.lists(contracts(), max_size=4), grids)
def test_a_grid_is_measured_as_the_slow_way_does(
    duck: Any, days: list[Day], contracts: list[Contract], grid: list[date]
) -> None:
    assert answers(duck, expression(days, contracts, grid)) == slowly(days, contracts, grid)
