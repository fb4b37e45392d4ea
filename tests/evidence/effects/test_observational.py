import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from heed.evidence import e_value, observational_effect
from heed.evidence.effects.crossing import cross_fitted, learners
from heed.evidence.effects.observational import doubly_robust
from heed.evidence.effects.overlap import Overlap, comparable
from tests.evidence.effects.known import known


class Play(NamedTuple):
    outcome: np.ndarray
    treated: np.ndarray
    accounts: pd.DataFrame
    effect: float


def confounded(n: int = 800, seed: int = 0, strength: float = 0.8) -> Play:
    """Healthy accounts are treated more often and renew more often; the plan matters too."""
    random = np.random.default_rng(seed)
    accounts = pd.DataFrame({"health": random.normal(size=n), "plan": random.choice(["team", "big"], n)})
    plan = (accounts["plan"] == "big").to_numpy(float)
    treated = (random.random(n) < expit(strength * accounts["health"] + 0.5 * plan)).astype(int)
    base = 0.9 * accounts["health"].to_numpy() + 0.5 * plan - 0.3
    outcome = (random.random(n) < expit(base + 0.7 * treated)).astype(int)
    return Play(outcome, treated, accounts, float(np.mean(expit(base + 0.7) - expit(base))))


def test_what_is_known_is_corrected_for() -> None:
    play = confounded()
    found = observational_effect(play.outcome, play.treated, play.accounts)
    assert known(found.estimate).low <= play.effect <= known(found.estimate).high
    assert known(found.naive).low > play.effect
    assert known(found.if_treated).value - known(found.if_untreated).value == pytest.approx(
        found.estimate.value
    )
    assert found.words.startswith("Not randomised: +")
    assert [part for part, _ in found.learners] == [
        "outcome if treated", "outcome if untreated", "chance of treatment",
    ]  # fmt: skip


def test_the_label_stands_on_every_result_and_cannot_be_taken_off() -> None:
    play = confounded()
    assert observational_effect(play.outcome, play.treated, play.accounts).label == "not randomised"
    nothing = observational_effect(play.outcome, 0 * play.treated, play.accounts)
    assert nothing.label == "not randomised"
    with pytest.raises(AttributeError):
        nothing.label = "randomised"  # type: ignore[misc,assignment]


