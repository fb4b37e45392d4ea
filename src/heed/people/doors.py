"""What guards the way in: who is locked out, for how long, and where a visitor comes from."""

from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

TOO_MANY = 429


def client_address(request: HttpRequest) -> str:
    """The visitor's address, as the proxies that `HEED_TRUSTED_PROXIES` counts report it."""
    return str(get_client_ip(request) or "")


def axes_username(request: HttpRequest | None, credentials: dict[str, Any] | None = None) -> str:
    """Whose sign-in is tried: the e-mail address, however it was typed."""
    given = credentials or {}
    named = given.get("email") or given.get("username") or ""
    if not named and request is not None:
        named = request.POST.get("login", "")
    return str(named).strip().lower()


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """The page after too many wrong passwords for one address from one place."""
    return render(request, "people/locked_out.html", status=TOO_MANY)
