"""How often the hazard's intervals cover the true chance, and how often noise is taken for a cause."""
# ruff: noqa: N806 (X is what scikit-learn calls the table)

import numpy as np
import pandas as pd
from benchmarks.calibration.finding import Finding

from heed.evidence.risk import HazardModel, outcome

STUDY = "risk"
COMPANIES = 120
ACCOUNTS = 500
HORIZON = 6


def company(seed: int, effect: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Accounts with three metrics of which the first has an effect; and each one's true chance to leave."""
    dice = np.random.default_rng([20261122, seed])
    X = pd.DataFrame(dice.normal(size=(ACCOUNTS, 3)), columns=["cause", "noise", "more noise"])
    hazard = 1 / (1 + np.exp(3.6 - effect * X["cause"].to_numpy()))
    life = dice.geometric(hazard)
    seen = dice.integers(4, 25, ACCOUNTS)
    return X, outcome(life <= seen, np.minimum(life, seen)), 1 - (1 - hazard) ** HORIZON


def study(scale: float) -> list[Finding]:
    companies = max(4, round(COMPANIES * scale))
    covered = asked = clocks = 0
    for seed in range(companies):
        X, y, truth = company(seed, effect=0.7)
        for figure, chance in zip(HazardModel().fit(X, y).estimate(X, HORIZON), truth, strict=True):
            asked += 1
            covered += (
                figure.low is not None and figure.high is not None and figure.low <= chance <= figure.high
            )
        X, y, _ = company(seed + 10_000, effect=0.0)
        clocks += HazardModel().fit(X, y).chosen_ == "clock"
    claim = "95 % intervals of an account's chance cover the true chance"
    # Accounts of a company share its errors: chance is counted in companies.
    share = round(covered / asked * companies)
    return [
        Finding(STUDY, claim, share, companies, 0.9, 0.99),
        Finding(STUDY, "metrics without effect leave the clock to answer alone", clocks, companies, 0.8, 1.0),
    ]
