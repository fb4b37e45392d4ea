"""A quick form of the study that `make calibrate` runs in full."""

from benchmarks.calibration.voices import study


def test_intervals_cover_as_often_as_they_claim_and_weights_mend_what_they_can() -> None:
    findings = study(0.06)
    assert len(findings) == 10
    assert [finding.claim for finding in findings if not finding.right] == []
