"""Drift: whether accounts still look like those that a version learnt from, and leave as it says.

Looked at on each scored day and kept with it. Past it, the round learns again before the week is over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import poisson

from heed.evidence.cards import stability_index
from heed.evidence.risk import HazardModel
from heed.measures.definitions import metrics_of
from heed.measures.landmarks import CLOCK
from heed.measures.models import RiskModel, ScoredDay
from heed.measures.packing import unpacked
from heed.measures.stays import Contract

SHIFT: Final = 0.25
"""A population stability index above is called a shift in common use (Siddiqi 2006)."""
LEVEL: Final = 0.99
"""Of the interval of how many leave: it is looked at every day, and one in twenty would be too often."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the accounts that a version first scored on `since`: so many `left` by now, where it
    `expected` so many, and at least `low` and at most `high` but for one time in a hundred."""

    since: date
    scored: int
    left: int
    expected: float
    low: int
    high: int

    @property
    def outside(self) -> bool:
        """More left than expected. Fewer says nothing within a week: the news of who left comes late."""
        return self.left > self.high


@dataclass(frozen=True, slots=True)
class Drift:
    """What was seen on a scored day. `shifts`: of each metric that the version uses (by key) the stability
    index of its figures on the day against those it learnt from on the same day of the week; None: too few to
    compare. `outcomes` None: no day has passed since it first scored.
    """

    shifts: Mapping[str, float | None]
    outcomes: Outcomes | None

    @property
    def moved(self) -> set[str]:
        return {key for key, index in self.shifts.items() if index is not None and index > SHIFT}

    def to_record(self) -> dict[str, Any]:
        told = asdict(self)
        if self.outcomes is not None:
            told["outcomes"]["since"] = self.outcomes.since.isoformat()
        return told


def drift_of(day: ScoredDay) -> Drift:
    """What was seen on a scored day; nothing where it was not looked at."""
    record: Any = day.drift or {"shifts": {}, "outcomes": None}
    told = record["outcomes"]
    since = {"since": date.fromisoformat(told["since"])} if told else {}
    return Drift(record["shifts"], Outcomes(**told | since) if told else None)


def drift_on(
    as_of: date, version: RiskModel, model: HazardModel, told: pd.DataFrame, known: Iterable[Contract]
) -> Drift:
    """The drift of a version on a day on which it was `told` so of every account (by number); `known` are
    the contracts as known then."""
    learnt_from = learnt_on(version, as_of.weekday())
    shifts = {key: _shift(learnt_from, told, key) for key in used_by(model)}
    return Drift(shifts, _outcomes(as_of, version, model, known))


def used_by(model: HazardModel) -> list[str]:
    """The metrics that a model uses, less its clock, which moves by itself."""
    needed = model.learnt_.needed if model.learnt_ else []
    return sorted({str(name) for name in needed} - {*CLOCK, "term_days"})


def learnt_on(version: RiskModel, weekday: int) -> pd.DataFrame:
    """The rows that a version learnt from at landmarks on a day of the week (0: Monday). Figures that count
    days are other ones on a Sunday than on a Friday, and that is no drift."""
    rows = unpacked(version.panel.table) if version.panel else pd.DataFrame({"landmark": []})
    found: pd.DataFrame = rows[pd.to_datetime(rows["landmark"]).dt.weekday == weekday]
    return found


def _shift(learnt_from: pd.DataFrame, told: pd.DataFrame, key: str) -> float | None:
    if key not in learnt_from or key not in told:
        return None
    before, now = (rows[key].to_numpy(dtype=np.float64) for rows in (learnt_from, told))
    return stability_index(before, now).value


def _outcomes(
    as_of: date, version: RiskModel, model: HazardModel, known: Iterable[Contract]
) -> Outcomes | None:
    first = ScoredDay.objects.filter(model=version, as_of__lt=as_of).order_by("as_of").first()
    if first is None or (as_of - first.as_of).days > model.longest_:
        return None
    told = unpacked(first.table)
    ends = {
        contract.account: {stop for _start, stop in contract.spells() if stop is not None}
        for contract in known
    }
    left = sum(
        any(first.as_of < stop <= as_of for stop in ends.get(number, ())) for number in told["account"]
    )
    expected = float(model.predict_proba(told, (as_of - first.as_of).days).sum())
    low, high = (int(poisson.ppf(0.5 + side * LEVEL / 2, expected)) for side in (-1, 1))
    return Outcomes(first.as_of, len(told), left, expected, low, high)


def why_learn_again(version: RiskModel, as_of: date) -> str:
    """Why a version is replaced before its week is over; "": it is not.

    A metric that was a shift away on the version's first day already is no reason, for learning did not mend
    it, nor is one that hardly rose since; and after a version that was learnt early, the next waits its week.
    """
    if version.because:
        return ""
    days = ScoredDay.objects.filter(model=version, as_of__lte=as_of, drift__isnull=False).order_by("as_of")
    first, last = days.first(), days.last()
    if first is None or last is None or first == last:
        return ""
    before, now = drift_of(first), drift_of(last)
    return "; ".join([*_told_outcomes(now.outcomes), *_told_shifts(now, moved_since(before, now), version)])


def moved_since(before: Drift, now: Drift) -> set[str]:
    """The metrics that were not a shift away before, and have moved by a shift since."""
    return {
        key
        for key in now.moved - before.moved
        if (now.shifts[key] or 0.0) - (before.shifts.get(key) or 0.0) > SHIFT
    }


def _told_outcomes(found: Outcomes | None) -> Iterable[str]:
    if found is not None and found.outside:
        yield (
            f"since {found.since} {found.left} of {found.scored} accounts left where {found.expected:.1f}"
            f" were expected ({found.low} to {found.high})"
        )


def _told_shifts(now: Drift, moved: set[str], version: RiskModel) -> Iterable[str]:
    names = {metric.key: metric.name for metric in metrics_of(version.definitions).values()}
    for key in sorted(moved):
        yield f"{names.get(key, key)} has moved since it was learnt (stability index {now.shifts[key]:.2f})"
