"""What the past teaches a forecast, drawn once per run."""

from datetime import date

import numpy as np
import pandas as pd

from heed.evidence.money.frames import CannotTellError, Real
from heed.evidence.money.history import Past, counts
from heed.evidence.money.reading import shares
from heed.evidence.money.shocks import Shared, learn_rates, learn_shared, log_odds
from heed.evidence.money.simulating import Learned, Plan, Sizes
from heed.evidence.tables import days, numbers, require

LEAST_LEFT = 5


def learn(
    past: Past, plan: Plan, renewals: pd.DataFrame | None, rng: np.random.Generator, runs: int, as_of: date
) -> tuple[Learned, list[str]]:
    quarters = plan.due.shape[1]
    paying, left = past.paying, past.left
    if not (left | past.contracted | past.expanded).any():
        raise CannotTellError("nothing has moved yet: no account left, contracted or expanded")
    _check_leavers(plan, int(left.sum()))
    stayed = paying & ~left
    leaving = learn_rates(*counts(past, left, paying), rng, runs, quarters)
    contracting = learn_rates(*counts(past, past.contracted, stayed), rng, runs, quarters)
    expanding = learn_rates(*counts(past, past.expanded, stayed), rng, runs, quarters)
    notes = [
        f"no account {word} in the past {len(past.quarters)} quarters, so none is taken to"
        for word, moved in (("contracted", past.contracted), ("expanded", past.expanded))
        if not moved.any()
    ]
    given = leaving.shared if renewals is None else _record(renewals, rng, runs, quarters, as_of)
    return Learned(
        leaving, given, contracting, expanding,
        Sizes.learn(past.sizes(past.contracted), rng, runs),
        Sizes.learn(past.sizes(past.expanded), rng, runs),
    ), notes  # fmt: skip


def _check_leavers(plan: Plan, left: int) -> None:
    untold = int(np.isnan(plan.leaving_odds).all(axis=1).sum())
    if untold and left < LEAST_LEFT:
        raise CannotTellError(
            f"only {left} accounts have left so far, at least {LEAST_LEFT} are needed "
            f"where the probability of leaving is not given, as for {untold} accounts"
        )


def _record(
    renewals: pd.DataFrame, rng: np.random.Generator, runs: int, quarters: int, as_of: date
) -> Shared:
    """What the record of past probabilities says about their level and its spread over quarters."""
    require(renewals, "renewals", "on", "probability", "left")
    past = renewals[days(renewals["on"]) <= pd.Timestamp(as_of)].dropna(subset=["probability", "left"])
    past = past.sort_values(["on", "probability", "left"])
    said = shares(numbers(past["probability"]), "the probability of a past renewal")
    quarter = pd.factorize(days(past["on"]).dt.to_period("Q"), sort=True)[0]
    left = numbers(past["left"])
    return learn_shared(quarter, log_odds(said), np.ones(len(left)), left, rng, runs, quarters)


def draw_new_business(past: Past, rng: np.random.Generator, runs: int, quarters: int) -> Real:
    """New MRR by quarter × run, added up over quarters; each run draws from a resample of the past."""
    seen = past.new_business
    resampled = seen[rng.integers(len(seen), size=(runs, len(seen)))]
    drawn = np.take_along_axis(resampled, rng.integers(len(seen), size=(runs, quarters)), axis=1)
    return np.asarray(drawn.cumsum(axis=1).T)
