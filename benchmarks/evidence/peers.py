"""The peers that tell who leaves, as the protocols set them, and the figures they are judged by."""

from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

words = make_column_selector(dtype_exclude="number")
figures = make_column_selector(dtype_include="number")


def as_terms() -> Any:
    one_hot = OneHotEncoder(handle_unknown="ignore", drop="if_binary")
    return make_column_transformer((one_hot, words), (StandardScaler(), figures))


def as_codes() -> Any:
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return make_column_transformer((codes, words), remainder="passthrough")


def logistic(C: float = 1.0) -> Pipeline:  # noqa: N803
    return make_pipeline(as_terms(), LogisticRegression(C=C, max_iter=2000))


def forest() -> Pipeline:
    return make_pipeline(as_terms(), RandomForestClassifier(300, min_samples_leaf=5, random_state=0))


def histogram_boosting() -> Pipeline:
    return make_pipeline(as_codes(), HistGradientBoostingClassifier(random_state=0))


def lightgbm() -> Pipeline:
    booster = lgb.LGBMClassifier(
        n_estimators=300, learning_rate=0.03, num_leaves=15, min_child_samples=30, subsample=0.8,
        subsample_freq=1, colsample_bytree=0.8, random_state=0, n_jobs=1, verbose=-1,
    )  # fmt: skip
    return make_pipeline(as_codes(), booster)


def lightgbm_isotonic() -> CalibratedClassifierCV:
    shuffled = StratifiedKFold(5, shuffle=True, random_state=1)
    return CalibratedClassifierCV(lightgbm(), method="isotonic", cv=shuffled)


PEERS: dict[str, Callable[[], Any]] = {
    "logistic": logistic,
    "random forest": forest,
    "HistGB": histogram_boosting,
    "LightGBM": lightgbm,
    "LightGBM isotonic": lightgbm_isotonic,
}


def calibration_error(y: np.ndarray, p: np.ndarray, bins: int = 10) -> float:
    """Mean distance between chance and share over bins of as many rows."""
    parts = np.array_split(np.argsort(p), bins)
    return float(sum(abs(y[rows].mean() - p[rows].mean()) * len(rows) for rows in parts) / len(y))


def calibration_slope(y: np.ndarray, p: np.ndarray) -> float:
    """Slope of the label's log-odds on the chance's: 1 is perfect."""
    inside = np.clip(p, 1e-4, 1 - 1e-4)
    fit = LogisticRegression(C=1e6).fit(np.log(inside / (1 - inside)).reshape(-1, 1), y)
    return float(fit.coef_[0, 0])


def judge(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    return {
        "AUC": roc_auc_score(y, p),
        "Brier": brier_score_loss(y, p),
        "log loss": log_loss(y, np.clip(p, 1e-6, 1 - 1e-6)),
        "ECE": calibration_error(y, p),
        "slope": calibration_slope(y, p),
    }


def judge_folds(
    make: Callable[[], Any], table: Any, folds: list[tuple[np.ndarray, np.ndarray]]
) -> pd.DataFrame:
    """The figures of each fold."""
    return pd.DataFrame(
        judge(table.y[test], chances(make().fit(table.X.iloc[train], table.y[train]), table.X.iloc[test]))
        for train, test in folds
    )


def chances(fitted: Any, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
    return np.asarray(fitted.predict_proba(X)[:, 1])
