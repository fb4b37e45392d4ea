"""`heed refresh` and `heed demo`, run as a person runs them: in a home of their own."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.processes import HEED, free_port, heed, surroundings

# They share the demo company.
pytestmark = pytest.mark.slow
NOW = {"HEED_NOW": "2026-03-02T08:00:00+00:00"}
"""One day for all of them: over midnight, the round of today would not be done already."""
STEPS = [
    "derive movements",
    "append activities",
    "roll up touched days",
    "measure accounts",
    "look at triggers",
    "learn what predicts",
    "judge scores by hand",
    "measure plays",
    "estimate risk",
    "forecast revenue",
    "rank today",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small demo company, set up by the command."""
    home = tmp_path_factory.mktemp("home")
    done = heed(home, "demo", "--no-serve", "--accounts", "40", "--activities", "20000", **NOW)
    assert done.returncode == 0, done.stderr
    assert "made a company of 40 accounts" in done.stdout
    assert "imported 40 accounts" in done.stdout
    assert "ran the daily round" in done.stdout
    return home


def test_the_round_prints_its_steps_for_a_program(home: Path) -> None:
    done = heed(home, "refresh", "--json", **NOW)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["state"] == "done"
    assert [step["name"] for step in told["steps"]] == STEPS
    assert told["steps"][3]["result"]["accounts"] == 40
    assert told["seconds"] == pytest.approx(sum(step["seconds"] for step in told["steps"]), abs=0.01)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("yesterday", "'yesterday' is not a day. Write it like 2026-11-22."),
        ("2026-03-03", "is in the future"),
    ],
)
def test_the_round_refuses_a_day_that_is_none_or_not_yet(home: Path, day: str, why: str) -> None:
    done = heed(home, "refresh", "--as-of", day, **NOW)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr


def test_the_demo_serves_a_sign_in_link_skips_what_is_done_and_ends_its_children(home: Path) -> None:
    port = free_port()
    with running_demo(home, port) as (process, lines):
        told = [next(lines)]
        while not told[-1].startswith("Heed: http"):
            told.append(next(lines))
        assert any("is there already" in line for line in told)
        assert any("imported already" in line for line in told)
        assert any("round of today is done already" in line for line in told)
        link = told[-1].split()[-1]
        assert link.startswith(f"http://127.0.0.1:{port}/")
        with urlopen(link, timeout=30) as page:  # noqa: S310
            assert page.status == 200
        children = children_of(process.pid)
        assert len(children) >= 2
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


@contextmanager
def running_demo(home: Path, port: int) -> Iterator[tuple["subprocess.Popen[str]", Iterator[str]]]:
    # Tests that run behind a shell were told to ignore Ctrl+C, and what they start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [HEED, "demo"],
        env=surroundings(home, PORT=str(port), **NOW),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, iter(process.stdout.readline, "")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(60)


def children_of(parent: int) -> list[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in found]
