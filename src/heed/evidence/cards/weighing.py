"""What stands for and against one metric, before a verdict: gathered for each metric alone."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from heed.evidence.cards.gain import Folds, gain_over_clock
from heed.evidence.cards.judging import Band, bands
from heed.evidence.cards.leaks import sure_range, too_good, written_wrongly
from heed.evidence.cards.resampling import Real
from heed.evidence.cards.rows import LEAST_LEFT, Rows, too_few
from heed.evidence.cards.separation import Separation, separation
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL

# Of the chance of a false find, what the height of a metric may use; the rest is for its other aspects.
SHARE_FOR_HEIGHT = 0.8
LEAST_LEVELS = 5
HEIGHT, MISSING, MIDDLE = "height", "missing", "distance from the middle"
LEAST_IN_FOLD = 3
EQUIVALENCE_ERROR = 0.05


@dataclass(frozen=True, slots=True)
class Aspect:
    """One way in which a metric can separate: its height, whether it is missing, how far from its middle."""

    name: str
    separation: Separation
    estimate: Estimate

    @property
    def distance(self) -> float:
        return abs(self.separation.auc - 0.5)

    def too_good(self) -> bool:
        """Whether it is an alarm; how far from the middle a copy of the outcome lies tells nothing more."""
        low = self.estimate.low if self.separation.auc >= 0.5 else 1 - (self.estimate.high or 0.0)
        return self.name != MIDDLE and too_good(0.5 + self.distance, low)

    def inside(self, bound: float) -> bool:
        """Whether both one-sided tests at 5 % refuse an AUC at or beyond the bound (Schuirmann 1987)."""
        found = self.separation.estimate(1 - 2 * EQUIVALENCE_ERROR)
        return (
            found.low is not None
            and found.high is not None
            and 0.5 - bound < found.low
            and found.high < 0.5 + bound
        )


@dataclass(frozen=True, slots=True)
class Weighed:
    """The evidence on one metric; `reason` says why there is none, `alarm` why it is a leak."""

    name: str
    rows: Rows
    alarm: str = ""
    reason: str = ""
    aspects: tuple[Aspect, ...] = ()
    p_value: float | None = None
    gain: Estimate | None = None
    agreeing: int = 0
    folds: int = 0
    bands: tuple[Band, ...] = ()

    @property
    def height(self) -> Aspect | None:
        return next((aspect for aspect in self.aspects if aspect.name == HEIGHT), None)

    @property
    def silent(self) -> str:
        """Why nothing can be told of its height; "" where it was judged, or is the same for everybody."""
        known = self.rows.known()
        if self.height is not None or not known.thin() or (known.n and np.ptp(known.values) == 0):
            return ""
        return _why_none(self.rows)

    def chance(self, aspect: Aspect) -> float:
        """The p-value of an aspect after its share of chance."""
        return aspect.separation.p_value / _share(aspect, self.aspects)

    def strongest(self) -> Aspect:
        return min(self.aspects, key=self.chance)

    def telling(self, level: float, distance: float) -> Aspect:
        """The plainest aspect that tells at this level by at least this distance, else the strongest."""
        tells = (each for each in self.aspects if self.chance(each) <= level and each.distance >= distance)
        return next(tells, self.strongest())


def weigh(
    name: str,
    rows: Rows,
    clock: Real | None,
    times: tuple[Any, Any, Any],
    *,
    horizon: float,
    seed: int,
    level: float = LEVEL,
) -> Weighed:
    """`times`: when each row's value was recorded, when its account left, when what it measures began."""
    found = Weighed(name, rows, bands=() if rows.reason else bands(rows.y, rows.values, level=level))
    recorded, outcome, started = (None if each is None else each.iloc[rows.kept] for each in times)
    alarm, unusable = written_wrongly(rows.y, recorded, outcome, started)
    if alarm or rows.reason:
        return replace(found, alarm=alarm, reason=rows.reason)
    if unusable.any():
        noted = (*rows.notes, f"values left out because they were written at a wrong time: {unusable.sum()}")
        rows = replace(rows.only(~unusable), notes=noted)
        clock = None if clock is None else clock[~unusable]
        found = replace(found, rows=rows, bands=bands(rows.y, rows.values, level=level))
    return _judged(found, clock, horizon, seed, level)


