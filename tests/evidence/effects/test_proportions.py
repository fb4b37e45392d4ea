import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

from heed.evidence.effects.contrast import ShareContrast
from heed.evidence.effects.proportions import (
    Stratum,
    clustered_proportion_effect,
    proportion_effect,
    proportion_ratio,
    stratified_proportion_effect,
)
from heed.evidence.estimate import Estimate

# The name would make pytest collect it.
score_test = test_proportions_2indep
del test_proportions_2indep


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0528, 0.3382),
        ((9, 10, 3, 10), 0.1700, 0.8406),
        ((6, 7, 2, 7), 0.0342, 0.8534),
        ((5, 56, 0, 29), -0.0326, 0.1933),
    ],
)
def test_the_interval_is_the_published_one(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table II, Miettinen and Nurminen's method."""
    effect = proportion_effect(*counts)
    assert (round(effect.low or 0, 4), round(effect.high or 0, 4)) == (low, high)


@pytest.mark.parametrize("counts", [(184, 200, 160, 200), (40, 90, 61, 88), (3, 50, 9, 61)])
def test_it_lies_near_the_hybrid_score_interval_of_statsmodels(counts: tuple[int, int, int, int]) -> None:
    effect = proportion_effect(*counts)
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert effect.low == pytest.approx(low, abs=0.005)
    assert effect.high == pytest.approx(high, abs=0.005)


@pytest.mark.parametrize("counts", [(184, 200, 160, 200), (3, 50, 9, 61)])
def test_z_is_that_of_statsmodels(counts: tuple[int, int, int, int]) -> None:
    expected = score_test(*counts, compare="diff", method="score").statistic
    assert ShareContrast(*counts).z == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("counts", [(184, 200, 160, 200), (3, 50, 9, 61), (1, 500, 30, 70)])
def test_the_interval_of_the_ratio_is_that_of_statsmodels(counts: tuple[int, int, int, int]) -> None:
    ratio = proportion_ratio(*counts)
    low, high = confint_proportions_2indep(*counts, method="score", compare="ratio")
    assert [ratio.low, ratio.high] == pytest.approx([low, high], rel=1e-6)
    assert ratio.value == pytest.approx(counts[0] / counts[1] / (counts[2] / counts[3]))


some_arm = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(some_arm, some_arm)
def test_an_interval_holds_its_value_and_its_ends_are_where_z_is_critical(
    treated: tuple[int, int], control: tuple[int, int]
) -> None:
    effect = proportion_effect(*treated, *control)
    assert effect.value is not None
    assert effect.low is not None
    assert effect.high is not None
    assert -1 <= effect.low <= effect.value <= effect.high <= 1
    assert effect.low < effect.high
    contrast = ShareContrast(*treated, *control)
    for end in (effect.low, effect.high):
        if abs(end) < 1:
            assert abs(contrast.z_against(end)) == pytest.approx(1.959964, abs=1e-4)


@given(some_arm, some_arm)
def test_exchanging_the_arms_turns_the_sign(treated: tuple[int, int], control: tuple[int, int]) -> None:
    one, other = proportion_effect(*treated, *control), proportion_effect(*control, *treated)
    assert one.low == pytest.approx(-(other.high or 0), abs=1e-7)


@given(some_arm, some_arm)
def test_the_interval_leaves_out_nothing_where_the_test_finds_something(
    treated: tuple[int, int], control: tuple[int, int]
) -> None:
    effect, z = proportion_effect(*treated, *control), ShareContrast(*treated, *control).z
    excludes_nothing = (effect.low or 0) > 1e-9 or (effect.high or 0) < -1e-9
    if abs(abs(z) - 1.959964) > 1e-6:
        assert excludes_nothing == (abs(z) > 1.959964)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ((0, 0, 0, 0), "nobody is in the experiment yet"),
        ((30, 40, 0, 0), "everyone is in the treated arm, so there is nobody to compare with"),
        ((0, 0, 30, 40), "everyone is in the control arm, so nobody was treated"),
    ],
)
def test_an_empty_arm_makes_the_effect_unknown(counts: tuple[int, int, int, int], reason: str) -> None:
    for effect in (proportion_effect(*counts), proportion_ratio(*counts)):
        assert (effect.value, effect.reason) == (None, reason)


def test_a_ratio_to_nobody_is_unknown() -> None:
    ratio = proportion_ratio(5, 10, 0, 10)
    assert ratio.reason == "nobody in the control arm succeeded, so there is nothing to compare with"


def test_a_ratio_of_nobody_starts_at_zero() -> None:
    ratio = proportion_ratio(0, 40, 10, 40)
    assert (ratio.value, ratio.low) == (0, 0)
    assert 0 < (ratio.high or 0) < 1


