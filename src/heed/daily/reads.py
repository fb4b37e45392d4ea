"""What the pages show of the daily rounds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from heed.daily.jobs import ROUND
from heed.daily.lock import is_running
from heed.daily.models import Round, RoundState
from heed.daily.round import STEPS
from heed.ledger import durable

INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Line:
    """One step as the page shows it; `seconds` None where it was not run."""

    name: str
    state: str
    seconds: float | None
    told: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A round with every step in order, also those that were not reached.

    `state` is that of the round, or `INTERRUPTED` where it was killed before it could say how it ended.
    """

    round: Round
    state: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Now:
    """What goes on: the round that runs, or a job that waits for a worker."""

    round: Round | None
    waits: bool

    @property
    def busy(self) -> bool:
        return self.round is not None or self.waits

    @property
    def done(self) -> int:
        done = {each["name"] for each in self.round.steps} if self.round else set()
        return sum(step.name in done for step in STEPS)

    @property
    def of(self) -> int:
        return len(STEPS)


def latest_rounds() -> QuerySet[Round]:
    return Round.objects.order_by("-pk")


def last_done() -> Round | None:
    return Round.objects.filter(state=RoundState.DONE).order_by("-finished_at").first()


def last_done_at() -> datetime | None:
    """When the figures were last brought up to date."""
    done = last_done()
    return done.finished_at if done else None


def going_on() -> Now:
    running = Round.objects.filter(state=RoundState.RUNNING).order_by("-pk").first()
    if running is not None and is_running():
        return Now(running, waits=False)
    # A worker that has taken a job up needs a moment before its round is on record.
    waiting = durable.list_jobs(states=["waiting", "running"], names=[ROUND], limit=1)
    return Now(None, waits=bool(waiting))


def shown(each: Round, now: Now) -> Shown:
    killed = each.state == RoundState.RUNNING and each != now.round
    state = INTERRUPTED if killed else str(each.state)
    done = {step["name"]: step for step in each.steps}
    return Shown(each, state, [line_of(step.name, done.get(step.name), each, state) for step in STEPS])


def line_of(name: str, done: dict[str, Any] | None, of: Round, state: str) -> Line:
    if name == of.step and state != RoundState.DONE:
        return Line(name, state, None, of.error)
    if done is None:
        return Line(name, "", None, "")
    told = ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in done["result"].items())
    return Line(name, RoundState.DONE, float(done["seconds"]), told)
