"""Verdicts where the truth is known, on planted leaks, and on what no verdict can be made of."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from heed.evidence.cards import Verdict, metric_verdict, verdicts
from heed.evidence.cards.gain import Folds, ridge_logistic
from heed.evidence.cards.rows import read_rows

N = 600


def outcome(seed: int = 1, n: int = N, share: float = 0.25) -> Any:
    return (np.random.default_rng(seed).random(n) < share).astype(float)


def noise(seed: int = 2, n: int = N) -> Any:
    return np.random.default_rng(seed).normal(size=n)


def verdict(values: Any, y: Any = None, **changes: Any) -> Verdict:
    y = outcome() if y is None else y
    given: dict[str, Any] = {"accounts": np.arange(len(y)), "horizon": 90} | changes
    return metric_verdict(values, y, **given)


def test_a_metric_that_separates_predicts_and_adds_to_the_clock() -> None:
    y = outcome()
    found = verdict(noise() + y, y)
    assert found.verdict == "predicts"
    assert found.reason == "those with higher values leave more; it adds to what the clock knows"
    assert found.more_leave == "higher"
    assert (found.agreeing, found.folds) == (5, 5)
    assert (found.gain.low or 0) > 0
    assert sum(band.n for band in found.bands) == N
    assert verdict(-noise() - y, y).more_leave == "lower"


def test_a_metric_of_noise_does_not_where_enough_left_and_cannot_tell_where_not() -> None:
    y = outcome(n=3000)
    found = verdict(noise(n=3000), y)
    assert (found.verdict, found.equivalence) == ("does not", 0.1)
    assert "0.40 to 0.60" in found.reason
    few = verdict(noise(3, 120), outcome(n=120))
    assert few.verdict == "cannot tell"
    assert few.detectable_auc is not None
    assert f"only an AUC of {few.detectable_auc:.2f} or more" in few.reason
    assert few.detectable_odds_ratio == pytest.approx(2, abs=0.5)


@pytest.mark.parametrize(("seed", "word", "reason"), [
    (7, "does not", "its AUC lies within 0.40 to 0.60 (two tests at 5 %)"),
    (0, "cannot tell", "with 63 that left while it was known, only an AUC of 0.60 or more"),
])  # fmt: skip
def test_two_tests_at_5_per_cent_decide_that_a_metric_is_of_no_use(seed: int, word: str, reason: str) -> None:
    random = np.random.default_rng(seed)
    y, values = (random.random(380) < 0.25).astype(float), (random.random(380) < 0.5).astype(float)
    found = verdict(np.where(random.random(380) < 0.3, np.nan, values), y)
    # The 95 % interval reaches beyond the bound in both.
    assert not 0.4 < (found.auc.low or 0) < (found.auc.high or 1) < 0.6
    assert found.verdict == word
    assert reason in found.reason
    if word == "cannot tell":
        assert (found.known_left, found.left, found.auc.n, found.n) == (63, 88, 267, 380)


def test_a_trace_that_is_sure_and_tiny_does_not_predict() -> None:
    y = outcome(n=40_000)
    found = verdict(noise(n=40_000) + 0.08 * y, y)
    assert found.p_value is not None
    assert found.p_value < 0.001
    assert (found.verdict, found.reason[:18]) == ("does not", "there is a trace (")


def test_what_the_clock_knows_already_adds_nothing_to_it() -> None:
    random = np.random.default_rng(3)
    odds = random.normal(-1, 1.2, 1500)
    y = (random.random(1500) < 1 / (1 + np.exp(-odds))).astype(float)
    found = verdict(odds + random.normal(0, 0.5, 1500), y, clock=odds)
    assert found.verdict == "predicts"
    assert "is not shown" in found.reason
    assert verdict(odds, y, clock=random.normal(size=1500)).reason.endswith("it adds to what the clock knows")
    frame = pd.DataFrame({"tenure": odds, "term": np.where(random.random(1500) < 0.1, np.nan, 1.0)})
    assert "is not shown" in verdict(odds, y, clock=frame).reason


def test_whether_there_is_a_value_can_be_what_tells() -> None:
    y = outcome()
    silent = np.random.default_rng(5).random(N) < np.where(y == 1, 0.6, 0.2)
    found = verdict(np.where(silent, np.nan, noise()), y)
    assert found.verdict == "predicts"
    assert "those without one leave more" in found.reason
    assert (found.missing_auc.low or 0) > 0.5
    assert found.bands[-1].low is None


def test_what_lies_far_from_its_middle_can_be_what_tells() -> None:
    y = outcome(n=1500)
    found = verdict(noise(n=1500) * np.where(y == 1, 3, 1), y)
    assert found.verdict == "predicts"
    assert "far from its middle" in found.reason


def test_a_direction_that_turns_with_time_is_no_prediction() -> None:
    y = outcome(n=3000)
    month = np.repeat(np.arange(10), 300)
    values = noise(n=3000) + y * np.where(month < 4, 1.6, -0.35)
    found = verdict(values, y, landmarks=month * 30)
    assert found.verdict == "cannot tell"
    assert "its direction holds in only 2 of 5 parts" in found.reason


def test_a_copy_of_the_outcome_raises_the_alarm() -> None:
    y = outcome(n=200)
    found = verdict(y + noise(n=200) / 50, y)
    assert found.verdict == "leak alarm"
    assert found.reason.startswith("its AUC is 1.000")
    assert found.q_value is None


def test_few_that_left_raise_no_alarm_by_chance() -> None:
    y = np.r_[np.ones(10), np.zeros(60)]
    found = verdict(np.r_[np.linspace(5, 6, 10), np.linspace(0, 4, 60)], y)
    assert found.auc.value == 1
    assert found.verdict == "cannot tell"
    assert "too good to be true, and only 10 left" in found.reason


@pytest.mark.parametrize("landmarks", [1, 6])
def test_a_copy_of_the_outcome_is_never_praised_however_few_left(landmarks: int) -> None:
    for seed in range(25):
        random = np.random.default_rng(seed)
        y = np.repeat((random.random(100) < 0.15).astype(float), landmarks)
        found = verdict(
            y + 0.1 * random.normal(size=len(y)), y, accounts=np.repeat(np.arange(100), landmarks)
        )
        assert found.verdict in ("leak alarm", "cannot tell")


def test_an_answer_that_only_those_that_left_gave_raises_the_alarm() -> None:
    y = outcome()
    answered = (y == 1) & (np.random.default_rng(6).random(N) < 0.9)
    found = verdict(np.where(answered, np.random.default_rng(7).integers(0, 11, N), np.nan), y)
    assert found.verdict == "leak alarm"
    assert "of those with a value" in found.reason
    few = (y == 1) & (np.random.default_rng(6).random(N) < 0.99)
    found = verdict(np.where(few | (np.arange(N) < 1), 5.0, np.nan), y)
    assert found.reason.startswith("the AUC of whether there is a value is 0.9")


def test_an_honest_metric_of_auc_90_seldom_raises_the_alarm() -> None:
    alarms = 0
    for seed in range(60):
        y = outcome(seed, 80)
        alarms += verdict(noise(seed + 100, 80) + 1.81 * y, y, seed=seed).verdict == "leak alarm"
    assert alarms <= 3


def test_a_level_at_which_nobody_stayed_raises_the_alarm_below_the_auc_too() -> None:
    y = outcome(n=2000)
    copied = (y == 1) & (np.random.default_rng(8).random(2000) < 0.5)
    found = verdict(np.where(copied, 1.0, np.random.default_rng(9).integers(2, 6, 2000)), y)
    assert found.verdict == "leak alarm"
    assert "of those at 1 or less" in found.reason


def written(y: Any, days: Any) -> dict[str, Any]:
    left_on = pd.Series(pd.Timestamp("2026-05-01"), index=range(len(y))).where(y == 1)
    return {
        "outcome_at": left_on,
        "recorded_at": pd.Timestamp("2026-05-01") + pd.to_timedelta(days, unit="D"),
    }


def test_values_written_after_the_outcome_raise_the_alarm_however_little_they_tell() -> None:
    y = outcome()
    found = verdict(noise(), y, **written(y, np.full(N, 3)))
    left = int(y.sum())
    assert found.verdict == "leak alarm"
    assert found.reason.startswith(f"{left} of {left} values of those that left were written after")
    assert verdict(noise(), y, **written(y, np.full(N, -3))).verdict != "leak alarm"
    assert verdict(
        [1.0] * 5, [1, 0, 0, 1, 1], **written(np.array([1, 0, 0, 1, 1]), np.full(5, 3))
    ).verdict == ("leak alarm")


def test_a_value_written_on_the_day_of_leaving_is_not_written_after_it() -> None:
    y = outcome()
    assert verdict(noise(), y, **written(y, np.full(N, 0.7))).verdict != "leak alarm"
    assert verdict(noise(), y, **written(y, np.full(N, 1.7))).verdict == "leak alarm"


def test_dates_of_any_kind_and_a_clock_with_gaps_are_read() -> None:
    y = outcome()
    days = [day.date() for day in pd.date_range("2026-01-01", periods=N // 10, freq="7D") for _ in range(10)]
    clock = pd.DataFrame({"tenure": np.where(np.arange(N) % 7, 1.5, np.nan), "term": np.full(N, np.nan)})
    found = verdict(noise() + y, y, landmarks=days, clock=clock)
    assert found.verdict == "predicts"
    assert "forward in time" in found.gain.method
    assert verdict(noise() + y, y, landmarks=pd.DatetimeIndex(days, tz="UTC"), clock=clock).gain == found.gain


def test_two_metrics_of_one_name_are_refused() -> None:
    table = pd.DataFrame(np.ones((N, 2)), columns=["logins", "logins"])
    with pytest.raises(ValueError, match="Two metrics are named 'logins'"):
        verdicts(table, outcome(), accounts=np.arange(N), horizon=90)


def test_one_value_written_late_is_left_out_and_said() -> None:
    y = outcome()
    late = np.flatnonzero(y == 1)[0]
    days = np.full(N, -3)
    days[late] = 9
    found = verdict(noise(), y, **written(y, days))
    assert (found.verdict != "leak alarm", found.n) == (True, N - 1)
    assert "written at a wrong time: 1" in found.notes[0]


def test_values_written_before_what_they_measure_began_raise_the_alarm() -> None:
    y = outcome()
    found = verdict(noise(), y, recorded_at=np.full(N, 10), started_at=np.where(np.arange(N) < 60, 20, 5))
    assert found.reason.startswith("60 of 600 values were written before what they measure had begun")


@pytest.mark.parametrize(
    ("values", "y", "reason"),
    [
        (noise(), np.zeros(N), "no account has left yet"),
        (noise(), np.r_[np.ones(5), np.zeros(N - 5)], "only 5 left so far, at least 10 are needed"),
        ([1.0, 2.0, 3.0], [1, 0, 0], "only 1 left so far, at least 10 are needed"),
        (np.full(N, 4.0), outcome(), "it never varies: it is 4 for everybody"),
        (np.full(N, np.nan), outcome(), "it is missing for everybody"),
        (np.r_[np.inf, noise()[1:]], outcome(), "infinite values: 1; correct them where they are made"),
        (
            np.r_[np.full(N - 12, np.nan), noise()[:12]],
            np.r_[np.ones(300), np.zeros(300)],
            "among those with a value, no account has left yet",
        ),
    ],
)
def test_what_nothing_can_be_told_of_cannot_tell_and_says_why(values: Any, y: Any, reason: str) -> None:
    found = verdict(values, np.asarray(y, dtype=float))
    assert (found.verdict, found.auc.value) == ("cannot tell", None)
    assert found.reason.startswith(reason)
    assert Verdict.from_record(json.loads(json.dumps(found.to_record()))) == found


def test_what_five_that_left_answered_is_never_said_not_to_predict() -> None:
    """Whether they answered tells nothing, and is known of everybody; what they answered is known of five."""
    random = np.random.default_rng(1)
    y = (random.random(800) < 0.1).astype(float)
    answers = np.clip(np.round(8 - 4 * y + random.normal(0, 1.5, 800)), 0, 10)
    found = verdict(np.where(random.random(800) < 0.09, answers, np.nan), y)
    assert (found.known, found.known_left) == (72, 5)
    assert found.verdict == "cannot tell"
    assert found.reason == "among those with a value, only 5 left so far, at least 10 are needed"
    # A mark that is the same wherever it is has no height: whether it is there is all that it tells.
    marked = verdict(np.where(random.random(800) < 0.5, 1.0, np.nan), y)
    assert (marked.verdict, marked.auc.value) == ("does not", None)


def test_repeated_rows_make_nothing_surer() -> None:
    y = outcome()
    values = noise() + 0.4 * y
    once = verdict(values, y)
    again = verdict(np.tile(values, 3), np.tile(y, 3), accounts=np.tile(np.arange(N), 3))
    assert again.p_value == once.p_value
    assert "repeat another exactly" in again.notes[0]


def test_many_metrics_are_allowed_for() -> None:
    y = outcome(n=400)
    random = np.random.default_rng(11)
    table = pd.DataFrame({f"null {number}": random.normal(size=400) for number in range(40)})
    table["real"] = random.normal(size=400) + y
    table["leak"] = y
    found = {each.name: each for each in verdicts(table, y, accounts=np.arange(400), horizon=90)}
    assert [name for name, each in found.items() if each.verdict == "predicts"] == ["real"]
    assert sum((each.p_value or 1) <= 0.05 for name, each in found.items() if "null" in name) >= 1
    assert found["leak"].verdict == "leak alarm"
    alone = metric_verdict(table["real"], y, accounts=np.arange(400), horizon=90)
    assert alone.p_value == found["real"].p_value
    assert (found["real"].q_value or 0) == pytest.approx((alone.p_value or 0) * 41)
    by = verdicts(table, y, accounts=np.arange(400), horizon=90, control="Benjamini-Yekutieli")
    assert (by[40].q_value or 0) > (found["real"].q_value or 0)


def test_one_find_of_chance_among_many_is_said_to_be_one() -> None:
    y = outcome(n=400)
    random = np.random.default_rng(11)
    table = pd.DataFrame({f"null {number}": random.normal(size=400) for number in range(40)})
    found = verdicts(table, y, accounts=np.arange(400), horizon=90)
    lucky = min(found, key=lambda each: each.p_value or 1)
    assert (lucky.p_value or 1) < 0.05
    assert "among so many metrics chance brings such ones" in lucky.reason


def test_forward_folds_keep_an_embargo_as_long_as_the_horizon() -> None:
    month = np.repeat(pd.date_range("2026-01-01", periods=10, freq="30D"), 50)
    y = outcome(n=500)
    rows = read_rows(y, noise(n=500), np.arange(500), month, "metric")
    splits = list(Folds.of(rows, 60, 0).splits())
    assert splits
    for past, later in splits:
        if past.any():
            assert month[past].max() + pd.Timedelta(days=60) <= month[later].min()


def test_the_learner_of_the_gain_is_the_ridge_of_scikit_learn() -> None:
    y = outcome()
    features = np.column_stack([np.ones(N), noise() + y, noise(9)])
    pinned = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(features[:, 1:], y)
    assert ridge_logistic(features, y) == pytest.approx(np.r_[pinned.intercept_, pinned.coef_[0]], abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": 0}, "above 0 days"),
        ({"equivalence": 0.6}, "between 0 and .5"),
        ({"recorded_at": [1]}, "'recorded_at' has 1 entries"),
        ({"recorded_at": ["soon"] * N}, "'recorded_at' holds what is no date"),
        ({"clock": ["a"] * N}, "'clock' holds what is no number"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verdict(noise(), **changes)


DATA = Path(os.environ.get("HEED_DATA") or Path(__file__).parents[3].parent / "shared" / "data")


def public(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"{DATA / name} is absent. Name the folder of the public data sets by HEED_DATA.")
    return DATA / name


@pytest.mark.real_data
def test_the_satisfaction_of_telco_is_alarmed_and_its_tenure_is_not() -> None:
    folder = public("telco-churn-ibm-11-1-3")
    status = pd.read_csv(folder / "status.csv.gz")
    services = pd.read_csv(folder / "services.csv.gz")
    table = pd.DataFrame({"score": status["Satisfaction Score"], "tenure": services["Tenure in Months"]})
    score, tenure = verdicts(table, status["Churn Value"], accounts=status["Customer ID"], horizon=90)
    assert score.verdict == "leak alarm"
    assert "of those at 2 or less, 1440 of 1440 left" in score.reason
    assert tenure.verdict == "predicts"


@pytest.mark.real_data
def test_the_usage_of_ravenstack_is_alarmed() -> None:
    folder = public("saas-ravenstack")
    usage = pd.read_csv(folder / "feature_usage.csv.gz", parse_dates=["usage_date"])
    subscriptions = pd.read_csv(folder / "subscriptions.csv.gz", parse_dates=["start_date", "end_date"])
    usage = usage.merge(subscriptions, on="subscription_id")
    found = metric_verdict(
        usage["usage_count"], usage["churn_flag"].astype(float), accounts=usage["account_id"], horizon=90,
        recorded_at=usage["usage_date"], outcome_at=usage["end_date"], started_at=usage["start_date"],
    )  # fmt: skip
    assert found.verdict == "leak alarm"
