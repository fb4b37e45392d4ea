"""Figures pinned to scikit-learn 1.9 and statsmodels 0.14 on the same rows, weighted and not."""

from itertools import pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from heed.evidence.cards import coarse, figures
from heed.evidence.cards.judging import METHODS, bands, judge, stability_index
from heed.evidence.cards.resampling import Figure, Real, Resamples
from heed.evidence.cards.rows import read_rows


def sample(n: int = 600, seed: int = 5) -> tuple[Real, Real]:
    """Outcomes and probabilities with ties, none of them quite calibrated."""
    random = np.random.default_rng(seed)
    probability = np.round(random.beta(1, 4, n), 2)
    return (random.random(n) < np.clip(1.2 * probability, 0, 1)).astype(float), probability


def value(figure: Figure, n: int) -> float:
    return float(figure(np.ones((1, n)))[0])


def test_discrimination_is_that_of_scikit_learn() -> None:
    y, p = sample()
    assert value(figures.auc(y, p), len(y)) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    found = value(figures.average_precision(y, p), len(y))
    assert found == pytest.approx(average_precision_score(y, p), abs=1e-12)


def test_brier_and_log_loss_are_those_of_scikit_learn() -> None:
    y, p = sample()
    rows = read_rows(y, p, np.arange(len(y)), None, "risk")
    found = judge(rows, probability=True, capacity=None)
    assert found.brier.value == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    assert found.log_loss.value == pytest.approx(log_loss(y, p), abs=1e-9)
    share = y.mean()
    assert found.brier_skill.value == pytest.approx(1 - brier_score_loss(y, p) / (share * (1 - share)))


def test_brier_skill_is_measured_against_the_clock_where_there_is_one() -> None:
    y, p = sample()
    clock = np.full(len(y), 0.3)
    rows = read_rows(y, p, np.arange(len(y)), None, "risk")
    found = judge(rows, probability=True, capacity=None, baseline=clock)
    assert found.brier_skill.value == pytest.approx(1 - brier_score_loss(y, p) / brier_score_loss(y, clock))


def test_recalibration_is_the_logistic_regression_of_statsmodels() -> None:
    y, p = sample()
    odds = figures.log_odds(p)
    fitted = sm.Logit(y, sm.add_constant(odds)).fit(disp=0, tol=1e-12)
    intercept, slope = figures.together(figures.Recalibration(y, odds).fit)
    assert value(intercept, len(y)) == pytest.approx(fitted.params[0], abs=1e-6)
    assert value(slope, len(y)) == pytest.approx(fitted.params[1], abs=1e-6)


def test_the_calibration_error_is_that_of_the_protocol() -> None:
    y, p = sample()
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, 10)
    expected = sum(abs(y[part].mean() - p[part].mean()) * len(part) for part in parts) / len(y)
    assert value(figures.calibration_error(y, p), len(y)) == pytest.approx(expected, abs=1e-12)


def test_a_probability_that_separates_without_exception_has_no_slope() -> None:
    y = np.repeat([0.0, 1.0], 20)
    rows = read_rows(y, np.where(y == 1, 0.9, 0.1) + np.linspace(0, 0.01, 40), np.arange(40), None, "risk")
    found = judge(rows, probability=True, capacity=None)
    assert (found.auc.value, found.auc.high) == (1, 1)
    assert 0.8 < (found.auc.low or 0) < 0.95
    assert found.calibration_slope.value is None
    assert "without exception" in found.calibration_slope.reason


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_weights_are_repeated_rows(seed: int) -> None:
    random = np.random.default_rng(seed)
    y = np.r_[0.0, 1.0, random.integers(0, 2, 18)]
    p = random.integers(1, 10, 20) / 10
    times = np.r_[1, 1, random.integers(0, 4, 18)]
    weights = times[None, :].astype(float)
    again_y, again_p = np.repeat(y, times), np.repeat(p, times)
    assert figures.auc(y, p)(weights)[0] == pytest.approx(roc_auc_score(again_y, again_p))
    expected = average_precision_score(again_y, again_p)
    assert figures.average_precision(y, p)(weights)[0] == pytest.approx(expected)
    assert figures.median(p)(weights)[0] == pytest.approx(np.median(again_p))
    for places in (3, 0.25):
        whole = figures.Capacity(again_y, again_p, np.zeros(len(again_y), dtype=np.int64), places)
        part = figures.Capacity(y, p, np.zeros(20, dtype=np.int64), places)
        ones = np.ones((1, len(again_y)))
        assert np.ravel(part.caught(weights)) == pytest.approx(np.ravel(whole.caught(ones)))


def test_figures_worked_out_together_are_of_the_weights_that_were_asked() -> None:
    y, p = sample(50)
    first, second = figures.together(figures.Capacity(y, p, np.zeros(50, dtype=np.int64), 5).caught)
    ones, twos = np.ones((1, 50)), np.r_[np.full(25, 2.0), np.zeros(25)][None, :]
    before = first(ones), second(ones)
    assert second(twos) != before[1]
    assert (first(ones), second(ones)) == before


