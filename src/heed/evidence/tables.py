"""What a table must have before it is computed with: its columns, and in them numbers, days and truths.

What cannot be read is refused in words that name the column; what is missing stays missing, for it is
unknown and never 0 or false.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Real = npt.NDArray[np.float64]

UNREADABLE = (TypeError, ValueError, OverflowError)


def require(table: pd.DataFrame, name: str, *columns: str) -> None:
    """ValueError where the table `name` lacks columns."""
    if missing := [column for column in columns if column not in table.columns]:
        raise ValueError(
            f"{name} lacks the column {', '.join(missing)}; it has {', '.join(map(str, table))}."
        )


def require_once(keys: "pd.Series[Any] | pd.Index[Any]", name: str) -> None:
    """ValueError where the table `name` has a key twice: its figures would count it twice."""
    if keys.has_duplicates if isinstance(keys, pd.Index) else not keys.is_unique:
        twice = keys[keys.duplicated()].tolist()[0]
        raise ValueError(f"{name} must have one row each; {twice!r} is there twice.")


def numbers(column: "pd.Series[Any]") -> Real:
    """A column as numbers; None, NaN and Decimal are read, anything else is a ValueError."""
    try:
        return np.asarray(column.astype(float), dtype=np.float64)
    except UNREADABLE as error:
        raise ValueError(f"The column {column.name} must hold numbers: {error}") from error


def days(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column as dates (of UTC) without a time or zone; None becomes NaT."""
    try:
        return pd.to_datetime(column, utc=True).dt.tz_localize(None).dt.normalize()
    except UNREADABLE as error:
        raise ValueError(f"The column {column.name} must hold dates: {error}") from error


def possible_truths(column: "pd.Series[Any]") -> "pd.Series[bool]":
    """A column of true, false and missing, as pandas' nullable truths; anything else is a ValueError."""
    read = column.astype(object).map({True: True, False: False})
    if (strange := read.isna() & column.notna()).any():
        raise ValueError(
            f"The column {column.name} must hold true or false; one is {column[strange].tolist()[0]!r}."
        )
    return read.astype("boolean")


def truths(column: "pd.Series[Any]") -> "pd.Series[bool]":
    """A column of true and false; ValueError where one is missing, for it would count as either."""
    read = possible_truths(column)
    if missing := int(read.isna().sum()):
        raise ValueError(f"The column {column.name} is missing in {missing} rows: leave out those not known.")
    return read.astype(bool)
