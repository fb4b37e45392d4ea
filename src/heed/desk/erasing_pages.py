"""The pages of erasure: what it removes and what stays, the key to type, and how far it is."""

from typing import cast

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from heed.customers.access import account_for, contact_to_erase, erasure_of
from heed.customers.models import Account, Contact
from heed.desk import erasing
from heed.people.models import User
from heed.people.permissions import Permission, may
from heed.people.reads import names_of

LONGEST_REASON = 500


class ErasureForm(forms.Form):
    reason = forms.CharField(
        label=_("Why, for the record that stays"),
        max_length=LONGEST_REASON,
        help_text=_("For example the number of the request. Name nobody here."),
    )
    typed = forms.CharField(
        label=_("The id, typed"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


@require_http_methods(["GET", "POST"])
@may(Permission.ERASE)
def account(request: HttpRequest, key: str) -> HttpResponse:
    return _asked(request, account_for(cast(User, request.user), key))


@require_http_methods(["GET", "POST"])
@may(Permission.ERASE)
def contact(request: HttpRequest, key: str) -> HttpResponse:
    return _asked(request, contact_to_erase(cast(User, request.user), key))


def _asked(request: HttpRequest, subject: Account | Contact) -> HttpResponse:
    form = ErasureForm(request.POST or None)
    kind = erasing.kind_of(subject)
    if form.is_valid():
        try:
            erasing.ask_to_erase(subject, **form.cleaned_data, by=cast(User, request.user).actor)
        except erasing.ErasureRefused as refused:
            form.add_error("typed", str(refused))
        else:
            return redirect("desk:erasure", kind=kind, pk=subject.pk)
    context = {
        "subject": subject,
        "kind": kind,
        "account": subject if isinstance(subject, Account) else subject.account,
        "reach": erasing.reach_of(subject),
        "form": form,
    }
    return render(request, "desk/erase.html", context, status=422 if form.errors else 200)


@require_safe
@may(Permission.ERASE)
def erasure(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """How far an erasure is; by number, because the key goes with what is erased."""
    subject = erasure_of(cast(User, request.user), kind, pk)
    standing = erasing.standing_of(subject)
    context = {
        "subject": subject,
        "kind": kind,
        "standing": standing,
        "actors": names_of([standing.by] if standing else []),
    }
    return render(request, "desk/erasure.html", context)
