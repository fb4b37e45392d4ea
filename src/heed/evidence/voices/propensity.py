"""How likely each customer was to answer: ridge logistic regression, its penalty chosen by log loss."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from heed.evidence.voices.answers import Real

STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FOLDS = 5


def response_propensity(table: pd.DataFrame, answers: int, seed: int) -> Real:
    """The probability to answer of those who did, the first `answers` rows of `table`, from its columns.

    Numbers are standardised, with an indicator of the missing ones; all else is a set of levels, of which
    missing is one. The penalty is the one with the least log loss over five folds drawn by `seed`.
    """
    answered = np.arange(len(table)) < answers
    folds = min(FOLDS, answers, len(table) - answers)
    if folds < 2:
        return np.full(answers, answers / len(table))
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    columns = _prepared(table)
    losses = {
        strength: log_loss(
            answered,
            cross_val_predict(_ridge(strength), columns, answered, cv=split, method="predict_proba"),
        )
        for strength in STRENGTHS
    }
    best = min(losses, key=lambda strength: (losses[strength], strength))
    return np.asarray(_ridge(best).fit(columns, answered).predict_proba(columns[:answers])[:, 1])


def _prepared(table: pd.DataFrame) -> Real:
    numbers = [name for name in table if pd.api.types.is_numeric_dtype(table[name])]
    levels = [name for name in table if name not in numbers]
    number = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    prepared = ColumnTransformer(
        [("numbers", number, numbers), ("levels", OneHotEncoder(sparse_output=False), levels)]
    )
    return np.asarray(prepared.fit_transform(table), dtype=np.float64)


def _ridge(strength: float) -> LogisticRegression:
    """Logistic regression with the ridge penalty 1 / `strength`."""
    return LogisticRegression(C=strength, max_iter=1_000)
