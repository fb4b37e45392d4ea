"""What the planner says of a design before it is started: accounts needed, weeks, and what could be seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import Protocol

import numpy as np
from django.utils.translation import gettext as _

from heed.evidence.effects import Design, Plan, plan_experiment, plan_mean_experiment, smallest_visible_effect
from heed.evidence.estimate import Estimate
from heed.ledger import words
from heed.measures.models import MetricValue
from heed.people.models import User
from heed.proving.fates import SETTLED, due_dates, paying, renewals_lately
from heed.segments.grammar import parse
from heed.segments.models import Segment
from heed.segments.reads import accounts_matching

UNIT = 100


class Designed(Protocol):
    """What of an experiment the planner reads; an `Experiment`, or a form not saved yet."""

    metric: str
    days: int
    held_share: float
    smallest_effect: float
    watching: str
    looks: int
    weeks: int
    segment: Segment | None


@dataclass(frozen=True, slots=True)
class Planned:
    """`audience` accounts pay and match now, of which `expected` will have an outcome; `base` the share that
    renewed lately, or the spread of the metric between accounts; `plan` the accounts needed; `visible` the
    smallest effect that the audience would show with 80 % power; `weeks` until the last outcome is known."""

    audience: int
    expected: int
    base: Estimate
    plan: Plan
    visible: Estimate
    weeks: int
    metric: str

    @property
    def enough(self) -> bool:
        return not self.plan.reason and self.plan.treated_n is not None

    @property
    def needed(self) -> str:
        if self.plan.treated_n is None or self.plan.control_n is None:
            return ""
        return f"{self.plan.treated_n:,} + {self.plan.control_n:,}"

    @property
    def visible_words(self) -> str:
        """The smallest visible effect, in points of a share or in the metric's unit."""
        if self.visible.value is None:
            return ""
        return effect_words(self.visible.value, share=not self.metric, signed=not self.metric)

    @property
    def base_words(self) -> str:
        if self.base.value is None:
            return ""
        return words.number(self.base.value) if self.metric else words.percent(self.base.value)


def effect_words(value: float, *, share: bool, signed: bool = False) -> str:
    """`8 points` of a share, or a number; with its sign where asked."""
    text = words.number(round(value * UNIT, 1) if share else value)
    text = f"+{text}" if signed and value > 0 and text not in ("0",) else text
    return _("%(n)s points") % {"n": text} if share else text


def design_of(experiment: Designed) -> Design:
    looks = experiment.looks if experiment.watching != "any_time" else 1
    return Design(
        treated_share=1 - experiment.held_share,
        looks=looks,
        watching=experiment.watching,  # type: ignore[arg-type]
    )


def audience_of(segment: Segment | None, user: User, on: date) -> dict[int, str]:
    """The accounts that pay on a day and that the segment finds: their numbers and keys."""
    found = paying(on)
    if segment is None:
        return found
    matching = set(accounts_matching(parse(segment.filter), user).values_list("pk", flat=True))
    return {pk: key for pk, key in found.items() if pk in matching}


def planned(experiment: Designed, user: User, on: date) -> Planned:
    """What the planner says of a design, as of a day."""
    audience = audience_of(experiment.segment, user, on)
    design = design_of(experiment)
    if experiment.metric:
        return _of_metric(experiment, design, audience)
    due = due_dates(audience.values(), on, experiment.days)
    weeks = experiment.weeks - 1 + -(-(experiment.days + SETTLED) // 7)
    expected = sum(day is not None for day in due.values())
    lately = renewals_lately(on, experiment.days)
    if lately.value is None:
        nothing = Plan(None, None, None, design, _("no renewal fell due lately, so nothing to plan from"))
        return Planned(len(audience), expected, lately, nothing, lately, weeks, "")
    plan = plan_experiment(lately.value, experiment.smallest_effect, design, available=expected)
    held = round(expected * experiment.held_share)
    visible = smallest_visible_effect(lately.value, expected - held, held, design)
    if visible.value is None:
        visible = smallest_visible_effect(lately.value, expected - held, held, design, upwards=False)
    return Planned(len(audience), expected, lately, plan, visible, weeks, "")


def _of_metric(experiment: Designed, design: Design, audience: Mapping[int, str]) -> Planned:
    known = MetricValue.objects.filter(metric__key=experiment.metric, metric__is_current=True)
    stored = known.filter(value__isnull=False).values_list("account", "value")
    values = np.array([value for account, value in stored if account in audience], dtype=float)
    weeks = experiment.weeks - 1 + -(-experiment.days // 7)
    if len(values) < 2 or not values.std() > 0:
        reason = _("the metric is known of fewer than two accounts, or never varies")
        nothing = Estimate.unknown(reason, n=len(values))
        plan = Plan(None, None, None, design, reason)
        return Planned(len(audience), len(values), nothing, plan, nothing, weeks, experiment.metric)
    spread = float(values.std(ddof=1))
    base = Estimate(spread, n=len(values), method="standard deviation between accounts")
    plan = plan_mean_experiment(spread, experiment.smallest_effect, design, available=len(values))
    # A hundredth of the spread needs so many accounts that rounding them up does not matter.
    fine = plan_mean_experiment(spread, spread / UNIT, design)
    needed = (fine.treated_n or 0) + (fine.control_n or 0)
    visible = Estimate(spread / UNIT * sqrt(needed / len(values)), n=len(values))
    return Planned(len(audience), len(values), base, plan, visible, weeks, experiment.metric)
