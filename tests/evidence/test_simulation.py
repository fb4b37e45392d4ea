"""The simulated company: the same seed gives the same bytes, and what was planted can be found again."""

import hashlib
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import statsmodels.api as sm

from heed.evidence.intervals import wilson
from heed.evidence.metrics import read_metrics
from heed.evidence.simulation import FILES, Effects, Truth, csm_emails, simulate
from heed.evidence.simulation.company import CAPTIVE_SHARE, SILENT_SHARE
from heed.evidence.simulation.words import SAID

END = date(2026, 11, 22)
START = date(2024, 11, 22)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("company")


@pytest.fixture(scope="module")
def truth(folder: Path) -> Truth:
    return simulate(folder, end=END, seed=11, accounts=600, activities=200_000)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("many")


@pytest.fixture(scope="module")
def many(crowd: Path) -> Truth:
    """Enough renewals to tell the planted effects from chance."""
    return simulate(crowd, end=END, seed=3, accounts=6_000, activities=30_000)


def read(folder: Path, name: str) -> pd.DataFrame:
    frame: pd.DataFrame = pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[""])
    return frame


@pytest.fixture(scope="module")
def activities(folder: Path, truth: Truth) -> pd.DataFrame:
    frame: pd.DataFrame = pq.read_table(folder / "activities.parquet").to_pandas()
    return frame


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        simulate(tmp_path / name, end=END, seed=seed, accounts=40, activities=5_000)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert not set(digests(tmp_path / "one").values()) & set(digests(tmp_path / "other").values())


