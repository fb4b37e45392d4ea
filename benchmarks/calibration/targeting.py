"""How often targeting is called where there is nothing to target, and corrected effects hold the true one."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from benchmarks.calibration.finding import Finding
from benchmarks.calibration.intervals import SEED, holds
from scipy.special import expit

from heed.evidence import Estimate, UpliftScorer, observational_effect

RUNS = 300
STUDY = "targeting"

Real = npt.NDArray[np.float64]


class Play(NamedTuple):
    """What is known of the accounts before, who was treated, what came of it, and the true mean effect."""

    accounts: pd.DataFrame
    outcome: Real
    treated: Real
    effect: float


def study(scale: float) -> list[Finding]:
    runs = max(5, int(RUNS * scale))
    return [*of_targeting(runs), *of_corrected_effects(runs)]


def of_targeting(runs: int) -> list[Finding]:
    alike = [fitted(experiment(random, 400, 1200)) for random in generators(runs, 1)]
    few = max(4, runs // 5)
    unlike = [fitted(experiment(random, 1000, 1400, unlike=2.0)) for random in generators(few, 2)]
    covered = sum(holds(scorer.gain_, 0.0) for scorer in alike)
    false = sum(scorer.verdict_ == "target" for scorer in alike)
    found = sum(scorer.verdict_ == "target" for scorer in unlike)
    return [
        Finding(STUDY, "all gain alike: the gain of targeting holds 0", covered, runs, 0.95, 1.0),
        Finding(STUDY, "all gain alike: called 'target'", false, runs, 0.0, 0.05),
        Finding(STUDY, "some gain, some lose, 1,000 accounts: called 'target'", found, few, 0.9, 1.0),
    ]


def of_corrected_effects(runs: int) -> list[Finding]:
    plain = [confounded(random, 300, 900) for random in generators(runs, 3)]
    null = [confounded(random, 300, 900, effect=0.0) for random in generators(runs, 4)]
    held = [sum(holds(corrected(play), play.effect) for play in plays) for plays in (plain, null)]
    clustered = sum(clustered_holds(random) for random in generators(runs, 5))
    claim = "lies in the corrected interval"
    return [
        Finding(STUDY, f"the effect of a confounded play {claim}", held[0], runs, 0.925, 0.985),
        Finding(STUDY, f"the null effect of a confounded play {claim}", held[1], runs, 0.925, 0.985),
        Finding(STUDY, f"a confounded effect on amounts in 60 to 120 companies {claim}", clustered, runs,
                0.915, 0.985),
    ]  # fmt: skip


def generators(runs: int, number: int) -> list[np.random.Generator]:
    return [np.random.default_rng([SEED, 400 + number, run]) for run in range(runs)]


def fitted(play: Play) -> UpliftScorer:
    return UpliftScorer().fit(play.accounts, play.outcome, play.treated)


def corrected(play: Play) -> Estimate:
    return observational_effect(play.outcome, play.treated, play.accounts).estimate


def experiment(random: np.random.Generator, least: int, most: int, unlike: float = 0.0) -> Play:
    """A play by lot that adds .1 to every account's chance; with `unlike`, log-odds by size instead."""
    accounts = some_accounts(random, int(random.integers(least, most)))
    risk = risk_of(accounts)
    treated = random.integers(0, 2, len(accounts)).astype(float)
    without = 0.1 + 0.7 * expit(risk)
    with_play = without + 0.1 if not unlike else expit(risk + unlike * np.sign(accounts["size"]))
    chance = np.where(treated == 1, with_play, without if not unlike else expit(risk))
    outcome = (random.random(len(accounts)) < chance).astype(float)
    return Play(accounts, outcome, treated, float(np.mean(with_play - without)))


def confounded(random: np.random.Generator, least: int, most: int, effect: float = 0.8) -> Play:
    """The healthier an account, the likelier the play: a raw comparison flatters it."""
    accounts = some_accounts(random, int(random.integers(least, most)))
    risk = risk_of(accounts)
    treated = (random.random(len(accounts)) < expit(0.9 * risk)).astype(float)
    outcome = (random.random(len(accounts)) < expit(risk + effect * treated)).astype(float)
    return Play(accounts, outcome, treated, float(np.mean(expit(risk + effect) - expit(risk))))


def clustered_holds(random: np.random.Generator) -> bool:
    """Amounts of accounts that share a company, its luck and its treatment."""
    companies = int(random.integers(60, 120))
    company = np.repeat(np.arange(companies), random.integers(1, 9, companies))
    accounts = some_accounts(random, companies).iloc[company].reset_index(drop=True)
    treated = (random.random(companies) < expit(0.7 * risk_of(accounts.groupby(company).first())))[company]
    luck = random.normal(0, 0.7, companies)[company]
    amount = risk_of(accounts) + luck + 0.5 * treated + random.normal(size=len(company))
    found = observational_effect(amount, treated.astype(float), accounts, company)
    return holds(found.estimate, 0.5)


def some_accounts(random: np.random.Generator, n: int) -> pd.DataFrame:
    usage = random.lognormal(3, 1, n)
    return pd.DataFrame(
        {
            "usage": np.where(random.random(n) < 0.1, np.nan, usage),
            "size": random.normal(size=n),
            "tenure": random.integers(0, 60, n),
            "plan": random.choice(["free", "team", "enterprise"], n, p=[0.5, 0.35, 0.15]),
        }
    )


def risk_of(accounts: pd.DataFrame) -> Real:
    usage = np.log(accounts["usage"].fillna(10.0)) - 3
    plan = accounts["plan"].map({"free": -0.5, "team": 0.2, "enterprise": 0.8})
    return np.asarray(0.7 * usage - 0.02 * (accounts["tenure"] - 30) + plan, dtype=float)
