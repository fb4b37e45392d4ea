"""Why a score moved, what a parent's is made of, and what weights cost against the model."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from heed.evidence.scoring import (
    Explanation,
    Override,
    explain_score,
    roll_up,
    what_weights_cost,
    why_moved,
)
from tests.evidence.scoring.test_score import TODAY, score


def explained(row: dict[str, Any], **changes: Any) -> Explanation:
    given: dict[str, Any] = {"as_of": TODAY, "account": "a"} | changes
    return explain_score(score(), {"severe": 0} | row, **given)


def test_an_explanation_says_each_part_in_words() -> None:
    found = explained({"logins": 15, "nps": None})
    assert [part.words for part in found.contributions] == [
        "logins is 15: 50 of 100 points at 100% of the weight",
        "nps is not known",
    ]
    assert (found.score, found.version) == (50, "4")
    assert found.coverage == pytest.approx(2 / 3)
    unknown = explained({"logins": None, "nps": 9})
    assert (unknown.score, unknown.reason[:19]) == (None, "logins is not known")
    assert "whether it is at most 40 where severe is at least 1 is not known" in [
        part.words for part in explained({"logins": 1, "nps": 1, "severe": None}).contributions
    ]


def test_an_override_stands_among_the_parts() -> None:
    override = Override("a", 80, "new sponsor", date(2026, 11, 1), date(2026, 12, 1))
    for row in ({"logins": 15, "nps": 9}, {"logins": None, "nps": 9}):
        found = explained(row, overrides=[override])
        assert found.score == 80 == sum(part.contribution for part in found.contributions)
        assert found.contributions[-1].words == "set to 80 until 2026-12-01: new sponsor"
        assert found.reason == ""


def test_why_it_moved_adds_up_and_names_the_greatest_first() -> None:
    before = explained({"logins": 30, "nps": 9})
    after = explained({"logins": 24, "nps": 7, "severe": 2})
    found = why_moved(before, after)
    assert (found.before, found.after, found.change) == (100, 40, -60)
    assert sum(part.change for part in found.parts) == found.change
    assert [part.name for part in found.parts][:2] == ["at most 40 where severe is at least 1", "nps"]
    assert found.parts[1].words == "nps went from 9 to 7: -16.7 points"
    back = why_moved(after, before)
    assert back.parts[0].words.startswith("no longer at most 40")
    assert why_moved(before, before).parts == ()


def test_a_move_of_an_unknown_score_is_unknown_and_says_when() -> None:
    found = why_moved(explained({"logins": None, "nps": 9}), explained({"logins": 3, "nps": 9}))
    assert (found.change, found.parts) == (None, ())
    assert found.reason.startswith("the score was not known before: logins is not known")


def test_a_move_says_when_the_score_itself_changed() -> None:
    newer = explain_score(
        score().reweighted({"nps": 2}, "5"), {"logins": 30, "nps": 0, "severe": 0}, as_of=TODAY, account="a"
    )
    before = explained({"logins": 30, "nps": 0})
    assert why_moved(before, newer).reason == "the score itself changed, from version 4 to 5"
    small = explained({"logins": 30, "nps": 0}, segment="small")
    assert why_moved(before, small).reason == "its segment changed, from none to small"
    with pytest.raises(ValueError, match="of one account"):
        why_moved(before, explained({"logins": 30, "nps": 0}, account="b"))


def test_a_parent_is_the_mean_of_its_children_by_what_they_pay() -> None:
    scores = pd.Series({"a": 80.0, "b": 20.0, "c": np.nan, "d": np.nan, "e": 50.0, "f": 50.0, "g": 10.0})
    amounts = pd.Series({"a": 300.0, "b": 100.0, "c": 100.0, "d": 900.0, "e": 100.0, "f": 0.0})
    parents = pd.Series({"a": "P", "b": "P", "c": "P", "d": "Q", "e": "Q", "f": "R", "g": "S"})
    found = roll_up(scores, amounts, parents)
    assert found.loc["P", "score"] == 65
    assert (found.loc["P", "coverage"], found.loc["P", "lowest"]) == (0.8, "b")
    assert found.loc["Q", "reason"] == "the scores of only 10% of what it pays are known, 50% are needed"
    assert found.loc["R", "reason"] == "none of its accounts pays anything"
    assert found.loc["S", "reason"] == "what one of its accounts pays is not known"
    assert found["score"].isna().tolist() == [False, True, True, True]


def company(n: int = 800) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(2)
    risk = random.beta(1, 4, n)
    y = (random.random(n) < risk).astype(float)
    return y, risk, 100 - 100 * np.clip(risk + random.normal(0, 0.3, n), 0, 1)


def test_weights_cost_what_the_model_has_more() -> None:
    y, risk, health = company()
    found = what_weights_cost(health, risk, y, accounts=np.arange(800), capacity=80)
    assert found.auc.value == pytest.approx((found.model_auc.value or 0) - (found.score_auc.value or 0))
    assert (found.auc.low or 0) > 0
    assert found.reason.startswith("the weights cost")
    assert "found at the team's capacity" in found.reason
    free = what_weights_cost(-risk, risk, y, accounts=np.arange(800))
    assert (free.auc.value, free.reason[:30]) == (0, "that the weights cost anything")
    random = np.random.default_rng(5)
    alike = what_weights_cost(-risk - random.normal(0, 0.003, 800), risk, y, accounts=np.arange(800))
    assert (alike.auc.value or 0) > 0
    assert "is not shown" in alike.reason
    better = what_weights_cost(-risk, np.clip(1 - health / 100, 0, 1), y, accounts=np.arange(800))
    assert better.reason.startswith("the weights do better than the model")


def test_score_and_model_are_compared_on_the_rows_where_both_are_known() -> None:
    y, risk, health = company()
    silent = risk < np.median(risk)
    found = what_weights_cost(np.where(silent, np.nan, health), risk, y, accounts=np.arange(800), capacity=80)
    alone = what_weights_cost(
        health[~silent], risk[~silent], y[~silent], accounts=np.arange(800)[~silent], capacity=80
    )
    assert found.model_auc.value == pytest.approx(alone.model_auc.value)
    assert found.model_auc.n == found.score_auc.n == (~silent).sum()
    assert found.auc.value == pytest.approx((found.model_auc.value or 0) - (found.score_auc.value or 0))


def test_what_weights_cost_is_unknown_where_too_few_left() -> None:
    y, risk, health = company(40)
    found = what_weights_cost(health, risk, y * 0, accounts=np.arange(40), capacity=4)
    assert (found.auc.value, found.reason) == (None, "no account has left yet")
