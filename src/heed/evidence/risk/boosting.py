"""Boosted trees by scikit-learn's histogram booster: how many trees is chosen on rows not seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from heed.evidence.risk.shapley import Tree, tree_of

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Split = tuple[Whole, Whole]

PATIENCE = 60
ADDITIVE: dict[str, Any] = {
    "learning_rate": 0.1, "max_leaf_nodes": 4, "min_samples_leaf": 20, "max_iter": 600,
    "interaction_cst": "no_interactions",
}  # fmt: skip
INTERACTING: dict[str, Any] = {
    "learning_rate": 0.06, "max_leaf_nodes": 31, "max_depth": 8, "min_samples_leaf": 10, "max_iter": 600,
    "max_features": 0.5,
}  # fmt: skip


@dataclass(frozen=True)
class Boosted:
    """A fitted booster, cut off after `rounds`; `siblings` are those of the folds, for the spread."""

    booster: Any
    rounds: int
    siblings: tuple[Any, ...] = field(default=(), repr=False)

    def log_odds(self, matrix: Real) -> Real:
        return after(self.booster, self.rounds, matrix)

    @cached_property
    def trees(self) -> list[Tree]:
        return [tree_of(stage[0].nodes) for stage in self.booster._predictors[: self.rounds]]

    @property
    def base(self) -> float:
        start = float(np.ravel(self.booster._baseline_prediction)[0])
        return start + sum(tree.average for tree in self.trees)

    def contributions(self, matrix: Real) -> Real:
        """What each column adds to the log-odds beyond `base`, rows × columns."""
        found = np.zeros(matrix.shape)
        for tree in self.trees:
            tree.add_to(found, matrix)
        return found

    def spread(self, matrix: Real) -> Real:
        """Standard deviation of each row's log-odds: jackknife over the folds left out
        (Efron and Tibshirani 1993, chapter 11)."""
        each = np.array([after(sibling, self.rounds, matrix) for sibling in self.siblings])
        result: Real = np.sqrt((len(each) - 1) * each.var(axis=0))
        return result


def after(booster: Any, rounds: int, matrix: Real) -> Real:
    """Log-odds after so many rounds, or all there are."""
    if rounds >= booster.n_iter_:
        return np.ravel(booster.decision_function(matrix))
    return np.ravel(next(islice(booster.staged_decision_function(matrix), rounds - 1, None)))


def cross_fit(
    matrix: Real, y: Real, splits: Sequence[Split], settings: dict[str, Any], seed: int
) -> tuple[Real, int, tuple[Any, ...]]:
    """Log-odds of rows not seen, how many rounds served them best, and the boosters of the folds."""
    boosters = tuple(_with_patience(matrix, y, split, settings, seed) for split in splits)
    rounds = min(booster.n_iter_ for booster in boosters)
    found = np.zeros((rounds, len(y)))
    for booster, (_, held) in zip(boosters, splits, strict=True):
        stages = islice(booster.staged_decision_function(matrix[held]), rounds)
        for place, stage in enumerate(stages):
            found[place, held] = np.ravel(stage)
    losses = np.mean(np.logaddexp(0.0, found) - y * found, axis=1)
    best = int(np.argmin(losses))
    return found[best], best + 1, boosters


def _with_patience(matrix: Real, y: Real, split: Split, settings: dict[str, Any], seed: int) -> Any:
    seen, held = split
    booster = HistGradientBoostingClassifier(
        early_stopping=True, n_iter_no_change=PATIENCE, tol=0.0, random_state=seed, **settings
    )
    return booster.fit(matrix[seen], y[seen], X_val=matrix[held], y_val=y[held])


def fit_boosted(
    matrix: Real, y: Real, rounds: int, settings: dict[str, Any], seed: int, siblings: tuple[Any, ...]
) -> Boosted:
    own = settings | {"max_iter": rounds}
    booster = HistGradientBoostingClassifier(early_stopping=False, random_state=seed, **own)
    return Boosted(booster.fit(matrix, y), rounds, siblings)
