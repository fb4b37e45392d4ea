"""Peers that cannot be installed beside Heed, run in an environment of their own."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PLACE = HERE.parents[2] / "build" / "gbstats_environment"
"""An ignored folder; removed, it is made anew."""


class AbsentError(Exception):
    """The environment cannot be made; its text says why."""


def stops(
    looks: np.ndarray, groups: dict[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, dict[str, list[int]]]:
    """By group of runs and peer: the place of the look at which each run stopped, -1 where it did not.

    A group holds the outcomes of control and treated (runs × accounts); `looks` are accounts per arm.
    """
    python = _environment()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outcomes.npz"
        arms = {
            f"{name} {arm}": pair[at] for name, pair in groups.items() for at, arm in enumerate(("0", "1"))
        }
        np.savez(path, looks=looks, **arms)
        done = subprocess.run([python, HERE / "runner.py", path], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AbsentError(f"gbstats did not run: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, dict[str, list[int]]] = json.loads(done.stdout)
    return found


def _environment() -> Path:
    python, ready = PLACE / "bin" / "python", PLACE / ".ready"
    wanted = (HERE / "requirements.txt").read_text(encoding="utf-8")
    if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making the environment of gbstats in {PLACE.relative_to(HERE.parents[2])}", flush=True)
    for command in (
        [sys.executable, "-m", "venv", "--clear", PLACE],
        [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            HERE / "requirements.txt",
        ],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise AbsentError(f"gbstats cannot be installed: {lines[-1]}")
    ready.write_text(wanted, encoding="utf-8")
    return python
