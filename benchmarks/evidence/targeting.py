"""Hillstrom's e-mails: whom to write to, women's e-mail against none and men's against none, outcome visit.

Five folds stratified on treatment × outcome; scores are out of fold and ranked within fold before pooling.
The figure is the gain in visits per 1,000 customers over random order, with a bootstrap of 300 draws.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from benchmarks.evidence.data import SEED, hillstrom
from benchmarks.evidence.table import Row
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklift.metrics import qini_auc_score
from sklift.models import ClassTransformation, SoloModel, TwoModels

from heed.evidence import UpliftScorer

FEATURES = ["recency", "history", "mens", "womens", "newbie", "zip_code", "channel"]
ARMS = {"women's": ("Womens E-Mail", 7.7), "men's": ("Mens E-Mail", 3.05)}
NOBODY = "No E-Mail"
DRAWS = 300

Vector = npt.NDArray[Any]
Scorer = Callable[[pd.DataFrame, Vector, Vector, pd.DataFrame], Vector]
"""Features, outcomes and treatment of the training rows, and the features to score: their scores."""


def rows() -> Iterator[Row]:
    customers = hillstrom()
    for arm, (segment, target) in ARMS.items():
        sent = customers[customers["segment"].isin([segment, NOBODY])]
        visits, treated = sent["visit"].to_numpy(), (sent["segment"] == segment).to_numpy(int)
        found = {
            name: judged(scorer, sent[FEATURES], visits, treated)
            for name, scorer in {**PEERS, "Heed": heed}.items()
        }
        yield row(arm, target, found)


def row(arm: str, target: float, found: dict[str, tuple[float, float, float, float]]) -> Row:
    gain, low, *_ = found["Heed"]
    peers = ", ".join(f"{name} {shown(*found[name])}" for name in PEERS)
    figure, wanted = "gain per 1,000 (95 % interval; Qini)", f"≥ {target}, interval above 0"
    return Row(
        f"Hillstrom, {arm} e-mail", figure, shown(*found["Heed"]), wanted, gain >= target and low > 0, peers
    )


def shown(gain: float, low: float, high: float, qini: float) -> str:
    return f"{gain:.2f} ({low:.2f} to {high:.2f}; {qini:.4f})"


def judged(scorer: Scorer, X: pd.DataFrame, y: Vector, treated: Vector) -> tuple[float, float, float, float]:  # noqa: N803
    """Gain per 1,000, the ends of its bootstrap interval, and the normalised Qini coefficient."""
    random = np.random.default_rng(SEED)
    ranks = np.zeros(len(y))
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED).split(X, 2 * treated + y)
    for train, test in folds:
        scores = scorer(X.iloc[train], y[train], treated[train], X.iloc[test])
        jittered = np.asarray(scores) + 1e-9 * random.standard_normal(len(test))
        ranks[test] = jittered.argsort().argsort() / len(test)
    drawn = (random.integers(0, len(y), len(y)) for _ in range(DRAWS))
    gains = [gain_per_1000(y[i], ranks[i], treated[i]) for i in drawn]
    low, high = np.percentile(gains, [2.5, 97.5])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        qini = qini_auc_score(y, ranks, treated)
    return gain_per_1000(y, ranks, treated), float(low), float(high), float(qini)


def gain_per_1000(y: Vector, score: Vector, treated: Vector) -> float:
    """As the protocol of the peers fixes it: ties stay in file order."""
    order = np.argsort(-score, kind="stable")
    y, treated = y[order], treated[order]
    n = np.arange(1, len(y) + 1)
    of_treated = np.cumsum(y * treated) / np.maximum(np.cumsum(treated), 1)
    of_untreated = np.cumsum(y * (1 - treated)) / np.maximum(np.cumsum(1 - treated), 1)
    gain = (of_treated - of_untreated) * n / len(y)
    return 1000 * float(np.mean(gain - n / len(y) * gain[-1]))


def heed(X: pd.DataFrame, y: Vector, treated: Vector, unseen: pd.DataFrame) -> Vector:  # noqa: N803
    return UpliftScorer().fit(X, y, treated).predict(unseen)


def numbers(X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
    """The features as the protocol gives them to the peers."""
    table = pd.get_dummies(X, columns=["zip_code", "channel"]).astype(float)
    return table.assign(history=np.log1p(table["history"]))


def trees() -> LGBMClassifier:
    return LGBMClassifier(
        n_estimators=100, learning_rate=0.03, num_leaves=8, min_child_samples=200, random_state=0, n_jobs=1,
        verbose=-1,
    )  # fmt: skip


def chances(model: Any, X: Any) -> Vector:  # noqa: N803
    return np.asarray(model.predict_proba(X)[:, 1])


def response(X: pd.DataFrame, y: Vector, treated: Vector, unseen: pd.DataFrame) -> Vector:  # noqa: N803
    return chances(trees().fit(numbers(X), y), numbers(unseen))


def s_learner(X: pd.DataFrame, y: Vector, treated: Vector, unseen: pd.DataFrame) -> Vector:  # noqa: N803
    def design(table: pd.DataFrame, arm: Vector) -> Vector:
        matrix = numbers(table).to_numpy()
        return np.column_stack([matrix, arm, matrix * arm[:, None]])

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(design(X, treated), y)
    everyone = np.ones(len(unseen))
    return chances(model, design(unseen, everyone)) - chances(model, design(unseen, 0 * everyone))


def t_learner(X: pd.DataFrame, y: Vector, treated: Vector, unseen: pd.DataFrame) -> Vector:  # noqa: N803
    table, arm = numbers(X), treated == 1
    models = [trees().fit(table[rows], y[rows]) for rows in (arm, ~arm)]
    of_treated, of_untreated = (chances(model, numbers(unseen)) for model in models)
    return of_treated - of_untreated


def dr_ridge(X: pd.DataFrame, y: Vector, treated: Vector, unseen: pd.DataFrame) -> Vector:  # noqa: N803
    table, share, pseudo = numbers(X), treated.mean(), np.zeros(len(y))
    halves = StratifiedKFold(2, shuffle=True, random_state=1).split(X, 2 * treated + y)
    for train, test in halves:
        arm = treated[train] == 1
        models = [trees().fit(table.iloc[train[rows]], y[train[rows]]) for rows in (arm, ~arm)]
        of_treated, of_untreated = (chances(model, table.iloc[test]) for model in models)
        pseudo[test] = (
            of_treated - of_untreated + treated[test] / share * (y[test] - of_treated)
            - (1 - treated[test]) / (1 - share) * (y[test] - of_untreated)
        )  # fmt: skip
    return np.asarray(
        make_pipeline(StandardScaler(), Ridge(alpha=100.0)).fit(table, pseudo).predict(numbers(unseen))
    )


def scikit_uplift(make: Callable[[], Any]) -> Scorer:
    def scorer(X: pd.DataFrame, y: Vector, treated: Vector, unseen: pd.DataFrame) -> Vector:  # noqa: N803
        table = numbers(X).reset_index(drop=True)
        model = make().fit(table, pd.Series(y), pd.Series(treated))
        return np.asarray(model.predict(numbers(unseen).reset_index(drop=True)))

    return scorer


PEERS: dict[str, Scorer] = {
    "response model LightGBM": response,
    "S-learner logistic with interactions": s_learner,
    "T-learner LightGBM": t_learner,
    "DR-learner ridge": dr_ridge,
    "scikit-uplift solo LightGBM": scikit_uplift(lambda: SoloModel(trees(), method="treatment_interaction")),
    "scikit-uplift two models LightGBM": scikit_uplift(
        lambda: TwoModels(trees(), trees(), method="ddr_control")
    ),
    "scikit-uplift class transformation LightGBM": scikit_uplift(lambda: ClassTransformation(trees())),
}
