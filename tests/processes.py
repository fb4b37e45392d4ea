"""Heed's commands as a person runs them: processes of their own in a home of their own."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

HEED = str(Path(sys.executable).with_name("heed"))
PATIENCE = 60.0


def surroundings(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a process in a home: of what is set for Heed here, it inherits nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEED_", "DJANGO_"))}
    return {**kept, "HEED_HOME": str(home), **settings}


def heed(home: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [HEED, *arguments],
        env=surroundings(home, **settings),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def free_port() -> int:
    """A port to listen on that nobody else is given for a minute.

    A connection that this end closes first keeps its port that long from all but those that ask for it by
    its number and allow its reuse, as servers do.
    """
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", 0))
        free.listen()
        port: int = free.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            free.accept()[0].close()
        return port


def answer_of(address: str, server: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> str:
    """What a server answers at an address, once it does."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 - our own server
                return str(answer.read().decode())
        except HTTPError:
            raise
        except OSError:
            assert server.poll() is None, f"The server of {address} ended."
            assert time.monotonic() < until, f"{address} did not answer in a minute."
            time.sleep(0.2)
