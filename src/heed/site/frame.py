"""What stands around every page: the areas, and how fresh the data is."""

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db.models import Max
from django.http import HttpRequest

from heed.daily.models import Round, RoundState
from heed.desk.models import WorklistRow
from heed.desk.pages import Link, area_pages
from heed.desk.reads import open_rows
from heed.ledger import clock
from heed.ledger.home import open_stream

FRESH_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Area:
    """An area of the navigation: whether this page is in it, and how many things there need this person."""

    page: Link
    here: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class Freshness:
    """`activities_to`: the latest activity known; `measured_at`: end of the last daily round."""

    activities_to: datetime | None
    measured_at: datetime | None


def areas(request: HttpRequest | None) -> list[Area]:
    # Before the middleware of sign-in has run (a wrong host, for one) there is no user at all.
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return []
    count = WorklistRow.objects.filter(open_rows(), person=user).count()
    return [
        Area(page, request.path.startswith(page.path), count if page.path == "/today/" else 0)
        for page in area_pages()
    ]


def freshness() -> Freshness:
    """Read at most every half minute, because every page shows it."""
    found: Freshness | None = cache.get("freshness")
    if found is None:
        ended = Round.objects.filter(state=RoundState.DONE).aggregate(last=Max("finished_at"))
        latest = open_stream().data_until()
        # A file may tell of what is up to a day ahead; nothing is known up to then.
        found = Freshness(min(latest, clock.now()) if latest else None, ended["last"])
        # Whoever has just run the first round should not wait to see that it was.
        if found.measured_at:
            cache.set("freshness", found, FRESH_SECONDS)
    return found
