"""A definition in words."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from heed.evidence.metrics import Metric
from heed.evidence.metrics.language import Activities, Against, Aggregate, Direction, Fact, Per


def window_words(metric: Metric) -> str:
    """The days that a figure looks at."""
    if metric.fact is not None:
        return _("the date itself")
    if metric.window is None:
        return _("all days so far")
    days = ngettext("%(n)d day", "%(n)d days", metric.window) % {"n": metric.window}
    if metric.comparison is None:
        return days
    if metric.comparison.against is Against.PREVIOUS_WINDOW:
        return _("%(days)s, against the window before") % {"days": days}
    against = _("%(days)s, against the mean of the %(n)d windows before")
    return against % {"days": days, "n": metric.comparison.windows}


def direction_words(metric: Metric) -> str:
    return {
        Direction.UP_IS_GOOD: _("more is better"),
        Direction.DOWN_IS_GOOD: _("less is better"),
        Direction.NEITHER: _("neither is better"),
    }[metric.direction]


def made_of(metric: Metric) -> str:
    """Which activities a figure is made of, and how."""
    if metric.fact is not None:
        return {
            Fact.DAYS_TO_RENEWAL: _("from the next renewal date of its subscriptions in force"),
            Fact.TENURE_DAYS: _("from the day it became a customer"),
            Fact.SEATS: _("from its subscriptions in force"),
        }[metric.fact]
    text = counted_words(metric) % {"what": selection_words(metric.activities)}
    if metric.per is Per.SEATS:
        text = _("%(text)s, per seat") % {"text": text}
    if metric.per is Per.CONTRACT_MONTH:
        text = _("%(text)s, per month under contract") % {"text": text}
    if metric.per_activities:
        text = _("%(text)s, per %(other)s") % {"text": text, "other": selection_words(metric.per_activities)}
    if metric.known_by:
        told = {"text": text, "others": selection_words(metric.known_by)}
        text = _("%(text)s; 0 of an account that ever had any of %(others)s") % told
    return text


def counted_words(metric: Metric) -> str:
    """How the activities (`what`) become one figure."""
    return {
        Aggregate.COUNT: _("number of %(what)s"),
        Aggregate.SUM: _("sum of the values of %(what)s"),
        Aggregate.MEAN: _("mean of the values of %(what)s"),
        Aggregate.LAST: _("latest value of %(what)s"),
        Aggregate.DISTINCT_CONTACTS: _("people named in %(what)s"),
        Aggregate.DISTINCT_NAMES: _("different kinds of %(what)s"),
        Aggregate.DAYS_ACTIVE: _("days with %(what)s"),
        Aggregate.DAYS_SINCE_LAST: _("days since the last %(what)s"),
    }[metric.aggregate or Aggregate.COUNT]


def selection_words(activities: Activities) -> str:
    named = [*activities.names, *(f"{family}*" for family in activities.families)]
    if activities.usage:
        named.append(_("product usage"))
    if activities.any:
        named.append(_("any activity"))
    text = ", ".join(named) or _("no activity chosen yet")
    if activities.left_out:
        text = _("%(text)s except %(names)s") % {"text": text, "names": ", ".join(activities.left_out)}
    return text
