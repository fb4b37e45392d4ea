"""The Prove pages.

What draws and tabulates takes two seconds to load: each view imports its own, so that no command and no other
page waits for it.
"""

from collections.abc import Sequence
from typing import Any, cast

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from heed.customers.access import account_for
from heed.people.models import User
from heed.people.permissions import Permission, may
from heed.proving.tabs import tabs

PER_PAGE = 50


def page(request: HttpRequest, template: str, told: dict[str, Any]) -> HttpResponse:
    """A page of Prove with its tabs."""
    return render(request, f"proving/{template}.html", {"tabs": tabs(request.path), **told})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def predicts(request: HttpRequest) -> HttpResponse:
    """Every metric by what it was worth, the best first; `?format=csv` and `pdf` hand out the same."""
    from heed.proving import exporting, predicting

    found = predicting.predicting()
    if not found.judged:
        return page(request, "predicts", {"found": found})
    chart = predicting.auc_chart(found)
    if answer := exporting.asked_for(request, "what-predicts", [chart]):
        return answer
    return page(request, "predicts", {"found": found, "chart": chart})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def metric_card(request: HttpRequest, key: str) -> HttpResponse:
    """What one metric was worth: its verdict and what became of accounts by its value."""
    from heed.proving import cards, exporting

    card = cards.metric_card(key)
    charts = [card.chart] if card.chart else []
    if answer := exporting.asked_for(request, f"metric-{key}", charts):
        return answer
    return page(request, "metric_card", {"card": card})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def metric_rows(request: HttpRequest, key: str) -> HttpResponse:
    """The rows that a metric was judged on: all, those of a band, or (`?known=1`) those with a value."""
    from heed.proving import cards

    card = cards.metric_card(key)
    band, known = _number(request, "band"), bool(_number(request, "known"))
    rows = _paged(request, cards.rows_behind(card, band, known_only=known))
    return page(request, "metric_rows", {"card": card, "some": known or band is not None, "rows": rows})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def risk(request: HttpRequest) -> HttpResponse:
    """The risk model in force: its report card, who moved and why, its versions."""
    from heed.proving import becoming, exporting, risk_pages

    found = risk_pages.risk_page()
    charts = [found.chart] if found.chart else []
    if answer := exporting.asked_for(request, "risk", charts):
        return answer
    panel = found.model.panel if found.model else None
    became = None if panel is None else becoming.becoming(panel)
    return page(request, "risk", {"found": found, "becoming": became})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def became(request: HttpRequest, kind: str) -> HttpResponse:
    """The accounts at dates after which something came first: they left, paid less, paid more."""
    from heed.proving import becoming

    rows = becoming.rows_that_became(kind)
    return page(request, "became", {"label": becoming.LABELS[kind], "rows": _paged(request, rows)})


@require_safe
@may(Permission.SEE_CUSTOMERS)
def score(request: HttpRequest, key: str) -> HttpResponse:
    """A stored score of an account, of the latest day or of `?on=`: made again, with its reasons and rows."""
    from heed.proving import risk_pages

    account = account_for(cast(User, request.user), key)
    found = risk_pages.reopened_score(account, request.GET.get("on", ""))
    return page(request, "score", {"account": account, "found": found})


def _paged(request: HttpRequest, rows: Sequence[Any]) -> Any:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 4:
        raise Http404(_("%(text)s is no number of a row.") % {"text": text})
    return int(text)
