"""Lifetime value: what a customer is still to bring, discounted, up to a stated horizon.

Contracts: Σ over months m of amount × margin × S(m) / (1 + discount)^(m/12), S(m) the probability of still
paying in month m. Nobody leaves before the next renewal; at each renewal the account leaves with the same
probability. Purchases without a contract: expected purchases of `PurchaseModel` by period, times what one is
worth. Growth of the amount is not counted; after the horizon nothing is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.money.frames import CannotTellError, Real, in_one_currency
from heed.evidence.money.purchases import PurchaseModel
from heed.evidence.tables import numbers, require, require_once

NO_CHANCE = "the probability of leaving is not known"
NO_AMOUNT = "the amount is not known"
LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class LifetimeValue:
    """Lifetime values by account (index: account; columns value, low, high, reason; None where unknown) and
    their total. The total's interval adds up the ends: it is as wide as if all accounts erred together."""

    by_account: pd.DataFrame
    total: Estimate
    months: int
    method: str
    reason: str = ""


def lifetime_value(
    accounts: pd.DataFrame,
    *,
    margin: float,
    discount: float,
    months: int = 60,
    survival: pd.DataFrame | None = None,
    rates: Mapping[str, float] | None = None,
) -> LifetimeValue:
    """The value of contracts over the coming `months`.

    accounts: `account`; monthly `amount`; `leaves_at_renewal`, probability (0 to 1); `months_to_renewal`,
        months still paid for sure; `term_months`; optional `leaves_low` and `leaves_high`, the 95 %
        interval of the probability; optional `currency`. An account by the month: 1 and 1.
    survival: share (0 to 1) still paying in months 1, 2, ... `months`, index the account: used in place of
        the renewal columns for the accounts it holds; no interval then.
    margin: share of the amount that is earned. discount: rate per year, 0.1 for 10 %.
    """
    if not 0 <= margin <= 1 or not -1 < discount < np.inf or not 1 <= months < np.inf:
        raise ValueError(
            f"Needed: margin 0 to 1, discount above -1, months >= 1; not {margin}, {discount}, {months}."
        )
    require(
        accounts, "accounts", "account", "amount", "leaves_at_renewal", "months_to_renewal", "term_months"
    )
    require_once(accounts["account"], "accounts")
    method = f"amount × {margin:.0%} margin, {months} months, discounted by {discount:.0%} a year"
    try:
        if accounts.empty:
            raise CannotTellError("there are no accounts")
        known = in_one_currency(accounts, ("amount",), rates).sort_values("account", ignore_index=True)
    except CannotTellError as error:
        empty = pd.DataFrame(columns=["value", "low", "high", "reason"])
        total = Estimate.unknown(str(error), method=method)
        return LifetimeValue(by_account=empty, total=total, months=months, method=method, reason=str(error))
    table = _values(known, _discounts(months, discount) * margin, survival)
    return LifetimeValue(by_account=table, total=_total(table, method), months=months, method=method)


def _discounts(months: int, discount: float) -> Real:
    return np.asarray((1 + discount) ** (-np.arange(1, months + 1) / 12))


def _values(known: pd.DataFrame, weights: Real, survival: pd.DataFrame | None) -> pd.DataFrame:
    amount = numbers(known["amount"])

    def worth(column: str) -> Real:
        if column not in known:
            return np.full(len(known), np.nan)
        return np.asarray(amount * (_staying(known, numbers(known[column]), len(weights)) @ weights))

    value, low, high = worth("leaves_at_renewal"), worth("leaves_high"), worth("leaves_low")
    if survival is not None:
        staying = _checked(survival, known, len(weights))
        told = ~np.isnan(staying).any(axis=1)
        value = np.where(told, amount * (np.nan_to_num(staying) @ weights), value)
        low, high = np.where(told, np.nan, low), np.where(told, np.nan, high)
    reason = np.where(np.isnan(amount), NO_AMOUNT, np.where(np.isnan(value), NO_CHANCE, ""))
    table = pd.DataFrame({"value": value, "low": low, "high": high}, index=pd.Index(known["account"]))
    table = table.astype(object).where(table.notna(), None)
    return table.assign(reason=reason)


def _staying(known: pd.DataFrame, leaves: Real, months: int) -> Real:
    """Probability of paying in each of the coming months, accounts × months."""
    if ((leaves < 0) | (leaves > 1)).any():
        raise ValueError("A probability of leaving must lie between 0 and 1.")
    month = np.arange(1, months + 1)[None, :]
    sure = numbers(known["months_to_renewal"])[:, None]
    term = np.maximum(numbers(known["term_months"]), 1)[:, None]
    renewals = np.where(month <= sure, 0, 1 + np.floor((month - sure - 1) / term))
    return np.asarray((1 - leaves[:, None]) ** renewals)


def _checked(survival: pd.DataFrame, known: pd.DataFrame, months: int) -> Real:
    if survival.shape[1] != months:
        raise ValueError(
            f"survival has {survival.shape[1]} columns; it needs one for each of {months} months."
        )
    return np.asarray(survival.reindex(known["account"]), dtype=float)


def _total(table: pd.DataFrame, method: str) -> Estimate:
    known = table[table["reason"] == ""]
    if len(known) < len(table):
        missing = len(table) - len(known)
        return Estimate.unknown(f"of {missing} accounts the value is not known", n=len(table), method=method)
    total = float(known["value"].sum())
    if known[["low", "high"]].isna().any(axis=None):
        return Estimate(total, n=len(known), method=method)
    return Estimate(total, float(known["low"].sum()), float(known["high"].sum()), len(known), LEVEL, method)


def purchase_value(
    model: PurchaseModel,
    spend: Real | float,
    *,
    margin: float,
    discount: float,
    periods: int,
    per_year: float,
) -> Real | None:
    """The value of each customer of a fitted `PurchaseModel` over the coming `periods` of its unit.

    `spend` is what a purchase brings (by customer or one figure), `per_year` how many periods a year has (52
    for weeks); each period's purchases are discounted from its end. None where there is no model.
    """
    held = np.asarray(spend, dtype=float)
    if not np.all((held >= 0) & (held < np.inf)):
        raise ValueError("What a purchase brings is a number, 0 or more, of every customer.")
    if not (0 <= margin <= 1 and -1 < discount < np.inf and 1 <= periods < np.inf and 0 < per_year < np.inf):
        raise ValueError(
            "Needed: margin 0 to 1, discount above -1, periods >= 1, per_year above 0; "
            f"not {margin}, {discount}, {periods}, {per_year}."
        )
    if model.expected_purchases(0.0) is None:
        return None
    by = np.array([model.expected_purchases(float(period)) for period in range(periods + 1)], dtype=float)
    weights = (1 + discount) ** (-np.arange(1, periods + 1) / per_year)
    return np.asarray(np.diff(by, axis=0).T @ weights * held * margin)
