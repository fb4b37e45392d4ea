"""A team's own health score: weighted metrics, caps, variants by segment; one versioned record.

A score is 0 (worst) to 100 (best). Each metric becomes points by its curve; the score is their weighted mean,
then bounded by the caps that apply. All figures are multiples of 2⁻²⁰, so that parts add up to the score
exactly, in any order. What is missing is unknown: the weights of the rest are taken as the whole only where
the record says so, and not below its floor of coverage.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np

from heed.evidence.scoring.curves import (
    Curve,
    Real,
    ScoreError,
    number,
    only,
    percentage,
    read_curve,
    write_curve,
)

Missing = Literal["unknown", "weigh the rest"]
When = Literal["above", "at least", "below", "at most", "equals"]
Bound = Literal["at most", "at least"]

GRID = float(2**20)
FLOOR = 0.5
COMPARE = {
    "above": np.greater,
    "at least": np.greater_equal,
    "below": np.less,
    "at most": np.less_equal,
    "equals": np.equal,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A metric with its weight (0 or more, of any unit) and its curve."""

    metric: str
    weight: float
    curve: Curve


@dataclass(frozen=True, slots=True)
class Cap:
    """Where `metric` is `when` `value`, the score is `bound` `score`. A metric that is unknown caps nothing,
    and the answer says that it was not known."""

    metric: str
    when: When
    value: float
    bound: Bound
    score: float

    @property
    def words(self) -> str:
        return f"{self.bound} {self.score:g} where {self.metric} is {self.when} {self.value:g}"

    def applies(self, values: Real) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        return np.asarray(COMPARE[self.when](values, self.value) & np.isfinite(values))


