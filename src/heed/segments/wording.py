"""The canonical text of a filter: reading it again gives the same tree."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from heed.segments.tokens import RESERVED, quoted
from heed.segments.tree import (
    Amount,
    And,
    Bound,
    Changed,
    Compare,
    Condition,
    Day,
    Did,
    FieldName,
    Filter,
    Flag,
    Held,
    InSegment,
    Known,
    Leaf,
    Me,
    Not,
    Number,
    OneOf,
    Or,
    Percent,
    Text,
    Value,
    Within,
)

Names = Callable[[FieldName], str]
PLAIN_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def to_text(filter: Filter) -> str:
    condition = condition_text(filter.condition) if filter.condition else ""
    as_of = f"as of {day_text(filter.as_of)}" if filter.as_of else ""
    return " ".join(part for part in (condition, as_of) if part)


def condition_text(condition: Condition, names: Names | None = None) -> str:
    """A condition in words; `names` says how to call the fields where the text need not be read back."""
    if isinstance(condition, Or):
        return " or ".join(_inside(part, names) for part in condition.parts)
    if isinstance(condition, And):
        return " and ".join(_inside(part, names) for part in condition.parts)
    if isinstance(condition, Not):
        return f"not {_inside(condition.part, names)}"
    return leaf_text(condition, names or field_text)


def _inside(part: Condition, names: Names | None) -> str:
    text = condition_text(part, names)
    return f"({text})" if isinstance(part, And | Or) else text


def leaf_text(leaf: Leaf, names: Names) -> str:
    """One condition as a sentence."""
    if isinstance(leaf, Did):
        return _did_text(leaf)
    if isinstance(leaf, InSegment):
        return f"in segment {quoted(leaf.name)}"
    if isinstance(leaf, Held):
        return f"{leaf_text(leaf.condition, names)} for at least {count(leaf.days, 'day')}"
    return f"{names(leaf.field)} {_predicate_text(leaf)}"


def _predicate_text(leaf: Compare | OneOf | Known | Within | Changed) -> str:
    if isinstance(leaf, Compare):
        return f"{leaf.comparison} {value_text(leaf.value)}"
    if isinstance(leaf, OneOf):
        values = ", ".join(value_text(value) for value in leaf.values)
        return f"is {'not ' if leaf.negated else ''}one of ({values})"
    if isinstance(leaf, Known):
        return "is known" if leaf.known else "is unknown"
    if isinstance(leaf, Within):
        return f"within {'the last ' if leaf.past else ''}{count(leaf.days, 'day')}"
    amount = f"{number_text(leaf.amount)}{'%' if leaf.percent else ''}"
    return f"{leaf.direction} by {leaf.bound} {amount} in {count(leaf.days, 'day')}"


def _did_text(leaf: Did) -> str:
    activity = "anything" if leaf.activity is None else name_text(leaf.activity)
    did = f"{'did' if leaf.happened else 'did not'} {activity}"
    once = leaf.bound is Bound.AT_LEAST and leaf.times == 1
    if once and not leaf.happened:
        return f"{did} for {count(leaf.days, 'day')}"
    often = "" if once else f" {leaf.bound} {count(leaf.times, 'time')}"
    return f"{did}{often} in the last {count(leaf.days, 'day')}"


def field_text(field: FieldName) -> str:
    if not field.family:
        return field.name
    return f"{field.family}.{name_text(field.name)}"


def name_text(name: str) -> str:
    plain = PLAIN_NAME.fullmatch(name) and name.lower() not in RESERVED | {"anything"}
    return name if plain else quoted(name)


def value_text(value: Value) -> str:
    match value:
        case Text(text):
            return quoted(text)
        case Number(number):
            return number_text(number)
        case Percent(percent):
            return f"{number_text(percent)}%"
        case Amount(amount, currency):
            return f"{number_text(amount)} {currency}"
        case Day(day):
            return day_text(day)
        case Flag(flag):
            return "yes" if flag else "no"
        case Me():
            return "me"


def number_text(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def day_text(day: date) -> str:
    return day.isoformat()


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
