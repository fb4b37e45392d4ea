"""Durable jobs: work that survives kill -9, runs once per key, retries, and is seen when it dies.

A package declares its jobs in its `jobs.py` with `@job`; web processes and commands `enqueue` them;
`heed worker` runs them (see `heed.ledger.worker`). A job may run again after a crash, so every job must be
safe to repeat. Arguments and results are JSON. The queue lives in `HEED_HOME/jobs.sqlite`, or beside the
tables in PostgreSQL.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import autodiscover_modules

from heed.ledger.actions import Change, record

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus

APPLICATION = "heed"
# The shape in which jobs are stored, and not the release: a job enqueued before an upgrade runs after it.
APP_VERSION = "1"
QUEUES = {"work": 2, "outbox": 1}
CRASHED = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
DEAD = ("ERROR", CRASHED)
STATES = {
    "DELAYED": "waiting",
    "ENQUEUED": "waiting",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "dead",
    CRASHED: "dead",
    "CANCELLED": "cancelled",
}

Arguments = tuple[Any, ...]


class JobError(Exception):
    """A job cannot be enqueued or retried; says which and why."""


@dataclass(frozen=True)
class Job:
    """A declared job. `first_wait` seconds pass before the first retry, and twice as many before the next."""

    name: str
    run: Callable[..., Any]
    retries: int
    first_wait: float
    queue: str
    cron: str
    arguments: Callable[[datetime], Arguments]


@dataclass(frozen=True)
class JobRun:
    """One run of a job as the page shows it; instants in UTC, None where it has not come to that."""

    id: str
    name: str
    state: str
    arguments: Sequence[Any]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int
    result: Any
    error: str

    @property
    def seconds(self) -> float | None:
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


JOBS: dict[str, Job] = {}


def job(
    name: str,
    *,
    retries: int = 3,
    first_wait: float = 5.0,
    queue: str = "work",
    cron: str = "",
    arguments: Callable[[datetime], Arguments] = lambda at: (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function as the durable job `name`.

    With `cron` (five fields in UTC, or six with seconds in front) the worker runs it on that schedule, with
    `arguments(at)` of the scheduled instant, so that a retry hours later still means the same day.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        if name in JOBS and JOBS[name].run.__qualname__ != function.__qualname__:
            raise JobError(f"Two jobs are named '{name}'. Rename one of them.")
        JOBS[name] = Job(name, function, retries, first_wait, queue, cron, arguments)
        return function

    return declare


def daily_at(at: str) -> str:
    """The cron line of a daily schedule at an hour like "05:30" in UTC."""
    moment = time.fromisoformat(at)
    return f"{moment.minute} {moment.hour} * * *"


def jobs() -> dict[str, Job]:
    """Every job that the installed packages declare, by name."""
    autodiscover_modules("jobs")
    return JOBS


def enqueue(name: str, *args: Any, key: str) -> str:
    """Have a worker run the job once for this key; the same key again changes nothing. Returns the job's id.

    Inside a transaction the job is enqueued when that commits, and not at all when it rolls back.
    """
    wanted = JOBS.get(name) or jobs().get(name)
    if wanted is None:
        raise JobError(f"No job is named '{name}'. Declare it with @job in a package's jobs.py.")
    job_id = f"{name}:{key}"
    options = {
        "queue_name": wanted.queue,
        "workflow_name": name,
        "workflow_id": job_id,
        "app_version": APP_VERSION,
    }
    transaction.on_commit(lambda: _enqueue(options, args))
    return job_id


def _enqueue(options: dict[str, Any], args: Arguments) -> None:
    client().enqueue(options, *args)  # type: ignore[arg-type]


def find_job(job_id: str) -> JobRun | None:
    """The run with this id, or None."""
    found = client().list_workflows(workflow_ids=[job_id])
    return _job_run(found[0]) if found else None


def list_jobs(*, states: Iterable[str] = (), names: Iterable[str] = (), limit: int = 100) -> list[JobRun]:
    """The newest runs first; `states` of waiting, running, done, dead, cancelled; all where none is named.

    A name stands for the runs that somebody asked for and for those of its schedule.
    """
    found = client().list_workflows(
        status=[stored for stored, shown in STATES.items() if shown in set(states)] or None,
        name=[run for name in names for run in (name, on_schedule(name))] or None,
        limit=limit,
        sort_desc=True,
        application_name=APPLICATION,
    )
    return [_job_run(status) for status in found]


def on_schedule(name: str) -> str:
    """How the runs of a job's schedule are named in the queue."""
    return f"{name} on schedule"


def count_dead() -> int:
    """How many jobs have given up and wait for a person."""
    return len(client().list_workflows(status=list(DEAD), load_input=False, load_output=False))


def retry(job_id: str, *, by: str) -> None:
    """Run a dead job again from its start; refuses any other."""
    run = find_job(job_id)
    if run is None or run.state != "dead":
        raise JobError(
            f"Job '{job_id}' is {run.state if run else 'not known'}. Only a dead job can be retried."
        )
    with transaction.atomic():
        record(Change("retry job", "job", job_id, before={"error": run.error}), by=by)
        client().rewind_workflow(job_id, application_version=APP_VERSION, queue_name=_queue_of(run.name))


def tidy(before: datetime, *, names: Iterable[str] = ()) -> int:
    """Delete runs that were done before an instant; dead ones stay until someone looks."""
    done = client().list_workflows(
        status="SUCCESS",
        name=[run for name in names for run in (name, on_schedule(name))] or None,
        completed_before=before.isoformat(),
        limit=5_000,
        load_input=False,
        load_output=False,
    )
    client().delete_workflows([status.workflow_id for status in done])
    return len(done)


def _queue_of(name: str) -> str:
    declared = jobs().get(name)
    return declared.queue if declared else "work"


def client() -> "DBOSClient":
    """The door to the queue for processes that do not run jobs; one per process."""
    return _client(database_url())


@lru_cache(maxsize=2)
def _client(url: str) -> "DBOSClient":
    # Half a second of imports that most pages do not need.
    from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer

    DBOS.migrate(url)
    return DBOSClient(
        system_database_url=url, serializer=DBOSPortableJSONSerializer(), application_name=APPLICATION
    )


def database_url() -> str:
    """Where the queue lives, as SQLAlchemy names it."""
    return str(settings.HEED_JOBS_URL)


def _job_run(status: "WorkflowStatus") -> JobRun:
    given = status.input or {"args": ()}
    return JobRun(
        id=status.workflow_id,
        name=status.schedule_name or status.name,
        state=STATES.get(status.status, "waiting"),
        arguments=list(given["args"]),
        created_at=_instant(status.created_at) or datetime.fromtimestamp(0, UTC),
        started_at=_instant(status.dequeued_at),
        ended_at=_instant(status.completed_at),
        attempts=_starts(status),
        result=status.output,
        error=_error(status),
    )


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _starts(status: "WorkflowStatus") -> int:
    # The start that was refused, because too many had gone before, counts there too.
    return (status.recovery_attempts or 0) - (status.status == CRASHED)


def _error(status: "WorkflowStatus") -> str:
    if status.status == CRASHED:
        return (
            f"Its worker was killed each of the {_starts(status)} times that it ran. "
            "Look at what the worker logged last; it may lack memory or disk."
        )
    error = status.error
    return "" if error is None else str(getattr(error, "message", "") or error)
