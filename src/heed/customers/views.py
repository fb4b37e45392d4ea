"""Pages of revenue: retention and its accounts, movements by month and one by one, and stated rates."""

from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from heed.customers import cohorts, reads
from heed.customers.access import account_for, accounts_for
from heed.customers.actions import state_rate
from heed.customers.forms import FIGURES, CohortForm, MovementsForm, RateForm, RevenueForm
from heed.customers.models import ExchangeRate, Movement, MovementKind
from heed.customers.rates import RateError
from heed.people.models import User
from heed.people.permissions import Permission, allows, may
from heed.people.reads import names_of

PAGE = 100


@require_safe
@may(Permission.SEE_CUSTOMERS)
def revenue(request: HttpRequest) -> HttpResponse:
    """GRR and NRR of a span of days, and the movements by month."""
    return _revenue_page(request, RateForm())


def _revenue_page(request: HttpRequest, rate_form: RateForm, *, status: int = 200) -> HttpResponse:
    currency = reads.reporting_currency()
    form = RevenueForm(request.GET, currency=currency)
    span = form.cleaned_data if form.is_valid() else None
    unknown = _without_rates(span) if span else ""
    rates = list(ExchangeRate.objects.order_by("currency"))
    context = {
        "form": form,
        "span": span,
        "figures": _figures(span) if span and not unknown else [],
        "unknown": unknown,
        "months": reads.movements_by_month(span["start"], span["end"]) if span else [],
        "kinds": MovementKind.choices,
        "rates": rates,
        "actors": names_of(rate.stated_by for rate in rates),
        "rate_form": rate_form,
        "reporting": currency,
        "may_state": allows(request.user, Permission.MANAGE_METRICS),
    }
    return render(request, "customers/revenue.html", context, status=status)


@dataclass(frozen=True, slots=True)
class Shown:
    """Retention of one currency, and the address of the accounts behind it, less which figure is opened."""

    figure: reads.RetentionFigure
    rows: str


def _figures(span: dict[str, Any]) -> list[Shown]:
    figures = reads.retention_figures(span["start"], span["end"], form=span["form"], into=span["into"])
    return [Shown(figure, _address("cohort", span | {"currency": figure.currency})) for figure in figures]


def _without_rates(span: dict[str, Any]) -> str:
    """Why amounts cannot be converted as asked; empty where they can."""
    missing = reads.missing_rates() if span["into"] else []
    text = _("No rate is stated for %(codes)s. State what one unit is worth, below.")
    return text % {"codes": ", ".join(missing)} if missing else ""


def _address(view: str, asked: dict[str, Any]) -> str:
    given = {name: str(value) for name, value in asked.items() if value}
    return f"{reverse(f'customers:{view}')}?{urlencode(given)}"


@require_safe
@may(Permission.SEE_CUSTOMERS)
def cohort(request: HttpRequest) -> HttpResponse:
    """The accounts that a figure of retention was computed from."""
    form = CohortForm(request.GET, currency=reads.reporting_currency())
    if not form.is_valid():
        raise Http404(_("There is no such figure: %(why)s") % {"why": form.errors.as_text()})
    span = {name: form.cleaned_data[name] for name in ("start", "end", "form", "into")}
    if _without_rates(span):
        return HttpResponseRedirect(_address("revenue", span))
    found = reads.cohort_of(form.cleaned_data["currency"], **span)
    if found is None:
        raise Http404(_("Nobody ever paid in %(code)s.") % {"code": form.cleaned_data["currency"]})
    chosen = form.cleaned_data["figure"]
    members = cohorts.ordered(found, chosen)
    page = Paginator(members, PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    keys = [member.account for member in shown]
    accounts = {each.key: each for each in accounts_for(cast(User, request.user)).filter(key__in=keys)}
    own = {**span, "currency": found.figure.currency}
    context = {
        "figure": found.figure,
        "chosen": chosen,
        "title": dict(FIGURES)[chosen],
        "figures": [(key, label, _address("cohort", own | {"figure": key})) for key, label in FIGURES],
        "page": page,
        "lines": cohorts.lines(shown, span["form"], accounts),
        "together": cohorts.together(members, span["form"]),
        "revenue": _address("revenue", span),
        "movements": _address("movements", {name: span[name] for name in ("start", "end")}),
        "here": _without_page(request),
    }
    return render(request, "customers/cohort.html", context)


def _without_page(request: HttpRequest) -> str:
    asked = request.GET.copy()
    asked.pop("page", None)
    return asked.urlencode()


@require_safe
@may(Permission.SEE_CUSTOMERS)
def movements(request: HttpRequest) -> HttpResponse:
    """The movements of a span of days, each with its account."""
    form = MovementsForm(request.GET)
    span = form.cleaned_data if form.is_valid() else None
    rows = _movements(cast(User, request.user), span) if span else Movement.objects.none()
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "span": span, "page": page, "here": _without_page(request)}
    return render(request, "customers/movements.html", context)


def _movements(user: User, span: dict[str, Any]) -> QuerySet[Movement]:
    return reads.movements_between(
        span["start"],
        span["end"],
        kind=span["kind"],
        currency=span["currency"].upper(),
        account=account_for(user, span["account"]) if span["account"] else None,
    )


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
                "reporting": reads.reporting_currency(),
            }
            messages.success(request, text % names)
            return HttpResponseRedirect(reverse("customers:revenue"))
    return _revenue_page(request, form, status=400)
