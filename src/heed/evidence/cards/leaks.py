"""Too good to be true: values that know the outcome because they were written with or after it.

Three alarms. Written after the account left, or before it began. An AUC above .97 that enough accounts stand
behind. A range at one end of the metric in which almost nobody stayed (Wilson bound above 97 %) and which
holds a quarter of all that left: measures taken in time leave room for doubt, copies of the outcome do not.
"""

from typing import Any

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


def sure_range(y: Real, values: Real) -> str:
    """In words, the range at one end in which almost nobody stayed, if it holds a quarter of all that
    left."""
    for sign, side in ((1.0, "or more"), (-1.0, "or less")):
        order = np.argsort(-sign * values, kind="stable")
        ends = np.flatnonzero(np.r_[np.diff(values[order]) != 0, True])
        n, left = ends + 1, np.cumsum(y[order])[ends]
        enough = left >= max(10.0, SHARE_OF_LEFT * y.sum())
        pure = enough & (left > TOO_GOOD * n)
        for place in np.flatnonzero(pure)[::-1]:
            low = wilson(int(left[place]), int(n[place])).low
            if low is not None and low > TOO_GOOD:
                edge = values[order][ends[place]]
                return f"of those at {edge:g} {side}, {left[place]:.0f} of {n[place]} left"
    return ""


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
