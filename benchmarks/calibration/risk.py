"""How often the hazard's intervals cover the true chance, and how often noise is taken for a cause."""
# ruff: noqa: N806 (X is what scikit-learn calls the table)

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from benchmarks.calibration.finding import Finding, of_shares

from heed.evidence import Estimate
from heed.evidence.risk import HazardModel, landmark_panel, outcome
from heed.evidence.simulation import PanelTruth, simulate_panel

STUDY = "risk"
COMPANIES = 120
ACCOUNTS = 500
HORIZON = 6
PANELS = {200: 40, 1_000: 10}
"""Companies with renewals: how many accounts, and how many companies of that size."""
STEP, YEAR, STEPS = 30, 365, 13
PATHS = 1_000
ASKED = 300


def study(scale: float) -> list[Finding]:
    found = plain(max(4, round(COMPANIES * scale)))
    for accounts, companies in PANELS.items():
        found += of_renewals(accounts, max(3, round(companies * scale)))
    return found


def plain(companies: int) -> list[Finding]:
    """Companies whose accounts stand in one row each, without renewals."""
    covered, clocks = [], 0
    for seed in range(companies):
        X, y, truth = company(seed, effect=0.7)
        covered.append(share_covered(HazardModel().fit(X, y).estimate(X, HORIZON), truth))
        X, y, _ = company(seed + 10_000, effect=0.0)
        clocks += HazardModel().fit(X, y).chosen_ == "clock"
    claim = "95 % intervals of an account's chance cover the true chance"
    return [
        of_shares(STUDY, claim, covered, 0.9, 0.99),
        Finding(STUDY, "metrics without effect leave the clock to answer alone", clocks, companies, 0.8, 1.0),
    ]


def company(seed: int, effect: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Accounts with three metrics of which the first has an effect; and each one's true chance to leave."""
    dice = np.random.default_rng([20261122, seed])
    X = pd.DataFrame(dice.normal(size=(ACCOUNTS, 3)), columns=["cause", "noise", "more noise"])
    hazard = 1 / (1 + np.exp(3.6 - effect * X["cause"].to_numpy()))
    life = dice.geometric(hazard)
    seen = dice.integers(4, 25, ACCOUNTS)
    return X, outcome(life <= seen, np.minimum(life, seen)), 1 - (1 - hazard) ** HORIZON


def of_renewals(accounts: int, companies: int) -> list[Finding]:
    """Companies with yearly renewals, seen at 24 landmarks and followed for a year, as Heed learns."""
    shares = pd.DataFrame(coverage(accounts, seed) for seed in range(companies))
    claim = "90 % intervals of the chance {} cover it, {:,} accounts with renewals"
    return [
        of_shares(STUDY, claim.format(when, accounts), own.tolist(), 0.85, 0.95)
        for when, own in shares.items()
    ]


def coverage(accounts: int, seed: int) -> dict[str, float]:
    """The share of a company's accounts, each at one landmark, whose interval covers, by horizon."""
    made = simulate_panel(accounts=accounts, seed=seed)
    panel = landmark_panel(made.features, made.events, observed_until=made.observed_until, horizon=YEAR)
    model = HazardModel(renewal="days_to_renewal", tenure="tenure_days", random_state=seed)
    model.fit(panel.X, panel.y, groups=panel.accounts)
    shuffled = made.features.sample(frac=1, random_state=seed)
    rows = shuffled.groupby("account").head(1).head(ASKED)
    truth = partial(true_chance, rows, made.probability[rows.index].to_numpy(), made.truth)
    horizons: dict[str, np.ndarray] = {
        "within 30 days": np.full(len(rows), 30.0),
        "within 90 days": np.full(len(rows), 90.0),
        "by the renewal": rows["days_to_renewal"].to_numpy(float),
    }
    known = rows.drop(columns=["account", "landmark"])
    return {
        when: share_covered(model.estimate(known, horizon, level=0.9), truth(horizon))
        for when, horizon in horizons.items()
    }


def true_chance(
    rows: pd.DataFrame, next_step: np.ndarray, truth: PanelTruth, horizon: np.ndarray
) -> np.ndarray:
    """The chance to leave within a horizon of whole steps, or by the renewal, from what is known at the
    landmark: the mean over the ways that the metrics may go from there. `next_step` is that of 30 days."""
    renewal = rows["days_to_renewal"].to_numpy()
    last = np.ceil(horizon / STEP).astype(int) - 1
    stays = np.ones((STEPS, len(rows), PATHS))
    for step, odds in enumerate(_ways(rows, next_step, truth)):
        due = (renewal - 1 - STEP * step) % YEAR + 1 <= STEP
        leaves = 1 / (1 + np.exp(-odds - truth.renewal * due[:, None]))
        stays[step] = (stays[step - 1] if step else 1.0) * (1 - leaves)
    return np.asarray(1 - stays.mean(axis=2)[last, np.arange(len(rows))])


def _ways(rows: pd.DataFrame, next_step: np.ndarray, truth: PanelTruth) -> Iterator[np.ndarray]:
    """Log-odds of each step but for the renewal, rows × paths: they wander as the metrics do."""
    effects = np.array(list(truth.effects.values()))
    known = rows[list(truth.effects)].to_numpy() @ effects
    due = rows["days_to_renewal"].to_numpy() <= STEP
    intercept = np.log(next_step / (1 - next_step)) - known - truth.renewal * due
    dice = np.random.default_rng(20261122)
    wandering = np.repeat(known[:, None], PATHS, axis=1)
    shock = float(np.sqrt((1 - truth.persistence**2) * np.sum(effects**2)))
    for _ in range(STEPS):
        yield intercept[:, None] + wandering
        wandering = truth.persistence * wandering + shock * dice.normal(size=wandering.shape)


def share_covered(figures: list[Estimate], truth: np.ndarray) -> float:
    held: list[bool] = [
        figure.low is not None and figure.high is not None and bool(figure.low <= chance <= figure.high)
        for figure, chance in zip(figures, truth, strict=True)
    ]
    return sum(held) / len(held)
