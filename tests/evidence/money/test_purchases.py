"""Repeat purchases: pinned to the published figures of CDNOW and to lifetimes 0.11.3."""

import os
import warnings
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from heed.evidence.money.buying import STORIES, Buyers
from heed.evidence.money.purchases import PurchaseModel, purchase_summary

DATA = Path(os.environ.get("HEED_DATA") or Path(__file__).parents[4] / "shared" / "data")
SPLIT, END = date(1997, 9, 30), date(1998, 6, 30)


@cache
def cdnow() -> pd.DataFrame:
    file = DATA / "cdnow" / "CDNOW_sample.txt.gz"
    if not file.is_file():
        pytest.skip(f"{file} is absent. Name the folder of the public data sets by HEED_DATA.")
    frame = pd.read_csv(
        file, sep=r"\s+", header=None, names=["mid", "customer", "date", "n", "usd"], dtype=str
    )
    return frame.assign(date=pd.to_datetime(frame["date"], format="%Y%m%d"))


@cache
def fitted(kind: str) -> PurchaseModel:
    known = purchase_summary(cdnow(), until=SPLIT)
    return PurchaseModel(kind).fit(known["frequency"], known["recency"], known["T"])


@pytest.mark.real_data
def test_bg_nbd_is_that_of_fader_hardie_and_lee_2005() -> None:
    model = fitted("bg/nbd")
    assert model.n_customers_ == 2357
    assert model.log_likelihood_["bg/nbd"] == pytest.approx(-9582.4, abs=0.05)
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert model.parameters_["bg/nbd"] == pytest.approx(published, abs=1e-3)


@pytest.mark.real_data
def test_pareto_nbd_is_that_of_fader_hardie_and_lee_2005() -> None:
    model = fitted("pareto/nbd")
    assert model.log_likelihood_["pareto/nbd"] == pytest.approx(-9595.0, abs=0.05)
    published = {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}
    assert model.parameters_["pareto/nbd"] == pytest.approx(published, abs=3e-3)


@pytest.mark.parametrize("kind", ["bg/nbd", "pareto/nbd"])
def test_expectations_are_those_of_lifetimes(kind: str) -> None:
    from lifetimes import BetaGeoFitter, ParetoNBDFitter

    peer: Any = BetaGeoFitter() if kind == "bg/nbd" else ParetoNBDFitter()
    names = STORIES[kind].names
    parameters = dict(zip(names, (0.55, 6.0, 0.7, 9.0), strict=True))
    peer.params_ = pd.Series(parameters)
    x, last, until = np.array([0.0, 1, 2, 7, 26]), np.array([0.0, 3, 20, 30, 38]), np.full(5, 39.0)
    story, p = STORIES[kind], np.array(list(parameters.values()))
    buyers = Buyers(x, last, until)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = peer.conditional_expected_number_of_purchases_up_to_time(20.0, x, last, until)
        alive = peer.conditional_probability_alive(x, last, until)
    np.testing.assert_allclose(story.expected(p, buyers, 20.0), expected, rtol=2e-5)
    np.testing.assert_allclose(story.alive(p, buyers), alive, rtol=2e-5)


def test_a_hazard_that_does_not_age_is_pareto() -> None:
    buyers = Buyers(np.array([0.0, 3.0]), np.array([0.0, 12.0]), np.array([30.0, 35.0]))
    p = np.array([0.5, 8.0, 0.6, 12.0])
    one = STORIES["burr/nbd"].log_likelihood(np.append(p, 1.0), buyers)
    np.testing.assert_array_equal(one, STORIES["pareto/nbd"].log_likelihood(p, buyers))


@pytest.mark.parametrize("c", [0.6, 2.5])
def test_expected_purchases_of_an_ageing_hazard_agree_with_a_simulation(c: float) -> None:
    rng = np.random.default_rng(3)
    r, alpha, s, beta, many = 0.9, 6.0, 0.8, 10.0, 40_000
    rate = rng.gamma(r, 1 / alpha, many)
    gone = beta * (rng.random(many) ** (-1 / s) - 1) ** (1 / c)
    before = rng.poisson(rate * np.minimum(gone, 20.0))
    after = rng.poisson(rate * np.clip(gone - 20.0, 0.0, 15.0))
    last = np.where(before > 0, np.minimum(gone, 20.0) * rng.beta(np.maximum(before, 1), 1), 0.0)
    story, p = STORIES["burr/nbd"], np.array([r, alpha, s, beta, c])
    buyers = Buyers(before.astype(float), last, np.full(many, 20.0))
    assert story.expected(p, buyers, 15.0).mean() == pytest.approx(after.mean(), rel=0.03)
    assert story.alive(p, buyers).mean() == pytest.approx((gone > 20).mean(), rel=0.02)


