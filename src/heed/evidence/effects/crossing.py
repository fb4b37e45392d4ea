"""Predictions of models that never saw the row: outcomes if treated and if not, and the chance of treatment.

For each of the three the learner with the smallest loss on unseen rows is taken: log loss for chances,
squared error for amounts. Trees take part where there are rows enough.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline

from heed.evidence.effects.nuisance import (
    Chance,
    FeatureEncoder,
    boosted_chance,
    boosted_mean,
    one_thread,
    ridge_logistic,
)
from heed.evidence.effects.overlap import CLIP

LEAST_FOR_TREES = 1000
PENALTIES = tuple(10.0**power for power in range(-1, 5))

Real = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Fold = tuple[Whole, Whole]


@dataclass(frozen=True)
class Crossed:
    """n predictions each of outcome if treated, outcome if untreated, and chance of treatment (.01 to .99).

    `learners`: pairs of what was predicted and the learner that won.
    """

    if_treated: Real
    if_untreated: Real
    chance: Real
    learners: tuple[tuple[str, str], ...]


def cross_fitted(
    covariates: pd.DataFrame,
    outcome: Real,
    treated: Real,
    clusters: Whole,
    *,
    is_chance: bool,
    clustered: bool,
    folds: int,
    seed: int,
) -> Crossed:
    """Each row predicted by models fitted without its fold; rows of one cluster share a fold."""
    strata = 2 * treated + outcome if is_chance else treated
    kind = StratifiedGroupKFold if clustered else StratifiedKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    splits = list(splitter.split(strata, strata, clusters if clustered else None))
    everyone = np.ones(len(outcome), dtype=bool)
    parts = {
        "outcome if treated": (outcome, treated == 1, is_chance),
        "outcome if untreated": (outcome, treated == 0, is_chance),
        "chance of treatment": (treated, everyone, True),
    }
    with one_thread():
        found = [_best(covariates, *part, splits=splits, seed=seed) for part in parts.values()]
    predictions = [prediction for _, prediction in found]
    learners = tuple((part, name) for part, (name, _) in zip(parts, found, strict=True))
    return Crossed(predictions[0], predictions[1], np.clip(predictions[2], CLIP, 1 - CLIP), learners)


def learners(is_chance: bool, rows: int, seed: int) -> dict[str, Any]:
    """The candidates by name, for a chance or for an amount, of a training set of so many rows."""
    grown = rows >= LEAST_FOR_TREES
    if is_chance:
        ridges = {"ridge logistic, narrow": ridge_logistic(), "ridge logistic, wide": ridge_logistic(1.0)}
        found = ridges | ({"boosted trees": boosted_chance(seed)} if grown else {})
    else:
        found = {"ridge": RidgeCV(PENALTIES)} | ({"boosted trees": boosted_mean(seed)} if grown else {})
    return {name: make_pipeline(FeatureEncoder(), learner) for name, learner in found.items()}


def _best(
    table: pd.DataFrame, target: Real, usable: Rows, is_chance: bool, *, splits: list[Fold], seed: int
) -> tuple[str, Real]:
    """The name and the predictions of the learner with the smallest loss on usable rows out of fold."""
    rivals = learners(is_chance, int(_fewest(target[usable], is_chance)), seed)
    predictions = {
        name: _out_of_fold(learner, table, target, usable, is_chance, splits)
        for name, learner in rivals.items()
    }
    losses = {
        name: _loss(target[usable], prediction[usable], is_chance) for name, prediction in predictions.items()
    }
    name = min(losses, key=losses.__getitem__)
    return name, predictions[name]


def _out_of_fold(
    learner: Any, table: pd.DataFrame, target: Real, usable: Rows, is_chance: bool, splits: list[Fold]
) -> Real:
    prediction = np.empty(len(target))
    for train, test in splits:
        rows = train[usable[train]]
        if is_chance:
            prediction[test] = Chance.fit(learner, table.iloc[rows], target[rows]).predict(table.iloc[test])
        else:
            prediction[test] = clone(learner).fit(table.iloc[rows], target[rows]).predict(table.iloc[test])
    return prediction


def _fewest(target: Real, is_chance: bool) -> float:
    """What a learner's freedom is counted against: rows, or of a chance the rarer outcome's, doubled."""
    return 2 * min(target.sum(), (1 - target).sum()) if is_chance else len(target)


def _loss(target: Real, prediction: Real, is_chance: bool) -> float:
    if not is_chance:
        return float(np.mean((target - prediction) ** 2))
    chance = np.clip(prediction, 1e-6, 1 - 1e-6)
    return float(-np.mean(target * np.log(chance) + (1 - target) * np.log(1 - chance)))
