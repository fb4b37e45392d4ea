"""Heed as it runs in use: a home of its own, a server process, a worker process, and its commands."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import HEED, answer_of, free_port, heed, surroundings

GRACE = 20.0


@dataclass(frozen=True)
class House:
    """A running Heed: where its home is, and where it answers."""

    home: Path
    port: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def heed(self, *arguments: str, ends: tuple[int, ...] = (0,)) -> str:
        """What a command prints; it must end with one of these codes."""
        done = heed(self.home, *arguments, PORT=self.port)
        assert done.returncode in ends, done.stderr
        return done.stdout

    def sign_in_link(self, email: str) -> str:
        return self.heed("link", email).split()[-1]

    def today(self, email: str) -> dict[str, Any]:
        """The worklist of a person, as `heed today --json` prints it."""
        told: dict[str, Any] = json.loads(self.heed("today", "--person", email, "--json"))["people"][0]
        return told


@contextmanager
def running_house(home: Path) -> Iterator[House]:
    """A new home with a database file and a stream, with `heed serve` and `heed worker` running."""
    house = House(home, str(free_port()))
    house.heed("migrate")
    environment = surroundings(home, PORT=house.port)
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("serve", "worker"):
            with (home / f"{name}.log").open("wb") as log:
                # A session of its own: what the server starts goes with it.
                started.append(
                    subprocess.Popen(
                        [HEED, name], env=environment, stdout=log, stderr=log, start_new_session=True
                    )
                )
        try:
            answer_of(f"{house.url}/sign-in/", started[0])
        except AssertionError as error:
            raise AssertionError(f"{error} {logs_of(home)}") from error
        yield house
        assert [process.poll() for process in started] == [None, None], logs_of(home)
    finally:
        for process in started:
            end(process)


def logs_of(home: Path) -> str:
    return "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in sorted(home.glob("*.log")))


def end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