@dataclass(frozen=True, slots=True)
class Variant:
    """Parts and caps that make a score, for everybody or for a segment."""

    parts: tuple[Part, ...]
    caps: tuple[Cap, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        named = [part.metric for part in self.parts] + [cap.metric for cap in self.caps]
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class HealthScore:
    """A version of a score. `segments` replace `default` for accounts of that segment.

    `missing`: "unknown" (any metric missing makes the score unknown) or "weigh the rest", while the weights
    of the metrics known are at least `floor` (0 to 1) of all.
    """

    name: str
    default: Variant
    version: str = "1"
    segments: tuple[tuple[str, Variant], ...] = ()
    missing: Missing = "unknown"
    floor: float = FLOOR
    note: str = ""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that some variant reads."""
        variants = [self.default, *(variant for _, variant in self.segments)]
        return tuple(dict.fromkeys(metric for variant in variants for metric in variant.metrics))

    def variant(self, segment: str | None) -> Variant:
        return dict(self.segments).get(segment or "", self.default)

    def reweighted(self, weights: Mapping[str, float], version: str) -> Self:
        """A new version with other weights, checked as a record is."""
        record = self.to_record() | {"version": version}
        for part in record["parts"]:
            part["weight"] = weights.get(part["metric"], part["weight"])
        return self.from_record(record)

    def to_record(self) -> dict[str, Any]:
        """For JSON; `from_record` gives an equal score back."""
        segments = {name: _write_variant(variant) for name, variant in self.segments}
        return {
            "name": self.name, "version": self.version, **_write_variant(self.default), "segments": segments,
            "missing": self.missing, "floor": self.floor, "note": self.note,
        }  # fmt: skip

    @classmethod
    def from_record(cls, record: Mapping[str, Any], *, known: Collection[str] | None = None) -> Self:
        """Checked: ScoreError names the field and what to do. `known`: the metrics that there are."""
        held = only(
            record, ("name", "version", "parts", "caps", "segments", "missing", "floor", "note"), "score"
        )
        segments = only_mapping(held.get("segments") or {}, "score.segments")
        found = cls(
            name=_text(held.get("name"), "score.name"),
            default=_read_variant({key: held[key] for key in ("parts", "caps") if key in held}, "score"),
            version=_text(held.get("version", "1"), "score.version"),
            segments=tuple(
                (name, _read_variant(each, f"score.segments.{name}")) for name, each in segments.items()
            ),
            missing=_choice(held.get("missing", "unknown"), Missing, "score.missing"),
            floor=_share(held.get("floor", FLOOR), "score.floor"),
            note=str(held.get("note") or ""),
        )
        if known is not None:
            found.check_metrics(known)
        return found

    def check_metrics(self, known: Collection[str]) -> None:
        for metric in self.metrics:
            if metric not in known:
                raise ScoreError(
                    f"score.{metric}", "there is no such metric; define it, or take it out of the score."
                )

    @classmethod
    def from_weights(
        cls,
        name: str,
        weights: Mapping[str, float],
        *,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        version: str = "1",
        missing: Missing = "unknown",
    ) -> Self:
        """An old score from a table of its weights. `ranges` are (worst, best) of each metric; without one a
        metric is taken to be points from 0 to 100 already."""
        parts = []
        for metric, weight in weights.items():
            worst, best = (ranges or {}).get(metric, (0.0, 100.0))
            curve = {"kind": "bounded", "worst": worst, "best": best}
            parts.append({"metric": metric, "weight": weight, "curve": curve})
        return cls.from_record({"name": name, "version": version, "parts": parts, "missing": missing})


def on_grid(values: Real) -> Real:
    """Rounded to multiples of 2⁻²⁰ (a millionth of a point), whose sums are exact."""
    return np.asarray(np.round(values * GRID) / GRID)


def only_mapping(record: object, field: str) -> Mapping[str, Any]:
    if not isinstance(record, Mapping):
        raise ScoreError(field, f"{record!r} is no mapping of names; give one.")
    return record


def _write_variant(variant: Variant) -> dict[str, Any]:
    return {
        "parts": [
            {"metric": each.metric, "weight": each.weight, "curve": write_curve(each.curve)}
            for each in variant.parts
        ],
        "caps": [
            {
                "metric": each.metric,
                "when": each.when,
                "value": each.value,
                "bound": each.bound,
                "score": each.score,
            }
            for each in variant.caps
        ],
    }


def _read_variant(record: object, field: str) -> Variant:
    held = only(record, ("parts", "caps"), field)
    parts = tuple(
        _read_part(each, f"{field}.parts[{place}]") for place, each in enumerate(_many(held, "parts", field))
    )
    caps = tuple(
        _read_cap(each, f"{field}.caps[{place}]") for place, each in enumerate(_many(held, "caps", field))
    )
    _check_weights(parts, field)
    return Variant(parts, caps)


def _many(held: Mapping[str, Any], name: str, field: str) -> Sequence[Any]:
    found = held.get(name) or []
    if not isinstance(found, list | tuple):
        raise ScoreError(f"{field}.{name}", f"{found!r} is no list; give a list.")
    return found


def _check_weights(parts: tuple[Part, ...], field: str) -> None:
    if not parts:
        raise ScoreError(
            f"{field}.parts", "a score needs a metric at least; add one with its weight and curve."
        )
    names = [part.metric for part in parts]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ScoreError(
            f"{field}.parts", f"{twice[0]} is named twice; give each metric one weight and one curve."
        )
    if sum(part.weight for part in parts) <= 0:
        raise ScoreError(
            f"{field}.parts", "the weights add up to nothing; give one a weight above 0 at least."
        )


def _read_part(record: object, field: str) -> Part:
    held = only(record, ("metric", "weight", "curve"), field)
    weight = number(held.get("weight"), f"{field}.weight")
    if weight < 0:
        raise ScoreError(
            f"{field}.weight",
            f"{weight:g} is negative; turn the curve round instead (its worst above its best).",
        )
    return Part(
        _text(held.get("metric"), f"{field}.metric"), weight, read_curve(held.get("curve"), f"{field}.curve")
    )


def _read_cap(record: object, field: str) -> Cap:
    held = only(record, ("metric", "when", "value", "bound", "score"), field)
    return Cap(
        _text(held.get("metric"), f"{field}.metric"),
        _choice(held.get("when"), When, f"{field}.when"),
        number(held.get("value"), f"{field}.value"),
        _choice(held.get("bound", "at most"), Bound, f"{field}.bound"),
        percentage(held.get("score"), f"{field}.score"),
    )


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ScoreError(field, f"{value!r} is no name; give a word or a few.")
    return value


def _choice(value: object, among: Any, field: str) -> Any:
    if value not in get_args(among):
        raise ScoreError(field, f"{value!r} is not known; say {', '.join(get_args(among))}.")
    return value


def _share(value: object, field: str) -> float:
    found = number(value, field)
    if not 0 <= found <= 1:
        raise ScoreError(field, f"{found:g} is no share; give one from 0 to 1, such as .5.")
    return found
