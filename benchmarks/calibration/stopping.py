"""How often tests that are read every day stop for nothing, and whether their intervals hold together."""

from collections.abc import Callable, Sequence

import numpy as np
from benchmarks.calibration.finding import Finding
from benchmarks.calibration.intervals import SEED

from heed.evidence import (
    BettingSequence,
    ConfidenceSequence,
    Decision,
    Design,
    Estimate,
    GroupSequential,
    MeanContrast,
    ShareContrast,
    mean_contrast,
    plan_experiment,
    sequential_ratio_check,
)
from heed.evidence.effects.spending import Spending

RUNS = 2000
N = 150
"""Accounts per arm at the end: one of each arm enters a day."""
FIRST = 5
BASELINE = 0.8

Run = Callable[[np.random.Generator], bool]


def study(scale: float) -> list[Finding]:
    false = "without effect, read daily, stops: "
    return [
        finding(f"{false}planned looks, O'Brien-Fleming-type", stops_by("obrien_fleming"), 0, scale),
        finding(f"{false}planned looks, Pocock-type", stops_by("pocock"), 1, scale),
        finding(f"{false}shares, confidence sequence", stops_by_sequence, 2, scale),
        finding(f"{false}amounts, confidence sequence", stops_by_sequence_of_means, 3, scale / 4),
        finding(f"{false}shares, betting", stops_by_betting, 4, scale),
        finding(f"{false}the check of the arms' ratio", stops_by_ratio, 5, scale / 4),
        finding("all intervals of planned looks hold the effect", holds_planned, 6, scale, 0.95, 1),
        finding("all intervals of a confidence sequence hold the effect", holds_sequence, 7, scale, 0.95, 1),
        finding("all intervals by betting hold the effect", holds_betting, 8, scale / 2, 0.95, 1),
        finding("an effect planned for with power .8 is found", finds_what_was_planned, 9, scale, 0.78, 0.84),
    ]  # fmt: skip


def finding(claim: str, run: Run, number: int, scale: float, low: float = 0.0, high: float = 0.05) -> Finding:
    random = np.random.default_rng([SEED, 300 + number])
    runs = max(20, int(RUNS * scale))
    return Finding("stopping", claim, sum(run(random) for _ in range(runs)), runs, low, high)


def stops_by(spending: Spending) -> Run:
    test = GroupSequential(spending=spending, planned_treated_n=N, planned_control_n=N)
    return lambda random: is_false(test.decide(daily(random)))


def stops_by_sequence(random: np.random.Generator) -> bool:
    return is_false(ConfidenceSequence(N, N).decide(daily(random)))


def stops_by_sequence_of_means(random: np.random.Generator) -> bool:
    """Skewed amounts, read every third day."""
    treated, control = random.lognormal(0, 0.8, (2, N))
    looks = [
        mean_contrast(np.r_[treated[:n], control[:n]], np.r_[np.ones(n), np.zeros(n)])
        for n in range(10, N + 1, 3)
    ]
    return is_false(
        ConfidenceSequence(N, N).decide([look for look in looks if isinstance(look, MeanContrast)])
    )


def stops_by_betting(random: np.random.Generator) -> bool:
    treated, control = outcomes(random)
    return bool(BettingSequence(N).evidence(treated, control).max() > 20)


def stops_by_ratio(random: np.random.Generator) -> bool:
    treated = np.cumsum(random.random(2 * N) < 0.5)
    history = [{"treated": int(a), "holdout": n - int(a)} for n, a in enumerate(treated, 1)]
    return sequential_ratio_check(history, {"treated": 0.5, "holdout": 0.5}).p_value < 0.05


def holds_planned(random: np.random.Generator) -> bool:
    """Read every tenth day, with an effect of ten points."""
    test = GroupSequential(planned_treated_n=N, planned_control_n=N)
    return all_hold(test.intervals(daily(random, 0.1)[::10]), 0.1)


def holds_sequence(random: np.random.Generator) -> bool:
    return all_hold(ConfidenceSequence(N, N).intervals(daily(random, 0.1)[::10], running=False), 0.1)


def holds_betting(random: np.random.Generator) -> bool:
    return all_hold([BettingSequence(N).interval(*outcomes(random, 0.1))], 0.1)


def finds_what_was_planned(random: np.random.Generator) -> bool:
    design = Design(looks=10)
    n = plan_experiment(BASELINE, 0.12, design).treated_n or 0
    test = GroupSequential(design.looks, planned_treated_n=n, planned_control_n=n)
    return test.decide(daily(random, 0.12, n)[:: n // 10]).finding == "better"


def outcomes(random: np.random.Generator, effect: float = 0.0, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    treated, control = (random.random(n) < share for share in (BASELINE + effect, BASELINE))
    return treated.astype(float), control.astype(float)


def daily(random: np.random.Generator, effect: float = 0.0, n: int = N) -> list[ShareContrast]:
    treated, control = (np.cumsum(arm) for arm in outcomes(random, effect, n))
    return [
        ShareContrast(int(treated[day]), day + 1, int(control[day]), day + 1) for day in range(FIRST - 1, n)
    ]


def is_false(decision: Decision) -> bool:
    return decision.finding in ("better", "worse")


def all_hold(estimates: Sequence[Estimate], truth: float) -> bool:
    known = [(estimate.low, estimate.high) for estimate in estimates if estimate.value is not None]
    held = [low is not None and high is not None and low <= truth <= high for low, high in known]
    return bool(held) and all(held)
