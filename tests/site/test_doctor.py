"""What the doctor and the server say where an installation is not as it should be."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from pytest_django.fixtures import Settings

from heed.people.models import User
from heed.site.cli import doctor, serve
from heed.site.environment import jobs_database


def test_a_home_that_others_may_look_into_is_a_warning(settings: Settings) -> None:
    home = Path(settings.HEED_HOME)
    home.chmod(0o755)
    found = doctor.home()
    assert (found.state, found.todo) == (
        "warning",
        f"It holds the database and the secret key. Run: chmod 700 {home}",
    )
    home.chmod(0o700)
    assert (doctor.home().state, doctor.home().todo) == ("ok", "")


def test_a_queue_that_cannot_be_reached_is_said_with_its_reason(settings: Settings) -> None:
    settings.HEED_JOBS_URL = jobs_database("postgresql://ann:hidden@127.0.0.1:9/heed", Path("unused"))
    found = doctor.examine("jobs", doctor.jobs)
    assert found.state == "failed"
    assert "Connection refused" in found.found
    assert "hidden" not in found.found


@pytest.mark.django_db
def test_an_installation_without_an_admin_is_told_how_to_get_one(make_user: Callable[..., User]) -> None:
    make_user("mary", "member")
    assert doctor.sign_in().todo == "Run: heed link you@example.com"
    make_user("ada", "admin")
    assert (doctor.sign_in().state, doctor.sign_in().todo) == ("ok", "")


def test_an_address_in_use_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(typer.Exit):
            serve.demand_free("127.0.0.1", port)
    assert capsys.readouterr().err == (
        f"127.0.0.1:{port} cannot be listened on: Address already in use. Choose another with --port.\n"
    )
    serve.demand_free("127.0.0.1", port)


def test_every_check_of_the_doctor_says_what_to_do_when_it_faints() -> None:
    def faints() -> doctor.Finding:
        raise RuntimeError("no such table")

    found = doctor.examine("database", faints)
    assert (found.check, found.state, found.found) == ("database", "failed", "RuntimeError: no such table")
    assert found.todo
