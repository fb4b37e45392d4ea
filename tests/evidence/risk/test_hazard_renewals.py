# ruff: noqa: N806 (X is what scikit-learn calls the table)
"""Where churn concentrates at the renewal, the hazard at t days ahead is that of days to renewal less t."""

import numpy as np
import pandas as pd
import pytest

from heed.evidence.risk import CONTRACT_CLOCK, HazardModel, outcome
from heed.evidence.risk.baseline import Contract


def terms(seed: int = 0, n: int = 700) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Yearly contracts seen at four landmarks; three in ten leave at the renewal, next to nobody between."""
    dice = np.random.default_rng(seed)
    renewal = dice.integers(1, 366, n)
    leaves = dice.random(n) < 0.3
    between = np.where(dice.random(n) < 0.04, dice.integers(1, 400, n), 9_999)
    gone = np.minimum(np.where(leaves, renewal, 9_999), between)
    account = np.repeat(np.arange(n), 4)
    landmark = np.tile(np.arange(4) * 60, n)
    stands = landmark < gone[account]
    account, landmark = account[stands], landmark[stands]
    X = pd.DataFrame(
        {
            "noise": dice.normal(size=len(account)),
            "days_to_renewal": (renewal[account] - landmark - 1) % 365 + 1,
            "tenure": landmark + 100,
        }
    )
    ahead = gone[account] - landmark
    return X, outcome(ahead <= 90, np.minimum(ahead, 90)), account


@pytest.fixture(scope="module")
def model() -> HazardModel:
    X, y, account = terms()
    return HazardModel(renewal="days_to_renewal", tenure="tenure").fit(X, y, groups=account)


def test_the_chance_jumps_when_the_horizon_reaches_the_renewal(model: HazardModel) -> None:
    row = pd.DataFrame({"noise": [0.0], "days_to_renewal": [40], "tenure": [200]})
    before, after = model.predict_proba(row, 39)[0], model.predict_proba(row, 40)[0]
    assert before < 0.03
    assert after == pytest.approx(0.3, abs=0.05)
    assert model.predict_proba(row, 10, given=45)[0] < 0.02
    far = row.assign(days_to_renewal=200)
    assert model.predict_proba(far, 90)[0] < 0.05


def test_the_contract_clock_has_its_own_share_of_the_reasons(model: HazardModel) -> None:
    rows = pd.DataFrame({"noise": [0.0, 0.0], "days_to_renewal": [40, 300], "tenure": [200, 200]})
    why = model.contributions(rows, 60)
    assert why.table[CONTRACT_CLOCK].iloc[0] > 2 > 0.5 > why.table[CONTRACT_CLOCK].iloc[1]
    chance = model.predict_proba(rows, 60)
    assert why.base + why.table.sum(axis=1).to_numpy() == pytest.approx(np.log(chance / (1 - chance)))


def test_unknown_renewals_and_tenures_are_answered(model: HazardModel) -> None:
    rows = pd.DataFrame({"noise": [0.0], "days_to_renewal": [np.nan], "tenure": [np.nan]})
    figure = model.estimate(rows, 60)[0]
    assert figure.value is not None
    assert 0 < figure.value < 0.3


def test_renewals_return_after_each_term_and_past_ones_are_gone() -> None:
    contract = Contract(3, np.array([10.0, -5.0, np.nan]), np.array([30.0, 30.0, 30.0]))
    found = contract.renewals(60.0)
    assert found[0].tolist() == [10.0, 40.0]
    assert found[1].tolist() == [25.0, 55.0]
    assert np.isnan(found[2]).all()
    assert Contract(1, np.array([70.0])).renewals(60.0).shape == (1, 0)
