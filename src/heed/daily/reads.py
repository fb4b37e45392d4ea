"""What the pages show of the daily rounds."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from heed.daily.jobs import ROUND
from heed.daily.models import Round, RoundState
from heed.daily.round import STEPS
from heed.ledger import durable


@dataclass(frozen=True, slots=True)
class Line:
    """One step as the page shows it; `seconds` None where it was not run."""

    name: str
    state: str
    seconds: float | None
    told: str


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
        return (
            sum(step.name in {each["name"] for each in self.round.steps} for step in STEPS)
            if self.round
            else 0
        )

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
    # A worker that has taken a job up needs a moment before its round is on record.
    waiting = durable.list_jobs(states=["waiting", "running"], name=ROUND, limit=1)
    return Now(running, bool(waiting) and running is None)


def lines_of(shown: Round) -> list[Line]:
    """Every step of the round in order, also those that were not reached."""
    done = {step["name"]: step for step in shown.steps}
    return [line_of(step.name, done.get(step.name), shown) for step in STEPS]


def line_of(name: str, done: dict[str, object] | None, shown: Round) -> Line:
    if name == shown.step and shown.state != RoundState.DONE:
        return Line(name, shown.state, None, shown.error)
    if done is None:
        return Line(name, "", None, "")
    told = done["result"]
    words = ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in told.items())  # type: ignore[attr-defined]
    return Line(name, RoundState.DONE, float(str(done["seconds"])), words)
