"""Sources under Settings: upload, preview, import with progress, report, rejected rows, undo."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from heed.people.access import signed_in
from heed.people.permissions import Permission, allows, may
from heed.sources import access, actions, reads, undoing, uploads
from heed.sources.behind import rows_behind
from heed.sources.forms import CorrectionForm, MappingForm, UploadForm
from heed.sources.models import Import, RejectedRow

UNPROCESSABLE = 422
MOST_DIGITS = 18
"""A number of so many digits fits into any column of the database."""


def _number(given: str) -> int | None:
    """A number that an address or a form names; None where it names none."""
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= MOST_DIGITS else None


@may(Permission.IMPORT)
@require_GET
def sources(request: HttpRequest) -> HttpResponse:
    return _sources_page(request, UploadForm(may_declare=_may_declare(request)))


def _may_declare(request: HttpRequest) -> bool:
    return allows(request.user, Permission.MANAGE_SOURCES)


def _sources_page(request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    chosen = _number(request.GET.get("source", ""))
    of_source = access.source_for(request.user, chosen) if chosen is not None else None
    context = {
        "form": form,
        "lines": reads.source_lines(),
        "imports": reads.latest_imports(of_source, request.GET.get("page")),
        "of_source": of_source,
        "rejected": reads.open_rejected(),
    }
    return render(request, "sources/sources.html", context, status=status)


@may(Permission.IMPORT)
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES, may_declare=_may_declare(request))
    complete = form.is_valid()
    if uploads.STOPPED in request.META:
        # What came after it was not read, so nothing else in the form can be judged.
        form.errors.clear()
        form.add_error("chosen", uploads.too_large())
        complete = False
    if not complete:
        return _sources_page(request, form, UNPROCESSABLE)
    try:
        import_ = uploads.receive(form.cleaned_data["chosen"], form.source_name(), by=signed_in(request))
    except uploads.UploadRefused as error:
        form.add_error(None, str(error))
        return _sources_page(request, form, UNPROCESSABLE)
    return redirect("sources:import", import_.pk)


@may(Permission.IMPORT)
@require_GET
def import_page(request: HttpRequest, pk: int) -> HttpResponse:
    import_ = access.import_for(request.user, pk)
    return _import_page(request, import_, MappingForm(initial={"mapping": import_.mapping}))


def _import_page(request: HttpRequest, import_: Import, form: MappingForm, status: int = 200) -> HttpResponse:
    expected = import_.expected or {}
    context = {
        "import": import_,
        "form": form,
        "columns": reads.COLUMNS,
        "counts": reads.count_rows(import_.counts),
        "expected": reads.count_rows(expected.get("counts", {})),
        "expected_findings": expected.get("findings", []),
        "expected_rejected": expected.get("rejected", []),
        "open_rejected": reads.open_rejected(import_),
        "rejections": sum(entity["rejected"] for entity in import_.counts.values()),
        "waiting": reads.waiting_rows(import_),
        "can_undo": undoing.can_be_undone(import_) and allows(request.user, Permission.UNDO_IMPORTS),
        "undone_lines": reads.undone_lines(import_),
        "sees_audit": allows(request.user, Permission.SEE_AUDIT),
        "samples": reads.samples_of(import_),
        "poll": reverse("sources:progress", args=[import_.pk]),
    }
    return render(request, "sources/import.html", context, status=status)


@may(Permission.IMPORT)
@require_GET
def rows(request: HttpRequest, pk: int, entity: str, became: str) -> HttpResponse:
    """The rows behind one count of an import's report; `?page=` which of them."""
    import_ = access.import_for(request.user, pk)
    counted = import_.counts.get(entity, {})
    if became not in reads.COLUMNS or became not in counted:
        raise Http404(_("Import %(pk)s counted no such rows.") % {"pk": pk})
    found = rows_behind(import_, entity, became, _number(request.GET.get("page", "")) or 1)
    context = {"import": import_, "entity": entity, "became": became, "found": found}
    return render(request, "sources/rows.html", {**context, "counted": counted[became]})


