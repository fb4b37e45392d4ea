"""Does a metric earn its place? The verdict on one metric or on many, in words and figures.

"predicts": it separates those that left from those that stayed, more than chance among all metrics judged,
and by enough to be of use. "does not": whatever it may separate is within the equivalence bound. "cannot
tell": too little is known; the least effect that could have been seen stands beside it. "leak alarm": it is
too good, or was written after the outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from heed.evidence.cards.discovery import Control, adjusted
from heed.evidence.cards.judging import Band
from heed.evidence.cards.leaks import TOO_GOOD, dates
from heed.evidence.cards.records import Recorded
from heed.evidence.cards.resampling import Real
from heed.evidence.cards.rows import Column, column, read_rows
from heed.evidence.cards.separation import METHOD, odds_ratio
from heed.evidence.cards.weighing import HEIGHT, MISSING, Aspect, Weighed, weigh
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL

Word = Literal["predicts", "does not", "cannot tell", "leak alarm"]

EQUIVALENCE = 0.1
FALSE_FINDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Recorded):
    """A metric's verdict with what it rests on.

    `auc` is of its height: above .5, those with higher values leave more (`more_leave`: "higher" or "lower").
    `missing_auc` is of whether it is missing. `gain` is what it saves in log loss over the clock. `agreeing`
    of `folds` show the same direction. `q_value` is the p-value after allowing for all metrics judged
    together. `detectable_auc` and `detectable_odds_ratio` (per standard deviation) are the least effects
    that such rows would have shown with 80 % power. `bands` are deciles with Wilson intervals, the missing
    last. Of the `n` rows the metric of `known` was known, and of the accounts that `left` that of
    `known_left`.
    """

    name: str
    verdict: Word
    reason: str
    more_leave: str
    auc: Estimate
    missing_auc: Estimate
    gain: Estimate
    p_value: float | None
    q_value: float | None
    agreeing: int
    folds: int
    detectable_auc: float | None
    detectable_odds_ratio: float | None
    bands: tuple[Band, ...]
    n: int
    accounts: int
    left: int
    known: int
    known_left: int
    horizon: float
    equivalence: float
    notes: tuple[str, ...]


def metric_verdict(
    values: Column,
    y: Column,
    *,
    accounts: Column,
    horizon: float,
    landmarks: Column | None = None,
    clock: Column | pd.DataFrame | None = None,
    recorded_at: Column | None = None,
    outcome_at: Column | None = None,
    started_at: Column | None = None,
    equivalence: float = EQUIVALENCE,
    name: str = "",
    seed: int = 0,
    level: float = LEVEL,
) -> Verdict:
    """The verdict on one metric. All columns have one entry a row; a row is an account at a landmark.

    `values`: the metric as known at the landmark, missing where unknown. `y`: 1 left within `horizon` days, 0
    stayed, missing if not known yet. `clock`: log-odds of the clock, or a frame of its features.
    `recorded_at`: when the value was last written; `outcome_at`: when the account left; `started_at`: when
    what is measured began (a subscription). `equivalence`: an AUC within this of a half is of no use. Raises
    ValueError for columns that do not fit each other; thin data gives "cannot tell".
    """
    table = pd.DataFrame({name: pd.Series(values).reset_index(drop=True)})
    return verdicts(
        table, y, accounts=accounts, horizon=horizon, landmarks=landmarks, clock=clock,
        recorded_at=recorded_at, outcome_at=outcome_at, started_at=started_at,
        equivalence=equivalence, seed=seed, level=level,
    )[0]  # fmt: skip


def verdicts(
    metrics: pd.DataFrame,
    y: Column,
    *,
    accounts: Column,
    horizon: float,
    landmarks: Column | None = None,
    clock: Column | pd.DataFrame | None = None,
    recorded_at: Column | Mapping[str, Column] | None = None,
    outcome_at: Column | None = None,
    started_at: Column | None = None,
    equivalence: float = EQUIVALENCE,
    control: Control = "Benjamini-Hochberg",
    seed: int = 0,
    level: float = LEVEL,
) -> list[Verdict]:
    """A verdict on each column of `metrics`, of all finds at most 5 % expected to be false.

    As `metric_verdict`; `recorded_at` may be a mapping by metric. Metrics that raise an alarm, or of which
    nothing can be told, do not count among those that chance is allowed for.
    """
    if not 0 < horizon < np.inf or not 0 < equivalence < 0.5:
        raise ValueError(
            f"A horizon is above 0 days and an equivalence bound between 0 and .5; "
            f"these are {horizon!r} and {equivalence!r}."
        )
    if metrics.columns.has_duplicates:
        twice = metrics.columns[metrics.columns.duplicated()][0]
        raise ValueError(f"Two metrics are named '{twice}': give each a name of its own.")
    n = len(pd.Series(y))
    base = _clock(clock, n)
    outcome, started = dates(outcome_at, n, "outcome_at"), dates(started_at, n, "started_at")
    weighed = []
    for name in metrics.columns:
        written = recorded_at.get(name) if isinstance(recorded_at, Mapping) else recorded_at
        rows = read_rows(y, metrics[name], accounts, landmarks, str(name))
        times = (dates(written, n, "recorded_at"), outcome, started)
        own = None if base is None else base[rows.kept]
        weighed.append(weigh(str(name), rows, own, times, horizon=horizon, seed=seed, level=level))
    q_values = _q_values(weighed, control)
    return [_verdict(each, q_values.get(place), horizon, equivalence) for place, each in enumerate(weighed)]


def _clock(clock: Column | pd.DataFrame | None, n: int) -> Real | None:
    if clock is None:
        return None
    if not isinstance(clock, pd.DataFrame):
        return column(clock, n, "clock")[:, None]
    return np.column_stack([column(clock[name], n, f"clock: {name}") for name in clock])


def _q_values(weighed: list[Weighed], control: Control) -> dict[int, float]:
    judged = {
        place: each.p_value
        for place, each in enumerate(weighed)
        if each.p_value is not None and not each.alarm
    }
    raised = adjusted(np.array(list(judged.values())), control)
    return dict(zip(judged, raised.tolist(), strict=True))


def _verdict(each: Weighed, q_value: float | None, horizon: float, equivalence: float) -> Verdict:
    word, reason = _decided(each, q_value, equivalence)
    height, known = each.height, each.rows.known()
    detectable = None if height is None else height.separation.detectable()
    rows = each.rows
    return Verdict(
        name=each.name, verdict=word, reason=reason,
        more_leave="" if height is None or height.separation.auc == 0.5 else _direction(height),
        auc=_auc(each, HEIGHT), missing_auc=_auc(each, MISSING),
        gain=each.gain or Estimate.unknown(each.reason or each.alarm, n=rows.n),
        p_value=each.p_value, q_value=q_value, agreeing=each.agreeing, folds=each.folds,
        detectable_auc=detectable, detectable_odds_ratio=detectable and odds_ratio(detectable),
        bands=each.bands, n=rows.n, accounts=rows.accounts, left=rows.left,
        known=known.n, known_left=known.left, horizon=horizon, equivalence=equivalence, notes=rows.notes,
    )  # fmt: skip


def _direction(aspect: Aspect) -> str:
    return "higher" if aspect.separation.auc > 0.5 else "lower"


def _auc(each: Weighed, name: str) -> Estimate:
    found = next((aspect.estimate for aspect in each.aspects if aspect.name == name), None)
    if found is not None:
        return found
    lacking = "too few are missing, or too few are not" if name == MISSING else "too few values to compare"
    return Estimate.unknown(each.reason or each.alarm or lacking, n=each.rows.n, method=METHOD)


def _decided(each: Weighed, q_value: float | None, equivalence: float) -> tuple[Word, str]:
    if each.alarm:
        return "leak alarm", f"{each.alarm}. See when and by whom it is written before anybody relies on it."
    if q_value is None:
        return "cannot tell", each.reason
    if any(0.5 + aspect.distance > TOO_GOOD for aspect in each.aspects):
        return "cannot tell", (
            f"it looks too good to be true, and only {each.rows.left} left: "
            "see when it is written, and wait for more"
        )
    if q_value <= FALSE_FINDS:
        level = FALSE_FINDS * (each.p_value or 0.0) / q_value if q_value else FALSE_FINDS
        return _found(each, each.telling(level, equivalence / 2), equivalence)
    if all(aspect.inside(equivalence) for aspect in each.aspects):
        if each.silent:
            return "cannot tell", each.silent
        bound = f"{0.5 - equivalence:.2f} to {0.5 + equivalence:.2f}"
        return (
            "does not",
            f"whatever it may tell is too little to use: its AUC lies within {bound} (two tests at 5 %)",
        )
    return "cannot tell", _unsure(each, equivalence)


def _found(each: Weighed, aspect: Aspect, equivalence: float) -> tuple[Word, str]:
    if aspect.distance < equivalence / 2:
        if each.silent:
            return "cannot tell", each.silent
        auc = 0.5 + aspect.distance
        return "does not", f"there is a trace (AUC {auc:.3f}), real and too small to be of use"
    if each.folds >= 3 and 2 * each.agreeing <= each.folds and aspect.name != MISSING:
        return "cannot tell", f"its direction holds in only {each.agreeing} of {each.folds} parts of the data"
    return "predicts", f"{_what(aspect)}; {_beyond_clock(each.gain)}"


def _what(aspect: Aspect) -> str:
    if aspect.name == HEIGHT:
        return f"those with {_direction(aspect)} values leave more"
    if aspect.name == MISSING:
        more = "more" if aspect.separation.auc > 0.5 else "less"
        return f"what tells is whether there is a value: those without one leave {more}"
    side = "far from its middle" if aspect.separation.auc > 0.5 else "near its middle"
    return f"those whose value lies {side} leave more"


def _beyond_clock(gain: Estimate | None) -> str:
    if gain is None or gain.value is None or gain.low is None:
        return "what it adds to the clock is not known yet"
    if gain.low > 0:
        return "it adds to what the clock knows"
    return "that it adds to what the clock knows is not shown"


def _unsure(each: Weighed, equivalence: float) -> str:
    aspect = next(aspect for aspect in each.aspects if not aspect.inside(equivalence))
    left = (each.rows if aspect.name == MISSING else each.rows.known()).left
    seen = aspect.separation.detectable()
    if seen is None:
        return f"with {left} that left no effect could have been seen"
    words = (
        f"with {left} that left{_seen_in(aspect)}, only an AUC of {seen:.2f} or more would have shown itself"
    )
    if each.p_value is not None and each.p_value <= FALSE_FINDS:
        words += "; alone it would look like a find, but among so many metrics chance brings such ones"
    return words


def _seen_in(aspect: Aspect) -> str:
    if aspect.name == HEIGHT:
        return " while it was known"
    return (
        ", in whether there is a value" if aspect.name == MISSING else ", in how far it lies from its middle"
    )
