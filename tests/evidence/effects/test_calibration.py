"""The quick form of the studies of `make calibrate` on effects."""

from types import ModuleType

import pytest
from benchmarks.calibration import effects, intervals, stopping
from benchmarks.calibration.finding import Finding, of_shares

from heed.evidence import Estimate

QUICK = 0.01


@pytest.mark.parametrize("study", [intervals, effects, stopping])
def test_what_is_claimed_holds(study: ModuleType) -> None:
    findings = study.study(QUICK)
    assert [finding.claim for finding in findings if not finding.right] == []
    assert all(finding.runs for finding in findings)


def test_a_finding_is_wrong_beyond_three_standard_errors_of_its_bounds() -> None:
    # Three standard errors of 95 % in 100 runs are 6.5 points.
    assert [Finding("s", "c", held, 100, 0.95, 1.0).right for held in (89, 88)] == [True, False]
    # Six companies of 79 to 81 % are surely not 85; that six runs held or did not would leave room for it.
    shares = [0.79, 0.81, 0.8, 0.79, 0.81, 0.8]
    assert Finding("s", "c", sum(shares), 6, 0.85, 0.95).right
    assert not of_shares("s", "c", shares, 0.85, 0.95).right
    assert of_shares("s", "c", [share + 0.05 for share in shares], 0.85, 0.95).right


def test_intervals_that_are_all_unknown_hold_nothing() -> None:
    known, unknown = Estimate(0.1, 0.0, 0.2), Estimate.unknown("too few")
    assert stopping.all_hold([unknown, known], 0.1)
    assert not stopping.all_hold([unknown, known], 0.3)
    assert not stopping.all_hold([unknown], 0.1)
