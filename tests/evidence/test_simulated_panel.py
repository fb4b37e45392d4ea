"""Landmark rows with a known truth: what was planted is found again by another package's estimator."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from heed.evidence.simulation import PanelTruth, SimulatedPanel, simulate_panel

HALF = date(2026, 11, 22) - timedelta(days=12 * 30)


def left_within(panel: SimulatedPanel, days: int, kind: str = "churn") -> "pd.Series[bool]":
    events = panel.events[panel.events["kind"] == kind]
    on = panel.features["account"].map(events.set_index("account")["on"])
    within: pd.Series[bool] = (on - panel.features["landmark"]).dt.days <= days
    return within


def fitted(panel: SimulatedPanel, columns: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """99.9 % intervals of a logistic regression of leaving in the next 30 days."""
    causes = sm.add_constant(columns.assign(renews=panel.features["days_to_renewal"].le(30) * 1.0))
    intervals = sm.Logit(left_within(panel, 30) * 1.0, causes).fit(disp=False).conf_int(0.001)
    return {name: (float(low), float(high)) for name, (low, high) in intervals.T.items()}


def test_planted_effects_are_found_and_null_metrics_are_null() -> None:
    panel = simulate_panel(accounts=4_000, seed=1)
    metrics = list(panel.truth.metrics)
    intervals = fitted(panel, panel.features[metrics])
    for name, planted in {**panel.truth.effects, "renews": 1.5, "null_1": 0.0, "null_4": 0.0}.items():
        assert intervals[name][0] < planted < intervals[name][1], name
        assert intervals[name][1] - intervals[name][0] < 0.5


def test_effects_drift_in_the_second_half_where_that_is_planted() -> None:
    panel = simulate_panel(PanelTruth(later={"outcome": 0.0}), accounts=4_000, seed=1)
    later = panel.features["landmark"] >= pd.Timestamp(HALF)
    outcome = panel.features["outcome"]
    intervals = fitted(panel, pd.DataFrame({"first": outcome * ~later, "second": outcome * later}))
    assert intervals["first"][1] < -0.5
    assert intervals["second"][0] < 0 < intervals["second"][1]


def test_leaving_follows_the_seasons_where_that_is_planted() -> None:
    panel = simulate_panel(PanelTruth(effects={}, seasonality=0.8), accounts=4_000, seed=1)
    month = panel.features["landmark"].dt.month
    season = np.cos(2 * np.pi * (month - 12) / 12)
    intervals = fitted(panel, pd.DataFrame({"season": season}))
    assert intervals["season"][0] < 0.8 < intervals["season"][1]


def test_a_leak_is_written_after_the_leaving_that_it_tells() -> None:
    panel = simulate_panel(PanelTruth(leaks=1), accounts=400)
    told = panel.features["leak_1"] == 1
    left = left_within(panel, panel.truth.leak_days)
    assert told.sum() > 100
    assert (told <= left).all()
    assert told[left].mean() > 0.9
    on = panel.features["account"].map(panel.events.set_index("account")["on"])
    assert (panel.recorded_on["leak_1"][told] > on[told]).all()
    assert (panel.recorded_on["leak_1"][~told] == panel.features["landmark"][~told]).all()


def test_values_are_missing_by_chance_or_because_of_what_they_are() -> None:
    truth = PanelTruth(missing=0.4, silence={"outcome": -1.0})
    gaps, full = simulate_panel(truth, accounts=2_000), simulate_panel(accounts=2_000)
    assert gaps.features["null_1"].isna().mean() == pytest.approx(0.4, abs=0.02)
    assert gaps.features["outcome"].mean() > full.features["outcome"].mean() + 0.2
    known = gaps.features["outcome"].notna()
    assert gaps.features["outcome"][known].equals(full.features["outcome"][known])


@pytest.mark.parametrize("accounts", [40, 400])
def test_the_share_that_leaves_is_the_one_asked_for(accounts: int) -> None:
    panels = [simulate_panel(accounts=accounts, seed=seed) for seed in range(20)]
    left = sum(len(panel.events) for panel in panels) / sum(len(panel.features) for panel in panels)
    assert left == pytest.approx(0.03, abs=0.006)
    for panel in panels:
        assert abs(panel.probability.sum() - len(panel.events)) < 5 * np.sqrt(panel.probability.sum())


def test_who_leaves_around_a_renewal_leaves_on_its_day() -> None:
    panel = simulate_panel(PanelTruth(renewal=3.0), accounts=1_000)
    last = panel.features.groupby("account").tail(1).merge(panel.events, on="account")
    days = (last["on"] - last["landmark"]).dt.days
    renews = last["days_to_renewal"] <= 30
    assert renews.sum() > 100
    assert (days == last["days_to_renewal"])[renews].all()
    assert 12 < days[~renews].mean() < 19


def test_failed_payments_are_a_kind_of_their_own() -> None:
    panel = simulate_panel(PanelTruth(involuntary=0.02), accounts=1_000)
    assert set(panel.events["kind"]) == {"churn", "involuntary"}
    assert panel.events["account"].is_unique


def test_rows_lie_in_the_stay_of_their_account() -> None:
    panel = simulate_panel(accounts=300)
    rows = panel.features
    assert not rows.duplicated(["account", "landmark"]).any()
    assert rows["tenure_days"].min() >= 0
    assert rows["days_to_renewal"].between(1, 365).all()
    assert rows["landmark"].nunique() == 24
    assert rows["landmark"].max() == pd.Timestamp(panel.observed_until) - pd.Timedelta(days=30)
    assert panel.events["on"].max() <= pd.Timestamp(panel.observed_until)
    on = rows["account"].map(panel.events.set_index("account")["on"])
    assert (on.isna() | (on > rows["landmark"])).all()


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    one, two, other = (simulate_panel(accounts=40, seed=seed) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(one.features, two.features)
    pd.testing.assert_frame_equal(one.events, two.events)
    assert not one.features.equals(other.features)


def test_a_metric_more_leaves_the_others_as_they_were() -> None:
    few, more = (simulate_panel(PanelTruth(null_metrics=n), accounts=40) for n in (1, 2))
    pd.testing.assert_frame_equal(few.features, more.features.drop(columns="null_2"))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="no metric 'mood'"):
        simulate_panel(PanelTruth(later={"mood": 1.0}))
    with pytest.raises(ValueError, match="needs accounts"):
        simulate_panel(accounts=0)
