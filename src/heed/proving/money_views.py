"""The pages of the forecast and of the decision log.

What computes and draws takes two seconds to load: each view imports its own.
"""

from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from heed.people.models import User
from heed.people.permissions import Permission, allows, demand, may
from heed.proving.views import PER_PAGE, page


@require_http_methods(["GET", "HEAD", "POST"])
@may(Permission.SEE_CUSTOMERS)
def forecast(request: HttpRequest) -> HttpResponse:
    """The quarters ahead by the model, by people, and as the last one; a form for one's own call."""
    from heed.proving.calling import CallRefused, call_quarter
    from heed.proving.calling_forms import CallForm
    from heed.proving.exporting import asked_for
    from heed.proving.outlook import chart_of, forecast_page, quarter_words

    user = cast(User, request.user)
    found = forecast_page()
    ahead = (
        [(each.ends_on, quarter_words(each.ends_on)) for each in found.forecast.quarters]
        if found.forecast
        else []
    )
    form = CallForm(ahead, request.POST or None)
    if request.method == "POST":
        demand(user, Permission.CALL_FORECAST)
        if form.is_valid():
            try:
                call_quarter(*form.called, user=user, by=user.actor)
            except CallRefused as refused:
                form.add_error("value", str(refused))
            else:
                messages.success(request, _("Your call is kept. It is scored when the quarter closes."))
                return redirect("proving:forecast")
    chart = chart_of(found)
    if answer := asked_for(request, "forecast", [chart] if chart else []):
        return answer
    told = {"found": found, "chart": chart, "form": form, "may_call": allows(user, Permission.CALL_FORECAST)}
    return page(request, "forecast", told)


@require_http_methods(["GET", "HEAD", "POST"])
@may(Permission.SEE_CUSTOMERS)
def decisions(request: HttpRequest) -> HttpResponse:
    """What was decided on which numbers, newest first, and a form for another."""
    from heed.proving.calling import log_decision
    from heed.proving.calling_forms import DecisionForm
    from heed.proving.models import LoggedDecision

    user = cast(User, request.user)
    form = DecisionForm(request.POST or None, initial={"page": request.GET.get("page_of", "")[:300]})
    if request.method == "POST":
        demand(user, Permission.ACT_ON_CUSTOMERS)
        if form.is_valid():
            log_decision(**form.cleaned_data, user=user, by=user.actor)
            messages.success(request, _("The decision is kept."))
            return redirect("proving:decisions")
    rows = LoggedDecision.objects.select_related("by").order_by("-pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    told = {"rows": shown, "form": form, "may_log": allows(user, Permission.ACT_ON_CUSTOMERS)}
    return page(request, "decisions", told)
