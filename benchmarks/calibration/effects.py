"""How often intervals of effects hold the true effect, and those of pooled success rates the true rates."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from benchmarks.calibration.finding import Finding
from benchmarks.calibration.intervals import SEED, holds

from heed.evidence import (
    Estimate,
    Stratum,
    clustered_proportion_effect,
    mean_effect,
    pooled_success_rates,
    stratified_proportion_effect,
)

RUNS = 4000
EFFECT = 0.5

Draw = Callable[[np.random.Generator], tuple[Estimate, float]]


def study(scale: float) -> list[Finding]:
    plain = [
        finding(f"{claim} lies in its 95 % interval", draw, number, scale, low)
        for number, (claim, draw, low) in enumerate(
            (
                ("a difference of means, 30 to 150 per arm,", of_means, 0.94),
                ("a difference of skewed amounts", of_skewed_means, 0.92),
                ("a difference adjusted for the period before (CUPED)", of_cuped, 0.94),
                ("a difference of means in 16 to 60 companies", of_clustered_means, 0.935),
                ("a difference of shares in 16 to 60 companies", of_clustered_shares, 0.935),
                ("a difference of shares over many small strata", of_small_strata, 0.94),
            )
        )
    ]
    return [*plain, *of_pooled_rates(scale)]


def finding(claim: str, draw: Draw, number: int, scale: float, low: float) -> Finding:
    random = np.random.default_rng([SEED, 100 + number])
    runs = max(50, int(RUNS * scale))
    return Finding("effects", claim, sum(holds(*draw(random)) for _ in range(runs)), runs, low, 0.975)


def of_means(random: np.random.Generator) -> tuple[Estimate, float]:
    treated = arms(random)
    spread = np.where(treated == 1, 2.0, 1.0)
    return mean_effect(EFFECT * treated + spread * random.normal(size=len(treated)), treated), EFFECT


def of_skewed_means(random: np.random.Generator) -> tuple[Estimate, float]:
    treated = arms(random)
    amount = random.lognormal(0, 0.8, len(treated)) * np.where(treated == 1, 1.3, 1.0)
    return mean_effect(amount, treated), 0.3 * float(np.exp(0.8**2 / 2))


def of_cuped(random: np.random.Generator) -> tuple[Estimate, float]:
    """The effect differs by account, and some are too new to have a period before."""
    treated = arms(random)
    before = random.gamma(2, 2, len(treated))
    after = before + (EFFECT + 0.2 * (before - 4)) * treated + random.normal(size=len(treated))
    known = np.where(random.random(len(treated)) < 0.9, before, np.nan)
    return mean_effect(after, treated, pd.DataFrame({"before": known})), EFFECT


def of_clustered_means(random: np.random.Generator) -> tuple[Estimate, float]:
    company, treated = companies(random)
    common = random.normal(size=company.max() + 1)[company]
    outcome = EFFECT * treated + common + random.normal(size=len(company))
    return mean_effect(outcome, treated, clusters=company), EFFECT


def of_clustered_shares(random: np.random.Generator) -> tuple[Estimate, float]:
    company, treated = companies(random)
    control, added = 0.7, 0.1
    shares = np.where(treated == 1, control + added, control)
    strength = 4.0
    # One draw per company: all accounts of a company share its arm.
    first = np.unique(company, return_index=True)[1]
    own = random.beta(shares[first] * strength, (1 - shares[first]) * strength)[company]
    success = random.random(len(company)) < own
    return clustered_proportion_effect(success, treated, company), added


def of_small_strata(random: np.random.Generator) -> tuple[Estimate, float]:
    strata = []
    for share in random.uniform(0.2, 0.75, 40):
        treated_n, control_n = (int(n) for n in random.integers(1, 6, 2))
        seen = int(random.binomial(treated_n, share + 0.15)), int(random.binomial(control_n, share))
        strata.append(Stratum(seen[0], treated_n, seen[1], control_n))
    return stratified_proportion_effect(strata), 0.15


def of_pooled_rates(scale: float) -> list[Finding]:
    """Rates of 3 to 12 segments with few deliveries, alike or not."""
    random = np.random.default_rng([SEED, 200])
    runs, held, total, nearer = max(10, int(600 * scale)), 0, 0, 0
    for _ in range(runs):
        rate, strength = random.uniform(0.3, 0.9), float(np.exp(random.uniform(0.5, 5)))
        truth = random.beta(rate * strength, (1 - rate) * strength, random.integers(3, 13))
        deliveries = random.integers(3, 40, len(truth))
        implemented = random.binomial(deliveries, truth)
        counts = {
            str(k): (int(a), int(n)) for k, (a, n) in enumerate(zip(implemented, deliveries, strict=True))
        }
        groups = list(pooled_success_rates(counts).groups.values())
        held += sum(holds(estimate, share) for estimate, share in zip(groups, truth, strict=True))
        total += len(truth)
        pooled = np.array([estimate.value for estimate in groups], dtype=float)
        nearer += bool(np.mean((pooled - truth) ** 2) < np.mean((implemented / deliveries - truth) ** 2))
    inside, closer = (
        "a segment's success rate lies in its pooled 95 % interval",
        "pooled rates beat plain ones",
    )
    return [
        Finding("effects", inside, held, total, 0.94, 0.97),
        Finding("effects", closer, nearer, runs, 0.6, 1.0),
    ]


def arms(random: np.random.Generator) -> np.ndarray:
    treated_n, control_n = random.integers(30, 151, 2)
    return np.repeat([1.0, 0.0], [treated_n, control_n])


def companies(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The company of each account, and its arm; half of the companies are treated."""
    count = int(random.integers(8, 31)) * 2
    company = np.repeat(np.arange(count), random.integers(2, 13, count))
    return company, (company % 2).astype(float)
