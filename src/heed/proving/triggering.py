"""The verbs of triggers: make, change by version, ask for a replay, switch. None of them edits a version."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from math import isfinite
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import Http404
from django.utils.translation import gettext as _

from heed.evidence.cards import PUBLISHED_RULES, TriggerRule
from heed.evidence.cards.triggers import QUIET
from heed.evidence.metrics import MetricError, parse_metric
from heed.evidence.scoring import SCORE_TEMPLATES
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.ledger.durable import enqueue
from heed.measures.definitions import new_version
from heed.measures.models import MetricDefinition
from heed.proving.jobs import REPLAY_JOB
from heed.proving.models import Side, Trigger, TriggerReplay, TriggerVersion

FRESH: Final = timedelta(days=7)
"""A trigger is switched on by a replay that is at most so old."""
LONGEST_QUIET: Final = 365
BASELINE: Final = {"against": "own_baseline", "windows": 3, "result": "ratio"}
MOST_WINDOW: Final = 90
"""The own baseline is three windows before; beyond a year back it would tell of another customer."""


class TriggerRefused(ValueError):  # noqa: N818 - not an error of the program
    """Something cannot be done with a trigger as it is; `field` is what has to be put right."""

    def __init__(self, problem: str, field: str = "") -> None:
        super().__init__(problem)
        self.field = field


class ChangedMeanwhile(TriggerRefused):
    """`version` was put in force since the one that somebody had in sight."""

    def __init__(self, problem: str, version: int) -> None:
        super().__init__(problem % {"version": version})
        self.version = version


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires where `metric` (its key) comes to be below or above `threshold`; once in `quiet` days."""

    metric: str
    side: str
    threshold: float
    quiet: int = QUIET


def templates() -> list[TriggerRule]:
    """The rules that others publish, of metrics that can be measured here."""
    known = _published_metrics()
    return [rule for rule in PUBLISHED_RULES if rule.metric in known]


def _published_metrics() -> dict[str, Mapping[str, Any]]:
    return {str(each["key"]): each for template in SCORE_TEMPLATES for each in template.metrics}


@transaction.atomic
def make_trigger(name: str, rule: Rule, *, by: str) -> Trigger:
    """Keep a new trigger under its first version; it is off.

    The same again, as a button pressed twice sends it, is the trigger that there is.
    """
    name, taken = name.strip(), _("There is a trigger of this name; give this one its own.")
    if not name or Trigger.objects.filter(name__iexact=name).exclude(name=name).exists():
        raise TriggerRefused(taken, "name")
    _check(rule)
    made, new = Trigger.objects.get_or_create(name=name)
    if not new:
        if rule_of(made.versions.get(version=1)) != rule:
            raise TriggerRefused(taken, "name")
        return made
    _keep(made, rule, 1, by)
    record(Change("make trigger", "trigger", str(made.pk), None, {"name": name, **asdict(rule)}), by=by)
    return made


@transaction.atomic
def make_from_template(name: str, number: int, *, by: str) -> Trigger:
    """Keep a rule as others publish it. What it reads and is not measured yet is defined with it."""
    chosen = templates()[number]
    if not MetricDefinition.objects.filter(key=chosen.metric, is_current=True).exists():
        new_version(_published_metrics()[chosen.metric], by=by)
    return make_trigger(name, Rule(chosen.metric, chosen.side, chosen.threshold), by=by)


