"""What a forecast says: figures with two intervals, by quarter, and what would change them."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from heed.evidence.estimate import Estimate
from heed.evidence.money.frames import Real

METHOD = "median of simulated runs"


@dataclass(frozen=True, slots=True)
class Outlook:
    """A figure ahead: its median with the 50 % interval (`fifty`) and with the 80 % interval (`eighty`).

    `mean` is the mean over the runs, None where the figure is unknown.
    """

    fifty: Estimate
    eighty: Estimate
    mean: float | None = None

    @property
    def value(self) -> float | None:
        return self.eighty.value

    @property
    def reason(self) -> str:
        return self.eighty.reason

    @classmethod
    def unknown(cls, reason: str, *, n: int = 0) -> "Outlook":
        nothing = Estimate.unknown(reason, n=n, method=METHOD)
        return cls(nothing, nothing)

    @classmethod
    def of(cls, runs: Real, *, n: int, method: str) -> "Outlook":
        """From one value per run; `n` accounts stand behind it."""
        if not np.isfinite(runs).all():
            return cls.unknown("no recurring revenue is left at the start in some of the runs", n=n)
        low, lower, middle, upper, high = (float(q) for q in np.quantile(runs, [0.1, 0.25, 0.5, 0.75, 0.9]))
        method = f"{method}; {METHOD}"
        fifty = Estimate(middle, lower, upper, n, 0.5, method)
        return cls(fifty, Estimate(middle, low, high, n, 0.8, method), float(runs.mean()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SameAsLast:
    """What "same as last quarter" says: the last whole quarter's retention, carried on."""

    renewed_amount: Estimate
    grr: Estimate
    nrr: Estimate
    closing_mrr: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """One quarter ahead, or the whole span of the forecast. Amounts are per month, shares 1 = 100 %.

    `renewals_due` counts accounts that come up for renewal and still pay; `due_amount` is what they pay,
    `renewed_amount` what of it is kept (growth at the renewal counts in NRR only). GRR and NRR are point to
    point over the cohort that paid when the quarter began, for a quarter in progress its true start.
    """

    starts_on: date
    ends_on: date
    renewals_due: Outlook
    due_amount: Outlook
    renewed_amount: Outlook
    grr: Outlook
    nrr: Outlook
    closing_mrr: Outlook
    same_as_last: SameAsLast


@dataclass(frozen=True, slots=True)
class Swing:
    """An account on which the forecast hangs: its share of the variance of the closing MRR.

    `leaving` is the probability (0 to 1) that it is gone at the end; the shares of all accounts sum to 1.
    """

    account: str
    amount: float
    leaving: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A forecast as of a day. `reason` says why there is none; then every figure is unknown with it.

    `whole` is today's accounts until the last quarter's end. `notes` say what was assumed or left out.
    """

    as_of: date
    quarters: tuple[Quarter, ...]
    whole: Quarter
    what_would_change_it: tuple[Swing, ...] = ()
    notes: tuple[str, ...] = ()
    includes_new_business: bool = False
    runs: int = 0
    seed: int = 0
    reason: str = field(default="")