AGAIN = """
import sys
from datetime import date
from pathlib import Path
from heed.evidence.simulation import simulate
simulate(Path(sys.argv[1]), end=date(2026, 11, 22), seed=5, accounts=40, activities=5_000)
"""


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    for name in ("1", "2"):
        command = [sys.executable, "-c", AGAIN, str(tmp_path / name)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": name})
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_it_writes_the_documented_files_and_nothing_of_the_truth(folder: Path, truth: Truth) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    columns = {name for file in folder.glob("*.csv") for name in pd.read_csv(file, nrows=0).columns}
    assert not columns & {"silent", "captive", "liking", "drive", "probability", "arm", "harm"}


def test_counts_come_near_what_was_asked_for(folder: Path, truth: Truth, activities: pd.DataFrame) -> None:
    assert len(read(folder, "accounts")) == 600
    assert len(activities) == truth.activities
    assert abs(truth.activities - 200_000) < 2_000
    assert set(read(folder, "accounts")["owner"]) == set(csm_emails(6))


def test_keys_are_unique_and_names_differ(folder: Path, activities: pd.DataFrame) -> None:
    accounts = read(folder, "accounts")
    assert accounts["key"].is_unique
    assert accounts["name"].is_unique
    assert read(folder, "contacts")["key"].is_unique
    assert read(folder, "contacts")["email"].is_unique
    assert read(folder, "subscriptions")["key"].is_unique
    assert activities["id"].is_unique


def test_nothing_is_known_from_after_the_end(folder: Path, activities: pd.DataFrame) -> None:
    end = pd.Timestamp(END, tz="UTC")
    assert (activities["at"] <= activities["recorded_at"]).all()
    assert (activities["recorded_at"] < end).all()
    assert activities["at"].min() >= pd.Timestamp(START, tz="UTC")
    for name, columns in {
        "tickets": ["opened_at", "first_reply_at", "resolved_at", "closed_at"],
        "interactions": ["at", "recorded_at"],
        "survey_responses": ["invited_at", "at", "recorded_at"],
        "subscriptions": ["recorded_at"],
    }.items():
        frame = read(folder, name)
        for column in columns:
            assert (pd.to_datetime(frame[column], utc=True).dropna() < end).all(), (name, column)


def spans(truth: Truth) -> pd.DataFrame:
    frame: pd.DataFrame = truth.accounts.to_pandas().set_index("key")
    return frame


def test_no_activity_comes_before_its_account(truth: Truth, activities: pd.DataFrame) -> None:
    began = pd.to_datetime(spans(truth)["started_on"].reindex(activities["account"]), utc=True)
    assert (activities["at"].to_numpy() >= began.to_numpy()).all()


def test_those_who_left_fall_silent_but_for_a_last_export(truth: Truth, activities: pd.DataFrame) -> None:
    accounts = spans(truth)
    gone = accounts[accounts["left_on"].notna() & accounts["returned_on"].isna()]
    assert len(gone) > 50
    theirs = activities[activities["account"].isin(gone.index)]
    left = pd.to_datetime(gone["left_on"].reindex(theirs["account"]), utc=True).to_numpy()
    after = theirs[theirs["at"].to_numpy() >= left]
    assert set(after["name"]) == {"data_exported"}
    assert 0 < len(after) < 0.5 * len(gone)
    delay = after["at"].to_numpy() - left[theirs["at"].to_numpy() >= left]
    assert delay.max() <= np.timedelta64(14, "D")


def test_silent_accounts_never_answer_and_hardly_talk(folder: Path, truth: Truth) -> None:
    accounts = spans(truth)
    silent = set(accounts.index[accounts["silent"]])
    answers, tickets, talks = (read(folder, name) for name in ("survey_responses", "tickets", "interactions"))
    invited = answers[answers["account"].isin(silent)]
    assert len(invited) > 500
    assert invited["score"].isna().all()
    assert invited["comment"].isna().all()
    assert tickets[tickets["account"].isin(silent)]["satisfaction"].isna().all()
    assert not (talks[talks["account"].isin(silent)]["direction"] == "inbound").any()
    ratio = talks["account"].isin(silent).sum() / len(silent) / (len(talks) / 600)
    assert ratio < 0.3


def test_weekends_holidays_and_summer_are_quiet_and_quarter_ends_busy(activities: pd.DataFrame) -> None:
    usage = activities[activities["surface"].notna()]
    by_day = usage.groupby(usage["at"].dt.date).size()
    days = pd.to_datetime(pd.Series(by_day.index, index=by_day.index))
    workday = (days.dt.dayofweek < 5).to_numpy()
    typical = by_day[workday].median()
    assert by_day[~workday].median() < 0.25 * typical
    assert by_day[date(2025, 12, 25)] < 0.2 * typical
    summer = ((days.dt.month == 8) & (days.dt.day <= 25)).to_numpy() & workday
    around = days.dt.month.isin([5, 10]).to_numpy() & workday
    assert by_day[summer].median() < 0.85 * by_day[around].median()
    quarter_end = ((days.dt.month == 9) & (days.dt.day >= 23)).to_numpy() & workday
    assert by_day[quarter_end].median() > 1.15 * by_day[days.dt.month.eq(10).to_numpy() & workday].median()


def fit(truth: Truth) -> "sm.Logit":
    decisions = truth.decisions.to_pandas()
    score = 7.6 + 1.8 * decisions["liking"] - 1.2 * decisions["captive"]
    columns = {
        "quarterly": decisions["term"] == 3,
        "yearly": decisions["term"] == 12,
        "outcome": decisions["outcome"],
        "open_harm": decisions["open_harm"],
        "captive": decisions["captive"],
        "score": score,
    }
    return sm.Logit(
        decisions["left"].astype(float), sm.add_constant(pd.DataFrame(columns).astype(float))
    ).fit(disp=False)


def test_outcomes_harm_and_ties_decide_renewals_and_the_score_does_not(many: Truth) -> None:
    result = fit(many)
    intervals = result.conf_int(alpha=0.01)
    for cause, planted in (("outcome", -1.0), ("open_harm", 1.7), ("captive", -2.0), ("score", 0.0)):
        assert intervals.loc[cause, 0] < planted < intervals.loc[cause, 1], cause
    for cause in ("outcome", "open_harm", "captive"):
        assert result.pvalues[cause] < 1e-6
    assert intervals.loc["score", 1] - intervals.loc["score", 0] < 0.3


def fit_of_answers(truth: Truth, folder: Path) -> pd.Series:
    """The interval of what the last answer to "would you recommend us" adds to the odds of leaving."""
    answers = read(folder, "survey_responses").query("survey == 'nps'").dropna(subset=["score"])
    answers = answers.assign(on=pd.to_datetime(answers["at"], utc=True).astype("datetime64[us, UTC]"))
    decisions = truth.decisions.to_pandas()
    decisions["on"] = pd.to_datetime(decisions["on"], utc=True).astype("datetime64[us, UTC]")
    known = pd.merge_asof(
        decisions.sort_values("on"), answers[["account", "on", "score"]].sort_values("on"), "on", by="account"
    ).dropna(subset=["score"])
    columns = known[["outcome", "open_harm", "captive", "score"]].astype(float)
    columns = columns.assign(quarterly=known["term"].eq(3) * 1.0, yearly=known["term"].eq(12) * 1.0)
    result = sm.Logit(known["left"].astype(float), sm.add_constant(columns)).fit(disp=False)
    interval: pd.Series = result.conf_int(alpha=0.01).loc["score"]
    return interval


def test_answers_as_exported_do_not_tell_who_renews_unless_that_is_planted(
    many: Truth, crowd: Path, tmp_path: Path
) -> None:
    low, high = fit_of_answers(many, crowd)
    assert low < 0 < high
    assert high - low < 0.3
    planted = simulate(
        tmp_path, end=END, seed=3, accounts=6_000, activities=30_000, effects=Effects(score=-0.8)
    )
    low, high = fit_of_answers(planted, tmp_path)
    assert high < 0


def day_numbers(column: pd.Series) -> pd.Series:
    """Whole days since the window began."""
    days: pd.Series = (pd.to_datetime(column, utc=True) - pd.Timestamp(START, tz="UTC")).dt.days
    return days


def test_who_answers_depends_on_liking_and_harm_and_not_on_outcomes(many: Truth, crowd: Path) -> None:
    accounts = spans(many)
    accounts = accounts.assign(
        number=range(len(accounts)), gone=day_numbers(accounts["left_on"]).fillna(9_999)
    )
    asked = read(crowd, "survey_responses").assign(day=lambda rows: day_numbers(rows["invited_at"]))
    asked = asked.join(accounts, on="account")
    # Those asked shortly before the end, or before they left, had no time to answer.
    asked = asked[~asked["silent"] & (np.minimum(asked["gone"], 730) - asked["day"] > 20)]
    harms = many.harms.to_pandas()[["account", "on", "until"]]
    harms[["on", "until"]] = harms[["on", "until"]].apply(day_numbers)
    hurt = asked[["id", "account", "day"]].merge(harms, on="account").query("on < day < until")
    month = np.searchsorted(many.window.month_starts, asked["day"], side="right") - 1
    columns = {
        "liking": asked["liking"],
        "harm": asked["id"].isin(hurt["id"]) * 1.0,
        "outcome": many.outcome[asked["number"].to_numpy(), month],
    }
    causes = sm.add_constant(pd.DataFrame(columns))
    intervals = sm.Logit(asked["score"].notna() * 1.0, causes).fit(disp=False).conf_int(alpha=0.01)
    for cause, planted in (("liking", 0.5), ("harm", -0.8), ("outcome", 0.0)):
        assert intervals.loc[cause, 0] < planted < intervals.loc[cause, 1], cause
        assert intervals.loc[cause, 1] - intervals.loc[cause, 0] < 0.3, cause


def test_scores_follow_liking_and_ties_and_not_outcomes(many: Truth, crowd: Path) -> None:
    accounts = spans(many).assign(number=range(6_000))
    answers = read(crowd, "survey_responses").query("survey == 'nps'").dropna(subset=["score"])
    answers = answers.join(accounts[["liking", "captive", "number"]], on="account")
    # In the middle of the scale, where nothing is clipped.
    answers = answers[answers["liking"].between(-1, 0.5)]
    month = np.searchsorted(many.window.month_starts, day_numbers(answers["invited_at"]), side="right") - 1
    causes = {
        "liking": answers["liking"],
        "captive": answers["captive"] * 1.0,
        "outcome": many.outcome[answers["number"].to_numpy(), month],
    }
    fitted = sm.OLS(answers["score"], sm.add_constant(pd.DataFrame(causes))).fit(cov_type="HC1")
    for cause, planted in (("liking", 1.8), ("captive", -1.2), ("outcome", 0.0)):
        assert abs(fitted.params[cause] - planted) < 0.15, cause


def test_as_many_are_silent_and_captive_as_planted(many: Truth) -> None:
    for trait, planted in (("silent", SILENT_SHARE), ("captive", CAPTIVE_SHARE)):
        share = wilson(int(spans(many)[trait].sum()), 6_000, level=0.999)
        assert share.low is not None
        assert share.high is not None
        assert share.low < planted < share.high


def test_only_captive_accounts_say_that_they_cannot_leave(folder: Path, truth: Truth) -> None:
    accounts = spans(truth)
    captive = set(accounts.index[accounts["captive"]])
    for name, column in (("survey_responses", "comment"), ("interactions", "words")):
        told = read(folder, name)
        bound = told[told[column].isin(SAID["captive"])]
        assert len(bound) > 10
        assert set(bound["account"]) <= captive


def test_usage_falls_before_leaving_where_it_is_planted_and_nowhere_else(
    truth: Truth, activities: pd.DataFrame
) -> None:
    accounts = spans(truth)
    gone = accounts[accounts["left_on"].notna()]
    usage = activities[activities["surface"].notna() & activities["account"].isin(gone.index)]
    left = pd.to_datetime(gone["left_on"].reindex(usage["account"]), utc=True).to_numpy()
    before = (left - usage["at"].to_numpy()) / np.timedelta64(1, "D")
    counted = usage.assign(last=(before > 0) & (before <= 28), earlier=(before > 112) & (before <= 140))
    sums = counted.groupby("account")[["last", "earlier"]].sum().join(gone["fades"])
    totals = sums.groupby("fades").sum()
    ratio = totals["last"] / totals["earlier"]
    assert ratio[True] < 0.6
    assert 0.75 < ratio[False] < 1.3


def test_one_in_a_hundred_activities_is_learnt_late(activities: pd.DataFrame) -> None:
    delay = activities["recorded_at"] - activities["at"]
    late = wilson(int((delay >= pd.Timedelta(hours=1)).sum()), len(activities), level=0.999)
    assert late.low is not None
    assert late.high is not None
    assert late.low < 0.01 < late.high
    assert delay.max() <= pd.Timedelta(days=3)


@pytest.mark.parametrize(("play", "works"), [("first report in a week", True), ("monthly digest", False)])
def test_what_a_play_does_shows_in_the_outcomes_as_exported(
    activities: pd.DataFrame, play: str, works: bool
) -> None:
    arms = activities[activities["play"] == play].set_index("account")["arm"]
    measured = activities[(activities["name"] == "outcome.measured") & (activities["at"] > "2026-05-01")]
    way = (measured["value"] - measured["baseline"]) / (measured["target"] - measured["baseline"])
    share = way.groupby(measured["account"]).mean()
    treated, others = (share[share.index.isin(arms.index[arms == arm])] for arm in ("treated", "holdout"))
    effect = treated.mean() - others.mean()
    error = float(np.sqrt(treated.var() / len(treated) + others.var() / len(others)))
    assert error < 0.04
    assert (effect > 3 * error) if works else (abs(effect) < 3 * error)


@pytest.mark.parametrize(("play", "planted"), [("first report in a week", 0.8), ("monthly digest", 0.0)])
def test_a_play_lifts_attainment_by_its_effect_or_not_at_all(many: Truth, play: str, planted: float) -> None:
    arms = many.arms.to_pandas()
    arms = arms[(arms["play"] == play) & (arms["on"] < END - timedelta(days=300))]
    last = many.outcome[arms["number"].to_numpy(), -1]
    treated = (arms["arm"] == "treated").to_numpy()
    effect = last[treated].mean() - last[~treated].mean()
    error = np.sqrt(last[treated].var() / treated.sum() + last[~treated].var() / (~treated).sum())
    assert abs(effect - planted) < 3 * error
    assert error < 0.05


def test_incidents_hit_many_on_one_day_and_open_harm_shows_in_words(folder: Path, truth: Truth) -> None:
    harms = truth.harms.to_pandas()
    assert 0.55 < harms["mended"].mean() < 0.65
    incidents = harms[harms["incident"] >= 0].groupby("incident")
    assert incidents["on"].nunique().eq(1).all()
    assert incidents.size().between(60, 240).all()
    answers = read(folder, "survey_responses").dropna(subset=["comment"])
    sorry = answers[answers["comment"].str.contains("apology|overwritten|charged us twice")]
    asked = sorry.assign(day=pd.to_datetime(sorry["invited_at"]).dt.date)[["id", "account", "day"]]
    theirs = asked.merge(harms, on="account")
    explained = theirs[(theirs["on"] < theirs["day"]) & (theirs["day"] < theirs["until"])]
    assert len(sorry) > 10
    assert set(explained["id"]) == set(sorry["id"])


def test_subscriptions_follow_each_other_and_end_only_where_the_account_left(
    folder: Path, truth: Truth
) -> None:
    periods = read(folder, "subscriptions").sort_values(["account", "starts_on"])
    ended = periods.dropna(subset=["ends_on"])
    assert (ended["ends_on"] > ended["starts_on"]).all()
    assert (periods["amount"] > 0).all()
    following = periods.groupby("account")["starts_on"].shift(-1)
    gap = periods[following.notna() & (periods["ends_on"] != following)]
    accounts = spans(truth)
    assert set(gap["account"]) == set(accounts.index[accounts["returned_on"].notna()])
    last = periods.groupby("account").tail(1).set_index("account")["ends_on"]
    still = accounts["left_on"].isna() | (accounts["returned_on"].notna() & accounts["left_again_on"].isna())
    assert set(last.index[last.isna()]) == set(accounts.index[still])


def test_assignments_are_facts_in_the_stream_and_balanced(activities: pd.DataFrame) -> None:
    assigned = activities[activities["name"] == "play.assigned"]
    assert not assigned.duplicated(["account", "play"]).any()
    chosen = assigned["arm"] == "chosen"
    assert set(assigned["play"][chosen]) == {"executive dinner"}
    assert set(assigned["play"][~chosen]) == {"first report in a week", "monthly digest"}
    assert 0.45 < (assigned["arm"][~chosen] == "treated").mean() < 0.55
    measured = activities[activities["name"] == "outcome.measured"]
    assert measured[["value", "measure", "baseline", "target"]].notna().all().all()


def test_the_company_sends_what_the_starter_metrics_count_by_name(activities: pd.DataFrame) -> None:
    starter = read_metrics((Path(__file__).parents[2] / "src/heed/measures/starter_metrics.toml").read_text())
    usage = {name for metric in starter for name in metric.activities.names if "." not in name}
    assert usage == {"error_seen"}
    assert usage <= set(activities["name"])


def test_it_refuses_more_accounts_than_it_has_names_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than there are names"):
        simulate(tmp_path, end=END, accounts=200_000, activities=10)
