"""Pages of revenue: retention, movements by month, the movements themselves, and stated rates."""

from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from heed.customers import reads
from heed.customers.actions import state_rate
from heed.customers.forms import MovementsForm, RateForm, RevenueForm
from heed.customers.models import ExchangeRate, Movement, MovementKind
from heed.customers.rates import RateError
from heed.customers.revenue import missing_rates, reporting_currency
from heed.people.models import User
from heed.people.permissions import Permission, allows, may

PAGE = 100


@require_safe
@may(Permission.SEE_CUSTOMERS)
def revenue(request: HttpRequest) -> HttpResponse:
    """GRR and NRR of a span of days, and the movements by month."""
    return _revenue_page(request, RateForm())


def _revenue_page(request: HttpRequest, rate_form: RateForm, *, status: int = 200) -> HttpResponse:
    currency = reporting_currency()
    form = RevenueForm(request.GET, currency=currency)
    asked = form.cleaned_data if form.is_valid() else None
    figures: list[Shown] = []
    unknown = ""
    if asked:
        figures, unknown = _figures(asked)
    context = {
        "form": form,
        "asked": asked,
        "figures": figures,
        "unknown": unknown,
        "months": reads.movements_by_month(asked["start"], asked["end"]) if asked else [],
        "kinds": MovementKind.choices,
        "rates": ExchangeRate.objects.order_by("currency"),
        "rate_form": rate_form,
        "reporting": currency,
        "may_state": allows(request.user, Permission.MANAGE_METRICS),
    }
    return render(request, "customers/revenue.html", context, status=status)


@dataclass(frozen=True, slots=True)
class Shown:
    """Retention of one currency, and the address of the movements behind it."""

    figure: reads.RetentionFigure
    rows: str


def _shown(figures: list[reads.RetentionFigure]) -> list[Shown]:
    return [Shown(figure, _rows_of(figure)) for figure in figures]


def _rows_of(figure: reads.RetentionFigure) -> str:
    span = {"start": figure.start.isoformat(), "end": figure.end.isoformat()}
    # A converted figure is made of movements in every currency.
    query = span if figure.rates else {"currency": figure.currency, **span}
    return f"{reverse('customers:movements')}?{urlencode(query)}"


def _figures(asked: dict[str, Any]) -> tuple[list[Shown], str]:
    form = reads.Form(asked["form"] or reads.Form.POINT_TO_POINT)
    apart = reads.retention_figures(asked["start"], asked["end"], form=form)
    if not asked["into"]:
        return _shown(apart), ""
    missing = missing_rates([figure.currency for figure in apart])
    if missing:
        text = _("No rate is stated for %(codes)s. State what one unit is worth, below.")
        return [], text % {"codes": ", ".join(missing)}
    together = reads.retention_figures(asked["start"], asked["end"], form=form, into=asked["into"])
    return _shown(together), ""


@require_safe
@may(Permission.SEE_CUSTOMERS)
def movements(request: HttpRequest) -> HttpResponse:
    """The movements of a span of days, each with its account."""
    form = MovementsForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else None
    rows = (
        reads.movements_between(
            asked["start"], asked["end"], kind=asked["kind"], currency=asked["currency"].upper()
        )
        if asked
        else Movement.objects.none()
    )
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {"form": form, "asked": asked, "page": page, "query": query.urlencode()}
    return render(request, "customers/movements.html", context)


@require_POST
@may(Permission.MANAGE_METRICS)
def rates(request: HttpRequest) -> HttpResponse:
    """State what one unit of a currency is worth."""
    form = RateForm(request.POST)
    if form.is_valid():
        try:
            stated = state_rate(
                form.cleaned_data["currency"],
                form.cleaned_data["rate"],
                by=cast(User, request.user).actor,
            )
        except RateError as error:
            form.add_error(None, str(error))
        else:
            text = _("One %(currency)s is now worth %(rate)s %(reporting)s.")
            names = {
                "currency": stated.currency,
                "rate": f"{stated.rate.normalize():f}",
                "reporting": reporting_currency(),
            }
            messages.success(request, text % names)
            return HttpResponseRedirect(reverse("customers:revenue"))
    return _revenue_page(request, form, status=400)
