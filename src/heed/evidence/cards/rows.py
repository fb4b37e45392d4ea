"""Rows that a card or a verdict is made from: account × date, what was known then, and what came of it.

Rows that cannot be used are left out and said so; rows that contradict each other are refused in words.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.cards.resampling import Real, Whole

LEAST_LEFT = 10
LEAST_STAYED = 10

Column = Any
"""A pandas Series, an array or a list, one entry a row."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows with a known outcome, each account at each date once.

    `values` is NaN where nothing was known. `kept` are the positions of these rows among those given.
    `clusters` and `landmarks` are codes from 0, landmarks in the order of time. `reason` says why no
    figure may be made from them ("" where they may).
    """

    y: Real
    values: Real
    clusters: Whole
    landmarks: Whole
    names: tuple[str, ...]
    kept: Whole
    notes: tuple[str, ...] = ()
    reason: str = ""
    dates: pd.Index = field(default_factory=lambda: pd.Index([]))

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def left(self) -> int:
        """How many accounts left."""
        return int(np.unique(self.clusters[self.y == 1]).size)

    @property
    def accounts(self) -> int:
        return int(np.unique(self.clusters).size)

    def known(self) -> "Rows":
        """Only the rows whose value is known."""
        return self.only(~np.isnan(self.values))

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Rows":
        return Rows(
            self.y[chosen], self.values[chosen], codes(self.clusters[chosen]), self.landmarks[chosen],
            tuple(self.names[number] for number in np.unique(self.clusters[chosen])),
            self.kept[chosen], self.notes, self.reason, self.dates,
        )  # fmt: skip

    def thin(self) -> str:
        """Why there are too few for any figure; "" where there are enough."""
        return self.reason or too_few(self.left, self.accounts_that_stayed())

    def accounts_that_stayed(self) -> int:
        return int(np.unique(self.clusters[self.y == 0]).size)


def too_few(left: int, stayed: int) -> str:
    if left + stayed == 0:
        return "no account with a known outcome yet"
    if left == 0:
        return "no account has left yet"
    if left < LEAST_LEFT:
        return f"only {left} left so far, at least {LEAST_LEFT} are needed"
    if stayed < LEAST_STAYED:
        return f"only {stayed} stayed, at least {LEAST_STAYED} are needed to compare with"
    return ""


def codes(numbers: Whole) -> Whole:
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def column(values: Column, n: int, name: str) -> Real:
    """One number a row; anything that is none is refused. Missing stays NaN."""
    held: pd.Series[Any] = pd.Series(values)
    if len(held) != n:
        raise ValueError(
            f"'{name}' has {len(held)} entries, the outcome has {n}: give one for each row, in order."
        )
    if held.dtype == object:
        held = held.where(held.notna(), np.nan)
    try:
        return np.asarray(held.astype("Float64").to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError) as wrong:
        raise ValueError(
            f"'{name}' holds what is no number: {wrong}. Give numbers, or leave it out."
        ) from wrong


def read_rows(y: Column, values: Column, accounts: Column, landmarks: Column | None, name: str) -> Rows:
    """The rows in order, as far as they can be used. ValueError where columns do not fit each other."""
    outcome = column(y, len(pd.Series(y)), "y")
    number = column(values, len(outcome), name)
    wrong = outcome[~np.isnan(outcome) & (outcome != 0) & (outcome != 1)]
    if wrong.size:
        raise ValueError(f"The outcome 'y' is 1 (left), 0 (stayed) or missing; one is {wrong[0]:g}.")
    keys = _keys(accounts, len(outcome), "accounts")
    when = None if landmarks is None else _keys(landmarks, len(outcome), "landmarks")
    table = pd.DataFrame({"account": keys, "on": 0 if when is None else when, "y": outcome, "value": number})
    return _usable(table, dated=when is not None)


def _keys(values: Column, n: int, name: str) -> "pd.Series[Any]":
    held = pd.Series(values).reset_index(drop=True)
    if len(held) != n:
        raise ValueError(f"'{name}' has {len(held)} entries, the outcome has {n}: give one for each row.")
    if held.isna().any():
        raise ValueError(f"'{name}' is missing in {int(held.isna().sum())} rows: each row needs one.")
    return held


def _usable(table: pd.DataFrame, *, dated: bool) -> Rows:
    notes: list[str] = []
    reason = ""
    if open_rows := int(table["y"].isna().sum()):
        notes.append(f"rows left out because their outcome is not known yet: {open_rows}")
        table = table[table["y"].notna()]
    if infinite := int(np.isinf(table["value"]).sum()):
        reason = f"infinite values: {infinite}; correct them where they are made, then ask again"
    if repeated := int(table.duplicated().sum()):
        notes.append(f"rows that repeat another exactly, counted once: {repeated}")
        table = table.drop_duplicates()
    if dated and (twice := int(table.duplicated(["account", "on"]).sum())):
        reason = (
            reason or f"rows that contradict another of the same account and date: {twice}; keep one of each"
        )
    return _coded(table, notes, reason)


def _coded(table: pd.DataFrame, notes: list[str], reason: str) -> Rows:
    clusters, names = pd.factorize(table["account"], sort=True)
    landmarks, dates = pd.factorize(table["on"], sort=True)
    return Rows(
        table["y"].to_numpy(float), table["value"].to_numpy(float), clusters.astype(np.int64),
        landmarks.astype(np.int64), tuple(str(name) for name in names), table.index.to_numpy(np.int64),
        tuple(notes), reason, pd.Index(dates),
    )  # fmt: skip