@pytest.mark.parametrize("counts", [(-1, 5, 2, 5), (6, 5, 2, 5), (2, 5, 6, 5)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="arm needs 0 <= successes <= n"):
        proportion_effect(*counts)


STRATA = [Stratum(30, 40, 20, 40), Stratum(5, 10, 6, 30), Stratum(55, 60, 70, 80)]


def rows_of(strata: list[Stratum]) -> pd.DataFrame:
    parts = []
    for number, counts in enumerate(strata):
        for arm, successes, n in (
            (1, counts.treated_successes, counts.treated_n),
            (0, counts.control_successes, counts.control_n),
        ):
            success = np.r_[np.ones(successes), np.zeros(n - successes)]
            parts.append(pd.DataFrame({"success": success, "treated": arm, "stratum": number}))
    return pd.concat(parts, ignore_index=True)


def test_the_stratified_effect_is_that_of_a_regression_with_strata() -> None:
    rows = rows_of(STRATA)
    design = pd.get_dummies(rows["stratum"]).astype(float).assign(treated=rows["treated"])
    expected = sm.OLS(rows["success"], design).fit()
    effect = stratified_proportion_effect(STRATA)
    assert effect.value == pytest.approx(expected.params["treated"], rel=1e-9)
    robust = expected.get_robustcov_results("HC1").bse[-1]
    assert (effect.high or 0) - (effect.low or 0) == pytest.approx(2 * 1.959964 * robust, rel=0.05)


def test_one_stratum_is_nearly_the_plain_effect() -> None:
    one, plain = stratified_proportion_effect([STRATA[0]]), proportion_effect(30, 40, 20, 40)
    assert one.value == plain.value
    assert one.low == pytest.approx(plain.low, abs=0.01)


def test_one_large_uneven_stratum_has_the_variance_of_two_shares() -> None:
    effect = stratified_proportion_effect([Stratum(5400, 6000, 600, 1000)])
    apart = (0.9 * 0.1 / 6000 + 0.6 * 0.4 / 1000) ** 0.5
    assert (effect.high or 0) - (effect.value or 0) == pytest.approx(1.959964 * apart, rel=1e-3)


def test_strata_guard_against_a_mix_that_turns_the_sign() -> None:
    """Simpson's reversal: better in both strata, worse in the sum."""
    strata = [Stratum(81, 87, 234, 270), Stratum(192, 263, 55, 80)]
    effect = stratified_proportion_effect(strata)
    assert (effect.value or 0) > 0
    assert (proportion_effect(273, 350, 289, 350).value or 0) < 0


def test_pairs_give_the_interval_of_many_small_strata() -> None:
    """One account per arm and stratum: the variance is that of matched pairs, (b + c)/n² less (b - c)²/n³."""
    strata = [Stratum(1, 1, 0, 1)] * 30 + [Stratum(0, 1, 1, 1)] * 15 + [Stratum(1, 1, 1, 1)] * 55
    effect = stratified_proportion_effect(strata)
    assert effect.value == pytest.approx(0.15)
    matched = (45 / 100**2 - 15**2 / 100**3) ** 0.5
    assert (effect.high or 0) - 0.15 == pytest.approx(1.959964 * matched, rel=0.03)


def test_strata_without_both_arms_tell_nothing() -> None:
    assert stratified_proportion_effect([Stratum(3, 5, 0, 0)]).reason.startswith("no stratum has accounts")
    with_it = stratified_proportion_effect([*STRATA, Stratum(3, 5, 0, 0)])
    assert with_it.value == stratified_proportion_effect(STRATA).value
    alike = stratified_proportion_effect([Stratum(5, 5, 5, 5)] * 2)
    assert alike.reason == "every stratum had all or none succeed, so the spread cannot be measured"
    assert stratified_proportion_effect([Stratum(5, 5, 5, 5)]) == proportion_effect(5, 5, 5, 5)


def clustered(seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    shares = random.beta(4, 2, 40)
    rows = [
        {"success": float(random.random() < shares[cluster]), "treated": cluster % 2, "cluster": cluster}
        for cluster in range(40)
        for _ in range(random.integers(2, 12))
    ]
    return pd.DataFrame(rows)


def test_clusters_widen_the_interval_as_statsmodels_says() -> None:
    rows = clustered()
    effect = clustered_proportion_effect(rows["success"], rows["treated"], rows["cluster"])
    design = sm.add_constant(rows[["treated"]].astype(float))
    fitted = sm.OLS(rows["success"], design).fit(cov_type="cluster", cov_kwds={"groups": rows["cluster"]})
    assert effect.value == pytest.approx(fitted.params["treated"])
    half = ((effect.high or 0) - (effect.low or 0)) / 2
    assert half == pytest.approx(2.024394 * fitted.bse["treated"], rel=0.05)
    arms = [rows.loc[rows["treated"] == arm, "success"] for arm in (1, 0)]
    plain = proportion_effect(int(arms[0].sum()), len(arms[0]), int(arms[1].sum()), len(arms[1]))
    assert half > ((plain.high or 0) - (plain.low or 0)) / 2


def test_clusters_of_one_are_hardly_clusters() -> None:
    success, treated = [1, 0] * 20 + [1, 1, 0, 1] * 10, [0] * 40 + [1] * 40
    effect = clustered_proportion_effect(success, treated, list(range(80)))
    plain = proportion_effect(30, 40, 20, 40)
    assert effect.low == pytest.approx(plain.low, abs=0.01)


def test_clusters_all_alike_count_as_one_each() -> None:
    effect = clustered_proportion_effect([1] * 30 + [0] * 30, [1] * 30 + [0] * 30, np.repeat(range(6), 10))
    assert effect.value == 1
    assert (effect.low or 0) < 0.5


def test_few_clusters_are_unknown_and_bad_columns_refused() -> None:
    few: Estimate = clustered_proportion_effect([1, 0, 1, 0], [1, 1, 0, 0], ["a", "b", "c", "d"])
    assert few.reason == "an arm has only 2 clusters, at least 3 are needed"
    with pytest.raises(ValueError, match="column success needs 0 or 1"):
        clustered_proportion_effect([1, 0.5], [1, 0], ["a", "b"])
    with pytest.raises(ValueError, match="Every row needs a cluster"):
        clustered_proportion_effect([1, 0], [1, 0], ["a", None])
    assert clustered_proportion_effect([1, 0], [1, 1], ["a", "b"]).reason.startswith("everyone is in the tr")
