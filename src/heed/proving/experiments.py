"""How experiments stand: who is in which arm, what the looks so far say, and which guarantee holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from math import inf
from typing import Any

from django.db.models import Count, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from heed.evidence.effects import (
    ConfidenceSequence,
    Decision,
    GroupSequential,
    MeanContrast,
    RatioCheck,
    ShareContrast,
    if_ratio_holds,
    sequential_ratio_check,
)
from heed.evidence.effects.contrast import Contrast, size_of
from heed.evidence.estimate import Estimate
from heed.ledger import clock, words
from heed.measures.reads import metric_names
from heed.people.models import User
from heed.proving.charts import Bar, Chart, intervals
from heed.proving.experimenting import ARMS, is_over, shares_of
from heed.proving.models import DecisionKind, Experiment, ExperimentArm, ExperimentDecision, Watching
from heed.proving.planning import effect_words
from heed.proving.plays import PlayRow, effects_chart, plays_finding, plays_on_record


@dataclass(frozen=True, slots=True)
class ArmLine:
    """An arm: accounts drawn, as many as planned of all drawn, with an outcome due, with a known one."""

    arm: str
    words: str
    drawn: int
    planned: float
    due: int
    known: int


@dataclass(frozen=True)
class Standing:
    """How an experiment stands: who is in which arm, and what may be said of it by the looks taken so far."""

    experiment: Experiment
    drawn: Mapping[str, int]
    due: Mapping[str, int]
    known: Mapping[str, int]
    ratio: RatioCheck
    decision: Decision
    decisions: tuple[ExperimentDecision, ...]
    over: bool
    metric_name: str

    @property
    def state(self) -> str:
        if self.experiment.started_on is None:
            return "designed"
        return "decided" if self.decisions else "running"

    @property
    def state_words(self) -> str:
        return {"designed": _("designed"), "running": _("running"), "decided": _("decided")}[self.state]

    @property
    def outcome_words(self) -> str:
        return outcome_words(self.experiment, self.metric_name)

    @cached_property
    def estimate(self) -> Estimate:
        """The effect by the last look, unknown where the arms were not filled as planned."""
        return if_ratio_holds(self.decision.estimate, self.ratio)

    @property
    def unknown(self) -> str:
        """Why the effect is not known, "" where it is."""
        if self.estimate.value is not None:
            return ""
        if not self.decision.look and not self.ratio.broken:
            empty = [arm for arm in ARMS if not self.drawn.get(arm)]
            if sum(self.drawn.values()) and empty:
                return _("everyone is in one arm, so there is nobody to compare with")
            return _("no look was taken yet: %(next)s") % {"next": self.next_look}
        return self.estimate.reason

    @property
    def value_words(self) -> str:
        share = not self.experiment.metric
        value = self.estimate.value
        return "" if value is None else effect_words(value, share=share, signed=True)

    @property
    def between(self) -> str:
        return words.interval(self.estimate.low, self.estimate.high, share=not self.experiment.metric)

    @property
    def finding(self) -> str:
        """The verdict in words a leader reads; a null is never a success."""
        if self.ratio.broken:
            return _("cannot be read: the arms are not filled as planned")
        if self.estimate.value is None:
            return _("nothing can be read yet")
        found = self.decision.finding
        told = {
            "better": _("works: the treated did better, beyond chance"),
            "worse": _("does harm: the treated did worse, beyond chance"),
            "no difference shown": _("no effect shown"),
        }
        return told.get(found, _("not decided: go on"))

    @property
    def heading(self) -> str:
        """What its page says first: once it is decided, what was done comes before what the numbers say."""
        if self.state == "designed":
            return _("designed, not started")
        if not self.decisions:
            return self.finding
        done = DecisionKind(self.decisions[-1].kind).label
        return f"{done[:1].lower()}{done[1:]}; {self.finding}"

    @property
    def tone(self) -> str:
        if self.unknown:
            return "unknown"
        return {"better": "good", "worse": "bad", "go on": "accent"}.get(self.decision.finding, "")

    @property
    def guarantee(self) -> str:
        return self.decision.guarantee

    @property
    def next_look(self) -> str:
        experiment = self.experiment
        if self.decisions:
            return _("it is decided; no look is taken any more")
        if self.over:
            return _("every outcome is known; there is nothing left to look at")
        if experiment.watching == Watching.ANY_TIME:
            return _("the daily round looks each day on which outcomes became known in both arms")
        done, planned = 0.0, size_of(experiment.planned_treated or 1, experiment.planned_held or 1)
        if min(self.known.values()):
            done = size_of(self.known["treated"], self.known["holdout"])
        step = int(done / planned * experiment.looks + 1e-9) + 1
        needed = experiment.planned_treated + experiment.planned_held
        told = {
            "step": min(step, experiment.looks),
            "of": experiment.looks,
            "n": f"{-(-needed * min(step, experiment.looks) // experiment.looks):,}",
            "known": f"{sum(self.known.values()):,}",
        }
        return (
            _(
                "look %(step)s of %(of)s is at about %(n)s known outcomes, %(known)s are known;"
                " nothing is read between"
            )
            % told
        )

    @property
    def arm_lines(self) -> list["ArmLine"]:
        total = sum(self.drawn.values())
        shares = shares_of(self.experiment)
        said = {"treated": _("Treated"), "holdout": _("Held out")}
        return [
            ArmLine(arm, said[arm], self.drawn[arm], total * shares[arm], self.due[arm], self.known[arm])
            for arm in ARMS
        ]

    @property
    def known_both(self) -> int:
        return sum(self.known.values())

    @property
    def drawn_both(self) -> int:
        return sum(self.drawn.values())

    @property
    def smallest_words(self) -> str:
        experiment = self.experiment
        return effect_words(experiment.smallest_effect, share=not experiment.metric, signed=True)

    def frozen(self) -> dict[str, Any]:
        """The numbers as they are now, for the record of a decision."""
        return {
            "finding": self.finding,
            "estimate": asdict(self.estimate),
            "value": self.value_words,
            "interval": self.between,
            "unknown": self.unknown,
            "look": self.decision.look,
            "guarantee": self.guarantee,
            "drawn": dict(self.drawn),
            "known": dict(self.known),
            "ratio_p": self.ratio.p_value,
            "on": clock.today().isoformat(),
        }


def outcome_words(experiment: Experiment, metric_name: str) -> str:
    told = {"metric": metric_name, "days": words.days(experiment.days)}
    if experiment.metric:
        return _("%(metric)s, %(days)s after assignment") % told
    return _("renewed, of renewals within %(days)s of assignment") % told


def experiment_for(user: User, pk: int) -> Experiment:
    """The experiment, for who may see customers; 404 where there is none."""
    found = Experiment.objects.select_related("designed_by", "started_by", "segment").filter(pk=pk).first()
    if found is None or not user.is_active:
        raise Http404(_("There is no such experiment."))
    return found


def standing_of(experiment: Experiment) -> Standing:
    counted = experiment.arms.values("arm").annotate(
        drawn=Count("pk"), due=Count("due_on"), known=Count("value")
    )
    by_arm = {row["arm"]: row for row in counted}
    drawn, due, known = (
        {arm: by_arm[arm][name] if arm in by_arm else 0 for arm in ARMS} for name in ("drawn", "due", "known")
    )
    over = experiment.started_on is not None and is_over(experiment, clock.today())
    return Standing(
        experiment,
        drawn,
        due,
        known,
        sequential_ratio_check(_history(experiment), shares_of(experiment)),
        _decision(experiment, over),
        tuple(experiment.decisions.select_related("by").order_by("pk")),
        over,
        metric_names().get(experiment.metric, experiment.metric),
    )


def _history(experiment: Experiment) -> list[dict[str, int]]:
    """How many were in each arm after each day on which some were drawn."""
    rows = experiment.arms.values("on", "arm").annotate(n=Count("pk")).order_by("on", "arm")
    so_far: dict[str, int] = dict.fromkeys(ARMS, 0)
    by_day: dict[date, dict[str, int]] = {}
    for row in rows:
        so_far[row["arm"]] += row["n"]
        by_day[row["on"]] = dict(so_far)
    return list(by_day.values())


def _decision(experiment: Experiment, over: bool) -> Decision:
    contrasts = [_contrast(each.contrast) for each in experiment.seen.order_by("as_of")]
    planned = experiment.planned_treated or 1, experiment.planned_held or 1
    if experiment.watching == Watching.ANY_TIME:
        return ConfidenceSequence(*planned).decide(contrasts)
    spending: Any = experiment.watching
    rule = GroupSequential(
        experiment.looks,
        spending=spending,
        planned_treated_n=planned[0],
        planned_control_n=planned[1],
    )
    return rule.decide(contrasts, is_over=over)


def _contrast(told: Mapping[str, Any]) -> Contrast:
    if "treated_successes" in told:
        return ShareContrast(**told)
    return MeanContrast(**{**told, "freedom": inf if told["freedom"] is None else told["freedom"]})


def arm_rows(experiment: Experiment, arm: str, known: bool) -> QuerySet[ExperimentArm]:
    """Who is in which arm; those whose outcome is known first."""
    rows = experiment.arms.select_related("account").order_by("known_on", "account__name", "pk")
    if arm:
        if arm not in ARMS:
            raise Http404(_("There is no arm “%(arm)s”.") % {"arm": arm})
        rows = rows.filter(arm=arm)
    return rows.filter(value__isnull=False) if known else rows


def look_chart(standing: Standing) -> Chart | None:
    """The intervals of the looks so far; all of them hold together."""
    experiment = standing.experiment
    looks = list(experiment.seen.order_by("as_of"))
    if not looks or standing.ratio.broken:
        return None
    contrasts = [_contrast(each.contrast) for each in looks]
    planned = experiment.planned_treated or 1, experiment.planned_held or 1
    if experiment.watching == Watching.ANY_TIME:
        found = ConfidenceSequence(*planned).intervals(contrasts)
    else:
        spending: Any = experiment.watching
        rule = GroupSequential(
            experiment.looks, spending=spending, planned_treated_n=planned[0], planned_control_n=planned[1]
        )
        found = rule.intervals(contrasts, is_over=standing.over)
        looks = looks[: len(found)]
    share = not experiment.metric
    labels = [words.day(each.as_of, clock.today()) for each in looks]
    shown = list(zip(labels, found, looks, strict=True))[-20:]
    title = _("%(name)s: %(finding)s") % {"name": experiment.name, "finding": standing.finding}
    return Chart(
        title=title,
        alt="; ".join(f"{label}: {_told(each, share)}" for label, each, _look in shown),
        source=_("%(outcome)s; treated less held out. %(guarantee)s")
        % {"outcome": standing.outcome_words.capitalize(), "guarantee": standing.guarantee},
        svg=intervals(
            [Bar(label, each.value, each.low, each.high) for label, each, _look in shown],
            axis=_("treated less held out; the dashed line is no effect"),
            percent=share,
            reference=0.0,
        ),
        columns=(_("Look"), _("Effect"), _("Interval"), _("Treated"), _("Held out")),
        rows=tuple(
            (
                label,
                _told(each, share).removeprefix("+"),
                words.interval(each.low, each.high, share=share) or _("none yet"),
                f"{look.treated:,}",
                f"{look.held:,}",
            )
            for label, each, look in shown
        ),
    )


def _told(estimate: Estimate, share: bool) -> str:
    return (
        _("unknown: %(why)s") % {"why": estimate.reason}
        if estimate.value is None
        else effect_words(estimate.value, share=share, signed=True)
    )


@dataclass(frozen=True)
class ExperimentsPage:
    running: tuple[Standing, ...]
    designed: tuple[Standing, ...]
    decided: tuple[Standing, ...]
    plays: tuple[PlayRow, ...]

    @property
    def finding(self) -> str:
        return plays_finding(self.plays) if self.plays else _("What works, tested against a holdout")

    @cached_property
    def chart(self) -> Chart | None:
        return effects_chart(self.plays, "progress") if self.plays else None


def experiments_page() -> ExperimentsPage:
    every = Experiment.objects.select_related("designed_by").order_by("-pk")[:200]
    found = [standing_of(each) for each in every]
    by_state = {
        state: tuple(each for each in found if each.state == state)
        for state in ("running", "designed", "decided")
    }
    return ExperimentsPage(**by_state, plays=plays_on_record())
