"""What is planted to mislead: plays given to those who do well anyway, activities that tell of a decision
already taken, and activities that mean nothing. Each has random numbers of its own, and nothing else changes
where one is added."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from heed.evidence.simulation import words
from heed.evidence.simulation.calendar import NEVER, Real, Whole
from heed.evidence.simulation.company import Accounts, Draws
from heed.evidence.simulation.facts import measurements
from heed.evidence.simulation.lives import Lives, is_customer
from heed.evidence.simulation.talk import month_events
from heed.evidence.simulation.truth import Effects
from heed.evidence.simulation.usage import SCHEMA

CHOSEN_BASE: Final = -0.8
CHOSEN_WITHIN: Final = 30
TOLD_SHARE: Final = 0.9
TOLD_BEFORE: Final = (30, 88)
NULL_RATE: Final = 1.5
DAY: Final = 86_400
HOUR: Final = 3_600
RECORDED_AFTER: Final = 1_200


@dataclass(frozen=True, slots=True)
class Planted:
    """`activities` have the columns of the activities file; `arms` those of the truth."""

    activities: pa.Table
    arms: pa.Table


def plant(accounts: Accounts, lives: Lives, effects: Effects, draws: Draws) -> Planted:
    chosen = [choose(accounts, lives, play, odds, draws) for play, odds in effects.chosen_plays.items()]
    plays = pa.array(list(effects.chosen_plays), pa.string()).take(
        np.repeat(np.arange(len(chosen)), [len(account) for account, _ in chosen])
    )
    account, second = joined(chosen)
    given = rows(accounts, "play.assigned", account, second, plays)
    others = [
        *(rows(accounts, name, *told_when_leaving(lives, draws, name)) for name in effects.leaks),
        *(rows(accounts, name, *happening(accounts, lives, draws, name)) for name in effects.null_activities),
    ]
    return Planted(in_order([given, *others]), arms(accounts, account, second, plays))


def joined(parts: list[tuple[Whole, Whole]]) -> tuple[Whole, Whole]:
    nothing = np.zeros(0, np.int64)
    account, second = zip(*parts, strict=True) if parts else ((nothing,), (nothing,))
    return np.concatenate(account), np.concatenate(second)


def choose(accounts: Accounts, lives: Lives, play: str, odds: float, draws: Draws) -> tuple[Whole, Whole]:
    """Account and second of those given a play in the middle of the window: the better (or worse) the
    attainment last measured before it, the likelier; by nothing else."""
    random, launch = draws.of("chosen", play), accounts.window.days // 2
    shares = last_measured(accounts, lives, draws, launch)
    known = ~np.isnan(shares)
    spread = np.nanstd(shares) if known.sum() > 1 else 0.0
    standing = (shares - np.nanmean(shares)) / spread if spread > 0 else np.zeros(len(accounts))
    logit = CHOSEN_BASE + odds * np.where(known, standing, 0.0)
    day = launch + random.integers(0, CHOSEN_WITHIN, len(accounts))
    given = random.random(len(accounts)) < 1 / (1 + np.exp(-logit))
    account = np.nonzero(given & is_customer(lives, day, np.arange(len(accounts))))[0]
    return account, day[account] * DAY + 18 * HOUR


def last_measured(accounts: Accounts, lives: Lives, draws: Draws, before: int) -> Real:
    """The share of the way from baseline to target by account, as last measured before a day; else NaN."""
    measured = measurements(accounts, lives, draws)
    _, _, baseline, target = (np.array(column) for column in zip(*words.OUTCOMES, strict=True))
    kind = accounts.outcome_kind[measured.account]
    share = (measured.value - baseline[kind]) / (target[kind] - baseline[kind])
    seen = (measured.second < before * DAY) & is_customer(lives, measured.second // DAY, measured.account)
    order = np.nonzero(seen)[0]
    order = order[np.argsort(measured.second[order], kind="stable")]
    found = np.full(len(accounts), np.nan)
    found[measured.account[order]] = share[order]
    return found


def told_when_leaving(lives: Lives, draws: Draws, name: str) -> tuple[Whole, Whole]:
    """Account and second of an activity recorded one to three months before most accounts leave: they have
    decided, and so it tells nothing that is not known."""
    random = draws.of("leak", name)
    ends = lives.ends
    day = ends - random.integers(*TOLD_BEFORE, ends.shape)
    told = (ends < NEVER) & (random.random(ends.shape) < TOLD_SHARE)
    stay, account = np.nonzero(told)
    day = day[stay, account]
    there = is_customer(lives, day, account)
    return account[there], day[there] * DAY + 15 * HOUR


def happening(accounts: Accounts, lives: Lives, draws: Draws, name: str) -> tuple[Whole, Whole]:
    """Account and second of what happens to anyone, to some accounts more often than to others."""
    random = draws.of("null", name)
    rate = NULL_RATE * np.exp(random.normal(0, 0.6, len(accounts)))[:, None]
    return month_events(accounts, lives, rate, random)


def rows(
    accounts: Accounts, name: str, account: Whole, second: Whole, plays: pa.Array | None = None
) -> pa.Table:
    """Activities of one name, without id; `play` and `arm` where they are a play's."""
    n = len(account)
    columns = {field.name: pa.nulls(n, field.type) for field in SCHEMA}
    columns["account"] = accounts.keys.take(account)
    columns["name"] = pa.repeat(name, n)
    columns["at"] = pa.array(instants(accounts, second), SCHEMA.field("at").type)
    columns["recorded_at"] = pa.array(instants(accounts, second + RECORDED_AFTER), SCHEMA.field("at").type)
    if plays is not None:
        columns |= {"play": plays, "arm": pa.repeat("chosen", n)}
    inside = second + RECORDED_AFTER < accounts.window.days * DAY
    return pa.table(columns, schema=SCHEMA).filter(pa.array(inside))


def instants(accounts: Accounts, second: Whole) -> "np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]":
    return np.asarray(np.datetime64(accounts.window.start, "us") + second.astype("timedelta64[s]"))


def in_order(parts: list[pa.Table]) -> pa.Table:
    """All of them in time order, with ids that no other activity has."""
    table = pa.concat_tables(parts)
    table = table.take(pc.sort_indices(table, [("at", "ascending"), ("account", "ascending")]))
    number = pc.cast(pa.array(np.arange(1, len(table) + 1)), pa.string())
    return table.set_column(0, "id", pc.binary_join_element_wise("x", number, ""))


def arms(accounts: Accounts, account: Whole, second: Whole, plays: pa.Array) -> pa.Table:
    return pa.table(
        {
            "account": accounts.keys.take(account),
            "number": account,
            "play": plays,
            "arm": pa.repeat("chosen", len(account)),
            "on": pa.array(accounts.window.dates(second // DAY), pa.date32()),
        }
    )
