"""A score's record, its curves, and what it says of accounts."""

import json
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heed.evidence.metrics import parse_metrics
from heed.evidence.scoring import (
    SCORE_TEMPLATES,
    HealthScore,
    Override,
    ScoreError,
    explain_score,
    score_accounts,
)
from heed.evidence.scoring.curves import read_curve

TODAY = date(2026, 11, 22)
LOGINS = {"metric": "logins", "weight": 2, "curve": {"kind": "bounded", "worst": 0, "best": 30}}
NPS = {"metric": "nps", "weight": 1, "curve": {"kind": "step", "knots": [7, 9], "points": [0, 50, 100]}}
CASE = {"metric": "severe", "when": "at least", "value": 1, "score": 40}
RECORD: dict[str, Any] = {
    "name": "Health", "version": "4", "parts": [LOGINS, NPS], "caps": [CASE], "missing": "weigh the rest",
    "segments": {
        "small": {
            "parts": [
                {
                    "metric": "logins", "weight": 1,
                    "curve": {"kind": "linear", "knots": [0, 10], "points": [10, 90]},
                }
            ]
        }
    },
}  # fmt: skip


def score(**changes: Any) -> HealthScore:
    return HealthScore.from_record(RECORD | changes)


def points(curve: dict[str, Any], *values: float) -> list[float]:
    return [round(float(each), 6) for each in read_curve(curve, "curve")(np.array(values))]


def test_each_curve_gives_the_points_it_says() -> None:
    assert points({"kind": "step", "knots": [1, 5], "points": [0, 60, 100]}, 0, 1, 4.9, 5) == [0, 60, 60, 100]
    line = {"kind": "linear", "knots": [0, 10, 20], "points": [0, 80, 100]}
    assert points(line, -5, 5, 15, 99) == [0, 40, 90, 100]
    assert points({"kind": "bounded", "worst": 30, "best": 0}, 45, 30, 15, 0, -1) == [0, 0, 50, 100, 100]


def test_a_score_is_the_weighted_mean_of_points_and_capped() -> None:
    values = pd.DataFrame(
        {"logins": [15.0, 30.0, 30.0], "nps": [9.0, 9.0, 6.0], "severe": [0.0, 2.0, np.nan]},
        index=list("abc"),
    )
    found = score_accounts(score(), values, as_of=TODAY)
    assert found["score"].tolist() == pytest.approx([(2 * 50 + 100) / 3, 40, 200 / 3], abs=1e-6)
    assert found["score"]["b"] == 40
    assert found["coverage"].tolist() == [1, 1, 1]
    assert (found["reason"] == "").all()


def test_a_cap_can_hold_a_score_up_and_only_bounds_what_lies_beyond_it() -> None:
    floor = score(caps=[CASE | {"bound": "at least", "score": 60}, CASE | {"value": 2, "score": 30}])
    values = pd.DataFrame({"logins": [0.0, 0.0, 30.0], "nps": [0.0, 0.0, 9.0], "severe": [1.0, 2.0, 1.0]})
    assert score_accounts(floor, values, as_of=TODAY)["score"].tolist() == [60, 30, 100]


