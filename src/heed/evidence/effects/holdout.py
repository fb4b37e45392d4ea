"""What a play did, read from its holdout: who was assigned to which arm, and what became of them.

By intention to treat: every account counts in the arm it was first assigned to, whether or not the play
reached it. The ratio of the arms is checked first, and then whether outcomes are known as often in both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from heed.evidence.effects.assignment import THRESHOLD, RatioCheck, if_ratio_holds, sample_ratio_check
from heed.evidence.effects.means import mean_effect
from heed.evidence.effects.proportions import clustered_proportion_effect, proportion_effect
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL
from heed.evidence.tables import days, numbers, require, require_once

NONE_KNOWN = "no outcome is known yet"
HALVES: Mapping[str, float] = {"treated": 0.5, "holdout": 0.5}


@dataclass(frozen=True, slots=True)
class HoldoutEffect:
    """The effect of a play, the check of its arms, and how many accounts of each have a known outcome."""

    estimate: Estimate
    ratio: RatioCheck
    known: dict[str, int]


def holdout_effect(
    assignments: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    play: str,
    shares: Mapping[str, float] = HALVES,
    covariates: pd.DataFrame | None = None,
    clusters: pd.Series | None = None,
    level: float = LEVEL,
) -> HoldoutEffect:
    """Outcome of the treated less that of the holdout, in the outcome's unit (shares 0 to 1).

    `assignments` has columns account, play, arm, on; `outcomes` has account, value (1 and 0 for renewed and
    not, or an amount) and, if dated, on: then the first after the assignment counts. The first of `shares` is
    the treated arm, the second the holdout. `covariates` and `clusters` are indexed by account.
    """
    require(assignments, "assignments", "account", "play", "arm", "on")
    require(outcomes, "outcomes", "account", "value")
    treated, held = _two(shares)
    arms = _first_arms(assignments, play)
    counts = {str(arm): int(count) for arm, count in arms["arm"].value_counts().items()}
    chosen = sorted(set(counts) - {treated, held})
    drawn = {arm: count for arm, count in counts.items() if arm not in chosen}
    ratio = sample_ratio_check(drawn, shares)
    frame = _with_outcomes(arms, outcomes)
    known = {arm: int((frame["arm"] == arm).sum()) for arm in (treated, held)}
    reason = _not_drawn(chosen) or (drawn and frame.empty and NONE_KNOWN) or _uneven(known, drawn)
    if reason:
        return HoldoutEffect(Estimate.unknown(reason, n=len(frame), method="holdout"), ratio, known)
    estimate = _effect(frame, treated, covariates, clusters, level)
    return HoldoutEffect(if_ratio_holds(estimate, ratio), ratio, known)


def _not_drawn(chosen: Sequence[str]) -> str:
    if not chosen:
        return ""
    return f"not randomised: accounts are in the arm '{chosen[0]}', which has no planned share"


def _two(shares: Mapping[str, float]) -> tuple[str, str]:
    if len(shares) != 2:
        raise ValueError(f"A holdout has two arms; shares names {', '.join(shares)}.")
    treated, held = shares
    return treated, held


def _first_arms(assignments: pd.DataFrame, play: str) -> pd.DataFrame:
    """One row per account: its first arm in the play, and when it was assigned."""
    own = assignments[assignments["play"] == play]
    own = own.assign(on=days(own["on"])).sort_values(["account", "on"], kind="stable")
    return own.drop_duplicates("account")[["account", "arm", "on"]].reset_index(drop=True)


def _with_outcomes(arms: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Accounts whose outcome is known: the first one, after the assignment where outcomes are dated."""
    stated = outcomes[outcomes["value"].notna()]
    stated = stated.assign(value=numbers(stated["value"]))
    if "on" in stated:
        stated = stated.assign(known_on=days(stated["on"])).drop(columns="on")
        stated = stated.sort_values("known_on", kind="stable")
    joined = arms.merge(stated, on="account", how="inner")
    if "known_on" in joined:
        joined = joined[joined["known_on"] > joined["on"]]
    return joined.drop_duplicates("account").sort_values("account").reset_index(drop=True)


def _uneven(known: Mapping[str, int], counts: Mapping[str, int]) -> str:
    """Why the arms cannot be compared because outcomes are missing in one more than in the other, or ""."""
    table = np.array([[known[arm], counts.get(arm, 0) - known[arm]] for arm in known])
    if fisher_exact(table).pvalue >= THRESHOLD:
        return ""
    shown = ", ".join(f"{arm} {known[arm]} of {counts.get(arm, 0)}" for arm in known)
    return f"the outcome is known more often in one arm than in the other ({shown}), so they do not compare"


def _effect(
    frame: pd.DataFrame,
    treated: str,
    covariates: pd.DataFrame | None,
    clusters: pd.Series | None,
    level: float,
) -> Estimate:
    value = frame["value"]
    arm = (frame["arm"] == treated).astype(float)
    for name, table in (("covariates", covariates), ("clusters", clusters)):
        if table is not None:
            require_once(table.index, name)
    own_clusters = None if clusters is None else clusters.reindex(frame["account"])
    if covariates is not None or not value.isin((0.0, 1.0)).all():
        own = None if covariates is None else covariates.reindex(frame["account"])
        return mean_effect(value, arm, own, own_clusters, level=level)
    if own_clusters is not None:
        return clustered_proportion_effect(value, arm, own_clusters, level=level)
    ones, zeros = value[arm == 1], value[arm == 0]
    return proportion_effect(int(ones.sum()), len(ones), int(zeros.sum()), len(zeros), level=level)
