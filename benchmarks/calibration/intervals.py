"""How often intervals of shares, of their differences and ratios, and of the NPS hold the truth."""

from collections.abc import Callable

import numpy as np
from benchmarks.calibration.finding import Finding

from heed.evidence import Estimate, nps_of_counts, proportion_effect, proportion_ratio, wilson

RUNS = 20_000
SEED = 20261122

Draw = Callable[[np.random.Generator], tuple[Estimate, float]]
"""An estimate from one simulated company, and the truth."""


def study(scale: float) -> list[Finding]:
    return [
        finding(claim, draw, number, scale)
        for number, (claim, draw) in enumerate(
            (
                ("a share of 10 to 200 lies in its 95 % interval (Wilson)", of_a_share),
                ("a share of 10 to 200 lies in its 80 % interval (Wilson)", of_a_share_at_80),
                ("a difference of shares, 10 to 200 per arm, lies in its 95 % interval", of_a_difference),
                ("a difference of shares near 1 lies in its 95 % interval", of_high_shares),
                ("a ratio of shares, 20 to 200 per arm, lies in its 95 % interval", of_a_ratio),
                ("an NPS of 30 to 300 answers lies in its 95 % interval", of_an_nps),
            )
        )
    ]


def finding(claim: str, draw: Draw, number: int, scale: float) -> Finding:
    random = np.random.default_rng([SEED, number])
    runs = max(50, int(RUNS * scale))
    held = sum(holds(*draw(random)) for _ in range(runs))
    level = 0.8 if "80 %" in claim else 0.95
    return Finding("intervals", claim, held, runs, level - 0.01, level + 0.02)


def holds(estimate: Estimate, truth: float) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low <= truth <= estimate.high


def of_a_share(random: np.random.Generator, level: float = 0.95) -> tuple[Estimate, float]:
    n, share = int(random.integers(10, 201)), float(random.uniform(0.05, 0.95))
    return wilson(int(random.binomial(n, share)), n, level=level), share


def of_a_share_at_80(random: np.random.Generator) -> tuple[Estimate, float]:
    return of_a_share(random, 0.8)


def of_a_difference(
    random: np.random.Generator, low: float = 0.05, high: float = 0.95
) -> tuple[Estimate, float]:
    treated_n, control_n = (int(n) for n in random.integers(10, 201, 2))
    treated, control = random.uniform(low, high, 2)
    effect = proportion_effect(
        int(random.binomial(treated_n, treated)), treated_n,
        int(random.binomial(control_n, control)), control_n,
    )  # fmt: skip
    return effect, float(treated - control)


def of_high_shares(random: np.random.Generator) -> tuple[Estimate, float]:
    return of_a_difference(random, 0.85, 0.99)


def of_a_ratio(random: np.random.Generator) -> tuple[Estimate, float]:
    treated_n, control_n = (int(n) for n in random.integers(20, 201, 2))
    treated, control = random.uniform(0.2, 0.95, 2)
    effect = proportion_ratio(
        int(random.binomial(treated_n, treated)), treated_n,
        max(1, int(random.binomial(control_n, control))), control_n,
    )  # fmt: skip
    return effect, float(treated / control)


def of_an_nps(random: np.random.Generator) -> tuple[Estimate, float]:
    n = int(random.integers(30, 301))
    shares = random.dirichlet((4, 3, 2))
    return nps_of_counts(*(int(count) for count in random.multinomial(n, shares))), 100 * (
        shares[0] - shares[2]
    )
