"""Who left while the score said that all was well, and whether high usage kept anyone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, wilson
from heed.evidence.tables import numbers, require, require_once, truths

DECILES = 10
LEAST_IN_BAND = 5


@dataclass(frozen=True, slots=True)
class UsageBand:
    """Accounts of one band of usage, 1 the lowest (None: usage is not known): how many left, and the keys of
    those that left while they looked well."""

    band: int | None
    accounts: int
    left: Estimate
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BlindSpots:
    """`missed` is the share of those who left that looked well before (Wilson), `unseen` their keys;
    `without_score` left with no score at all, which is a blind spot of another kind."""

    missed: Estimate
    unseen: tuple[str, ...]
    without_score: tuple[str, ...]
    bands: tuple[UsageBand, ...]


def blind_spots(
    accounts: pd.DataFrame, *, well: Sequence[str] = ("green",), level: float = LEVEL
) -> BlindSpots:
    """Who left unseen.

    `accounts` has one row an account (index: its key): `left` (bool: within the horizon), `status` (the band
    of its score as it was known when the horizon began, such as 90 days before; missing: none) and `usage`
    (then; missing: not known). `well` names the statuses that raise no alarm. Usage is cut into ten bands of
    equally many accounts, into fewer where a band would have fewer than five.
    """
    require(accounts, "accounts", "left", "status", "usage")
    require_once(accounts.index, "accounts")
    left, status = truths(accounts["left"]), accounts["status"]
    usage = pd.Series(numbers(accounts["usage"]), accounts.index)
    unseen = left & status.isin(list(well))
    scored = left & status.notna()
    return BlindSpots(
        _missed(int(unseen.sum()), int(scored.sum()), level),
        _keys(unseen),
        _keys(left & status.isna()),
        _bands(left, unseen, usage, level),
    )


def _missed(unseen: int, scored: int, level: float) -> Estimate:
    if scored == 0:
        return Estimate.unknown("no account with a score has left yet", method="share, Wilson interval")
    return wilson(unseen, scored, level=level)


def _keys(chosen: "pd.Series[bool]") -> tuple[str, ...]:
    return tuple(sorted(chosen.index[chosen].astype(str)))


def _bands(
    left: "pd.Series[bool]", unseen: "pd.Series[bool]", usage: "pd.Series[float]", level: float
) -> tuple[UsageBand, ...]:
    known = usage.dropna()
    count = max(1, min(DECILES, len(known) // LEAST_IN_BAND))
    # Accounts with the same usage share a band, so that the order of the rows decides nothing.
    share = known.rank(method="average", pct=True).reindex(usage.index)
    band = (share * count).apply(np.ceil)
    chosen: dict[int | None, pd.Series[bool]] = {
        number: band == number for number in range(1, count + 1) if (band == number).any()
    }
    if band.isna().any():
        chosen[None] = band.isna()
    return tuple(
        UsageBand(
            number, int(within.sum()), wilson(int((left & within).sum()), int(within.sum()), level=level),
            _keys(unseen & within),
        )
        for number, within in chosen.items()
    )  # fmt: skip
