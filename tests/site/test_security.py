"""What every answer carries, and what the program never does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import mail
from django.test import Client
from django.urls import get_resolver
from pytest_django.fixtures import Settings

from heed.people.models import User
from tests.conftest import BACKEND, PASSWORD

pytestmark = pytest.mark.django_db

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


@pytest.mark.parametrize(
    "path", ["/sign-in/", "/settings/", "/nowhere/", "/account/signup/", "/sign-in/link/x/"]
)
def test_every_answer_carries_the_strict_policy(path: str, admin_client: Client, client: Client) -> None:
    for browser in (client, admin_client):
        answer = browser.get(path)
        assert {part.strip() for part in answer["Content-Security-Policy"].split(";")} == POLICY
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_refused_form_carries_it_too() -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {})
    assert answer.status_code == 403
    assert "'unsafe" not in answer["Content-Security-Policy"]


def test_no_page_is_answered_under_another_host(client: Client) -> None:
    assert client.get("/sign-in/", HTTP_HOST="evil.test").status_code == 400


def test_links_in_letters_do_not_follow_the_host_header(client: Client, alice: User) -> None:
    fields = {"email": "alice@heed.test"}
    assert client.post("/account/password/reset/", fields, HTTP_HOST="evil.test").status_code == 400
    assert mail.outbox == []


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: Client, alice: User) -> None:
    client.get("/sign-in/")
    client.post("/sign-in/", {"login": "alice@heed.test", "password": PASSWORD})
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Lax"


def test_forms_need_their_token(admin: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin, backend=BACKEND)
    answer = browser.post("/settings/people/invite/", {"email": "a@heed.test", "role": "admin"})
    assert answer.status_code == 403


def test_no_address_leads_to_djangos_admin() -> None:
    assert "admin/" not in str(get_resolver().url_patterns)


def test_errors_show_no_settings(client: Client, settings: Settings) -> None:
    assert settings.DEBUG is False
    assert "SECRET" not in client.get("/nowhere/").content.decode()


def test_with_https_everything_is_bound_to_it(tmp_path: Path) -> None:
    """In a process of its own, because settings are read once."""
    script = (
        "import django; django.setup()\n"
        "from django.conf import settings as s\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "from django.test import Client\n"
        "c = Client(); a = c.get('/sign-in/', secure=True, HTTP_HOST='heed.example.com')\n"
        "print(a.status_code, a['Strict-Transport-Security'], c.cookies['csrftoken']['secure'], "
        "s.SESSION_COOKIE_SECURE, s.SECURE_PROXY_SSL_HEADER, s.CSRF_TRUSTED_ORIGINS)\n"
    )
    environment = os.environ | {
        "HEED_HOME": str(tmp_path),
        "HEED_BASE_URL": "https://heed.example.com/",
        "HEED_TRUSTED_PROXIES": "1",
        "HEED_DATABASE_URL": "",
    }
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split("\n")[0] == (
        "200 max-age=31536000 True True ('HTTP_X_FORWARDED_PROTO', 'https') ['https://heed.example.com']"
    )
