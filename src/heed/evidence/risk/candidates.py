"""The candidates for who leaves, simplest first, and the choice among them.

The simplest stays whose log loss on rows not seen is within one standard error of the best's (Breiman and
others 1984, section 3.4.3); the error is that of the paired difference, by account.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from heed.evidence.risk.boosting import ADDITIVE, INTERACTING
from heed.evidence.risk.models import Linear, Model, Prior
from heed.evidence.risk.trials import Problem, Trial, blend_trial, boosted_trial, prior_trial, ridge_trial

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

LEAST_EVENTS_TO_BOOST = 100
PRIOR, RIDGE, CURVES = "prior only", "ridge", "curved ridge"
STEPS, TREES, BLEND = "additive steps", "boosted trees", "blend"


@dataclass(frozen=True, slots=True)
class Candidate:
    """How a candidate did: mean log loss of rows held out, `behind` the best's by so much ± `standard_error`.

    `setting` is what was chosen inside it, in words.
    """

    name: str
    log_loss: float
    behind: float
    standard_error: float
    setting: str
    chosen: bool


def try_all(problem: Problem) -> list[Trial]:
    """The trials, simplest first. Trees only where enough left and enough stayed."""
    trials = [prior_trial(PRIOR, problem)]
    if not problem.matrix.shape[1]:
        return trials
    trials += [ridge_trial(RIDGE, problem, curved=False), ridge_trial(CURVES, problem, curved=True)]
    events = int(problem.y.sum())
    if min(events, len(problem.y) - events) < LEAST_EVENTS_TO_BOOST:
        return trials
    steps = boosted_trial(STEPS, problem, ADDITIVE)
    trees = boosted_trial(TREES, problem, INTERACTING)
    smooth, cut = _better(*trials[1:]), _better(steps, trees)
    return [*trials, steps, trees, blend_trial(BLEND, problem, smooth, cut)]


def _better(first: Trial, second: Trial) -> Trial:
    return first if first.losses.mean() <= second.losses.mean() else second


def choose(trials: list[Trial], groups: Whole) -> tuple[Trial, list[Candidate]]:
    """The simplest trial within one standard error of the best, and how all did."""
    best = min(trials, key=lambda trial: float(trial.losses.mean()))
    gaps = [_behind(trial.losses - best.losses, groups) for trial in trials]
    place = next(place for place, (behind, error) in enumerate(gaps) if behind <= error)
    table = [
        Candidate(trial.name, float(trial.losses.mean()), *gap, trial.setting, chosen=number == place)
        for number, (trial, gap) in enumerate(zip(trials, gaps, strict=True))
    ]
    return trials[place], table


def fit_chosen(trial: Trial, trials: list[Trial]) -> Model:
    """The chosen candidate on all rows; the bare share keeps in mind what the columns may yet do."""
    model = trial.fit()
    ridge = next((other for other in trials if other.name == RIDGE), None)
    if not isinstance(model, Prior) or ridge is None:
        return model
    doubt = ridge.fit()
    return replace(model, doubt=doubt) if isinstance(doubt, Linear) else model


def _behind(gaps: Real, groups: Whole) -> tuple[float, float]:
    """Mean gap, and its standard error over accounts."""
    mean = float(gaps.mean())
    sums = np.bincount(groups, weights=gaps - mean)
    return mean, float(np.sqrt(np.sum(sums**2)) / len(gaps))
