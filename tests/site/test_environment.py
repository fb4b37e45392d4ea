"""Settings: typed, from the environment, with an error that names the setting and what it wants."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from heed.site.environment import Environment, SettingError, jobs_database, origin, postgresql

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
SOURCE = Path(__file__).parents[2] / "src" / "heed" / "site" / "settings.py"

WRONG: list[tuple[Callable[[Environment], Any], str, str]] = [
    (lambda env: env.flag("X", default=False), "yes", "X is 'yes'. Use 'true' or 'false'."),
    (lambda env: env.number("X", default=8000), "80a", "X is '80a'. Use a whole number, like 8000."),
    (lambda env: env.hours("X", default=24), "0", "X is '0'. Use a number of hours from 1, like 24."),
    (
        lambda env: env.time_of_day("X", default="05:00"),
        "25:00",
        "X is '25:00'. Use hours and minutes in UTC, like 05:00.",
    ),
    (
        lambda env: env.web_address("X", default="http://a"),
        "heed.example.com",
        "X is 'heed.example.com'. Use an address like https://heed.example.com.",
    ),
    (
        lambda env: env.web_origin("X", default="http://a"),
        "https://example.com/heed/",
        "X is 'https://example.com/heed'. Use it without a path, like https://example.com.",
    ),
    (
        lambda env: env.instant("X"),
        "2026-11-22T08:00:00",
        "X is '2026-11-22T08:00:00'. Use an instant like 2026-11-22T08:00:00+00:00.",
    ),
    (
        lambda env: env.home("X", "."),
        "/proc/x",
        "X is '/proc/x', which cannot be made: No such file or directory.",
    ),
    (lambda env: env.choice("X", ("duckdb", "spark")), "pandas", "X is 'pandas'. Use one of: duckdb, spark."),
    (
        lambda env: env.database("X", Path("a")),
        "mysql://a/b",
        "X starts with 'mysql'. Use postgresql://user:password@host:port/name, "
        "or leave it empty for SQLite in HEED_HOME.",
    ),
]


@pytest.mark.parametrize(("read", "given", "says"), WRONG)
def test_a_wrong_value_is_named_with_what_is_wanted(
    read: Callable[[Environment], Any], given: str, says: str
) -> None:
    with pytest.raises(SettingError) as refused:
        read(Environment({"X": given}))
    assert str(refused.value) == says


def test_right_values_are_typed() -> None:
    env = Environment({"F": "true", "N": "7", "H": "2", "T": "23:59", "A": "https://a.test/", "W": "a, b"})
    assert env.flag("F", default=False) is True
    assert env.number("N", default=0) == 7
    assert env.hours("H", default=1) == timedelta(hours=2)
    assert env.time_of_day("T", default="05:00") == "23:59"
    assert env.web_address("A", default="") == "https://a.test"
    assert env.words("W") == ["a", "b"]


def test_a_password_never_shows_in_the_error_of_a_database_address() -> None:
    with pytest.raises(SettingError) as refused:
        Environment({"X": "mysql://user:hidden@host/db"}).database("X", Path("a"))
    assert "hidden" not in str(refused.value)


def test_the_parts_of_a_database_address_reach_django_decoded() -> None:
    found = postgresql("postgresql://ann:p%40ss%2Fword@db.example.com:5433/heed")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "ann",
        "p@ss/word",
        "db.example.com",
        "5433",
        "heed",
    )


def test_the_queue_lives_beside_the_tables() -> None:
    assert jobs_database("", Path("/h/jobs.sqlite")) == "sqlite:////h/jobs.sqlite"
    assert jobs_database("postgres://a:b@c/d", Path("x")) == "postgresql+psycopg://a:b@c/d"


def test_the_origin_of_an_address_is_without_path() -> None:
    assert origin("https://id.example.com:8443/realms/a") == "https://id.example.com:8443"


def test_the_reference_names_every_setting() -> None:
    used = set(re.findall(r'"(HEED_[A-Z_]+)"', SOURCE.read_text())) | {"PORT", "HEED_HOST", "HEED_NOW"}
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", REFERENCE.read_text(), re.MULTILINE))
    assert described == used
