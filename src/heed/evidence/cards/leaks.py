"""Too good to be true: values that know the outcome because they were written with or after it.

Three alarms. Written after the account left, or before it began. An AUC above .97 that enough accounts stand
behind. A range at one end of the metric in which almost nobody stayed (more than 97 % left, Wilson's bound
above 90 %, or 97 % where most leave) and which holds a quarter of all that left: measures taken in time leave
room for doubt, copies of the outcome do not.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.cards.resampling import Real
from heed.evidence.cards.rows import Column
from heed.evidence.intervals import wilson

TOO_GOOD = 0.97
SURELY_ABOVE = 0.9
TOLERATED = 0.01
SHARE_OF_LEFT = 0.25


def too_good(auc: float, low: float | None) -> bool:
    """Whether an AUC (of either direction, at or above a half) is an alarm: above .97, and surely above
    .9."""
    return auc > TOO_GOOD and low is not None and low > SURELY_ABOVE


@dataclass(frozen=True, slots=True)
class SureRange:
    """The rows at `edge` or beyond it (`side`): of `n`, `left` left."""

    edge: float
    side: Literal["or more", "or less"]
    left: int
    n: int


def sure_range(y: Real, values: Real) -> SureRange | None:
    """The range at one end in which almost nobody stayed, if it holds a quarter of all that left."""
    return _from_the_top(y, values, "or more") or _from_the_top(y, -values, "or less")


def _from_the_top(y: Real, values: Real, side: Literal["or more", "or less"]) -> SureRange | None:
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(values[order]) != 0, True])
    n, left = ends + 1, np.cumsum(y[order])[ends]
    surely = SURELY_ABOVE if y.mean() <= 0.5 else TOO_GOOD
    pure = (left >= max(10.0, SHARE_OF_LEFT * y.sum())) & (left > TOO_GOOD * n)
    for place in np.flatnonzero(pure)[::-1]:
        low = wilson(int(left[place]), int(n[place])).low
        if low is not None and low > surely:
            edge = float(values[order][ends[place]]) * (1 if side == "or more" else -1)
            return SureRange(edge, side, int(left[place]), int(n[place]))
    return None


def dates(values: Column | None, n: int, name: str) -> "pd.Series[Any] | None":
    """Days (without their time), NaT where unknown; numbers are taken as days on one scale."""
    if values is None:
        return None
    held: pd.Series[Any] = pd.Series(values).reset_index(drop=True)
    if len(held) != n:
        raise ValueError(f"'{name}' has {len(held)} entries, the outcome has {n}: give one for each row.")
    if pd.api.types.is_numeric_dtype(held):
        held = pd.to_datetime(held, unit="D", errors="coerce")
    found = pd.to_datetime(held, utc=True, errors="coerce")
    if (found.isna() & held.notna()).any():
        raise ValueError(f"'{name}' holds what is no date: {held[found.isna() & held.notna()].iloc[0]!r}.")
    return found.dt.normalize()


def written_wrongly(
    y: Real,
    recorded: "pd.Series[Any] | None",
    outcome: "pd.Series[Any] | None",
    started: "pd.Series[Any] | None",
) -> tuple[str, npt.NDArray[np.bool_]]:
    """The alarm in words ("" for none), and the rows that cannot be used even where it is none."""
    late = np.zeros(len(y), dtype=bool)
    early = late.copy()
    if recorded is not None and outcome is not None:
        late = (y == 1) & (recorded > outcome).to_numpy()
    if recorded is not None and started is not None:
        early = (recorded < started).to_numpy()
    left = int((y == 1).sum())
    if _beyond_error(int(late.sum()), left):
        words = f"{late.sum()} of {left} values of those that left were written after they had left"
    elif _beyond_error(int(early.sum()), len(y)):
        words = f"{early.sum()} of {len(y)} values were written before what they measure had begun"
    else:
        words = ""
    return words, late | early


def _beyond_error(wrong: int, n: int) -> bool:
    low = wilson(wrong, n).low if n else None
    return low is not None and low > TOLERATED
