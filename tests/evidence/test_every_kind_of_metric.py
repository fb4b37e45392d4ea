"""Every kind of metric that the language allows, on rows at the edges of its windows: the query for all
accounts, the reading of one account in memory and the slow, obvious way say the same."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import cycle, product
from random import Random
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heed.evidence.metrics import Metric, MetricError, measure_account, parse_metric
from heed.evidence.metrics import values as why
from heed.evidence.metrics.language import Activities, Aggregate, Fact, Per
from tests.evidence.slow_metrics import Contract, Day, Figure, Slow
from tests.evidence.test_measure import DAILY, answers, calm, expression, slowly

WORDS = {"name": "n", "sentence": "s", "unit": "u", "direction": "neither"}
SELECTIONS: list[dict[str, Any]] = [
    {"activities": ["usage"]},
    {"activities": ["open", "survey.nps"]},
    {"activities": ["survey.*"], "except": ["survey.invited"]},
    {"activities": ["any"], "except": ["open", "case.opened"]},
]
WINDOWS = [1, 7, 28, 63, 64, 365]
FORMS: list[dict[str, Any]] = [
    {},
    {"comparison": {"against": "previous_window"}},
    {"comparison": {"against": "previous_window", "result": "difference"}},
    {"comparison": {"against": "own_baseline", "windows": 3}},
    {"comparison": {"against": "own_baseline", "windows": 2, "result": "difference"}},
    {"per": "seats"},
    {"per": "contract_month"},
    {"per_activities": ["survey.invited"]},
]
KNOWN_BY: list[dict[str, Any]] = [{}, {"known_by": ["survey.*", "save"]}]


def every_kind() -> Iterator[Metric]:
    """Each aggregate in each form that goes with it; selections and windows take turns."""
    selections, windows = cycle(SELECTIONS), cycle(WINDOWS)
    for number, (aggregate, form, known_by) in enumerate(product(Aggregate, FORMS, KNOWN_BY)):
        window = {} if aggregate is Aggregate.DAYS_SINCE_LAST else {"window": next(windows)}
        given = {**WORDS, **next(selections), **window, **form, **known_by}
        with suppress(MetricError):
            yield parse_metric({**given, "key": f"kind_{number}", "aggregate": aggregate.value})
    for fact in Fact:
        yield parse_metric({**WORDS, "key": fact.value, "fact": fact.value})


KINDS = tuple(every_kind())
ANCHORS = [date(2025, 8, 31), date(2025, 9, 1), date(2025, 9, 28), date(2026, 2, 28)]
EDGES = sorted({age for w in WINDOWS for k in range(5) for age in (w * k - 1, w * k, w * k + 1) if age >= 0})
NAMES = ["open", "save", "case.opened", "survey.nps", "survey.ces", "survey.invited"]


def edge_days(dice: Random) -> Day:
    """A row whose day, the day it was learnt and the day it was withdrawn lie at the edges of windows."""
    anchor = dice.choice(ANCHORS)
    day = anchor - timedelta(days=dice.choice(EDGES))
    known_on = max(day, anchor + timedelta(days=dice.choice([-400, -400, -1, 0, 1])))
    unknown_on = dice.choice([None, None, *(each for each in ANCHORS if each > known_on)])
    values, n = dice.choice([0, 0, 1, 2]), dice.randint(1, 3)
    value = dice.randint(-8, 40) / 4
    return Day(
        account=dice.choice(["a", "b", "c"]),
        contact=dice.choice([None, "p", "q"]),
        name=dice.choice(NAMES),
        day=day,
        known_on=known_on,
        unknown_on=unknown_on,
        n=max(n, values),
        total=value * values,
        value_n=values,
        last_at=datetime(day.year, day.month, day.day, dice.randint(0, 3), tzinfo=UTC),
        last_value=value if values else None,
    )


def edge_contracts(dice: Random) -> Contract:
    """A contract that starts, ends, renews, was learnt or was corrected on or beside a date that is asked."""

    def near(*apart: int) -> date:
        return dice.choice(ANCHORS) + timedelta(days=dice.choice(apart))

    starts_on, known_on = near(-400, -30, -1, 0, 1), near(-400, -400, 0, 1)
    return Contract(
        account=dice.choice(["a", "b"]),
        starts_on=starts_on,
        ends_on=dice.choice([None, max(starts_on + timedelta(days=1), near(-20, 0, 1, 90))]),
        renews_on=dice.choice([None, near(-1, 0, 1, 300)]),
        seats=dice.choice([None, 0, 4]),
        known_on=known_on,
        unknown_on=dice.choice([None, *(each for each in ANCHORS if each > known_on)]),
    )


def edges(dice: Random, rows: int, signed: int) -> tuple[list[Day], list[Contract]]:
    return [edge_days(dice) for _ in range(rows)], [edge_contracts(dice) for _ in range(signed)]


def test_each_aggregate_and_form_that_the_language_allows_is_among_them() -> None:
    assert {metric.aggregate for metric in KINDS} == {*Aggregate, None}
    assert {metric.fact for metric in KINDS} == {*Fact, None}
    forms = {(m.aggregate, m.comparison, m.per, bool(m.per_activities), bool(m.known_by)) for m in KINDS}
    assert len(forms) == len(KINDS) - len(Fact) + 1


def rows_of(days: list[Day]) -> pa.Table:
    schema = ibis.schema(DAILY).to_pyarrow()
    return pa.table({name: [getattr(row, name) for row in days] for name in DAILY}, schema=schema)


def alone(days: list[Day], signed: list[Contract], since: date | None) -> dict[tuple[str, date], Figure]:
    figures = measure_account(
        KINDS,
        daily=rows_of(days),
        since=since,
        contracts=[vars(row) for row in signed],
        dates=ANCHORS,
    )
    return {(key, f.as_of): Figure(f.value, f.n, f.reason) for key, each in figures.items() for f in each}


def alone_slowly(
    days: list[Day], signed: list[Contract], since: date | None
) -> dict[tuple[str, date], Figure]:
    then = [Slow(as_of, since, days, signed) for as_of in ANCHORS]
    return {(metric.key, each.as_of): each.measure(metric) for each in then for metric in KINDS}


@settings(calm, max_examples=100)
@given(
    st.randoms(), st.integers(0, 40), st.integers(0, 4), st.sampled_from([None, *ANCHORS, date(2024, 1, 1)])
)
def test_one_account_in_memory_is_as_the_slow_way(
    dice: Random, rows: int, signed: int, since: date | None
) -> None:
    days, contracts = edges(dice, rows, signed)
    assert alone(days, contracts, since) == alone_slowly(days, contracts, since)


@pytest.mark.parametrize("part", range(4))
def test_all_accounts_by_a_query_are_as_the_slow_way(part: int) -> None:
    engine, kinds = ibis.duckdb.connect(), KINDS[part::4]
    days, contracts = edges(Random(part), 300, 8)  # noqa: S311
    for dates in (ANCHORS, ANCHORS[:1]):
        found = answers(engine, expression(days, contracts, dates, kinds))
        assert found == slowly(days, contracts, dates, kinds)
        assert {figure.reason == "" for figure in found.values()} == {True, False}


def test_months_under_contract_leave_out_gaps_and_go_on_over_a_renewal() -> None:
    [metric] = [
        m for m in KINDS if m.per is Per.CONTRACT_MONTH and m.aggregate is Aggregate.COUNT and not m.known_by
    ]
    metric = replace(metric, window=100, activities=Activities(any=True))
    as_of = date(2026, 4, 10)
    day = Day("a", None, "open", as_of, as_of, None, 50, 0.0, 0, datetime(2026, 4, 10, tzinfo=UTC), None)

    def held(*spans: tuple[int, int]) -> float | None:
        """The figure under contracts from so many to so many days ago."""
        signed = [
            Contract("a", as_of - timedelta(begin), as_of - timedelta(end), None, None, date(2025, 1, 1))
            for begin, end in spans
        ]
        figures = measure_account(
            [metric], daily=rows_of([day]), since=None, contracts=list(map(vars, signed)), dates=[as_of]
        )
        assert Slow(as_of, None, [day], signed).measure(metric) == Figure(*figures[metric.key][0][1:])
        return figures[metric.key][0].value

    month = 365.25 / 12
    assert held((9, -1)) == pytest.approx(50 / (10 / month))
    assert held((369, 9), (9, -356)) == pytest.approx(50 / (100 / month))
    assert held((59, 49), (9, -356)) == pytest.approx(50 / (20 / month))
    assert held((59, -1), (40, 20), (9, -1)) == pytest.approx(50 / (60 / month))
    assert held((59, 9)) is None


def test_the_rows_reach_every_reason_to_be_unknown() -> None:
    dice = Random(0)  # noqa: S311
    reasons: set[str] = set()
    for since in (None, *ANCHORS):
        for rows in (0, 10, 40):
            found = alone_slowly(*edges(dice, rows, 3), since)
            reasons |= {figure.reason for figure in found.values()}
    assert reasons == {
        text for name, text in vars(why).items() if name.isupper() and isinstance(text, str)
    } | {""}
