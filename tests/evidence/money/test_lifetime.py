from datetime import date

import numpy as np
import pandas as pd
import pytest

from heed.evidence.money.lifetime import lifetime_value, purchase_value
from heed.evidence.money.purchases import PurchaseModel, purchase_summary
from tests.evidence.money.test_purchases import purchases


def accounts(**changes: object) -> pd.DataFrame:
    row = {
        "account": "a", "amount": 100.0, "leaves_at_renewal": 0.1, "months_to_renewal": 1, "term_months": 1,
    } | changes  # fmt: skip
    return pd.DataFrame([row])


def value(frame: pd.DataFrame, margin: float = 0.8, discount: float = 0.1, months: int = 36) -> float | None:
    return lifetime_value(frame, margin=margin, discount=discount, months=months).total.value


def test_a_contract_by_the_month_is_a_geometric_series() -> None:
    monthly = 1.1 ** (-1 / 12)
    series = 80 * monthly * (1 - (0.9 * monthly) ** 36) / (1 - 0.9 * monthly)
    assert value(accounts()) == pytest.approx(series)


def test_nobody_leaves_before_the_renewal_and_then_by_terms() -> None:
    yearly = accounts(leaves_at_renewal=0.25, months_to_renewal=6, term_months=12)
    expected = 100 * (6 + 12 * 0.75 + 12 * 0.75**2 + 6 * 0.75**3)
    assert value(yearly, margin=1, discount=0) == pytest.approx(expected)


def test_the_interval_is_that_of_the_probability_turned_round() -> None:
    found = lifetime_value(accounts(leaves_low=0.05, leaves_high=0.2), margin=0.8, discount=0.1, months=36)
    assert found.total.low == pytest.approx(value(accounts(leaves_at_renewal=0.2)))
    assert found.total.high == pytest.approx(value(accounts(leaves_at_renewal=0.05)))
    assert "36 months" in found.method


def test_a_survival_curve_takes_the_place_of_the_renewal() -> None:
    curve = pd.DataFrame([[1.0, 0.5, 0.25]], index=["a"])
    found = lifetime_value(accounts(), margin=1, discount=0, months=3, survival=curve)
    assert found.total.value == pytest.approx(175)
    with pytest.raises(ValueError, match="one for each of 4 months"):
        lifetime_value(accounts(), margin=1, discount=0, months=4, survival=curve)


def test_what_is_not_known_has_a_reason() -> None:
    two = pd.concat([accounts(), accounts(account="b", leaves_at_renewal=np.nan)])
    found = lifetime_value(two, margin=0.8, discount=0.1)
    assert found.total.reason == "of 1 accounts the value is not known"
    assert found.by_account.loc["b", "value"] is None
    assert found.by_account.loc["b", "reason"] == "the probability of leaving is not known"
    assert found.by_account.loc["a", "value"] is not None
    blank = lifetime_value(accounts(amount=np.nan), margin=0.8, discount=0.1)
    assert blank.by_account.loc["a", "reason"] == "the amount is not known"
    assert lifetime_value(accounts().iloc[:0], margin=0.8, discount=0.1).reason == "there are no accounts"
    dollars = pd.concat([accounts(currency="EUR"), accounts(account="b", currency="USD")])
    assert "USD" in lifetime_value(dollars, margin=0.8, discount=0.1, rates={"EUR": 1.0}).reason


def test_impossible_figures_are_errors() -> None:
    with pytest.raises(ValueError, match="margin 0 to 1"):
        lifetime_value(accounts(), margin=80, discount=0.1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        lifetime_value(accounts(leaves_at_renewal=10), margin=0.8, discount=0.1)


def test_repeat_purchases_without_discount_are_worth_what_is_expected() -> None:
    known = purchase_summary(purchases(100), until=date(2025, 12, 31))
    model = PurchaseModel("bg/nbd").fit(known["frequency"], known["recency"], known["T"])
    plain = purchase_value(model, 20.0, margin=0.5, discount=0.0, periods=26, per_year=52)
    expected = model.expected_purchases(26)
    assert plain is not None
    assert expected is not None
    np.testing.assert_allclose(plain, 10 * expected)
    discounted = purchase_value(model, 20.0, margin=0.5, discount=0.1, periods=26, per_year=52)
    assert discounted is not None
    assert (discounted < plain).all()
    thin = PurchaseModel().fit([1], [1], [1])
    assert purchase_value(thin, 1.0, margin=1, discount=0, periods=2, per_year=52) is None
