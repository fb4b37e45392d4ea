"""Changes between two waves, beside scipy's and statsmodels' intervals of the same differences."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from heed.evidence.estimate import Estimate
from heed.evidence.voices import change_within, compare_waves, wave_change

PROMOTER, PASSIVE, DETRACTOR = 10, 8, 3


def bounds(change: Estimate) -> tuple[float, float]:
    assert change.low is not None
    assert change.high is not None
    return change.low, change.high


def people(*scores: float) -> "pd.Series[float]":
    return pd.Series(scores, [f"person {number}" for number in range(len(scores))], dtype=float)


def test_the_change_of_nps_has_the_normal_interval_of_two_independent_waves() -> None:
    before = [PROMOTER] * 40 + [PASSIVE] * 40 + [DETRACTOR] * 20
    after = [PROMOTER] * 60 + [PASSIVE] * 30 + [DETRACTOR] * 10
    change = wave_change(before, after)
    assert change.value == 30
    spread = [np.var([100] * up + [0] * flat + [-100] * down) / 100
              for up, flat, down in ((40, 40, 20), (60, 30, 10))]  # fmt: skip
    assert bounds(change) == pytest.approx(
        (30 - 1.959964 * sum(spread) ** 0.5, 30 + 1.959964 * sum(spread) ** 0.5)
    )
    assert change.n == 200


def test_the_change_of_a_share_is_newcombes_as_statsmodels_has_it() -> None:
    change = wave_change([5] * 56 + [2] * 14, [4] * 75 + [1] * 5, survey="csat")
    assert bounds(change) == pytest.approx(confint_proportions_2indep(75, 80, 56, 70, method="newcomb"))
    assert change.value == pytest.approx(75 / 80 - 56 / 70)


def test_the_change_of_effort_is_welchs_as_scipy_has_it() -> None:
    before, after = [3, 4, 5, 5, 6, 7, 2], [5, 6, 7, 7, 6]
    change = wave_change(before, after, survey="ces")
    expected = stats.ttest_ind(after, before, equal_var=False).confidence_interval()
    assert bounds(change) == pytest.approx((expected.low, expected.high))


def test_waves_all_alike_are_not_certain_to_have_changed() -> None:
    for survey, before, after in (("nps", 3, 10), ("csat", 2, 5), ("ces", 2, 6)):
        low, high = bounds(wave_change([before] * 4, [after] * 4, survey=survey))
        assert high - low > 0.3 * abs(high), survey


def test_a_wave_without_answers_has_no_change() -> None:
    assert wave_change([], [9, 10]).reason == "no answers yet"
    assert wave_change([9, 10], []).value is None


def test_people_who_answered_twice_are_compared_with_themselves() -> None:
    before = people(3, 8, 10, 8, 6, 9, 7, 2)
    after = people(8, 9, 10, 8, 9, 10, 8, 3)
    change = change_within(before, after)
    points = np.array([100, 100, 0, 0, 200, 0, 0, 0])
    expected = stats.ttest_1samp(points, 0).confidence_interval()
    assert (change.value, change.n) == (points.mean(), 8)
    assert bounds(change) == pytest.approx((expected.low, expected.high))


def test_pairs_tell_more_than_waves_where_people_differ_and_hardly_change() -> None:
    random = np.random.default_rng(1)
    own = random.integers(1, 6, 60)
    found = compare_waves(people(*own), people(*(own + random.integers(0, 3, 60))), survey="ces")
    assert found.before.n == found.change_within.n == 60
    assert found.change.value == pytest.approx(found.change_within.value)
    wide, narrow = (np.subtract(*bounds(change)[::-1]) for change in (found.change, found.change_within))
    assert narrow < 0.6 * wide


def test_matched_shares_have_agresti_and_mins_interval() -> None:
    """Their example: 1144 pairs, 132 changed one way and 107 the other (Agresti and Min 2005, table 1)."""
    before = people(*[5] * 132, *[2] * 107, *[5] * 905)
    after = people(*[2] * 132, *[5] * 107, *[5] * 905)
    change = change_within(before, after, survey="csat")
    centre, n = (107 - 132) / 1146, 1146
    half = 1.959964 * np.sqrt(132.5 + 107.5 - (132 - 107) ** 2 / n) / n
    assert bounds(change) == pytest.approx((centre - half, centre + half), abs=1e-6)
    assert change.value == pytest.approx(-25 / 1144)


def test_pairs_that_changed_alike_are_bounded_and_few_pairs_are_unknown() -> None:
    same = people(*[9] * 20)
    change = change_within(same, same)
    assert change.value == 0
    assert bounds(change) == pytest.approx((-32.2, 32.2), abs=0.1)
    few = change_within(people(9, 9, 9, 9), same)
    assert few.reason == "4 answered both times, at least 5 are needed"
    assert few.n == 4


def test_missing_values_did_not_answer_and_nobody_answers_twice_in_a_wave() -> None:
    found = compare_waves(people(9, float("nan"), 3), people(9, 9, 9))
    assert (found.before.n, found.after.n, found.change_within.n) == (2, 3, 2)
    twice = pd.Series([9.0, 3.0], ["person 1", "person 1"])
    with pytest.raises(ValueError, match="'person 1' answered twice in one wave"):
        compare_waves(twice, people(9))
    with pytest.raises(ValueError, match="no survey 'mood'"):
        wave_change([9], [9], survey="mood")
