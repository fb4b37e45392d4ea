"""What is known today tells less of a later day; and intervals that hold what shrinking has taken."""

import json
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.calibration.risk import coverage, true_chance

from heed.evidence.risk import HazardModel, landmark_panel
from heed.evidence.simulation import SimulatedPanel, simulate_panel


@pytest.fixture(scope="module")
def made() -> SimulatedPanel:
    return simulate_panel(accounts=200, seed=3)


@pytest.fixture(scope="module")
def model(made: SimulatedPanel) -> HazardModel:
    panel = landmark_panel(made.features, made.events, observed_until=made.observed_until, horizon=365)
    clock = HazardModel(renewal="days_to_renewal", tenure="tenure_days")
    return clock.fit(panel.X, panel.y, groups=panel.accounts)


def test_metrics_that_wander_tell_less_of_later_days(made: SimulatedPanel, model: HazardModel) -> None:
    assert model.chosen_ == "straight effects"
    assert model.learnt_ is not None
    (turn,) = model.learnt_.turns
    assert turn in (model.learnt_.timeline.fade(0), model.learnt_.timeline.fade(1))
    rows = made.features.drop(columns="landmark").head(2).assign(days_to_renewal=365, outcome=[-2.0, 2.0])
    soon, late = (model.predict_proba(rows, 30, given=passed) for passed in (0, 300))
    odds = [np.log(own[0] / (1 - own[0]) * (1 - own[1]) / own[1]) for own in (soon, late)]
    assert odds[0] > 2 * odds[1] > 0


def test_a_version_whose_effects_fade_gives_the_same_bytes_from_its_record(
    made: SimulatedPanel, model: HazardModel
) -> None:
    kept = HazardModel.from_record(json.loads(json.dumps(model.to_record())))
    rows = made.features.drop(columns="landmark").head(40)
    assert kept.predict_proba(rows, 90).tobytes() == model.predict_proba(rows, 90).tobytes()
    assert kept.estimate(rows, 90) == model.estimate(rows, 90)


def test_a_record_of_before_effects_could_fade_is_read(model: HazardModel) -> None:
    assert model.learnt_ is not None
    record = json.loads(json.dumps(model.to_record()))
    del record["learnt"]["timeline"]["fades"]
    read = HazardModel.from_record(record).learnt_
    assert read is not None
    assert read.timeline == replace(model.learnt_.timeline, fades=())


def test_the_true_chance_of_the_next_step_is_that_of_the_simulation(made: SimulatedPanel) -> None:
    rows = made.features.head(300)
    own = made.probability[rows.index].to_numpy()
    assert true_chance(rows, own, made.truth, np.full(300, 30.0)) == pytest.approx(own, abs=1e-12)
    renewal = rows["days_to_renewal"].to_numpy(float)
    due = renewal <= 30
    assert true_chance(rows, own, made.truth, renewal)[due] == pytest.approx(own[due], abs=1e-12)
    assert np.all(true_chance(rows, own, made.truth, np.full(300, 90.0)) > own)


def test_intervals_of_a_small_panel_with_renewals_cover_the_true_chance() -> None:
    shares = [share for seed in (3, 4) for share in coverage(200, seed).values()]
    assert 0.75 < np.mean(shares) <= 0.99
