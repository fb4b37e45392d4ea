"""Which penalty, which candidate, and fits that keep the information from one to the next."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from heed.evidence.risk.baseline import Cells
from heed.evidence.risk.fitting import _covariance
from heed.evidence.risk.ridge import Fit, Problem, fit_ridge
from heed.evidence.risk.selection import Candidate, Tried, _behind, _carried, _is_noise, _strongest


def tried(penalty: float, *likelihoods: float) -> Tried:
    rows = np.array(likelihoods)
    return Tried(Candidate("straight effects", np.ones(1, bool)), penalty, rows, (), rows)


def test_the_strongest_penalty_within_one_standard_error_of_the_best_is_taken() -> None:
    groups = np.arange(4)
    # Gaps of 3, 3, 3, 3: surely worse; of 2, -1, 2, -1: 2 behind ± 3.46.
    strong, middle = tried(100.0, -4, -4, -4, -4), tried(10.0, -3, 0, -3, 0)
    best = tried(1.0, -1, -1, -1, -1)
    assert _behind(best, strong, groups) == (12.0, 0.0)
    assert _behind(best, middle, groups) == pytest.approx((2.0, np.sqrt(3) * 2))
    assert _strongest([strong, middle, best], groups).penalty == 10.0
    assert _strongest([strong, best], groups).penalty == 1.0
    # The rows of one account are one gap: of 4 and of -2.
    assert _behind(best, middle, np.array([0, 1, 0, 1])) == pytest.approx((2.0, 6.0))


def test_effects_shrunk_to_next_to_nothing_do_not_beat_the_clock_by_looking_sure() -> None:
    groups, clock = np.arange(4), tried(0.0, -1, -1, -1, -1)
    shrunk, best = np.array([-0.99, -0.99, -0.99, -0.99]), np.array([-0.2, -1.5, -0.2, -1.5])
    straight = replace(tried(100.0, *shrunk), at_best=best)
    assert _behind(straight, clock, groups) == pytest.approx((0.04, 0.0))
    assert _is_noise([clock, straight], groups)
    assert not _is_noise([clock, replace(straight, at_best=shrunk)], groups)


def test_a_candidate_starts_from_what_it_shares_with_the_one_before() -> None:
    straight = Candidate("straight effects", np.array([True, False, True]))
    turning = Candidate("effects that change in time", np.ones(3, bool), (0, 1))
    assert _carried(np.array([9.0, 8, 1, 2]), straight, turning).tolist() == [9, 8, 1, 0, 2, 0, 0, 0]
    fading = Candidate("straight effects", straight.columns, (3,))
    assert _carried(np.array([9.0, 8, 1, 2]), straight, fading).tolist() == [9, 8, 0, 0]
    assert Candidate("curved effects", np.ones(3, bool), ()).after(fading).turns == (3,)


def problem() -> Problem:
    dice = np.random.default_rng(1)
    share, clock = np.ones((1_200, 6)), np.column_stack([np.ones(6), np.linspace(-1, 1, 6)])
    cell = np.where(dice.random(1_200) < 0.3, dice.integers(0, 6, 1_200), -1)
    return Problem(Cells(share, clock, np.ones((6, 1))), dice.normal(size=(1_200, 3)), cell)


def test_a_fit_from_another_and_a_rough_one_end_where_a_fit_from_nothing_does() -> None:
    made, strong, weak = problem(), np.full(5, 30.0), np.full(5, 3.0)
    exact = fit_ridge(made, weak)
    from_another = fit_ridge(made, weak, fit_ridge(made, strong))
    assert from_another.coefficients == pytest.approx(exact.coefficients, abs=1e-6)
    assert from_another.information == pytest.approx(exact.information, rel=1e-6)
    rough = fit_ridge(made, weak, fit_ridge(made, strong, None, 1e-6), 1e-6)
    assert rough.coefficients == pytest.approx(exact.coefficients, abs=5e-3)
    penalised = [own.likelihood - 1.5 * float(np.sum(own.coefficients**2)) for own in (rough, exact)]
    assert penalised[1] - 2e-3 < penalised[0] <= penalised[1] + 1e-6


def test_the_constant_and_the_terms_of_the_renewal_are_no_parameters_to_be_shown() -> None:
    fit = Fit(np.zeros(3), 0.0, np.diag([5.0, 5.0, 10.0]), np.array([0.0, 0.1, 10.0]))
    assert fit.effective == pytest.approx(0.5)


def test_an_interval_is_about_as_wide_as_what_shrinking_took() -> None:
    dice = np.random.default_rng(2)
    x = dice.normal(size=(2_000, 1))
    cell = np.where(dice.random(2_000) < 1 / (1 + np.exp(2 - x[:, 0])), 0, -1)
    made = Problem(Cells(np.ones((2_000, 1)), np.ones((1, 1)), np.ones((1, 1))), x, cell)
    free, shrunk = fit_ridge(made, np.zeros(2)), fit_ridge(made, np.array([0.0, 300.0]))
    left, accounts = int(np.sum(cell == 0)), np.arange(2_000)
    taken = free.coefficients[1] - shrunk.coefficients[1]
    assert taken > 0.4
    error = np.sqrt(_covariance(made, shrunk, accounts, left)[1, 1])
    # Estimated under a tenth of the penalty, what it took is somewhat less than all of it.
    assert taken * 0.7 < error < taken
    # Without penalty it is the sandwich of statsmodels, widened for the two parameters in use.
    theirs = sm.GLM((cell == 0).astype(float), sm.add_constant(x), family=sm.families.Binomial())
    robust = theirs.fit(cov_type="HC0").cov_params() / (1 - 2 / left) ** 2
    assert _covariance(made, free, accounts, left) == pytest.approx(robust, rel=1e-4)
