"""What a score is for one account or for many, and what each part adds to it."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from math import isinf, isnan
from typing import Any

import numpy as np
import pandas as pd

from heed.evidence.scoring.curves import Real, ScoreError, percentage
from heed.evidence.scoring.score import HealthScore, Variant, on_grid
from heed.evidence.tables import require_once


@dataclass(frozen=True, slots=True)
class Override:
    """A person's own figure for an account, from `since` up to and including `expires_on`, with the
    reason."""

    account: str
    score: float
    reason: str
    since: date
    expires_on: date
    by: str = ""

    def __post_init__(self) -> None:
        percentage(self.score, "override.score")
        if not self.reason.strip():
            raise ScoreError(
                "override.reason", "an override needs a reason; say why the score is wrong here."
            )
        if self.expires_on < self.since:
            raise ScoreError(
                "override.expires_on", f"{self.expires_on} is before {self.since}; give a day on or after it."
            )

    def in_force(self, as_of: date) -> bool:
        return self.since <= as_of <= self.expires_on


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one part adds to the score. `value` is the metric's, `points` what its curve makes of it (None
    where unknown); `kind` is "metric", "cap" or "override"."""

    name: str
    kind: str
    value: float | None
    points: float | None
    weight: float
    contribution: float
    words: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score with its parts, whose contributions add up to it exactly. None with a reason if unknown.

    `coverage` is the weight of the metrics known among all (0 to 1).
    """

    account: str
    score: float | None
    reason: str
    coverage: float
    contributions: tuple[Contribution, ...]
    version: str
    segment: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    """A variant over many accounts: points, contributions (accounts × parts), and what the caps add."""

    points: Real
    contributions: Real
    coverage: Real
    caps: Real
    score: Real
    reasons: list[str]


def _figured(score: HealthScore, variant: Variant, values: pd.DataFrame) -> _Table:
    held = np.column_stack([_column(values, part.metric) for part in variant.parts])
    known = np.isfinite(held)
    weights = np.array([part.weight for part in variant.parts])
    points = np.full(held.shape, np.nan)
    for place, part in enumerate(variant.parts):
        points[known[:, place], place] = part.curve(held[known[:, place], place])
    whole = known @ weights
    coverage = whole / weights.sum()
    parts = _parts(points, weights, whole)
    reasons = [_why_unknown(score, variant, held[row], coverage[row]) for row in range(len(held))]
    total = parts.sum(axis=1)
    caps = _caps(variant, values, total)
    total = total + caps.sum(axis=1)
    unknown = np.array([bool(reason) for reason in reasons], dtype=bool)
    return _Table(points, parts, coverage, caps, np.where(unknown, np.nan, total), reasons)


def _parts(points: Real, weights: Real, whole: Real) -> Real:
    """What each metric adds, as multiples of the grid whose sum is the rounded sum: what rounding leaves over
    goes to the greatest part."""
    with np.errstate(invalid="ignore", divide="ignore"):
        exact = np.nan_to_num(np.nan_to_num(points) * weights / whole[:, None])
    parts = on_grid(exact)
    row = np.arange(len(parts))
    parts[row, exact.argmax(axis=1)] += on_grid(exact.sum(axis=1)) - parts.sum(axis=1)
    return parts


def _column(values: pd.DataFrame, metric: str) -> Real:
    if metric not in values.columns:
        raise ScoreError(
            f"score.{metric}", "the table has no such column; compute the metric, or take it out."
        )
    try:
        found = values[metric].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as wrong:
        raise ScoreError(f"score.{metric}", f"its column holds what is no number ({wrong}).") from wrong
    return np.asarray(found)


def _why_unknown(score: HealthScore, variant: Variant, row: Real, coverage: float) -> str:
    lacking = [part.metric for part, value in zip(variant.parts, row, strict=True) if isnan(value)]
    infinite = [part.metric for part, value in zip(variant.parts, row, strict=True) if isinf(value)]
    if infinite:
        return f"{infinite[0]} is infinite"
    if not lacking:
        return ""
    if score.missing == "unknown":
        return f"{_listed(lacking)} not known"
    if coverage == 0 or coverage < score.floor:
        return (
            f"{_listed(lacking)} not known: "
            f"only {coverage:.0%} of the weights are, {score.floor:.0%} are needed"
        )
    return ""


def _listed(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _caps(variant: Variant, values: pd.DataFrame, total: Real) -> Real:
    """What each cap adds (accounts × caps), one after the other as they stand in the record."""
    found = np.zeros((len(values), len(variant.caps)))
    for place, cap in enumerate(variant.caps):
        bounded = np.minimum(total, cap.score) if cap.bound == "at most" else np.maximum(total, cap.score)
        bounded = on_grid(bounded)
        moved = np.where(cap.applies(_column(values, cap.metric)), bounded - total, 0.0)
        found[:, place] = moved
        total = total + moved
    return found


def score_accounts(
    score: HealthScore,
    values: pd.DataFrame,
    *,
    as_of: date,
    segments: "pd.Series[Any] | None" = None,
    overrides: Iterable[Override] = (),
) -> pd.DataFrame:
    """The score of every account (the index of `values`, a column a metric): `score` (NaN if unknown),
    `coverage`, `reason` (of the unknown, or of the override), `overridden`."""
    own = _segments(values, segments)
    found = pd.DataFrame(
        {"score": np.nan, "coverage": 0.0, "reason": "", "overridden": False}, index=values.index
    )
    for segment in dict.fromkeys(own):
        chosen = np.array([each == segment for each in own])
        table = _figured(score, score.variant(segment), values[chosen])
        found.loc[chosen, "score"] = table.score
        found.loc[chosen, "coverage"] = table.coverage
        found.loc[chosen, "reason"] = table.reasons
    for override in in_force(overrides, as_of).values():
        chosen = values.index.astype(str) == override.account
        found.loc[chosen, "score"] = _of_person(override)
        found.loc[chosen, "reason"] = override.reason
        found.loc[chosen, "overridden"] = True
    return found


def _segments(values: pd.DataFrame, segments: "pd.Series[Any] | None") -> list[str]:
    if segments is None:
        return [""] * len(values)
    require_once(segments.index, "segments")
    return ["" if pd.isna(each) else str(each) for each in segments.reindex(values.index)]


def in_force(overrides: Iterable[Override], as_of: date) -> dict[str, Override]:
    """By account the override that holds on a day. Of several the one that began last counts, and takes the
    place of those before for good: when it is over, none of them comes back."""
    begun = sorted((each for each in overrides if each.since <= as_of), key=lambda each: each.since)
    last = {override.account: override for override in begun}
    return {account: override for account, override in last.items() if override.in_force(as_of)}


def _of_person(override: Override) -> float:
    return float(on_grid(np.array([override.score]))[0])


def explain_score(
    score: HealthScore,
    row: "Mapping[str, Any] | pd.Series[Any]",
    *,
    as_of: date,
    account: Hashable = "",
    segment: str = "",
    overrides: Iterable[Override] = (),
) -> Explanation:
    """The score of one account (`row`: metric → value, None or NaN if unknown) with each part of it."""
    variant = score.variant(segment)
    values = pd.DataFrame(
        {metric: [row[metric]] for metric in variant.metrics if metric in row}, dtype=object
    )
    table = _figured(score, variant, values)
    known = not table.reasons[0]
    parts = _metric_parts(variant, values, table, known) + _cap_parts(variant, values, table, known)
    found = float(table.score[0]) if known else None
    override = in_force(overrides, as_of).get(str(account))
    if override is not None:
        parts += (_override_part(override, found or 0.0),)
        found = sum(part.contribution for part in parts)
    return Explanation(
        str(account), found, "" if override else table.reasons[0], float(table.coverage[0]), parts,
        score.version, segment if segment in dict(score.segments) else "",
    )  # fmt: skip


def _metric_parts(
    variant: Variant, values: pd.DataFrame, table: _Table, known: bool
) -> tuple[Contribution, ...]:
    whole = sum(part.weight for part in variant.parts) * table.coverage[0]
    found = []
    for place, part in enumerate(variant.parts):
        value, points = float(_column(values, part.metric)[0]), float(table.points[0, place])
        if np.isnan(points):
            found.append(
                Contribution(part.metric, "metric", None, None, 0.0, 0.0, f"{part.metric} is not known")
            )
            continue
        adds = float(table.contributions[0, place]) if known else 0.0
        weight = part.weight / whole if whole else 0.0
        words = f"{part.metric} is {value:g}: {points:.0f} of 100 points at {weight:.0%} of the weight"
        found.append(Contribution(part.metric, "metric", value, points, weight, adds, words))
    return tuple(found)


def _cap_parts(
    variant: Variant, values: pd.DataFrame, table: _Table, known: bool
) -> tuple[Contribution, ...]:
    found = []
    for place, cap in enumerate(variant.caps):
        value = float(_column(values, cap.metric)[0])
        adds = float(table.caps[0, place]) if known else 0.0
        if not np.isfinite(value):
            words = f"whether it is {cap.words} is not known"
            found.append(Contribution(cap.words, "cap", None, None, 0.0, 0.0, words))
        elif adds:
            found.append(Contribution(cap.words, "cap", value, None, 0.0, adds, cap.words))
    return tuple(found)


def _override_part(override: Override, before: float) -> Contribution:
    moved = _of_person(override) - before
    words = f"set to {override.score:g} until {override.expires_on}: {override.reason}"
    return Contribution("override", "override", None, None, 0.0, moved, words)
