"""Runs in the environment beside it: reads outcomes, prints at which look each run of each peer stopped.

gbstats' sequential two-sided test at its own default (tuned to 5,000 accounts) and tuned to the planned
number; ville's two tests as the protocol of the peers sets them, on the first 200 runs.
"""

import json
import sys
from collections.abc import Callable, Iterable

import numpy as np
import ville
from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
from gbstats.models.statistics import ProportionStatistic

VILLE_RUNS = 200
ALPHA = 0.05
DEFAULT_TUNING = 5000


def main() -> None:
    stored = np.load(sys.argv[1])
    looks = stored["looks"]
    names = sorted({name[:-2] for name in stored.files if name != "looks"})
    groups = {name: (stored[f"{name} 0"], stored[f"{name} 1"]) for name in names}
    found = {name: peers(control, treated, looks) for name, (control, treated) in groups.items()}
    print(json.dumps(found))


def peers(control: np.ndarray, treated: np.ndarray, looks: np.ndarray) -> dict[str, list[int]]:
    planned = 2 * int(looks[-1])
    few = slice(0, VILLE_RUNS)
    return {
        f"gbstats, tuned {DEFAULT_TUNING}": growthbook(control, treated, looks, DEFAULT_TUNING),
        f"gbstats, tuned {planned}": growthbook(control, treated, looks, planned),
        "ville asymptotic": of_ville(
            control[few], treated[few], looks,
            lambda: ville.AsymptoticABTest(alpha=ALPHA, t_opt=planned // 2, min_samples=20),
        ),
        "ville betting": of_ville(
            control[few], treated[few], looks, lambda: ville.BettingABTest(alpha=ALPHA, grid=500)
        ),
    }  # fmt: skip


def growthbook(control: np.ndarray, treated: np.ndarray, looks: np.ndarray, tuning: int) -> list[int]:
    config = SequentialConfig(alpha=ALPHA, difference_type="absolute", sequential_tuning_parameter=tuning)
    sums = [np.cumsum(arm, axis=1)[:, looks - 1] for arm in (control, treated)]
    return [first(refutes(a, b, n, config) for a, b, n in rows) for rows in pairs(sums, looks)]


def pairs(sums: list[np.ndarray], looks: np.ndarray) -> list[list[tuple[int, int, int]]]:
    return [
        list(zip(a.tolist(), b.tolist(), looks.tolist(), strict=True)) for a, b in zip(*sums, strict=True)
    ]


def refutes(control: int, treated: int, n: int, config: SequentialConfig) -> bool:
    statistics = (ProportionStatistic(n=n, sum=control), ProportionStatistic(n=n, sum=treated))
    result = SequentialTwoSidedTTest(*statistics, config).compute_result()
    return result.p_value < ALPHA and not result.error_message


def of_ville(
    control: np.ndarray, treated: np.ndarray, looks: np.ndarray, make: Callable[[], object]
) -> list[int]:
    random = np.random.default_rng(20261122)
    return [one_of_ville(make(), a, b, looks, random) for a, b in zip(control, treated, strict=True)]


def one_of_ville(
    test: object, control: np.ndarray, treated: np.ndarray, looks: np.ndarray, random: np.random.Generator
) -> int:
    before = 0
    for place, look in enumerate(looks):
        outcome = np.r_[control[before:look], treated[before:look]].astype(float)
        arm = np.r_[np.zeros(look - before), np.ones(look - before)]
        order = random.permutation(len(arm))
        test.update(outcome[order], arm[order])
        low, high = (float(np.ravel(end)[-1]) for end in test.interval())
        if low > 0 or high < 0:
            return place
        before = look
    return -1


def first(refuted: Iterable[bool]) -> int:
    return next((place for place, is_refuted in enumerate(refuted) if is_refuted), -1)


if __name__ == "__main__":
    main()
