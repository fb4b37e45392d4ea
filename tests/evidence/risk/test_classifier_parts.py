"""The parts of the classifier, pinned to scikit-learn, to a full enumeration, and to what must not matter."""

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from heed.evidence.risk.boosting import Boosted
from heed.evidence.risk.calibrating import Recalibration, calibrate, row_losses
from heed.evidence.risk.candidates import choose
from heed.evidence.risk.columns import LinearTerms, Reader
from heed.evidence.risk.leaks import area_under_curve, binned
from heed.evidence.risk.logistic import fit_path, fit_ridge, posterior_spread
from heed.evidence.risk.shapley import pattern_table
from heed.evidence.risk.trials import Trial, _unfitted


def a_design(rows: int = 300, terms: int = 4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    design = random.normal(size=(rows, terms))
    return design, random.binomial(1, expit(design[:, 0] - 0.5 * design[:, 1] - 1)).astype(float)


@pytest.mark.parametrize("penalty", [0.3, 5.0, 200.0])
def test_ridge_is_that_of_scikit_learn(penalty: float) -> None:
    design, y = a_design()
    theirs = LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-12).fit(design, y)
    ours = fit_ridge(design, y, penalty)
    assert ours.beta[1:] == pytest.approx(theirs.coef_[0], abs=1e-6)
    assert ours.beta[0] == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_ridge_without_penalty_and_its_errors_are_those_of_statsmodels() -> None:
    sm = pytest.importorskip("statsmodels.api")
    design, y = a_design()
    theirs = sm.Logit(y, sm.add_constant(design)).fit(disp=0)
    ours = fit_ridge(design, y, 0.0)
    assert ours.beta == pytest.approx(theirs.params, abs=1e-5)
    at_zero = posterior_spread(ours.information, 0.0, np.zeros((1, 4)))
    assert at_zero[0] == pytest.approx(theirs.bse[0], rel=1e-5)


def test_path_ends_where_single_fits_end() -> None:
    design, y = a_design()
    path = fit_path(design, y, np.array([100.0, 1.0]))
    assert path[1].beta == pytest.approx(fit_ridge(design, y, 1.0).beta, abs=1e-9)


def test_words_numbers_truths_and_missing_become_a_matrix() -> None:
    table = pd.DataFrame({
        "plan": ["a", None, "b", "a"], "seats": [1.0, np.nan, 3.0, 4.0], "trial": [True, False, True, True],
        "same": [7, 7, 7, 7], "again": [1.0, np.nan, 3.0, 4.0],
    })  # fmt: skip
    table = pd.concat([table, table], ignore_index=True).assign(name=list("qrstuvwx"))
    reader = Reader.learn(table)
    assert reader.names == ["plan", "seats", "trial"]
    assert reader.left_out == {
        "same": "it never varies",
        "again": "a copy of 'seats'",
        "name": "it names each row rather than describing it",
    }
    assert reader.columns[0].levels == ("(missing)", "a", "b")
    unseen = reader.read(table.assign(plan="never seen"))
    assert np.isnan(unseen[:, 0]).all()


def test_order_of_categories_is_kept() -> None:
    sizes = ["small", "large", "small", "mid", "large", "mid", "small", "small"]
    order = pd.CategoricalDtype(["small", "mid", "large"], ordered=True)
    table = pd.DataFrame({"size": pd.Series(sizes, dtype=order)})
    assert Reader.learn(table).read(table)[:, 0].tolist() == [0, 2, 0, 1, 2, 1, 0, 0]


def test_terms_are_centred_scaled_and_none_is_a_copy() -> None:
    random = np.random.default_rng(1)
    yes = random.integers(0, 2, 200).astype(float)
    matrix = np.column_stack([yes, random.gamma(1.0, 10.0, 200), 1 - yes])
    terms = LinearTerms.learn(matrix, [True, False, True], curved=True)
    design = terms.design(matrix)
    assert design.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert design.std(axis=0) == pytest.approx(1)
    assert terms.owners.tolist().count(0) == 1
    assert 2 not in terms.owners
    assert terms.owners.tolist().count(1) > 2


def test_unseen_level_counts_as_an_average_account() -> None:
    matrix = np.array([[0.0], [1.0], [2.0]] * 20)
    terms = LinearTerms.learn(matrix, [True], curved=False)
    assert terms.design(np.array([[np.nan]])) == pytest.approx(np.zeros((1, 3)))


def test_values_beyond_those_seen_count_as_the_nearest_seen() -> None:
    matrix = np.linspace(0, 10, 50)[:, None]
    terms = LinearTerms.learn(matrix, [False], curved=True)
    assert terms.design(np.array([[1e9]])) == pytest.approx(terms.design(np.array([[10.0]])))


def enumerated(value: float, shares: np.ndarray, satisfied: tuple[int, ...]) -> np.ndarray:
    """Shapley's definition: the mean gain of a column over all orders in which columns become known."""

    def worth(known: tuple[int, ...]) -> float:
        return value * float(np.prod([satisfied[c] if c in known else shares[c] for c in range(len(shares))]))

    size = len(shares)
    found = np.zeros(size)
    for column in range(size):
        others = [c for c in range(size) if c != column]
        for count in range(size):
            weight = factorial(count) * factorial(size - count - 1) / factorial(size)
            for known in combinations(others, count):
                found[column] += weight * (worth((*known, column)) - worth(known))
    return found


