"""Jobs against real worker processes: once per key, through kill -9, and seen when they die."""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytest_django.fixtures import Settings

from heed.ledger import durable
from heed.ledger.models import AuditEntry
from heed.site.environment import jobs_database

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PATIENCE = 60.0


class Installation:
    """A home with a database and a queue of its own, and the workers that run in it."""

    def __init__(self, home: Path, database: str) -> None:
        self.home = home
        self.environment = os.environ | {
            "HEED_HOME": str(home),
            "HEED_DATABASE_URL": database,
            "DJANGO_SETTINGS_MODULE": "heed.site.settings",
        }
        self.workers: list[subprocess.Popen[bytes]] = []

    def migrate(self) -> None:
        subprocess.run([Path(sys.executable).with_name("heed"), "migrate"], env=self.environment, check=True)

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.ledger.worker_under_test"]
        worker = subprocess.Popen(command, env=self.environment)
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()

    def traces(self, name: str) -> list[str]:
        file = self.home / name
        return file.read_text().splitlines() if file.exists() else []


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "It did not happen in a minute."
        time.sleep(0.2)


def state_of(job_id: str) -> str:
    run = durable.find_job(job_id)
    return run.state if run else "unknown"


def own_database(template: str = "template1") -> str:
    """On PostgreSQL, the name of a fresh database on the server of the tests; "" for SQLite in the home."""
    url = os.environ.get("HEED_DATABASE_URL", "")
    if not url:
        return ""
    import psycopg

    name = f"jobs_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name


def url_of(database: str) -> str:
    return os.environ["HEED_DATABASE_URL"].replace("/postgres?", f"/{database}?") if database else ""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home that was set up, and the name of its database: copied, it is one more installation."""
    home, database = tmp_path_factory.mktemp("migrated"), own_database()
    Installation(home, url_of(database)).migrate()
    return home, database


@pytest.fixture
def installation(
    migrated: tuple[Path, str], tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    home, template = migrated
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    database = url_of(own_database(template)) if template else ""
    settings.HEED_JOBS_URL = jobs_database(database, tmp_path / "jobs.sqlite")
    # The declarations are those of the worker under test, and this process only enqueues.
    durable.jobs()  # those of the packages are declared by now, and not among these
    monkeypatch.setattr(durable, "JOBS", {})
    for name in ("count", "slow", "needs marker", "crash"):
        durable.job(name, retries=0)(state_of)
    made = Installation(tmp_path, database)
    yield made
    made.stop()
    durable.client().destroy()
    durable._client.cache_clear()


def test_each_key_runs_once_while_two_workers_run(installation: Installation) -> None:
    for number in [*range(20), *range(10)]:
        durable.enqueue("count", number, key=str(number))
    workers = [installation.start_worker(), installation.start_worker()]
    eventually(lambda: len(installation.traces("count")) >= 20 and len(installation.traces("ticks")) >= 2)
    eventually(lambda: all(state_of(f"count:{number}") == "done" for number in range(20)))
    durable.enqueue("count", 7, key="7")
    # No port is opened, no other host is called.
    for worker in workers:
        assert [each for each in psutil.Process(worker.pid).net_connections("inet") if each.laddr] == []
        worker.terminate()
        assert worker.wait(PATIENCE) == 0
    assert sorted(installation.traces("count"), key=int) == [str(number) for number in range(20)]
    ticks = installation.traces("ticks")
    assert len(set(ticks)) == len(ticks)
    run = durable.find_job("count:7")
    assert run is not None
    assert (run.result, run.arguments, run.error) == (14, [7], "")
    assert run.seconds is not None


def test_a_job_whose_worker_was_killed_is_finished_by_another(installation: Installation) -> None:
    first = installation.start_worker()
    job_id = durable.enqueue("slow", 4, key="a")
    eventually(lambda: installation.traces("slow") == ["began"])
    second = installation.start_worker()
    time.sleep(3)
    # Alive workers keep their jobs, however many others start.
    assert installation.traces("slow")[:2] != ["began", "began"]
    first.send_signal(signal.SIGKILL)
    first.wait()
    eventually(lambda: state_of(job_id) == "done")
    assert second.poll() is None
    assert installation.traces("slow").count("ended") == 1


def test_a_job_that_kills_each_worker_is_given_up_and_says_so(installation: Installation) -> None:
    job_id = durable.enqueue("crash", key="a")
    while state_of(job_id) != "dead":
        assert len(installation.workers) < 6, "It would kill workers for ever."
        died = installation.start_worker()
        eventually(lambda died=died: died.poll() is not None or state_of(job_id) == "dead")  # type: ignore[misc]
    dead = durable.find_job(job_id)
    assert dead is not None
    assert len(installation.traces("crashes")) == 2, "once, and once more"
    assert dead.error.startswith("Its worker was killed each of the 2 times that it ran.")


def test_a_dead_job_shows_its_error_and_runs_again_on_demand(installation: Installation) -> None:
    installation.start_worker()
    job_id = durable.enqueue("needs marker", key="a")
    eventually(lambda: state_of(job_id) == "dead")
    [dead] = durable.list_jobs(states=["dead"])
    assert (dead.id, dead.error) == (job_id, "ValueError: there is no marker; put it there")
    assert installation.traces("tries") == ["tried", "tried"]
    assert durable.count_dead() == 1
    (installation.home / "marker").touch()
    durable.retry(job_id, by="person:1")
    eventually(lambda: state_of(job_id) == "done")
    assert durable.count_dead() == 0
    assert [(entry.action, entry.subject, entry.by) for entry in AuditEntry.objects.all()] == [
        ("retry job", job_id, "person:1")
    ]
    with pytest.raises(durable.JobError, match="Only a dead job"):
        durable.retry(job_id, by="person:1")