def test_it_is_the_interactive_model_of_doubleml() -> None:
    """The same folds and learners: the same effect, and the same error but for n - 1 and Student's t."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from doubleml import DoubleMLData, DoubleMLIRM
    from sklearn.model_selection import StratifiedKFold

    play = confounded(n=500, strength=0.5)
    numbers = play.accounts.assign(plan=(play.accounts["plan"] == "big") * 1.0)
    found = observational_effect(play.outcome, play.treated, numbers, seed=3)
    assert found.overlap is not None
    assert found.overlap.trimmed == 0
    own = [learners(True, 500, 3)[name] for _, name in found.learners]
    strata = 2 * play.treated + play.outcome
    folds = list(StratifiedKFold(5, shuffle=True, random_state=3).split(strata, strata))
    data = DoubleMLData.from_arrays(numbers.to_numpy(), play.outcome, play.treated)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = DoubleMLIRM(data, ml_g=own[0], ml_m=own[2], n_folds=5, draw_sample_splitting=False)
        peer.set_ml_nuisance_params("ml_g1", "d", own[0].get_params())
        peer.set_ml_nuisance_params("ml_g0", "d", own[1].get_params())
        peer.set_sample_splitting([folds]).fit()
    assert found.estimate.value == pytest.approx(peer.coef[0], abs=1e-8)
    low, high = peer.confint().to_numpy()[0]
    assert [found.estimate.low, found.estimate.high] == pytest.approx([low, high], abs=1e-3)


def test_either_model_may_be_wrong() -> None:
    """Scores with a wrong model of the outcome, or a wrong chance of treatment, still find the effect."""
    random = np.random.default_rng(0)
    n = 100_000
    x = random.normal(size=n)
    chance = expit(x)
    treated = (random.random(n) < chance).astype(np.float64)
    outcome = x + 2 * treated + random.normal(size=n)
    wrong: Any = np.zeros(n)
    for if_treated, if_untreated, e in ((wrong, wrong, chance), (x + 2, x, np.full(n, 0.5))):
        everyone, nobody = doubly_robust(outcome, treated, if_treated, if_untreated, e)
        assert np.mean(everyone - nobody) == pytest.approx(2, abs=0.05)
    everyone, nobody = doubly_robust(outcome, treated, wrong, wrong, np.full(n, 0.5))
    assert abs(np.mean(everyone - nobody) - 2) > 0.5


def test_missing_is_a_level_of_its_own() -> None:
    random = np.random.default_rng(1)
    n = 1500
    silent = random.random(n) < 0.5
    treated = random.random(n) < np.where(silent, 0.25, 0.75)
    outcome = (random.random(n) < np.where(silent, 0.3, 0.7)) * 1
    answers = pd.DataFrame({"score": np.where(silent, np.nan, random.integers(0, 11, n))})
    found = observational_effect(outcome, treated, answers)
    assert known(found.naive).low > 0.1
    assert known(found.estimate).low < 0 < known(found.estimate).high


def test_amounts_have_an_effect_in_their_own_unit() -> None:
    play = confounded()
    random = np.random.default_rng(2)
    amount = 100 + 20 * play.accounts["health"] + 10 * play.treated + random.normal(0, 5, 800)
    found = observational_effect(amount, play.treated, play.accounts)
    effect = known(found.estimate)
    assert effect.low <= 10 <= effect.high
    assert effect.value == pytest.approx(10, abs=1.5)
    cents = observational_effect(100 * amount, play.treated, play.accounts)
    assert cents.estimate.value == pytest.approx(100 * effect.value, rel=1e-3)
    assert found.e_value is not None
    assert found.e_value.ratio == pytest.approx(np.exp(0.91 * effect.value / amount.std()))


def test_rows_that_belong_together_count_as_one() -> None:
    play = confounded(n=400)
    single = known(observational_effect(play.outcome, play.treated, play.accounts).estimate)
    four = np.repeat(np.arange(400), 4)
    repeated = play.accounts.iloc[four]
    args = (play.outcome[four], play.treated[four], repeated)
    honest = known(observational_effect(*args, clusters=four).estimate)
    blind = known(observational_effect(*args).estimate)
    assert honest.width == pytest.approx(single.width, rel=0.1)
    assert blind.width < 0.65 * single.width


def test_a_cluster_stays_in_one_fold() -> None:
    """A covariate that names the cluster tells nothing about its own outcomes."""
    random = np.random.default_rng(0)
    cluster = np.repeat(np.arange(30), 40)
    luck = random.integers(0, 2, 30)[cluster].astype(np.float64)
    treated = np.tile([0.0, 1.0], 600)
    names = pd.DataFrame({"company": [f"c{number}" for number in cluster]})

    def related(clustered: bool) -> float:
        crossed = cross_fitted(
            names, luck, treated, cluster, is_chance=True, clustered=clustered, folds=5, seed=0
        )
        return float(np.corrcoef(crossed.if_treated, luck)[0, 1])

    assert related(clustered=False) > 0.9
    assert related(clustered=True) < 0.3


def test_covariates_that_tell_nothing_correct_nothing() -> None:
    play = confounded(n=300)
    names = pd.DataFrame({"account": [f"account {number}" for number in range(300)]})
    found = observational_effect(play.outcome, play.treated, names)
    assert found.estimate.value == pytest.approx(found.naive.value, abs=0.02)


@given(st.lists(st.floats(0.01, 0.99), min_size=5, max_size=60))
@settings(max_examples=40, deadline=None)
def test_trimming_is_crumps_rule(chances: list[float]) -> None:
    """Nobody with a bound of 1/(e(1 - e)) other than the chosen one gives a smaller variance bound, and the
    chosen one meets their condition: at most twice the mean of those kept."""
    chance = np.array(chances)
    cost = 1 / (chance * (1 - chance))
    kept = comparable(chance)

    def variance(rows: np.ndarray) -> float:
        return float(cost[rows].sum() / rows.sum() ** 2)

    assert variance(kept) <= min(variance(cost <= bound) for bound in cost) * (1 + 1e-9)
    assert cost[kept].max() <= 2 * cost[kept].mean() + 1 / kept.sum() * cost[kept].max() + 1e-9


def test_who_is_comparable_is_shown() -> None:
    chance = np.array([0.05] * 30 + [0.5] * 60 + [0.95] * 10)
    treated = np.array([0] * 30 + [0, 1] * 30 + [1] * 10)
    overlap = Overlap.of(chance, treated * 1.0, comparable(chance))
    assert overlap.trimmed == pytest.approx(0.4)
    assert (overlap.lowest, overlap.highest) == (0.5, 0.5)
    assert overlap.effective_treated == pytest.approx(30)
    assert overlap.in_common == pytest.approx(0.5)
    assert overlap.table["treated"].tolist() == [0, 0, 0, 0, 0, 30, 0, 0, 0, 10]
    assert overlap.table["untreated"].tolist() == [30, 0, 0, 0, 0, 30, 0, 0, 0, 0]
    assert overlap.lacking == ""


def test_a_rare_treatment_is_not_a_lack_of_overlap() -> None:
    random = np.random.default_rng(0)
    treated = random.random(1000) < 0.06
    outcome = random.random(1000) < 0.4
    accounts = pd.DataFrame({"health": random.normal(size=1000)})
    found = observational_effect(outcome, treated, accounts)
    assert known(found.estimate).low < 0 < known(found.estimate).high


def test_without_overlap_the_effect_is_unknown() -> None:
    play = confounded()
    treated = play.accounts["health"] > 0
    found = observational_effect(play.outcome, treated, play.accounts)
    assert found.estimate.value is None
    assert "no overlap" in found.reason
    assert found.words.startswith("Not randomised, and unknown: no overlap")
    assert found.overlap is not None
    assert found.overlap.in_common < 0.1
    assert found.naive.value is not None
    assert found.e_value is None


@pytest.mark.parametrize(
    ("ratio", "low", "high", "point", "limit"),
    [
        (3.9, 1.8, 8.7, 7.26, 3.0),  # VanderWeele and Ding 2017: breastfeeding and respiratory death
        (0.80, 0.71, 0.91, 1.81, 1.43),  # ... and leukaemia
        (1.2, 0.9, 1.6, 1.69, 1.0),
        (1.0, 0.5, 2.0, 1.0, 1.0),
    ],
)
def test_e_values_are_the_published_ones(
    ratio: float, low: float, high: float, point: float, limit: float
) -> None:
    found = e_value(ratio, low, high)
    assert found.point == pytest.approx(point, abs=0.005)
    assert found.limit == pytest.approx(limit, abs=0.005)
    assert f"{found.point:.1f} times as likely" in found.words


def test_an_e_value_needs_a_ratio_above_zero() -> None:
    assert e_value(3.9).limit is None
    with pytest.raises(ValueError, match="above 0"):
        e_value(0)


def test_the_e_value_is_that_of_the_corrected_ratio() -> None:
    play = confounded()
    found = observational_effect(play.outcome, play.treated, play.accounts)
    assert found.e_value is not None
    ratio = known(found.if_treated).value / known(found.if_untreated).value
    assert found.e_value.ratio == pytest.approx(ratio)
    assert found.e_value.limit is not None
    assert 1 < found.e_value.limit < found.e_value.point


def test_the_same_seed_gives_the_same_bytes() -> None:
    play = confounded(n=300)
    args = (play.outcome, play.treated, play.accounts)
    assert observational_effect(*args, seed=1).estimate == observational_effect(*args, seed=1).estimate
    assert observational_effect(*args, seed=1).estimate != observational_effect(*args, seed=2).estimate


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda y, w, x: (y, 0 * w + 1, x), "everyone was treated"),
        (lambda y, w, x: (y, 0 * w, x), "nobody was treated"),
        (lambda y, w, x: (0 * y, w, x), "the outcome never varies"),
        (lambda y, w, x: (y[:30], w[:30], x[:30]), "customers in one group; 20 are needed"),
        (lambda y, w, x: (y * w, w, x), "only 0 in one group have the outcome"),
        (lambda y, w, x: (y, w, x[[]]), "nothing is known about the customers from before"),
        (lambda y, w, x: (y, w, x.assign(health=np.inf)), "infinite values in health"),
        (lambda y, w, x: (y, w, x, np.arange(200) % 6), "only 6 clusters in one group"),
        (lambda y, w, x: (y[:0], w[:0], x[:0]), "nobody was treated yet"),
    ],
)
def test_thin_or_impossible_data_is_unknown_in_words(change: Callable[..., Any], reason: str) -> None:
    found = observational_effect(*change(*confounded(n=200)[:3]))
    assert found.estimate.value is None
    assert reason in found.reason
    assert found.if_treated.reason == found.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y, w, x: (y, w + 1, x), "treatment must be 1 for treated and 0 for not"),
        (lambda y, w, x: (y[:-1], w, x), r"outcome is of shape \(199,\) and covariates have 200 rows"),
        (lambda y, w, x: (y, w, x, [1]), r"clusters is of shape \(1,\)"),
        (lambda y, w, x: (np.where(w == 1, np.nan, y), w, x), "outcome has values that are missing"),
        (lambda y, w, x: (y, w, x, [None] * 200), "Some rows have no cluster"),
    ],
)
def test_wrong_use_is_named(change: Callable[..., Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        observational_effect(*change(*confounded(n=200)[:3]))
