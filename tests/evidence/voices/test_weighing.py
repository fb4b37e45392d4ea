"""Weights for those who did not answer: the golden case of weighting classes, raking that meets its totals,
propensity that finds what decides who answers, and refusals in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heed.evidence.voices import WeighedResponses, nps, weigh_responses
from heed.evidence.voices.weighing import CAVEAT

BIG, SMALL = [10] * 25 + [8] * 10 + [0] * 5, [10] * 48 + [8] * 48 + [3] * 64


def customers(**columns: Sequence[object]) -> pd.DataFrame:
    table = pd.DataFrame(columns)
    return table.set_index(pd.Index([f"c{number}" for number in range(len(table))]))


@pytest.fixture
def population() -> pd.DataFrame:
    """Segments of 800 and of 200."""
    return customers(segment=["big"] * 800 + ["small"] * 200)


@pytest.fixture
def responses() -> "pd.Series[float]":
    """40 answers at +50 from the first segment, 160 at -10 from the second."""
    index = [f"c{number}" for number in (*range(40), *range(800, 960))]
    return pd.Series(BIG + SMALL, index, dtype=float)


def test_weighting_classes_have_their_golden_values(
    population: pd.DataFrame, responses: "pd.Series[float]"
) -> None:
    found = weigh_responses(responses, population, cells=["segment"])
    assert (found.raw.value, found.raw.n) == (2, 200)
    assert found.weighted.value == pytest.approx(38)
    assert found.design_effect == pytest.approx(3.25)
    assert found.effective_n == pytest.approx(61.5, abs=0.05)
    assert found.response_rate.value == 0.2
    assert found.bounds is not None
    assert (found.bounds.low, found.bounds.high, found.bounds.silent) == (-79.6, 80.4, 800)
    assert "cannot mend silence that depends on the answer itself" in found.caveat == CAVEAT
    assert found.note == ""


def test_weights_stand_for_the_customers_of_their_class(
    population: pd.DataFrame, responses: "pd.Series[float]"
) -> None:
    weights = weigh_responses(responses, population, cells=["segment"]).weights
    assert weights is not None
    assert set(weights["c0":"c39"]) == {20}
    assert set(weights["c800":"c959"]) == {1.25}
    assert weights.sum() == pytest.approx(1_000)


def test_the_interval_is_the_stratified_one(population: pd.DataFrame, responses: "pd.Series[float]") -> None:
    """The textbook variance of a stratified mean, Σ (N_c/N)² s_c²/n_c (Cochran 1977, 5.6)."""
    found = weigh_responses(responses, population, cells=["segment"]).weighted
    points = [np.sign(np.digitize(scores, [7, 9]) - 1) * 100.0 for scores in (BIG, SMALL)]
    variance = sum(
        share**2 * np.var(scores, ddof=1) / len(scores)
        for share, scores in zip((0.8, 0.2), points, strict=True)
    )
    assert found.low is not None
    assert found.high is not None
    half = (found.high - found.low) / 2
    assert half == pytest.approx(2.0003 * np.sqrt(variance), rel=1e-3)


def test_raking_meets_the_totals_of_every_column(responses: "pd.Series[float]") -> None:
    random = np.random.default_rng(2)
    table = customers(
        size=list(random.choice(["S", "M", "L"], 1_000)), region=list(random.choice(["N", "S"], 1_000))
    )
    odds = (table["size"] == "L") * 1.2 + (table["region"] == "N") * 0.8 - 1.0
    answers = table[random.random(1_000) < 1 / (1 + np.exp(-odds))]
    scores = pd.Series(random.integers(0, 11, len(answers)), answers.index, dtype=float)
    found = weigh_responses(scores, table, margins=["size", "region"])
    assert found.weights is not None
    for column in ("size", "region"):
        sums = found.weights.groupby(answers[column]).sum()
        pd.testing.assert_series_equal(
            sums.sort_index(), table[column].value_counts().sort_index().astype(float), check_names=False
        )
    assert found.design_effect is not None
    assert found.design_effect > 1


def opinions(seed: int = 4, n: int = 1_500) -> tuple["pd.Series[float]", pd.DataFrame, float]:
    """Answers that come from the engaged, who are also the happier: score, customers, true NPS of all."""
    random = np.random.default_rng(seed)
    usage = random.normal(0, 1, n)
    table = customers(usage=list(usage), plan=list(random.choice(["a", "b"], n)))
    score = pd.Series(np.clip(np.round(7.5 + 1.5 * usage + random.normal(0, 1, n)), 0, 10), table.index)
    answered = random.random(n) < 1 / (1 + np.exp(-(-0.8 + 0.8 * usage)))
    truth = nps(list(score)).value
    assert truth is not None
    return score[answered], table, truth


def test_propensity_weights_undo_silence_that_the_columns_explain() -> None:
    scores, table, truth = opinions()
    found = weigh_responses(scores, table, covariates=["usage", "plan"])
    assert found.raw.low is not None
    assert found.raw.low > truth + 5, "those who answer are happier"
    low, high = found.weighted.low, found.weighted.high
    assert low is not None
    assert high is not None
    assert low < truth < high
    assert high - low < 20
    assert found.weights is not None
    assert found.weights.sum() == pytest.approx(len(table))


def test_columns_that_tell_nothing_change_next_to_nothing() -> None:
    scores, table, _ = opinions()
    found = weigh_responses(scores, table[["plan"]], covariates=["plan"])
    assert found.weighted.value == pytest.approx(found.raw.value, abs=1)
    assert found.design_effect == pytest.approx(1, abs=0.01)


def test_no_single_customer_counts_for_more_than_five_times_the_mean() -> None:
    random = np.random.default_rng(0)
    usage = np.r_[np.full(700, -3.0), random.normal(2, 0.5, 300)]
    table = customers(usage=list(usage))
    answered = np.r_[random.choice(700, 5, replace=False), np.arange(700, 1_000)]
    scores = pd.Series([2.0] * 5 + [9.0] * 300, table.index[answered])
    found = weigh_responses(scores, table, covariates=["usage"])
    assert found.note == "5 weights were cut to 5 times the mean."
    assert found.weights is not None
    assert found.weights[:5].to_list() == pytest.approx([5 * 1_000 / 305] * 5)
    assert found.weights.max() == pytest.approx(5 * found.weights.mean())
    assert found.weights.sum() == pytest.approx(1_000)


def test_the_same_seed_gives_the_same_weights() -> None:
    scores, table, _ = opinions()
    one, two = (weigh_responses(scores, table, covariates=["usage"], seed=3) for _ in range(2))
    assert one.weights is not None
    assert two.weights is not None
    assert one.weights.equals(two.weights)


def test_thin_classes_are_joined_and_named() -> None:
    table = customers(segment=["a"] * 50 + ["b"] * 30 + ["c"] * 20 + [None] * 10)
    scores = pd.Series(9.0, [f"c{number}" for number in (*range(20), *range(50, 53), 80, 81)])
    scores.iloc[:5] = 3.0
    found = weigh_responses(scores, table, cells=["segment"])
    assert found.note == "Too few answers to weigh apart, joined: b, c, not known."
    assert found.weights is not None
    assert found.weights["c50"] == found.weights["c80"] == 60 / 5
    one = weigh_responses(scores[:5], table, cells=["segment"])
    assert one.note.endswith("All customers form one class, so every answer counts alike.")
    assert one.weighted.value == one.raw.value


def test_that_a_value_is_missing_tells_who_answers() -> None:
    random = np.random.default_rng(1)
    missing = random.random(1_000) < 0.4
    table = customers(
        usage=list(np.where(missing, np.nan, random.normal(0, 1, 1_000))),
        plan=[None if nothing else "a" for nothing in missing],
    )
    answered = random.random(1_000) < np.where(missing, 0.1, 0.5)
    scores = pd.Series(9.0, table.index[answered])
    for column in ("usage", "plan"):
        weights = weigh_responses(scores, table, covariates=[column]).weights
        assert weights is not None
        assert weights[missing[answered]].mean() > 3 * weights[~missing[answered]].mean(), column


def test_other_surveys_are_weighed_on_their_own_scale(population: pd.DataFrame) -> None:
    scores = pd.Series([7.0] * 40 + [2.0] * 160, [f"c{n}" for n in (*range(40), *range(800, 960))])
    effort = weigh_responses(scores, population, cells=["segment"], survey="ces")
    assert effort.weighted.value == pytest.approx(0.8 * 7 + 0.2 * 2)
    share = weigh_responses(scores, population, cells=["segment"], survey="csat")
    assert share.weighted.value == pytest.approx(0.8)


def test_answers_all_alike_are_as_unsure_as_the_effective_n(population: pd.DataFrame) -> None:
    scores = pd.Series(10.0, [f"c{n}" for n in (*range(40), *range(800, 960))])
    found = weigh_responses(scores, population, cells=["segment"])
    assert (found.weighted.value, found.weighted.high) == (100, 100)
    assert found.weighted.low == nps([10] * 61).low


def unknown(found: WeighedResponses) -> str:
    assert found.weighted.value is None
    assert found.weights is None
    assert found.design_effect is found.effective_n is None
    return found.weighted.reason


def test_what_cannot_be_weighed_says_why(population: pd.DataFrame, responses: "pd.Series[float]") -> None:
    nobody = weigh_responses(responses[:0], population, cells=["segment"])
    assert unknown(nobody) == "no answers yet"
    few = weigh_responses(responses[:4], population, cells=["segment"])
    assert unknown(few) == "4 answered, at least 5 are needed"
    assert few.raw.value == 100
    twice = weigh_responses(pd.concat([responses, responses[:2]]), population, cells=["segment"])
    assert unknown(twice).startswith("4 answers are of customers who answered more than once")
    assert twice.bounds is not None
    assert (twice.bounds.answered, twice.bounds.silent) == (200, 800)
    endless = weigh_responses(responses, population.assign(usage=np.inf), covariates=["usage"])
    assert unknown(endless) == "a column has infinite values: correct or leave out the column"


def test_margins_that_contradict_those_who_answered_are_refused() -> None:
    """Everyone who answered is either (a, x) or (b, y), and so a and x must be as many."""
    table = customers(one=["a"] * 60 + ["b"] * 40, two=["x"] * 30 + ["y"] * 70)
    scores = pd.Series(9.0, [f"c{number}" for number in (*range(10), *range(60, 70))])
    assert unknown(weigh_responses(scores, table, margins=["one", "two"])) == (
        "the margins cannot all be met by those who answered: use fewer columns"
    )


def test_everybody_answered_needs_no_weights() -> None:
    table = customers(usage=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    scores = pd.Series([9.0, 9.0, 3.0, 8.0, 9.0, 9.0], table.index)
    found = weigh_responses(scores, table, covariates=["usage"])
    assert found.note == "Everybody answered."
    assert found.weighted.value == found.raw.value


def test_wrong_tables_are_refused(population: pd.DataFrame, responses: "pd.Series[float]") -> None:
    with pytest.raises(ValueError, match="exactly one of cells"):
        weigh_responses(responses, population)
    with pytest.raises(ValueError, match="exactly one of cells"):
        weigh_responses(responses, population, cells=["segment"], margins=["segment"])
    with pytest.raises(ValueError, match="population lacks the column plan"):
        weigh_responses(responses, population, cells=["plan"])
    with pytest.raises(ValueError, match="'stranger', who is not in the population"):
        weigh_responses(pd.Series({"stranger": 9.0}), population, cells=["segment"])
    with pytest.raises(ValueError, match="'c0' is there twice"):
        weigh_responses(responses, pd.concat([population, population[:1]]), cells=["segment"])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10) | st.none()), min_size=1, max_size=60))
def test_any_answers_are_weighed_within_the_bounds_of_the_silent(
    people: list[tuple[str, int | None]],
) -> None:
    table = customers(segment=[segment for segment, _ in people])
    scores = pd.Series([score for _, score in people], table.index, dtype=float)
    found = weigh_responses(scores, table, cells=["segment"])
    if found.weighted.value is None:
        assert found.weighted.reason
        return
    assert found.weights is not None
    assert found.weights.sum() == pytest.approx(len(people))
    assert found.design_effect is not None
    assert found.design_effect >= 1 - 1e-9
    assert found.weighted.low is not None
    assert found.weighted.high is not None
    assert -100 <= found.weighted.low <= found.weighted.value + 1e-9
    assert found.weighted.value - 1e-9 <= found.weighted.high <= 100
    assert found.bounds is not None
    assert found.bounds.low - 1e-9 <= found.weighted.value <= found.bounds.high + 1e-9


def test_thousands_of_answers_are_weighed_in_little_memory() -> None:
    random = np.random.default_rng(0)
    table = customers(segment=list(random.choice(["a", "b", "c"], 100_000)))
    scores = pd.Series(random.integers(0, 11, 50_000), table.index[:50_000], dtype=float)
    found = weigh_responses(scores, table, margins=["segment"])
    assert found.effective_n == pytest.approx(50_000, rel=0.01)
