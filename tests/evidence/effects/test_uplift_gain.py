import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklift.metrics import qini_auc_score, uplift_at_k  # type: ignore[import-untyped]

from heed.evidence.effects.gain import gain_area, gain_curve, influence, qini, standard_error
from tests.evidence.effects.known import known


def experiment(n: int = 800, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, a score that knows something, and treatment."""
    random = np.random.default_rng(seed)
    score, treatment = random.standard_normal(n), random.integers(0, 2, n)
    outcome = random.random(n) < 0.3 + 0.1 * treatment * (score > 0) + 0.1 * (score > 1)
    return outcome.astype(int), score, treatment


def area_of_the_protocol(y: np.ndarray, score: np.ndarray, treatment: np.ndarray) -> float:
    order = np.argsort(-score, kind="stable")
    y, w = y[order], treatment[order]
    n = np.arange(1, len(y) + 1)
    treated = np.cumsum(y * w) / np.maximum(np.cumsum(w), 1)
    untreated = np.cumsum(y * (1 - w)) / np.maximum(np.cumsum(1 - w), 1)
    gain = (treated - untreated) * n / len(y)
    return 1000 * float(np.mean(gain - n / len(y) * gain[-1]))


def test_the_area_is_that_of_the_peers_protocol() -> None:
    y, score, treatment = experiment()
    assert gain_area(y, score, treatment).value == pytest.approx(area_of_the_protocol(y, score, treatment))


def test_the_area_of_four_customers_by_hand() -> None:
    """By customers treated 1/4, 1/2, 3/4 · (1 - 0) and 1 · (1/2 - 0), less random's 1/8, 2/8, 3/8, 4/8."""
    found = gain_area([1, 0, 0, 0], [4, 3, 1, 2], [1, 0, 1, 0])
    assert found.value == pytest.approx(1000 * (1 / 8 + 2 / 8 + 3 / 8 + 0) / 4)


def test_a_constant_score_gains_nothing() -> None:
    y, _, treatment = experiment()
    assert gain_area(y, np.ones(len(y)), treatment).value == pytest.approx(0, abs=1e-9)


@given(st.permutations(range(40)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter_even_with_ties(order: list[int]) -> None:
    y, score, treatment = experiment(40)
    score = np.round(score)
    moved = gain_area(y[order], score[order], treatment[order])
    assert moved.value == pytest.approx(gain_area(y, score, treatment).value)


def test_the_reversed_order_loses_what_the_order_gains() -> None:
    y, score, treatment = experiment(4000)
    ahead, behind = (known(gain_area(y, by, treatment)).value for by in (score, -score))
    assert behind == pytest.approx(-ahead, rel=0.2)


def test_the_interval_is_as_wide_as_a_bootstrap_of_customers() -> None:
    y, score, treatment = experiment(1500)
    random = np.random.default_rng(1)
    drawn = [
        area_of_the_protocol(y[i], score[i], treatment[i])
        for i in (random.integers(0, len(y), len(y)) for _ in range(400))
    ]
    error = standard_error(influence(y * 1.0, score, treatment * 1.0))
    assert error == pytest.approx(np.std(drawn), rel=0.1)
    found = known(gain_area(y, score, treatment, level=0.8))
    assert found.width == pytest.approx(2 * 1.2816 * error, rel=1e-4)


def test_the_interval_counts_that_other_customers_would_rank_otherwise() -> None:
    """Where nearly only the treated of the upper half respond, ranking is much of the chance: without its
    part the error would be 7.5, not 5.9."""
    random = np.random.default_rng(0)
    score, treatment = random.standard_normal(600), random.integers(0, 2, 600).astype(np.float64)
    y = (random.random(600) < 0.02 + 0.95 * treatment * (score > 0)).astype(np.float64)
    drawn = [
        area_of_the_protocol(y[i], score[i], treatment[i])
        for i in (random.integers(0, 600, 600) for _ in range(400))
    ]
    assert standard_error(influence(y, score, treatment)) == pytest.approx(np.std(drawn), rel=0.12)


@pytest.mark.parametrize("rounded", [False, True])
def test_qini_is_that_of_scikit_uplift(rounded: bool) -> None:
    y, score, treatment = experiment()
    score = np.round(score) if rounded else score
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = qini_auc_score(y, score, treatment)
    assert qini(y, score, treatment).value == pytest.approx(expected)


def test_the_curve_shows_the_uplift_of_scikit_uplift_at_each_share() -> None:
    y, score, treatment = experiment()
    curve = gain_curve(y, score, treatment, shares=4)
    assert list(curve["share"]) == [0.25, 0.5, 0.75, 1.0]
    for share, effect in zip(curve["share"][:3], curve["effect"][:3], strict=True):
        assert effect == pytest.approx(1000 * uplift_at_k(y, score, treatment, strategy="overall", k=share))
    assert curve["gain"].iloc[-1] == pytest.approx(curve["random"].iloc[-1])
    assert curve["gain"].iloc[1] == pytest.approx(curve["effect"].iloc[1] / 2)


@pytest.mark.parametrize(
    ("treatment", "reason"),
    [([1, 1, 1], "everyone was treated"), ([0, 0, 0], "nobody was treated"), ([], "nobody was treated yet")],
)
def test_an_empty_arm_is_unknown_in_words(treatment: list[int], reason: str) -> None:
    y, score = [1, 0, 1][: len(treatment)], [3, 2, 1][: len(treatment)]
    assert reason in gain_area(y, score, treatment).reason
    assert reason in qini(y, score, treatment).reason
    assert gain_curve(y, score, treatment).empty


def test_outcomes_that_do_not_vary_have_no_qini() -> None:
    assert "do not vary" in qini([0, 0, 0, 0], [1, 2, 3, 4], [0, 1, 0, 1]).reason


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gain_area([1, 0], [1, 2, 3], [0, 1]), "scores are 3; one per outcome"),
        (lambda: gain_area([1, 0], [1, 2], [0, 2]), "1 for treated and 0 for not"),
        (lambda: gain_area([1, np.nan], [1, 2], [0, 1]), "outcomes have values that are missing"),
        (lambda: gain_area([1, 0], [1, np.inf], [0, 1]), "scores have values that are missing or infinite"),
        (lambda: qini([1, 5], [1, 2], [0, 1]), "outcomes of 0 and 1"),
    ],
)
def test_wrong_use_is_named(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
