"""The pages of triggers.

What computes and draws takes two seconds to load: each view imports its own.
"""

from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heed.people.models import User
from heed.people.permissions import Permission, allows, may
from heed.people.reads import names_of
from heed.proving.models import Trigger
from heed.proving.views import PER_PAGE, page

if TYPE_CHECKING:
    from heed.proving.trigger_forms import NewTriggerForm


@require_safe
@may(Permission.SEE_CUSTOMERS)
def triggers(request: HttpRequest) -> HttpResponse:
    """Every trigger by what its replay says it is worth."""
    from heed.proving import trigger_pages as pages
    from heed.proving.exporting import asked_for

    found = pages.standings()
    chart = pages.list_chart(found)
    if answer := asked_for(request, "triggers", [chart] if chart else []):
        return answer
    told = {"found": found, "finding": pages.list_finding(found), "chart": chart}
    return page(request, "triggers", told | {"may_make": allows(request.user, Permission.MANAGE_TRIGGERS)})


@require_http_methods(["GET", "HEAD", "POST"])
@may(Permission.MANAGE_TRIGGERS)
def new_trigger(request: HttpRequest) -> HttpResponse:
    """Make a trigger: a rule as others publish it, or one's own. It is off; sent again, it leads there."""
    from heed.proving.trigger_forms import NewTriggerForm
    from heed.proving.triggering import TriggerRefused

    form = NewTriggerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        known = Trigger.objects.filter(name=form.cleaned_data["name"]).exists()
        try:
            pk = _made(form, cast(User, request.user).actor)
        except TriggerRefused as refused:
            form.refuse(refused)
        else:
            kept = _("The trigger is kept, and off. Replay it to see what it is worth.")
            there = _("There is this trigger already, made by this rule.")
            messages.success(request, there if known else kept)
            return redirect("proving:trigger", pk=pk)
    return page(request, "new_trigger", {"form": form})


@transaction.atomic
def _made(form: "NewTriggerForm", by: str) -> int:
    from heed.proving.triggering import make_from_template, make_trigger

    said = form.cleaned_data
    if said["template"]:
        return make_from_template(said["name"], int(said["template"]), by=by).pk
    return make_trigger(said["name"], form.rule(by=by), by=by).pk


@require_safe
@may(Permission.SEE_CUSTOMERS)
def trigger(request: HttpRequest, pk: int) -> HttpResponse:
    """A trigger: what its replay caught and missed, its switch, and what it did since it is on."""
    from heed.proving import trigger_pages as pages
    from heed.proving.exporting import asked_for
    from heed.proving.triggering import trigger_for

    found = pages.standing_of(trigger_for(pk))
    charts = pages.card_charts(found)
    if answer := asked_for(request, f"trigger-{pk}", [*charts, *pages.tables(found)]):
        return answer
    since = pages.since_on(found.version)
    versions = pages.versions_of(found.trigger)
    waiting = pages.waiting(found.version)
    told = {
        "found": found, "charts": charts, "since": since, "leak": pages.leak_of(found.version),
        "figures": pages.figures(found.told) if found.told else [],
        "f1": pages.f1_of(found.told) if found.told else None,
        "reach": pages.reach(found.told) if found.told else "",
        "counts": pages.counts(found.told) if found.told else [],
        "fired": Paginator(since.fired, PER_PAGE).get_page(request.GET.get("page")),
        "waiting": waiting, "poll": reverse("proving:replay_progress", args=[pk]) if waiting.now else "",
        "versions": versions,
        "actors": names_of([*(each.version.made_by for each in versions), found.trigger.switched_by]),
        "may_change": allows(request.user, Permission.MANAGE_TRIGGERS),
    }  # fmt: skip
    return page(request, "trigger", told)


@require_safe
@may(Permission.SEE_CUSTOMERS)
def trigger_rows(request: HttpRequest, pk: int) -> HttpResponse:
    """The accounts behind a count of the replay."""
    from heed.proving import trigger_pages as pages
    from heed.proving.triggering import trigger_for

    found = pages.standing_of(trigger_for(pk))
    what = request.GET.get("what", "alerts")
    rows = pages.rows_behind(found.replay, what)
    told = {
        "found": found, "what": what, "what_words": pages.what_words()[what],
        "leavers": what in ("left", "caught", "missed"),
        "rows": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
    }  # fmt: skip
    return page(request, "trigger_rows", told)


@require_http_methods(["GET", "HEAD", "POST"])
@may(Permission.MANAGE_TRIGGERS)
def change_trigger(request: HttpRequest, pk: int) -> HttpResponse:
    """Another version of the rule; the trigger is off until that was replayed."""
    from heed.proving import trigger_pages as pages
    from heed.proving import triggering
    from heed.proving.trigger_forms import ChangeRuleForm, written

    found = triggering.trigger_for(pk)
    version = triggering.current_version(found)
    form = ChangeRuleForm(request.POST or None, initial=written(version))
    if request.method == "POST" and form.is_valid():
        by = cast(User, request.user).actor
        try:
            with transaction.atomic():
                over = form.cleaned_data["based_on"]
                made = triggering.change_trigger(found, form.rule(by=by), by=by, based_on=over)
        except triggering.TriggerRefused as refused:
            form.refuse(refused)
        else:
            kept = _("Version %(n)d is in force, and off until it was replayed.") % {"n": made.version}
            same = made.version == version.version
            messages.success(request, _("That is its rule already.") if same else kept)
            return redirect("proving:trigger", pk=pk)
    return page(request, "change_trigger", {"found": pages.standing_of(found), "form": form})


@require_POST
@may(Permission.MANAGE_TRIGGERS)
def replay_trigger(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a worker replay the version in force."""
    from heed.proving.triggering import ask_replay, trigger_for

    ask_replay(trigger_for(pk), by=cast(User, request.user).actor)
    messages.success(request, _("The replay starts as soon as the worker is free."))
    return redirect("proving:trigger", pk=pk)


@require_safe
@may(Permission.SEE_CUSTOMERS)
def replay_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The bar of a replay that runs; once it has ended, htmx is told to load the whole page again."""
    from heed.proving.triggering import current_version, is_waiting, trigger_for

    waits = is_waiting(current_version(trigger_for(pk)))
    poll = reverse("proving:replay_progress", args=[pk]) if waits else ""
    response = render(request, "proving/replay_progress.html", {"poll": poll})
    if not waits:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@may(Permission.MANAGE_TRIGGERS)
def switch_trigger(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch it off, or on (`do=on`), which is refused without a fresh replay of the `version` in sight."""
    from heed.proving import triggering

    found, by = triggering.trigger_for(pk), cast(User, request.user).actor
    on, seen = request.POST.get("do") == "on", request.POST.get("version", "")
    version = int(seen[:9]) if seen.isdecimal() else None
    try:
        if on:
            triggering.switch_on(found, by=by, version=version)
        else:
            triggering.switch_off(found, by=by)
    except triggering.ChangedMeanwhile as refused:
        messages.error(request, _("Nothing was switched. %(why)s") % {"why": refused})
    except triggering.TriggerRefused as refused:
        messages.error(request, _("It stays off. %(why)s") % {"why": refused})
    else:
        is_on = _("It is on: it looks once a week, in the daily round.")
        messages.success(request, is_on if on else _("It is off: it fires no more."))
    return redirect("proving:trigger", pk=pk)
