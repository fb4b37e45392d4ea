"""Recording what was said, planning what is to be said and closing such plans, and notes, on an account."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from heed.conversations.access import plan_for
from heed.conversations.actions import InteractionRefused, mark_held, mark_not_held, record_interaction
from heed.conversations.forms import HeldForm, NoteForm, NotHeldForm, OutcomeForm, PlanForm
from heed.customers.access import account_for
from heed.customers.models import Account
from heed.people.models import User
from heed.people.permissions import Permission, may


@require_http_methods(["GET", "POST"])
@may(Permission.ACT_ON_CUSTOMERS)
def new(request: HttpRequest, key: str) -> HttpResponse:
    """A conversation that took place."""
    return _new(request, key, HeldForm, "conversations/new.html", _("The conversation was recorded."))


@require_http_methods(["GET", "POST"])
@may(Permission.ACT_ON_CUSTOMERS)
def plan(request: HttpRequest, key: str) -> HttpResponse:
    """A conversation to come; it comes up on Today when it is due."""
    return _new(request, key, PlanForm, "conversations/plan.html", _("The conversation is planned."))


def _new(
    request: HttpRequest, key: str, kind: type[HeldForm] | type[PlanForm], template: str, success: str
) -> HttpResponse:
    account = account_for(cast(User, request.user), key)
    form = kind(account, request.POST or None)
    page = {"account": account, "form": form}
    return _form_page(request, page, lambda: _record(request, account, form), template, success)


@require_http_methods(["GET", "POST"])
@may(Permission.ACT_ON_CUSTOMERS)
def held(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """What came of a planned conversation that took place."""
    user = cast(User, request.user)
    planned = plan_for(user, key, pk)
    form = OutcomeForm(planned, request.POST or None)
    page = {"account": planned.account, "planned": planned, "form": form}
    done = _("The conversation was recorded.")

    def save() -> None:
        mark_held(planned, form.outcome(), by=user.actor, held_by=user)

    return _form_page(request, page, save, "conversations/held.html", done)


@require_http_methods(["GET", "POST"])
@may(Permission.ACT_ON_CUSTOMERS)
def not_held(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Why a planned conversation did not take place, or will not."""
    user = cast(User, request.user)
    planned = plan_for(user, key, pk)
    form = NotHeldForm(request.POST or None)
    page = {"account": planned.account, "planned": planned, "form": form}
    done = _("The plan is closed: it was not held.")

    def save() -> None:
        mark_not_held(planned, reason=form.cleaned_data["reason"], by=user.actor)

    return _form_page(request, page, save, "conversations/not_held.html", done)


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
    request: HttpRequest, page: dict[str, Any], save: Callable[[], None], template: str, success: str
) -> HttpResponse:
    """The form of the page, saved when it is sent and sound; what the action refuses stands at its field."""
    form: Form = page["form"]
    if request.method == "POST" and form.is_valid():
        try:
            save()
        except InteractionRefused as refused:
            for field, problem in refused.problems.items():
                form.add_error(field if field in form.fields else None, problem)
        else:
            messages.success(request, success)
            return redirect(_page_of(page["account"]))
    return render(request, template, page, status=422 if form.errors else 200)


def _record(request: HttpRequest, account: Account, form: HeldForm | PlanForm | NoteForm) -> None:
    user = cast(User, request.user)
    record_interaction(account, form.conversation(), by=user.actor, held_by=user)


def _page_of(account: Account) -> str:
    # The page belongs to the desk, which stands on this package: named by its address, not imported.
    return reverse("desk:account", kwargs={"key": account.key})
