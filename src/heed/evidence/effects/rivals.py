"""The rivals for whom to treat: each learns from an experiment and predicts the gain of treating a customer.

From simple to rich. The response model stands first: customers differ in how likely they respond, and the
treatment changes everyone's odds alike. The others let the effect itself differ.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.linear_model import RidgeCV

from heed.evidence.effects.nuisance import (
    PRIOR_SPREAD,
    Chance,
    boosted_chance,
    boosted_mean,
    ridge_logistic,
)

Real = npt.NDArray[np.float64]

PRIOR_SPREAD_OF_INTERACTIONS = 0.1
PENALTIES = tuple(10.0**power for power in range(6))
LEAST_FOR_TREES = 500


class Rival(Protocol):
    """`fit` to features (n × columns), outcomes 0/1 and treatment 0/1; `gain` in outcomes per customer."""

    def fit(self, matrix: Real, y: Real, treatment: Real) -> "Rival": ...

    def gain(self, matrix: Real) -> Real: ...


@dataclass
class SLearner:
    """One logistic model of features, treatment and features × treatment (Künzel and others 2019).

    Interactions have a narrower prior than what they modify: effects differ less than customers do. Without
    interactions this is the response model: all odds change alike, so the gain follows p(1 - p).
    """

    interactions: bool

    def fit(self, matrix: Real, y: Real, treatment: Real) -> "SLearner":
        self.treated_share = float(treatment.mean())
        self.chance = Chance.fit(ridge_logistic(), self._design(matrix, treatment), y)
        return self

    def gain(self, matrix: Real) -> Real:
        everyone = np.ones(len(matrix))
        treated = self.chance.predict(self._design(matrix, everyone))
        return treated - self.chance.predict(self._design(matrix, 0 * everyone))

    def _design(self, matrix: Real, treatment: Real) -> Real:
        arm = treatment - self.treated_share
        # In units of the prior: the effect on all has one of spread 1, the interactions one of spread .1.
        blocks = [matrix, arm / PRIOR_SPREAD]
        if self.interactions:
            blocks.append(matrix * arm[:, None] * (PRIOR_SPREAD_OF_INTERACTIONS / PRIOR_SPREAD))
        return np.column_stack(blocks)


@dataclass
class DRLearner:
    """Ridge on doubly robust pseudo-outcomes, p₁ - p₀ + w(y - p₁)/e - (1 - w)(y - p₀)/(1 - e) (Kennedy 2023).

    The chances p of each arm come from the other half of the rows.
    """

    seed: int

    def fit(self, matrix: Real, y: Real, treatment: Real) -> "DRLearner":
        half = np.random.default_rng(self.seed).permutation(len(y)) % 2 == 0
        pseudo = np.empty(len(y))
        for rows in (half, ~half):
            arms = TLearner(ridge_logistic()).fit(matrix[~rows], y[~rows], treatment[~rows])
            pseudo[rows] = _pseudo_outcome(arms, matrix[rows], y[rows], treatment[rows], treatment.mean())
        self.effect = RidgeCV(PENALTIES).fit(matrix, pseudo)
        return self

    def gain(self, matrix: Real) -> Real:
        return np.asarray(self.effect.predict(matrix))


@dataclass
class ClassTransformation:
    """The chance that outcome and treatment agree, each arm weighted to a half.

    Jaskowski and Jaroszewicz 2012.
    """

    learner: Any

    def fit(self, matrix: Real, y: Real, treatment: Real) -> "ClassTransformation":
        share = treatment.mean()
        weight = np.where(treatment == 1, 0.5 / share, 0.5 / (1 - share))
        self.chance = Chance.fit(self.learner, matrix, (y == treatment).astype(float), weight)
        return self

    def gain(self, matrix: Real) -> Real:
        return 2 * self.chance.predict(matrix) - 1


@dataclass
class TLearner:
    """A model of the outcome for each arm, and the difference of the two (Künzel et al. 2019)."""

    learner: Any

    def fit(self, matrix: Real, y: Real, treatment: Real) -> "TLearner":
        treated = treatment == 1
        self.treated = Chance.fit(self.learner, matrix[treated], y[treated])
        self.untreated = Chance.fit(self.learner, matrix[~treated], y[~treated])
        return self

    def gain(self, matrix: Real) -> Real:
        return self.treated.predict(matrix) - self.untreated.predict(matrix)


@dataclass
class XLearner:
    """Each arm's effects imputed by the other arm's model, learned, and averaged by the treated share
    (Künzel et al. 2019)."""

    learner: Any
    effect_learner: Any

    def fit(self, matrix: Real, y: Real, treatment: Real) -> "XLearner":
        treated = treatment == 1
        arms = TLearner(self.learner).fit(matrix, y, treatment)
        of_treated = y[treated] - arms.untreated.predict(matrix[treated])
        of_untreated = arms.treated.predict(matrix[~treated]) - y[~treated]
        self.share = float(treatment.mean())
        self.from_treated = clone(self.effect_learner).fit(matrix[treated], of_treated)
        self.from_untreated = clone(self.effect_learner).fit(matrix[~treated], of_untreated)
        return self

    def gain(self, matrix: Real) -> Real:
        untreated = self.share * self.from_untreated.predict(matrix)
        return np.asarray(untreated + (1 - self.share) * self.from_treated.predict(matrix))


def rivals(y: Real, treatment: Real, seed: int) -> dict[str, Rival]:
    """All rivals by name, simplest first. Trees only where each arm has 500 of both outcomes."""
    grown = least_of_arms(y, treatment) >= LEAST_FOR_TREES
    chance = boosted_chance(seed) if grown else ridge_logistic()
    effect = boosted_mean(seed) if grown else RidgeCV(PENALTIES)
    return {
        "response model": SLearner(interactions=False),
        "S-learner with interactions": SLearner(interactions=True),
        "DR-learner": DRLearner(seed),
        "class transformation": ClassTransformation(chance),
        "T-learner": TLearner(chance),
        "X-learner": XLearner(chance, effect),
    }


def least_of_arms(y: Real, treatment: Real) -> int:
    """The smallest count among: treated and untreated, with the outcome and without."""
    counts = [np.sum((treatment == arm) & (y == outcome)) for arm in (0, 1) for outcome in (0, 1)]
    return int(min(counts))


def _pseudo_outcome(arms: TLearner, matrix: Real, y: Real, treatment: Real, share: float) -> Real:
    treated, untreated = arms.treated.predict(matrix), arms.untreated.predict(matrix)
    correction = treatment / share * (y - treated) - (1 - treatment) / (1 - share) * (y - untreated)
    return treated - untreated + correction
