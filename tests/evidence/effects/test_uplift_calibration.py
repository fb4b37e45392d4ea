"""The quick form of the study of `make calibrate` on targeting and on effects without a lot."""

from benchmarks.calibration.targeting import study


def test_what_is_claimed_holds() -> None:
    findings = study(0.01)
    assert [finding.claim for finding in findings if not finding.right] == []
    assert all(finding.runs for finding in findings)
