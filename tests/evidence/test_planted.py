"""What is planted in the simulated company to mislead, and what its knobs change: each does what it says,
and leaves all else as it was."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import statsmodels.api as sm

from heed.evidence.simulation import FILES, Effects, Truth, simulate

END = date(2026, 11, 22)
PLAIN = Effects(chosen_plays={}, leaks=())


def company(folder: Path, effects: Effects, accounts: int = 6_000, activities: int = 6_000) -> Truth:
    return simulate(folder, end=END, seed=3, accounts=accounts, activities=activities, effects=effects)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


@pytest.fixture(scope="module")
def truth(folder: Path) -> Truth:
    return company(folder, Effects(null_activities=("newsletter_opened",)))


def activities_in(folder: Path) -> pd.DataFrame:
    frame: pd.DataFrame = pq.read_table(folder / "activities.parquet").to_pandas()
    return frame


@pytest.fixture(scope="module")
def activities(folder: Path, truth: Truth) -> pd.DataFrame:
    return activities_in(folder)


def interval_of(left: "pd.Series[float]", causes: pd.DataFrame, cause: str) -> tuple[float, float]:
    """The 99.9 % interval of one log-odds of a logistic regression."""
    fitted = sm.Logit(left, sm.add_constant(causes.astype(float))).fit(disp=False)
    low, high = fitted.conf_int(0.001).loc[cause]
    return float(low), float(high)


def decisions_of(truth: Truth) -> tuple[pd.DataFrame, pd.DataFrame]:
    decided: pd.DataFrame = truth.decisions.to_pandas()
    causes = decided[["outcome", "open_harm", "captive"]].astype(float)
    return decided, causes.assign(yearly=decided["term"].eq(12) * 1.0, quarterly=decided["term"].eq(3) * 1.0)


def test_what_is_planted_changes_nothing_else(tmp_path: Path) -> None:
    planted = Effects(null_activities=("newsletter_opened",))
    for name, effects in (("with", planted), ("without", PLAIN)):
        company(tmp_path / name, effects, accounts=40, activities=4_000)
    for file in FILES[:-1]:
        assert (tmp_path / "with" / file).read_bytes() == (tmp_path / "without" / file).read_bytes(), file
    more, less = activities_in(tmp_path / "with"), activities_in(tmp_path / "without")
    assert more["at"].is_monotonic_increasing
    assert more["id"].is_unique
    theirs = more["name"].isin({"newsletter_opened", "offboarding_call"}) | (
        more["play"] == "executive dinner"
    )
    assert 20 < theirs.sum() == len(more) - len(less)
    pd.testing.assert_frame_equal(more[~theirs].reset_index(drop=True), less)


def given_the_dinner(activities: pd.DataFrame) -> pd.DataFrame:
    """One row an account that could be given the dinner: given, attained (as exported before), left after."""
    dinner = activities[activities["play"] == "executive dinner"]
    measured = activities[
        (activities["name"] == "outcome.measured") & (activities["at"] < dinner["at"].min().normalize())
    ]
    way = (measured["value"] - measured["baseline"]) / (measured["target"] - measured["baseline"])
    last = way.groupby(measured["account"]).last().rename("attained").to_frame()
    rows: pd.DataFrame = last.assign(given=last.index.isin(dinner["account"]))
    return rows


def test_the_chosen_play_goes_to_those_who_do_well_and_does_nothing(
    truth: Truth, activities: pd.DataFrame
) -> None:
    rows = given_the_dinner(activities)
    day = pd.Timestamp(END) - pd.DateOffset(months=12)
    left = pd.to_datetime(truth.accounts.to_pandas().set_index("key")["left_on"]).reindex(rows.index)
    rows, left = rows[~(left < day)], left[~(left < day)]
    stayed_not = left.notna() * 1.0
    naive = interval_of(stayed_not, rows[["given"]], "given")
    corrected = interval_of(stayed_not, rows[["given", "attained"]], "given")
    assert naive[1] < 0, "it looks as if it kept accounts"
    assert corrected[0] < 0 < corrected[1], "those alike in attainment left alike"
    assert rows["given"].mean() > 0.2
    arms = truth.arms.to_pandas().query("play == 'executive dinner'")
    assert set(arms["arm"]) == {"chosen"}
    assert set(arms["account"]) >= set(rows.index[rows["given"]])


def test_a_play_can_be_chosen_for_those_in_trouble(tmp_path: Path) -> None:
    company(tmp_path, Effects(chosen_plays={"rescue call": -1.6}), accounts=1_000, activities=12_000)
    activities = activities_in(tmp_path).replace({"play": {"rescue call": "executive dinner"}})
    rows = given_the_dinner(activities)
    assert rows["attained"][rows["given"]].mean() < rows["attained"][~rows["given"]].mean() - 0.1


def test_the_leak_is_recorded_after_the_decision_and_before_the_end(
    truth: Truth, activities: pd.DataFrame
) -> None:
    calls = activities[activities["name"] == "offboarding_call"]
    accounts = truth.accounts.to_pandas().set_index("key")
    ends = pd.to_datetime(accounts[["left_on", "left_again_on"]].stack(), utc=True)
    lead = (ends.reset_index(level=1, drop=True).rename("end").to_frame().join(
        calls.set_index("account")["recorded_at"], how="inner"
    ))  # fmt: skip
    days = (lead["end"] - lead["recorded_at"]).dt.days
    assert set(calls["account"]) <= set(accounts.index[accounts["left_on"].notna()])
    assert days[days > 0].groupby(level=0).min().between(29, 88).all()
    assert 0.6 < calls["account"].nunique() / accounts["left_on"].notna().sum() < 0.95


def test_null_activities_happen_to_anyone(truth: Truth, activities: pd.DataFrame) -> None:
    opened = activities[activities["name"] == "newsletter_opened"].groupby("account").size()
    accounts = truth.accounts.to_pandas().set_index("key")
    days = (
        pd.to_datetime(accounts["left_on"]).fillna(pd.Timestamp(END))
        - pd.to_datetime(accounts["started_on"]).clip(lower=pd.Timestamp(truth.window.start))
    ).dt.days
    rate = np.log((opened.reindex(accounts.index).fillna(0) + 0.5) / days.clip(lower=30))
    low, high = interval_of(
        accounts["left_on"].notna() * 1.0, pd.DataFrame({"rate": rate, "days": np.log(days.clip(lower=30))}),
        "rate",
    )  # fmt: skip
    assert low < 0 < high
    assert 1 < opened.sum() / (days.sum() / 30) < 2


def test_causes_change_in_the_second_half_where_that_is_planted(tmp_path: Path) -> None:
    truth = company(tmp_path, Effects(later={"outcome": 0.0, "open_harm": 3.0}))
    decided, causes = decisions_of(truth)
    middle = truth.window.month_starts[truth.window.months // 2]
    late = (pd.to_datetime(decided["on"]) - pd.Timestamp(truth.window.start)).dt.days >= middle
    for cause, first, second in (("outcome", -1.0, 0.0), ("open_harm", 1.7, 3.0)):
        for half, planted in ((~late, first), (late, second)):
            low, high = interval_of(decided["left"][half] * 1.0, causes[half], cause)
            assert low < planted < high, (cause, planted)
            assert high - low < 1.2


def test_leaving_follows_the_seasons_where_that_is_planted(tmp_path: Path) -> None:
    decided, causes = decisions_of(company(tmp_path, Effects(seasonality=0.7)))
    month = pd.to_datetime(decided["on"]).dt.month
    causes = causes.assign(season=np.cos(2 * np.pi * (month - 12) / 12))
    low, high = interval_of(decided["left"] * 1.0, causes, "season")
    assert low < 0.7 < high
    assert low > 0


@pytest.mark.parametrize("planted", [0.0, 1.5])
def test_detractors_stay_silent_where_that_is_planted(tmp_path: Path, planted: float) -> None:
    truth = company(tmp_path, Effects(silent_detractors=planted))
    opinions = truth.opinions.to_pandas().query("survey == 'nps'").set_index("account")
    silent = truth.accounts.to_pandas().set_index("key")["silent"]
    opinions = opinions[~silent.reindex(opinions.index)]
    detractor = opinions["score"] <= 6
    liking = truth.accounts.to_pandas().set_index("key")["liking"].reindex(opinions.index)
    low, high = interval_of(
        opinions["answered"] * 1.0, pd.DataFrame({"detractor": detractor, "liking": liking}), "detractor"
    )
    assert low < -planted < high
    assert high - low < 0.6
    written = pd.read_csv(tmp_path / "survey_responses.csv")
    assert "opinion" not in written
    assert written["score"].notna().sum() == truth.opinions.to_pandas()["answered"].sum()


@pytest.mark.parametrize("accounts", [3, 40])
def test_tiny_companies_are_companies(tmp_path: Path, accounts: int) -> None:
    truth = company(tmp_path, Effects(null_activities=("newsletter_opened",)), accounts, 2_000)
    assert len(pd.read_csv(tmp_path / "accounts.csv")) == accounts
    assert len(activities_in(tmp_path)) == truth.activities > 1_000


def test_only_causes_of_leaving_can_change_later() -> None:
    with pytest.raises(ValueError, match="'plays' is no effect on leaving"):
        Effects(later={"plays": 1.0})
