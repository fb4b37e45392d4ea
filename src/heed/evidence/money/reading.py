"""What a forecast reads: accounts, past movements, and probabilities of leaving by quarter."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from heed.evidence.money.frames import (
    CannotTellError,
    Real,
    Whole,
    first_few,
    in_one_currency,
)
from heed.evidence.money.history import USUAL_TERM, Past, Terms, future_terms, usual_term
from heed.evidence.money.shocks import log_odds
from heed.evidence.money.simulating import Plan
from heed.evidence.tables import days, numbers, require, require_once


def read_accounts(
    accounts: pd.DataFrame, rates: Mapping[str, float] | None, as_of: date
) -> tuple[pd.DataFrame, list[str]]:
    require(accounts, "accounts", "account", "amount", "renews_on", "term_months")
    if accounts.empty:
        raise CannotTellError("there are no accounts")
    require_once(accounts["account"], "accounts")
    known = in_one_currency(accounts, ("amount",), rates).sort_values("account", ignore_index=True)
    notes = []
    if (blank := known["amount"].isna()).any():
        notes.append(f"left out, for the amount is not known: {first_few(known['account'][blank])}")
        known = known[~blank].reset_index(drop=True)
    if not known["amount"].sum() > 0:
        raise CannotTellError("no account pays anything now, or no amount is known")
    known["renews_on"] = days(known["renews_on"])
    known["term_months"] = numbers(known["term_months"])
    return known, notes + _mend_terms(known, as_of)


def _mend_terms(known: pd.DataFrame, as_of: date) -> list[str]:
    """Fills missing terms beside a renewal date, and moves dates that have passed on by whole terms."""
    notes = []
    bad = known["renews_on"].isna() | ~(known["term_months"] >= 1)
    untold = bad & known["renews_on"].notna()
    if untold.any():
        usual = usual_term(known["term_months"].where(known["term_months"] >= 1)) or USUAL_TERM
        known.loc[untold, "term_months"] = usual
        notes.append(f"{untold.sum()} accounts without a term are taken to have {usual:.0f} months")
    paying = known["amount"] > 0
    late = paying & (known["renews_on"] <= pd.Timestamp(as_of))
    known.loc[late, "renews_on"] = [
        _next_renewal(renewed, int(months), pd.Timestamp(as_of))
        for renewed, months in zip(known["renews_on"][late], known["term_months"][late], strict=True)
    ]
    if late.any():
        notes.append(f"{late.sum()} renewal dates have passed: their next one is a term later")
    return notes


def _next_renewal(day: pd.Timestamp, months: int, as_of: pd.Timestamp) -> pd.Timestamp:
    terms = 0
    while day + pd.DateOffset(months=terms * months) <= as_of:
        terms += 1
    return day + pd.DateOffset(months=terms * months)


def read_history(
    history: pd.DataFrame,
    accounts: pd.DataFrame,
    known: pd.DataFrame,
    rates: Mapping[str, float] | None,
    as_of: date,
) -> tuple[pd.DataFrame, list[str]]:
    """The movements until `as_of`, without those of accounts that still pay by them but are not known."""
    require(history, "history", "account", "on", "before", "after")
    read = in_one_currency(history, ("before", "after"), rates).assign(on=days(history["on"]))
    if read[["on", "before", "after"]].isna().any(axis=None):
        raise CannotTellError("a past movement has no date or no amount")
    read = read[read["on"] <= pd.Timestamp(as_of)].sort_values(["account", "on"], kind="stable")
    last = read.groupby("account")["after"].last()
    paying = last.index[last > 0]
    read = read[~read["account"].isin(paying.difference(pd.Index(known["account"])))]
    return read, _doubts(accounts, known, last)


def _doubts(accounts: pd.DataFrame, known: pd.DataFrame, last: "pd.Series[float]") -> list[str]:
    """Where the accounts and their movements do not agree."""
    strangers = last[last > 0].index.difference(pd.Index(accounts["account"])).to_series()
    told = known.set_index("account")["amount"]
    both = told.index.intersection(last.index)
    other = both[~np.isclose(told[both], last[both], rtol=0.005)].to_series()
    return [
        f"{what}: {first_few(names)}"
        for what, names in (
            ("left out, for only their movements are known", strangers),
            ("their movements say another amount", other),
        )
        if len(names)
    ]


def plan_of(
    known: pd.DataFrame, past: Past, span: pd.PeriodIndex, survival: pd.DataFrame | None, as_of: date
) -> Plan:
    paying = known[known["amount"] > 0]
    terms = future_terms(paying)
    due = terms.renewals(span)
    leaving = _given(paying, terms, due, survival)
    names = paying["account"]
    gone = past.begun.drop(names, errors="ignore")
    return Plan(
        numbers(paying["amount"]),
        numbers(past.begun.reindex(names)),
        float(gone.sum()),
        log_odds(leaving),
        terms.groups(span),
        due > 0,
        _part(span[0], as_of),
    )


def _part(quarter: pd.Period, as_of: date) -> float:
    return min(
        1.0, (quarter.end_time.date() - as_of).days / ((quarter.end_time - quarter.start_time).days + 1)
    )


def _given(paying: pd.DataFrame, terms: Terms, due: Whole, survival: pd.DataFrame | None) -> Real:
    """The probability of leaving in each quarter (accounts × quarters) where it was given, else NaN."""
    leaving = np.full(due.shape, np.nan)
    if "leaves_at_renewal" in paying:
        chance = shares(numbers(paying["leaves_at_renewal"]), "leaves_at_renewal")[:, None]
        dated = ~np.isnan(terms.month)[:, None] & ~np.isnan(chance)
        waiting = np.cumsum(due, axis=1) == 0
        leaving = np.where(dated & (due > 0), 1 - (1 - chance) ** due, leaving)
        leaving = np.where(dated & waiting, 0.0, leaving)
    if survival is not None:
        leaving = _of_survival(paying, survival, leaving)
    return leaving


def _of_survival(paying: pd.DataFrame, survival: pd.DataFrame, leaving: Real) -> Real:
    if survival.shape[1] != leaving.shape[1]:
        raise ValueError(
            f"survival has {survival.shape[1]} columns; it needs one for each of {leaving.shape[1]} quarters."
        )
    staying = shares(survival.reindex(paying["account"]).to_numpy(dtype=float), "survival")
    before = np.column_stack([np.ones(len(staying)), staying[:, :-1]])
    with np.errstate(invalid="ignore", divide="ignore"):
        of_quarter = np.where(before > 0, 1 - staying / before, 1.0)
    if (of_quarter < 0).any():
        raise ValueError("survival must not rise from one quarter to the next.")
    return np.where(np.isnan(staying), leaving, of_quarter)


def shares(values: Real, name: str) -> Real:
    if ((values < 0) | (values > 1)).any():
        raise ValueError(f"{name} must lie between 0 and 1.")
    return values