@may(Permission.IMPORT)
@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The bar of a running import; once it has ended, htmx is told to load the whole page again."""
    import_ = access.import_for(request.user, pk)
    response = render(
        request,
        "sources/progress.html",
        {"import": import_, "poll": reverse("sources:progress", args=[pk]) if import_.is_busy else ""},
    )
    if not import_.is_busy:
        response["HX-Refresh"] = "true"
    return response


@may(Permission.IMPORT)
@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Import with the mapping as it stands in the form, or count what that would change."""
    import_ = access.import_for(request.user, pk)
    if request.POST.get("do") == "guess":
        return _guess_again(request, import_)
    form = MappingForm(request.POST)
    if not form.is_valid():
        return _import_page(request, import_, form, UNPROCESSABLE)
    try:
        uploads.confirm(
            import_,
            form.cleaned_data["mapping"] + "\n",
            by=signed_in(request),
            count_only=request.POST.get("do") == "count",
        )
    except uploads.UploadRefused as error:
        import_.refresh_from_db()
        if import_.state not in uploads.OPEN:
            # The page has no form any more to show it at.
            messages.error(request, str(error))
            return redirect("sources:import", pk)
        form.add_error("mapping", str(error))
        return _import_page(request, import_, form, UNPROCESSABLE)
    return redirect("sources:import", pk)


def _guess_again(request: HttpRequest, import_: Import) -> HttpResponse:
    """Show a mapping guessed from the uploaded files in the form; what is stored stays."""
    given = request.POST.get("mapping", "")
    found = uploads.guessed(import_)
    if found:
        messages.info(request, _("Heed guessed this mapping from the files. Nothing is stored yet."))
    else:
        messages.warning(request, _("No file could be mapped by its name and columns. Write the mapping."))
    return _import_page(request, import_, MappingForm(initial={"mapping": found or given}))


@may(Permission.IMPORT)
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    import_ = access.import_for(request.user, pk)
    try:
        uploads.discard(import_, by=signed_in(request))
    except uploads.UploadRefused as error:
        messages.error(request, str(error))
        return redirect("sources:import", pk)
    messages.success(request, _("The uploaded files were thrown away."))
    return redirect("sources:sources")


@may(Permission.UNDO_IMPORTS)
@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    import_ = access.import_for(request.user, pk)
    try:
        undoing.ask(import_, by=signed_in(request))
    except undoing.UndoRefused as error:
        messages.error(request, str(error))
    return redirect("sources:import", pk)


@may(Permission.IMPORT)
@require_GET
def rejected(request: HttpRequest) -> HttpResponse:
    """Open rejected rows; `?import=` those of one import."""
    of_import = _number(request.GET.get("import", ""))
    context = {"page": reads.rejected_rows(of_import, request.GET.get("page")), "of_import": of_import}
    return render(request, "sources/rejected.html", context)


@may(Permission.IMPORT)
@require_GET
def rejected_row(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.rejected_for(request.user, pk)
    return _row_page(request, row, CorrectionForm(row))


def _row_page(
    request: HttpRequest, row: RejectedRow, form: CorrectionForm, status: int = 200
) -> HttpResponse:
    context = {"row": row, "form": form, "columns": reads.line_columns(row)}
    return render(request, "sources/rejected_row.html", context, status=status)


@may(Permission.IMPORT)
@require_POST
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.rejected_for(request.user, pk)
    form = CorrectionForm(row, request.POST)
    if not form.is_valid():
        return _row_page(request, row, form, UNPROCESSABLE)
    try:
        done = actions.replay(row, form.values(), by=signed_in(request).actor)
    except actions.StillWrong as wrong:
        name = f"column-{wrong.column}"
        form.add_error(name if name in form.fields else None, str(wrong))
        return _row_page(request, row, form, UNPROCESSABLE)
    if done.parked:
        messages.warning(
            request, _("The row was corrected. It waits for its account, which is not known yet.")
        )
    else:
        messages.success(request, _("The row was corrected and taken in."))
    return redirect(f"{reverse('sources:rejected')}?import={row.of_import_id}")


@may(Permission.IMPORT)
@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    given = map(_number, request.POST.getlist("row"))
    rows = [access.rejected_for(request.user, pk) for pk in given if pk is not None]
    count = actions.dismiss(rows, by=signed_in(request).actor, reason=request.POST.get("reason", "")[:500])
    said = ngettext("%(count)s row was set aside.", "%(count)s rows were set aside.", count)
    messages.success(request, said % {"count": count})
    return redirect("sources:rejected")