@transaction.atomic
def change_trigger(trigger: Trigger, rule: Rule, *, by: str, based_on: int | None = None) -> TriggerVersion:
    """Put another version in force, and the trigger off: this rule was not replayed yet. The same again
    changes nothing.

    `based_on` is the version that whoever changes it had in sight: where another is in force by now, theirs
    would undo it unseen, and is refused.
    """
    locked = Trigger.objects.select_for_update().get(pk=trigger.pk)
    before = current_version(locked)
    if rule == rule_of(before):
        return before
    if based_on not in (None, before.version):
        problem = _(
            "Version %(version)d was put in force since you opened this page; its rule stands above."
            " Take over what you want of it, then put yours in force."
        )
        raise ChangedMeanwhile(problem, before.version)
    _check(rule)
    TriggerVersion.objects.filter(pk=before.pk).update(is_current=False)
    made = _keep(locked, rule, before.version + 1, by)
    was_on, locked.is_on = locked.is_on, False
    locked.save(update_fields=["is_on"])
    told = asdict(rule_of(before)) | {"is_on": was_on}, asdict(rule) | {"is_on": False}
    record(Change("change trigger", "trigger", str(locked.pk), *told), by=by)
    trigger.refresh_from_db()
    return made


@transaction.atomic
def against_usual(key: str, *, by: str) -> str:
    """The key of the metric that holds this one against the account's own baseline; defined where there is
    none."""
    base = MetricDefinition.objects.filter(key=key, is_current=True).first()
    if base is None:
        raise TriggerRefused(_("There is no such metric any more."), "metric")
    if (base.definition.get("comparison") or {}).get("result") == "ratio":
        return key
    definition = _usual_definition(base.definition)
    if not MetricDefinition.objects.filter(key=definition["key"], is_current=True).exists():
        new_version(definition, by=by)
    return str(definition["key"])


def _usual_definition(base: Mapping[str, Any]) -> dict[str, Any]:
    window = base.get("window")
    if not window or window > MOST_WINDOW or base.get("comparison"):
        problem = _("This metric has no baseline of its own to fall from; say a value that it falls below.")
        raise TriggerRefused(problem, "condition")
    told = {
        **base,
        "key": f"{base['key'][:50]}_to_usual",
        "name": _("%(name)s to usual") % {"name": base["name"]},
        "sentence": _("%(what)s, against the account's own mean of the three windows before")
        % {"what": base["sentence"]},
        "unit": "times",
        "comparison": BASELINE,
        "caveat": _("1 is as before. Seasons move it; small accounts swing."),
    }
    try:
        parse_metric(told)
    except MetricError:
        problem = _("This metric cannot be held against its own baseline; say a value that it falls below.")
        raise TriggerRefused(problem, "condition") from None
    return told


@transaction.atomic
def ask_replay(trigger: Trigger, *, by: str) -> None:
    """Have a worker replay the version in force; asked twice while it waits or runs, once."""
    Trigger.objects.select_for_update().get(pk=trigger.pk)
    version = current_version(trigger)
    if is_waiting(version):
        return
    version.asked_at = clock.now()
    version.save(update_fields=["asked_at"])
    enqueue(REPLAY_JOB, version.pk, by, key=job_key(version))
    told = {"version": version.version}
    record(Change("ask for replay", "trigger", str(trigger.pk), None, told), by=by)


def job_key(version: TriggerVersion) -> str:
    asked = version.asked_at
    return f"{version.pk} {asked.isoformat() if asked else ''}"


def is_waiting(version: TriggerVersion) -> bool:
    """Whether a replay was asked for that has neither come nor given up."""
    from heed.ledger.durable import find_job

    replay = latest_replay(version)
    if version.asked_at is None or (replay is not None and replay.made_at >= version.asked_at):
        return False
    run = find_job(f"{REPLAY_JOB}:{job_key(version)}")
    return run is not None and run.state in ("waiting", "running")


@transaction.atomic
def switch_on(trigger: Trigger, *, by: str, version: int | None = None) -> None:
    """Let it fire from now on, going on where its replay ended. TriggerRefused where it was not replayed, or
    where another version is in force than the one that whoever switches it had in sight."""
    locked = Trigger.objects.select_for_update().get(pk=trigger.pk)
    current = current_version(locked)
    if version not in (None, current.version):
        problem = _("Its rule was changed meanwhile: version %(version)d is in force. Look at that first.")
        raise ChangedMeanwhile(problem, current.version)
    if locked.is_on:
        return
    replay = latest_replay(current)
    reason = why_not(replay)
    if reason or replay is None:
        raise TriggerRefused(reason)
    from heed.proving.trigger_replays import past_of

    locked.is_on, locked.looked_on, locked.past = True, replay.as_of, past_of(replay)
    told = {"is_on": True, "version": current.version, "replayed_on": replay.as_of.isoformat()}
    _switched(locked, {"is_on": False}, told, by)
    trigger.refresh_from_db()


