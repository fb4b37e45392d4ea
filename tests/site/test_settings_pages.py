"""Jobs and the audit trail under Settings, on a real queue."""

import os
import re
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client
from pytest_django.fixtures import Settings

from heed.ledger import durable, heartbeat
from heed.ledger.actions import Change, record, record_many
from heed.ledger.models import Worker
from heed.people.actions import change_role
from heed.people.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.HEED_JOBS_URL = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    yield
    durable.client().destroy()
    durable._client.cache_clear()


def test_an_empty_queue_says_what_would_be_there(queue: None, admin_client: Client) -> None:
    page = admin_client.get("/settings/jobs/").content.decode()
    assert "No jobs to show" in page
    assert "heed worker" in page


@pytest.mark.django_db(transaction=True)
def test_a_waiting_job_is_listed_and_cannot_be_retried(queue: None, admin_client: Client) -> None:
    durable.job("sample", retries=0)(threading.get_ident)
    job_id = durable.enqueue("sample", key="1")
    assert durable.enqueue("sample", key="1") == job_id
    page = admin_client.get("/settings/jobs/?state=waiting").content.decode()
    assert page.count('<th scope="row">sample</th>') == 1
    refused = admin_client.post("/settings/jobs/retry/", {"job": job_id}, follow=True)
    assert "Only a dead job can be retried" in refused.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_job_of_a_change_that_is_undone_is_not_enqueued(queue: None) -> None:
    def change_and_fail() -> None:
        with transaction.atomic():
            durable.enqueue("tidy the list of jobs", key="never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert durable.find_job("tidy the list of jobs:never") is None


def test_a_job_that_nobody_declared_is_refused(queue: None) -> None:
    with pytest.raises(durable.JobError, match="No job is named 'nonsense'"):
        durable.enqueue("nonsense", key="1")


def test_two_jobs_of_one_name_are_refused() -> None:
    durable.job("twin")(test_two_jobs_of_one_name_are_refused)
    with pytest.raises(durable.JobError, match="Two jobs are named 'twin'"):
        durable.job("twin")(threading.get_ident)
    del durable.JOBS["twin"]


def test_a_daily_schedule_is_said_as_an_hour() -> None:
    assert durable.daily_at("05:30") == "30 5 * * *"


@pytest.mark.django_db(transaction=True)
def test_the_drains_of_the_outbox_do_not_hide_what_people_asked_for(
    queue: None, admin_client: Client
) -> None:
    durable.enqueue("tidy the list of jobs", key="1")
    for number in range(120):
        durable.enqueue("drain the outbox", key=str(number))
    page = admin_client.get("/settings/jobs/").content.decode()
    assert page.count('<th scope="row">tidy the list of jobs</th>') == 1
    assert '<th scope="row">drain the outbox</th>' not in page


def test_jobs_say_whether_a_worker_runs(queue: None, admin_client: Client) -> None:
    assert "No worker runs" in admin_client.get("/settings/jobs/").content.decode()
    here, now = socket.gethostname(), heartbeat.real_now()
    Worker.objects.create(name="alive", host=here, pid=os.getpid(), seen_at=now)
    Worker.objects.create(name="gone", host=here, pid=2**22 + 1, seen_at=now)
    page = admin_client.get("/settings/jobs/").content.decode()
    assert "1 worker runs" in page
    assert "No worker runs" not in page


@pytest.mark.parametrize(
    ("host", "silence", "dead"),
    [
        ("elsewhere", 29, False),
        ("elsewhere", 31, True),
        ("here", 599, False),
        ("here", 601, True),
    ],
)
def test_a_worker_is_dead_when_it_has_been_silent(host: str, silence: int, dead: bool) -> None:
    where = socket.gethostname() if host == "here" else host
    seen = heartbeat.real_now() - timedelta(seconds=silence)
    assert heartbeat.is_dead(Worker(name="w", host=where, pid=os.getpid(), seen_at=seen)) is dead


def test_the_audit_trail_names_people_and_folds_what_changed(lead_client: Client, alice: User) -> None:
    change_role(alice, "viewer", by=alice.actor)
    record(Change("import", "import", "3", after={"counts": {"rows": 2}, "note": None}), by="command line")
    page = lead_client.get("/settings/audit/").content.decode()
    assert f'<a href="?by=person%3A{alice.pk}">Alice</a>' in page
    assert f'<a href="?kind=user&amp;subject={alice.pk}">user Alice</a>' in page
    assert "<dt>role</dt><dd><del>member</del> <ins>viewer</ins></dd>" in page
    assert "<dt>counts</dt><dd><ins>{&quot;rows&quot;: 2}</ins></dd>" in page
    assert "<dt>note</dt><dd><ins>empty</ins></dd>" in page
    assert page.count("<details><summary") == 2


@pytest.mark.parametrize("asked", ["before=nonsense", "before=²", "before=-1", f"before={2**70}", "by=%00"])
def test_the_audit_trail_refuses_what_it_cannot_look_up(asked: str, lead_client: Client) -> None:
    assert lead_client.get(f"/settings/audit/?{asked}").status_code == 400


def test_the_audit_trail_is_read_newest_first_and_narrowed(lead_client: Client) -> None:
    record_many([Change("save", "account", f"a{number}") for number in range(150)], by="import:1")
    record(Change("rename", "account", "a7", before={"name": "A"}, after={"name": "<b>B</b>"}), by="person:1")
    first = lead_client.get("/settings/audit/").content.decode()
    assert first.index("a149") < first.index("a148")
    assert "&lt;b&gt;B&lt;/b&gt;" in first
    assert "Older changes" in first
    narrowed = lead_client.get("/settings/audit/?kind=account&subject=a7").content.decode()
    assert narrowed.count('<th scope="row"') == 2
    second = lead_client.get(next_page(first)).content.decode()
    assert [name in second for name in ("subject=a121", "subject=a120")] == [False, True]
    assert "Newest changes" in second


def next_page(page: str) -> str:
    found = re.search(r'href="([?]before=[0-9]+)"', page)
    assert found is not None
    return f"/settings/audit/{found[1]}"
