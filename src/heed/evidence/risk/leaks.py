"""The leak alarm: a single column that tells the outcome almost by itself is usually written after it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from heed.evidence.risk.columns import Reader

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Split = tuple[Whole, Whole]

TOO_GOOD = 0.97
BINS = 20


@dataclass(frozen=True, slots=True)
class LeakAlarm:
    """A column whose AUC alone, on rows held out, is too good to have been known beforehand."""

    column: str
    auc: float
    left_out: bool

    @property
    def words(self) -> str:
        done = "It is left out." if self.left_out else "It was stated as trusted and stays."
        return (
            f"'{self.column}' alone tells who left (AUC {self.auc:.2f}): it was probably written after the"
            f" outcome was known. {done}"
        )


def find_leaks(
    reader: Reader, matrix: Real, y: Real, splits: Sequence[Split], trusted: Sequence[str]
) -> list[LeakAlarm]:
    """The alarms of a matrix whose columns are the reader's."""
    areas = [
        single_column_auc(matrix[:, place], y, splits, is_level=column.levels is not None)
        for place, column in enumerate(reader.columns)
    ]
    return [
        LeakAlarm(name, area, name not in trusted)
        for name, area in zip(reader.names, areas, strict=True)
        if area > TOO_GOOD
    ]


def single_column_auc(x: Real, y: Real, splits: Sequence[Split], *, is_level: bool) -> float:
    """AUC of the share that left among rows alike in one column, each row's share learnt without its fold."""
    bins = binned(x, is_level=is_level)
    scores = np.zeros(len(y))
    for seen, held in splits:
        counts = np.bincount(bins[seen], minlength=bins.max() + 1)
        events = np.bincount(bins[seen], weights=y[seen], minlength=bins.max() + 1)
        overall = y[seen].mean()
        scores[held] = ((events + overall) / (counts + 1) - overall)[bins[held]]
    return area_under_curve(scores, y)


def binned(x: Real, *, is_level: bool = False) -> Whole:
    """Levels and few values as they are, else twenty bins of as many rows; missing is a bin of its own."""
    known = np.isfinite(x)
    values = np.unique(x[known])
    if is_level or len(values) <= BINS:
        places = np.searchsorted(values, np.where(known, x, -np.inf))
        return np.where(known, places + 1, 0).astype(np.int64)
    edges = np.unique(np.quantile(x[known], np.linspace(0, 1, BINS + 1)[1:-1]))
    places = np.searchsorted(edges, np.where(known, x, -np.inf), "right")
    return np.where(known, places + 1, 0).astype(np.int64)


def area_under_curve(scores: Real, y: Real) -> float:
    """The chance (0 to 1) that one that left scores above one that stayed; ties count half."""
    left = y > 0
    events, others = int(left.sum()), int((~left).sum())
    return float((rankdata(scores)[left].sum() - events * (events + 1) / 2) / (events * others))
