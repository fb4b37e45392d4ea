"""Jobs under Settings: what runs in the background, what died and why, and the button to run it again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from heed.ledger import durable, heartbeat, outbox
from heed.ledger.jobs import DRAIN
from heed.people.access import signed_in
from heed.people.permissions import Permission, may

STATES = {
    "dead": gettext_lazy("dead"),
    "running": gettext_lazy("running"),
    "waiting": gettext_lazy("waiting"),
    "done": gettext_lazy("done"),
    "cancelled": gettext_lazy("cancelled"),
}


@may(Permission.MANAGE_JOBS)
@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """Dead jobs first, then the newest runs; `?state=` shows one state.

    The outbox is drained three times a minute: that it was stands on top, instead of a row for each time.
    """
    asked = request.GET.get("state", "")
    state = asked if asked in STATES else ""
    runs = durable.list_jobs(states=[state] if state else [], names=durable.jobs().keys() - {DRAIN})
    context = {
        "dead": durable.list_jobs(states=["dead"]),
        "runs": [(run, STATES[run.state]) for run in runs],
        "state": state,
        "states": STATES.items(),
        "workers": heartbeat.count_alive(),
        "waiting": outbox.waiting(),
        "drained": next(iter(durable.list_jobs(states=["done"], names=[DRAIN], limit=1)), None),
    }
    return render(request, "site/jobs.html", context)


@may(Permission.MANAGE_JOBS)
@require_POST
def retry(request: HttpRequest) -> HttpResponse:
    """Run a dead job again; its id comes in the form, because it may hold any character."""
    try:
        durable.retry(request.POST.get("job", ""), by=signed_in(request).actor)
    except durable.JobError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The job waits to run again."))
    return redirect("jobs")
