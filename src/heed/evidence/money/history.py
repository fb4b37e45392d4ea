"""What past quarters teach: how often accounts left, contracted and expanded, and by how much.

Accounts are compared from quarter end to quarter end (point to point), in three groups: *due* (a term of
three months or more that came up for renewal in the quarter), *between* (such a term, not due) and *rolling*
(no term, or a shorter one).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from heed.evidence.money.frames import CannotTellError, Real, Truth, Whole
from heed.evidence.tables import numbers

LEAST_QUARTERS = 3
MOST_QUARTERS = 12
LEAST_TERM = 3
USUAL_TERM = 12
DUE, BETWEEN, ROLLING = 0, 1, 2
GROUPS = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """Of each account (by its position in `accounts`): the month of a renewal and the months of its term.

    Months are counted from year 0; NaN where there is no renewal date.
    """

    accounts: pd.Index
    month: Real
    term: Real

    @property
    def rolling(self) -> Truth:
        return np.isnan(self.month) | (self.term < LEAST_TERM)

    def renewals(self, quarters: pd.PeriodIndex, *, back: bool = False) -> Whole:
        """How many renewals fall into each quarter, accounts × quarters; `back`: those before, too."""
        first = (quarters.year * 12 + quarters.quarter * 3 - 3).to_numpy()[None, :]
        month, term = self.month[:, None], self.term[:, None]
        with np.errstate(invalid="ignore"):
            upto = np.floor((first + 2 - month) / term)
            before = np.ceil((first - month) / term)
        before = before if back else np.maximum(before, 0)
        found = np.maximum(upto - before + 1, 0)
        return np.where(np.isnan(found), 0, found).astype(np.int64)

    def groups(self, quarters: pd.PeriodIndex, *, back: bool = False) -> Whole:
        """The group of each account in each quarter, accounts × quarters."""
        due = self.renewals(quarters, back=back) > 0
        return np.where(self.rolling[:, None], ROLLING, np.where(due, DUE, BETWEEN))


def month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


@dataclass(frozen=True, slots=True)
class Past:
    """Whole quarters behind us: what each account paid at their start and end (accounts × quarters).

    `begun` is what each account paid when the quarter now in progress began.
    """

    quarters: pd.PeriodIndex
    terms: Terms
    opening: Real
    closing: Real
    begun: "pd.Series[float]"

    @property
    def paying(self) -> Truth:
        return self.opening > 0

    @property
    def left(self) -> Truth:
        return np.asarray(self.paying & (self.closing == 0))

    @property
    def contracted(self) -> Truth:
        return (self.closing > 0) & (self.closing < self.opening)

    @property
    def expanded(self) -> Truth:
        return np.asarray(self.paying & (self.closing > self.opening))

    @property
    def groups(self) -> Whole:
        return self.terms.groups(self.quarters, back=True)

    @property
    def new_business(self) -> Real:
        """What accounts that paid nothing at the start of a quarter paid at its end, by quarter."""
        return np.asarray(np.where(self.paying, 0.0, self.closing).sum(axis=0))

    def sizes(self, moved: Truth) -> Real:
        """After / before of what moved, in the order of the table."""
        return self.closing[moved] / self.opening[moved]


def read_past(accounts: pd.DataFrame, history: pd.DataFrame, next_quarter: pd.Period, as_of: date) -> Past:
    """The whole quarters before `next_quarter`, the newest twelve at most; movements by account and day."""
    if history.empty:
        raise CannotTellError("no movement of revenue is known yet")
    quarters = _whole_quarters(history["on"].min(), next_quarter, as_of)
    closing, opening = _balances(accounts, history, next_quarter)
    terms = _past_terms(accounts, history, closing.index)
    return Past(
        quarters,
        terms,
        opening[quarters].to_numpy(dtype=float),
        closing[quarters].to_numpy(dtype=float),
        opening[next_quarter],
    )


def _whole_quarters(first: pd.Timestamp, next_quarter: pd.Period, as_of: date) -> pd.PeriodIndex:
    begins = first.to_period("Q")
    begins = begins if begins.start_time == first else begins + 1
    quarters = pd.period_range(begins, next_quarter - 1, freq="Q")[-MOST_QUARTERS:]
    if len(quarters) < LEAST_QUARTERS:
        months = round((as_of - first.date()).days / 30.4)
        raise CannotTellError(
            f"the history of revenue is {months} months long; "
            f"at least {LEAST_QUARTERS} whole quarters are needed"
        )
    return quarters


def _balances(
    accounts: pd.DataFrame, history: pd.DataFrame, next_quarter: pd.Period
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each account paid at the end and at the start of each quarter. One without a movement has always
    paid what it pays now."""
    columns = pd.period_range(history["on"].min().to_period("Q"), next_quarter, freq="Q")
    moved = history.assign(at=history["on"].dt.to_period("Q").astype("int64") - columns[0].ordinal)
    ends = moved.groupby(["account", "at"])["after"].last().unstack("at").reindex(columns=range(len(columns)))
    first = history.groupby("account")["before"].first()
    silent = accounts.set_index("account")["amount"].drop(first.index, errors="ignore")
    first = pd.concat([first, silent])
    base = numbers(first)[:, None]
    closing = np.asarray(ends.ffill(axis=1).reindex(first.index), dtype=float)
    closing = np.where(np.isnan(closing), base, closing)
    opening = np.column_stack([base, closing[:, :-1]])
    return (
        pd.DataFrame(closing, index=first.index, columns=columns),
        pd.DataFrame(opening, index=first.index, columns=columns),
    )


def _past_terms(accounts: pd.DataFrame, history: pd.DataFrame, names: pd.Index) -> Terms:
    """The terms of all accounts of the past. One that left and whose term is not told is taken to have had
    the most common term, ending on the day it left."""
    known = accounts.set_index("account")
    month = _months(known["renews_on"]).reindex(names)
    term = known["term_months"].reindex(names)
    usual = usual_term(known["term_months"])
    ended = history.groupby("account").last()
    gone = ended.index[ended["after"] == 0]
    untold = gone.difference(known.index[known["renews_on"].notna()])
    if usual is not None:
        month.loc[untold] = _months(ended.loc[untold, "on"])
        term.loc[untold] = term.loc[untold].fillna(usual)
    return Terms(names, numbers(month), numbers(term))


def _months(dates: "pd.Series[pd.Timestamp]") -> "pd.Series[float]":
    return dates.dt.year * 12.0 + dates.dt.month - 1


def usual_term(terms: "pd.Series[float]") -> float | None:
    """The most common term in months, None where no account has one."""
    counted = terms.dropna().value_counts()
    return None if counted.empty else float(min(counted.index[counted == counted.max()]))


def future_terms(accounts: pd.DataFrame) -> Terms:
    return Terms(
        pd.Index(accounts["account"]),
        numbers(_months(accounts["renews_on"])),
        numbers(accounts["term_months"]),
    )


def counts(past: Past, happened: Truth, exposed: Truth) -> tuple[Whole, Whole]:
    """How often something happened, and could have: quarters × groups."""
    groups = past.groups
    return _by_group(groups, happened), _by_group(groups, exposed)


def _by_group(groups: Whole, chosen: Truth) -> Whole:
    each: Iterable[Whole] = (((groups == group) & chosen).sum(axis=0) for group in range(GROUPS))
    return np.stack(list(each), axis=1)
