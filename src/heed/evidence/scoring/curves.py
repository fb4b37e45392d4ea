"""How the value of a metric becomes points from 0 to 100: by steps, by straight lines, or between two bounds.

A curve is a mapping as JSON or TOML holds it:

    {"kind": "step", "knots": [1, 5], "points": [0, 60, 100]}     below 1: 0; from 1: 60; from 5: 100
    {"kind": "linear", "knots": [0, 10, 20], "points": [0, 80, 100]}   straight between knots, flat outside
    {"kind": "bounded", "worst": 30, "best": 0}                   0 at 30 or worse, 100 at 0 or better
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]


class ScoreError(ValueError):
    """A score that cannot be used: `field` is where, the message says what is wrong and what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Step:
    """From each knot on, the next of the points; below the first knot the first of them."""

    knots: tuple[float, ...]
    points: tuple[float, ...]
    kind: Literal["step"] = "step"

    def __call__(self, values: Real) -> Real:
        return np.asarray(self.points)[np.searchsorted(self.knots, values, side="right")]


@dataclass(frozen=True, slots=True)
class Linear:
    """Straight lines from knot to knot; outside them the points of the nearest."""

    knots: tuple[float, ...]
    points: tuple[float, ...]
    kind: Literal["linear"] = "linear"

    def __call__(self, values: Real) -> Real:
        return np.interp(values, self.knots, self.points)


@dataclass(frozen=True, slots=True)
class Bounded:
    """One straight line from `worst` (0 points) to `best` (100), which may be the lower of the two."""

    worst: float
    best: float
    kind: Literal["bounded"] = "bounded"

    def __call__(self, values: Real) -> Real:
        return np.asarray(np.clip((values - self.worst) / (self.best - self.worst), 0.0, 1.0) * 100)


Curve = Step | Linear | Bounded


def number(value: object, field: str) -> float:
    """A finite number, or a ScoreError that names the field."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ScoreError(field, f"{value!r} is no number; give a finite one, such as 20.")
    return float(value)


def percentage(value: object, field: str) -> float:
    found = number(value, field)
    if not 0 <= found <= 100:
        raise ScoreError(field, f"{found:g} is outside 0 to 100; scores and points lie between them.")
    return found


def only(record: object, known: Sequence[str], field: str) -> Mapping[str, Any]:
    """The record, which may have these fields and no others."""
    if not isinstance(record, Mapping):
        raise ScoreError(field, f"{record!r} is no mapping; give one with {', '.join(known)}.")
    if unknown := sorted(set(map(str, record)) - set(known)):
        raise ScoreError(f"{field}.{unknown[0]}", f"unknown; known are {', '.join(known)}.")
    return record


def read_curve(record: object, field: str) -> Curve:
    kind = record.get("kind") if isinstance(record, Mapping) else None
    if kind == "bounded":
        held = only(record, ("kind", "worst", "best"), field)
        return _bounded(
            number(held.get("worst"), f"{field}.worst"), number(held.get("best"), f"{field}.best"), field
        )
    if kind in ("step", "linear"):
        held = only(record, ("kind", "knots", "points"), field)
        knots = _numbers(held.get("knots"), f"{field}.knots")
        points = tuple(
            percentage(each, f"{field}.points") for each in _list(held.get("points"), f"{field}.points")
        )
        _check_knots(knots, points, kind, field)
        return Step(knots, points) if kind == "step" else Linear(knots, points)
    raise ScoreError(f"{field}.kind", f"{kind!r} is no kind of curve; say step, linear or bounded.")


def write_curve(curve: Curve) -> dict[str, Any]:
    if isinstance(curve, Bounded):
        return {"kind": curve.kind, "worst": curve.worst, "best": curve.best}
    return {"kind": curve.kind, "knots": list(curve.knots), "points": list(curve.points)}


def _bounded(worst: float, best: float, field: str) -> Bounded:
    if worst == best:
        raise ScoreError(
            field, f"worst and best are both {worst:g}; give two values, either may be the higher."
        )
    return Bounded(worst, best)


def _list(values: object, field: str) -> Sequence[Any]:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise ScoreError(field, f"{values!r} is no list of numbers; give one, such as [0, 10].")
    return values


def _numbers(values: object, field: str) -> tuple[float, ...]:
    return tuple(number(each, field) for each in _list(values, field))


def _check_knots(knots: tuple[float, ...], points: tuple[float, ...], kind: str, field: str) -> None:
    if any(after <= before for before, after in pairwise(knots)):
        raise ScoreError(
            f"{field}.knots", f"{list(knots)} do not increase; give each once, in ascending order."
        )
    if kind == "linear" and len(knots) < 2:
        raise ScoreError(f"{field}.knots", "a line needs two knots or more.")
    needed = len(knots) + (kind == "step")
    if len(points) != needed:
        raise ScoreError(
            f"{field}.points", f"{len(points)} points for {len(knots)} knots; a {kind} curve needs {needed}."
        )
