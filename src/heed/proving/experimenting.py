"""The verbs of experiments: design, start, follow, decide. What was drawn and seen is never changed."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.people.models import User
from heed.proving.models import (
    Experiment,
    ExperimentArm,
    ExperimentDecision,
    ExperimentLook,
    PlayEffect,
    Watching,
)

if TYPE_CHECKING:
    from heed.stream import Activity

SOURCE = "heed"
ARMS = ("treated", "holdout")
LEAST_REASON = 10


class ExperimentRefused(ValueError):  # noqa: N818 - not an error of the program
    """Something cannot be done with an experiment as it is; `field` is what has to be put right."""

    def __init__(self, problem: str, field: str = "") -> None:
        super().__init__(problem)
        self.field = field


@dataclass(frozen=True, slots=True)
class Followed:
    """What following the running experiments came to."""

    joined: int = 0
    outcomes: int = 0
    looks: int = 0


DESIGN = (
    "name", "purpose", "metric", "days", "held_share", "smallest_effect", "watching", "looks", "segment_id",
    "weeks",
)  # fmt: skip
"""What is typed of a design."""


@transaction.atomic
def design_experiment(designed: Experiment, *, user: User, by: str) -> Experiment:
    """Save a design. Refused where the play is on record already: its arms were drawn by something else.

    The same again, as a button pressed twice sends it, is the design that there is.
    """
    if same := _same_design(designed, user):
        return same
    taken = _("There is an experiment of this name; give this one its own.")
    if Experiment.objects.filter(name__iexact=designed.name).exists():
        raise ExperimentRefused(taken, "name")
    if PlayEffect.objects.filter(play__iexact=designed.name).exists():
        problem = _("A play of this name is on record with arms drawn elsewhere; give this one its own name.")
        raise ExperimentRefused(problem, "name")
    designed.designed_by, designed.designed_at = user, clock.now()
    designed.salt = uuid.uuid4().hex
    designed.audience = designed.segment.name if designed.segment else ""
    try:
        with transaction.atomic():
            designed.save(force_insert=True)
    except IntegrityError:
        # Another request put one of this name there since we looked.
        if same := _same_design(designed, user):
            return same
        raise ExperimentRefused(taken, "name") from None
    record(Change("design experiment", "experiment", str(designed.pk), None, _state(designed)), by=by)
    return designed


def _same_design(designed: Experiment, user: User) -> Experiment | None:
    """The design that this person saved of just this, and has not started."""
    typed = {name: getattr(designed, name) for name in DESIGN}
    return Experiment.objects.filter(**typed, started_on=None, designed_by=user).first()


@transaction.atomic
def start_experiment(experiment: Experiment, *, user: User, by: str) -> int:
    """Draw the arms of the accounts that are there now; how many. Started again, it draws nobody."""
    from heed.proving.planning import audience_of

    locked = (
        Experiment.objects.select_for_update(of=("self",)).select_related("segment").get(pk=experiment.pk)
    )
    if locked.started_on is not None:
        return 0
    if locked.audience and locked.segment is None:
        raise ExperimentRefused(_("Its segment was deleted. Design it again with another audience."))
    today = clock.today()
    audience = audience_of(locked.segment, user, today)
    if not audience:
        raise ExperimentRefused(_("Nobody in its audience pays now, so there is nobody to draw."))
    locked.started_on, locked.started_by = today, user
    drawn = _draw(locked, audience, today)
    expected = sum(arm.due_on is not None for arm in drawn)
    locked.planned_held = max(1, round(expected * locked.held_share))
    locked.planned_treated = max(1, expected - locked.planned_held)
    locked.save(update_fields=["started_on", "started_by", "planned_treated", "planned_held"])
    told = {"started_on": today.isoformat(), **_counts(drawn)}
    record(
        Change("start experiment", "experiment", str(locked.pk), {"started_on": None}, told,
               activities=[_assigned(locked, arm, today) for arm in drawn]),
        by=by,
    )  # fmt: skip
    experiment.refresh_from_db()
    return len(drawn)


@transaction.atomic
def decide_experiment(experiment: Experiment, kind: str, reason: str, *, user: User, by: str) -> None:
    """Say what is done and why, with the numbers as they are now. The first decision ends the experiment."""
    from heed.proving.experiments import standing_of

    if len(reason.strip()) < LEAST_REASON:
        problem = _("Say why, in a sentence: who reads it in a year was not there.")
        raise ExperimentRefused(problem, "reason")
    locked = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if locked.started_on is None:
        raise ExperimentRefused(_("It was not started, so there is nothing to decide yet."))
    numbers = standing_of(locked).frozen()
    made = ExperimentDecision.objects.create(
        experiment=locked, kind=kind, reason=reason.strip(), numbers=numbers, by=user, at=clock.now()
    )
    told = {"kind": kind, "numbers": numbers, "decision": made.pk}
    record(
        Change("decide experiment", "experiment", str(locked.pk), None, told, reason=reason.strip()), by=by
    )


def follow_experiments(as_of: date, *, by: str) -> Followed:
    """For each running experiment: draw who joined, read outcomes that fell due, look where a look is due."""
    running = Experiment.objects.filter(started_on__lte=as_of, decisions=None)
    done = [_follow(each, as_of, by) for each in running.select_related("segment", "started_by")]
    return Followed(*(sum(column) for column in zip(*done, strict=True))) if done else Followed()


@transaction.atomic
def _follow(experiment: Experiment, as_of: date, by: str) -> tuple[int, int, int]:
    joined = _join(experiment, as_of)
    outcomes = _read_outcomes(experiment, as_of)
    looks = _look(experiment, as_of)
    if joined or outcomes or looks:
        told = {"joined": len(joined), "outcomes": outcomes, "looks": looks}
        activities = [_assigned(experiment, arm, as_of) for arm in joined]
        subject = str(experiment.pk)
        record(Change("follow experiment", "experiment", subject, None, told, activities=activities), by=by)
    return len(joined), outcomes, looks


def joining_until(experiment: Experiment) -> date:
    """The last day on which accounts join."""
    first = experiment.started_on or clock.today()
    return first + timedelta(weeks=experiment.weeks - 1)


def _join(experiment: Experiment, as_of: date) -> list[ExperimentArm]:
    """Accounts that came to match the audience since it was started, while accounts still join."""
    from heed.proving.planning import audience_of

    if as_of > joining_until(experiment) or experiment.started_by is None:
        return []
    if experiment.audience and experiment.segment is None:
        return []
    try:
        audience = audience_of(experiment.segment, experiment.started_by, as_of)
    except PermissionDenied:
        # Who started it has left, and with them what "my accounts" in the segment meant.
        return []
    known = set(experiment.arms.values_list("account", flat=True))
    return _draw(experiment, {pk: key for pk, key in audience.items() if pk not in known}, as_of)


def _draw(experiment: Experiment, audience: Mapping[int, str], on: date) -> list[ExperimentArm]:
    from heed.evidence.effects import assign
    from heed.measures.models import MetricValue
    from heed.proving.fates import due_dates

    if not audience:
        return []
    arms = assign(audience.values(), experiment.salt, shares_of(experiment))
    before: dict[int, float | None] = {}
    if experiment.metric:
        stored = MetricValue.objects.filter(metric__key=experiment.metric, metric__is_current=True)
        before = dict(stored.values_list("account", "value"))
        last = on + timedelta(days=experiment.days)
        due: Mapping[str, date | None] = dict.fromkeys(audience.values(), last)
    else:
        due = due_dates(audience.values(), on, experiment.days)
    return ExperimentArm.objects.bulk_create(
        [
            ExperimentArm(
                experiment=experiment, account_id=pk, arm=arms[key], on=on, due_on=due[key],
                before=before.get(pk),
            )
            for pk, key in audience.items()
        ],
        batch_size=1_000,
    )  # fmt: skip


def shares_of(experiment: Experiment) -> dict[str, float]:
    return {"treated": 1 - experiment.held_share, "holdout": experiment.held_share}


def _read_outcomes(experiment: Experiment, as_of: date) -> int:
    """Read what became of the accounts whose outcome is due; each is read once and then stands."""
    from heed.proving.fates import SETTLED, spells, still_pays

    waits = 0 if experiment.metric else SETTLED
    due = list(
        experiment.arms.filter(known_on=None, due_on__lte=as_of - timedelta(days=waits)).select_related(
            "account"
        )
    )
    if not due:
        return 0
    if experiment.metric:
        _read_metric(experiment.metric, due)
    else:
        paid = spells(as_of)
        for arm in due:
            arm.value = still_pays(paid, arm.account.key, arm.on, arm.due_on or arm.on)
            arm.reason = "" if arm.value is not None else "no contract is known any more"
    for arm in due:
        arm.known_on = as_of
    ExperimentArm.objects.bulk_update(due, ["value", "reason", "known_on"], batch_size=500)
    return len(due)


def _read_metric(key: str, due: list[ExperimentArm]) -> None:
    from heed.measures.definitions import current_metrics
    from heed.measures.frames import account_frame
    from heed.measures.measuring import measure_at

    metric = [each for each in current_metrics().values() if each.key == key]
    for day in sorted({arm.due_on for arm in due if arm.due_on is not None}):
        mine = [arm for arm in due if arm.due_on == day]
        accounts = account_frame([arm.account.key for arm in mine])
        values: dict[str, tuple[float | None, str]] = {}
        if metric and len(accounts):
            answer = measure_at(metric, accounts, day)
            columns = (answer.column(name).to_pylist() for name in ("account", key, f"{key}__reason"))
            values = {account: (value, why or "") for account, value, why in zip(*columns, strict=True)}
        for arm in mine:
            arm.value, arm.reason = values.get(arm.account.key, (None, "the metric is not measured any more"))
            arm.reason = "" if arm.value is not None else arm.reason[:200]


def _look(experiment: Experiment, as_of: date) -> int:
    """Take a look where one is due: the next of planned ones; of unplanned ones, on each day with news."""
    from heed.evidence.effects.contrast import size_of

    rows = list(experiment.arms.filter(value__isnull=False).values_list("arm", "value", "before"))
    counts = {arm: sum(each == arm for each, _value, _before in rows) for arm in ARMS}
    last = experiment.seen.order_by("-as_of").first()
    if not min(counts.values()) or (last and last.treated + last.held >= len(rows)):
        return 0
    size = size_of(experiment.planned_treated, experiment.planned_held)
    step = int(size_of(counts["treated"], counts["holdout"]) / size * experiment.looks + 1e-9)
    before = int(size_of(last.treated, last.held) / size * experiment.looks + 1e-9) if last else 0
    if experiment.watching != Watching.ANY_TIME and step <= before and not is_over(experiment, as_of):
        return 0
    contrast = _contrast(experiment, rows)
    if contrast is None:
        return 0
    _look_made, made = ExperimentLook.objects.get_or_create(
        experiment=experiment,
        as_of=as_of,
        defaults={"treated": counts["treated"], "held": counts["holdout"], "contrast": contrast},
    )
    return int(made)


def is_over(experiment: Experiment, as_of: date) -> bool:
    """Whether nobody joins any more and every outcome that was due is known."""
    waiting = experiment.arms.filter(due_on__isnull=False, known_on=None).exists()
    return as_of > joining_until(experiment) and not waiting


def _contrast(experiment: Experiment, rows: list[tuple[str, Any, Any]]) -> dict[str, Any] | None:
    from heed.evidence.effects import MeanContrast, ShareContrast, mean_contrast

    treated = np.array([float(arm == "treated") for arm, _value, _before in rows])
    values = np.array([value for _arm, value, _before in rows], dtype=float)
    if not experiment.metric:
        ones = [int(values[treated == arm].sum()) for arm in (1.0, 0.0)]
        n = [int((treated == arm).sum()) for arm in (1.0, 0.0)]
        return asdict(ShareContrast(ones[0], n[0], ones[1], n[1]))
    import pandas as pd

    before = pd.DataFrame({"before": [each for _arm, _value, each in rows]}, dtype=float)
    known = before if before["before"].notna().any() else None
    found = mean_contrast(values, treated, known)
    if not isinstance(found, MeanContrast):
        return None
    told = asdict(found)
    told["freedom"] = None if np.isinf(found.freedom) else found.freedom
    return told


def _assigned(experiment: Experiment, arm: ExperimentArm, on: date) -> "Activity":
    from heed.stream import Activity

    told = {
        "play": experiment.name,
        "arm": arm.arm,
        "share": 1 - experiment.held_share,
        "experiment": experiment.pk,
    }
    now = clock.now()
    return Activity(
        source=SOURCE,
        id=f"experiment:{experiment.pk}:{arm.account.key}",
        account=arm.account.key,
        name="play.assigned",
        at=now if now.date() == on else datetime.combine(on, time(), UTC),
        recorded_at=now,
        properties=json.dumps(told, ensure_ascii=False),
    )


def _state(experiment: Experiment) -> dict[str, Any]:
    names = ("name", "purpose", "metric", "days", "held_share", "smallest_effect", "watching", "looks",
             "audience", "weeks")  # fmt: skip
    return {name: getattr(experiment, name) for name in names}


def _counts(drawn: list[ExperimentArm]) -> dict[str, int]:
    return {arm: sum(each.arm == arm for each in drawn) for arm in ARMS}
