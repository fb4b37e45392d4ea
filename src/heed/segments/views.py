"""The list of accounts, its segments and its export."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from heed.ledger.clock import today
from heed.people.models import User
from heed.people.permissions import Permission, allows, may
from heed.segments import actions, pages
from heed.segments.access import may_change, segment_for, segment_to_change, segments_for
from heed.segments.building import added
from heed.segments.checking import check
from heed.segments.exporting import csv_lines
from heed.segments.fields import Catalogue
from heed.segments.grammar import parse
from heed.segments.mistakes import FilterError
from heed.segments.models import Segment, SegmentKind
from heed.segments.state import State, state_of


@require_GET
@may(Permission.SEE_CUSTOMERS)
def accounts(request: HttpRequest) -> HttpResponseBase:
    return _list(request, None)


@require_GET
@may(Permission.SEE_CUSTOMERS)
def segment(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _list(request, segment_for(_user(request), pk))


@require_GET
@may(Permission.EXPORT)
def export(request: HttpRequest) -> HttpResponseBase:
    """All rows of the filter, in the columns and the order of the page that links here."""
    user, state, catalogue = _user(request), State.of(request.GET), Catalogue()
    try:
        found = pages.listing(state, user, catalogue)
    except FilterError as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    keys = [field.key for field in found.columns]
    actions.record_export(state.q, keys, found.arranged.total(), by=user.actor)
    lines = csv_lines(found.arranged.all(), found.columns, found.asking)
    return StreamingHttpResponse(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="accounts-{today().isoformat()}.csv"'},
    )


@require_POST
@may(Permission.SAVE_SEGMENTS)
def save(request: HttpRequest) -> HttpResponseBase:
    user = _user(request)
    try:
        made = actions.save_segment(_wanted(request), owner=user, by=user.actor)
    except (actions.SegmentError, FilterError) as error:
        return _refused(request, None, str(error))
    messages.success(request, _("Segment %(name)s is saved.") % {"name": made.name})
    return redirect("segments:segment", pk=made.pk)


@require_POST
@may(Permission.SAVE_SEGMENTS)
def change(request: HttpRequest, pk: int) -> HttpResponseBase:
    user = _user(request)
    found = segment_to_change(user, pk)
    try:
        changed = actions.change_segment(found, _wanted(request), by=user.actor)
    except (actions.SegmentError, FilterError) as error:
        return _refused(request, found, str(error))
    messages.success(request, _("Segment %(name)s is changed.") % {"name": changed.name})
    return redirect("segments:segment", pk=changed.pk)


@require_POST
@may(Permission.SAVE_SEGMENTS)
def delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    user = _user(request)
    found = segment_to_change(user, pk)
    name = found.name
    try:
        actions.delete_segment(found, by=user.actor)
    except actions.SegmentError as error:
        messages.error(request, str(error))
        return redirect("segments:segment", pk=pk)
    messages.success(request, _("Segment %(name)s is deleted. Its accounts stay.") % {"name": name})
    return redirect("segments:accounts")


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("This view is for people who have signed in.")
    return request.user


def _address(found: Segment | None) -> pages.Address:
    """Where a state is shown: on the segment's own page its settings are all said, on the plain list few."""
    if found is None:
        path = reverse("segments:accounts")
        return lambda state: f"{path}?{state.query()}" if state.query() else path
    own = reverse("segments:segment", args=[found.pk])
    saved = state_of(found)
    return lambda state: own if state == saved else f"{own}?{state.full_query()}"


def _list(request: HttpRequest, found: Segment | None) -> HttpResponseBase:
    catalogue = Catalogue()
    state = State.of(request.GET, found)
    address = _address(found)
    wrong: FilterError | None = None
    if request.GET.get("field"):
        try:
            text = added(state.q, request.GET.dict(), catalogue)
            check(parse(text), catalogue)
            return redirect(address(state.with_filter(text)))
        except FilterError as error:
            wrong = error
    return _shown(request, found, state, catalogue, wrong=wrong)


def _shown(
    request: HttpRequest,
    found: Segment | None,
    state: State,
    catalogue: Catalogue,
    *,
    wrong: FilterError | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    user, address = _user(request), _address(found)
    page = pages.page_of(state, user, catalogue, address)
    context = {
        "page": page,
        "segment": found,
        "wrong": wrong,
        "refusal": refusal,
        "kinds": SegmentKind.choices,
        "given": request.POST if refusal else request.GET,
        "name": request.POST.get("name", "") or (found.name if found else ""),
        "shown_columns": set(state.columns),
        "changed": found is not None and not page.state.same_settings(state_of(found)),
        "may_save": allows(user, Permission.SAVE_SEGMENTS),
        "may_change": found is not None and may_change(user, found),
        "export": f"{reverse('segments:export')}?{page.state.full_query()}"
        if allows(user, Permission.EXPORT)
        else "",
        **pages.menus(catalogue, list(segments_for(user))),
    }
    return render(request, "segments/list.html", context, status=status)


def _wanted(request: HttpRequest) -> actions.Wanted:
    state = State.of(request.POST)
    return actions.Wanted(
        name=request.POST.get("name", ""),
        kind=request.POST.get("kind", SegmentKind.PLAIN),
        filter=state.q,
        columns=state.columns,
        sort=state.sort,
    )


def _refused(request: HttpRequest, found: Segment | None, refusal: str) -> HttpResponse:
    """The list again, with what was typed and why it was not saved."""
    return _shown(request, found, State.of(request.POST), Catalogue(), refusal=refusal, status=400)
