"""The pages of blind spots, captive revenue and the gears of growth.

What computes and draws takes two seconds to load: each view imports its own.
"""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from heed.people.permissions import Permission, may
from heed.proving.views import PER_PAGE, page

UNHEARD_PER_PAGE = 20


@require_safe
@may(Permission.SEE_CUSTOMERS)
def blind_spots(request: HttpRequest) -> HttpResponse:
    """Who left unseen, by usage and by answer, how early it was seen; `?rows=` opens the accounts of each.

    Below it those who pay and say nothing now.
    """
    from heed.proving.blind_spots_page import blind_spots_page, chosen_rows
    from heed.proving.coverage import coverage
    from heed.proving.exporting import asked_for

    found = blind_spots_page()
    if answer := asked_for(request, "blind-spots", found.charts):
        return answer
    asked = request.GET.get("rows", "")
    told: dict[str, object] = {"found": found, "opened": asked, "coverage": (heard := coverage())}
    told["unheard"] = Paginator(heard.unheard, UNHEARD_PER_PAGE).get_page(request.GET.get("unheard"))
    if found.spots:
        told["title"], rows = chosen_rows(found, asked)
        told["rows"] = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return page(request, "blind_spots", told)


@require_safe
@may(Permission.SEE_CUSTOMERS)
def captive(request: HttpRequest) -> HttpResponse:
    """Captive revenue by what is known; the cut and the share that is assumed to leave are in the address."""
    from heed.evidence.money.captive import CUT
    from heed.proving.captive_page import LEAVES, CaptiveForm, captive_page, chart_of, chosen_rows
    from heed.proving.exporting import asked_for

    started = {"cut": CUT, "leaves": LEAVES}
    given = {name: request.GET[name] for name in started if name in request.GET}
    form = CaptiveForm(
        {**started, **given} if given else None,
        initial={name: f"{value:g}" for name, value in started.items()},
    )
    found = captive_page(**{**started, **(form.cleaned_data if form.is_valid() else {})})
    chart = chart_of(found)
    if answer := asked_for(request, "captive-revenue", [chart] if chart else []):
        return answer
    bucket = request.GET.get("bucket", "")
    title, rows = chosen_rows(found, bucket)
    kept = f"cut={found.found.cut:g}&leaves={found.leaves:g}"
    told: dict[str, object] = {"found": found, "chart": chart, "form": form, "bucket": bucket}
    told |= {"title": title, "kept": kept}
    told["rows"] = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return page(request, "captive", told)


@require_safe
@may(Permission.SEE_CUSTOMERS)
def gears(request: HttpRequest) -> HttpResponse:
    """The four gears of growth against their own past year."""
    from heed.proving.exporting import asked_for
    from heed.proving.gears_page import gears_page

    found = gears_page()
    if answer := asked_for(request, "growth-gears", found.charts):
        return answer
    return page(request, "gears", {"found": found})
