import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, betabinom

from heed.evidence.effects.success import pooled_success_rates, success_rate


def test_the_golden_rates_of_the_practices() -> None:
    half = success_rate(12, 24)
    assert [round(100 * (end or 0), 1) for end in (half.estimate.low, half.estimate.high)] == [31.4, 68.6]
    assert half.verdict == "below"
    assert half.words == "Improve or replace it: 12 of 24 (31% to 69%) is not above 50%."
    all_of_five = success_rate(5, 5)
    assert [round(100 * (end or 0), 1) for end in (all_of_five.estimate.low, all_of_five.estimate.high)] == [
        56.6,
        100,
    ]
    assert all_of_five.verdict == "too few"
    assert all_of_five.words == "Too few to judge: 5 of 5 (57% to 100%); 20 are needed."
    hundred = success_rate(50, 100)
    assert [round(100 * (end or 0), 1) for end in (hundred.estimate.low, hundred.estimate.high)] == [
        40.4,
        59.6,
    ]
    assert hundred.verdict == "below"


def test_the_target_is_reached_missed_or_undecided() -> None:
    assert success_rate(85, 100, target=0.75).verdict == "reached"
    assert success_rate(80, 100, target=0.75).verdict == "undecided"
    assert success_rate(60, 100, target=0.75).verdict == "below"
    assert success_rate(60, 100, target=0.75).words.endswith("stays under the target of 75%.")


def test_a_clear_miss_needs_no_least_number() -> None:
    assert success_rate(2, 10, target=0.8).verdict == "below"
    assert success_rate(5, 10, target=0.6).verdict == "too few"


def test_nothing_delivered_is_unknown() -> None:
    rate = success_rate(0, 0)
    assert (rate.estimate.value, rate.verdict, rate.words) == (None, "too few", "Nothing was delivered yet.")
    with pytest.raises(ValueError, match="0 <= successes <= n"):
        success_rate(6, 5)


def test_five_of_five_is_drawn_towards_the_others() -> None:
    rates = pooled_success_rates({"new": (5, 5), "a": (30, 60), "b": (28, 60), "c": (33, 60), "d": (31, 60)})
    assert 0.5 < (rates.groups["new"].value or 0) < 0.75
    assert (rates.groups["new"].high or 0) < 1
    assert rates.groups["a"].value == pytest.approx(0.5, abs=0.02)


def test_groups_that_differ_are_left_apart() -> None:
    rates = pooled_success_rates({"good": (190, 200), "bad": (20, 200), "middle": (100, 200)})
    assert rates.groups["good"].value == pytest.approx(0.945, abs=0.01)
    assert (rates.spread.low or 0) > 0.1
    alike = pooled_success_rates(
        {"one": (100, 200), "two": (101, 200), "three": (99, 200), "four": (100, 200)}
    )
    assert (alike.spread.value or 0) < 0.05


def test_the_pooled_rate_is_bayes_rule_on_the_beta_binomial() -> None:
    """Slow and obvious, with scipy's betabinom and beta on a grid of its own."""
    counts = {"a": (9, 10), "b": (14, 30), "c": (20, 25), "d": (3, 12)}
    shrinkage = (np.arange(120) + 0.5) / 120
    rate = (np.arange(150) + 0.5) / 150
    strength = 18.5 * shrinkage / (1 - shrinkage)
    a, b = np.outer(rate, strength), np.outer(1 - rate, strength)
    weights = np.prod(np.array([betabinom.pmf(seen, n, a, b) for seen, n in counts.values()]), axis=0)
    weights /= weights.sum()
    found = pooled_success_rates(counts)
    for name, (seen, n) in counts.items():
        posterior = beta(a + seen, b + n - seen)
        estimate = found.groups[name]
        assert estimate.value == pytest.approx((weights * posterior.mean()).sum(), abs=1e-3)
        assert (weights * posterior.cdf(estimate.low or 0)).sum() == pytest.approx(0.025, abs=1e-3)
        assert (weights * posterior.cdf(estimate.high or 0)).sum() == pytest.approx(0.975, abs=1e-3)


counts = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=15, deadline=None)
@given(st.lists(counts, min_size=2, max_size=5))
def test_a_pooled_interval_holds_its_rate_and_stays_within_the_shares(
    groups: list[tuple[int, int]],
) -> None:
    rates = pooled_success_rates({str(number): pair for number, pair in enumerate(groups)})
    for estimate, (_, n) in zip(rates.groups.values(), groups, strict=True):
        assert estimate.value is not None
        assert 0 <= (estimate.low or 0) < estimate.value < (estimate.high or 0) <= 1
        assert estimate.n == n


def test_what_has_nothing_to_pool_with_is_said() -> None:
    alone = pooled_success_rates({"only": (5, 5), "empty": (0, 0)})
    assert alone.groups["only"].value == 1
    assert alone.groups["empty"].reason == "no observations yet"
    assert alone.common.reason == "only one group has deliveries"
    assert pooled_success_rates({}).common.reason == "nothing was delivered yet"