def test_pattern_table_is_the_enumeration_of_shapley() -> None:
    shares = np.array([0.2, 0.7, 0.5, 0.9])
    table = pattern_table(1.7, shares)
    for pattern in range(16):
        satisfied = tuple((pattern >> bit) & 1 for bit in range(4))
        assert table[pattern] == pytest.approx(enumerated(1.7, shares, satisfied), abs=1e-12)


def test_contributions_of_trees_add_up_with_missing_values() -> None:
    random = np.random.default_rng(2)
    matrix = random.normal(size=(400, 5))
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    y = random.binomial(1, expit(np.nan_to_num(matrix[:, 0] * matrix[:, 1]) + np.isnan(matrix[:, 2])))
    booster = HistGradientBoostingClassifier(max_iter=25, random_state=0).fit(matrix, y)
    for rounds in (10, 25):
        model = Boosted(booster, rounds)
        added = model.base + model.contributions(matrix).sum(axis=1)
        assert added == pytest.approx(model.log_odds(matrix), abs=1e-10)


def test_calibration_finds_the_slopes_that_made_the_labels() -> None:
    random = np.random.default_rng(3)
    eta = random.normal(-1, 2, 40_000)
    truth = Recalibration(0.3, 0.6, 1.6)
    found = calibrate(eta, random.binomial(1, expit(truth.apply(eta))).astype(float))
    assert (found.intercept, found.low, found.high) == pytest.approx((0.3, 0.6, 1.6), abs=0.1)


def test_calibration_of_what_is_calibrated_changes_little_and_of_few_rows_stays_near_one() -> None:
    assert Recalibration(0.0, 1.0, 1.0).apply(np.array([-3.0, 0.5])) == pytest.approx([-3.0, 0.5])
    few = calibrate(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert 0.9 < few.slope < 2.5


def test_slope_of_calibration_is_its_derivative() -> None:
    one = Recalibration(0.2, 0.7, 1.4)
    for at in (-4.0, 0.0, 2.5):
        numeric = (one.apply(np.array([at + 1e-6])) - one.apply(np.array([at - 1e-6])))[0] / 2e-6
        assert one.slope_at(np.array([at]))[0] == pytest.approx(numeric, abs=1e-5)
        assert one.stretch(np.array([at]), at)[0] == pytest.approx(numeric, abs=1e-5)


@given(
    low=st.floats(0.05, 5), high=st.floats(0.05, 5), rows=st.lists(st.floats(-8, 8), min_size=2, max_size=20)
)
@settings(max_examples=50)
def test_calibration_never_changes_the_order(low: float, high: float, rows: list[float]) -> None:
    ordered = np.sort(np.array(rows))
    assert (np.diff(Recalibration(0.0, low, high).apply(ordered)) >= -1e-9).all()


def test_area_under_curve_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(4)
    y, scores = random.integers(0, 2, 200).astype(float), random.integers(0, 9, 200).astype(float)
    assert area_under_curve(scores, y) == pytest.approx(roc_auc_score(y, scores))


def test_missing_is_a_bin_of_its_own() -> None:
    many = np.append(np.arange(100.0), np.nan)
    assert binned(many)[-1] == 0
    assert 0 not in binned(many)[:-1]
    assert binned(np.array([1.0, np.nan, 2.0])).tolist() == [1, 0, 2]


def a_trial(name: str, losses: np.ndarray) -> Trial:
    return Trial(name, "", np.zeros((1, len(losses))), Recalibration(0, 1, 1), losses, _unfitted)


def test_simplest_within_one_standard_error_stays() -> None:
    random = np.random.default_rng(6)
    best = random.random(400)
    noise = random.normal(0, 0.1, 400)
    noise -= noise.mean()
    error = float(np.sqrt(np.sum(noise**2)) / 400)
    near = a_trial("simple", best + noise + 0.9 * error)
    far = a_trial("simple", best + noise + 1.1 * error)
    groups = np.arange(400)
    assert choose([near, a_trial("best", best)], groups)[0].name == "simple"
    chosen, table = choose([far, a_trial("best", best)], groups)
    assert chosen.name == "best"
    assert [row.chosen for row in table] == [False, True]
    assert table[0].standard_error == pytest.approx(error)


def test_error_of_a_gap_counts_accounts_and_not_their_copies() -> None:
    losses = np.random.default_rng(7).random(100)
    once = choose([a_trial("a", losses), a_trial("b", np.zeros(100))], np.arange(100))[1][0]
    twice = np.tile(losses, 2)
    copied = choose([a_trial("a", twice), a_trial("b", np.zeros(200))], np.tile(np.arange(100), 2))[1][0]
    assert copied.standard_error == pytest.approx(once.standard_error)


def test_loss_of_a_row_is_that_of_its_probability() -> None:
    assert row_losses(np.array([0.7]), np.array([1.0]))[0] == pytest.approx(-np.log(expit(0.7)))
