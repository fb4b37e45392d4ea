"""The AUC of a metric: its test is the Mann-Whitney test of scipy, its variance that of placements."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from heed.evidence.cards.discovery import adjusted
from heed.evidence.cards.separation import Separation, odds_ratio, separation


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([2, 4, 11, 1000]))
def test_the_p_value_is_that_of_the_mann_whitney_test_of_scipy(seed: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    y = np.r_[0.0, 1.0, (random.random(80) < 0.3).astype(float)]
    values = np.r_[0.0, 1.0, random.integers(0, levels, 80)] + 0.3 * y * random.integers(0, 2, 82)
    found = separation(y, values, np.arange(82))
    pinned = mannwhitneyu(values[y == 1], values[y == 0], method="asymptotic", use_continuity=False)
    assert found.auc == pytest.approx(roc_auc_score(y, values))
    assert found.p_value == pytest.approx(pinned.pvalue, rel=1e-9)


def test_the_interval_is_where_the_auc_is_just_so_many_standard_errors_away() -> None:
    found = Separation(auc=0.8, left=30, stayed=120, spread=1.0, own_spread=1.0)
    estimate = found.estimate(0.95)
    for bound in (estimate.low, estimate.high):
        assert bound is not None
        half = (30 + 120) / 2 - 1
        shape = 1 + half * ((1 - bound) / (2 - bound) + bound / (1 + bound))
        error = np.sqrt(bound * (1 - bound) * shape / (30 * 120))
        assert abs(0.8 - bound) / error == pytest.approx(norm.ppf(0.975), rel=1e-6)


@pytest.mark.parametrize(("left", "stayed"), [(10, 90), (40, 360)])
def test_an_auc_of_one_still_has_an_interval(left: int, stayed: int) -> None:
    y = np.r_[np.ones(left), np.zeros(stayed)]
    estimate = separation(y, y + np.arange(len(y)) / 1e6, np.arange(len(y))).estimate()
    assert (estimate.value, estimate.high) == (1, 1)
    assert estimate.low == pytest.approx({10: 0.890, 40: 0.973}[left], abs=2e-3)


def test_rows_that_repeat_an_account_tell_nothing_more() -> None:
    random = np.random.default_rng(2)
    y, values = (random.random(150) < 0.3).astype(float), random.normal(size=150)
    once = separation(y, values, np.arange(150))
    again = separation(np.repeat(y, 6), np.repeat(values, 6), np.repeat(np.arange(150), 6))
    assert again.p_value == pytest.approx(once.p_value, rel=0.05)
    assert again.estimate().low == pytest.approx(once.estimate().low, abs=0.01)


def test_the_least_visible_effect_is_seen_with_the_power_it_claims() -> None:
    least = Separation(0.5, 40, 160, 1.0, 1.0).detectable()
    assert least is not None
    random = np.random.default_rng(4)
    y = np.r_[np.ones(40), np.zeros(160)]
    distance = np.sqrt(2) * norm.ppf(least)
    draws = random.normal(size=(400, 200)) + y * distance
    seen = np.mean([separation(y, values, np.arange(200)).p_value < 0.05 for values in draws])
    assert 0.74 <= seen <= 0.86
    assert odds_ratio(least) == pytest.approx(np.exp(distance))


def test_of_very_few_no_effect_can_be_seen() -> None:
    assert Separation(0.5, 1, 2, 1.0, 1.0).detectable() is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=30))
def test_false_discoveries_are_held_as_in_statsmodels(p_values: list[float]) -> None:
    p = np.array(p_values)
    if not p.size:
        assert not adjusted(p).size
        return
    assert adjusted(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])
    assert adjusted(p, "Benjamini-Yekutieli") == pytest.approx(multipletests(p, method="fdr_by")[1])


def test_a_p_value_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        adjusted(np.array([0.1, np.nan]))
