import numpy as np
import pandas as pd
import pytest

from heed.evidence.money.scoring import disagreements, interval_score, score_calls


def calls() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("Ada", "2026Q1", "nrr", 1.05, None, None, None),
            ("model", "2026Q1", "nrr", 0.98, 0.94, 1.02, 0.8),
            ("same as last quarter", "2026Q1", "nrr", 0.85, None, None, None),
            ("Ada", "2026Q2", "nrr", 1.00, None, None, None),
            ("model", "2026Q2", "nrr", 1.01, 0.97, 1.04, 0.8),
            ("Ada", "2026Q3", "nrr", 0.80, None, None, None),
            ("model", "2026Q3", "nrr", 1.00, 0.95, 1.05, 0.8),
        ],
        columns=["caller", "quarter", "about", "value", "low", "high", "level"],
    )


ACTUAL = pd.DataFrame({"quarter": ["2026Q1", "2026Q2"], "about": "nrr", "value": [0.97, 1.06]})


def test_callers_are_scored_on_quarters_that_have_closed_best_first() -> None:
    scores = {score.caller: score for score in score_calls(calls(), ACTUAL).callers}
    assert list(scores) == ["model", "Ada", "same as last quarter"]
    assert scores["Ada"].absolute_error.value == pytest.approx((0.08 + 0.06) / 2)
    assert scores["Ada"].bias.value == pytest.approx((0.08 - 0.06) / 2)
    assert scores["model"].absolute_error.n == 2
    assert scores["Ada"].interval_score.reason == "no interval was given with the calls"
    assert scores["model"].covered.value == 0.5
    assert scores["model"].covered.n == 2


def test_an_interval_score_is_width_plus_ten_times_the_miss_at_80_percent() -> None:
    scores = interval_score(np.array([0.97, 1.06, 0.9]), np.array([0.94] * 3), np.array([1.04] * 3), 0.8)
    np.testing.assert_allclose(scores, [0.1, 0.1 + 10 * 0.02, 0.1 + 10 * 0.04])
    model = score_calls(calls(), ACTUAL).callers[0]
    assert model.interval_score.value == pytest.approx((0.08 + 0.07 + 10 * 0.02) / 2)


def test_disagreements_are_calls_outside_the_models_interval_largest_first() -> None:
    found = disagreements(calls())
    assert found[["caller", "quarter"]].to_numpy().tolist() == [
        ["Ada", "2026Q3"],
        ["same as last quarter", "2026Q1"],
        ["Ada", "2026Q1"],
    ]
    assert found["gap"].to_numpy() == pytest.approx([-0.15, -0.09, 0.03])
    pd.testing.assert_frame_equal(found, score_calls(calls(), ACTUAL).disagreements)


def test_the_last_call_of_a_caller_counts() -> None:
    early = calls().iloc[[0]].assign(value=2.0, on="2026-01-05")
    both = pd.concat([calls().assign(on="2026-02-01"), early])
    scores = {score.caller: score for score in score_calls(both, ACTUAL).callers}
    assert scores["Ada"].absolute_error.value == pytest.approx(0.07)
    with pytest.raises(ValueError, match="several calls"):
        score_calls(both.drop(columns="on"), ACTUAL)


def test_nothing_has_closed_and_calls_without_a_value_are_no_calls() -> None:
    scores = score_calls(calls(), ACTUAL.iloc[:0])
    assert scores.callers == ()
    assert scores.reason == "no quarter that was called has closed yet"
    assert len(scores.lines) == 7
    blank = score_calls(calls().assign(value=None), ACTUAL)
    assert blank.callers == ()


def test_an_actual_of_zero_leaves_the_relative_error_unknown() -> None:
    scores = score_calls(calls(), ACTUAL.assign(value=0.0))
    assert scores.callers[0].relative_error.reason == "an actual figure is 0"
    with pytest.raises(ValueError, match="lacks the column about"):
        score_calls(calls().drop(columns="about"), ACTUAL)
