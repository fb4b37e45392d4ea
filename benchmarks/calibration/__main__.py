"""How often each interval covers, each verdict is right and each stop is false: `make calibrate`.

Each study is a module beside this one: `study(scale)` simulates, with known truth, as many companies as its
full size times `scale`, and returns its findings. The page in the documentation is written from them; the
command fails where a finding is not right.
"""

import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.calibration.finding import Finding

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "calibration.md"
STUDIES = ("intervals", "effects", "stopping", "targeting", "verdicts", "risk", "forecast", "voices")


def main() -> None:
    wanted = sys.argv[1:] or STUDIES
    found: list[Finding] = []
    for name in wanted:
        started = time.perf_counter()
        findings = import_module(f"benchmarks.calibration.{name}").study(1.0)
        print(f"== {name} took {time.perf_counter() - started:.0f} s")
        for finding in findings:
            print(_line(finding), flush=True)
        found += findings
    if len(wanted) == len(STUDIES):
        PAGE.write_text(page(found), encoding="utf-8")
    if wrong := [finding.claim for finding in found if not finding.right]:
        raise SystemExit(f"Not as claimed: {'; '.join(wrong)}.")


def page(findings: Sequence[Finding]) -> str:
    """The page of the documentation."""
    head = (
        "# How often what Heed claims is true\n\n"
        "Written by `make calibrate` from simulated companies whose truth is known. A finding is right while "
        "its share lies within three standard errors of its bounds.\n\n"
        "| study | claim | runs | should be | was | |\n| --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "\n".join(_line(finding) for finding in findings) + "\n"


def _line(finding: Finding) -> str:
    bounds = f"{finding.low:.1%} to {finding.high:.1%}"
    verdict = "right" if finding.right else "**wrong**"
    cells = (finding.study, finding.claim, f"{finding.runs:,}", bounds, f"{finding.share:.1%}", verdict)
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
