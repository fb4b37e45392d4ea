"""The process that runs durable jobs: `heed worker`. Any number may run at once, on one machine or many.

Each worker has a name of its own and a heartbeat. Jobs of a worker that died go back to the queue: on the
same machine as soon as its process is gone, on another one after half a minute without a heartbeat.
"""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, error
from django.db import DatabaseError, close_old_connections, connections

from heed.ledger.durable import APP_VERSION, APPLICATION, QUEUES, Job, database_url, jobs, on_schedule
from heed.ledger.heartbeat import is_dead, real_now
from heed.ledger.models import Worker

BEAT = 2.0
CRASHES_ALLOWED = 10

log = logging.getLogger("heed.worker")


class JobFailedError(Exception):
    """A job used up its retries; the message is its last error."""


def work(stop: threading.Event, *, drain_seconds: int = 20) -> None:
    """Run jobs until `stop` is set; then let running ones finish for `drain_seconds`."""
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    Worker.objects.create(name=name, host=socket.gethostname(), pid=os.getpid(), seen_at=real_now())
    launch(name)
    try:
        while not stop.wait(BEAT):
            _beat(name)
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=drain_seconds)
        Worker.objects.filter(name=name).delete()


def launch(name: str) -> None:
    """Declare every job to DBOS and start it; nothing listens on a port, nothing calls out."""
    DBOS(
        config=DBOSConfig(
            name=APPLICATION,
            system_database_url=database_url(),
            application_version=APP_VERSION,
            executor_id=name,
            serializer=DBOSPortableJSONSerializer(),
            enable_otlp=False,
            log_level="WARNING",
            notification_listener_polling_interval_sec=1.0,
            scheduler_polling_interval_sec=5.0,
        )
    )
    declared = [_declare(each) for each in jobs().values()]
    DBOS.launch()
    for queue, concurrency in QUEUES.items():
        DBOS.register_queue(queue, worker_concurrency=concurrency, polling_interval_sec=0.5)
    DBOS.apply_schedules([schedule for schedule in declared if schedule is not None])


def _declare(each: Job) -> Any:
    """Register the workflow of a job; returns its schedule where it has one."""
    step = DBOS.step(
        name=each.name,
        retries_allowed=each.retries > 0,
        max_attempts=each.retries + 1,
        interval_seconds=each.first_wait,
        backoff_rate=2.0,
    )(_with_own_connection(each.run))

    def run(*args: Any) -> Any:
        return _run(step, *args)

    def run_scheduled(at: datetime | str, context: object) -> Any:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        return _run(step, *each.arguments(moment))

    DBOS.workflow(name=each.name, max_recovery_attempts=CRASHES_ALLOWED)(run)
    if not each.cron:
        return None
    name = on_schedule(each.name)
    scheduled = DBOS.workflow(name=name, max_recovery_attempts=CRASHES_ALLOWED)(run_scheduled)
    return {
        "schedule_name": each.name,
        "workflow_fn": scheduled,
        "schedule": each.cron,
        "context": None,
        "queue_name": each.queue,
    }


def _run(step: Callable[..., Any], *args: Any) -> Any:
    try:
        return step(*args)
    except error.DBOSMaxStepRetriesExceeded as exceeded:
        last = exceeded.errors[-1]
        raise JobFailedError(f"{type(last).__name__}: {last}") from last


def _with_own_connection(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any) -> Any:
        close_old_connections()
        try:
            return function(*args)
        finally:
            connections.close_all()

    return run


def _beat(name: str) -> None:
    """Say that this worker lives, and put the jobs of dead ones back; a busy database only delays it."""
    try:
        Worker.objects.filter(name=name).update(seen_at=real_now())
        recover_dead(alive=name)
    except DatabaseError as missed:
        log.warning("A heartbeat was missed: %s", missed)
    finally:
        close_old_connections()


def recover_dead(*, alive: str) -> list[str]:
    """Put the running jobs of dead workers back on their queues; returns the names of those workers."""
    running = {status.executor_id for status in DBOS.list_workflows(status="PENDING", load_input=False)}
    known = {worker.name: worker for worker in Worker.objects.all()}
    suspects = {name for name in running if name and name != alive}
    dead = [name for name in suspects if name not in known or is_dead(known[name])]
    if dead:
        log.warning("Taking over from %s", ", ".join(dead))
        # The only door to the recovery of a named executor: `resume_workflow` is public, but it takes a job
        # from whoever holds it by now, and forgets how often its workers died. Here a job moves only while
        # the dead worker still holds it, and each time is counted.
        DBOS._recover_pending_workflows(dead)
    gone = [name for name, worker in known.items() if name not in running and is_dead(worker)]
    Worker.objects.filter(name__in=gone).delete()
    return dead
