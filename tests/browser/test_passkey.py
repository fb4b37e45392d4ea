"""Passkeys (in a virtual device) and the authenticator app, as a person adds and uses them."""

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from playwright.sync_api import Page, expect

from heed.ledger.models import AuditEntry
from tests.authenticator import current_code
from tests.browser.conftest import Watch
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def add_device(page: Page) -> None:
    """A device that holds passkeys and finds its owner present, without asking anybody."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    abilities = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": abilities})


def type_the_password_again(page: Page) -> None:
    expect(page).to_have_url(re.compile("/account/reauthenticate/"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def sign_out(page: Page) -> None:
    page.locator("details.me > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in/"))


def sign_in_by_password(page: Page, email: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_passkey_is_added_and_signs_in_alone(make_context: Any, alice: Any, live_server: Any) -> None:
    page = make_context(alice).new_page()
    watch = Watch(live_server.url)
    watch.over(page)
    add_device(page)
    page.goto("/account/2fa/webauthn/add/")
    type_the_password_again(page)
    page.get_by_label("Name").fill("Laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    expect(page).to_have_url(re.compile("/account/2fa/recovery-codes/"))
    key = Authenticator.objects.get(user=alice, type=Authenticator.Type.WEBAUTHN)
    assert key.wrap().name == "Laptop"
    assert AuditEntry.objects.filter(action="add passkey", by=alice.actor).count() == 1

    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(re.compile("/today/"))
    expect(page.locator("details.me > summary")).to_contain_text("Alice")

    page.goto("/account/2fa/webauthn/")
    expect(page.locator("main")).to_contain_text("Laptop")
    assert watch.taken() == []


def test_the_passkey_is_the_second_factor_of_a_password(make_context: Any, alice: Any) -> None:
    page = make_context(alice).new_page()
    add_device(page)
    page.goto("/account/2fa/webauthn/add/")
    type_the_password_again(page)
    page.get_by_role("button", name="Add").click()
    expect(page).to_have_url(re.compile("/account/2fa/recovery-codes/"))
    sign_out(page)
    sign_in_by_password(page, alice.email)
    expect(page).to_have_url(re.compile("/account/2fa/authenticate/"))
    page.get_by_role("button", name="Use a security key").click()
    expect(page).to_have_url(re.compile("/today/"))


def test_a_browser_that_refuses_passkeys_is_explained(make_context: Any, live_server: Any) -> None:
    page = make_context().new_page()
    watch = Watch(live_server.url)
    watch.over(page)
    # An address of numbers cannot have passkeys.
    page.goto(live_server.url.replace("localhost", "127.0.0.1") + "/sign-in/")
    watch.taken()
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Passkeys need https")
    assert page.url.endswith("/sign-in/")
    assert [fault for fault in watch.taken() if not fault.startswith("request to another host")] == []


def test_an_authenticator_app_is_added_and_asked_for(make_context: Any, alice: Any) -> None:
    page = make_context(alice).new_page()
    page.goto("/account/2fa/totp/activate/")
    type_the_password_again(page)
    expect(page.get_by_role("img", name="Code for the app")).to_be_visible()
    secret = page.locator("code").inner_text()
    page.get_by_label("Authenticator code").fill("000000")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator(".errors")).to_contain_text("Incorrect code.")
    expect(page.locator("code")).to_have_text(secret)
    page.get_by_label("Authenticator code").fill(current_code(secret))
    page.get_by_role("button", name="Add it").click()
    expect(page).to_have_url(re.compile("/account/2fa/recovery-codes/"))

    sign_out(page)
    # A code opens once; half a minute later there would be another one.
    Authenticator.objects.filter(type=Authenticator.Type.TOTP).update(last_used_at=None)
    cache.clear()
    sign_in_by_password(page, alice.email)
    expect(page).to_have_url(re.compile("/account/2fa/authenticate/"))
    page.get_by_label("Code").fill(current_code(secret))
    page.get_by_role("button", name="Sign In").click()
    expect(page).to_have_url(re.compile("/today/"))