def _judged(found: Weighed, clock: Real | None, horizon: float, seed: int, level: float) -> Weighed:
    rows = found.rows
    if reason := rows.thin():
        return replace(found, reason=reason)
    aspects = tuple(_aspects(rows, level))
    if not aspects:
        return replace(found, reason=_why_none(rows))
    alarm = _leak(rows, aspects)
    folds = Folds.of(rows, horizon, seed)
    agreeing, counted = _stability(rows, folds, aspects[0])
    return replace(
        found, alarm=alarm, aspects=aspects, p_value=_together(aspects), agreeing=agreeing, folds=counted,
        gain=gain_over_clock(rows, clock, folds, seed, level),
    )  # fmt: skip


def _aspects(rows: Rows, level: float) -> "list[Aspect]":
    known = rows.known()
    missing = np.isnan(rows.values)
    found = []
    if not known.thin() and np.ptp(known.values) > 0:
        found.append(_aspect(HEIGHT, known, known.values, level))
        if np.unique(known.values).size >= LEAST_LEVELS:
            found.append(_aspect(MIDDLE, known, _off_middle(known.values), level))
    if min(missing.sum(), (~missing).sum()) >= LEAST_LEFT:
        found.append(_aspect(MISSING, rows, missing.astype(float), level))
    return found


def _aspect(name: str, rows: Rows, values: Real, level: float) -> Aspect:
    measured = separation(rows.y, values, rows.clusters)
    return Aspect(name, measured, measured.estimate(level))


def _off_middle(values: Real) -> Real:
    """How far each value's rank lies from the middle rank."""
    ordered = np.sort(values)
    place = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(np.abs(place / (2 * len(values)) - 0.5))


def _why_none(rows: Rows) -> str:
    known = rows.known()
    if not known.n:
        return "it is missing for everybody"
    if np.ptp(known.values) == 0:
        return f"it never varies: it is {known.values[0]:g} for everybody"
    return f"among those with a value, {too_few(known.left, known.accounts_that_stayed())}"


def _share(aspect: Aspect, aspects: tuple[Aspect, ...]) -> float:
    others = sum(each.name != HEIGHT for each in aspects)
    if others == len(aspects):
        return 1 / others
    if not others:
        return 1.0
    return SHARE_FOR_HEIGHT if aspect.name == HEIGHT else (1 - SHARE_FOR_HEIGHT) / others


def _together(aspects: tuple[Aspect, ...]) -> float:
    """One p-value of all aspects: weighted Bonferroni (Genovese et al. 2006)."""
    return min(1.0, *(aspect.separation.p_value / _share(aspect, aspects) for aspect in aspects))


def _leak(rows: Rows, aspects: tuple[Aspect, ...]) -> str:
    """The alarm of the height of a metric, or of whether it is there at all (an answer given on leaving)."""
    known = rows.known()
    for aspect in aspects:
        if aspect.too_good():
            whose = "its AUC" if aspect.name == HEIGHT else "the AUC of whether there is a value"
            auc, left = 0.5 + aspect.distance, rows.left
            return f"{whose} is {auc:.3f} with {left} that left: nothing known beforehand tells so surely"
        if aspect.name == HEIGHT and (found := sure_range(known.y, known.values)):
            return f"of those at {found.edge:g} {found.side}, {found.left} of {found.n} left"
        if aspect.name == MISSING and (found := sure_range(rows.y, np.isnan(rows.values).astype(float))):
            who = "without a value" if found.side == "or more" else "with a value"
            return f"of those {who}, {found.left} of {found.n} left"
    return ""


def _stability(rows: Rows, folds: Folds, aspect: Aspect) -> tuple[int, int]:
    """In how many folds the direction is the same, of those with enough to tell."""
    values = np.isnan(rows.values).astype(float) if aspect.name == MISSING else rows.values
    same = counted = 0
    for fold in np.unique(folds.number):
        chosen = (folds.number == fold) & ~np.isnan(values)
        y = rows.y[chosen]
        if min(y.sum(), (1 - y).sum()) < LEAST_IN_FOLD:
            continue
        counted += 1
        own = separation(y, values[chosen], np.arange(len(y))).auc
        same += (own - 0.5) * (aspect.separation.auc - 0.5) > 0
    return same, counted
