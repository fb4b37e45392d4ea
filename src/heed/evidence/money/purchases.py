"""Repeat purchases without a contract: how many are to be expected, and who is still a customer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from heed.evidence.estimate import Estimate
from heed.evidence.money.buying import STORIES, Buyers, Story
from heed.evidence.money.frames import Real
from heed.evidence.tables import days, numbers, require

LEAST_CUSTOMERS = 30
LEAST_REPEATS = 30
AVERAGE = "average"
UNITS = {"D": 1, "W": 7}


def purchase_summary(
    transactions: pd.DataFrame,
    *,
    customer: str = "customer",
    date: str = "date",
    until: date | None = None,
    unit: str = "W",
) -> pd.DataFrame:
    """One row per customer: `frequency`, `recency`, `T`, as `PurchaseModel` reads them.

    `frequency` counts repeat purchases (days with one, after the first day), `recency` is the time from the
    first to the last purchase and `T` from the first to `until` (None: the last day of the table), in days
    (unit "D") or weeks ("W"). Purchases after `until` are not read.
    """
    require(transactions, "transactions", customer, date)
    if unit not in UNITS:
        raise ValueError(f"The unit must be one of {', '.join(UNITS)}, not {unit}.")
    bought = pd.DataFrame({"customer": transactions[customer], "day": days(transactions[date])}).dropna()
    end = bought["day"].max() if until is None else pd.Timestamp(until)
    bought = bought[bought["day"] <= end].drop_duplicates()
    by_customer = bought.groupby("customer", sort=True)["day"]
    first, last = by_customer.min(), by_customer.max()
    return pd.DataFrame(
        {
            "frequency": by_customer.size() - 1,
            "recency": (last - first).dt.days / UNITS[unit],
            "T": (end - first).dt.days / UNITS[unit],
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseHoldout:
    """How the model did on purchases after the day it was fitted to. `total_error` is predicted / actual - 1.

    `rule_error` is that of carrying each customer's rate on. `by_customer`: frequency, expected, actual.
    """

    total_error: Estimate
    rmse: Estimate
    mean_absolute_error: Estimate
    rule_error: Estimate
    by_customer: pd.DataFrame
    reason: str = ""


class PurchaseModel(BaseEstimator):
    """How often customers without a contract buy again, from three numbers of each.

    Fits three stories of `heed.evidence.money.buying` by maximum likelihood and answers with the mean of
    what they expect (kind "average", the default: no story wins everywhere, their mean is seldom far off), or
    with one of them (kind "bg/nbd", "pareto/nbd" or "burr/nbd").

    After `fit`: `parameters_` and `log_likelihood_` by story, `n_customers_`; `reason_` says why there is no
    model (then every answer is None), "" where there is one.
    """

    parameters_: dict[str, dict[str, float]]
    log_likelihood_: dict[str, float]
    n_customers_: int
    reason_: str

    def __init__(self, kind: str = AVERAGE) -> None:
        self.kind = kind

    def fit(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike) -> Self:  # noqa: N803
        """Arrays of one length, one entry per customer, as `purchase_summary` gives them: repeat purchases,
        time of the last and time observed, both since the first purchase and in the same unit."""
        if self.kind not in (AVERAGE, *STORIES):
            raise ValueError(f"kind must be one of {', '.join((AVERAGE, *STORIES))}, not {self.kind}.")
        self._buyers = _buyers(frequency, recency, T)
        self.n_customers_ = len(self._buyers.x)
        self.reason_ = _too_thin(self._buyers)
        self.parameters_, self.log_likelihood_ = {}, {}
        for name in [] if self.reason_ else self._kinds():
            found, likelihood = _most_likely(STORIES[name], self._buyers)
            self.parameters_[name] = dict(zip(STORIES[name].names, map(float, found), strict=True))
            self.log_likelihood_[name] = likelihood
        return self

    def expected_purchases(
        self,
        t: float,
        frequency: npt.ArrayLike | None = None,
        recency: npt.ArrayLike | None = None,
        T: npt.ArrayLike | None = None,  # noqa: N803
    ) -> Real | None:
        """Purchases to be expected of each customer in the `t` units of time after it was last observed.

        Without arrays, of the customers of `fit`. None where there is no model; see `reason_`.
        """
        if not t >= 0 or np.isinf(t):
            raise ValueError(f"The time ahead must be 0 or more and finite, not {t}.")
        buyers = self._asked(frequency, recency, T)
        return self._mean(lambda story, p: story.expected(p, buyers, t))

    def probability_alive(
        self,
        frequency: npt.ArrayLike | None = None,
        recency: npt.ArrayLike | None = None,
        T: npt.ArrayLike | None = None,  # noqa: N803
    ) -> Real | None:
        """Probability (0 to 1) that each customer has not stopped for good. None where there is no model.

        By the story "bg/nbd" nobody stops before a first repeat purchase; the others let them.
        """
        buyers = self._asked(frequency, recency, T)
        return self._mean(lambda story, p: story.alive(p, buyers))

    def holdout(
        self,
        transactions: pd.DataFrame,
        *,
        split: date,
        until: date,
        customer: str = "customer",
        date: str = "date",
        unit: str = "W",
    ) -> PurchaseHoldout:
        """Fits a copy to what was bought by `split`; compares with what its customers bought by `until`."""
        known = purchase_summary(transactions, customer=customer, date=date, until=split, unit=unit)
        later = purchase_summary(transactions, customer=customer, date=date, until=until, unit=unit)
        actual = (later["frequency"].reindex(known.index) - known["frequency"]).to_numpy(dtype=float)
        model = clone(self).fit(known["frequency"], known["recency"], known["T"])
        ahead = (pd.Timestamp(until) - pd.Timestamp(split)).days / UNITS[unit]
        expected = model.expected_purchases(ahead)
        if expected is None or not actual.sum():
            return _no_holdout(model.reason_ or "nobody bought again after the split", len(known))
        carried = known["frequency"].to_numpy(dtype=float) / known["T"].clip(lower=1 / UNITS[unit]) * ahead
        table = known.assign(expected=expected, actual=actual)
        n = len(known)
        return PurchaseHoldout(
            total_error=Estimate(expected.sum() / actual.sum() - 1, n=n, method="predicted / actual - 1"),
            rmse=Estimate(float(np.sqrt(((expected - actual) ** 2).mean())), n=n, method="RMSE per customer"),
            mean_absolute_error=Estimate(float(np.abs(expected - actual).mean()), n=n, method="mean |error|"),
            rule_error=Estimate(float(carried.sum() / actual.sum() - 1), n=n, method="own rate carried on"),
            by_customer=table,
        )

    def _kinds(self) -> list[str]:
        return list(STORIES) if self.kind == AVERAGE else [self.kind]

    def _asked(
        self, frequency: npt.ArrayLike | None, recency: npt.ArrayLike | None, until: npt.ArrayLike | None
    ) -> Buyers:
        check_is_fitted(self, "reason_")
        if frequency is None or recency is None or until is None:
            return self._buyers
        buyers = _buyers(frequency, recency, until)
        if reason := _impossible(buyers):
            raise ValueError(f"Of these customers nothing can be said: {reason}.")
        return buyers

    def _mean(self, answer: Callable[[Story, Real], Real]) -> Real | None:
        if self.reason_:
            return None
        answers = [
            answer(STORIES[name], np.array(list(found.values()))) for name, found in self.parameters_.items()
        ]
        return np.asarray(np.mean(answers, axis=0))


def _buyers(frequency: npt.ArrayLike, recency: npt.ArrayLike, until: npt.ArrayLike) -> Buyers:
    parts = {"frequency": frequency, "recency": recency, "T": until}
    buyers = Buyers(*(numbers(pd.Series(np.asarray(part), name=name)) for name, part in parts.items()))
    if not buyers.x.shape == buyers.last.shape == buyers.until.shape:
        raise ValueError("frequency, recency and T must be arrays of one length, one entry per customer.")
    return buyers


def _impossible(buyers: Buyers) -> str:
    if not np.isfinite(np.concatenate(buyers)).all():
        return "a number of a customer is missing or infinite"
    if (buyers.x < 0).any() or (buyers.last < 0).any() or (buyers.last > buyers.until).any():
        return "a customer's last purchase lies before its first or after the day of the table"
    return ""


def _too_thin(buyers: Buyers) -> str:
    if reason := _impossible(buyers):
        return reason
    if len(buyers.x) < LEAST_CUSTOMERS:
        return f"only {len(buyers.x)} customers, at least {LEAST_CUSTOMERS} are needed"
    if (repeats := int(buyers.x.sum())) < LEAST_REPEATS:
        return f"only {repeats} repeat purchases, at least {LEAST_REPEATS} are needed"
    return ""


def _most_likely(story: Story, buyers: Buyers) -> tuple[Real, float]:
    """Parameters of the greatest likelihood, searched as logarithms with time in a unit of its own, so that
    days and weeks come to the same; customers with the same numbers are counted once."""
    scale = float(buyers.until.mean()) / 30
    scaled = np.column_stack([buyers.x, buyers.last / scale, buyers.until / scale])
    alike, counted = np.unique(scaled, axis=0, return_counts=True)
    different = Buyers(*alike.T)

    def loss(logs: Real) -> float:
        return -float(counted @ story.log_likelihood(np.exp(logs), different)) / len(buyers.x)

    bounds = [(-1.5, 1.5) if name == "c" else (-5.0, 7.0) for name in story.names]
    found = minimize(
        loss, np.log(story.start), method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12, "gtol": 1e-7}
    )
    timed = np.array([scale if name in ("alpha", "beta") else 1.0 for name in story.names])
    parameters = np.exp(found.x) * timed
    return parameters, float(story.log_likelihood(parameters, buyers).sum())


def _no_holdout(reason: str, n: int) -> PurchaseHoldout:
    nothing = Estimate.unknown(reason, n=n)
    table = pd.DataFrame(columns=["frequency", "recency", "T", "expected", "actual"])
    return PurchaseHoldout(
        total_error=nothing, rmse=nothing, mean_absolute_error=nothing, rule_error=nothing,
        by_customer=table, reason=reason,
    )  # fmt: skip
