"""The daily round under Settings: run it, see it run, and what the last ones did."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from heed.daily import reads
from heed.daily.jobs import ROUND
from heed.ledger import clock
from heed.ledger.durable import enqueue
from heed.people.access import signed_in
from heed.people.permissions import Permission, may
from heed.people.reads import names_of

A_PAGE = 10


@may(Permission.RUN_ROUND)
@require_GET
def rounds(request: HttpRequest) -> HttpResponse:
    """The whole page, or for htmx only the part that changes while a round runs."""
    page = Paginator(reads.latest_rounds(), A_PAGE).get_page(request.GET.get("page"))
    now = reads.going_on()
    context = {
        "now": now,
        "at": settings.HEED_DAILY_ROUND_AT,
        "page": page,
        "rounds": [reads.shown(each, now) for each in page.object_list],
        "people": names_of(each.by for each in page.object_list),
    }
    part = bool(request.headers.get("HX-Request")) and not request.headers.get("HX-Boosted")
    return render(request, "daily/_rounds.html" if part else "daily/rounds.html", context)


@may(Permission.RUN_ROUND)
@require_POST
def run(request: HttpRequest) -> HttpResponse:
    """Have the worker run the round of today; pressed twice while one waits or runs, once."""
    now = reads.going_on()
    if now.busy:
        runs = _("A daily round is running already.")
        messages.info(request, runs if now.round else _("The daily round waits already for the worker."))
        return redirect("daily:rounds")
    person = signed_in(request).actor
    at = clock.now()
    enqueue(ROUND, at.date().isoformat(), person, key=f"{person} {at.isoformat(timespec='seconds')}")
    messages.success(request, _("The daily round starts as soon as the worker is free."))
    return redirect("daily:rounds")
