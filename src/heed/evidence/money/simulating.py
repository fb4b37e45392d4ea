"""Runs of the quarters ahead: who leaves, contracts and expands, account by account."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from heed.evidence.money.frames import Real, Truth, Whole
from heed.evidence.money.shocks import GroupRates, Shared

CELLS_AT_ONCE = 500_000
MOST_SIZES = 300


@dataclass(frozen=True, slots=True)
class Sizes:
    """What past movements were, as after / before. Each run draws from a resample of its own, so that few
    past movements make the runs differ as much as they should."""

    resampled: Real

    @classmethod
    def learn(cls, past: Real, rng: np.random.Generator, runs: int) -> "Sizes":
        if not past.size:
            return cls(np.ones((runs, 1)))
        many = min(past.size, MOST_SIZES)
        return cls(past[rng.integers(past.size, size=(runs, many))])

    def draw(self, run: Whole, rng: np.random.Generator) -> Real:
        return self.resampled[run, rng.integers(self.resampled.shape[1], size=run.size)]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known before the runs. By account: what it pays and what it paid when the quarter began; by
    account × quarter: log-odds of leaving (NaN: the group's rate), its group, whether a renewal is due.

    `ahead` is the part of the first quarter that is still to come. `gone_begun` is what accounts that left
    since the quarter began paid then.
    """

    amount: Real
    begun: Real
    gone_begun: float
    leaving_odds: Real
    groups: Whole
    due: Truth
    ahead: float


@dataclass(frozen=True, slots=True)
class Learned:
    """What the past taught, drawn once per run. `given` shifts probabilities of leaving that were given."""

    leaving: GroupRates
    given: Shared
    contracting: GroupRates
    expanding: GroupRates
    smaller: Sizes
    larger: Sizes


@dataclass(frozen=True, slots=True)
class Runs:
    """By quarter × run: counts and sums; by account: what makes the end vary.

    The last row of `kept` and `ended` against `started` is the whole span for today's accounts.
    """

    due: Real
    due_amount: Real
    renewed: Real
    started: Real
    kept: Real
    ended: Real
    closing: Real
    left: Real
    variance_share: Real


def simulate_quarters(plan: Plan, learned: Learned, rng: np.random.Generator) -> Runs:
    """All runs, in blocks that fit into memory; the blocks depend on the sizes only."""
    accounts, quarters = plan.due.shape
    runs = len(learned.given.level)
    sums = np.zeros((7, quarters + 1, runs))
    moments = _Moments(np.zeros(accounts), np.zeros(accounts), np.zeros(accounts))
    for block in _blocks(runs, accounts):
        final = _block(plan, learned, block, rng, sums)
        moments.add(final)
    due, due_amount, renewed, started, kept, ended, closing = sums
    return Runs(
        due, due_amount, renewed, started, kept, ended, closing,
        moments.gone / runs, moments.shares(closing[-1]),
    )  # fmt: skip


def _blocks(runs: int, accounts: int) -> Iterator[Whole]:
    step = max(1, CELLS_AT_ONCE // max(1, accounts))
    for first in range(0, runs, step):
        yield np.arange(first, min(runs, first + step))


@dataclass(slots=True)
class _Moments:
    """Sums over runs, by account: its amount at the end, its product with the total, how often it is gone."""

    amount: Real
    product: Real
    gone: Real

    def add(self, final: Real) -> None:
        self.amount += final.sum(axis=0)
        self.product += final.T @ final.sum(axis=1)
        self.gone += (final == 0).sum(axis=0)

    def shares(self, total: Real) -> Real:
        """Covariance of each account with the total over the variance of the total: they sum to 1."""
        runs = len(total)
        covariance = self.product / runs - self.amount / runs * total.mean()
        variance = float(total.var())
        return covariance / variance if variance > 0 else np.zeros(len(covariance))


def _block(plan: Plan, learned: Learned, block: Whole, rng: np.random.Generator, sums: Real) -> Real:
    now = np.repeat(plan.amount[None, :], len(block), axis=0)
    begun, gone = np.repeat(plan.begun[None, :], len(block), axis=0), plan.gone_begun
    quarters = plan.due.shape[1]
    for quarter in range(quarters):
        after = _after(plan, learned, block, quarter, now, rng)
        due = (now > 0) & plan.due[:, quarter]
        least = np.minimum(now, after)
        sums[:, quarter, block] = [
            due.sum(axis=1), (now * due).sum(axis=1), (least * due).sum(axis=1),
            begun.sum(axis=1) + gone, np.minimum(begun, after).sum(axis=1),
            np.where(begun > 0, after, 0.0).sum(axis=1), after.sum(axis=1),
        ]  # fmt: skip
        now = begun = after
        gone = 0.0
    sums[:3, quarters, block] = sums[:3, :quarters, block].sum(axis=1)
    sums[3, quarters, block] = plan.amount.sum()
    sums[4, quarters, block] = np.minimum(plan.amount[None, :], now).sum(axis=1)
    sums[5:, quarters, block] = now.sum(axis=1)
    return now


def _after(
    plan: Plan, learned: Learned, block: Whole, quarter: int, now: Real, rng: np.random.Generator
) -> Real:
    """What each account pays at the quarter's end, by run × account."""
    part = np.full(now.shape[1], plan.ahead if quarter == 0 else 1.0)
    part[plan.due[:, quarter]] = 1.0
    groups = plan.groups[:, quarter]
    left = rng.random(now.shape) < _leaving(plan, learned, block, quarter, groups, part)
    moved = rng.random(now.shape)
    smaller = moved < learned.contracting.probability(block, quarter, groups, part)
    larger = moved > 1 - learned.expanding.probability(block, quarter, groups, part)
    after = now.copy()
    for chosen, sizes in ((smaller, learned.smaller), (larger & ~smaller, learned.larger)):
        run, account = np.nonzero(chosen)
        after[run, account] *= sizes.draw(block[run], rng)
    after[left] = 0.0
    return after


def _leaving(plan: Plan, learned: Learned, block: Whole, quarter: int, groups: Whole, part: Real) -> Real:
    usual = learned.leaving.probability(block, quarter, groups, part)
    odds = plan.leaving_odds[:, quarter]
    given = ~np.isnan(odds)
    shift = learned.given.level + learned.given.shock[:, quarter]
    usual[:, given] = expit(odds[given][None, :] + shift[block, None])
    return usual
