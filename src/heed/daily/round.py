"""The daily round: from what came in to what each person should do today."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from time import monotonic
from typing import Any

from django.db import transaction

from heed.daily.lock import the_only_round
from heed.daily.models import Round, RoundState
from heed.daily.steps import (
    Result,
    Step,
    append_activities,
    forecast,
    judge_scores,
    learn,
    measure,
    movements_due,
    plays,
    rank,
    risk,
    roll_up_touched_days,
    triggers,
)
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.measures.known import read_once

STEPS = (
    Step("derive movements", movements_due, always=True),
    Step("append activities", append_activities, always=True),
    Step("roll up touched days", roll_up_touched_days, always=True),
    Step("measure accounts", measure),
    Step("look at triggers", triggers),
    Step("learn what predicts", learn),
    Step("judge scores by hand", judge_scores),
    Step("measure plays", plays),
    Step("estimate risk", risk),
    Step("forecast revenue", forecast),
    Step("rank today", rank),
)
Progress = Callable[[str, int, int], None]


class RoundFailedError(Exception):
    """A step failed; the message names it. The round can be run again and goes on from there."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A round to run, and the steps that it had done before it was interrupted."""

    round: Round
    done: dict[str, dict[str, Any]]


def refresh(
    as_of: date | None = None, *, by: str, progress: Progress = lambda step, number, of: None
) -> Round:
    """Run the round for a date (today unless given) and return it, done.

    An interrupted or failed round of the same date is taken up where it stopped. RoundBusyError when one
    runs already, RoundFailedError when a step fails; its error then stands on the round.
    """
    with the_only_round(), read_once():
        taken = take_up(as_of or clock.today(), by)
        run_steps(taken, progress)
        return finish(taken.round)


def take_up(as_of: date, by: str) -> Taken:
    """The latest round of that date if it did not end well, else a new one."""
    with transaction.atomic():
        leave_behind(as_of)
        latest = Round.objects.filter(as_of=as_of).order_by("-pk").first()
        if latest is None or latest.state == RoundState.DONE:
            started = clock.now()
            return Taken(
                Round.objects.create(as_of=as_of, state=RoundState.RUNNING, by=by, started_at=started), {}
            )
        latest.state, latest.error, latest.finished_at, latest.by = RoundState.RUNNING, "", None, by
        latest.save(update_fields=["state", "error", "finished_at", "by"])
        return Taken(latest, {step["name"]: step for step in latest.steps})


def leave_behind(as_of: date) -> None:
    """Rounds of other dates that still say they run were killed, for we hold the lock."""
    killed = Round.objects.filter(state=RoundState.RUNNING).exclude(as_of=as_of)
    killed.update(
        state=RoundState.FAILED,
        error=f"It was interrupted. The round of {as_of} was run instead.",
        finished_at=clock.now(),
    )


def run_steps(taken: Taken, progress: Progress) -> None:
    """Run the steps in order; those done before an interruption only where something new came since."""
    anew = False
    for number, step in enumerate(STEPS, start=1):
        before = taken.done.get(step.name)
        if before and not (step.always or anew):
            continue
        progress(step.name, number, len(STEPS))
        result = run(step, taken)
        anew = anew or before is None or any(result.values())


def run(step: Step, taken: Taken) -> Result:
    """Run one step and keep its result and seconds; on an error keep that, and raise RoundFailedError."""
    current, started = taken.round, monotonic()
    current.step = step.name
    current.save(update_fields=["step"])
    try:
        result = step.run(current.as_of, current.by)
    except Exception as error:
        fail(current, step, error)
        raise RoundFailedError(f"The step '{step.name}' failed: {error}") from error
    taken.done[step.name] = {"name": step.name, "result": result, "seconds": round(monotonic() - started, 3)}
    current.steps = [taken.done[each.name] for each in STEPS if each.name in taken.done]
    current.save(update_fields=["steps"])
    return result


def fail(current: Round, step: Step, error: Exception) -> None:
    current.state, current.finished_at = RoundState.FAILED, clock.now()
    current.error = f"{type(error).__name__}: {error}"
    current.save(update_fields=["state", "error", "finished_at"])


@transaction.atomic
def finish(current: Round) -> Round:
    current.state, current.step, current.finished_at = RoundState.DONE, "", clock.now()
    current.save(update_fields=["state", "step", "finished_at"])
    # What the steps did stands on the round; an interrupted one did the same in more goes.
    record(Change("run the daily round", "round", current.as_of.isoformat()), by=current.by)
    return current
