"""The quick form of the studies of `make calibrate` on effects."""

from types import ModuleType

import pytest
from benchmarks.calibration import effects, intervals, stopping

QUICK = 0.01


@pytest.mark.parametrize("study", [intervals, effects, stopping])
def test_what_is_claimed_holds(study: ModuleType) -> None:
    findings = study.study(QUICK)
    assert [finding.claim for finding in findings if not finding.right] == []
    assert all(finding.runs for finding in findings)
