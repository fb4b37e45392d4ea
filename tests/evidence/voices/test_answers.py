import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from heed.evidence.estimate import Estimate
from heed.evidence.voices import (
    ces,
    ces_positive,
    csat,
    csat_of_counts,
    ees,
    ees_positive,
    nps,
    nps_of_counts,
)


def test_nps_has_its_golden_interval() -> None:
    score = nps([9, 10] * 50 + [7] * 60 + [0, 6] * 20)
    assert score == nps_of_counts(100, 60, 40)
    assert score.value == 30
    assert score.n == 200
    assert round(score.value - (score.low or 0), 1) == 10.8
    assert round((score.high or 0) - score.value, 1) == 10.8


@given(st.lists(st.integers(0, 10), min_size=2, max_size=300))
def test_nps_is_the_mean_of_its_answers_scored_as_minus_one_zero_and_one(scores: list[int]) -> None:
    score = nps(scores)
    signs = [(answer >= 9) - (answer <= 6) for answer in scores]
    assert score.value is not None
    assert score.value == pytest.approx(100 * sum(signs) / len(signs))
    assert score.low is not None
    assert score.high is not None
    assert -100 <= score.low <= score.value <= score.high <= 100
    assert score.high > score.low


def test_five_promoters_are_not_a_certain_hundred() -> None:
    score = nps([10] * 5)
    assert (score.value, score.high) == (100, 100)
    assert score.low == pytest.approx(100 * (0.5655 - 0.4345), abs=0.1)


def test_csat_is_the_share_satisfied() -> None:
    score = csat([5] * 85 + [3] * 15)
    assert score == csat_of_counts(85, 100)
    assert score.value == 0.85
    assert round(score.low or 0, 3) == 0.767
    assert round(score.high or 0, 3) == 0.907


def test_ces_is_shown_as_mean_and_as_share_positive() -> None:
    answers = [7, 6, 5, 4, 2]
    mean = ces(answers)
    assert mean.value == pytest.approx(4.8)
    low, high = stats.t.interval(0.95, 4, loc=4.8, scale=stats.sem(answers))
    assert mean.low == pytest.approx(low)
    assert mean.high == pytest.approx(min(high, 7))
    assert ces_positive(answers).value == 0.6
    assert ces_positive(answers).n == 5


def test_one_effort_answer_says_no_more_than_the_scale() -> None:
    assert (ces([6]).value, ces([6]).low, ces([6]).high) == (6, 1, 7)


@pytest.mark.parametrize("score", [nps([]), csat([]), ces([]), ces_positive([])])
def test_no_answers_are_unknown(score: Estimate) -> None:
    assert (score.value, score.n, score.reason) == (None, 0, "no answers yet")


@pytest.mark.parametrize(("scores", "figure"), [([11], nps), ([-1], nps), ([0], ces), ([8], ces_positive)])
def test_answers_off_the_scale_are_refused(scores: list[int], figure: object) -> None:
    assert callable(figure)
    with pytest.raises(ValueError, match="answers go from"):
        figure(scores)


def test_employee_effort_is_counted_as_customer_effort_is() -> None:
    answers = [7, 6, 5, 4, 2]
    assert (ees(answers).value, ees(answers).low) == (ces(answers).value, ces(answers).low)
    assert ees_positive(answers).value == 0.6
    assert "EES" in ees(answers).method
    assert ees([]).reason == "no answers yet"
    with pytest.raises(ValueError, match="EES answers go from 1 to 7"):
        ees([8])
