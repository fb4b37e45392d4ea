from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from heed.evidence.effects.assignment import (
    CONCENTRATION,
    assign,
    if_ratio_holds,
    sample_ratio_check,
    sequential_ratio_check,
)
from heed.evidence.estimate import Estimate

HALVES = {"treated": 0.5, "holdout": 0.5}
KEYS = [f"acc-{number}" for number in range(8)]


def test_the_arms_of_known_keys_never_change() -> None:
    golden = "holdout treated holdout treated holdout holdout treated holdout"
    assert assign(KEYS, "winter-play", HALVES).tolist() == golden.split()
    other = "holdout holdout treated holdout holdout treated treated treated"
    assert assign(KEYS, "spring-play", HALVES).tolist() == other.split()


def test_the_dealt_arms_of_known_keys_never_change() -> None:
    golden = "holdout treated holdout treated holdout treated treated holdout"
    assert assign(KEYS, "winter-play", HALVES, strata=list("aaaabbbb")).tolist() == golden.split()


@given(st.permutations([f"k{number}" for number in range(30)]), st.booleans())
def test_the_order_does_not_matter(keys: list[str], with_strata: bool) -> None:
    def stratum(key: str) -> int:
        return len(key)

    def arms(keys: list[str]) -> list[str]:
        strata = [stratum(key) for key in keys] if with_strata else None
        return assign(keys, "s", HALVES, strata=strata).sort_index().tolist()

    assert arms(keys) == arms(sorted(keys))


def test_newcomers_change_nobody() -> None:
    assert assign(KEYS, "s", HALVES).tolist() == assign([*KEYS, "new"], "s", HALVES).tolist()[:8]


def test_shares_are_kept_and_experiments_are_independent() -> None:
    keys = [f"account {number}" for number in range(20_000)]
    one = assign(keys, "one", {"a": 0.2, "b": 0.3, "c": 0.5})
    assert chisquare(one.value_counts()[["a", "b", "c"]], [4000, 6000, 10_000]).pvalue > 0.01
    two = assign(keys, "two", HALVES)
    within = two[one == "c"].value_counts()
    assert binomtest(int(within["treated"]), int(within.sum())).pvalue > 0.01


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.text(max_size=5))
def test_each_stratum_gets_its_share_of_each_arm(strata: list[int], salt: str) -> None:
    keys = [str(number) for number in range(len(strata))]
    shares = {"a": 0.25, "b": 0.25, "c": 0.5}
    arms = assign(keys, salt, shares, strata=strata).to_numpy()
    for stratum in set(strata):
        own = arms[np.array(strata) == stratum]
        for arm, share in shares.items():
            assert abs((own == arm).sum() - share * len(own)) < 1 + 1e-9


def test_a_stratum_of_one_falls_into_each_arm_by_its_share() -> None:
    keys = [f"account {number}" for number in range(4000)]
    arms = assign(keys, "one", {"treated": 0.25, "holdout": 0.75}, strata=keys)
    assert binomtest(int((arms == "treated").sum()), 4000, 0.25).pvalue > 0.01


@pytest.mark.parametrize("shares", [{"a": 1.0}, {"a": 0.5, "b": 0.6}, {"a": 0.0, "b": 1.0}])
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        assign(KEYS, "s", shares)


def test_keys_twice_and_strata_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="named twice"):
        assign(["a", "a"], "s", HALVES)
    with pytest.raises(ValueError, match="1 strata for 2 keys"):
        assign(["a", "b"], "s", HALVES, strata=["x"])


def test_a_broken_ratio_is_said_and_makes_the_effect_unknown() -> None:
    check = sample_ratio_check({"treated": 90, "holdout": 30}, HALVES)
    assert check.broken
    assert check.p_value == pytest.approx(binomtest(90, 120).pvalue)
    assert check.reason == (
        "the arms are not filled as planned (treated 90 instead of 60, holdout 30 instead of 60), "
        "so something decides besides chance"
    )
    effect = Estimate(0.1, 0.05, 0.15, 120)
    assert if_ratio_holds(effect, check).reason == check.reason
    assert if_ratio_holds(effect, check).value is None
    assert if_ratio_holds(effect, sample_ratio_check({"treated": 66, "holdout": 54}, HALVES)) == effect


def test_three_arms_are_checked_as_gbstats_does() -> None:
    """gbstats 0.8.0: check_srm([510, 480, 1010], [.25, .25, .5])."""
    shares = {"a": 0.25, "b": 0.25, "c": 0.5}
    check = sample_ratio_check({"a": 510, "b": 480, "c": 1010}, shares)
    assert check.p_value == pytest.approx(0.5769498103804868)
    assert not check.broken
    assert check.expected == {"a": 500, "b": 500, "c": 1000}


def test_an_arm_that_nobody_entered_counts_as_zero() -> None:
    assert sample_ratio_check({"treated": 30}, HALVES).broken
    assert sample_ratio_check({}, HALVES).p_value == 1


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="'other' has accounts but no planned share"):
        sample_ratio_check({"other": 3}, HALVES)
    with pytest.raises(ValueError, match="counted from 0"):
        sample_ratio_check({"treated": -3}, HALVES)
    with pytest.raises(ValueError, match="went down"):
        sequential_ratio_check([{"treated": 3}, {"treated": 2}], HALVES)


def test_the_sequential_check_multiplies_what_was_expected_of_each_account() -> None:
    """Slow and obvious: each account's arm, foretold by the counts so far and the prior, over its share."""
    order = ["treated", "treated", "holdout", "treated", "treated"]
    shares = {"treated": 0.6, "holdout": 0.4}
    seen, factors, history = {"treated": 0, "holdout": 0}, [], []
    for number, arm in enumerate(order):
        factors.append((CONCENTRATION * shares[arm] + seen[arm]) / (CONCENTRATION + number) / shares[arm])
        seen[arm] += 1
        history.append(dict(seen))
    highest = max(1.0, *(prod(factors[:end]) for end in range(1, 6)))
    assert sequential_ratio_check(history, shares).p_value == pytest.approx(1 / highest)


def test_the_sequential_check_never_forgets() -> None:
    bad, mended = {"treated": 200, "holdout": 100}, {"treated": 1000, "holdout": 1000}
    assert sequential_ratio_check([bad, mended], HALVES).broken
    assert not sequential_ratio_check([mended], HALVES).broken
    assert sequential_ratio_check([], HALVES).p_value == 1


def test_read_daily_it_is_hardly_ever_wrong() -> None:
    random = np.random.default_rng(5)
    treated = np.cumsum(random.random((300, 400)) < 0.5, axis=1)[:, 9::10]
    looks = np.arange(10, 401, 10)
    low = [
        sequential_ratio_check(
            [{"treated": int(a), "holdout": int(n - a)} for a, n in zip(run, looks, strict=True)], HALVES
        ).p_value
        for run in treated
    ]
    assert np.mean(np.array(low) < 0.05) <= 0.05
