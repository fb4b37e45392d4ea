"""allauth's pages behind our doors: each is in this table, or the program does not start."""

from collections.abc import Iterator

import allauth.urls
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver, path

from heed.people.permissions import Permission, anyone, may

OPEN = "open"
OWN = "own"
CLOSED = "closed"

DOORS = {
    "account_login": OPEN,
    "account_logout": OWN,
    "account_inactive": OPEN,
    "account_signup": CLOSED,
    "account_reauthenticate": OWN,
    "account_email": CLOSED,
    "account_email_verification_sent": CLOSED,
    "account_confirm_email": CLOSED,
    "account_change_password": OWN,
    "account_set_password": OWN,
    "account_reset_password": OPEN,
    "account_reset_password_done": OPEN,
    "account_reset_password_from_key": OPEN,
    "account_reset_password_from_key_done": OPEN,
    "account_confirm_login_code": CLOSED,
    "mfa_index": OWN,
    "mfa_authenticate": OPEN,
    "mfa_reauthenticate": OWN,
    "mfa_activate_totp": OWN,
    "mfa_deactivate_totp": OWN,
    "mfa_view_recovery_codes": OWN,
    "mfa_generate_recovery_codes": OWN,
    "mfa_download_recovery_codes": OWN,
    "mfa_list_webauthn": OWN,
    "mfa_add_webauthn": OWN,
    "mfa_reauthenticate_webauthn": OWN,
    "mfa_remove_webauthn": OWN,
    "mfa_edit_webauthn": OWN,
    "mfa_login_webauthn": OPEN,
    "socialaccount_login_cancelled": OPEN,
    "socialaccount_login_error": OPEN,
    "socialaccount_signup": CLOSED,
    "socialaccount_connections": OWN,
    "openid_connect_login": OPEN,
    "openid_connect_callback": OPEN,
    "usersessions_list": OWN,
}
ELSEWHERE = {"account_login": "sign-in/", "account_logout": "sign-out/"}


def _closed(request: HttpRequest, **arguments: object) -> HttpResponseBase:
    raise Http404


def _named(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _named(pattern.url_patterns, route)
        # Addresses without a name only forward old bookmarks of other sites.
        elif pattern.name:
            yield route, pattern


def _behind_its_door(pattern: URLPattern) -> None:
    name = str(pattern.name)
    if name not in DOORS:
        raise ImproperlyConfigured(
            f"allauth has a page '{name}' that is not in heed.people.allauth_urls.DOORS. "
            "Add it as open (visitors), own (whoever is signed in) or closed."
        )
    if DOORS[name] == OPEN:
        pattern.callback = anyone(pattern.callback)
    elif DOORS[name] == OWN:
        # One transaction, so that a change to sign-in and its audit row stand or fall together.
        pattern.callback = may(Permission.SECURE_OWN_ACCOUNT)(transaction.atomic(pattern.callback))
    else:
        pattern.callback = anyone(_closed)


def _guarded(patterns: list[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The same addresses with the guards of the table; unnamed ones and those we serve elsewhere left out."""
    kept: list[URLPattern | URLResolver] = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = _guarded(pattern.url_patterns)
            kept.append(URLResolver(pattern.pattern, inner, pattern.default_kwargs))
        elif pattern.name and pattern.name not in ELSEWHERE:
            _behind_its_door(pattern)
            kept.append(pattern)
    return kept


def _moved() -> list[URLPattern]:
    moved = []
    for _route, pattern in _named(allauth.urls.urlpatterns):
        if pattern.name in ELSEWHERE:
            _behind_its_door(pattern)
            moved.append(path(ELSEWHERE[pattern.name], pattern.callback, name=pattern.name))
    return moved


entrance: list[URLPattern] = _moved()
"""Signing in and out, to stand at the root."""

urlpatterns = _guarded(allauth.urls.urlpatterns)
"""The rest, to stand under /account/."""
