"""What a company does in one process: import its files, then run the daily round.

The process tells whoever watches it what it is about to do, statement by statement, so that it can be killed
at a known place however fast the machine is: what depends on the time that passes, saving how far an import
is, is left out. It does not end by itself before it is told to. The clock stands still (`HEED_NOW`), so that
two runs can be compared to the last column.
"""

import gc
import math
import os
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

AS_OF = "2026-03-02"
NOW = f"{AS_OF}T08:00:00+00:00"
SURROUNDINGS = {
    "HEED_NOW": NOW,
    "HEED_SECRET_KEY": "only-for-tests",
    "DJANGO_SETTINGS_MODULE": "heed.site.settings",
}
ACCOUNTS, ACTIVITIES, MONTHS = 40, 6_000, 6
IMPORTING, ROUND, DONE = b"import", b"round", b"done"
"""What a process says before each statement of either part, and once nothing is left to do."""
LIBRARIES = [
    *("dbos", "deltalake", "django.contrib.auth.hashers", "django.db.models", "django.forms", "duckdb"),
    *("ibis", "ibis.backends.duckdb", "numpy", "openpyxl", "pandas", "pyarrow.parquet", "rich.progress"),
    *("scipy.special", "scipy.stats", "typer"),
]
"""What every process imports first, whatever its settings: they are forked from one that has."""


def make_files(folder: Path) -> None:
    """The file set of a small simulated company."""
    from datetime import date

    from heed.evidence.simulation import simulate

    simulate(
        folder,
        end=date.fromisoformat(AS_OF),
        accounts=ACCOUNTS,
        activities=ACTIVITIES,
        months=MONTHS,
        csms=2,
    )


def process(work: Callable[..., None], line: Connection, home: str, *arguments: str) -> None:
    """The whole life of a process in a home: an error reaches the watcher as text."""
    for name in list(os.environ):
        if name.startswith(("HEED_", "DJANGO_")):
            del os.environ[name]
    os.environ |= {**SURROUNDINGS, "HEED_HOME": home}
    # It is over before garbage could matter, and looking for it takes a fifth of its time.
    gc.disable()
    try:
        work(line, *arguments)
    except BaseException:
        line.send_bytes(traceback.format_exc().encode())
        raise


def prepare(line: Connection, folder: str) -> None:
    """The files with their mapping, the database, and the people who own the accounts."""
    from heed.evidence.simulation import csm_emails

    files = Path(folder)
    make_files(files)
    heed("migrate")
    from heed.people.actions import create_user
    from heed.people.models import Role
    from heed.sources.actions import preview

    (files / "mapping.toml").write_text(preview(sorted(files.iterdir())).mapping)

    for email, role in zip(csm_emails(2), (Role.ADMIN, Role.MEMBER), strict=True):
        create_user(email, email, role, by="command line")
    line.send_bytes(DONE)


def bring(line: Connection, folder: str) -> None:
    """Import, and leave the round to another process."""
    import django

    django.setup()
    bring_in(line, folder)
    line.send_bytes(DONE)


def live(line: Connection, folder: str) -> None:
    """Import unless that is done, run the round, and tell the contents to who asks for them."""
    import django

    django.setup()
    live_on(line, folder, importing=not imported())


def live_again(line: Connection, folder: str) -> None:
    """Import whatever was imported before, and the rest as ever: a second delivery of the same files."""
    import django

    django.setup()
    live_on(line, folder, importing=True)


def live_slowly(line: Connection, folder: str) -> None:
    """As `live`, on a machine on which seconds pass between any two looks at the clock."""
    import itertools
    from types import SimpleNamespace
    from unittest.mock import patch

    import django

    django.setup()
    from heed.sources import running

    seconds = itertools.count(0, 10)
    with patch.object(running, "time", SimpleNamespace(monotonic=lambda: float(next(seconds)))):
        live_on(line, folder, importing=True)


def bring_in(line: Connection, folder: str) -> None:
    from django.db import connection

    from heed.sources import running

    # Otherwise a slow machine, or a busy one, would send more statements than the run that was counted.
    running.SAVE_EVERY_SECONDS = math.inf
    with connection.execute_wrapper(telling(line, IMPORTING)):
        heed("import", folder, "--json")


def live_on(line: Connection, folder: str, *, importing: bool) -> None:
    from django.db import connection

    from tests.whole.contents import contents

    if importing:
        bring_in(line, folder)
    with connection.execute_wrapper(telling(line, ROUND)):
        heed("refresh", "--as-of", AS_OF, "--json")
    line.send_bytes(DONE)
    line.recv_bytes()
    line.send_bytes("\n".join(contents()).encode())


def heed(*arguments: str) -> None:
    """A command as the command line runs it; its answer is of no interest."""
    import contextlib
    import io

    from heed.site.commands import app

    with contextlib.redirect_stdout(io.StringIO()):
        app(list(arguments), standalone_mode=False)


def telling(line: Connection, part: bytes) -> Callable[..., Any]:
    def tell(execute: Callable[..., Any], *statement: Any) -> Any:
        line.send_bytes(part)
        return execute(*statement)

    return tell


def imported() -> bool:
    """Whether the files are in: nobody imports them again then, which would be an import of its own."""
    from heed.sources.models import Import, ImportState

    return Import.objects.filter(state=ImportState.DONE).exists()