def test_capacity_is_per_date_and_ties_share_the_last_place() -> None:
    y = np.array([1, 0, 1, 0, 1, 0, 0, 0], dtype=float)
    risk = np.array([0.9, 0.5, 0.5, 0.1, 0.2, 0.8, 0.7, 0.1])
    on = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    taken = figures.Capacity(y, risk, on, 2)
    assert taken.flagged().tolist() == [1, 0.5, 0.5, 0, 0, 1, 1, 0]
    assert np.ravel(taken.caught(np.ones((1, 8)))) == pytest.approx([1.5 / 3, 1.5 / 4])
    assert figures.Capacity(y, risk, on, 0.5).flagged().tolist() == [1, 0.5, 0.5, 0, 0, 1, 1, 0]


def test_unknown_risks_have_no_place_even_where_places_are_left() -> None:
    y = np.array([1.0, 0.0, 1.0])
    taken = figures.Capacity(y, np.array([0.9, 0.1, -np.inf]), np.zeros(3, dtype=np.int64), 3)
    assert taken.flagged().tolist() == [1, 1, 0]


def test_intervals_know_that_rows_of_one_account_are_alike() -> None:
    y, p = sample(200)
    alone = Resamples(np.arange(200), 1).of({"auc": figures.auc(y, p)})["auc"]
    again = Resamples(np.repeat(np.arange(200), 5), 1).of(
        {"auc": figures.auc(np.repeat(y, 5), np.repeat(p, 5))}
    )
    wrong = Resamples(np.arange(1000), 1).of({"auc": figures.auc(np.repeat(y, 5), np.repeat(p, 5))})["auc"]
    assert again["auc"].draws == pytest.approx(alone.draws)
    assert wrong.draws.std() < 0.6 * alone.draws.std()


def test_the_same_seed_draws_the_same_and_the_mean_agrees_with_its_figure() -> None:
    y, p = sample(100)
    clusters = np.repeat(np.arange(25), 4)
    by_rows = Resamples(clusters, 3).of({"mean": figures.mean((y - p) ** 2)})["mean"]
    by_accounts = Resamples(clusters, 3).mean((y - p) ** 2)
    assert by_rows.value == pytest.approx(by_accounts.value)
    # Chunks differ in size between the two ways, so draws may come in another order: their spread agrees.
    assert by_rows.draws.std() == pytest.approx(by_accounts.draws.std(), rel=0.1)
    assert Resamples(clusters, 3).mean(p).draws.tobytes() == Resamples(clusters, 3).mean(p).draws.tobytes()


def test_bands_hold_everybody_once_and_the_missing_apart() -> None:
    random = np.random.default_rng(0)
    values = np.r_[random.integers(0, 30, 500).astype(float), np.full(40, np.nan)]
    y = (random.random(540) < 0.2).astype(float)
    found = bands(y, values)
    assert sum(band.n for band in found) == 540
    assert sum(band.left for band in found) == y.sum()
    assert (found[-1].low, found[-1].n) == (None, 40)
    edges = [(band.low, band.high) for band in found[:-1]]
    assert all(one[1] < other[0] for one, other in pairwise(edges))  # type: ignore[operator]
    assert 8 <= len(edges) <= 10


def test_the_stability_index_is_that_of_the_formula() -> None:
    before = np.arange(1000) / 1000
    assert stability_index(before, before).value == pytest.approx(0, abs=1e-6)
    now = np.where(before < 0.5, before, before / 2 + 0.25)
    # By hand: 10 % each below a half, then 20, 20 and 10 % up to .75, and none above.
    shares = np.array([0.1] * 5 + [0.2, 0.2, 0.1, 0.0005, 0.0005])
    found = stability_index(before, now).value
    assert found == pytest.approx(np.sum((shares - 0.1) * np.log(shares / 0.1)), rel=0.01)
    assert "only 5 scores" in stability_index(before, now[:5]).reason


def test_figures_of_many_rows_are_exact_and_their_intervals_those_of_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(1)
    accounts, landmarks = np.repeat(np.arange(700), 10), np.tile(np.arange(10), 700)
    own = np.repeat(random.normal(size=700), 10)
    p = 1 / (1 + np.exp(2 - own - random.normal(size=7000)))
    y = (random.random(7000) < p).astype(float)
    score = np.where(random.random(7000) < 0.02, np.nan, p)
    rows = read_rows(y, score, accounts, landmarks, "risk")
    clock = np.clip(score + random.normal(0, 0.2, 7000), 0.01, 0.99)[~np.isnan(score)]
    fine = judge(rows, probability=True, capacity=40, baseline=clock)
    monkeypatch.setattr(coarse, "FINE", 100)
    few = judge(rows, probability=True, capacity=40, baseline=clock)
    for name in METHODS:
        one, other = getattr(fine, name), getattr(few, name)
        assert other.value == one.value
        width = one.high - one.low
        assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=0.06 * width)
