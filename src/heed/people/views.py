"""The ways in, and the page of people under Settings."""

import logging

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from heed.people import access, actions, mail, reads
from heed.people.forms import AcceptForm, InviteForm, RoleForm
from heed.people.models import Invitation, Role, User
from heed.people.permissions import Permission, anyone, may

log = logging.getLogger("heed.people")
GONE = 410


@anyone
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_by_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Shows a button first: programs that preview links must not spend this one."""
    if request.method != "POST":
        link = access.open_sign_in_link(token)
        return render(request, "people/link.html", {"open": link}, status=200 if link else GONE)
    try:
        user = actions.use_sign_in_link(token)
    except actions.LinkError:
        return render(request, "people/link.html", {"open": None}, status=GONE)
    return enter(request, user)


@anyone
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """Name and password of someone who was invited; then they are in."""
    invitation = access.open_invitation(token)
    if invitation is None:
        return render(request, "people/invitation.html", {"invitation": None}, status=GONE)
    form = AcceptForm(invitation.email, request.POST or None)
    if form.is_valid():
        try:
            user = actions.accept(invitation, form.cleaned_data["name"], form.cleaned_data["password"])
        except actions.PeopleError as error:
            form.add_error(None, str(error))
        else:
            return enter(request, user)
    return render(request, "people/invitation.html", {"invitation": invitation, "form": form})


def enter(request: HttpRequest, user: User) -> HttpResponseBase:
    """Sign a person in; whoever set up a second factor is asked for it."""
    response: HttpResponseBase = perform_login(request, user, redirect_url=settings.LOGIN_REDIRECT_URL)
    return response


@may(Permission.SECURE_OWN_ACCOUNT)
@require_GET
def security(request: HttpRequest) -> HttpResponse:
    """How this person signs in, and where to change it."""
    context = {"single_sign_on": settings.SINGLE_SIGN_ON}
    return render(request, "people/security.html", context)


@may(Permission.MANAGE_PEOPLE)
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    return _people_page(request, InviteForm())


def _people_page(request: HttpRequest, form: InviteForm, link: str = "") -> HttpResponse:
    context = {
        "team": reads.team(),
        "form": form,
        "link": link,
        "roles": Role.choices,
        "role_table": reads.role_table(),
    }
    return render(request, "people/people.html", context)


@may(Permission.MANAGE_PEOPLE)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _people_page(request, form)
    try:
        invitation, token = actions.invite(**form.cleaned_data, invited_by=access.signed_in(request))
    except actions.PeopleError as error:
        form.add_error("email", str(error))
        return _people_page(request, form)
    return _deliver(request, invitation, token)


@may(Permission.MANAGE_PEOPLE)
@require_POST
def resend(request: HttpRequest, pk: int) -> HttpResponse:
    invitation = access.invitation_for(request.user, pk)
    try:
        token = actions.renew_invitation(invitation, by=access.signed_in(request).actor)
    except actions.PeopleError as error:
        messages.error(request, str(error))
        return redirect("people:people")
    return _deliver(request, invitation, token)


def _deliver(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    """Mail the link; where mail is not set up or fails, show it once, to be passed on by hand."""
    if mail.is_set_up():
        try:
            mail.send_invitation(invitation, token)
        except OSError as error:
            log.warning("The invitation to %s could not be mailed: %s", invitation.email, error)
            text = _("The mail server did not take the invitation: %(why)s. Pass the link on yourself.")
            messages.warning(request, text % {"why": error})
        else:
            messages.success(request, _("Invitation sent to %(email)s.") % {"email": invitation.email})
            return redirect("people:people")
    return _people_page(request, InviteForm(), link=mail.invitation_link(token))


@may(Permission.MANAGE_PEOPLE)
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    invitation = access.invitation_for(request.user, pk)
    try:
        actions.withdraw(invitation, by=access.signed_in(request).actor)
    except actions.PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, _("The invitation to %(email)s opens nothing now.") % {"email": invitation.email}
        )
    return redirect("people:people")


@may(Permission.MANAGE_PEOPLE)
@require_POST
def change_role(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.user_for(request.user, pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose one of the roles."))
        return redirect("people:people")
    try:
        actions.change_role(user, form.cleaned_data["role"], by=access.signed_in(request).actor)
    except actions.PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(name)s has the role now.") % {"name": user})
    return redirect("people:people")


@may(Permission.MANAGE_PEOPLE)
@require_POST
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.user_for(request.user, pk)
    try:
        actions.deactivate(user, by=access.signed_in(request).actor)
    except actions.PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(name)s is signed out and cannot sign in.") % {"name": user})
    return redirect("people:people")


@may(Permission.MANAGE_PEOPLE)
@require_POST
def reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.user_for(request.user, pk)
    actions.reactivate(user, by=access.signed_in(request).actor)
    messages.success(request, _("%(name)s can sign in again.") % {"name": user})
    return redirect("people:people")
