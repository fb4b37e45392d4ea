"""What all accounts share: good and bad quarters, and how uncertain the level of a rate is.

One account's leaving is its own; a recession, a price rise or a broken release is everybody's. Past quarters
show how much more the counts vary than accounts that decide alone would vary: the probability of account i in
quarter q is taken as logit⁻¹(logit pᵢ + level + shock_q), shock_q normal with spread τ. (level, τ) is drawn
from its posterior on a grid, the shocks integrated out (a logistic model with a random effect per quarter).
Priors: level normal with spread 1, τ half-normal with scale .3, both in log-odds.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit, logit, logsumexp

from heed.evidence.money.frames import Real, Whole

SHIFTS = np.linspace(-4.0, 4.0, 161)
LEVELS = np.linspace(-2.0, 2.0, 81)
SPREADS = np.linspace(0.03, 1.23, 25)
PRIOR_LEVEL = 1.0
PRIOR_SPREAD = 0.3


def log_odds(chance: npt.ArrayLike) -> Real:
    """logit of probabilities; 0 and 1 become one in a million."""
    return np.asarray(logit(np.clip(chance, 1e-6, 1 - 1e-6)), dtype=float)


@dataclass(frozen=True, slots=True)
class Shared:
    """Draws of what all accounts share, in log-odds: `level` by run, `shock` by run × quarter ahead."""

    level: Real
    spread: Real
    shock: Real


def learn_shared(
    quarter: Whole, odds: Real, exposed: Real, happened: Real, rng: np.random.Generator, runs: int, ahead: int
) -> Shared:
    """Draws from the posterior. Each cell is a past quarter's group of alike accounts (or one account):
    its quarter (0, 1, ...), its log-odds as expected, how many were exposed and to how many it happened."""
    weights = _posterior(_of_shifts(quarter, odds, exposed, happened))
    drawn = rng.choice(weights.size, size=runs, p=weights.ravel())
    spread_at, level_at = np.unravel_index(drawn, weights.shape)
    spread = SPREADS[spread_at]
    return Shared(LEVELS[level_at], spread, spread[:, None] * rng.standard_normal((runs, ahead)))


def _of_shifts(quarter: Whole, odds: Real, exposed: Real, happened: Real) -> Real:
    """Log-likelihood of each past quarter at each shift of the log-odds."""
    shifted = odds[:, None] + SHIFTS[None, :]
    cells = happened[:, None] * log_expit(shifted) + (exposed - happened)[:, None] * log_expit(-shifted)
    likelihood = np.zeros((int(quarter.max(initial=-1)) + 1, len(SHIFTS)))
    np.add.at(likelihood, quarter, cells)
    return likelihood


@cache
def _kernels() -> Real:
    """Weights of the shifts, summing to 1, given spread and level: spread × shift × level."""
    apart = (SHIFTS[None, :, None] - LEVELS[None, None, :]) / SPREADS[:, None, None]
    weights = np.exp(-0.5 * apart**2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _posterior(likelihood: Real) -> Real:
    """Weights of spread × level, summing to 1."""
    most = likelihood.max(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        by_quarter = np.log(np.exp(likelihood - most) @ _kernels())
    prior = -0.5 * (LEVELS[None, :] / PRIOR_LEVEL) ** 2 - 0.5 * (SPREADS[:, None] / PRIOR_SPREAD) ** 2
    logs = by_quarter.sum(axis=1) + prior
    return np.asarray(np.exp(logs - logsumexp(logs)))


@dataclass(frozen=True, slots=True)
class GroupRates:
    """How often something happens in a quarter: log-odds by run × group, and what all groups share."""

    odds: Real
    shared: Shared
    happened: int

    def probability(self, runs: Whole, quarter: int, groups: Whole, part: Real) -> Real:
        """By run × account; `part` (0 to 1, by account) is the part of the quarter that is still ahead."""
        by_group = expit(self.odds[runs] + self.shared.shock[runs, quarter, None])
        return by_group[:, groups] * part


def learn_rates(
    happened: Whole, exposed: Whole, rng: np.random.Generator, runs: int, ahead: int
) -> GroupRates:
    """From counts by past quarter × group. A group never seen takes the rate of all."""
    total, of = happened.sum(axis=0), exposed.sum(axis=0)
    total, of = np.where(of > 0, total, total.sum()), np.where(of > 0, of, of.sum())
    quarter, group = np.nonzero(exposed)
    expected = log_odds((total + 0.5) / (of + 1.0))
    shared = learn_shared(
        quarter, expected[group], exposed[quarter, group].astype(float),
        happened[quarter, group].astype(float), rng, runs, ahead,
    )  # fmt: skip
    odds = log_odds(rng.beta(total + 0.5, of - total + 0.5, (runs, len(of))))
    # The mean of a shifted rate is above the rate at the mean shift (by exp(τ²/2) for small rates), and the
    # mean of the past shocks is known no better than their number allows.
    drift = shared.spread / np.sqrt(len(happened)) * rng.standard_normal(runs)
    return GroupRates(odds + (drift - shared.spread**2 / 2)[:, None], shared, int(happened.sum()))
