"""The daily round: every step in order, kept with what it did; interrupted, it goes on; never two at once."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from heed.customers.actions import save_accounts
from heed.customers.rows import AccountRow
from heed.daily import round as daily_round
from heed.daily.lock import RoundBusyError, the_only_round
from heed.daily.models import Round, RoundState
from heed.daily.round import STEPS, RoundFailedError, refresh
from heed.daily.steps import Result, Step
from heed.ledger.models import AuditEntry
from heed.measures.models import MetricValue
from heed.site.environment import jobs_database
from heed.stream import AppTransaction, Stream

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = date(2026, 3, 2)
NAMES = [step.name for step in STEPS]


def activities(count: int, day: date, start: int = 0) -> pa.Table:
    at = [datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(seconds=n) for n in range(count)]
    return pa.table(
        {
            "source": ["test"] * count,
            "id": [f"a{start + n}" for n in range(count)],
            "account": ["acme"] * count,
            "contact": [f"c{n % 3}" for n in range(count)],
            "name": ["report_opened"] * count,
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "recorded_at": pa.array(at, pa.timestamp("us", "UTC")),
            "batch": ["import:1"] * count,
        }
    )


@pytest.fixture
def company(stream: Stream) -> Stream:
    save_accounts([AccountRow("acme", name="Acme", since=date(2025, 1, 1))], by="import:1", source="crm")
    append(stream, activities(30, TODAY - timedelta(days=3)), 1)
    return stream


def append(stream: Stream, rows: pa.Table, version: int) -> None:
    stream.append(
        rows, transaction=AppTransaction("test", version), recorded_at=datetime(2026, 3, 2, 12, tzinfo=UTC)
    )


def steps_of(done: Round) -> dict[str, dict[str, Any]]:
    return {step["name"]: step for step in done.steps}


def test_a_round_runs_every_step_in_order_and_keeps_what_each_did(company: Stream) -> None:
    told: list[tuple[str, int, int]] = []
    done = refresh(TODAY, by="command line", progress=lambda *step: told.append(step))
    assert [name for name, _, _ in told] == NAMES
    assert [number for _, number, _ in told] == list(range(1, len(STEPS) + 1))
    kept = Round.objects.get()
    assert kept == done
    assert (kept.state, kept.step, kept.error, kept.as_of) == (RoundState.DONE, "", "", TODAY)
    assert [step["name"] for step in kept.steps] == NAMES
    assert all(step["seconds"] >= 0 for step in kept.steps)
    assert steps_of(kept)["roll up touched days"]["result"]["days"] == 1
    assert steps_of(kept)["measure accounts"]["result"]["accounts"] == 1
    assert MetricValue.objects.filter(account__key="acme", as_of=TODAY, value__isnull=False).exists()


def test_a_round_leaves_its_trace_in_the_audit_trail(company: Stream) -> None:
    refresh(TODAY, by="person:3")
    entry = AuditEntry.objects.get(action="run the daily round")
    assert (entry.by, entry.subject) == ("person:3", "2026-03-02")


def test_the_same_day_again_touches_no_day_and_gives_the_same_figures(company: Stream) -> None:
    refresh(TODAY, by="command line")
    before = list(MetricValue.objects.order_by("pk").values())
    again = refresh(TODAY, by="command line")
    assert steps_of(again)["roll up touched days"]["result"]["days"] == 0
    assert list(MetricValue.objects.order_by("pk").values()) == before
    assert Round.objects.count() == 2


def failing(name: str) -> Iterator[Step]:
    def fails(as_of: date, by: str) -> Result:
        raise OSError("No space left on device")

    for step in STEPS:
        yield Step(step.name, fails, step.always) if step.name == name else step


def test_a_failed_step_leaves_its_error_and_the_round_goes_on_from_there(
    company: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily_round, "STEPS", tuple(failing("estimate risk")))
    with pytest.raises(RoundFailedError, match="estimate risk"):
        refresh(TODAY, by="command line")
    failed = Round.objects.get()
    assert (failed.state, failed.step) == (RoundState.FAILED, "estimate risk")
    assert "OSError: No space left on device" in failed.error
    assert failed.finished_at is not None
    assert [step["name"] for step in failed.steps] == NAMES[: NAMES.index("estimate risk")]

    monkeypatch.setattr(daily_round, "STEPS", STEPS)
    told: list[str] = []
    done = refresh(TODAY, by="command line", progress=lambda name, number, of: told.append(name))
    assert done.pk == failed.pk
    assert (done.state, done.error) == (RoundState.DONE, "")
    assert told == [
        "derive movements",
        "append activities",
        "roll up touched days",
        "estimate risk",
        "forecast revenue",
        "rank today",
    ]


def test_what_came_in_since_an_interruption_is_measured_too(
    company: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily_round, "STEPS", tuple(failing("rank today")))
    with pytest.raises(RoundFailedError):
        refresh(TODAY, by="command line")
    append(company, activities(5, TODAY - timedelta(days=1), start=100), 2)
    monkeypatch.setattr(daily_round, "STEPS", STEPS)
    told: list[str] = []
    refresh(TODAY, by="command line", progress=lambda name, number, of: told.append(name))
    assert told == NAMES


def test_two_rounds_at_once_are_refused_and_nothing_is_written(company: Stream) -> None:
    code = (
        "import django, sys; django.setup()\n"
        "from heed.daily.lock import the_only_round\n"
        "with the_only_round():\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RoundBusyError, match="running already"):
            refresh(TODAY, by="command line")
        assert not Round.objects.exists()
        holder.send_signal(signal.SIGKILL)
    wait_until_the_lock_is_free()
    assert refresh(TODAY, by="command line").state == RoundState.DONE


def wait_until_the_lock_is_free(patience: float = 30) -> None:
    """A PostgreSQL server takes a moment to see that a client was killed."""
    end = time.monotonic() + patience
    while True:
        try:
            with the_only_round():
                return
        except RoundBusyError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def environment() -> dict[str, str]:
    """That of a process which uses the database, home and stream of this test."""
    database = settings.DATABASES["default"]
    found = {
        **os.environ,
        "HEED_HOME": str(settings.HEED_HOME),
        "HEED_STREAM_URL": str(settings.HEED_STREAM_URL),
    }
    if str(database["ENGINE"]).endswith("postgresql"):
        host, name = database["HOST"], database["NAME"]
        found["HEED_DATABASE_URL"] = f"postgresql://{database['USER']}@/{name}?host={host}"
    return found


def test_a_killed_round_is_taken_up_and_one_of_another_day_is_left_behind(company: Stream) -> None:
    killed = Round.objects.create(
        as_of=TODAY,
        state=RoundState.RUNNING,
        step="measure accounts",
        steps=[{"name": name, "result": {}, "seconds": 0.1} for name in NAMES[:2]],
        by="daily round",
        started_at=datetime(2026, 3, 2, 4, tzinfo=UTC),
    )
    older = Round.objects.create(
        as_of=TODAY - timedelta(days=1),
        state=RoundState.RUNNING,
        by="daily round",
        started_at=datetime(2026, 3, 1, 4, tzinfo=UTC),
    )
    done = refresh(TODAY, by="command line")
    older.refresh_from_db()
    assert done.pk == killed.pk
    assert [step["name"] for step in done.steps] == NAMES
    assert older.state == RoundState.FAILED
    assert "interrupted" in older.error


def test_the_lock_can_be_held_again_after_it_was_let_go(db: None) -> None:
    for _ in range(2):
        with the_only_round():
            pass


@pytest.fixture
def own_queue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A round that waits in the queue of all tests would make their pages ask again."""
    monkeypatch.setattr(settings, "HEED_JOBS_URL", jobs_database("", tmp_path / "jobs.sqlite"))


