"""Single sign-on against a real OpenID Connect provider on the loopback: who comes in, and who does not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from pytest_django.fixtures import Settings

from heed.people import actions
from heed.people.models import Invitation, User

pytestmark = pytest.mark.django_db


class Provider(ThreadingHTTPServer):
    """Answers discovery, token and userinfo as the standard says; `claims` is who has signed in there."""

    claims: dict[str, Any]
    asked: list[dict[str, list[str]]]

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        issuer = self.server.issuer
        if self.path == "/.well-known/openid-configuration":
            self.say(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "userinfo_endpoint": f"{issuer}/userinfo",
                    "jwks_uri": f"{issuer}/keys",
                }
            )
        else:
            self.say(self.server.claims)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append(parse_qs(body))
        self.say({"access_token": "token", "token_type": "Bearer", "expires_in": 60})

    def say(self, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    server = Provider(("127.0.0.1", 0), Answers)
    server.claims, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    app = {
        "provider_id": "company",
        "name": "Example Inc",
        "client_id": "heed",
        "secret": "hush",
        "settings": {"server_url": server.issuer, "oauth_pkce_enabled": True, "uid_field": "sub"},
    }
    settings.SINGLE_SIGN_ON = app
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def come_in(client: Client, provider: Provider, **claims: Any) -> None:
    """What a browser does: press the button, sign in at the provider, come back with a code."""
    provider.claims = {"sub": "42", "name": "Erin Example"} | claims
    leaving = client.post("/account/oidc/company/login/?process=login")
    assert leaving.status_code == 302, leaving.content.decode()
    asked = parse_qs(urlsplit(leaving["Location"]).query)
    assert leaving["Location"].startswith(f"{provider.issuer}/authorize?")
    assert asked["code_challenge_method"] == ["S256"]
    state = asked["state"][0]
    client.get("/account/oidc/company/login/callback/", {"code": "code", "state": state}, follow=True)


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def test_the_sign_in_page_offers_the_provider(client: Client, provider: Provider) -> None:
    assert "Sign in with Example Inc" in client.get("/sign-in/").content.decode()


def test_a_known_person_with_a_verified_address_comes_in(
    client: Client, provider: Provider, alice: User
) -> None:
    come_in(client, provider, email="alice@heed.test", email_verified=True)
    assert client.session["_auth_user_id"] == str(alice.pk)
    assert is_signed_in(client)
    assert provider.asked[0]["code"] == ["code"]


def test_an_address_that_is_not_verified_opens_nothing(
    client: Client, provider: Provider, alice: User
) -> None:
    come_in(client, provider, email="alice@heed.test", email_verified=False)
    assert not is_signed_in(client)
    assert User.objects.count() == 1


def test_a_stranger_is_turned_away(client: Client, provider: Provider) -> None:
    come_in(client, provider, email="eve@heed.test", email_verified=True)
    assert not is_signed_in(client)
    assert User.objects.count() == 0


def test_whoever_is_invited_comes_in_with_the_role_of_the_invitation(
    client: Client, provider: Provider, admin: User
) -> None:
    actions.invite("erin@heed.test", "lead", invited_by=admin)
    come_in(client, provider, email="erin@heed.test", email_verified=True)
    erin = User.objects.get(email="erin@heed.test")
    assert (erin.name, erin.role, erin.has_usable_password()) == ("Erin Example", "lead", False)
    assert is_signed_in(client)
    assert Invitation.objects.get().accepted_at is not None
    again = Client()
    come_in(again, provider, email="erin@heed.test", email_verified=True)
    assert is_signed_in(again)
    assert User.objects.filter(email="erin@heed.test").count() == 1


def test_an_invitation_to_an_address_that_is_not_verified_stays_closed(
    client: Client, provider: Provider, admin: User
) -> None:
    actions.invite("erin@heed.test", "lead", invited_by=admin)
    come_in(client, provider, email="erin@heed.test", email_verified=False)
    assert not is_signed_in(client)
    assert Invitation.objects.get().accepted_at is None


def test_a_deactivated_person_stays_out(client: Client, provider: Provider, alice: User, dora: User) -> None:
    actions.deactivate(alice, by=dora.actor)
    come_in(client, provider, email="alice@heed.test", email_verified=True)
    assert not is_signed_in(client)


def test_an_answer_that_nobody_asked_for_is_refused(client: Client, provider: Provider, alice: User) -> None:
    provider.claims = {"sub": "42", "email": "alice@heed.test", "email_verified": True}
    client.get("/account/oidc/company/login/callback/", {"code": "code", "state": "forged"}, follow=True)
    assert not is_signed_in(client)
    assert provider.asked == []


def test_the_provider_does_not_go_round_the_second_factor(
    client: Client, provider: Provider, alice: User
) -> None:
    Authenticator.objects.create(user=alice, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    come_in(client, provider, email="alice@heed.test", email_verified=True)
    assert not is_signed_in(client)
    assert client.get("/account/2fa/authenticate/").status_code == 200, "it waits for the code"
