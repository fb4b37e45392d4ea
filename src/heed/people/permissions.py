"""Who may do what: one table, and the two marks that every view carries one of."""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from heed.people.models import Role

View = Callable[..., HttpResponseBase]


class Permission(StrEnum):
    """A thing a person may do. The value is how it is named in words."""

    SEE_CUSTOMERS = "see customers, lists, measures and Today"
    SECURE_OWN_ACCOUNT = "change their own password, second factor and sessions"
    ACT_ON_CUSTOMERS = "record interactions and notes, and act on worklist rows"
    EXPORT = "export lists"
    SAVE_SEGMENTS = "save segments of their own"
    EDIT_CUSTOMERS = "edit accounts and contacts, and assign owners"
    SHARE_SEGMENTS = "share and change segments of others"
    SEE_TEAM_WORK = "see the worklist of another person"
    CALL_FORECAST = "call the forecast of a quarter"
    DESIGN_EXPERIMENTS = "design, start and decide experiments"
    MANAGE_TRIGGERS = "make, replay and switch triggers"
    IMPORT = "import files, correct and replay rejected rows"
    UNDO_IMPORTS = "undo an import"
    RUN_ROUND = "run the daily round"
    SEE_AUDIT = "see the audit trail"
    ERASE = "erase an account or a contact"
    MANAGE_SOURCES = "declare sources, and write SQL in a mapping"
    MANAGE_METRICS = "change metric definitions and scores by hand"
    MANAGE_PEOPLE = "invite people, change roles, deactivate"
    MANAGE_JOBS = "see jobs and retry dead ones"


P = Permission
_VIEWER = frozenset({P.SEE_CUSTOMERS, P.SECURE_OWN_ACCOUNT})
_MEMBER = _VIEWER | {P.ACT_ON_CUSTOMERS, P.EXPORT, P.SAVE_SEGMENTS}
_LEAD = _MEMBER | {P.EDIT_CUSTOMERS, P.SHARE_SEGMENTS, P.SEE_TEAM_WORK, P.IMPORT, P.RUN_ROUND, P.SEE_AUDIT,
                   P.CALL_FORECAST, P.DESIGN_EXPERIMENTS, P.MANAGE_TRIGGERS}  # fmt: skip
_ADMIN = frozenset(Permission)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.MEMBER: _MEMBER,
    Role.LEAD: _LEAD,
    Role.ADMIN: _ADMIN,
}


def allows(user: Any, permission: Permission) -> bool:
    """Whether this user (or an anonymous visitor) holds the permission."""
    if not (user.is_authenticated and user.is_active):
        return False
    return permission in PERMISSIONS[Role(user.role)]


def demand(user: Any, permission: Permission) -> None:
    """Raise PermissionDenied, naming what is missing, unless the user holds the permission."""
    if not allows(user, permission):
        raise PermissionDenied(
            _("Your role does not allow you to %(what)s. Ask an admin.") % {"what": permission.value}
        )


def may(permission: Permission) -> Callable[[View], View]:
    """Mark a view with the permission it needs: sign-in first, 403 for roles below."""

    def mark(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            demand(request.user, permission)
            return view(request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return mark


def to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Send a visitor to sign-in and then back to the page where they were.

    For a form that is the page it stood on, as its own address answers no question; and htmx would put the
    page of sign-in into the part of the page that it asked for.
    """
    asked = request.get_full_path()
    fragment = bool(request.headers.get("HX-Request"))
    if fragment or request.method not in ("GET", "HEAD"):
        asked = _page_before(request)
    answer = redirect_to_login(asked, settings.LOGIN_URL)
    return HttpResponseClientRedirect(answer.url) if fragment else answer


def _page_before(request: HttpRequest) -> str:
    came_from = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()})
    return (
        urlsplit(came_from)._replace(scheme="", netloc="").geturl() if ours else settings.LOGIN_REDIRECT_URL
    )


def anyone(view: View) -> View:
    """Mark a view as open to visitors who have not signed in."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    opened.permission = None  # type: ignore[attr-defined]
    return opened