@transaction.atomic
def switch_off(trigger: Trigger, *, by: str) -> None:
    """Let it fire no more, whichever version is in force: who stops it is never refused."""
    locked = Trigger.objects.select_for_update().get(pk=trigger.pk)
    if locked.is_on:
        locked.is_on = False
        _switched(locked, {"is_on": True}, {"is_on": False}, by)
        trigger.refresh_from_db()


def _switched(trigger: Trigger, before: dict[str, Any], after: dict[str, Any], by: str) -> None:
    trigger.switched_by, trigger.switched_at = by, clock.now()
    trigger.save(update_fields=["is_on", "looked_on", "past", "switched_by", "switched_at"])
    record(Change("switch trigger", "trigger", str(trigger.pk), before, after), by=by)


def why_not(replay: TriggerReplay | None) -> str:
    """Why a version may not be switched on by its latest replay, "" where it may."""
    from heed.proving.trigger_replays import told_of

    if replay is None:
        return _("This version was not replayed yet: see first what it would have caught and missed.")
    if replay.record is None:
        return replay.reason
    if told_of(replay) is None:
        return _("It was replayed by an earlier version of Heed, which told less. Replay it again.")
    if not reads(replay):
        return _("Its metric was changed since it was replayed. Replay it again.")
    if clock.today() - replay.as_of > FRESH:
        return _("Its last replay is older than %(days)d days. Replay it again.") % {"days": FRESH.days}
    return ""


def reads(replay: TriggerReplay) -> bool:
    """Whether the version of the metric that was replayed is the one in force."""
    return replay.definition is not None and replay.definition.is_current


def _check(rule: Rule) -> None:
    if not MetricDefinition.objects.filter(key=rule.metric, is_current=True).exists():
        raise TriggerRefused(_("There is no such metric any more."), "metric")
    if rule.side not in Side.values:
        raise TriggerRefused(_("It fires below a value or above one."), "condition")
    if not isfinite(rule.threshold):
        raise TriggerRefused(_("Give a number that can be computed with."), "value")
    if not 0 <= rule.quiet <= LONGEST_QUIET:
        raise TriggerRefused(_("Quiet days are from 0 to 365."), "quiet")


def _keep(trigger: Trigger, rule: Rule, version: int, by: str) -> TriggerVersion:
    return TriggerVersion.objects.create(
        trigger=trigger, version=version, made_by=by, made_at=clock.now(), is_current=True, **asdict(rule)
    )


def trigger_for(pk: int) -> Trigger:
    found = Trigger.objects.filter(pk=pk).first()
    if found is None:
        raise Http404(_("There is no such trigger."))
    return found


def current_version(trigger: Trigger) -> TriggerVersion:
    return trigger.versions.get(is_current=True)


def rule_of(version: TriggerVersion) -> Rule:
    return Rule(version.metric, version.side, version.threshold, version.quiet)


def latest_replay(version: TriggerVersion) -> TriggerReplay | None:
    return version.replays.order_by("-as_of").first()


def latest_replays() -> dict[int, TriggerReplay]:
    """The latest replay of each version in force (id) that was replayed, without its rows."""
    later = TriggerReplay.objects.filter(version=OuterRef("version"), as_of__gt=OuterRef("as_of"))
    latest = TriggerReplay.objects.filter(~Exists(later), version__is_current=True)
    return {each.version_id: each for each in latest.select_related("definition").defer("table")}
