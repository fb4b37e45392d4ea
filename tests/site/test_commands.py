"""The commands as they are used: processes of their own in a home of their own."""

import json
import re
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest
import typer

from heed.site.cli.serve import demand_free
from tests.processes import HEED, answer_of, free_port, heed, surroundings

# They share a home.
pytestmark = pytest.mark.slow


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def heed(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return heed(self.folder, *arguments, PORT="8123", **settings)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("home"))
    assert made.heed("migrate").returncode == 0
    return made


def test_a_home_that_is_not_migrated_says_what_to_run(tmp_path: Path) -> None:
    ran = Home(tmp_path).heed("link", "ada@example.com")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert re.fullmatch(r"The database is \d+ migrations behind\. Run: heed migrate\n", ran.stderr)


def test_a_wrong_setting_is_named_without_a_traceback(tmp_path: Path) -> None:
    ran = Home(tmp_path).heed("doctor", HEED_BASE_URL="heed.example.com")
    assert ran.returncode == 2
    assert ran.stderr == (
        "HEED_BASE_URL is 'heed.example.com'. Use an address like https://heed.example.com.\n"
    )


def test_migrating_again_changes_nothing(home: Home) -> None:
    assert home.heed("migrate").stdout == "The database is up to date (0 migrations applied now).\n"


def test_the_first_person_is_an_admin_and_the_next_a_member(home: Home) -> None:
    refused = home.heed("link", "first@example.com", "--role", "viewer")
    assert refused.returncode == 1
    assert "The first person must be an admin" in refused.stderr
    for email in ("ada@example.com", "mary@example.com", "ada@example.com"):
        ran = home.heed("link", email)
        assert re.fullmatch(r"http://127\.0\.0\.1:8123/sign-in/link/[\w-]{43}/\n", ran.stdout)
    listed = home.heed("doctor", "--json")
    assert '"by link, password and passkey"' in listed.stdout
    assert home.heed("link", "no address").returncode == 1
    assert "Use one of: viewer, member, lead, admin" in home.heed("link", "a@b.co", "--role", "boss").stderr


def test_the_doctor_says_what_to_do(home: Home) -> None:
    ran = home.heed("doctor", "--json", HEED_MAIL_HOST="127.0.0.1", HEED_MAIL_PORT="9")
    found = json.loads(ran.stdout)
    states = {check["check"]: check["state"] for check in found["checks"]}
    assert (ran.returncode, found["ok"], states["mail"]) == (1, False, "failed")
    assert (states["database"], states["stream"], states["disk"]) == ("ok", "ok", "ok")
    todo = {check["check"]: check["todo"] for check in found["checks"]}
    assert todo["jobs"] == "Start one: heed worker"
    assert todo["mail"] == "Check the HEED_MAIL_… settings."
    assert home.heed("doctor").returncode == 0


def test_the_secret_key_is_readable_by_its_owner_only(home: Home) -> None:
    key = home.folder / "secret-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_text()) == 50
    assert [file.name for file in home.folder.iterdir() if file.name.startswith("secret-key.")] == []


def test_the_server_answers_with_pages_and_static_files_from_several_threads(home: Home) -> None:
    port = free_port()
    server = subprocess.Popen([HEED, "serve", "--port", str(port)], env=surroundings(home.folder))
    try:
        page = answer_of(f"http://127.0.0.1:{port}/sign-in/", server)
        assert "Sign in to Heed" in page
        [sheet] = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
        assert "--accent" in answer_of(f"http://127.0.0.1:{port}{sheet}", server)
        assert (home.folder / "static" / "heed" / "heed.css").exists()
        [script] = re.findall(r'src="([^"]+webauthn\.js[^"]*)"', page)
        assert "allauth" in answer_of(f"http://127.0.0.1:{port}{script}", server)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


@pytest.mark.skipif(not socket.has_ipv6, reason="This Python has no IPv6.")
def test_an_address_of_version_6_is_listened_on_and_refused_where_it_is_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(typer.Exit):
            demand_free("::1", port)
    said = f"[::1]:{port} cannot be listened on: Address already in use. Choose another with --port.\n"
    assert capsys.readouterr().err == said
    demand_free("::1", port)
    demand_free("::", port)
