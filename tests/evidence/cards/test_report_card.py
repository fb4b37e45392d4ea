"""The card: exact where it can be counted by hand, unknown with a reason where it must be, kept exactly."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from heed.evidence.cards import ReportCard, report_card


def company(n: int = 400, seed: int = 1, share: float = 0.25) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    probability = random.beta(1, 1 / share - 1, n)
    return {
        "y": (random.random(n) < probability).astype(float),
        "score": probability,
        "accounts": np.arange(n),
    }


def card(**changes: Any) -> ReportCard:
    return report_card(**(company() | changes))


def test_a_card_holds_its_figures_and_comes_back_from_its_record_exactly() -> None:
    held = company()
    found = report_card(
        **held, capacity=0.1, baselines={"noise": np.random.default_rng(0).random(400)},
        lead_days=np.where(held["y"] == 1, 40.0, np.nan), trained_on=held["score"],
        name="risk", window="2025", version="3", seed=7, assumed_share=0.2,
    )  # fmt: skip
    assert ReportCard.from_record(json.loads(json.dumps(found.to_record()))) == found
    assert (found.n, found.accounts, found.events, found.reason) == (400, 400, held["y"].sum(), "")
    assert (found.name, found.window, found.version, found.assumed_share) == ("risk", "2025", "3", 0.2)
    assert found.lead_days.value == 40
    assert found.drift.value == pytest.approx(0, abs=1e-6)
    assert sum(band.n for band in found.bands) == 400
    assert found.missed.value == pytest.approx(len(found.missed_accounts) / found.left)


def test_the_same_input_gives_the_same_card() -> None:
    assert card(capacity=20) == card(capacity=20)
    assert card(seed=1).auc != card(seed=2).auc


def test_recall_precision_missed_and_lead_are_those_counted_by_hand() -> None:
    # Twelve accounts leave; ten places a date catch the six riskiest of them, the others are missed.
    y = np.r_[np.ones(12), np.zeros(28)]
    score = np.r_[np.full(6, 0.9), np.full(6, 0.1), np.full(4, 0.8), np.full(24, 0.2)]
    accounts = [f"a{number}" for number in range(40)]
    days = np.r_[[10, 20, 30, 40, 50, 60], np.full(6, 5), np.full(28, np.nan)]
    twice: dict[str, Any] = {"y": np.tile(y, 2), "score": np.tile(score, 2), "accounts": accounts * 2}
    found = report_card(
        **twice, landmarks=np.repeat([0, 30], 40), lead_days=np.r_[days + 30, days], capacity=10
    )
    assert found.recall.value == 0.5
    assert found.precision.value == 0.6
    assert found.missed_accounts == tuple(sorted(f"a{number}" for number in range(6, 12)))
    assert found.missed.value == 0.5
    # The first alert is the one of the first date: the median of 40, 50 ... 90.
    assert found.lead_days.value == 65
    assert found.lead_days.n == 6


def test_a_health_score_is_risky_where_it_is_low() -> None:
    held = company()
    risk = card(capacity=20, probability=False)
    health = report_card(
        held["y"],
        -held["score"],
        accounts=held["accounts"],
        capacity=20,
        probability=False,
        high_is_risk=False,
    )
    assert health.auc == risk.auc
    assert health.recall == risk.recall
    assert health.missed_accounts == risk.missed_accounts
    assert health.brier.value is None
    assert "no probability" in health.brier.reason


def test_baselines_stand_beside_it_over_the_same_draws() -> None:
    held = company()
    found = card(
        baselines={"itself": held["score"], "noise": np.random.default_rng(3).random(400)}, capacity=30
    )
    itself, noise = found.baselines
    assert (itself.more_auc.value, itself.more_auc.low, itself.more_auc.high) == (0, 0, 0)
    assert itself.auc.value == pytest.approx(found.auc.value)
    assert (noise.more_auc.low or 0) > 0
    assert noise.more_auc.value == pytest.approx((found.auc.value or 0) - (noise.auc.value or 0))


def test_accounts_without_a_score_are_never_flagged_and_count_as_missed() -> None:
    held = company()
    score = held["score"].copy()
    silent = np.flatnonzero(held["y"] == 1)[:5]
    score[silent] = np.nan
    found = report_card(held["y"], score, accounts=held["accounts"], capacity=400)
    assert found.missed_accounts == tuple(sorted(str(number) for number in silent))
    assert found.unknown_share == 5 / 400
    assert found.recall.value == pytest.approx(1 - 5 / found.left)
    assert "rows without a score, which count as not flagged: 5" in found.notes[0]
    assert found.bands[-1].low is None


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (np.zeros(100), "no account has left yet"),
        (np.r_[np.ones(5), np.zeros(95)], "only 5 left so far, at least 10 are needed"),
        (np.r_[np.ones(95), np.zeros(5)], "only 5 stayed, at least 10 are needed to compare with"),
        (np.full(100, np.nan), "no account with a known outcome yet"),
    ],
)
def test_thin_outcomes_give_no_figure_but_a_reason(y: Any, reason: str) -> None:
    found = report_card(y, np.linspace(0, 1, 100), accounts=np.arange(100), capacity=10)
    assert found.reason == reason
    assert {found.auc.value, found.brier.value, found.recall.value} == {None}
    assert ReportCard.from_record(found.to_record()) == found


def test_a_segment_of_three_accounts_has_no_figure_but_says_who_left_unseen() -> None:
    found = report_card([1, 0, 0], [0.2, 0.9, 0.1], accounts=["x", "y", "z"], capacity=1)
    assert found.reason == "only 1 left so far, at least 10 are needed"
    assert found.missed_accounts == ("x",)


def test_a_score_that_never_varies_puts_nobody_before_another() -> None:
    found = card(score=np.full(400, 0.3), capacity=20)
    assert "never varies" in found.reason
    assert len(found.missed_accounts) == found.left


def test_infinite_scores_are_refused_in_words() -> None:
    score = company()["score"].copy()
    score[3] = np.inf
    found = card(score=score, probability=False, capacity=10)
    assert found.reason.startswith("infinite values: 1;")
    assert found.bands == ()


def test_rows_that_repeat_count_once_and_rows_that_contradict_are_refused() -> None:
    held = company()
    twice: dict[str, Any] = {name: np.tile(values, 2) for name, values in held.items()}
    found = report_card(**twice)
    assert found.auc == card().auc
    assert found.notes == ("rows that repeat another exactly, counted once: 400",)
    other = held["score"][::-1]
    contradicting = report_card(
        twice["y"], np.r_[held["score"], other], accounts=twice["accounts"], landmarks=np.zeros(800)
    )
    assert "contradict another of the same account and date: 400" in contradicting.reason


def test_outcomes_that_are_not_known_yet_are_left_out() -> None:
    held = company()
    y = held["y"].copy()
    y[:50] = np.nan
    found = card(y=y)
    assert found.n == 350
    assert found.notes == ("rows left out because their outcome is not known yet: 50",)


def test_all_caught_is_not_certain() -> None:
    y = np.r_[np.ones(12), np.zeros(40)]
    found = report_card(y, y * 0.5 + 0.1 + np.arange(52) / 1000, accounts=np.arange(52), capacity=12)
    assert (found.recall.value, found.recall.high) == (1, 1)
    assert found.recall.low == pytest.approx(0.757, abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accounts": np.arange(3)}, "'accounts' has 3 entries, the outcome has 400"),
        ({"score": np.arange(3)}, "'score' has 3 entries"),
        ({"score": np.full(400, 2.0)}, "said to be a probability, and one is 2"),
        ({"score": ["high"] * 400}, "'score' holds what is no number"),
        ({"y": np.full(400, 2.0)}, "one is 2"),
        ({"capacity": 0}, "above 0"),
        ({"level": 95}, "between 0 and 1"),
        ({"high_is_risk": False}, "probability=False"),
        ({"landmarks": [None] * 400}, "'landmarks' is missing in 400 rows"),
        ({"baselines": {"old": [1]}}, "'old' has 1 entries"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        card(**changes)


def test_a_record_that_lacks_a_field_is_refused() -> None:
    record = card().to_record()
    record.pop("auc")
    with pytest.raises(ValueError, match="'auc' is missing or unknown"):
        ReportCard.from_record(record)


def test_columns_of_pandas_with_missing_values_are_read() -> None:
    held = company()
    frame = pd.DataFrame({"y": held["y"], "p": held["score"]}).convert_dtypes()
    assert report_card(frame["y"], frame["p"], accounts=pd.Series(held["accounts"])).auc == card().auc
