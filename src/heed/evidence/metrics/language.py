"""The language of metrics: a definition is data (a mapping from TOML or JSON), checked once, then typed.

A metric is either figured from activities (which ones, how they are added up, over how many days,
optionally compared with the account's own past or divided by something) or is a fact of the account
(days to renewal, tenure, seats).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, TypeVar

LONGEST_WINDOW = 365
LONGEST_NAME = 120
LONGEST_REASON = 100

Kind = TypeVar("Kind", bound=StrEnum)


class Aggregate(StrEnum):
    """How the activities of a window become one figure."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    LAST = "last"
    DISTINCT_CONTACTS = "distinct_contacts"
    DISTINCT_NAMES = "distinct_names"
    DAYS_ACTIVE = "days_active"
    DAYS_SINCE_LAST = "days_since_last"


class Fact(StrEnum):
    """What is known of an account without any activity."""

    DAYS_TO_RENEWAL = "days_to_renewal"
    TENURE_DAYS = "tenure_days"
    SEATS = "seats"


class Per(StrEnum):
    """What a figure may be divided by."""

    SEATS = "seats"
    CONTRACT_MONTH = "contract_month"


class Direction(StrEnum):
    UP_IS_GOOD = "up_is_good"
    DOWN_IS_GOOD = "down_is_good"
    NEITHER = "neither"


class Against(StrEnum):
    PREVIOUS_WINDOW = "previous_window"
    OWN_BASELINE = "own_baseline"


class Result(StrEnum):
    RATIO = "ratio"
    DIFFERENCE = "difference"


class MetricError(ValueError):
    """A definition that cannot be used; the message names the metric, the field and what to do."""


