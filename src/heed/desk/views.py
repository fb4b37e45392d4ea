"""The pages of the desk: Today, an account, search."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from heed.customers.access import account_for
from heed.customers.models import Account
from heed.desk import actions, profile, reads
from heed.desk import search as finder
from heed.desk import timeline as story
from heed.desk.access import person_for, worklist_row_for
from heed.desk.forms import NotUsefulForm, SnoozeForm
from heed.desk.models import WorklistRow
from heed.ledger import clock
from heed.people.models import User
from heed.people.permissions import Permission, allows, may
from heed.people.reads import names_of

Decide = Callable[[WorklistRow], WorklistRow]


@may(Permission.SEE_CUSTOMERS)
@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """`?person=` shows the list of somebody else to who may see the team's work."""
    user = cast(User, request.user)
    person = person_for(user, request.GET.get("person", ""))
    sees_team = allows(user, Permission.SEE_TEAM_WORK)
    context = {
        "today": reads.today(person, clock.today(), viewer=user),
        "person": person,
        "own": person == user,
        "may_act": allows(user, Permission.ACT_ON_CUSTOMERS),
        "team": User.objects.filter(is_active=True).order_by("name") if sees_team else [],
    }
    return render(request, "desk/today.html", context)


@require_POST
@may(Permission.ACT_ON_CUSTOMERS)
def done(request: HttpRequest, pk: int) -> HttpResponse:
    return _decided(request, pk, lambda row: actions.mark_done(row, by=_actor(request)))


@require_POST
@may(Permission.ACT_ON_CUSTOMERS)
def snooze(request: HttpRequest, pk: int) -> HttpResponse:
    return _decided_by(request, pk, SnoozeForm(request.POST), actions.snooze)


@require_POST
@may(Permission.ACT_ON_CUSTOMERS)
def not_useful(request: HttpRequest, pk: int) -> HttpResponse:
    return _decided_by(request, pk, NotUsefulForm(request.POST), actions.mark_not_useful)


@require_POST
@may(Permission.ACT_ON_CUSTOMERS)
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    return _decided(request, pk, lambda row: actions.reopen(row, by=_actor(request)))


def _decided(request: HttpRequest, pk: int, decide: Decide) -> HttpResponse:
    """Take the decision; answer with the row alone to htmx, else with Today again."""
    row = worklist_row_for(cast(User, request.user), pk)
    problem = ""
    try:
        row = decide(row)
    except actions.DecisionError as refused:
        problem = str(refused)
    if getattr(request, "htmx", False):
        context = {"row": reads.row_of(row), "may_act": True, "problem": problem, "own": True}
        return render(request, "desk/row.html", context)
    if problem:
        messages.error(request, problem)
    else:
        said = {"account": row.account.name, "state": row.get_state_display().lower()}
        messages.success(request, _("%(account)s: %(state)s.") % said)
    whose = "" if row.person_id == request.user.pk else f"?person={row.person_id}"
    return redirect(reverse("desk:today") + whose)


def _decided_by(
    request: HttpRequest, pk: int, form: SnoozeForm | NotUsefulForm, act: Callable[..., WorklistRow]
) -> HttpResponse:
    """Take the decision that the form states; what is wrong with the form is told like any refusal."""

    def decide(row: WorklistRow) -> WorklistRow:
        if not form.is_valid():
            said = (f"{form.fields[name].label}: {form.errors[name].as_text()}" for name in form.errors)
            raise actions.DecisionError(" ".join(said))
        return act(row, **form.cleaned_data, by=_actor(request))

    return _decided(request, pk, decide)


def _actor(request: HttpRequest) -> str:
    return cast(User, request.user).actor


@may(Permission.SEE_CUSTOMERS)
@require_GET
def account(request: HttpRequest, key: str) -> HttpResponse:
    user = cast(User, request.user)
    found = account_for(user, key)
    sees_audit = allows(user, Permission.SEE_AUDIT)
    now = clock.now()
    profiled = profile.profile_of(found, clock.today(), now, history=sees_audit)
    context: dict[str, Any] = {
        "now": now,
        "profile": profiled,
        "account": found,
        "timeline": _timeline(request, found),
        "active": profiled.measure("active_people"),
        "spoken": profiled.measure("days_since_conversation"),
        "may_act": allows(user, Permission.ACT_ON_CUSTOMERS),
        "sees_audit": sees_audit,
        "may_erase": allows(user, Permission.ERASE),
        "actors": names_of(entry.by for entry in profiled.history),
        "lines": profile.lines_of(found, profiled, clock.today()) if "trends" in request.GET else None,
    }
    return render(request, "desk/account.html", context)


@may(Permission.SEE_CUSTOMERS)
@require_GET
def timeline(request: HttpRequest, key: str) -> HttpResponse:
    """One page of the timeline alone, for htmx; the account page shows the same without it."""
    found = account_for(cast(User, request.user), key)
    return render(request, "desk/timeline.html", {"timeline": _timeline(request, found)})


def _timeline(request: HttpRequest, found: Account) -> story.Timeline:
    asked = {name: request.GET.get(name, "")[:500] for name in ("kind", "before", "on")}
    try:
        return story.timeline_of(found, **asked)
    except ValueError as fault:
        raise Http404(str(fault)) from fault


@may(Permission.SEE_CUSTOMERS)
@require_GET
def trends(request: HttpRequest, key: str) -> HttpResponse:
    """The measures with their trend lines, loaded after the page because they are worked out anew."""
    found = account_for(cast(User, request.user), key)
    profiled = profile.profile_of(found, clock.today(), clock.now(), history=False)
    lines = profile.lines_of(found, profiled, clock.today())
    context = {"profile": profiled, "account": found, "lines": lines}
    return render(request, "desk/measures.html", context)


@may(Permission.SEE_CUSTOMERS)
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Accounts, people, pages and actions; the palette asks for the results alone."""
    asked = request.GET.get("q", "").strip()[:200]
    results = finder.search(cast(User, request.user), asked)
    palette = bool(getattr(request, "htmx", False))
    template = "desk/results.html" if palette else "desk/search.html"
    return render(request, template, {"asked": asked, "groups": results, "palette": palette})
