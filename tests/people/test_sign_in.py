"""Signing in: by password with a lock, by second factor, by link, and never by anybody else."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from heed.ledger.models import AuditEntry
from heed.people import actions
from heed.people.models import User
from tests.authenticator import current_code
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
TOKENS = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"|X-CSRFToken": "[^"]+"')
WRONG = "not the password"


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: str) -> int:
    fields = {"login": email, "password": password}
    return client.post("/sign-in/", fields, **extra).status_code  # type: ignore[arg-type]


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def confirm(client: Client, password: str = PASSWORD) -> None:
    """Changing how one signs in asks for the password again."""
    client.post("/account/reauthenticate/", {"password": password})


def add_authenticator_app(client: Client) -> str:
    """Enrol as a person would, from the page; returns the secret."""
    confirm(client)
    page = client.get("/account/2fa/totp/activate/").content.decode()
    found = re.search(r"<code>([A-Z2-7]+)</code>", page)
    assert found is not None, page
    answer = client.post("/account/2fa/totp/activate/", {"code": current_code(found[1])})
    assert answer.status_code == 302, answer.content.decode()
    return found[1]


def test_a_person_signs_in_with_address_and_password(client: Client, alice: User) -> None:
    response = client.post("/sign-in/", {"login": "Alice@heed.test", "password": PASSWORD})
    assert (response.status_code, response["Location"]) == (302, "/today/")
    assert is_signed_in(client)


def test_a_wrong_password_and_an_unknown_address_look_the_same(client: Client, alice: User) -> None:
    pages = []
    for address in ("alice@heed.test", "nobody@heed.test"):
        response = client.post("/sign-in/", {"login": address, "password": WRONG})
        assert response.status_code == 200
        page = re.sub(
            r'name="csrfmiddlewaretoken" value="[^"]+"|X-CSRFToken": "[^"]+"', "", response.content.decode()
        )
        pages.append(page.replace(address, ""))
    assert pages[0] == pages[1]
    assert not is_signed_in(client)


def test_five_wrong_passwords_close_the_door_even_for_the_right_one(client: Client, alice: User) -> None:
    assert [sign_in(client, "alice@heed.test", WRONG) for _ in range(5)] == [200, 200, 200, 200, 429]
    assert sign_in(client, "ALICE@heed.test") == 429
    assert not is_signed_in(client)


def test_the_lock_holds_for_one_address_from_one_place(client: Client, alice: User, bob: User) -> None:
    for _ in range(5):
        sign_in(client, "alice@heed.test", WRONG)
    assert sign_in(Client(), "alice@heed.test", REMOTE_ADDR="198.51.100.7") == 302
    assert sign_in(Client(), "bob@heed.test") == 302


def test_a_forged_proxy_header_does_not_open_the_lock(client: Client, alice: User) -> None:
    for number in range(5):
        sign_in(client, "alice@heed.test", WRONG, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert sign_in(client, "alice@heed.test", HTTP_X_FORWARDED_FOR="198.51.100.99") == 429


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)"]
)
def test_next_leads_nowhere_outside(target: str, client: Client, alice: User) -> None:
    response = client.post("/sign-in/", {"login": "alice@heed.test", "password": PASSWORD, "next": target})
    assert response["Location"] == "/today/"


def test_next_leads_back_to_the_page_that_asked(client: Client, alice: User) -> None:
    asked = client.get("/settings/style/")
    assert asked["Location"] == "/sign-in/?next=/settings/style/"
    fields = {"login": "alice@heed.test", "password": PASSWORD, "next": "/settings/style/"}
    assert client.post("/sign-in/", fields)["Location"] == "/settings/style/"


def test_a_form_leads_back_to_the_page_it_stood_on(client: Client, alice: User) -> None:
    """Its own address takes forms only, and would answer the way back with an error."""
    here = {"Referer": "http://testserver/settings/people/?page=2"}
    refused = client.post("/settings/people/invite/", {"email": "x@heed.test"}, headers=here)
    assert refused["Location"] == "/sign-in/?next=/settings/people/%3Fpage%3D2"
    there = {"Referer": "https://evil.test/settings/people/"}
    assert client.post("/settings/people/invite/", headers=there)["Location"] == "/sign-in/?next=/today/"


def test_a_part_of_a_page_leads_the_whole_page_to_sign_in(client: Client, alice: User) -> None:
    """As in a second tab, after signing out in the first."""
    asks = {"HX-Request": "true", "Referer": "http://testserver/settings/round/"}
    answer = client.get("/settings/round/", headers=asks)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["HX-Redirect"] == "/sign-in/?next=/settings/round/"


def test_a_deactivated_person_cannot_sign_in(client: Client, alice: User, dora: User) -> None:
    actions.deactivate(alice, by=dora.actor)
    sign_in(client, "alice@heed.test")
    assert not is_signed_in(client)


def test_nobody_signs_up(client: Client) -> None:
    fields = {"email": "eve@heed.test", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post("/account/signup/", fields).status_code == 404
    assert not User.objects.exists()


def test_the_key_of_the_session_changes_with_sign_in(client: Client, alice: User) -> None:
    client.session.save()
    before = client.session.session_key
    sign_in(client, "alice@heed.test")
    assert client.session.session_key != before


def test_signing_out_takes_a_form_and_ends_the_session(client: Client, alice: User) -> None:
    sign_in(client, "alice@heed.test")
    client.get("/sign-out/")
    assert is_signed_in(client)
    client.post("/sign-out/")
    assert not is_signed_in(client)


@pytest.mark.parametrize(("seconds", "waits"), [(24, 0), (26, 4), (29, 1)])
def test_a_code_is_not_typed_when_it_is_about_to_end(
    monkeypatch: pytest.MonkeyPatch, seconds: int, waits: int
) -> None:
    slept: list[float] = [0.0]
    monkeypatch.setattr(time, "time", lambda: 30 * 1_000 + seconds + sum(slept))
    monkeypatch.setattr(time, "sleep", slept.append)
    code = current_code("JBSWY3DPEHPK3PXP")
    assert sum(slept) == waits
    assert code == format_hotp_value(hotp_value("JBSWY3DPEHPK3PXP", 1_001 if waits else 1_000))


def test_who_added_an_authenticator_app_is_asked_for_its_code(client: Client, alice: User) -> None:
    sign_in(client, "alice@heed.test")
    secret = add_authenticator_app(client)
    browser = Client()
    assert sign_in(browser, "alice@heed.test") == 302
    assert not is_signed_in(browser)
    wrong = browser.post("/account/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    assert not is_signed_in(browser)
    Authenticator.objects.filter(type="totp").update(last_used_at=None)
    cache.clear()
    browser.post("/account/2fa/authenticate/", {"code": current_code(secret)})
    assert is_signed_in(browser)


def test_five_wrong_codes_close_the_door_even_for_the_right_one(client: Client, alice: User) -> None:
    sign_in(client, "alice@heed.test")
    secret = add_authenticator_app(client)
    Authenticator.objects.filter(type="totp").update(last_used_at=None)
    cache.clear()
    for _ in range(5):
        browser = Client()
        sign_in(browser, "alice@heed.test")
        browser.post("/account/2fa/authenticate/", {"code": "000000"})
    # A new session and another address do not start the count anew.
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    sign_in(elsewhere, "alice@heed.test")
    refused = elsewhere.post("/account/2fa/authenticate/", {"code": current_code(secret)})
    assert "Too many failed login attempts" in refused.content.decode()
    assert not is_signed_in(elsewhere)


def test_a_stranger_cannot_lock_a_person_out(client: Client, alice: User) -> None:
    for number in range(12):
        sign_in(client, "alice@heed.test", WRONG, REMOTE_ADDR=f"198.51.100.{number}")
    assert sign_in(client, "alice@heed.test") == 302


def test_a_sign_in_link_does_not_go_round_the_second_factor(client: Client, alice: User) -> None:
    sign_in(client, "alice@heed.test")
    add_authenticator_app(client)
    browser = Client()
    response = browser.post(f"/sign-in/link/{actions.make_sign_in_link(alice, by='test')}/")
    assert response["Location"].startswith("/account/2fa/authenticate/")
    assert not is_signed_in(browser)


def test_changing_the_second_factor_asks_for_the_password_again(client: Client, alice: User) -> None:
    sign_in(client, "alice@heed.test")
    asked = client.get("/account/2fa/totp/activate/")
    assert asked["Location"].startswith("/account/reauthenticate/")
    confirm(client, WRONG)
    assert client.get("/account/2fa/totp/activate/").status_code == 302


def test_a_recovery_code_opens_once(client: Client, alice: User) -> None:
    sign_in(client, "alice@heed.test")
    add_authenticator_app(client)
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert len(codes) == 10
    for opens in (True, False):
        browser = Client()
        sign_in(browser, "alice@heed.test")
        browser.post("/account/2fa/authenticate/", {"code": codes[0]})
        assert is_signed_in(browser) is opens


def test_changes_to_sign_in_are_recorded_without_their_secrets(
    client: Client, alice: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    sign_in(client, "alice@heed.test")
    with django_capture_on_commit_callbacks(execute=True):
        secret = add_authenticator_app(client)
    new = "another horse, another battery"
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post("/account/password/change/", fields).status_code == 302
    entries = list(AuditEntry.objects.order_by("id").values())
    assert [(entry["action"], entry["by"]) for entry in entries] == [
        ("add authenticator app", alice.actor),
        ("change password", alice.actor),
    ]
    assert secret not in str(entries)
    assert new not in str(entries)


def test_the_device_list_signs_out_the_others(client: Client, alice: User) -> None:
    other = Client()
    sign_in(client, "alice@heed.test")
    sign_in(other, "alice@heed.test")
    assert client.get("/account/sessions/").status_code == 200
    client.post("/account/sessions/")
    assert is_signed_in(client)
    assert not is_signed_in(other)


def test_a_forgotten_password_is_set_anew_by_mail(client: Client, alice: User) -> None:
    client.post("/account/password/reset/", {"email": "alice@heed.test"})
    [letter] = mail.outbox
    found = re.search(r"http://127.0.0.1:8000(/account/password/reset/key/\S+)", str(letter.body))
    assert found is not None
    form = client.get(found[1], follow=True)
    new = "another horse, another battery"
    client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    alice.refresh_from_db()
    assert alice.check_password(new)


def test_asking_for_an_unknown_address_sends_nothing_and_says_the_same(client: Client, alice: User) -> None:
    known = client.post("/account/password/reset/", {"email": "alice@heed.test"})
    unknown = client.post("/account/password/reset/", {"email": "nobody@heed.test"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [letter.to for letter in mail.outbox] == [["alice@heed.test"]]


def test_who_came_by_link_can_set_a_password_and_an_app(client: Client, settings: Settings) -> None:
    user = actions.create_user("first@heed.test", "First", "admin", by="command line")
    client.post(f"/sign-in/link/{actions.make_sign_in_link(user, by='command line')}/")
    assert client.get("/account/password/change/")["Location"] == "/account/password/set/"
    client.post("/account/password/set/", {"password1": PASSWORD, "password2": PASSWORD})
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert is_signed_in(client)
    add_authenticator_app(client)


PAGES = [
    "/account/",
    "/account/password/change/",
    "/account/2fa/",
    "/account/2fa/totp/activate/",
    "/account/2fa/webauthn/",
    "/account/2fa/webauthn/add/",
    "/account/sessions/",
    "/account/3rdparty/",
]


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_of_ones_own_sign_in_keep_the_content_policy(
    path: str, client: Client, alice: User
) -> None:
    sign_in(client, "alice@heed.test")
    confirm(client)
    page = client.get(path)
    assert page.status_code == 200
    text = page.content.decode()
    assert "areas" in text, "it stands in the frame of every page"
    scripts = re.findall(r"<script([^>]*)>", text)
    assert all("src=" in script or 'type="application/json"' in script for script in scripts)
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|data:image", text)
