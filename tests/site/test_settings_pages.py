"""Jobs and the audit trail under Settings, on a real queue."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client
from pytest_django.fixtures import Settings

from heed.ledger import durable
from heed.ledger.actions import Change, record, record_many

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


def test_the_audit_trail_is_read_newest_first_and_narrowed(lead_client: Client) -> None:
    record_many([Change("save", "account", f"a{number}") for number in range(150)], by="import:1")
    record(Change("rename", "account", "a7", before={"name": "A"}, after={"name": "<b>B</b>"}), by="person:1")
    first = lead_client.get("/settings/audit/").content.decode()
    assert first.index("a149") < first.index("a148")
    assert "&lt;b&gt;B&lt;/b&gt;" in first
    assert "Older changes" in first
    narrowed = lead_client.get("/settings/audit/?kind=account&subject=a7").content.decode()
    assert narrowed.count('<th scope="row"') == 2
    assert lead_client.get("/settings/audit/?before=nonsense").status_code == 200
