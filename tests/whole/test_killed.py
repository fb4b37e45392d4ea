"""Killed with -9 at any moment, an import and a daily round end as if nothing had happened."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.whole.scenario import AS_OF, DONE, NOW, make_files

ROOT = Path(__file__).parents[2]
MOMENTS = 20


def surroundings(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEED_", "DJANGO_"))}
    return {**kept, "HEED_HOME": str(home), "HEED_NOW": NOW, "HEED_SECRET_KEY": "only-for-tests"}


def start(home: Path, module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=surroundings(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-3000:]
    return out


def contents_of(home: Path) -> list[str]:
    return finish(start(home, "tests.whole.contents")).splitlines()


class Undisturbed:
    """A run that nobody interrupted: its files, its contents, and how long it took after starting."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        make_files(self.files)
        self.prepared = folder / "prepared"
        finish(start(self.prepared, "tests.whole.scenario", "prepare"))
        home = shutil.copytree(self.prepared, folder / "home")
        process = start(home, "tests.whole.scenario", str(self.files))
        assert process.stdout
        process.stdout.readline()
        begun = time.monotonic()
        finish(process)
        self.seconds = time.monotonic() - begun
        self.contents = contents_of(home)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


def test_the_undisturbed_run_holds_what_a_company_would_see(undisturbed: Undisturbed) -> None:
    tables = [line.split('"table": "')[1].split('"')[0] for line in undisturbed.contents]
    wanted = {"activities", "daily", "customers.account", "measures.metricvalue", "measures.risk"}
    assert wanted <= set(tables)
    assert AS_OF in "".join(undisturbed.contents)


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_it_ends_as_if_it_had_never_been_killed(
    moment: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    home = shutil.copytree(undisturbed.prepared, tmp_path / "killed")
    dice = random.Random(f"killed {moment}")  # noqa: S311
    process = start(home, "tests.whole.scenario", str(undisturbed.files))
    assert process.stdout
    process.stdout.readline()
    time.sleep(undisturbed.seconds * (moment + dice.random()) / MOMENTS)
    process.send_signal(signal.SIGKILL)
    if DONE in process.communicate()[0]:
        pytest.skip("It was done before it could be killed: a second import is an import of its own.")

    finish(start(home, "tests.whole.scenario", str(undisturbed.files)))

    assert contents_of(home) == undisturbed.contents
