"""A quick form of the calibration study of verdicts, and the truth that it judges by."""

import numpy as np
import pytest
from benchmarks.calibration.verdicts import study
from benchmarks.evidence.metric_truth import company
from sklearn.metrics import roc_auc_score


def test_verdicts_are_right_as_often_as_claimed() -> None:
    for finding in study(0.012):
        assert finding.right, finding


@pytest.mark.parametrize("landmarks", [1, 6])
def test_metrics_of_the_simulated_truth_have_the_auc_they_are_said_to_have(landmarks: int) -> None:
    made = company(20_000, 1, landmarks=landmarks)
    for name, auc in made.truth.items():
        known = ~np.isnan(made.metrics[name])
        assert roc_auc_score(made.y[known], made.metrics[name][known]) == pytest.approx(auc, abs=0.02)
