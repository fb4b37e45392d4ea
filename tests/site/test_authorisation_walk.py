"""Every address of the program, with every role: nobody passes who may not, and nothing changes for them.

Addresses join by themselves. One with arguments needs a sample in `tests/site/samples.py`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from heed.ledger.models import AuditEntry, OutboxEntry
from heed.people.models import Role, User
from heed.people.permissions import PERMISSIONS, Permission
from tests.conftest import signed_in
from tests.site.samples import SAMPLES, World

# Pages that visitors may open; every other one must ask for a permission. Adding one here is a decision.
PUBLIC = {
    "account_login",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
    "openid_connect_login",
    "openid_connect_callback",
    "people:link",
    "people:accept",
}
CLOSED = {
    "account_signup",
    "account_email",
    "account_email_verification_sent",
    "account_confirm_email",
    "account_confirm_login_code",
    "socialaccount_signup",
}
ABSENT = {
    *("mfa_deactivate_totp", "mfa_remove_webauthn", "mfa_edit_webauthn"),
    *("mfa_view_recovery_codes", "mfa_download_recovery_codes"),
}
"""Addresses that answer 404 until something is there that no sample makes."""


def addresses(
    patterns: list[URLPattern | URLResolver], spaces: tuple[str, ...] = ()
) -> Iterator[tuple[str, URLPattern]]:
    """Every address of the program with its full route name."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
            yield from addresses(pattern.url_patterns, inner)
        else:
            yield ":".join((*spaces, pattern.name or f"unnamed {pattern.pattern}")), pattern


ALL = dict(addresses(get_resolver().url_patterns))
UNMARKED = object()


def permission_of(name: str) -> Any:
    return getattr(ALL[name].callback, "permission", UNMARKED)


GUARDED = sorted(name for name in ALL if permission_of(name) is not None)
# Who is turned away is no matter of the database; that each page finds its rows there is.
CASES = [
    pytest.param(name, role, marks=() if role == Role.ADMIN else pytest.mark.one_database)
    for name in GUARDED
    for role in Role.values
]


def address_of(name: str, world: World) -> str:
    if name in SAMPLES:
        return reverse(name, kwargs=SAMPLES[name](world))
    try:
        return reverse(name)
    except NoReverseMatch:
        pytest.fail(
            f"The address '{name}' ({ALL[name].pattern}) takes arguments and has no sample. Add "
            f'"{name}" to SAMPLES in tests/site/samples.py: a function that makes what the address '
            "needs and returns its arguments."
        )


def state() -> dict[str, int]:
    """How many rows every table of the program holds; sessions and their kin aside."""
    ours = [model for model in apps.get_models() if model.__module__.startswith("heed.")]
    counted: list[type[Model]] = [*ours, AuditEntry, OutboxEntry]
    return {model._meta.label: model._default_manager.count() for model in counted}


def content() -> list[Any]:
    """What a refused change of people would touch."""
    return [list(User.objects.order_by("pk").values("pk", "role", "is_active", "name", "email"))]


def turned_away(client: Client, address: str) -> set[int]:
    """The answers to every method that the address knows (405: it does not); redirects lead to sign-in."""
    answers = [client.get(address), client.post(address), client.head(address)]
    known = [answer for answer in answers if answer.status_code != 405]
    assert known, f"{address} knows neither GET nor POST."
    for answer in known:
        if answer.status_code == 302:
            assert answer["Location"].startswith("/sign-in/?next="), address
    return {answer.status_code for answer in known}


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_view_says_who_may_open_it(name: str) -> None:
    permission = permission_of(name)
    assert permission is not UNMARKED, (
        f"The view of '{name}' is marked neither with @may(Permission.…) nor with @anyone "
        "(heed.people.permissions)."
    )
    assert permission is None or isinstance(permission, Permission)
    assert (permission is None) == (name in PUBLIC | CLOSED), (
        f"'{name}' is open to visitors. If that is meant, add it to PUBLIC in {__name__}."
    )


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(CLOSED))
def test_a_closed_address_shows_nothing(name: str, client: Client, admin: User) -> None:
    address = address_of(name, World(admin))
    assert client.get(address).status_code == 404
    assert client.post(address).status_code == 404
    assert signed_in(admin).get(address).status_code == 404


@pytest.mark.django_db
@pytest.mark.one_database
@pytest.mark.parametrize("name", GUARDED)
def test_a_visitor_is_sent_to_sign_in_and_changes_nothing(name: str, client: Client, admin: User) -> None:
    address = address_of(name, World(admin))
    before = state(), content()
    assert turned_away(client, address) <= {302, 404}
    assert (state(), content()) == before


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "role"), CASES)
def test_each_role_opens_what_its_row_of_the_table_says(
    name: str, role: str, admin: User, make_user: Callable[..., User]
) -> None:
    permission = permission_of(name)
    address = address_of(name, World(admin))
    client = signed_in(make_user("walker", role))
    if permission in PERMISSIONS[Role(role)]:
        # A question only: 405 for what answers to POST alone, 403 never; 404 says that a sample is wrong.
        absent = {404} if name in ABSENT | CLOSED else set()
        assert client.get(address).status_code in {200, 302, 405} | absent
        return
    before = state(), content()
    assert turned_away(client, address) == {403}
    assert (state(), content()) == before


@pytest.mark.django_db
@pytest.mark.one_database
@pytest.mark.parametrize("name", GUARDED)
def test_a_deactivated_person_is_a_visitor(name: str, admin: User, make_user: Callable[..., User]) -> None:
    address = address_of(name, World(admin))
    gone = make_user("gone", "admin")
    client = signed_in(gone)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    assert turned_away(client, address) <= {302, 404}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_sample_belongs_to_an_address(name: str) -> None:
    assert name in ALL, f"tests/site/samples.py has a sample for '{name}', which is no address any more."


def test_djangos_own_admin_is_not_installed() -> None:
    assert not apps.is_installed("django.contrib.admin")
    assert not [name for name in ALL if name.startswith("admin:")]
