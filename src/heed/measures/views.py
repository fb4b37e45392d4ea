"""Pages of measures: the definitions, and the rows behind a figure."""

from datetime import date
from typing import cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from heed.customers.access import account_for
from heed.ledger import clock
from heed.measures import reads, staying
from heed.measures.models import MetricValue, Risk
from heed.people.models import User
from heed.people.permissions import Permission, may

YEARS = (1900, 2200)
"""Dates beyond have no windows that a calendar holds."""


@require_safe
@may(Permission.SEE_CUSTOMERS)
def metrics(request: HttpRequest) -> HttpResponse:
    """Every metric in force: what it says, how it is made, of how many accounts it is known."""
    return render(
        request,
        "measures/metrics.html",
        {"definitions": reads.definitions(), "freshness": reads.freshness()},
    )


@require_safe
@may(Permission.SEE_CUSTOMERS)
def metric(request: HttpRequest, key: str) -> HttpResponse:
    """One metric with all its versions."""
    versions = reads.versions_of(key)
    current = next(version for version in versions if version.row.is_current)
    return render(request, "measures/metric.html", {"current": current, "versions": versions})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def behind(request: HttpRequest, key: str, metric: str) -> HttpResponse:
    """The rows that an account's figure was computed from."""
    account = account_for(cast(User, request.user), key)
    definition = reads.definition_of(metric, _asked_version(request))
    value = MetricValue.objects.filter(account=account, metric=definition.row).first()
    as_of = _asked_date(request) or (value.as_of if value else clock.today())
    page = reads.rows_behind(account, definition.metric, as_of, page=_asked_page(request))
    shown = value if value is not None and value.as_of == as_of else None
    return render(
        request,
        "measures/behind.html",
        {
            "account": account,
            "definition": definition,
            "value": shown,
            "as_of": as_of,
            "page": page,
            "newer": page.page - 1 if page.page > 1 else None,
            "older": page.page + 1 if page.page < page.last_page else None,
        },
    )


@require_safe
@may(Permission.SEE_CUSTOMERS)
def risk(request: HttpRequest, key: str) -> HttpResponse:
    """What the probability of leaving was read from: the accounts that the model learnt from, or the stays
    of the clock."""
    account = account_for(cast(User, request.user), key)
    found = Risk.objects.filter(account=account).select_related("clock", "score__model__panel")
    risk = found.defer("score__model__record", "score__model__panel__table").first()
    behind = staying.behind(risk) if risk and not risk.score_id else None
    told = {"account": account, "risk": risk, "behind": behind, "stayed": risk.n - risk.events if risk else 0}
    return render(request, "measures/risk.html", told)


def _asked_date(request: HttpRequest) -> date | None:
    text = request.GET.get("as_of", "")
    if not text:
        return None
    try:
        asked = date.fromisoformat(text)
    except ValueError as error:
        raise Http404(_("%(text)s is no date; write it like 2026-11-22.") % {"text": text}) from error
    if not YEARS[0] <= asked.year <= YEARS[1]:
        told = {"text": text, "first": YEARS[0], "last": YEARS[1]}
        raise Http404(_("%(text)s is no date from %(first)d to %(last)d.") % told)
    return asked


def _asked_version(request: HttpRequest) -> int | None:
    """None: the version in force. What is no number is no version."""
    text = request.GET.get("version", "")
    if not text:
        return None
    return int(text) if text.isdecimal() and len(text) < 8 else 0


def _asked_page(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 8 else 1
