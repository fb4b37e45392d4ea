"""How often the forecast's intervals hold, over simulated companies of 40 to 400 accounts."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from benchmarks.calibration.finding import Finding
from benchmarks.calibration.renewing import Company, company

from heed.evidence.money import Forecast, Outlook, Quarter, forecast

COMPANIES = 300
SIZES = (55, 110, 220, 440)
SMALL = 55
FIGURES = ("grr", "nrr", "closing_mrr")
RUNS = 600


@dataclass
class Count:
    """How often an interval held; a figure that was unknown is not counted."""

    held: int = 0
    of: int = 0

    def add(self, other: "Count") -> None:
        self.held += other.held
        self.of += other.of


@dataclass(frozen=True)
class Held:
    """By level (50, 80): how often the intervals of one company held, each quarter and the whole year."""

    levels: dict[int, Count]
    refused: bool


def forecast_of(made: Company, seed: int, *, told: bool) -> Forecast:
    """From the probabilities a model told and their record, or from the movements alone."""
    accounts = made.accounts if told else made.accounts.drop(columns="leaves_at_renewal")
    record = made.renewals if told else None
    return forecast(accounts, history=made.history, as_of=made.as_of, runs=RUNS, seed=seed, renewals=record)


def one(seed: int, accounts: int, *, told: bool) -> Held:
    rng = np.random.default_rng([20261122, seed])
    into = int(rng.integers(3))
    made = company(rng, accounts, int(rng.choice([36, 48])) + into, into_quarter=into)
    said = forecast_of(made, seed, told=told)
    levels = {50: Count(), 80: Count()}
    for quarter, truth in _pairs(said, made, into):
        for name in FIGURES:
            _compare(getattr(quarter, name), truth[name], levels)
    return Held(levels, bool(said.reason))


def _pairs(said: Forecast, made: Company, into: int) -> list[tuple[Quarter, dict[str, float]]]:
    """Each quarter of the forecast, and the whole, with what came."""
    ends = [3 - into + 3 * at for at in range(4)]
    truths = [made.truth(0, ends[0], made.begun)]
    truths += [made.truth(first, last) for first, last in pairwise(ends)]
    return [*zip(said.quarters, truths, strict=True), (said.whole, made.truth(0, ends[-1]))]


def _compare(outlook: Outlook, truth: float, levels: dict[int, Count]) -> None:
    for level, interval in ((50, outlook.fifty), (80, outlook.eighty)):
        if interval.low is not None and interval.high is not None:
            levels[level].of += 1
            levels[level].held += interval.low - 1e-9 <= truth <= interval.high + 1e-9


def coverage(companies: int, sizes: tuple[int, ...], *, told: bool) -> tuple[dict[int, Count], int]:
    """Counts by level over companies of these sizes in turn, and how many companies had no forecast."""
    total, refused = {50: Count(), 80: Count()}, 0
    for seed in range(companies):
        held = one(seed, sizes[seed % len(sizes)], told=told)
        refused += held.refused
        for level, count in held.levels.items():
            total[level].add(count)
    return total, refused


def study(scale: float) -> list[Finding]:
    """The intervals of one company hold or fail together: a run is a company, its share held is counted."""
    companies = max(4, round(COMPANIES * scale))
    settings = (
        ("from movements alone", SIZES, False),
        ("from told probabilities", SIZES, True),
        ("about 40 accounts, told probabilities", (SMALL,), True),
    )
    bounds = {50: (0.47, 0.53), 80: (0.77, 0.83)}
    return [
        Finding(
            "forecast", f"{level} % interval of GRR, NRR and MRR holds, {name}", held, runs, *bounds[level]
        )
        for name, sizes, told in settings
        for level, (held, runs) in _by_company(coverage(companies, sizes, told=told)[0], companies).items()
    ]


def _by_company(counts: dict[int, Count], companies: int) -> dict[int, tuple[int, int]]:
    return {level: (round(count.held / count.of * companies), companies) for level, count in counts.items()}
