"""The pages of experiments, of the plays on record and of touches.

What computes and draws takes two seconds to load: each view imports its own.
"""

from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heed.ledger import clock
from heed.people.models import User
from heed.people.permissions import Permission, allows, may
from heed.proving.views import PER_PAGE, page


@require_safe
@may(Permission.SEE_CUSTOMERS)
def experiments(request: HttpRequest) -> HttpResponse:
    """Experiments that run, wait or are decided, and the plays on record with what they did."""
    from heed.proving.experiments import experiments_page
    from heed.proving.exporting import asked_for

    found = experiments_page()
    if answer := asked_for(request, "experiments", [found.chart] if found.chart else []):
        return answer
    told = {"found": found, "may_design": allows(request.user, Permission.DESIGN_EXPERIMENTS)}
    return page(request, "experiments", told)


@require_http_methods(["GET", "POST"])
@may(Permission.DESIGN_EXPERIMENTS)
def new_experiment(request: HttpRequest) -> HttpResponse:
    """Design an experiment: the planner answers to what is typed before anything is saved."""
    from heed.proving.experiment_forms import ExperimentForm
    from heed.proving.experimenting import ExperimentRefused, design_experiment
    from heed.proving.planning import planned

    user = cast(User, request.user)
    form = ExperimentForm(user, request.POST or None)
    plan = None
    if request.method == "POST" and form.is_valid():
        designed = form.designed()
        if request.POST.get("do") == "save":
            try:
                made = design_experiment(designed, user=user, by=user.actor)
            except ExperimentRefused as refused:
                form.add_error(refused.field or None, str(refused))
            else:
                messages.success(request, _("The design is saved. Nobody is drawn until it is started."))
                return redirect("proving:experiment", pk=made.pk)
        else:
            plan = planned(designed, user, clock.today())
    return page(request, "new_experiment", {"form": form, "plan": plan})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def experiment(request: HttpRequest, pk: int) -> HttpResponse:
    """An experiment: its design and plan, then its honest interval, then what was done."""
    from heed.proving.experiments import experiment_for, look_chart, standing_of
    from heed.proving.exporting import asked_for
    from heed.proving.planning import planned

    user = cast(User, request.user)
    found = standing_of(experiment_for(user, pk))
    chart = look_chart(found)
    if answer := asked_for(request, f"experiment-{pk}", [chart] if chart else []):
        return answer
    plan = planned(found.experiment, user, clock.today()) if found.state == "designed" else None
    told = {"found": found, "chart": chart, "plan": plan}
    return page(request, "experiment", told | {"may_design": allows(user, Permission.DESIGN_EXPERIMENTS)})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def experiment_rows(request: HttpRequest, pk: int) -> HttpResponse:
    """Who is in which arm, and what became of them."""
    from heed.proving.experiments import arm_rows, experiment_for, standing_of

    found = standing_of(experiment_for(cast(User, request.user), pk))
    arm, known = request.GET.get("arm", ""), bool(request.GET.get("known"))
    rows = Paginator(arm_rows(found.experiment, arm, known), PER_PAGE).get_page(request.GET.get("page"))
    return page(request, "experiment_rows", {"found": found, "arm": arm, "known": known, "rows": rows})


@require_POST
@may(Permission.DESIGN_EXPERIMENTS)
def start_experiment(request: HttpRequest, pk: int) -> HttpResponse:
    """Draw the arms and write them down; a second time it draws nobody."""
    from heed.proving import experimenting
    from heed.proving.experiments import experiment_for

    user = cast(User, request.user)
    found = experiment_for(user, pk)
    try:
        drawn = experimenting.start_experiment(found, user=user, by=user.actor)
    except experimenting.ExperimentRefused as refused:
        messages.error(request, str(refused))
    else:
        told = _("It runs: %(n)s accounts were drawn.") % {"n": f"{drawn:,}"}
        messages.success(request, told if drawn else _("It runs already; nobody was drawn again."))
    return redirect("proving:experiment", pk=pk)


@require_http_methods(["GET", "POST"])
@may(Permission.DESIGN_EXPERIMENTS)
def decide_experiment(request: HttpRequest, pk: int) -> HttpResponse:
    """What is done after it, and why; the numbers are frozen with it."""
    from heed.proving import experimenting
    from heed.proving.experiment_forms import DecisionForm
    from heed.proving.experiments import experiment_for, standing_of

    user = cast(User, request.user)
    found = standing_of(experiment_for(user, pk))
    if found.state == "designed":
        raise Http404(_("It was not started, so there is nothing to decide yet."))
    form = DecisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            experimenting.decide_experiment(
                found.experiment, said["kind"], said["reason"], user=user, by=user.actor
            )
        except experimenting.ExperimentRefused as refused:
            form.add_error(refused.field or None, str(refused))
        else:
            messages.success(request, _("The decision is recorded with the numbers as they were."))
            return redirect("proving:experiment", pk=pk)
    return page(request, "decide_experiment", {"found": found, "form": form})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def play(request: HttpRequest, play: str) -> HttpResponse:
    """What a play on record did."""
    from heed.proving.exporting import asked_for
    from heed.proving.plays import play_charts, play_row

    found = play_row(play)
    charts = play_charts(found)
    if answer := asked_for(request, "play", charts):
        return answer
    return page(request, "play", {"found": found, "charts": charts})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def play_rows(request: HttpRequest, play: str) -> HttpResponse:
    """The accounts behind what a play did."""
    from heed.proving.plays import play_accounts, play_row

    found, arm = play_row(play), request.GET.get("arm", "")
    rows = Paginator(play_accounts(play, arm), PER_PAGE).get_page(request.GET.get("page"))
    return page(request, "play_rows", {"found": found, "arm": arm, "rows": rows})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def touches(request: HttpRequest) -> HttpResponse:
    """The effects of every play beside each other, and how often touchpoints were implemented."""
    from heed.proving.exporting import asked_for
    from heed.proving.touches import touches_page

    found = touches_page()
    if answer := asked_for(request, "touches", found.charts):
        return answer
    return page(request, "touches", {"found": found})