@pytest.mark.real_data
def test_the_total_on_the_cdnow_holdout_is_within_the_target() -> None:
    result = PurchaseModel().holdout(cdnow(), split=SPLIT, until=END)
    assert result.total_error.value is not None
    assert abs(result.total_error.value) <= 0.115
    assert result.rmse.value == pytest.approx(1.604, abs=0.002)
    assert result.total_error.n == 2357
    assert result.rule_error.value is not None
    assert result.rule_error.value > 0.2
    assert result.by_customer["actual"].sum() == 1882


def purchases(customers: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        first, rate = rng.integers(0, 60), rng.gamma(0.8, 1 / 20)
        until = first + rng.exponential(150)
        day = float(first)
        while day < min(until, 365):
            rows.append((customer, pd.Timestamp("2025-01-01") + pd.Timedelta(days=int(day))))
            day += rng.exponential(1 / rate)
    return pd.DataFrame(rows, columns=["customer", "date"])


def test_a_summary_counts_days_and_leaves_later_ones_out() -> None:
    days = ["2025-01-01", "2025-01-01", "2025-01-15", "2025-02-01", "2025-01-08"]
    table = pd.DataFrame({"customer": ["a", "a", "a", "a", "b"], "date": days})
    summary = purchase_summary(table, until=date(2025, 1, 22))
    assert list(summary.loc["a"]) == [1, 2.0, 3.0]
    assert list(summary.loc["b"]) == [0, 0.0, 2.0]
    in_days = purchase_summary(table, until=date(2025, 1, 22), unit="D")
    assert list(in_days.loc["a"]) == [1, 14.0, 21.0]


def test_days_and_weeks_expect_the_same() -> None:
    table = purchases(200)
    answers = []
    for unit, ahead in (("D", 70.0), ("W", 10.0)):
        known = purchase_summary(table, until=date(2025, 12, 31), unit=unit)
        model = PurchaseModel("pareto/nbd").fit(known["frequency"], known["recency"], known["T"])
        answers.append(model.expected_purchases(ahead))
    assert answers[0] is not None
    assert answers[1] is not None
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-3)


def test_who_bought_long_ago_is_less_likely_alive_and_expectations_grow_with_time() -> None:
    known = purchase_summary(purchases(200), until=date(2025, 12, 31))
    model = PurchaseModel().fit(known["frequency"], known["recency"], known["T"])
    alive = model.probability_alive([3, 3], [10.0, 38.0], [40.0, 40.0])
    assert alive is not None
    assert 0 < alive[0] < alive[1] < 1
    short, long = model.expected_purchases(4), model.expected_purchases(40)
    assert short is not None
    assert long is not None
    assert (long > short).all()
    assert model.expected_purchases(0) == pytest.approx(np.zeros(len(known)))
    assert clone(model).get_params() == {"kind": "average"}


@pytest.mark.parametrize(
    ("frequency", "recency", "reason"),
    [
        ([1.0] * 10, [1.0] * 10, "only 10 customers"),
        ([0.0] * 40, [0.0] * 40, "only 0 repeat purchases"),
        ([2.0] * 39 + [np.nan], [1.0] * 40, "missing or infinite"),
        ([2.0] * 40, [9.0] * 40, "after the day of the table"),
    ],
)
def test_thin_or_impossible_customers_are_unknown(
    frequency: list[float], recency: list[float], reason: str
) -> None:
    model = PurchaseModel().fit(frequency, recency, [5.0] * len(frequency))
    assert reason in model.reason_
    assert model.expected_purchases(5) is None
    assert model.probability_alive() is None


def test_a_holdout_without_customers_says_why() -> None:
    table = purchases(5)
    result = PurchaseModel().holdout(table, split=date(2025, 6, 30), until=date(2025, 12, 31))
    assert "customers" in result.reason
    assert result.total_error.value is None
    empty = purchase_summary(table.iloc[:0])
    assert "only 0 customers" in PurchaseModel().fit(*(empty[name] for name in empty)).reason_


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match="kind must be one of"):
        PurchaseModel("weibull").fit([1], [1], [1])
    with pytest.raises(ValueError, match="one length"):
        PurchaseModel().fit([1, 2], [1], [1])
    with pytest.raises(ValueError, match="lacks the column date"):
        purchase_summary(pd.DataFrame({"customer": []}))
    with pytest.raises(ValueError, match="unit must be"):
        purchase_summary(purchases(3), unit="month")
    with pytest.raises(ValueError, match="finite"):
        PurchaseModel("bg/nbd").fit([1.0] * 40, [1.0] * 40, [5.0] * 40).expected_purchases(-1)