def test_what_is_missing_is_unknown_unless_the_record_weighs_the_rest() -> None:
    values = pd.DataFrame({"logins": [30.0, None], "nps": [None, 9.0], "severe": [0, 0]}, index=list("ab"))
    strict = score_accounts(score(missing="unknown"), values, as_of=TODAY)
    assert strict["score"].isna().all()
    assert strict["reason"].tolist() == ["nps is not known", "logins is not known"]
    weighed = score_accounts(score(), values, as_of=TODAY)
    assert weighed["score"]["a"] == 100
    assert weighed["coverage"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert np.isnan(weighed["score"]["b"])
    assert weighed["reason"]["b"] == "logins is not known: only 33% of the weights are, 50% are needed"
    assert score_accounts(score(floor=0.3), values, as_of=TODAY)["score"]["b"] == 100
    nothing = pd.DataFrame({"logins": [None], "nps": [None], "severe": [None]})
    assert "only 0%" in score_accounts(score(floor=0.0), nothing, as_of=TODAY)["reason"][0]


def test_an_infinite_metric_makes_the_score_unknown() -> None:
    values = pd.DataFrame({"logins": [np.inf], "nps": [9.0], "severe": [0.0]})
    found = score_accounts(score(), values, as_of=TODAY)
    assert (np.isnan(found["score"][0]), found["reason"][0]) == (True, "logins is infinite")


def test_a_segment_has_a_variant_of_its_own() -> None:
    values = pd.DataFrame({"logins": [5.0, 5.0], "nps": [9.0, 9.0], "severe": [0, 0]}, index=list("ab"))
    found = score_accounts(score(), values, as_of=TODAY, segments=pd.Series({"a": "small", "b": None}))
    assert found["score"].tolist() == pytest.approx([50, (2 * 5 / 30 * 100 + 100) / 3], abs=1e-5)


def override(**changes: Any) -> Override:
    held: dict[str, Any] = {
        "account": "a", "score": 80, "reason": "new sponsor", "by": "Ada",
        "since": date(2026, 11, 1), "expires_on": date(2026, 11, 22),
    }  # fmt: skip
    return Override(**(held | changes))


def test_an_override_holds_until_its_day_and_not_after() -> None:
    values = pd.DataFrame({"logins": [0.0, None], "nps": [0.0, 1.0], "severe": [0, 0]}, index=list("ab"))
    overrides = [override(), override(account="b", score=55), override(score=70, since=date(2026, 11, 10))]
    found = score_accounts(score(), values, as_of=TODAY, overrides=overrides)
    assert found["score"].tolist() == [70, 55]
    assert found["reason"]["b"] == "new sponsor"
    after = score_accounts(score(), values, as_of=date(2026, 11, 23), overrides=overrides)
    assert after["score"]["a"] == 0
    assert not after["overridden"].any()
    assert not score_accounts(score(), values, as_of=date(2026, 10, 31), overrides=overrides)[
        "overridden"
    ].any()


def test_when_the_last_override_is_over_the_score_is_computed_again_and_none_before_comes_back() -> None:
    values = pd.DataFrame({"logins": [0.0], "nps": [0.0], "severe": [0]}, index=["a"])
    long, short = override(), override(score=55, since=date(2026, 11, 10), expires_on=date(2026, 11, 12))

    def told(day: int) -> tuple[float, bool]:
        found = score_accounts(score(), values, as_of=date(2026, 11, day), overrides=[short, long])
        return found["score"].item(), found["overridden"].item()

    assert [told(day) for day in (9, 10, 12, 13)] == [(80, True), (55, True), (55, True), (0, False)]
    after = explain_score(
        score(), values.iloc[0], account="a", as_of=date(2026, 11, 13), overrides=[long, short]
    )
    assert after.score == 0


def test_an_override_is_the_same_figure_in_the_table_and_in_its_explanation() -> None:
    values = pd.DataFrame({"logins": [3.0], "nps": [8.0], "severe": [0]}, index=["a"])
    told = [override(score=33.3)]
    listed = score_accounts(score(), values, as_of=TODAY, overrides=told)["score"]["a"]
    assert listed == explain_score(score(), values.iloc[0], account="a", as_of=TODAY, overrides=told).score


def test_a_record_comes_back_exactly_and_weights_make_a_new_version() -> None:
    held = score()
    assert HealthScore.from_record(json.loads(json.dumps(held.to_record()))) == held
    assert held.metrics == ("logins", "nps", "severe")
    newer = held.reweighted({"nps": 3}, "5")
    assert (newer.version, [part.weight for part in newer.default.parts]) == ("5", [2, 3])
    assert newer.segments == held.segments


def test_an_old_scores_weights_come_in_from_a_table() -> None:
    old = HealthScore.from_weights("Old", {"usage": 70, "cases": 30}, ranges={"cases": (10, 0)})
    values = pd.DataFrame({"usage": [50.0], "cases": [5.0]})
    assert score_accounts(old, values, as_of=TODAY)["score"][0] == pytest.approx(50)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"parts": [LOGINS | {"weight": "two"}]}, "score.parts[0].weight", "'two' is no number"),
        ({"parts": [LOGINS | {"weight": True}]}, "score.parts[0].weight", "is no number"),
        ({"parts": [LOGINS | {"weight": float("nan")}]}, "score.parts[0].weight", "is no number"),
        ({"parts": [LOGINS | {"weight": -1}]}, "score.parts[0].weight", "turn the curve round"),
        ({"parts": [LOGINS | {"weight": 0}]}, "score.parts", "add up to nothing"),
        ({"parts": []}, "score.parts", "needs a metric at least"),
        ({"parts": [LOGINS, LOGINS]}, "score.parts", "logins is named twice"),
        ({"parts": [NPS | {"metric": " "}]}, "score.parts[0].metric", "is no name"),
        ({"parts": [NPS | {"color": 1}]}, "score.parts[0].color", "known are metric, weight, curve"),
        ({"parts": "all"}, "score.parts", "is no list"),
        ({"caps": [CASE | {"score": 140}]}, "score.caps[0].score", "outside 0 to 100"),
        ({"caps": [CASE | {"when": "over"}]}, "score.caps[0].when", "say above, at least"),
        ({"floor": 50}, "score.floor", "is no share"),
        ({"missing": "zero"}, "score.missing", "weigh the rest"),
        ({"name": ""}, "score.name", "is no name"),
        ({"segments": {"small": {}}}, "score.segments.small.parts", "needs a metric at least"),
        ({"segments": ["small"]}, "score.segments", "no mapping of names"),
    ],
)
def test_a_record_that_cannot_be_used_is_refused_by_field(
    changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ScoreError, match=words) as refused:
        score(**changes)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("curve", "field", "words"),
    [
        ({"kind": "step", "knots": [5, 1], "points": [0, 50, 100]}, "c.knots", "do not increase"),
        ({"kind": "step", "knots": [1, 1], "points": [0, 50, 100]}, "c.knots", "do not increase"),
        ({"kind": "step", "knots": [1], "points": [0]}, "c.points", "a step curve needs 2"),
        ({"kind": "linear", "knots": [1], "points": [0]}, "c.knots", "two knots or more"),
        ({"kind": "linear", "knots": [0, 1], "points": [0, 101]}, "c.points", "outside 0 to 100"),
        ({"kind": "linear", "knots": [], "points": [0]}, "c.knots", "is no list of numbers"),
        ({"kind": "bounded", "worst": 3, "best": 3}, "c", "give two values"),
        ({"kind": "bounded", "worst": 3}, "c.best", "is no number"),
        ({"kind": "curvy"}, "c.kind", "say step, linear or bounded"),
        ("bounded", "c.kind", "is no kind of curve"),
    ],
)
def test_a_curve_that_cannot_be_used_is_refused_by_field(curve: Any, field: str, words: str) -> None:
    with pytest.raises(ScoreError, match=words) as refused:
        read_curve(curve, "c")
    assert refused.value.field == field


