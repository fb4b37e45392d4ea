import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import (
    power_proportions_2indep,
    proportion_effectsize,
    samplesize_proportions_2indep_onetail,
)

from heed.evidence.effects.planning import (
    Design,
    plan_experiment,
    plan_mean_experiment,
    smallest_visible_effect,
)
from heed.evidence.effects.sequential import GroupSequential


@pytest.mark.parametrize(("baseline", "effect"), [(0.8, 0.12), (0.5, -0.1), (0.3, 0.05)])
def test_a_share_needs_what_statsmodels_says(baseline: float, effect: float) -> None:
    plan = plan_experiment(baseline, effect, Design(power=0.9))
    expected = samplesize_proportions_2indep_onetail(effect, baseline, 0.9, 1, 0.05)
    assert plan.control_n == pytest.approx(expected, abs=1.01)
    assert plan.control_n == plan.treated_n
    size = proportion_effectsize(baseline + effect, baseline)
    arcsine = NormalIndPower().solve_power(size, alpha=0.05, power=0.9)
    assert plan.control_n == pytest.approx(arcsine, rel=0.04)


def test_twelve_points_above_eighty_need_174_per_arm() -> None:
    """Fleiss, Levin and Paik's formula by hand: (1.96·√(2·.86·.14) + 1.2816·√(.16 + .0736))²/.12² = 173.6."""
    assert plan_experiment(0.8, 0.12, Design(power=0.9)).treated_n == 174


def test_uneven_arms_have_the_power_that_was_asked_for() -> None:
    plan = plan_experiment(0.8, 0.12, Design(power=0.9, treated_share=0.75))
    assert plan.treated_n is not None
    assert plan.control_n is not None
    assert plan.treated_n == pytest.approx(3 * plan.control_n, abs=3)
    ratio = plan.control_n / plan.treated_n
    found = power_proportions_2indep(-0.12, 0.92, plan.control_n, ratio=1 / ratio, alpha=0.05)
    assert found.power == pytest.approx(0.9, abs=0.01)


def test_a_mean_needs_what_statsmodels_says() -> None:
    plan = plan_mean_experiment(10, 3, Design(power=0.8))
    expected = NormalIndPower().solve_power(0.3, alpha=0.05, power=0.8)
    assert plan.treated_n == pytest.approx(expected, abs=1)
    adjusted = plan_mean_experiment(10, 3, Design(power=0.8), covariate_correlation=0.8)
    assert adjusted.treated_n == pytest.approx(0.36 * expected, abs=1)


def test_looks_and_clusters_need_more_accounts() -> None:
    alone = plan_experiment(0.8, 0.12).treated_n or 0
    design = Design(looks=5, watching="pocock")
    assert design.inflation == pytest.approx(GroupSequential(5, spending="pocock").inflation(0.8))
    assert plan_experiment(0.8, 0.12, design).treated_n == pytest.approx(alone * design.inflation, abs=1.5)
    mean = plan_mean_experiment(10, 3).treated_n or 0
    assert plan_mean_experiment(10, 3, design).treated_n == pytest.approx(mean * design.inflation, abs=1.5)
    clustered = Design(cluster_size=5, within_cluster=0.1)
    assert clustered.design_effect == pytest.approx(1.4)
    assert plan_experiment(0.8, 0.12, clustered).treated_n == pytest.approx(alone * 1.4, abs=1.5)


def test_unplanned_looks_need_half_as_many_again() -> None:
    assert Design(watching="any_time", power=0.9).inflation == pytest.approx(1.45, abs=0.05)
    assert Design(looks=20, power=0.9).inflation < 1.05


def test_how_long_it_takes() -> None:
    plan = plan_experiment(
        0.8, 0.12, Design(power=0.9), accounts_per_week=29, available=400, outcome_after_weeks=4
    )
    assert plan.weeks == pytest.approx(348 / 29 + 4)
    assert plan.reason == ""
    assert plan_experiment(0.8, 0.12).weeks is None


def test_what_cannot_be_done_is_said() -> None:
    few = plan_experiment(0.8, 0.12, Design(power=0.9), available=300, accounts_per_week=20)
    assert (few.weeks, few.reason) == (None, "348 accounts are needed, only 300 are available")
    never = plan_experiment(0.8, 0.12, accounts_per_week=0)
    assert never.reason == "no accounts enter, so it would never end"
    nothing = plan_experiment(0.8, 0.0)
    assert (nothing.treated_n, nothing.reason) == (
        None,
        "an effect of 0 cannot be found by any number of accounts",
    )
    assert plan_mean_experiment(10, 0).reason == nothing.reason
    above = plan_experiment(0.9, 0.2)
    assert (above.treated_n, above.reason) == (None, "a share of 90 % cannot change by +20 points")


def test_the_smallest_visible_effect_is_the_plan_read_backwards() -> None:
    seen = smallest_visible_effect(0.8, 174, 174, Design(power=0.9))
    assert seen.value == pytest.approx(0.12, abs=2e-4)
    downwards = smallest_visible_effect(0.8, 174, 174, Design(power=0.9), upwards=False)
    assert -0.2 < (downwards.value or 0) < -0.12
    assert (smallest_visible_effect(0.8, 40, 40).value or 0) > 0.12
    uneven = plan_experiment(0.8, 0.12, Design(treated_share=0.7))
    seen = smallest_visible_effect(0.8, uneven.treated_n or 0, uneven.control_n or 0)
    assert seen.value == pytest.approx(0.12, abs=2e-3)


def test_nothing_may_be_visible_at_all() -> None:
    assert smallest_visible_effect(0.97, 20, 20).reason == (
        "with 40 accounts even an effect by which the share rose to 100 % would often be missed"
    )
    assert "fell to 0 %" in smallest_visible_effect(0.03, 20, 20, upwards=False).reason
    assert smallest_visible_effect(0.8, 0, 50).reason == "an arm is empty, so no effect could be seen"
    assert smallest_visible_effect(1.0, 50, 50).reason.startswith("everyone or nobody")


def test_designs_that_are_none_are_refused() -> None:
    for setting in ({"alpha": 0}, {"power": 1}, {"treated_share": 0}):
        with pytest.raises(ValueError, match="lies between 0 and 1"):
            Design(**setting)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="looks and cluster_size from 1"):
        Design(looks=0)
    with pytest.raises(ValueError, match="control's share"):
        plan_experiment(1.2, 0.1)
    with pytest.raises(ValueError, match="spread is a number above 0"):
        plan_mean_experiment(0, 1)
