"""Killed with -9 at any moment, an import and a daily round end as if nothing had happened.

The moments are drawn from the length of a run that nobody disturbs, and found again by the statement before
them: a process that is faster or slower than that run is killed at the same place all the same. A process
waits at its end until it is told to go, so that there is always something to kill.
"""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.moments import moment
from tests.whole import scenario
from tests.whole.scenario import AS_OF, DONE, IMPORTING, LIBRARIES, ROUND

MOMENTS = 6
"""In each part, the import and the round."""
PATIENCE = 120.0
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(LIBRARIES)


class Watched:
    """A process in a home, and the line on which it tells what it does."""

    def __init__(self, work: Callable[..., None], home: Path, *arguments: str) -> None:
        self._line, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(
            target=scenario.process, args=(work, theirs, str(home), *arguments), daemon=True
        )
        self._process.start()
        theirs.close()

    def told(self) -> bytes:
        assert self._line.poll(PATIENCE), "It says nothing any more."
        said = self._line.recv_bytes()
        assert said in (IMPORTING, ROUND, DONE), said.decode()
        return said

    def contents(self) -> list[str]:
        """What the home of a process that is done holds, row for row; the process ends then."""
        self._line.send_bytes(b"tell")
        assert self._line.poll(PATIENCE)
        found = self._line.recv_bytes().decode().splitlines()
        self.join()
        return found

    def finish(self) -> list[str]:
        while self.told() != DONE:
            pass
        return self.contents()

    def join(self) -> None:
        with closing(self._line):
            self._process.join(PATIENCE)
        assert self._process.exitcode == 0

    def kill(self) -> None:
        assert self._process.pid
        os.kill(self._process.pid, signal.SIGKILL)
        with closing(self._line):
            self._process.join(PATIENCE)
        assert self._process.exitcode == -signal.SIGKILL


class Undisturbed:
    """A run that nobody interrupted: its home before each part, when it sent each statement, what it made."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        prepared = folder / "prepared"
        preparing = Watched(scenario.prepare, prepared, str(self.files))
        assert preparing.told() == DONE
        preparing.join()
        imported = shutil.copytree(prepared, folder / "imported")
        importing = Watched(scenario.bring, imported, str(self.files))
        self.before = {IMPORTING: prepared, ROUND: imported}
        self.statements = {IMPORTING: statements_of(importing)}
        importing.join()
        self.home = shutil.copytree(imported, folder / "home")
        living = Watched(scenario.live, self.home, str(self.files))
        self.statements[ROUND] = statements_of(living)
        self.contents = living.contents()

    def moment(self, part: bytes, number: int) -> tuple[int, float]:
        """A random moment of the length of a part: the statement before it, and the seconds since."""
        dice = random.Random(f"killed {part!r} {number}")  # noqa: S311
        return moment([at for at, _ in self.statements[part]], (number + dice.random()) / MOMENTS)


def statements_of(run: Watched) -> list[tuple[float, bytes]]:
    """When it sent each of its statements, and when it was done."""
    told: list[tuple[float, bytes]] = []
    while not told or told[-1][1] != DONE:
        told.append((time.monotonic(), run.told()))
    return told


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


def test_the_undisturbed_run_holds_what_a_company_would_see(undisturbed: Undisturbed) -> None:
    tables = {json.loads(row)["table"] for row in undisturbed.contents}
    assert tables >= {
        *("activities", "daily", "seen", "sources.import", "ledger.auditentry", "customers.account"),
        *("customers.subscriptionperiod", "customers.movement", "conversations.case"),
        *("measures.metricvalue", "measures.risk", "desk.worklistrow"),
    }
    assert AS_OF in "".join(undisturbed.contents)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MOMENTS))
@pytest.mark.parametrize("part", [IMPORTING, ROUND])
def test_it_ends_as_if_it_had_never_been_killed(
    part: bytes, number: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    home = shutil.copytree(undisturbed.before[part], tmp_path / "killed")
    before, seconds = undisturbed.moment(part, number)
    killed = Watched(scenario.live, home, str(undisturbed.files))
    assert [killed.told() for _ in range(before + 1)][-1] == part
    time.sleep(seconds)
    killed.kill()

    again = Watched(scenario.live, home, str(undisturbed.files))

    assert again.finish() == undisturbed.contents


@pytest.mark.slow
def test_a_slow_machine_sends_the_same_statements(undisturbed: Undisturbed, tmp_path: Path) -> None:
    home = shutil.copytree(undisturbed.before[IMPORTING], tmp_path / "slow")
    slow = Watched(scenario.live_slowly, home, str(undisturbed.files))
    said = [slow.told()]
    while said[-1] != DONE:
        said.append(slow.told())
    slow.kill()
    *importing, _ = undisturbed.statements[IMPORTING]
    assert said == [each for _, each in [*importing, *undisturbed.statements[ROUND]]]


@pytest.mark.slow
def test_all_of_it_once_more_changes_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    home = shutil.copytree(undisturbed.home, tmp_path / "again")
    again = Watched(scenario.live_again, home, str(undisturbed.files)).finish()
    assert len(of_table(again, "sources.import")) == len(of_table(undisturbed.contents, "sources.import")) + 1
    assert less_the_trail(again) == less_the_trail(undisturbed.contents)


def of_table(contents: list[str], *names: str) -> list[str]:
    return [row for row in contents if json.loads(row)["table"] in names]


def less_the_trail(contents: list[str]) -> list[str]:
    """Without what says that there was an import, which is one more."""
    trail = set(of_table(contents, "sources.import", "ledger.auditentry"))
    return [row for row in contents if row not in trail]
