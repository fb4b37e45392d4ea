"""A seeded B2B software company whose causes are known, written as the file set that a user would import.

In it outcomes and harm that was not put right decide who leaves; the score of surveys does not. Some
accounts never say a word; some are unhappy and stay because leaving costs too much. One play works, one
does not, and one goes to those who do well anyway. One activity is recorded only once an account has decided
to leave. The truth behind it is returned for tests and never written.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from heed.evidence.simulation.calendar import NEVER, Whole, window_of
from heed.evidence.simulation.company import TERMS, Accounts, Draws, csm_emails, make_accounts
from heed.evidence.simulation.files import account_table, contact_table, subscription_table
from heed.evidence.simulation.lives import Lives, live
from heed.evidence.simulation.panel import PanelTruth, SimulatedPanel, simulate_panel
from heed.evidence.simulation.planted import plant
from heed.evidence.simulation.talk import interactions, survey_responses, tickets
from heed.evidence.simulation.truth import Effects, Truth
from heed.evidence.simulation.usage import write_activities

SIZES: Final = {
    "small": (600, 2_000_000),
    "medium": (10_000, 10_000_000),
    "large": (100_000, 50_000_000),
}
FILES: Final = (
    "accounts.csv",
    "contacts.csv",
    "subscriptions.csv",
    "tickets.csv",
    "interactions.csv",
    "survey_responses.csv",
    "activities.parquet",
)
Progress = Callable[[str, int, int], None]


def silently(step: str, done: int, of: int) -> None:
    """No progress wanted."""


def simulate(
    folder: Path,
    *,
    end: date,
    seed: int = 7,
    accounts: int = 600,
    activities: int = 2_000_000,
    months: int = 24,
    csms: int = 6,
    effects: Effects | None = None,
    progress: Progress = silently,
) -> Truth:
    """Write the file set of a company into `folder` and return what is true of it.

    The last day with data is the one before `end`. About `activities` rows are written (chance decides the
    exact number). The same arguments give the same bytes. `progress` gets (what, done, of) in rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    effects, draws, window = effects or Effects(), Draws(seed), window_of(end, months)
    who = make_accounts(accounts, window, draws, csms)
    lives = live(who, effects, draws)
    answers = survey_responses(who, lives, effects, draws)
    planted = plant(who, lives, effects, draws)
    tables = {
        "accounts": account_table(who, draws, csms),
        "contacts": contact_table(who, draws),
        "subscriptions": subscription_table(who, lives),
        "tickets": tickets(who, lives, draws),
        "interactions": interactions(who, lives, draws),
        "survey_responses": answers.drop_columns("opinion"),
    }
    for name, table in tables.items():
        pacsv.write_csv(table, folder / f"{name}.csv")
        progress(name, len(table), len(table))
    written = write_activities(
        folder / "activities.parquet", who, lives, effects, draws, planted.activities, activities,
        lambda rows: progress("activities", rows, activities),
    )  # fmt: skip
    return Truth(
        seed=seed,
        window=who.window,
        effects=effects,
        accounts=true_accounts(who, lives),
        decisions=true_decisions(who, lives),
        arms=pa.concat_tables([true_arms(who, lives, effects), planted.arms]),
        harms=true_harms(who, lives),
        opinions=true_opinions(answers),
        outcome=lives.outcome,
        activities=written,
    )


def true_accounts(accounts: Accounts, lives: Lives) -> pa.Table:
    return pa.table(
        {
            "key": accounts.keys,
            "silent": accounts.silent,
            "captive": accounts.captive,
            "liking": accounts.liking,
            "drive": accounts.drive,
            "term": accounts.term,
            "fades": lives.fades,
            "started_on": on_dates(accounts, accounts.since),
            "left_on": on_dates(accounts, lives.ends[0]),
            "returned_on": on_dates(accounts, lives.begins[1]),
            "left_again_on": on_dates(accounts, lives.ends[1]),
        }
    )


def on_dates(accounts: Accounts, day: Whole) -> pa.Array:
    return pa.array(accounts.window.dates(np.where(day == NEVER, 0, day)), pa.date32(), mask=day == NEVER)


def true_decisions(accounts: Accounts, lives: Lives) -> pa.Table:
    kept = lives.decisions
    account = np.concatenate(kept.account)
    return pa.table(
        {
            "account": accounts.keys.take(account),
            "number": account,
            "on": on_dates(accounts, np.concatenate(kept.on)),
            "term": accounts.term[account],
            "outcome": np.concatenate(kept.outcome),
            "open_harm": np.concatenate(kept.harm),
            "captive": accounts.captive[account],
            "liking": accounts.liking[account],
            "probability": np.concatenate(kept.probability),
            "left": np.concatenate(kept.left),
        }
    )


def true_arms(accounts: Accounts, lives: Lives, effects: Effects) -> pa.Table:
    arms = lives.arms
    return pa.table(
        {
            "account": accounts.keys.take(arms.account),
            "number": arms.account,
            "play": pa.array(list(effects.plays)).take(arms.play),
            "arm": pa.array(["holdout", "treated"]).take(arms.treated.astype(np.int64)),
            "on": on_dates(accounts, arms.on),
        }
    )


def true_opinions(answers: pa.Table) -> pa.Table:
    return pa.table(
        {
            **{name: answers[name] for name in ("id", "account", "survey")},
            "score": answers["opinion"],
            "answered": pc.is_valid(answers["score"]),
        }
    )


def true_harms(accounts: Accounts, lives: Lives) -> pa.Table:
    harms = lives.harms
    return pa.table(
        {
            "account": accounts.keys.take(harms.account),
            "on": on_dates(accounts, harms.on),
            "until": on_dates(accounts, harms.until),
            "mended": harms.mended,
            "incident": harms.incident,
        }
    )


__all__ = [
    "FILES",
    "SIZES",
    "TERMS",
    "Effects",
    "PanelTruth",
    "SimulatedPanel",
    "Truth",
    "csm_emails",
    "simulate",
    "simulate_panel",
]
