from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heed.evidence.effects.holdout import holdout_effect
from heed.evidence.effects.means import mean_effect
from heed.evidence.effects.proportions import proportion_effect
from heed.evidence.simulation import simulate

START = pd.Timestamp("2026-01-01")


def assigned(treated: int, held: int, play: str = "onboarding") -> pd.DataFrame:
    n = treated + held
    return pd.DataFrame(
        {
            "account": [f"a{number:03}" for number in range(n)],
            "play": play,
            "arm": ["treated"] * treated + ["holdout"] * held,
            "on": START,
        }
    )


def outcomes_of(frame: pd.DataFrame, values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"account": frame["account"], "value": values})


def test_shares_are_compared_by_the_arm_first_assigned() -> None:
    arms = assigned(50, 48)
    outcomes = outcomes_of(arms, [1.0] * 45 + [0.0] * 5 + [1.0] * 34 + [0.0] * 14)
    found = holdout_effect(arms, outcomes, play="onboarding")
    assert found.estimate == proportion_effect(45, 50, 34, 48)
    assert found.known == {"treated": 50, "holdout": 48}
    assert not found.ratio.broken
    moved = arms.iloc[-10:].assign(arm="treated", on=START + pd.Timedelta(days=9))
    again = holdout_effect(pd.concat([moved, arms]), outcomes, play="onboarding")
    assert again.estimate == found.estimate


def test_other_plays_do_not_matter() -> None:
    arms = assigned(50, 48)
    outcomes = outcomes_of(arms, [1.0, 0.0] * 49)
    both = pd.concat([arms, assigned(98, 0, "other")])
    assert holdout_effect(both, outcomes, play="onboarding") == holdout_effect(
        arms, outcomes, play="onboarding"
    )


def test_only_the_first_outcome_after_the_assignment_counts() -> None:
    arms = assigned(30, 30)
    before = outcomes_of(arms, [1.0] * 60).assign(on=START)
    first = outcomes_of(arms, [1.0, 1.0, 0.0] * 10 + [1.0, 0.0, 0.0] * 10).assign(
        on=START + pd.Timedelta(days=30)
    )
    later = outcomes_of(arms, [0.0] * 60).assign(on=START + pd.Timedelta(days=400))
    found = holdout_effect(arms, pd.concat([later, before, first]), play="onboarding")
    assert found.estimate == proportion_effect(20, 30, 10, 30)


def test_amounts_are_compared_by_means_and_covariates() -> None:
    arms = assigned(40, 40)
    random = np.random.default_rng(1)
    before = pd.DataFrame({"seats": random.normal(20, 5, 80)}, index=arms["account"])
    treated = (arms["arm"] == "treated").to_numpy(float)
    value = before["seats"].to_numpy() + treated + random.normal(0, 1, 80)
    outcomes = outcomes_of(arms, value.tolist()).sample(frac=1, random_state=2)
    assert holdout_effect(arms, outcomes, play="onboarding").estimate == mean_effect(value, treated)
    adjusted = holdout_effect(arms, outcomes, play="onboarding", covariates=before).estimate
    expected = mean_effect(value, treated, before)
    assert [adjusted.value, adjusted.low] == pytest.approx([expected.value, expected.low])


