from collections.abc import Sequence

import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from heed.evidence.voices import blind_spots


def accounts(
    left: Sequence[bool], status: Sequence[str | None], usage: Sequence[float | None]
) -> pd.DataFrame:
    keys = [f"ACC-{number:03}" for number in range(len(left))]
    return pd.DataFrame({"left": left, "status": status, "usage": usage}, index=keys)


@pytest.fixture
def example() -> pd.DataFrame:
    """41 churned, of which 32 were green or yellow 90 days before; 59 stayed."""
    status = ["green"] * 20 + ["yellow"] * 12 + ["red"] * 9 + ["green"] * 59
    return accounts([True] * 41 + [False] * 59, status, range(100))


def test_most_churn_was_missed_in_the_published_example(example: pd.DataFrame) -> None:
    found = blind_spots(example, well=("green", "yellow"))
    assert found.missed.value == pytest.approx(0.78, abs=0.001)
    assert (found.missed.low, found.missed.high) == pytest.approx(proportion_confint(32, 41, method="wilson"))
    assert len(found.unseen) == 32
    assert found.unseen[0] == "ACC-000"
    assert blind_spots(example).missed.value == pytest.approx(20 / 41)


def test_usage_is_cut_into_ten_bands_each_with_those_who_left_unseen(example: pd.DataFrame) -> None:
    bands = blind_spots(example).bands
    assert [(band.band, band.accounts) for band in bands] == [(number, 10) for number in range(1, 11)]
    assert [band.left.value for band in bands[:6]] == [1, 1, 1, 1, 0.1, 0]
    assert bands[1].unseen == tuple(f"ACC-{number:03}" for number in range(10, 20))
    assert bands[4].unseen == ()


def test_equal_usage_shares_a_band_and_few_accounts_make_few_bands() -> None:
    flat = blind_spots(accounts([True] * 5 + [False] * 15, ["green"] * 20, [0.0] * 12 + [1.0] * 8))
    assert [band.accounts for band in flat.bands] == [12, 8]
    few = blind_spots(accounts([True, False, False], ["green"] * 3, [1.0, 2.0, 3.0]))
    assert [band.accounts for band in few.bands] == [3]


def test_unknown_usage_and_missing_scores_are_told_apart() -> None:
    table = accounts([True, True, False, True], ["green", None, "red", "red"], [1.0, 2.0, None, None])
    found = blind_spots(table)
    assert (found.missed.value, found.missed.n) == (0.5, 2)
    assert found.without_score == ("ACC-001",)
    assert [(band.band, band.accounts) for band in found.bands] == [(1, 2), (None, 2)]


def test_where_nobody_with_a_score_left_nothing_is_known() -> None:
    found = blind_spots(accounts([False, True], ["green", None], [1.0, 2.0]))
    assert found.missed.reason == "no account with a score has left yet"
    assert blind_spots(accounts([], [], [])).bands == ()


def test_wrong_tables_are_refused(example: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="accounts lacks the column usage"):
        blind_spots(example[["left", "status"]])
    with pytest.raises(ValueError, match=r".ACC-000. is there twice"):
        blind_spots(pd.concat([example, example[:1]]))
