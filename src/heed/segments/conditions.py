"""From a filter's tree to a condition on accounts that the database can answer.

A value is true, false or unknown, and unknown satisfies no comparison and no negation of one: only
`is unknown` finds it. So a `not` is pushed down to the single conditions, and each of them is asked for what
makes it true or for what makes it false. Whether something was done, and whether an account is in a segment,
is always known.
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from heed.customers.models import Account
from heed.measures.models import MetricDefinition
from heed.segments.expressions import Among
from heed.segments.fields import Field
from heed.segments.grammar import parse
from heed.segments.models import Segment
from heed.segments.probes import SERIES, Asking, compares, is_known
from heed.segments.tree import (
    And,
    Bound,
    Changed,
    Compare,
    Comparison,
    Condition,
    Day,
    Did,
    Direction,
    FieldName,
    Held,
    InSegment,
    Known,
    Leaf,
    Not,
    Number,
    OneOf,
    Or,
    Percent,
    Within,
)

if TYPE_CHECKING:
    import pandas as pd

OPPOSITES = {
    Comparison.IS: Comparison.IS_NOT,
    Comparison.ABOVE: Comparison.AT_MOST,
    Comparison.AT_LEAST: Comparison.BELOW,
    Comparison.CONTAINS: Comparison.LACKS,
}
OPPOSITES |= {right: left for left, right in OPPOSITES.items()}
NEGATIVE = {Comparison.IS_NOT: Comparison.IS, Comparison.LACKS: Comparison.CONTAINS}
ROUNDING = 9
"""Decimals kept when floats are compared, so that 5 to 4 is a fall of 20 % and not of 19.99…"""


def condition_q(condition: Condition | None, asking: Asking, *, wanted: bool = True) -> Q:
    """The accounts for which the condition is true (with `wanted` False: for which it is false)."""
    if condition is None:
        return Q()
    if isinstance(condition, Not):
        return condition_q(condition.part, asking, wanted=not wanted)
    if isinstance(condition, And | Or):
        parts = [condition_q(part, asking, wanted=wanted) for part in condition.parts]
        return Q(*parts, _connector=Q.AND if isinstance(condition, And) == wanted else Q.OR)
    return _leaf_q(condition, asking, wanted)


def _leaf_q(leaf: Leaf, asking: Asking, wanted: bool) -> Q:
    match leaf:
        case InSegment():
            return _segment_q(leaf, asking) if wanted else ~_segment_q(leaf, asking)
        case Did():
            return _did_q(leaf, asking, leaf.happened == wanted)
        case Held():
            return Q(Among("key", _held(leaf, asking, wanted)))
        case Changed():
            return Q(Among("key", _changed(leaf, asking, wanted)))
        case Known():
            known = is_known(_field(leaf.field, asking), asking)
            return known if leaf.known == wanted else ~known
        case OneOf():
            return _one_of_q(leaf, asking, wanted != leaf.negated)
        case Within():
            return _within_q(leaf, asking, wanted)
        case Compare():
            return _compare_q(leaf, asking, wanted)


def _field(name: FieldName, asking: Asking) -> Field:
    found = asking.catalogue.find(name)
    if found is None:
        raise LookupError(f"There is no field {name.name}; check the filter before asking it.")
    return found


def _metric(name: FieldName, asking: Asking) -> MetricDefinition:
    metric = _field(name, asking).metric
    if metric is None:
        raise LookupError(f"{name.name} is no metric; check the filter before asking it.")
    return metric


def _segment_q(leaf: InSegment, asking: Asking) -> Q:
    """Its members; a segment that is itself as of a day stays so, another follows the asker's day."""
    inner = parse(Segment.objects.get(name=leaf.name).filter)
    if inner.as_of:
        asking = replace(asking, as_of=inner.as_of, past=True)
    return Q(pk__in=Account.objects.filter(condition_q(inner.condition, asking)).values("pk"))


# Comparisons


def _compare_q(leaf: Compare, asking: Asking, wanted: bool) -> Q:
    found = _field(leaf.field, asking)
    comparison = leaf.comparison
    if not wanted and comparison in OPPOSITES:
        comparison, wanted = OPPOSITES[comparison], True
    if comparison in NEGATIVE:
        comparison, wanted = NEGATIVE[comparison], not wanted
    true = compares(found, comparison, leaf.value, asking)
    return true if wanted else is_known(found, asking, leaf.value) & ~true


