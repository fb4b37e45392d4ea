"""Dated facts beside the usage: assignments, measured outcomes, errors, and data taken out at the end."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from heed.evidence.simulation import words
from heed.evidence.simulation.calendar import NEVER, Real, Whole
from heed.evidence.simulation.company import Accounts, Draws
from heed.evidence.simulation.lives import Lives

SPECIAL: Final = ("play.assigned", "outcome.measured", "error_seen", "data_exported")


@dataclass(slots=True)
class Facts:
    """Dated facts beside the usage: `kind` counts in SPECIAL, `arm` 1 is treated, -1 means no such thing."""

    account: Whole
    second: Whole
    kind: Whole
    value: Real
    play: Whole
    arm: Whole

    def within(self, start: int, end: int) -> "Facts":
        """Those from day `start` until before day `end`; facts are in time order."""
        low, high = np.searchsorted(self.second, [start * 86_400, end * 86_400])
        return Facts(*(getattr(self, name)[low:high] for name in self.__slots__))


def dated_facts(accounts: Accounts, lives: Lives, draws: Draws) -> Facts:
    """Assignments, measured outcomes, errors on days of harm, and exports after leaving; in time order."""
    parts = [
        assignments(lives),
        measurements(accounts, lives, draws),
        errors(lives, draws),
        last_exports(lives, draws),
    ]
    facts = Facts(*(np.concatenate([getattr(part, name) for part in parts]) for name in Facts.__slots__))
    day = facts.second // 86_400
    leaving = facts.kind == SPECIAL.index("data_exported")
    there = ((lives.begins[:, facts.account] <= day) & (day < lives.ends[:, facts.account])).any(axis=0)
    order = np.argsort(facts.second, kind="stable")
    order = order[(there | leaving)[order] & (day[order] < accounts.window.days)]
    return Facts(*(getattr(facts, name)[order] for name in Facts.__slots__))


def facts_of(kind: str, account: Whole, second: Whole, value: Real | None = None) -> Facts:
    n = len(account)
    none = np.full(n, -1)
    values = np.full(n, np.nan) if value is None else value
    return Facts(account, second, np.full(n, SPECIAL.index(kind)), values, none, none)


def assignments(lives: Lives) -> Facts:
    facts = facts_of("play.assigned", lives.arms.account, lives.arms.on * 86_400 + 8 * 3_600)
    facts.play, facts.arm = lives.arms.play, lives.arms.treated.astype(np.int64)
    return facts


def measurements(accounts: Accounts, lives: Lives, draws: Draws) -> Facts:
    """The customer's own measure, from baseline to target by attainment; of silent accounts it is rare."""
    random, (n, months) = draws.of("measure"), lives.outcome.shape
    measured = random.random((n, months)) < np.where(accounts.silent, 0.12, 0.7)[:, None]
    account, month = np.nonzero(measured)
    _, _, baseline, target = (np.array(column) for column in zip(*words.OUTCOMES, strict=True))
    kind = accounts.outcome_kind[account]
    share = 1 / (1 + np.exp(-lives.outcome[account, month])) + random.normal(0, 0.08, len(account))
    value = baseline[kind] + (target[kind] - baseline[kind]) * share * 1.2
    day = accounts.window.month_starts[month] + random.integers(2, 8, len(account))
    return facts_of("outcome.measured", account, day * 86_400 + 9 * 3_600, np.round(value, 1))


def errors(lives: Lives, draws: Draws) -> Facts:
    random, harms = draws.of("errors"), lives.harms
    times = random.integers(2, 9, len(harms.on))
    account, on = np.repeat(harms.account, times), np.repeat(harms.on, times)
    return facts_of("error_seen", account, on * 86_400 + random.integers(7 * 3_600, 17 * 3_600, len(on)))


def last_exports(lives: Lives, draws: Draws) -> Facts:
    """Some of those who left take their data out within two weeks."""
    random, ends = draws.of("exports"), lives.ends[0]
    account = np.nonzero((ends < NEVER) & (random.random(len(ends)) < 0.3))[0]
    day = ends[account] + random.integers(0, 14, len(account))
    return facts_of("data_exported", account, day * 86_400 + 11 * 3_600)
