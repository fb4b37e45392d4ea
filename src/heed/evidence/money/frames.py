"""What every room of money asks of a table: one currency, and amounts that are amounts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.tables import numbers

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]


class CannotTellError(Exception):
    """Why there is no figure, in words for the reader of the page; never leaves the room."""


def first_few(names: "pd.Series[Any]", most: int = 3) -> str:
    """`a, b, c and 4 more`: names of accounts for a sentence."""
    different = sorted({str(name) for name in names})
    listed = ", ".join(different[:most])
    return listed if len(different) <= most else f"{listed} and {len(different) - most} more"


def in_one_currency(
    frame: pd.DataFrame, columns: tuple[str, ...], rates: Mapping[str, float] | None
) -> pd.DataFrame:
    """The table with its amounts as numbers, converted where it has a `currency` and `rates` are stated.

    A rate is what one unit of a currency is worth in the one currency of the figures; one that is not above 0
    is none.
    """
    frame = frame.copy()
    factor = _factors(frame, rates)
    for column in columns:
        frame[column] = numbers(frame[column]) * factor
        wrong = np.isinf(frame[column]) | (frame[column] < 0)
        if wrong.any():
            raise CannotTellError(f"an amount is infinite or negative: {first_few(frame['account'][wrong])}")
    return frame


def _factors(frame: pd.DataFrame, rates: Mapping[str, float] | None) -> Real | float:
    if "currency" not in frame.columns:
        return 1.0
    used = sorted(frame["currency"].dropna().astype(str).unique())
    if rates is None and len(used) <= 1:
        return 1.0
    stated = {name: float(rate) for name, rate in (rates or {}).items() if rate and 0 < rate < np.inf}
    if missing := [name for name in used if name not in stated]:
        raise CannotTellError(f"no rate is stated for {', '.join(missing)}")
    return numbers(frame["currency"].map(stated))


def same_currency(frames: list[pd.DataFrame], rates: Mapping[str, float] | None) -> None:
    """Without rates, all tables together must be in one currency."""
    used = {str(name) for frame in frames if "currency" in frame for name in frame["currency"].dropna()}
    if rates is None and len(used) > 1:
        raise CannotTellError(f"no rate is stated for {', '.join(sorted(used))}: they cannot be added up")
