"""A test that is read on the way, at the size of a B2B company: 200 accounts per arm, .80 or .92 renew.

Protocol of the peers: a look after every 10 accounts per arm, 20 looks, alpha .05; 2,000 runs without effect
and 1,000 with it, the same draws for all.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from benchmarks.evidence import gbstats_environment
from benchmarks.evidence.data import SEED
from benchmarks.evidence.table import Row
from scipy.special import betaln
from scipy.stats import norm

from heed.evidence import BettingSequence, ConfidenceSequence, GroupSequential, ShareContrast

N, STEP, ALPHA = 200, 10, 0.05
LOOKS = np.arange(STEP, N + 1, STEP)
NULL, EFFECT = "no effect", ".80 -> .92"
TASK = "200 per arm, .80 → .92, 20 looks"
NEVER = -1


class Runs(NamedTuple):
    """Outcomes of control and treated: runs × accounts, 0 or 1."""

    control: np.ndarray
    treated: np.ndarray


class Result(NamedTuple):
    false: float
    power: float
    accounts: float
    """Mean accounts per arm at the end of a run with effect."""


Rule = Callable[[Runs], np.ndarray]
"""The place of the look at which each run stopped; `NEVER` where it did not."""


def rows() -> list[Row]:
    runs = draw()
    peers, note = {name: result(rule, runs) for name, rule in PEERS.items()}, ""
    try:
        peers |= in_their_environment(runs)
    except gbstats_environment.AbsentError as absent:
        note = str(absent)
        print(note, flush=True)
    return [
        *rows_of("planned looks", result(by_group_sequential, runs), 0.92, peers, note),
        *rows_of("unplanned looks", result(by_sequence, runs), 0.75),
        *rows_of("unplanned looks, exact by betting", result(by_betting, runs), 0.75),
    ]


def rows_of(
    looks: str, own: Result, least: float, peers: Mapping[str, Result] = MappingProxyType({}), note: str = ""
) -> list[Row]:
    false = "; ".join(f"{name} {peer.false:.3f}" for name, peer in peers.items())
    power = "; ".join(f"{name} {peer.power:.3f}" for name, peer in peers.items())
    shown = f"{own.power:.3f}, {own.accounts:.0f} per arm"
    return [
        Row(TASK, f"false alarms, {looks}", f"{own.false:.3f}", "≤ .05", own.false <= ALPHA, false, note),
        Row(TASK, f"power, {looks}", shown, f"≥ {least}", own.power >= least, power),
    ]


def draw(null_runs: int = 2000, effect_runs: int = 1000) -> dict[str, Runs]:
    random = np.random.default_rng(SEED)

    def arm(share: float, runs: int) -> np.ndarray:
        return random.random((runs, N)) < share

    return {
        NULL: Runs(arm(0.8, null_runs), arm(0.8, null_runs)),
        EFFECT: Runs(arm(0.8, effect_runs), arm(0.92, effect_runs)),
    }


def result(rule: Rule, runs: dict[str, Runs]) -> Result:
    return summary({of: rule(arms) for of, arms in runs.items()})


def summary(stopped: dict[str, np.ndarray]) -> Result:
    has_stopped = {of: places != NEVER for of, places in stopped.items()}
    accounts = np.where(has_stopped[EFFECT], LOOKS[stopped[EFFECT]], N)
    return Result(float(has_stopped[NULL].mean()), float(has_stopped[EFFECT].mean()), float(accounts.mean()))


def by_group_sequential(runs: Runs) -> np.ndarray:
    test = GroupSequential(len(LOOKS), alpha=ALPHA, planned_treated_n=N, planned_control_n=N)
    return decided(runs, test)


def by_sequence(runs: Runs) -> np.ndarray:
    return decided(runs, ConfidenceSequence(N, N, level=1 - ALPHA))


def decided(runs: Runs, test: GroupSequential | ConfidenceSequence) -> np.ndarray:
    found = []
    for control, treated in zip(*sums(runs), strict=True):
        contrasts = [
            ShareContrast(seen, n, other, n)
            for seen, other, n in zip(treated.tolist(), control.tolist(), LOOKS.tolist(), strict=True)
        ]
        decision = test.decide(contrasts)
        found.append(decision.look - 1 if decision.finding in ("better", "worse") else NEVER)
    return np.array(found)


def by_betting(runs: Runs) -> np.ndarray:
    test = BettingSequence(N, level=1 - ALPHA)
    evidence = np.array(
        [test.evidence(treated, control) for control, treated in zip(runs.control, runs.treated, strict=True)]
    )
    return first_look(evidence[:, LOOKS - 1] > 1 / ALPHA)


def sums(runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    control, treated = (np.cumsum(arm, axis=1)[:, LOOKS - 1] for arm in runs)
    return control, treated


def first_look(is_refuted: np.ndarray) -> np.ndarray:
    return np.where(is_refuted.any(axis=1), is_refuted.argmax(axis=1), NEVER)


def smoothed_z(runs: Runs) -> np.ndarray:
    control, treated = sums(runs)
    spread = sum(share * (1 - share) for share in ((arm + 1) / (LOOKS + 2) for arm in (control, treated)))
    return np.abs(treated - control) / LOOKS / np.sqrt(spread / LOOKS)


def plain_z(runs: Runs) -> np.ndarray:
    return first_look(smoothed_z(runs) > norm.ppf(1 - ALPHA / 2))


def constant_of_obrien_fleming(runs: Runs) -> np.ndarray:
    return first_look(smoothed_z(runs) > 2.09 / np.sqrt(LOOKS / N))


def beta_mixture(runs: Runs) -> np.ndarray:
    """Universal inference: Jeffreys mixtures of both arms over the likeliest common share."""
    control, treated = sums(runs)
    both = control + treated
    common = np.clip(both / (2 * LOOKS), 1e-9, 1 - 1e-9)
    mixture = sum(betaln(arm + 0.5, LOOKS - arm + 0.5) - betaln(0.5, 0.5) for arm in (control, treated))
    return first_look(
        mixture - both * np.log(common) - (2 * LOOKS - both) * np.log(1 - common) > np.log(1 / ALPHA)
    )


PEERS: dict[str, Rule] = {
    "plain z at every look": plain_z,
    "O'Brien-Fleming constant 2.09": constant_of_obrien_fleming,
    "Beta-mixture e-process": beta_mixture,
}


def in_their_environment(runs: dict[str, Runs]) -> dict[str, Result]:
    found = gbstats_environment.stops(LOOKS, {of: tuple(arms) for of, arms in runs.items()})
    return {name: summary({of: np.array(found[of][name]) for of in runs}) for name in found[NULL]}
