"""The audit trail under Settings: who changed what, and when."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from heed.ledger.models import AuditEntry
from heed.people.permissions import Permission, may

PER_PAGE = 100


@may(Permission.SEE_AUDIT)
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    """Newest first; `?by=`, `?kind=` and `?subject=` narrow it."""
    filters = {name: request.GET[name] for name in ("by", "kind", "subject") if request.GET.get(name)}
    last = request.GET.get("before", "")
    entries = AuditEntry.objects.filter(**filters).order_by("-id")
    if last.isdigit():
        entries = entries.filter(id__lt=int(last))
    page = list(entries[: PER_PAGE + 1])
    shown = page[:PER_PAGE]
    older = shown[-1].pk if len(page) > PER_PAGE else None
    return render(request, "site/audit.html", {"entries": shown, "older": older, "filters": filters})
