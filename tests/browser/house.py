"""Heed as it runs in use: a home of its own, a server process, a worker process, and its commands."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

HEED = [sys.executable, "-c", "from heed.site.commands import main; main()"]
PATIENCE = 60.0
GRACE = 20.0


@dataclass(frozen=True)
class House:
    """A running Heed: where its home is, and where it answers."""

    home: Path
    url: str
    environment: dict[str, str]

    def heed(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        done = subprocess.run(
            [*HEED, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
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
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEED_", "DJANGO_"))}
    house = House(home, url, {**kept, "HEED_HOME": str(home), "PORT": str(port)})
    house.heed("migrate")
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("serve", "worker"):
            with (home / f"{name}.log").open("wb") as log:
                # A session of its own: what the server starts goes with it.
                started.append(
                    subprocess.Popen(
                        [*HEED, name], env=house.environment, stdout=log, stderr=log, start_new_session=True
                    )
                )
        wait_until_it_answers(house, started)
        yield house
        assert [process.poll() for process in started] == [None, None], logs_of(home)
    finally:
        for process in started:
            end(process)


def wait_until_it_answers(house: House, started: "list[subprocess.Popen[bytes]]") -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if any(process.poll() is not None for process in started):
            break
        try:
            with urlopen(f"{house.url}/sign-in/", timeout=5):  # noqa: S310 - our own server
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"Heed does not answer at {house.url}. {logs_of(house.home)}")


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


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
