"""How often each interval covers, each verdict is right and each stop is false: `make calibrate`.

Each study is a module beside this one: `study(scale)` simulates, with known truth, as many companies as its
full size times `scale`, and returns its findings. The page in the documentation is written from them; the
command fails where a finding is not right.

    make calibrate                                      all of them
    python -m benchmarks.calibration voices effects     some of them
"""

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path

from benchmarks.calibration.finding import Finding

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "calibration.md"
SCALES = {
    "intervals": 1.0,
    "effects": 1.0,
    "stopping": 1.0,
    "targeting": 0.2,
    "verdicts": 1.0,
    "risk": 0.6,
    "forecast": 0.5,
    "voices": 1.0,
}
"""How much of its full size each study is run at, so that all of them take less than ten minutes."""
LONGEST_FIRST = ("targeting", "verdicts", "forecast", "risk")


def main() -> None:
    wanted = sys.argv[1:] or list(SCALES)
    if unknown := [name for name in wanted if name not in SCALES]:
        raise SystemExit(f"There is no study '{unknown[0]}'. There are: {', '.join(SCALES)}.")
    # One process for each study, as many at once as there are processors.
    with ProcessPoolExecutor(int(os.environ.get("WORKERS") or os.cpu_count() or 1)) as pool:
        ordered = sorted(wanted, key=lambda name: name not in LONGEST_FIRST)
        running = {name: pool.submit(_found, name) for name in ordered}
        found = [finding for name in wanted for finding in running[name].result()]
    if wanted == list(SCALES):
        PAGE.write_text(page(found), encoding="utf-8")
    if wrong := [finding.claim for finding in found if not finding.right]:
        raise SystemExit(f"Not as claimed: {'; '.join(wrong)}.")


def _found(name: str) -> list[Finding]:
    started = time.perf_counter()
    findings = import_module(f"benchmarks.calibration.{name}").study(SCALES[name])
    lines = [f"== {name} took {time.perf_counter() - started:.0f} s", *map(_line, findings)]
    print("\n".join(lines), flush=True)
    return findings


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
