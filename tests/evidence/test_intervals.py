import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from heed.evidence import Estimate, ces, mean_effect, nps, pooled_success_rates
from heed.evidence.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(12, 24, 31.4, 68.6), (5, 5, 56.6, 100.0), (50, 100, 40.4, 59.6)]
)
def test_it_gives_the_golden_intervals(successes: int, n: int, low: float, high: float) -> None:
    share = wilson(successes, n)
    assert share.value == successes / n
    assert share.n == n
    assert round(100 * (share.low or 0), 1) == low
    assert round(100 * (share.high or 0), 1) == high


@given(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.8, 0.95]),
)
def test_it_agrees_with_statsmodels(pair: tuple[int, int], level: float) -> None:
    share = wilson(*pair, level=level)
    low, high = proportion_confint(*pair, alpha=1 - level, method="wilson")
    assert share.low == pytest.approx(low, abs=1e-12)
    assert share.high == pytest.approx(high, abs=1e-12)


def test_no_observations_are_unknown_not_zero() -> None:
    share = wilson(0, 0)
    assert (share.value, share.low, share.high, share.n) == (None, None, None, 0)
    assert share.reason == "no observations yet"


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 2), (0, -1)])
def test_it_refuses_more_successes_than_observations(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="0 <= successes <= n"):
        wilson(successes, n)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.5, float("nan")])
def test_a_level_that_is_none_is_refused_and_not_answered_by_an_interval_of_nan(level: float) -> None:
    for interval in (
        lambda: wilson(3, 10, level=level), lambda: nps([9, 3, 10, 7], level=level),
        lambda: ces([5, 3, 6], level=level), lambda: mean_effect([1, 2, 3, 5], [0, 1, 0, 1], level=level),
        lambda: pooled_success_rates({"a": (3, 9), "b": (4, 8)}, level=level),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="A level lies between 0 and 1"):
            interval()


def test_an_estimate_is_a_number_or_unknown() -> None:
    with pytest.raises(ValueError, match="numbers or unknown"):
        Estimate(float("nan"))
    with pytest.raises(ValueError, match="numbers or unknown"):
        Estimate(1.0, 0.0, float("inf"))