def _one_of_q(leaf: OneOf, asking: Asking, among: bool) -> Q:
    found = _field(leaf.field, asking)
    same = [compares(found, Comparison.IS, value, asking) for value in leaf.values]
    any_of_them = Q(*same, _connector=Q.OR)
    return any_of_them if among else is_known(found, asking, leaf.values[0]) & ~any_of_them


def _within_q(leaf: Within, asking: Asking, wanted: bool) -> Q:
    found = _field(leaf.field, asking)
    span = timedelta(days=leaf.days)
    first = asking.as_of - span if leaf.past else asking.as_of
    low, high = Day(first), Day(first + span)
    if wanted:
        inside = compares(found, Comparison.AT_LEAST, low, asking)
        return inside & compares(found, Comparison.AT_MOST, high, asking)
    before = compares(found, Comparison.BELOW, low, asking)
    return before | compares(found, Comparison.ABOVE, high, asking)


# What only the history knows


def _did_q(leaf: Did, asking: Asking, happened: bool) -> Q:
    counts = asking.history.counts(leaf.activity, _first(leaf.days, asking), asking.as_of)
    if _often_enough(0, leaf):
        too_often = [key for key, times in counts.items() if not _often_enough(times, leaf)]
        return ~Q(Among("key", too_often)) if happened else Q(Among("key", too_often))
    enough = [key for key, times in counts.items() if _often_enough(times, leaf)]
    return Q(Among("key", enough)) if happened else ~Q(Among("key", enough))


def _often_enough(times: int, leaf: Did) -> bool:
    match leaf.bound:
        case Bound.AT_LEAST:
            return times >= leaf.times
        case Bound.MORE_THAN:
            return times > leaf.times
        case Bound.AT_MOST:
            return times <= leaf.times
        case Bound.EXACTLY:
            return times == leaf.times


def _first(days: int, asking: Asking) -> date:
    """The first day of a window of so many days that ends with the day asked about."""
    return asking.as_of - timedelta(days=days - 1)


def _held(leaf: Held, asking: Asking, wanted: bool) -> list[str]:
    """Accounts where the comparison was true on each day; or false on at least one."""
    metric = _metric(leaf.condition.field, asking)
    days = [_first(leaf.days, asking) + timedelta(days=day) for day in range(leaf.days)]
    values = asking.history.values(metric, days)
    true = values.apply(lambda column: _holds(column, leaf.condition))
    found = true.all(axis=1) if wanted else (~true & values.notna()).any(axis=1)
    return list(values.index[found])


def _holds(column: "pd.Series[float]", leaf: Compare) -> "pd.Series[bool]":
    value = leaf.value
    if isinstance(value, Percent):
        number = float(value.percent / 100)
    elif isinstance(value, Number):
        number = float(value.number)
    else:
        raise TypeError("A metric is compared with a number; check the filter before asking it.")
    if leaf.comparison is Comparison.IS_NOT:
        return column.notna() & column.ne(number)
    found: pd.Series[bool] = SERIES[leaf.comparison](column, number)
    return found


def _changed(leaf: Changed, asking: Asking, wanted: bool) -> list[str]:
    metric = _metric(leaf.field, asking)
    before = asking.as_of - timedelta(days=leaf.days)
    values = asking.history.values(metric, [before, asking.as_of])
    change = _change(values[before], values[asking.as_of], leaf)
    limit = float(leaf.amount)
    true = change.gt(limit) if leaf.bound is Bound.MORE_THAN else change.ge(limit)
    found = true if wanted else change.notna() & ~true
    return list(values.index[found])


def _change(before: Any, now: Any, leaf: Changed) -> "pd.Series[float]":
    """How far it moved in the direction asked; unknown in percent of a value that was zero."""
    change = now - before
    if leaf.percent:
        change = 100 * change / before.abs().where(before != 0)
    if leaf.direction is Direction.CHANGED:
        change = change.abs()
    elif leaf.direction is Direction.FELL:
        change = -change
    rounded: pd.Series[float] = change.round(ROUNDING)
    return rounded
