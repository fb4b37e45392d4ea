"""Recording what was said, planning what is to be said, and leaving a note, on an account."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from heed.conversations.actions import InteractionRefused, record_interaction
from heed.conversations.forms import ConversationForm, HeldForm, NoteForm, PlanForm
from heed.customers.access import account_for
from heed.customers.models import Account
from heed.people.models import User
from heed.people.permissions import Permission, may


@require_http_methods(["GET", "POST"])
@may(Permission.ACT_ON_CUSTOMERS)
def new(request: HttpRequest, key: str) -> HttpResponse:
    """A conversation that took place."""
    account = account_for(cast(User, request.user), key)
    form = HeldForm(account, request.POST or None)
    return _form_page(request, account, form, "conversations/new.html", _("The conversation was recorded."))


@require_http_methods(["GET", "POST"])
@may(Permission.ACT_ON_CUSTOMERS)
def plan(request: HttpRequest, key: str) -> HttpResponse:
    """A conversation to come; it comes up on Today when it is due."""
    account = account_for(cast(User, request.user), key)
    form = PlanForm(account, request.POST or None)
    return _form_page(request, account, form, "conversations/plan.html", _("The conversation is planned."))


@require_POST
@may(Permission.ACT_ON_CUSTOMERS)
def note(request: HttpRequest, key: str) -> HttpResponse:
    account = account_for(cast(User, request.user), key)
    form = NoteForm(request.POST)
    if form.is_valid():
        _record(request, account, form)
        messages.success(request, _("The note was recorded."))
    else:
        messages.error(request, _("The note is empty; nothing was recorded."))
    return redirect(_page_of(account))


def _form_page(
    request: HttpRequest, account: Account, form: ConversationForm, template: str, success: str
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            _record(request, account, form)
        except InteractionRefused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, str(refused))
        else:
            messages.success(request, success)
            return redirect(_page_of(account))
    status = 422 if form.errors else 200
    return render(request, template, {"account": account, "form": form}, status=status)


def _record(request: HttpRequest, account: Account, form: ConversationForm | NoteForm) -> None:
    user = cast(User, request.user)
    record_interaction(account, form.conversation(), by=user.actor, held_by=user)


def _page_of(account: Account) -> str:
    # The page belongs to the desk, which stands on this package: named by its address, not imported.
    return reverse("desk:account", kwargs={"key": account.key})
