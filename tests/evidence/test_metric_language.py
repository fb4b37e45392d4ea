import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heed.evidence.metrics import (
    MetricError,
    longest_window,
    parse_metric,
    parse_metrics,
    read_metrics,
    values,
)
from heed.evidence.metrics.kinds import Kinds
from heed.evidence.metrics.language import (
    Activities,
    Against,
    Aggregate,
    Comparison,
    Direction,
    Fact,
    Per,
    Result,
)

ROOT = Path(__file__).parents[2]
STARTER = read_metrics((ROOT / "src/heed/measures/starter_metrics.toml").read_text())
GOOD: dict[str, Any] = {
    "key": "people",
    "name": "People",
    "sentence": "people active in the last 28 days",
    "activities": ["usage", "survey.*", "case.opened"],
    "except": ["survey.invited"],
    "aggregate": "distinct_contacts",
    "window": 28,
    "unit": "people",
    "direction": "up_is_good",
}


def test_a_definition_becomes_typed() -> None:
    metric = parse_metric(GOOD)
    assert metric.activities == Activities(
        ("case.opened",), ("survey.",), usage=True, left_out=("survey.invited",)
    )
    assert (metric.aggregate, metric.window, metric.direction) == (
        Aggregate.DISTINCT_CONTACTS,
        28,
        Direction.UP_IS_GOOD,
    )
    assert metric.version == 1


def test_comparisons_and_divisors_are_read() -> None:
    metric = parse_metric(GOOD | {"comparison": {"against": "own_baseline", "windows": 3}})
    assert metric.comparison == Comparison(Against.OWN_BASELINE, 3, Result.RATIO)
    assert longest_window([metric]) == 112
    assert parse_metric(GOOD | {"per": "seats"}).per is Per.SEATS
    previous = parse_metric(GOOD | {"comparison": {"against": "previous_window", "result": "difference"}})
    assert previous.comparison == Comparison(Against.PREVIOUS_WINDOW, 1, Result.DIFFERENCE)


def test_a_fact_needs_no_activities() -> None:
    words = {name: GOOD[name] for name in ("key", "name", "sentence", "unit", "direction")}
    assert parse_metric(words | {"fact": "days_to_renewal"}).fact is Fact.DAYS_TO_RENEWAL


@pytest.mark.parametrize(
    ("change", "field", "advice"),
    [
        ({"window": 0}, "window", "a whole number from 1 to 365"),
        ({"window": 366}, "window", "a whole number from 1 to 365"),
        ({"window": "28"}, "window", "a whole number from 1 to 365"),
        ({"window": True}, "window", "a whole number from 1 to 365"),
        ({"window": None}, "window", "is missing"),
        ({"aggregate": "median"}, "aggregate", "choose one of count, sum, mean"),
        ({"aggregate": ["count"]}, "aggregate", "choose one of count, sum, mean"),
        ({"direction": "up"}, "direction", "choose one of up_is_good"),
        ({"activities": "usage"}, "activities", "give a list"),
        ({"activities": []}, "activities", "unset_reason"),
        ({"activities": ["sur*"]}, "activities", "a family such as 'survey.*'"),
        ({"sentence": " "}, "sentence", "plain words"),
        ({"unit": 3}, "unit", "must be text"),
        ({"name": "n" * 121}, "name", "use at most 120"),
        ({"activities": [], "unset_reason": "r" * 101}, "unset_reason", "use at most 100"),
        ({"key": "Active People"}, "key", "lower-case"),
        ({"colour": "red"}, "colour", "is no field"),
        ({"fact": "seats"}, "activities", "does not go with a fact"),
        ({"aggregate": "days_since_last"}, "window", "leave it out"),
        ({"aggregate": "last", "comparison": {"against": "previous_window"}}, "comparison", "leave it out"),
        ({"comparison": {"against": "friends"}}, "comparison.against", "previous_window, own_baseline"),
        ({"comparison": {"against": "own_baseline"}}, "comparison.windows", "a whole number from 1 to 12"),
        ({"comparison": {"against": "previous_window", "windows": 2}}, "comparison.windows", "own_baseline"),
        ({"comparison": {"against": "own_baseline", "of": 3}}, "comparison.of", "is unknown"),
        ({"comparison": 3}, "comparison", "must be a table"),
        ({"per": "case"}, "per", "seats, contract_month"),
        ({"per": "seats", "per_activities": ["any"]}, "per", "keep one of them"),
        ({"per_activities": ["any"]}, "per_activities", "use aggregate = 'count'"),
        ({"aggregate": "count", "per_activities": []}, "per_activities", "is empty"),
        ({"aggregate": "mean", "per": "seats"}, "per", "does not go with mean"),
        ({"known_by": []}, "known_by", "is empty"),
        ({"aggregate": "last", "known_by": ["any"]}, "known_by", "leave it out"),
        ({"version": 0}, "version", "a whole number"),
    ],
)
def test_an_unusable_definition_is_refused_by_field(change: dict[str, Any], field: str, advice: str) -> None:
    with pytest.raises(MetricError, match=re.escape(advice)) as refused:
        parse_metric(GOOD | change)
    assert f"field '{field}'" in str(refused.value)
    assert "metric '" in str(refused.value)


def test_two_definitions_with_one_key_are_refused() -> None:
    with pytest.raises(MetricError, match="'people' is defined twice"):
        parse_metrics([GOOD, GOOD])


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "per", "fact", "x"]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_nothing_but_a_metric_error_comes_out_of_nonsense(change: dict[str, Any]) -> None:
    with suppress(MetricError):
        assert parse_metric(GOOD | change).key


names = st.sampled_from(
    ["usage", "any", "open", "case.opened", "case.*", "survey.*", "survey.nps", "survey.nps.*"]
)
selections = st.builds(
    lambda chosen, left_out: parse_metric(GOOD | {"activities": chosen, "except": left_out}).activities,
    st.lists(names, min_size=1, max_size=4),
    st.lists(st.sampled_from(["open", "survey.nps", "case.closed"]), max_size=2),
)
seen = [
    "open",
    "save",
    "case.opened",
    "case.closed",
    "survey.nps",
    "survey.nps.late",
    "survey.ces",
    "survey",
    "a.b",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(selections, min_size=1, max_size=4), st.sampled_from(seen))
def test_names_of_one_kind_are_wanted_by_the_same_selections(chosen: list[Activities], name: str) -> None:
    kinds = Kinds.of(chosen)
    kind = kinds.column(ibis.literal(name)).execute()
    for each in chosen:
        assert each.match(name) == (kind in kinds.of_selection(each))
    if kind in range(len(kinds.signatures)):
        assert kinds.may_match(ibis.literal(name)).execute()


def test_every_starter_metric_is_documented_with_its_window() -> None:
    page = (ROOT / "docs/reference/metrics.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (\d+|-) \|$", page, re.MULTILINE))
    assert rows == {metric.key: str(metric.window or "-") for metric in STARTER}


def test_every_starter_metric_says_what_to_beware_of_and_who_answers_for_it() -> None:
    assert len(STARTER) >= 20
    assert all(metric.caveat and metric.owner for metric in STARTER)
    assert [metric.key for metric in STARTER if metric.unset_reason] == ["key_activities"]


def test_every_reason_is_documented() -> None:
    page = (ROOT / "docs/reference/metrics.md").read_text().replace("so far / in the window", "so far")
    reasons = [text for name, text in vars(values).items() if name.isupper() and isinstance(text, str)]
    assert len(reasons) >= 13
    assert [text for text in reasons if text.replace(" in the window", "") not in page] == []