def test_accounts_of_one_company_widen_the_interval() -> None:
    arms = assigned(60, 60)
    outcomes = outcomes_of(arms, ([1.0] * 5 + [0.0] * 5) * 12)
    company = pd.Series(np.arange(120) // 5, index=arms["account"])
    plain = holdout_effect(arms, outcomes, play="onboarding").estimate
    clustered = holdout_effect(arms, outcomes, play="onboarding", clusters=company).estimate
    assert clustered.value == plain.value
    assert (clustered.low or 0) < (plain.low or 0) - 0.1


def test_a_broken_ratio_makes_it_unknown() -> None:
    arms = assigned(70, 25)
    found = holdout_effect(arms, outcomes_of(arms, [1.0, 0.0] * 47 + [1.0]), play="onboarding")
    assert found.ratio.broken
    assert found.estimate.reason.startswith("the arms are not filled as planned (treated 70 instead of 48")


def test_a_share_other_than_half_is_planned() -> None:
    arms = assigned(80, 20)
    outcomes = outcomes_of(arms, [1.0] * 60 + [0.0] * 40)
    found = holdout_effect(arms, outcomes, play="onboarding", shares={"treated": 0.8, "holdout": 0.2})
    assert found.estimate == proportion_effect(60, 80, 0, 20)


def test_outcomes_known_in_one_arm_only_do_not_compare() -> None:
    arms = assigned(50, 50)
    values = [1.0] * 48 + [np.nan] * 2 + [1.0] * 20 + [np.nan] * 30
    found = holdout_effect(arms, outcomes_of(arms, values), play="onboarding")
    assert found.estimate.reason == (
        "the outcome is known more often in one arm than in the other (treated 48 of 50, holdout 20 of 50), "
        "so they do not compare"
    )


def test_everyone_in_one_arm_nobody_and_no_outcomes_are_unknown() -> None:
    arms = assigned(40, 0)
    outcomes = outcomes_of(arms, [1.0, 0.0] * 20)
    everyone = holdout_effect(arms, outcomes, play="onboarding").estimate
    assert everyone.reason == "everyone is in the treated arm, so there is nobody to compare with"
    assert holdout_effect(arms, outcomes, play="none").estimate.reason == "nobody is in the experiment yet"
    none_known = holdout_effect(assigned(30, 30), outcomes.iloc[:0], play="onboarding")
    assert none_known.estimate.reason == "no outcome is known yet"
    assert none_known.known == {"treated": 0, "holdout": 0}


def test_a_play_whose_accounts_were_chosen_is_not_randomised() -> None:
    arms = assigned(20, 20).replace({"arm": {"treated": "chosen"}})
    found = holdout_effect(arms, outcomes_of(arms, [1.0, 0.0] * 20), play="onboarding")
    assert found.estimate.reason == (
        "not randomised: accounts are in the arm 'chosen', which has no planned share"
    )


def test_endless_outcomes_are_unknown() -> None:
    arms = assigned(10, 10)
    found = holdout_effect(arms, outcomes_of(arms, [1.0] * 19 + [np.inf]), play="onboarding")
    assert found.estimate.reason == "the outcome of 1 of 20 accounts is infinite"


def test_missing_columns_and_a_third_arm_are_refused() -> None:
    arms = assigned(5, 5)
    outcomes = outcomes_of(arms, [1.0] * 10)
    with pytest.raises(ValueError, match="assignments lacks the column on"):
        holdout_effect(arms.drop(columns="on"), outcomes, play="onboarding")
    with pytest.raises(ValueError, match="outcomes lacks the column value"):
        holdout_effect(arms, outcomes[["account"]], play="onboarding")
    with pytest.raises(ValueError, match="A holdout has two arms"):
        holdout_effect(arms, outcomes, play="onboarding", shares={"a": 0.5, "b": 0.3, "c": 0.2})


def test_planted_plays_of_a_simulated_company_are_told_apart(tmp_path: Path) -> None:
    """Attainment goes a fifth of its way each month: 8 months after the good play .8·(1 - .8⁸) up."""
    truth = simulate(tmp_path, end=date(2026, 1, 1), accounts=500, activities=5_000, months=24)
    arms = truth.arms.to_pandas()
    month = np.minimum(23, (pd.to_datetime(arms["on"]) - pd.Timestamp("2024-01-01")).dt.days // 30 + 8)
    place = {key: row for row, key in enumerate(truth.accounts["key"].to_pylist())}
    value = truth.outcome[arms["account"].map(place).to_numpy(), month.to_numpy()]
    good, null = (
        holdout_effect(arms, outcomes_of(arms, value)[arms["play"] == play], play=play).estimate
        for play in ("first report in a week", "monthly digest")
    )
    assert 0 < (good.low or 0) < 0.8 * (1 - 0.8**8) < (good.high or 0)
    assert (null.low or 0) < 0 < (null.high or 0)
