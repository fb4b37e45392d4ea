"""Captive revenue: accounts that renewed although they would rather not have stayed.

Captive is who renewed, would not stay by choice (attitude below the cut) and names a reason that holds it:
the effort of switching, no alternative, the contract, or habit. The attitude is the answer from 0 to 10 to
"If an equally good alternative needed no effort to move to, how likely would you stay?"; it is never guessed
from NPS or any other score. After Dick and Basu (1994), relative attitude × repeat patronage, where high
patronage with a low attitude is "spurious loyalty".
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.money.frames import CannotTellError, Truth, first_few, in_one_currency
from heed.evidence.tables import numbers, possible_truths, require, require_once

CUT = 7.0
HOLDING = frozenset({"switching effort", "no alternative", "contract", "habit"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """The monthly amount of a bucket (None with a reason where unknown), and its accounts by name."""

    amount: Estimate
    accounts: tuple[str, ...]

    @property
    def n(self) -> int:
        return len(self.accounts)


@dataclass(frozen=True, slots=True)
class Loss:
    """What retention loses, as a difference in shares (-0.05: five points less).

    `value` if only the known captive leave, `low` if all unknown are captive too: bounds, not a probability.
    """

    grr: Estimate
    nrr: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptiveRevenue:
    """Renewed revenue in three buckets, and what has not renewed. `reason` says why all is unknown."""

    cut: float
    captive: Bucket
    not_captive: Bucket
    unknown: Bucket
    not_renewed: Bucket
    reason: str = ""

    def if_leaves(self, share: float) -> Loss:
        """What GRR and NRR lose if a share (0 to 1) of the captive revenue leaves: assumed, not forecast.

        Both lose the same points, share × captive / all revenue: who is gone neither stays nor grows.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"The share that leaves must lie between 0 and 1, not {share}.")
        method = f"assumption: {share:.0%} of captive revenue leaves; low if all unknown is captive"
        buckets = (self.captive, self.unknown, self.not_captive, self.not_renewed)
        captive, unknown, *others = (bucket.amount.value for bucket in buckets)
        known = [amount for amount in others if amount is not None]
        if captive is None or unknown is None or len(known) < len(others):
            reason = next(bucket.amount.reason for bucket in buckets if bucket.amount.value is None)
            return Loss(*[Estimate.unknown(reason, method=method)] * 2)
        total = captive + unknown + sum(known)
        if not total:
            return Loss(*[Estimate.unknown("no account pays anything", method=method)] * 2)
        least, most = share * captive / total, share * (captive + unknown) / total
        loss = Estimate(0.0 - least, 0.0 - most, 0.0 - least, self.captive.n, 1.0, method)
        return Loss(loss, loss)


def captive_revenue(
    accounts: pd.DataFrame,
    *,
    cut: float = CUT,
    holding: frozenset[str] = HOLDING,
    rates: dict[str, float] | None = None,
) -> CaptiveRevenue:
    """Buckets of monthly revenue by what is known of why accounts stayed.

    accounts: one row each: `account`; monthly `amount`; `renewed` (True, False, None: not known); `attitude`
        0 to 10 or None; `reasons`, a set of words or None where nobody asked; optional `currency`.
    cut: below it the attitude counts as low. holding: the reasons that hold; others (value, say) do not.

    Three-valued: one condition that fails makes an account not captive even where another is unknown; one
    that is unknown, with none failed, makes it unknown.
    """
    require(accounts, "accounts", "account", "amount", "renewed", "attitude", "reasons")
    require_once(accounts["account"], "accounts")
    if not 0 <= cut <= 10:
        raise ValueError(f"The cut lies on the scale of the attitude, 0 to 10; it is {cut!r}.")
    try:
        known = _checked(accounts, rates)
    except CannotTellError as error:
        nothing = Bucket(Estimate.unknown(str(error)), ())
        return CaptiveRevenue(
            cut=cut,
            captive=nothing,
            not_captive=nothing,
            unknown=nothing,
            not_renewed=nothing,
            reason=str(error),
        )
    renewed = possible_truths(known["renewed"])
    captive = renewed & _below(known["attitude"], cut) & _held(known["reasons"], holding)
    waiting = _certain(renewed.eq(False))
    unknown = captive.isna().to_numpy(dtype=bool)
    return CaptiveRevenue(
        cut=cut,
        captive=_bucket(known, _certain(captive)),
        not_captive=_bucket(known, ~waiting & _certain(captive.eq(False))),
        unknown=_bucket(known, unknown),
        not_renewed=_bucket(known, waiting),
    )


def _checked(accounts: pd.DataFrame, rates: dict[str, float] | None) -> pd.DataFrame:
    if accounts.empty:
        raise CannotTellError("there are no accounts")
    known = in_one_currency(accounts, ("amount",), rates).sort_values("account", ignore_index=True)
    attitude = numbers(known["attitude"])
    if (strange := (attitude < 0) | (attitude > 10)).any():
        raise CannotTellError(f"an attitude is not between 0 and 10: {first_few(known['account'][strange])}")
    return known


def _below(attitude: "pd.Series[Any]", cut: float) -> "pd.Series[bool]":
    answered = pd.Series(numbers(attitude), index=attitude.index)
    return (answered < cut).astype("boolean").mask(answered.isna())


def _held(reasons: "pd.Series[Any]", holding: frozenset[str]) -> "pd.Series[bool]":
    """Whether a reason holds the account; unknown where nobody asked, or nothing was named."""
    return pd.Series([_any_holds(named, holding) for named in reasons], index=reasons.index, dtype="boolean")


def _any_holds(named: Any, holding: frozenset[str]) -> bool | None:
    if isinstance(named, str):
        raise ValueError(f"reasons must be sets of words, not one word such as '{named}'.")
    if not isinstance(named, Collection) or not named:
        return None
    return not holding.isdisjoint(named)


def _certain(answers: "pd.Series[bool]") -> Truth:
    return np.asarray(answers.fillna(False), dtype=bool)


def _bucket(known: pd.DataFrame, chosen: Truth) -> Bucket:
    rows = known[chosen]
    names = tuple(str(name) for name in rows["account"])
    method = "sum of monthly amounts"
    if (blank := rows["amount"].isna()).any():
        reason = f"the amount is not known of {first_few(rows['account'][blank])}"
        return Bucket(Estimate.unknown(reason, n=len(names), method=method), names)
    return Bucket(Estimate(float(rows["amount"].sum()), n=len(names), method=method), names)
