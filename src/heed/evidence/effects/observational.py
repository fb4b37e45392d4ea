"""What a touch did where nobody drew lots: corrected for what is known, labelled "not randomised" always.

Cross-fitted augmented inverse probability weighting (Robins, Rotnitzky and Zhao 1994; Chernozhukov and others
2018): right if either the model of the outcome or that of the chance of treatment is, with intervals from the
influence function. It corrects for what is among the covariates and for nothing else: the E-value says how
strong something unseen would have to be.
"""

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.effects.crossing import Crossed, cross_fitted
from heed.evidence.effects.gain import missing_arm, require_arms
from heed.evidence.effects.means import mean_effect
from heed.evidence.effects.nuisance import as_table, infinite_columns, infinite_words
from heed.evidence.effects.overlap import Overlap, comparable
from heed.evidence.effects.rivals import least_of_arms
from heed.evidence.effects.sensitivity import EValue, e_value, e_value_of_difference
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, student_quantile
from heed.evidence.tables import numbers

METHOD = "cross-fitted AIPW, influence-function interval, not randomised"
FOLDS = 5
LEAST_OF_ARM = 20
LEAST_OUTCOMES = 5
LEAST_CLUSTERS = 10

Real = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ObservationalEffect:
    """`estimate`: treated less untreated, in the outcome's unit, corrected for the covariates.

    `naive`: the raw difference beside it; `if_treated`, `if_untreated`: what the mean outcome would be if all
    comparable customers were treated, or none; `overlap`: who is comparable; `e_value`; `learners`: which
    model was chosen for the chance of treatment and for the outcome of each arm. Parts that could not be had
    are None, and `reason` says why.
    """

    estimate: Estimate
    naive: Estimate
    if_treated: Estimate
    if_untreated: Estimate
    overlap: Overlap | None = None
    e_value: EValue | None = None
    learners: tuple[tuple[str, str], ...] = ()
    label: Literal["not randomised"] = field(default="not randomised", init=False)

    @property
    def reason(self) -> str:
        return self.estimate.reason

    @property
    def words(self) -> str:
        found = self.estimate
        if found.value is None:
            return f"Not randomised, and unknown: {found.reason}."
        left_out = f"; {self.overlap.trimmed:.0%} without counterpart left out" if self.overlap else ""
        return (
            f"Not randomised: {found.value:+.3g} ({found.low:+.3g} to {found.high:+.3g}) after correction "
            f"for what is known; {self.naive.value:+.3g} as it looks{left_out}."
        )


@dataclass(frozen=True)
class _Study:
    """Customers as they came: outcome, 0/1 treated, covariates, and the number of each one's cluster."""

    outcome: Real
    treated: Real
    covariates: pd.DataFrame
    clusters: npt.NDArray[np.int64]
    clustered: bool

    @property
    def is_chance(self) -> bool:
        return bool(np.isin(self.outcome, (0, 1)).all())


def observational_effect(
    outcome: Any,
    treated: Any,
    covariates: Any,
    clusters: Any = None,
    *,
    seed: int = 0,
    level: float = LEVEL,
) -> ObservationalEffect:
    """What treatment did on average to the comparable customers, where it was not assigned at random.

    `outcome`: n numbers, or 0 and 1; `treated`: n of 0 and 1; `covariates`: n rows × columns, all known
    before the treatment; `clusters`: n names of what belongs together, such as the parent company, kept in
    one fold and counted as one. Unknown with a reason where the data is thin or the groups are not alike.
    ValueError where lengths differ, a value of outcome or clusters is missing, or treated is not 0 or 1.
    """
    study = _study(outcome, treated, covariates, clusters)
    naive = mean_effect(
        study.outcome, study.treated, clusters=list(study.clusters) if study.clustered else None, level=level
    )
    if reason := _why_not(study):
        return _unknown(reason, naive)
    crossed = cross_fitted(
        study.covariates, study.outcome, study.treated, study.clusters, is_chance=study.is_chance,
        clustered=study.clustered, folds=FOLDS, seed=seed,
    )  # fmt: skip
    kept = comparable(crossed.chance)
    overlap = Overlap.of(crossed.chance, study.treated, kept)
    if overlap.lacking:
        return replace(_unknown(overlap.lacking, naive), overlap=overlap, learners=crossed.learners)
    return _effect(study, crossed, kept, naive, overlap, level)


def doubly_robust(
    outcome: Real, treated: Real, if_treated: Real, if_untreated: Real, chance: Real
) -> tuple[Real, Real]:
    """Per row, the score of everyone treated and that of nobody; their means are the mean outcomes.

    μ₁ + w(y - μ₁)/e and μ₀ + (1 - w)(y - μ₀)/(1 - e), with the predicted outcomes μ and the chance e.
    """
    everyone = if_treated + treated * (outcome - if_treated) / chance
    nobody = if_untreated + (1 - treated) * (outcome - if_untreated) / (1 - chance)
    return everyone, nobody


