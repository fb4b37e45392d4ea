"""Simulated companies whose renewals, growth and bad quarters are known: the judge of the forecast.

Months pass one by one; contracts of 1 to 24 months renew, shrink, grow or end; accounts differ in how ready
they are to leave; each quarter has a shock of its own that all accounts feel. Nothing of it is read from the
forecast's own model: movements happen within quarters, several at a time, renewals grow more often than the
rest of the term.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy.special import expit, logit

MONTHS_AHEAD = 12
TERMS = np.array([12, 24, 6, 1])
TERM_SHARES = np.array([0.7, 0.12, 0.08, 0.1])


@dataclass(frozen=True)
class Nature:
    """How a company's customers behave; `spread` is of the quarter shocks, in log-odds."""

    leaving: float
    spread: float
    growing: float
    shrinking: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Nature":
        return cls(
            leaving=float(expit(logit(0.13) + 0.4 * rng.standard_normal())),
            spread=float(abs(0.3 * rng.standard_normal())),
            growing=float(rng.uniform(0.1, 0.4)),
            shrinking=float(rng.uniform(0.03, 0.15)),
        )


@dataclass(frozen=True)
class Company:
    """What is known on `as_of`, and what came: `monthly` is accounts × months after `as_of`, from month 0."""

    accounts: pd.DataFrame
    history: pd.DataFrame
    renewals: pd.DataFrame
    as_of: date
    monthly: np.ndarray
    begun: np.ndarray
    due: np.ndarray

    def truth(self, first: int, last: int, start: np.ndarray | None = None) -> dict[str, float]:
        """GRR, NRR, closing MRR from month `first` to month `last` after `as_of`."""
        start = self.monthly[:, first] if start is None else start
        end = self.monthly[:, last]
        return {
            "grr": float(np.minimum(start, end).sum() / start.sum()),
            "nrr": float(end[start > 0].sum() / start.sum()),
            "closing_mrr": float(end.sum()),
        }


def company(rng: np.random.Generator, accounts: int, past_months: int, *, into_quarter: int = 0) -> Company:
    """A company of about `accounts` accounts, seen `past_months` months after its first customer and
    `into_quarter` (0 to 2) months into a quarter; their next twelve months come along."""
    nature = Nature.draw(rng)
    span = past_months + MONTHS_AHEAD
    first_month = np.datetime64("2026-01", "M") + into_quarter - past_months
    born = rng.integers(0, past_months - 1, accounts)
    term = rng.choice(TERMS, size=accounts, p=TERM_SHARES)
    odds = logit(nature.leaving) + 0.8 * rng.standard_normal(accounts)
    paid = _months(rng, nature, born, term, odds, span, int(first_month.astype(int)) % 3)
    return _seen(rng, paid, born, term, odds, past_months, first_month, into_quarter)


def _months(
    rng: np.random.Generator,
    nature: Nature,
    born: np.ndarray,
    term: np.ndarray,
    odds: np.ndarray,
    span: int,
    offset: int,
) -> np.ndarray:
    """What each account pays at the end of each month, accounts × months."""
    many = len(born)
    quarters = (span + offset) // 3 + 1
    shock, grow_shock = nature.spread * rng.standard_normal((2, quarters))
    paid = np.zeros((many, span))
    now = np.zeros(many)
    first_amount = np.exp(6 + 0.9 * rng.standard_normal(many))
    for month in range(span):
        quarter = (month + offset) // 3
        age = month - born
        renewing = (age > 0) & (age % term == 0) & (now > 0)
        ready = odds + shock[quarter] - np.where(term == 1, 2.2, 0.0)
        growth = logit(nature.growing) + grow_shock[quarter]
        grows = rng.random(many) < np.where(renewing & (term > 1), expit(growth), expit(growth - 3))
        shrinks = renewing & (term > 1) & (rng.random(many) < nature.shrinking)
        now = now * np.where(grows, 1 + rng.exponential(0.15, many), 1.0)
        now = now * np.where(shrinks & ~grows, rng.beta(6, 2, many), 1.0)
        now = np.where(renewing & (rng.random(many) < expit(ready)), 0.0, now)
        now = np.where(age == 0, first_amount, now)
        paid[:, month] = now
    return paid


def _seen(
    rng: np.random.Generator,
    paid: np.ndarray,
    born: np.ndarray,
    term: np.ndarray,
    odds: np.ndarray,
    past_months: int,
    first_month: np.datetime64,
    into_quarter: int,
) -> Company:
    names = np.array([f"account {at:04d}" for at in range(len(born))])
    before = np.column_stack([np.zeros(len(born)), paid[:, : past_months - 1]])
    after = paid[:, :past_months]
    account, month = np.nonzero(before != after)
    days = (first_month + month).astype("datetime64[D]") + rng.integers(0, 28, len(month))
    history = pd.DataFrame(
        {
            "account": names[account],
            "on": days,
            "before": before[account, month],
            "after": after[account, month],
        }
    )
    as_of = (first_month + past_months).astype("datetime64[D]") - 1
    renews = born + term * ((past_months - born - 1) // term + 1)
    now = paid[:, past_months - 1]
    doubt = 0.3 * rng.standard_normal() + 0.3 * rng.standard_normal(len(born))
    said = expit(odds + doubt - np.where(term == 1, 2.2, 0.0))
    accounts = pd.DataFrame(
        {
            "account": names,
            "amount": now,
            "renews_on": (first_month + renews).astype("datetime64[D]") + 10,
            "term_months": term.astype(float),
            "leaves_at_renewal": said,
        }
    )
    start = past_months - 1 - into_quarter
    return Company(
        accounts, history, _renewals(paid, born, term, said, past_months, first_month),
        pd.Timestamp(as_of).date(), paid[:, past_months - 1 :], paid[:, start],
        now > 0,
    )  # fmt: skip


def _renewals(
    paid: np.ndarray,
    born: np.ndarray,
    term: np.ndarray,
    said: np.ndarray,
    past: int,
    first_month: np.datetime64,
) -> pd.DataFrame:
    """What was said before each past renewal and what came of it."""
    age = np.arange(1, past)[None, :] - born[:, None]
    due = (age > 0) & (age % term[:, None] == 0) & (paid[:, : past - 1] > 0)
    account, month = np.nonzero(due)
    return pd.DataFrame(
        {
            "on": (first_month + month + 1).astype("datetime64[D]") + 10,
            "probability": said[account],
            "left": paid[account, month + 1] == 0,
        }
    )
