"""Jobs under Settings: what runs in the background, what died and why, and the button to run it again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from heed.ledger import durable, outbox
from heed.people.access import signed_in
from heed.people.permissions import Permission, may

STATES = ("dead", "running", "waiting", "done", "cancelled")


@may(Permission.MANAGE_JOBS)
@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """Dead jobs first, then the newest runs; `?state=` shows one state."""
    state = request.GET.get("state", "")
    wanted = [state] if state in STATES else []
    context = {
        "dead": durable.list_jobs(states=["dead"]),
        "runs": durable.list_jobs(states=wanted),
        "state": state if wanted else "",
        "states": STATES,
        "waiting": outbox.waiting(),
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
