"""How early trouble was seen, and whether seeing it earlier saved anyone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, tails, wilson
from heed.evidence.tables import days, numbers, require, truths
from heed.evidence.voices.answers import Real

LATE = 60
LEAST_SIGNALLED = 5
DRAWS = 2_000
EDGES = (0, 30, 60, 90, 180)


@dataclass(frozen=True, slots=True)
class LeadTime:
    """`median` days from the first signal to the notice, of those signalled before it (bootstrap interval);
    `missed` is the share with no signal before it, `late` the share seen fewer than `late_under` days before
    or not at all (both Wilson, of all who left)."""

    median: Estimate
    missed: Estimate
    late: Estimate
    late_under: int


def lead_time(
    departures: pd.DataFrame, *, late_under: int = LATE, seed: int = 0, level: float = LEVEL
) -> LeadTime:
    """How long before they gave notice those who left were seen to be in trouble.

    `departures` has one row an account that left: `noticed_on` (date of the notice or of leaving) and
    `first_signal_on` (date; missing or not before the notice: it was missed).
    """
    require(departures, "departures", "noticed_on", "first_signal_on")
    if not 0 <= late_under < np.inf:
        raise ValueError(f"late_under is in days, 0 or more; it is {late_under!r}.")
    ahead = _ahead(departures["first_signal_on"], departures["noticed_on"])
    seen = np.sort(np.asarray(ahead[ahead > 0], dtype=np.float64))
    n = len(ahead)
    return LeadTime(
        _median(seen, seed, level),
        wilson(n - len(seen), n, level=level),
        wilson(n - int((seen >= late_under).sum()), n, level=level),
        late_under,
    )


def _ahead(signal: pd.Series, notice: pd.Series) -> "pd.Series[float]":
    noticed = days(notice)
    if missing := int(noticed.isna().sum()):
        raise ValueError(f"noticed_on is missing in {missing} rows: leave out accounts that have not left.")
    apart: pd.Series[float] = (noticed - days(signal)).dt.days.astype(float)
    return apart


def _median(days: Real, seed: int, level: float) -> Estimate:
    """Percentile bootstrap of the median (Efron 1979)."""
    method = "median days, percentile bootstrap"
    n = len(days)
    if n < LEAST_SIGNALLED:
        reason = f"{n} of those who left had a signal before it, at least {LEAST_SIGNALLED} are needed"
        return Estimate.unknown(reason, n=n, method=method)
    drawn = np.random.default_rng(seed).integers(0, n, (DRAWS, n))
    low, high = np.quantile(np.median(days[drawn], axis=1), tails(level))
    return Estimate(float(np.median(days)), float(low), float(high), n, level, method)


@dataclass(frozen=True, slots=True)
class SaveBand:
    """Accounts in trouble seen from `from_days` to before `to_days` ahead of the decision (None: no upper
    end; both None: no signal before it), how many of them stayed, and the share (Wilson)."""

    from_days: int | None
    to_days: int | None
    saved: int
    rate: Estimate


def save_rates(
    risks: pd.DataFrame, *, edges: Sequence[int] = EDGES, level: float = LEVEL
) -> tuple[SaveBand, ...]:
    """The share of accounts in trouble that stayed, by how early it was seen.

    `risks` has one row a decision: `lead_days` (days from the first signal to it; missing or 0: no signal
    before it) and `saved` (bool). Who is seen late differs in more than the time left: a comparison, not
    the effect of seeing it earlier.
    """
    require(risks, "risks", "lead_days", "saved")
    if list(edges) != sorted({0, *edges}):
        raise ValueError(f"The edges of the bands must rise from 0; they are {list(edges)}.")
    lead, saved = pd.Series(numbers(risks["lead_days"]), risks.index), truths(risks["saved"])
    ends = [*edges[1:], None]
    bands = [_band(start, end, lead, saved, level) for start, end in zip(edges, ends, strict=True)]
    unseen = saved[~(lead > 0)]
    return (SaveBand(None, None, int(unseen.sum()), _saved(unseen, level)), *bands)


def _band(
    start: int, end: int | None, days: "pd.Series[float]", saved: "pd.Series[bool]", level: float
) -> SaveBand:
    within = (days > 0) & (days >= start)
    if end is not None:
        within &= days < end
    return SaveBand(start, end, int(saved[within].sum()), _saved(saved[within], level))


def _saved(saved: "pd.Series[bool]", level: float) -> Estimate:
    if saved.empty:
        return Estimate.unknown("none was seen this early", method="share, Wilson interval")
    return wilson(int(saved.sum()), len(saved), level=level)
