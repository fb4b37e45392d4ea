"""Those who say nothing: bounds, renewals by answer beside statsmodels, and how much is heard."""

import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from heed.evidence.voices import listening_coverage, renewal_by_answer, silent_bounds


def test_the_bounds_are_those_of_the_worst_and_the_best_answers() -> None:
    scores = pd.Series([10] * 120 + [7] * 40 + [3] * 40, dtype=float)
    found = silent_bounds(scores, 800)
    assert found is not None
    assert (found.low, found.high) == (-72, 88)
    effort = silent_bounds(pd.Series([5.0, 5.0]), 2, survey="ces")
    assert effort is not None
    assert (effort.low, effort.high) == (3, 6)
    share = silent_bounds(pd.Series([5.0, 1.0]), 2, survey="csat")
    assert share is not None
    assert (share.low, share.high) == (0.25, 0.75)
    alone = silent_bounds(scores, 0)
    assert alone is not None
    assert alone.low == alone.high == 40
    assert silent_bounds(scores[:0], 0) is None


@pytest.fixture
def renewals() -> pd.DataFrame:
    """97 of 100 who answered renewed, whatever they answered, and 702 of 900 who did not (78 %)."""
    scores = [10.0] * 50 + [8.0] * 20 + [3.0] * 30 + [float("nan")] * 900
    renewed = [True] * 49 + [False] + [True] * 19 + [False] + [True] * 29 + [False]
    return pd.DataFrame({"score": scores, "renewed": [*renewed, *[True] * 702, *[False] * 198]})


def test_those_who_answer_renew_more_often_whatever_they_answer(renewals: pd.DataFrame) -> None:
    found = renewal_by_answer(renewals)
    answered, silent = found.groups
    assert (answered.rate.value, silent.rate.value) == (0.97, 0.78)
    assert (answered.renewed, silent.renewed) == (97, 702)
    assert (silent.rate.low, silent.rate.high) == pytest.approx(proportion_confint(702, 900, method="wilson"))
    assert found.silence.value == pytest.approx(-0.19)
    expected = confint_proportions_2indep(702, 900, 97, 100, method="newcomb")
    assert (found.silence.low, found.silence.high) == pytest.approx(expected)
    assert answered.difference.reason == "this is the group that the others are compared with"


def test_score_bands_are_compared_with_all_who_answered(renewals: pd.DataFrame) -> None:
    found = renewal_by_answer(renewals)
    assert [(band.name, band.renewed, band.rate.n) for band in found.bands] == [
        ("promoters", 49, 50), ("passives", 19, 20), ("detractors", 29, 30),
    ]  # fmt: skip
    assert found.score.value == pytest.approx(49 / 50 - 29 / 30)
    assert found.score.low is not None
    assert found.score.high is not None
    assert found.score.low < 0 < found.score.high
    assert found.bands[0].difference.value == pytest.approx(0.98 - 0.97)


def test_those_never_asked_are_not_called_silent(renewals: pd.DataFrame) -> None:
    asked = renewals["score"].notna() | (renewals.index < 500)
    found = renewal_by_answer(renewals.assign(asked=asked))
    assert [group.name for group in found.groups] == ["answered", "asked, did not answer", "not asked"]
    assert [group.rate.n for group in found.groups] == [100, 400, 500]


def test_groups_without_renewals_are_unknown(renewals: pd.DataFrame) -> None:
    found = renewal_by_answer(renewals[:100])
    assert found.groups[1].rate.reason == "no renewals of this group yet"
    assert found.silence.reason == "no renewals of this group yet"
    nobody = renewal_by_answer(renewals[:0])
    assert nobody.groups[0].rate.value is nobody.score.value is None


def test_bands_of_effort_go_from_easy_to_hard() -> None:
    table = pd.DataFrame({"score": [7.0, 4.0, 3.0], "renewed": [True, True, False]})
    assert [(band.name, band.rate.value) for band in renewal_by_answer(table, survey="ces").bands] == [
        ("easy", 1), ("neither easy nor hard", 1), ("hard", 0),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no score bands for 'ees'"):
        renewal_by_answer(table, survey="ees")
    with pytest.raises(ValueError, match="renewals lacks the column renewed"):
        renewal_by_answer(table[["score"]])


def test_coverage_is_of_accounts_and_of_revenue() -> None:
    table = pd.DataFrame(
        {"heard": [True, True, False, False, False], "revenue": [500.0, 300.0, 50.0, 150.0, None]},
        index=list("abcde"),
    )
    found = listening_coverage(table)
    assert found.accounts.value == 0.4
    assert found.accounts.low == pytest.approx(proportion_confint(2, 5, method="wilson")[0])
    assert (found.revenue.value, found.revenue.n) == (0.8, 4)
    assert found.unheard == ("d", "c", "e")


def test_coverage_without_accounts_or_revenue_is_unknown() -> None:
    nobody = pd.DataFrame({"heard": [], "revenue": []})
    assert listening_coverage(nobody).accounts.reason == "no observations yet"
    free = pd.DataFrame({"heard": [True], "revenue": [0.0]})
    assert listening_coverage(free).revenue.reason == "no recurring revenue is known"
    with pytest.raises(ValueError, match="'a' is there twice"):
        listening_coverage(pd.DataFrame({"heard": [True, True], "revenue": [1, 1]}, index=["a", "a"]))
