from itertools import product
from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.base import clone

from heed.evidence.effects.confidence_sequences import (
    BettingSequence,
    ConfidenceSequence,
    _capital,
    drift_of_the_bet,
    running_intersection,
)
from heed.evidence.effects.contrast import Contrast, MeanContrast, ShareContrast
from heed.evidence.effects.spending import crossing
from heed.evidence.estimate import Estimate

PLANNED = ConfidenceSequence(200, 200)


@pytest.mark.parametrize("fraction", [0.05, 0.3, 1.0, 7.0])
def test_at_the_critical_z_the_evidence_is_one_over_alpha(fraction: float) -> None:
    """Slow and obvious: the likelihood ratio of z, integrated over the drifts that are betted on."""
    z, drift = PLANNED.critical(fraction), drift_of_the_bet(0.95)

    def mixed(sign: int) -> float:
        def ratio(true: float) -> float:
            density = float(norm.pdf(true, sign * drift, drift / 4))
            return density * exp(true * sqrt(fraction) * z - true**2 * fraction / 2)

        return float(quad(ratio, sign * drift - 8, sign * drift + 8, limit=200)[0])

    assert (mixed(1) + mixed(-1)) / 2 == pytest.approx(20, rel=1e-6)


def test_looking_all_the_time_is_hardly_ever_wrong() -> None:
    """By the integration of the group-sequential tests, far beyond the planned number."""
    fractions = tuple((number + 1) / 20 for number in range(80))
    critical = tuple(PLANNED.critical(fraction) for fraction in fractions)
    assert 0.02 < sum(crossing(fractions, critical)) < 0.05


def test_it_goes_on_narrowing_after_the_planned_number() -> None:
    widths = [PLANNED.critical(fraction) / sqrt(fraction) for fraction in (0.5, 1, 2, 4, 16, 64, 256)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[1] / 8


def shares(*looks: tuple[int, int, int]) -> list[Contrast]:
    return [ShareContrast(treated, n, control, n) for n, treated, control in looks]


def test_it_decides_and_the_interval_agrees() -> None:
    looks = shares((50, 46, 40), (100, 92, 80), (150, 138, 116), (200, 170, 168))
    decision = PLANNED.decide(looks)
    assert (decision.finding, decision.stop, decision.look) == ("better", True, 3)
    assert (decision.estimate.low or 0) > 0
    assert decision.estimate.n == 300
    assert "however" in decision.guarantee
    before = PLANNED.decide(looks[:2])
    assert (before.finding, before.stop, before.look) == ("go on", False, 2)
    assert (before.estimate.low or 0) < 0
    worse = PLANNED.decide(shares((150, 100, 138)))
    assert worse.finding == "worse"


def test_no_look_yet_is_unknown() -> None:
    assert PLANNED.decide([]).estimate.reason == "no look was taken yet"
    with pytest.raises(ValueError, match="above 0"):
        PLANNED.critical(0)


def test_intervals_of_means_use_the_tail_of_students_t() -> None:
    few, many = (PLANNED.interval(MeanContrast(0, 1, 20, 20, freedom)) for freedom in (5.0, 1e6))
    assert (few.high or 0) > 1.5 * (many.high or 0)


def test_running_intervals_only_narrow() -> None:
    looks = shares((50, 46, 40), (100, 92, 80), (110, 93, 90))
    plain, running = PLANNED.intervals(looks, running=False), PLANNED.intervals(looks)
    assert (plain[2].low or 0) < (plain[1].low or 0)
    assert running[2].low == plain[1].low


def test_looks_that_contradict_each_other_are_unknown() -> None:
    early, late = Estimate(0.3, 0.2, 0.4, 100), Estimate(0.0, -0.1, 0.1, 400)
    found = running_intersection([early, Estimate.unknown("not yet"), late])
    assert found[0] == early
    assert found[1].reason == "not yet"
    assert found[2].reason == "the looks contradict each other: the effect changed while it was measured"


def arm(share: float, n: int, seed: int) -> list[float]:
    return [float(drawn < share) for drawn in np.random.default_rng(seed).random(n)]


def test_betting_finds_a_large_effect_and_agrees_with_its_evidence() -> None:
    test = BettingSequence(200)
    treated, control = arm(0.95, 200, 1), arm(0.75, 200, 2)
    effect = test.interval(treated, control)
    assert (effect.low or 0) > 0
    assert effect.value == pytest.approx(np.mean(treated) - np.mean(control))
    assert effect.n == 400
    assert test.evidence(treated, control).max() > 20


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 80))
def test_betting_turns_with_the_arms_and_waits_for_partners(seed: int, n: int, m: int) -> None:
    test = BettingSequence(50)
    one, other = arm(0.6, n, seed), arm(0.5, m, seed + 1)
    effect, turned = test.interval(one, other), test.interval(other, one)
    assert effect.low == pytest.approx(-(turned.high or 0), abs=1e-6)
    assert effect.n == 2 * min(n, m)


