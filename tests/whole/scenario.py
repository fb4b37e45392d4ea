"""One process that does what a company does: import its files, then run the daily round.

    python -m tests.whole.scenario FOLDER

(`prepare` instead of a folder makes the database and its people first.) Run by tests that end it at a
random moment with kill -9, and run it again. The clock stands still (`HEED_NOW`), so that two runs can
be compared to the last column.
"""

import os
import sys
from pathlib import Path

AS_OF = "2026-03-02"
NOW = f"{AS_OF}T08:00:00+00:00"
DONE = "all is done"
ACCOUNTS, ACTIVITIES, MONTHS = 40, 6_000, 6


def make_files(folder: Path) -> None:
    """The file set of a small simulated company."""
    from datetime import date

    from heed.evidence.simulate import simulate

    simulate(
        folder,
        end=date.fromisoformat(AS_OF),
        accounts=ACCOUNTS,
        activities=ACTIVITIES,
        months=MONTHS,
        csms=2,
    )


def prepare() -> None:
    """The database, and the people who own the accounts."""
    from heed.evidence.simulate import csm_emails
    from heed.site.commands import app

    app(["migrate"], standalone_mode=False)
    from heed.people.actions import create_user
    from heed.people.models import Role

    for email, role in zip(csm_emails(2), (Role.ADMIN, Role.MEMBER), strict=True):
        create_user(email, email, role, by="command line")


def imported() -> bool:
    """Whether the files are in: nobody imports them again then, which would be an import of its own."""
    import django

    django.setup()
    from heed.sources.models import Import, ImportState

    return Import.objects.filter(state=ImportState.DONE).exists()


def main(folder: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.site.settings")
    if folder == "prepare":
        return prepare()
    from heed.site.commands import app

    print("started", flush=True)  # noqa: T201
    if not imported():
        app(["import", folder, "--json"], standalone_mode=False)
    app(["refresh", "--as-of", AS_OF, "--json"], standalone_mode=False)
    print(DONE, flush=True)  # noqa: T201
    return None


if __name__ == "__main__":
    main(sys.argv[1])