def test_the_page_shows_each_step_with_its_seconds_and_what_failed(
    company: Stream, own_queue: None, lead_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily_round, "STEPS", tuple(failing("rank today")))
    with pytest.raises(RoundFailedError):
        refresh(TODAY, by="command line")
    page = lead_client.get("/settings/round/").content.decode()
    for name in NAMES:
        assert f'<th scope="row">{name}</th>' in page
    assert "OSError: No space left on device" in page
    assert '<div id="rounds" class="stack">' in page


@pytest.fixture
def half_done(own_queue: None) -> Round:
    return Round.objects.create(
        as_of=TODAY,
        state=RoundState.RUNNING,
        step="measure accounts",
        by="daily round",
        started_at=datetime(2026, 3, 2, 4, tzinfo=UTC),
    )


@contextmanager
def held_elsewhere() -> Iterator[None]:
    """The lock of the round, held by another thread, which on PostgreSQL has a connection of its own."""
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with the_only_round():
            held.set()
            leave.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    try:
        yield
    finally:
        leave.set()
        holder.join()


def test_the_page_asks_again_while_a_round_runs(half_done: Round, lead_client: Client) -> None:
    with held_elsewhere():
        part = lead_client.get("/settings/round/", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="rounds"')
    assert 'hx-get="/settings/round/" hx-trigger="every 1s"' in part
    assert "The round of 2 March 2026 runs" in part
    assert "interrupted" not in part


def test_a_killed_round_is_not_said_to_run(half_done: Round, lead_client: Client) -> None:
    part = lead_client.get("/settings/round/", headers={"HX-Request": "true"}).content.decode()
    assert "every 1s" not in part
    assert "The round of 2 March 2026 runs" not in part
    assert part.count('<span class="chip warn">interrupted</span>') == 2


def test_the_button_asks_for_nothing_while_a_round_runs(half_done: Round, lead_client: Client) -> None:
    from heed.ledger import durable

    with held_elsewhere():
        refused = lead_client.post("/settings/round/run/", follow=True)
    assert "A daily round is running already" in refused.content.decode()
    assert durable.list_jobs(names=["daily round"]) == []


def test_the_button_hands_the_round_to_the_worker_once(
    own_queue: None, lead_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heed.ledger import durable

    monkeypatch.setenv("HEED_NOW", f"{TODAY}T23:59:59+00:00")
    first = lead_client.post("/settings/round/run/", follow=True)
    second = lead_client.post("/settings/round/run/", follow=True)
    waiting = durable.list_jobs(states=["waiting"], names=["daily round"])
    assert "as soon as the worker is free" in first.content.decode()
    assert "waits already" in second.content.decode()
    assert len(waiting) == 1
    assert json.loads(json.dumps(waiting[0].arguments))[0] == TODAY.isoformat()


@pytest.mark.parametrize("role", ["viewer", "member"])
def test_those_who_may_not_run_rounds_are_refused(role: str, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(f"{role}_client")
    assert client.get("/settings/round/").status_code == 403
    assert client.post("/settings/round/run/").status_code == 403
    assert not Round.objects.exists()


def test_the_job_runs_the_round_of_its_scheduled_day() -> None:
    from heed.daily.jobs import of_the_day

    assert of_the_day(datetime(2026, 3, 2, 4, tzinfo=UTC)) == ("2026-03-02", "daily round")
