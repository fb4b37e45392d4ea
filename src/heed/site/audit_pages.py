"""The audit trail under Settings: who changed what, and when."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from heed.ledger.models import AuditEntry
from heed.people.permissions import Permission, may
from heed.people.reads import names_of

PER_PAGE = 30
NARROWED = ("by", "action", "kind", "subject", "reason")


class Narrowing(forms.Form):
    """What the address may ask for; `before` is the number of the last entry of the page before."""

    by = forms.CharField(required=False, max_length=200)
    action = forms.CharField(required=False, max_length=100)
    kind = forms.CharField(required=False, max_length=50)
    subject = forms.CharField(required=False, max_length=255)
    reason = forms.CharField(required=False, max_length=500)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


@dataclass(frozen=True, slots=True)
class Field:
    """One field that changed, as words; empty where it was not there."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the trail, with people by their names."""

    entry: AuditEntry
    who: str
    subject: str
    fields: list[Field]


@may(Permission.SEE_AUDIT)
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    """Newest first; `?by=`, `?action=`, `?kind=`, `?subject=` and `?reason=` narrow it."""
    asked = Narrowing(request.GET)
    if not asked.is_valid():
        raise BadRequest(asked.errors.as_text())
    filters = {name: asked.cleaned_data[name] for name in NARROWED if asked.cleaned_data[name]}
    entries = AuditEntry.objects.filter(**filters).order_by("-id")
    if asked.cleaned_data["before"]:
        entries = entries.filter(id__lt=asked.cleaned_data["before"])
    page = list(entries[: PER_PAGE + 1])
    shown = page[:PER_PAGE]
    context = {
        "lines": lines_of(shown),
        "filters": filters,
        "later": bool(asked.cleaned_data["before"]),
        "older": shown[-1].pk if len(page) > PER_PAGE else None,
    }
    return render(request, "site/audit.html", context)


def lines_of(entries: Iterable[AuditEntry]) -> list[Line]:
    shown = list(entries)
    names = names_of(actor for entry in shown for actor in (entry.by, person_of(entry)))
    return [
        Line(
            entry, names.get(entry.by, entry.by), names.get(person_of(entry), entry.subject), fields_of(entry)
        )
        for entry in shown
    ]


def person_of(entry: AuditEntry) -> str:
    """The actor that the subject of an entry is, where it is a person."""
    return f"person:{entry.subject}" if entry.kind == "user" else ""


def fields_of(entry: AuditEntry) -> list[Field]:
    before, after = entry.before or {}, entry.after or {}
    return [
        Field(name, in_words(before, name), in_words(after, name))
        for name in dict.fromkeys([*before, *after])
    ]


def in_words(values: dict[str, Any], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    if value is None:
        return _("empty")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
