"""Measuring against the slow, obvious way: late rows, withdrawn rows, gaps and unknowns, exactly."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heed.evidence.metrics import (
    Metric,
    account_ranges,
    longest_window,
    measure,
    measure_account,
    measure_wide,
    parse_metrics,
    read_metrics,
    within,
)
from tests.evidence.slow_metrics import Contract, Day, Figure, Slow

STARTER = read_metrics((Path(__file__).parents[2] / "src/heed/measures/starter_metrics.toml").read_text())
WORDS = {"name": "n", "sentence": "s", "unit": "u", "direction": "neither"}
BASELINE = {"against": "own_baseline", "windows": 2}
DEFINITIONS: list[dict[str, Any]] = [
    {"activities": ["any"], "aggregate": "count", "window": 1},
    {"activities": ["any"], "except": ["open"], "aggregate": "sum", "window": 7},
    {"activities": ["usage"], "aggregate": "days_active", "window": 150},
    {
        "activities": ["usage", "survey.*"],
        "aggregate": "days_active",
        "window": 30,
        "comparison": BASELINE,
    },
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
HARD = parse_metrics(
    {**WORDS, "key": f"hard_{number}", **definition} for number, definition in enumerate(DEFINITIONS)
)
METRICS = STARTER + HARD
[SUM] = parse_metrics([{**WORDS, "key": "sum", "activities": ["any"], "aggregate": "sum", "window": 90}])

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
    "unknown_on": "date",
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
# One of each way of measuring: a query of all of them takes seconds to write.
SHARED = {
    "active_people",
    "breadth",
    "usage_trend",
    "seats_used",
    "last_nps",
    "response_rate",
    "days_since_usage",
}
SHARED |= {"first_reply_hours", "days_to_renewal", "tenure_days", "hard_2", "hard_4", "hard_9"}
FEW = [metric for metric in METRICS if metric.key in SHARED]
SINCE: dict[str, date | None] = {
    "a": date(2024, 6, 1),
    "b": None,
    "c": date(2025, 9, 1),
    "d": None,
    "e": None,
}
SINCE |= {f"account {number}": None for number in range(12)}


def table(rows: Sequence[Any], kinds: dict[str, str]) -> Any:
    schema = ibis.schema(kinds)
    columns = {name: [getattr(row, name) for row in rows] for name in kinds}
    return ibis.memtable(pa.table(columns, schema=schema.to_pyarrow()), schema=schema)


def expression(
    days: Sequence[Day],
    contracts: Sequence[Contract],
    dates: Sequence[date],
    metrics: Sequence[Metric] = METRICS,
    form: Callable[..., Any] = measure,
    accounts: tuple[str, str] = ("", "~"),
) -> Any:
    known = pa.table(
        {"account": list(SINCE), "since": pa.array(list(SINCE.values()), pa.date32())},
    )
    return form(
        metrics,
        daily=within(table(days, DAILY), accounts),
        accounts=within(ibis.memtable(known, schema=ibis.schema(ACCOUNTS)), accounts),
        contracts=table(contracts, CONTRACTS),
        dates=dates,
    )


Figures = dict[tuple[str, date, str], Figure]


def answers(engine: Any, long: Any) -> Figures:
    rows = engine.to_pyarrow(long).to_pylist()
    found = {
        (row["account"], row["as_of"], row["metric"]): Figure(row["value"], row["n"], row["reason"])
        for row in rows
    }
    assert len(found) == len(rows)
    return found


def slowly(
    days: Sequence[Day],
    contracts: Sequence[Contract],
    dates: Sequence[date],
    metrics: Sequence[Metric] = METRICS,
) -> Figures:
    found: Figures = {}
    for account, since in SINCE.items():
        own = [row for row in days if row.account == account]
        theirs = [row for row in contracts if row.account == account]
        for as_of in dates:
            slow = Slow(as_of, since, own, theirs)
            found |= {(account, as_of, metric.key): slow.measure(metric) for metric in metrics}
    return found


@pytest.fixture(scope="module")
def duck() -> Any:
    return ibis.duckdb.connect()


calm = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)


@calm
@given(st.lists(days(), max_size=60), st.lists(contracts(), max_size=6), dates)
def test_one_date_is_measured_as_the_slow_way_does(
    duck: Any, days: list[Day], contracts: list[Contract], as_of: date
) -> None:
    assert answers(duck, expression(days, contracts, [as_of])) == slowly(days, contracts, [as_of])


@calm
@given(st.lists(days(), max_size=60), st.lists(contracts(), max_size=6), grids)
def test_a_grid_is_measured_as_the_slow_way_does(
    duck: Any, days: list[Day], contracts: list[Contract], grid: list[date]
) -> None:
    assert answers(duck, expression(days, contracts, grid)) == slowly(days, contracts, grid)


def company(seed: int, rows: int = 900) -> tuple[list[Day], list[Contract]]:
    """Many accounts at once: more cases per query than hypothesis can afford to draw."""
    dice = Random(seed)  # noqa: S311
    found = []
    for _ in range(rows):
        day = START + timedelta(days=dice.randint(0, 400))
        known_on = day + timedelta(days=dice.choice([0, 0, 0, 0, 1, 6, 45]))
        value = dice.choice([None, dice.randint(0, 40) / 4])
        n = dice.randint(1, 3)
        found.append(
            Day(
                account=dice.choice(list(SINCE)),
                contact=dice.choice([None, "p", "q", "r", "s"]),
                name=dice.choice(NAMES),
                day=day,
                known_on=known_on,
                unknown_on=known_on + timedelta(days=dice.choice([1, 20, 90]))
                if dice.random() < 0.2
                else None,
                n=n,
                total=(value or 0.0) * n,
                value_n=0 if value is None else n,
                last_at=datetime(day.year, day.month, day.day, dice.randint(0, 23), tzinfo=UTC),
                last_value=value,
            )
        )
    signed = [
        Contract(
            account=dice.choice(list(SINCE)),
            starts_on=(starts_on := START + timedelta(days=dice.randint(-200, 300))),
            ends_on=dice.choice([None, starts_on + timedelta(days=dice.randint(1, 300))]),
            renews_on=dice.choice([None, starts_on + timedelta(days=365)]),
            seats=dice.choice([None, 0, 4, 8]),
            known_on=starts_on + timedelta(days=dice.choice([0, 30])),
        )
        for _ in range(12)
    ]
    return found, signed


def one_by_one(days: Sequence[Day], signed: Sequence[Contract], dates: Sequence[date]) -> Figures:
    """Every account alone, in memory."""
    schema = ibis.schema(DAILY).to_pyarrow()
    found: Figures = {}
    for account, since in SINCE.items():
        own = [row for row in days if row.account == account]
        figures = measure_account(
            METRICS,
            daily=pa.table({name: [getattr(row, name) for row in own] for name in DAILY}, schema=schema),
            since=since,
            contracts=[vars(row) for row in signed if row.account == account],
            dates=dates,
        )
        for key, each in figures.items():
            found |= {(account, f.as_of, key): Figure(f.value, f.n, f.reason) for f in each}
    return found


MONTHS = [date(2025, month, 1) for month in range(2, 13)] + [date(2026, 1, 31)]


@pytest.mark.parametrize("seed", range(2))
def test_a_company_of_many_accounts_is_measured_as_the_slow_way_does(duck: Any, seed: int) -> None:
    days, signed = company(seed)
    found = answers(duck, expression(days, signed, MONTHS))
    assert found == slowly(days, signed, MONTHS)
    known = {figure.reason == "" for figure in found.values()}
    assert known == {True, False}


def test_a_date_alone_is_as_the_same_date_in_a_grid(duck: Any) -> None:
    days, signed = company(5)
    grid = answers(duck, expression(days, signed, MONTHS, FEW))
    alone = answers(duck, expression(days, signed, [MONTHS[7]], FEW))
    assert alone == {key: figure for key, figure in grid.items() if key[1] == MONTHS[7]}


def test_what_is_recorded_after_a_date_changes_nothing_at_it(duck: Any) -> None:
    as_of = date(2025, 8, 1)
    days, signed = company(6)
    later = [row for row in days if row.known_on > as_of]
    withdrawn_later = [row for row in days if row.known_on <= as_of < (row.unknown_on or as_of)]
    assert later
    assert withdrawn_later
    changed = [
        replace(
            row, n=row.n + 5, total=row.total + 9, contact="new", last_value=1.0, value_n=9, unknown_on=None
        )
        for row in later
    ]
    kept = [row for row in days if row.known_on <= as_of]
    kept = [replace(row, unknown_on=None) if row in withdrawn_later else row for row in kept]
    known = [row for row in signed if row.known_on <= as_of]
    for dates in ([as_of], [date(2025, 5, 1), as_of]):
        truth = answers(duck, expression(days, signed, dates, FEW))
        assert answers(duck, expression(kept + changed, known, dates, FEW)) == truth
        assert answers(duck, expression(kept, known, dates, FEW)) == truth


def test_one_account_in_memory_is_measured_as_all_are_by_a_query(duck: Any) -> None:
    dice = Random(2)  # noqa: S311
    days, signed = company(2, rows=3_000)
    uneven = [replace(row, total=row.total + row.value_n * dice.uniform(-1e7, 1e7) / 3) for row in days]
    assert one_by_one(uneven, signed, MONTHS) == answers(duck, expression(uneven, signed, MONTHS))


@settings(calm, max_examples=30)
@given(st.lists(days(), max_size=40), st.lists(contracts(), max_size=6), grids)
def test_one_account_in_memory_is_measured_as_the_slow_way_does(
    days: list[Day], contracts: list[Contract], grid: list[date]
) -> None:
    assert one_by_one(days, contracts, grid) == slowly(days, contracts, grid)


@pytest.mark.parametrize("seed", range(2))
def test_first_and_last_days_kept_apart_do_for_the_days_before_the_windows(duck: Any, seed: int) -> None:
    days, signed = company(seed)
    as_of = MONTHS[-1]
    known = [row for row in days if row.day <= as_of and row.known_on <= as_of < (row.unknown_on or date.max)]
    names = sorted({(row.account, row.name) for row in known})
    spans = [[row.day for row in known if (row.account, row.name) == each] for each in names]
    seen = pa.table(
        {
            "account": [account for account, _ in names],
            "name": [name for _, name in names],
            "first_day": [min(span) for span in spans],
            "last_day": [max(span) for span in spans],
        }
    )
    recent = [row for row in days if row.day > as_of - timedelta(days=longest_window(METRICS))]
    assert len(recent) < len(days)
    found = answers(
        duck, expression(recent, signed, [as_of], form=partial(measure, seen=ibis.memtable(seen)))
    )
    assert found == slowly(days, signed, [as_of])


@pytest.mark.parametrize("dates", [MONTHS[7:8], MONTHS[5:8]])
def test_the_same_rows_in_another_order_or_by_other_threads_give_the_same_bytes(dates: list[date]) -> None:
    dice = Random(10)  # noqa: S311
    days, signed = company(10)
    uneven = [replace(row, total=row.value_n * dice.uniform(-1e6, 1e6) / 3) for row in days]
    found = set()
    for threads in (1, 4):
        dice.shuffle(uneven)
        engine = ibis.duckdb.connect(threads=threads)
        figures = answers(engine, expression(uneven, signed, dates, HARD))
        found.add("\n".join(f"{key} {figure}" for key, figure in sorted(figures.items())))
    assert len(found) == 1
    assert "hard_1" in found.pop()


def test_whole_numbers_and_cents_come_out_as_they_went_in(duck: Any) -> None:
    days, _ = company(11, rows=1)
    for value in (123_456_789_012_345.0, 12_345_678.1, -0.01, 1e15, -1e15):
        row = replace(days[0], name="open", total=value, value_n=1, unknown_on=None)
        figures = answers(duck, expression([row], [], [row.known_on], [HARD[0], HARD[4], SUM]))
        assert figures[row.account, row.known_on, "sum"].value == value


def test_the_wide_form_holds_the_same_figures(duck: Any) -> None:
    days, signed = company(7)
    rows = duck.to_pyarrow(expression(days, signed, MONTHS[:3], FEW, form=measure_wide)).to_pylist()
    wide = {
        (row["account"], row["as_of"], metric.key): Figure(
            row[metric.key], row[f"{metric.key}__n"], row[f"{metric.key}__reason"]
        )
        for row in rows
        for metric in FEW
    }
    assert wide == answers(duck, expression(days, signed, MONTHS[:3], FEW))


def test_ranges_of_accounts_together_are_the_whole(duck: Any) -> None:
    days, signed = company(9)
    dates = MONTHS[3:5]
    ranges = account_ranges(list(SINCE), 7)
    assert [len([each for each in SINCE if first <= each <= last]) for first, last in ranges] == [7, 7, 3]
    whole = duck.to_pyarrow(expression(days, signed, dates, FEW)).num_rows
    parts: Figures = {}
    for each in ranges:
        parts |= answers(duck, expression(days, signed, dates, FEW, accounts=each))
    assert len(parts) == whole
    assert parts == answers(duck, expression(days, signed, dates, FEW))


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one metric and one date"):
        expression([], [], [])
    with pytest.raises(ValueError, match="at least one metric and one date"):
        expression([], [], [START], metrics=[])
    with pytest.raises(ValueError, match="for one date"):
        expression([], [], MONTHS, form=partial(measure, seen=ibis.memtable({"account": ["a"]})))