def test_nobody_can_expect_to_win_when_there_is_no_difference() -> None:
    """The e-value averages 1 or less: exactly so for one pair, over all four outcomes of share .3."""
    test, share = BettingSequence(20), 0.3
    chance = {1.0: share, 0.0: 1 - share}
    mean = sum(
        chance[a] * chance[b] * chance[c] * chance[d] * test.evidence([a, c], [b, d])[-1]
        for a in chance for b in chance for c in chance for d in chance
    )  # fmt: skip
    assert mean == pytest.approx(1)


def test_nobody_can_expect_to_win_against_the_true_difference() -> None:
    """Two pairs of shares .7 and .3: a bet that knew its own pair would win or lose on average."""
    test, mean = BettingSequence(20), 0.0
    chances = {1.0: 0.7 * 0.7, 0.0: 2 * 0.7 * 0.3, -1.0: 0.3 * 0.3}
    for first, second in product(chances, repeat=2):
        pairs = np.array([first, second])
        mean += chances[first] * chances[second] * _capital(pairs, test._bets(pairs), 0.4)[-1]
    assert mean == pytest.approx(1)


def test_an_interval_by_betting_leaves_out_nothing_only_with_evidence_enough() -> None:
    test, decided = BettingSequence(200), 0
    for seed in range(0, 80, 2):
        treated, control = arm(0.9, 200, seed), arm(0.8, 200, seed + 1)
        if (test.interval(treated, control).low or 0) > 0:
            decided += 1
            assert test.evidence(treated, control).max() >= 20
    assert 10 < decided < 40


def test_betting_on_other_scales_is_the_same_bet() -> None:
    treated, control = arm(0.9, 60, 3), arm(0.6, 60, 4)
    plain = BettingSequence(60).interval(treated, control)
    money = BettingSequence(60, high=250.0).interval([250 * v for v in treated], [250 * v for v in control])
    assert [money.value, money.low] == pytest.approx([250 * (plain.value or 0), 250 * (plain.low or 0)])


def test_betting_without_pairs_or_with_unknown_outcomes_is_unknown() -> None:
    test = BettingSequence(20)
    assert test.interval([], [1.0]).reason == "no pair of outcomes yet, one of each arm"
    assert test.interval([float("nan")], [1.0]).reason == "some outcomes are not known yet"
    with pytest.raises(ValueError, match="treated arm must be known and lie within"):
        test.interval([2.0], [1.0])


def test_an_effect_that_turns_is_a_contradiction() -> None:
    test = BettingSequence(100)
    treated, control = [1.0] * 100 + [0.0] * 400, [0.0] * 100 + [1.0] * 400
    assert test.interval(treated, control).reason.startswith("the looks contradict")


def test_they_are_cloned_as_scikit_learn_does() -> None:
    for test in (PLANNED, BettingSequence(40, high=2.0, level=0.9)):
        assert clone(test).get_params() == test.get_params()
    assert ConfidenceSequence(5, 5, level=0.9).critical(1) < PLANNED.critical(1)