def test_a_metric_that_there_is_not_is_refused() -> None:
    with pytest.raises(ScoreError, match="there is no such metric") as refused:
        HealthScore.from_record(RECORD, known=["logins", "nps"])
    assert refused.value.field == "score.severe"
    with pytest.raises(ScoreError, match="no such column"):
        score_accounts(score(), pd.DataFrame({"logins": [1]}), as_of=TODAY)
    with pytest.raises(ScoreError, match="what is no number"):
        score_accounts(score(), pd.DataFrame({"logins": ["many"], "nps": [1], "severe": [0]}), as_of=TODAY)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": " "}, "override.reason"),
        ({"expires_on": date(2026, 10, 1)}, "override.expires_on"),
        ({"score": 101}, "override.score"),
    ],
)
def test_an_override_needs_a_reason_a_day_and_a_score(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ScoreError) as refused:
        override(**changes)
    assert refused.value.field == field


numbers = st.one_of(st.none(), st.floats(-100, 200))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 50), numbers), min_size=1, max_size=6),
    st.floats(0, 100),
    st.sampled_from(["unknown", "weigh the rest"]),
)
def test_parts_add_up_to_the_score_exactly_which_is_that_of_the_table(
    parts: list[tuple[float, float | None]], cap: float, missing: str
) -> None:
    held = HealthScore.from_record({
        "name": "any", "missing": missing, "floor": 0.2,
        "parts": [
            {
                "metric": f"m{place}", "weight": weight + (place == 0),
                "curve": {"kind": "bounded", "worst": 90, "best": 7},
            }
            for place, (weight, _) in enumerate(parts)
        ],
        "caps": [{"metric": "m0", "when": "above", "value": 40, "score": cap}],
    })  # fmt: skip
    row = {f"m{place}": value for place, (_, value) in enumerate(parts)}
    found = explain_score(held, row, as_of=TODAY, account="a")
    table = score_accounts(held, pd.DataFrame([row], dtype=object), as_of=TODAY)
    if found.score is None:
        assert found.reason == table["reason"][0] != ""
        return
    assert found.score == table["score"][0]
    assert 0 <= found.score <= 100
    for order in (found.contributions, found.contributions[::-1]):
        assert sum(part.contribution for part in order) == found.score


@pytest.mark.parametrize("template", SCORE_TEMPLATES, ids=lambda template: template.score.name)
def test_a_template_reads_metrics_that_the_language_knows(template: Any) -> None:
    keys = [metric.key for metric in parse_metrics(template.metrics)]
    template.score.check_metrics(keys)
    assert HealthScore.from_record(template.score.to_record()) == template.score


def test_the_templates_say_what_their_sources_say() -> None:
    thresholds, baseline, drop = (template.score for template in SCORE_TEMPLATES)
    table = pd.DataFrame(
        {
            "days_active": [20.0, 5, 0], "days_since_usage": [1.0, 10, 60],
            "usage_trend": [1.2, 0.5, 0.0], "usage_14_days": [0.8, 0.79, 2.0],
        }
    )  # fmt: skip
    assert score_accounts(thresholds, table, as_of=TODAY)["score"].tolist() == [100, 50, 0]
    assert score_accounts(baseline, table, as_of=TODAY)["score"].tolist() == [100, 37.5, 0]
    assert score_accounts(drop, table, as_of=TODAY)["score"].tolist() == [100, 0, 100]