def _effect(
    study: _Study, crossed: Crossed, kept: Rows, naive: Estimate, overlap: Overlap, level: float
) -> ObservationalEffect:
    everyone, nobody = doubly_robust(
        study.outcome[kept], study.treated[kept],
        crossed.if_treated[kept], crossed.if_untreated[kept], crossed.chance[kept],
    )  # fmt: skip
    clusters = study.clusters[kept]
    bounds = (0.0, 1.0) if study.is_chance else (-np.inf, np.inf)
    if_treated, if_untreated = (
        _mean(scores, clusters, level, bounds, f"mean outcome, {METHOD}") for scores in (everyone, nobody)
    )
    widest = bounds[1] - bounds[0]
    estimate = _mean(everyone - nobody, clusters, level, (-widest, widest), METHOD)
    strength = _strength(study, everyone, nobody, clusters, estimate, level)
    return ObservationalEffect(estimate, naive, if_treated, if_untreated, overlap, strength, crossed.learners)


def _mean(
    scores: Real, clusters: npt.NDArray[np.int64], level: float, bounds: tuple[float, float], method: str
) -> Estimate:
    """The mean of scores, with an interval from their spread between clusters."""
    value, half = float(scores.mean()), _half_width(scores, clusters, level)
    value, low, high = (float(np.clip(at, *bounds)) for at in (value, value - half, value + half))
    return Estimate(value, low, high, len(scores), level, method)


def _half_width(scores: Real, clusters: npt.NDArray[np.int64], level: float) -> float:
    """Half the interval of the mean of scores; clusters count as one (G/(G - 1) Σ (Σ deviations)²/n², t)."""
    sums = np.bincount(np.unique(clusters, return_inverse=True)[1], scores - scores.mean())
    count = len(sums)
    error = sqrt(count / (count - 1) * float(np.sum(sums**2))) / len(scores)
    return student_quantile(level, count - 1) * error


def _strength(
    study: _Study,
    everyone: Real,
    nobody: Real,
    clusters: npt.NDArray[np.int64],
    estimate: Estimate,
    level: float,
) -> EValue | None:
    """Of the risk ratio of outcomes 0 and 1 (delta method on its logarithm), else of the difference."""
    if not study.is_chance:
        spread = float(study.outcome.std(ddof=1))
        ends = (estimate.value, estimate.low, estimate.high)
        return e_value_of_difference(*((end or 0.0) / spread for end in ends))
    treated, untreated = everyone.mean(), nobody.mean()
    if treated <= 0 or untreated <= 0:
        return None
    ratio = treated / untreated
    factor = np.exp(_half_width(everyone / treated - nobody / untreated, clusters, level))
    return e_value(float(ratio), float(ratio / factor), float(ratio * factor))


def _study(outcome: Any, treated: Any, covariates: Any, clusters: Any) -> _Study:
    table = as_table(covariates).reset_index(drop=True)
    outcomes, arms = numbers(pd.Series(outcome, name="outcome")), numbers(pd.Series(treated, name="treated"))
    names = pd.Series(np.arange(len(table)) if clusters is None else list(clusters))
    shapes = {"outcome": outcomes.shape, "treated": arms.shape, "clusters": names.shape}
    for name, shape in shapes.items():
        if shape != (len(table),):
            raise ValueError(f"{name} is of shape {shape} and covariates have {len(table)} rows.")
    if not np.isfinite(outcomes).all():
        raise ValueError("The outcome has values that are missing or infinite. Leave those rows out.")
    if names.isna().any():
        raise ValueError("Some rows have no cluster. Give each of them one of its own.")
    require_arms(arms)
    return _Study(outcomes, arms, table, pd.factorize(names)[0], clusters is not None)


def _why_not(study: _Study) -> str:
    if lacking := missing_arm(study.treated):
        return lacking
    if not study.covariates.shape[1]:
        return "nothing is known about the customers from before, so that nothing can be corrected for"
    if names := infinite_columns(study.covariates):
        return infinite_words(names)
    if len(np.unique(study.outcome)) < 2:
        return "the outcome never varies"
    return _too_few(study)


def _too_few(study: _Study) -> str:
    treated = int(study.treated.sum())
    fewest = min(treated, len(study.treated) - treated)
    if fewest < LEAST_OF_ARM:
        return f"only {fewest} customers in one group; {LEAST_OF_ARM} are needed"
    groups = [len(np.unique(study.clusters[study.treated == arm])) for arm in (0, 1)]
    if min(groups) < LEAST_CLUSTERS:
        return f"only {min(groups)} clusters in one group; {LEAST_CLUSTERS} are needed"
    if study.is_chance and (least := least_of_arms(study.outcome, study.treated)) < LEAST_OUTCOMES:
        return f"only {least} in one group have the outcome (or lack it); {LEAST_OUTCOMES} are needed"
    return ""


def _unknown(reason: str, naive: Estimate) -> ObservationalEffect:
    nothing = Estimate.unknown(reason, n=naive.n, method=METHOD)
    return ObservationalEffect(nothing, naive, nothing, nothing)
