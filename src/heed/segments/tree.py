"""What a filter is made of: frozen nodes that compare by meaning, not by where they stood in a text."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

Span = tuple[int, int]
"""Start and end of a piece of the text, in characters."""

NOWHERE: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of a filter; `span` is where it stood in the text."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Text(Node):
    text: str


@dataclass(frozen=True, slots=True)
class Number(Node):
    number: Decimal


@dataclass(frozen=True, slots=True)
class Percent(Node):
    """`percent` 20 is a share of 0.2."""

    percent: Decimal


@dataclass(frozen=True, slots=True)
class Amount(Node):
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Day(Node):
    day: date


@dataclass(frozen=True, slots=True)
class Flag(Node):
    flag: bool


@dataclass(frozen=True, slots=True)
class Me(Node):
    """The person who reads the list."""


Value = Text | Number | Percent | Amount | Day | Flag | Me


class Comparison(StrEnum):
    IS = "is"
    IS_NOT = "is not"
    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    CONTAINS = "contains"
    LACKS = "does not contain"
    STARTS = "starts with"


ORDERED = frozenset({Comparison.ABOVE, Comparison.AT_LEAST, Comparison.BELOW, Comparison.AT_MOST})
PARTIAL = frozenset({Comparison.CONTAINS, Comparison.LACKS, Comparison.STARTS})


class Direction(StrEnum):
    CHANGED = "changed"
    FELL = "fell"
    ROSE = "rose"


class Bound(StrEnum):
    AT_LEAST = "at least"
    MORE_THAN = "more than"
    AT_MOST = "at most"
    EXACTLY = "exactly"


@dataclass(frozen=True, slots=True)
class FieldName(Node):
    """A field as written: `owner`, `attribute.plan` or, where a metric shares a name, `metric.seats`."""

    name: str
    family: str = ""


@dataclass(frozen=True, slots=True)
class Compare(Node):
    field: FieldName
    comparison: Comparison
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf(Node):
    field: FieldName
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Known(Node):
    field: FieldName
    known: bool


@dataclass(frozen=True, slots=True)
class Within(Node):
    """A date in the next (or last) `days` days, today included."""

    field: FieldName
    days: int
    past: bool = False


@dataclass(frozen=True, slots=True)
class Changed(Node):
    """A metric's value against its value `days` days before; `percent` of that earlier value."""

    field: FieldName
    direction: Direction
    bound: Bound
    amount: Decimal
    percent: bool
    days: int


@dataclass(frozen=True, slots=True)
class Held(Node):
    """A comparison of a metric that was true on each of the last `days` days."""

    condition: Compare
    days: int


@dataclass(frozen=True, slots=True)
class Did(Node):
    """How often something happened in the last `days` days; `activity` None is anything at all."""

    activity: str | None
    days: int
    bound: Bound = Bound.AT_LEAST
    times: int = 1
    happened: bool = True


@dataclass(frozen=True, slots=True)
class InSegment(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Not(Node):
    part: "Condition"


@dataclass(frozen=True, slots=True)
class And(Node):
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Or(Node):
    parts: "tuple[Condition, ...]"


Leaf = Compare | OneOf | Known | Within | Changed | Held | Did | InSegment
Condition = Leaf | Not | And | Or


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition (None: every account), today's or as it was on an earlier day."""

    condition: Condition | None = None
    as_of: date | None = None
    text: str = field(default="", compare=False, repr=False)


def leaves(condition: Condition | None) -> Iterator[Leaf]:
    """The conditions that hold no others, in reading order."""
    if condition is None:
        return
    if isinstance(condition, Not):
        yield from leaves(condition.part)
    elif isinstance(condition, And | Or):
        for part in condition.parts:
            yield from leaves(part)
    else:
        yield condition


def renamed(filter: Filter, old: str, new: str) -> Filter:
    """The same filter where every mention of a segment's name is of another name."""
    return replace(filter, condition=_renamed(filter.condition, old, new) if filter.condition else None)


def _renamed(condition: Condition, old: str, new: str) -> Condition:
    if isinstance(condition, Not):
        return replace(condition, part=_renamed(condition.part, old, new))
    if isinstance(condition, And | Or):
        return replace(condition, parts=tuple(_renamed(part, old, new) for part in condition.parts))
    if isinstance(condition, InSegment) and condition.name == old:
        return replace(condition, name=new)
    return condition