@dataclass(frozen=True, slots=True)
class Activities:
    """Which activities count: exact names, families (`survey.`: all that start so), product usage
    (names without a dot) or any; less the exact names that are left out."""

    names: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    usage: bool = False
    any: bool = False
    left_out: tuple[str, ...] = ()

    @property
    def none_chosen(self) -> bool:
        return not (self.names or self.families or self.usage or self.any)

    def match(self, name: str) -> bool:
        if name in self.left_out:
            return False
        return (
            self.any
            or (self.usage and "." not in name)
            or name in self.names
            or name.startswith(self.families)
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figure against the mean of the `windows` windows of the same length just before."""

    against: Against
    windows: int
    result: Result


@dataclass(frozen=True, slots=True)
class Metric:
    """One version of a definition. `window` is in days; None only for facts and `days_since_last`.

    An account that never had the `activities` (or, where given, those of `known_by`) is unknown; one that
    had them once and is silent now counts as zero.
    """

    key: str
    name: str
    sentence: str
    unit: str
    direction: Direction
    caveat: str
    owner: str
    version: int = 1
    fact: Fact | None = None
    activities: Activities = Activities()
    aggregate: Aggregate | None = None
    window: int | None = None
    comparison: Comparison | None = None
    per: Per | None = None
    per_activities: Activities | None = None
    known_by: Activities | None = None
    unset_reason: str = ""


FACT_FIELDS = {"key", "name", "sentence", "unit", "direction", "caveat", "owner", "version", "fact"}
FIELDS = {field.name for field in fields(Metric)} | {"except"}
COMPARABLE = (
    Aggregate.COUNT,
    Aggregate.SUM,
    Aggregate.MEAN,
    Aggregate.DISTINCT_CONTACTS,
    Aggregate.DISTINCT_NAMES,
    Aggregate.DAYS_ACTIVE,
)


def read_metrics(toml: str) -> tuple[Metric, ...]:
    """The definitions of a TOML text with one `[[metric]]` table each."""
    return parse_metrics(tomllib.loads(toml).get("metric", []))


def parse_metrics(definitions: Iterable[Mapping[str, Any]]) -> tuple[Metric, ...]:
    """Checked definitions; refuses two with one key."""
    metrics = tuple(parse_metric(definition) for definition in definitions)
    keys = [metric.key for metric in metrics]
    for key in keys:
        if keys.count(key) > 1:
            raise MetricError(f"metric '{key}' is defined twice: give one of them another key")
    return metrics


def parse_metric(definition: Mapping[str, Any]) -> Metric:
    """A checked definition. Raises MetricError, which names the metric, the field and what to do."""
    reader = _Reader(definition)
    unknown = sorted(set(definition) - FIELDS)
    if unknown:
        raise reader.error(unknown[0], f"is no field of a metric; the fields are {', '.join(sorted(FIELDS))}")
    if "fact" in definition:
        return _parse_fact(reader)
    return _parse_measured(reader)


def _parse_fact(reader: "_Reader") -> Metric:
    for name in sorted(set(reader.definition) - FACT_FIELDS):
        raise reader.error(name, "does not go with a fact; leave it out, or leave out 'fact'")
    return Metric(fact=reader.choice("fact", Fact), **reader.words())


def _parse_measured(reader: "_Reader") -> Metric:
    aggregate = reader.choice("aggregate", Aggregate)
    activities = reader.activities("activities", left_out="except")
    unset_reason = reader.text("unset_reason", required=False, longest=LONGEST_REASON)
    if activities.none_chosen and not unset_reason:
        raise reader.error(
            "activities", "is empty; name some, or say in 'unset_reason' why there are none yet"
        )
    return Metric(
        activities=activities,
        aggregate=aggregate,
        window=_parse_window(reader, aggregate),
        comparison=_parse_comparison(reader, aggregate),
        known_by=_parse_known_by(reader, aggregate),
        unset_reason=unset_reason,
        **_parse_divisor(reader, aggregate),
        **reader.words(),
    )


def _parse_window(reader: "_Reader", aggregate: Aggregate) -> int | None:
    if aggregate is Aggregate.DAYS_SINCE_LAST:
        if "window" in reader.definition:
            raise reader.error(
                "window", "does not go with days_since_last, which looks at all days; leave it out"
            )
        return None
    return reader.whole("window", 1, LONGEST_WINDOW)


def _parse_comparison(reader: "_Reader", aggregate: Aggregate) -> Comparison | None:
    if "comparison" not in reader.definition:
        return None
    if aggregate not in COMPARABLE:
        raise reader.error("comparison", f"does not go with {aggregate}; leave it out")
    given = reader.definition["comparison"]
    if not isinstance(given, Mapping):
        raise reader.error("comparison", "must be a table such as {against = 'own_baseline', windows = 3}")
    inner = _Reader(given, reader.key, "comparison.")
    for name in sorted(set(given) - {"against", "windows", "result"}):
        raise inner.error(name, "is unknown; a comparison has 'against', 'windows' and 'result'")
    against = inner.choice("against", Against)
    result = inner.choice("result", Result) if "result" in given else Result.RATIO
    if against is Against.PREVIOUS_WINDOW:
        if given.get("windows", 1) != 1:
            raise inner.error("windows", "must be left out with previous_window, or use own_baseline")
        return Comparison(against, 1, result)
    return Comparison(against, inner.whole("windows", 1, 12), result)


def _parse_known_by(reader: "_Reader", aggregate: Aggregate) -> Activities | None:
    if "known_by" not in reader.definition:
        return None
    if aggregate in (Aggregate.LAST, Aggregate.MEAN, Aggregate.DAYS_SINCE_LAST):
        raise reader.error(
            "known_by", f"does not go with {aggregate}, which is no zero in silence; leave it out"
        )
    if "per_activities" in reader.definition:
        raise reader.error("known_by", "does not go together with 'per_activities'; leave it out")
    known_by = reader.activities("known_by")
    if known_by.none_chosen:
        raise reader.error("known_by", "is empty; name the activities that make silence a zero")
    return known_by


def _parse_divisor(reader: "_Reader", aggregate: Aggregate) -> dict[str, Any]:
    given = [name for name in ("per", "per_activities", "comparison") if name in reader.definition]
    if len(given) > 1:
        raise reader.error(given[0], f"does not go together with '{given[1]}'; keep one of them")
    if "per" in given:
        _refuse_divisor_of_moments(reader, "per", aggregate)
        return {"per": reader.choice("per", Per)}
    if "per_activities" in given:
        _refuse_divisor_of_moments(reader, "per_activities", aggregate)
        if aggregate is not Aggregate.COUNT:
            raise reader.error("per_activities", "divides a count by a count; use aggregate = 'count'")
        divisor = reader.activities("per_activities")
        if divisor.none_chosen:
            raise reader.error("per_activities", "is empty; name the activities to divide by")
        return {"per_activities": divisor}
    return {}


def _refuse_divisor_of_moments(reader: "_Reader", name: str, aggregate: Aggregate) -> None:
    if aggregate in (Aggregate.LAST, Aggregate.DAYS_SINCE_LAST, Aggregate.MEAN):
        raise reader.error(name, f"does not go with {aggregate}; leave it out")


class _Reader:
    """Takes typed fields out of a definition and says what is wrong with them."""

    def __init__(self, definition: Mapping[str, Any], key: str = "", path: str = "") -> None:
        self.definition = definition
        self.path = path
        self.key = key or str(definition.get("key", "?"))

    def error(self, field: str, problem: str) -> MetricError:
        return MetricError(f"metric '{self.key}', field '{self.path}{field}' {problem}")

    def words(self) -> dict[str, Any]:
        key = self.text("key")
        if not key.replace("_", "").isalnum() or not key.isascii() or key != key.lower() or len(key) > 60:
            raise self.error("key", "must be lower-case letters, digits and underscores, at most 60")
        return {
            "key": key,
            "name": self.text("name", longest=LONGEST_NAME),
            "sentence": self.text("sentence"),
            "unit": self.text("unit"),
            "direction": self.choice("direction", Direction),
            "caveat": self.text("caveat", required=False),
            "owner": self.text("owner", required=False),
            "version": self.whole("version", 1, 1_000_000) if "version" in self.definition else 1,
        }

    def text(self, field: str, *, required: bool = True, longest: int = 10_000) -> str:
        value = self.definition.get(field, "")
        if not isinstance(value, str):
            raise self.error(field, f"must be text, not {value!r}")
        if len(value.strip()) > longest:
            raise self.error(field, f"has {len(value.strip())} characters; use at most {longest}")
        if required and not value.strip():
            raise self.error(field, "is missing; write it in plain words")
        return value.strip()

    def whole(self, field: str, least: int, most: int) -> int:
        value = self.definition.get(field)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            stated = "is missing" if value is None else f"is {value!r}"
            raise self.error(field, f"{stated}; give a whole number from {least} to {most}")
        return value

    def choice(self, field: str, kind: type[Kind]) -> Kind:
        value: Any = self.definition.get(field)
        try:
            return kind(value)
        except ValueError:
            stated = "is missing" if value is None else f"is {value!r}"
            raise self.error(field, f"{stated}; choose one of {', '.join(kind)}") from None

    def activities(self, field: str, left_out: str = "") -> Activities:
        chosen = self._names(field, required=True)
        words = [name for name in chosen if name not in ("usage", "any") and not name.endswith(".*")]
        for name in words:
            if "*" in name or name != name.strip() or not name:
                raise self.error(
                    field, f"has {name!r}; give an exact name, a family such as 'survey.*', 'usage' or 'any'"
                )
        return Activities(
            names=tuple(sorted(set(words))),
            families=tuple(sorted({name[:-1] for name in chosen if name.endswith(".*")})),
            usage="usage" in chosen,
            any="any" in chosen,
            left_out=tuple(sorted(set(self._names(left_out)))) if left_out else (),
        )

    def _names(self, field: str, *, required: bool = False) -> list[str]:
        value = self.definition.get(field)
        if value is None and not required:
            return []
        if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
            stated = "is missing" if value is None else f"is {value!r}"
            raise self.error(field, f"{stated}; give a list of activity names")
        return list(value)
