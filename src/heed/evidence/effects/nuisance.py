"""The helper models behind an effect: features as numbers, chances and means learned from them, folds.

A feature that is missing is a level of its own; an infinite one is refused. Learners are scikit-learn's:
ridge (logistic or linear), and boosted trees where there are rows enough.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

Real = npt.NDArray[np.float64]

LEAST_OF_LEVEL = 10
LEAST_VALUES_TO_BEND = 10
QUINTILES = (0.2, 0.4, 0.6, 0.8)
SKEWED = 1.0
PRIOR_SPREAD = 0.3
MISSING = "missing"


class FeatureEncoder(TransformerMixin, BaseEstimator):
    """A table of any columns as numbers around 0: `fit(X)`, `transform(X)` gives n rows × columns.

    Numbers: what is missing becomes the median and is marked in a column of its own; skewed columns without
    negatives are taken as log(1 + x); all are scaled to a spread of 1, and those of many values may bend at
    their quintiles (a column max(x - quintile, 0) for each). Other columns: one column per level with at
    least 10 rows, missing being a level. A level that was not seen when fitted belongs to none.
    """

    def fit(self, X: Any, y: Any = None) -> "FeatureEncoder":  # noqa: N803
        table = as_table(X)
        refuse_infinite(table)
        self.columns_ = [_encoded(table[name]) for name in table.columns]
        self.feature_names_in_ = np.array(table.columns, dtype=object)
        self.n_features_in_ = table.shape[1]
        return self

    def transform(self, X: Any) -> Real:  # noqa: N803
        table = as_table(X)
        if absent := [str(column.name) for column in self.columns_ if column.name not in table]:
            raise ValueError(f"The table lacks columns that the model was fitted with: {', '.join(absent)}.")
        refuse_infinite(table)
        blocks = [column.matrix(table[column.name]) for column in self.columns_]
        matrix = np.column_stack([np.zeros((len(table), 0)), *blocks])
        # Levels that are all rare leave nothing; learners need a column, even one that tells nothing.
        return matrix if matrix.shape[1] else np.zeros((len(table), 1))


@dataclass(frozen=True, slots=True)
class NumberColumn:
    name: Any
    median: float
    centre: float
    spread: float
    skewed: bool
    has_missing: bool
    bends: tuple[float, ...] = ()

    def matrix(self, column: "pd.Series[Any]") -> Real:
        numbers = pd.to_numeric(column).to_numpy(float, na_value=np.nan)
        missing = np.isnan(numbers)
        scaled = self.scaled(np.where(missing, self.median, numbers))
        bent = [np.maximum(scaled - bend, 0) for bend in self.bends]
        parts: Real = np.column_stack([scaled, *bent, *([missing] if self.has_missing else [])])
        return parts

    def scaled(self, numbers: Real) -> Real:
        return np.asarray((_straightened(numbers, self.skewed) - self.centre) / self.spread)


@dataclass(frozen=True, slots=True)
class LevelColumn:
    name: Any
    levels: tuple[str, ...]
    shares: tuple[float, ...]

    def matrix(self, column: "pd.Series[Any]") -> Real:
        texts = _texts(column)
        # A range of 2, so that a common level weighs about as much as a number of spread 1.
        is_level = texts[:, None] == np.array(self.levels, dtype=object)
        return np.asarray(2 * (is_level - np.array(self.shares)), dtype=float)


def as_table(X: Any) -> pd.DataFrame:  # noqa: N803
    """`X` as a data frame. ValueError where it is not a table of rows and columns."""
    table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    if table.columns.has_duplicates:
        raise ValueError(f"Columns of the same name: {list(table.columns[table.columns.duplicated()])}.")
    return table


def refuse_infinite(table: pd.DataFrame) -> None:
    if names := infinite_columns(table):
        raise ValueError(infinite_words(names))


def infinite_columns(table: pd.DataFrame) -> list[str]:
    numbers = table.select_dtypes("number")
    return [str(name) for name in numbers if np.isinf(numbers[name].to_numpy(float, na_value=np.nan)).any()]


def infinite_words(names: list[str]) -> str:
    return f"infinite values in {', '.join(names)}: leave those rows out, or leave the value empty"


@dataclass(frozen=True)
class Chance:
    """A fitted classifier, or the one share where all outcomes of a training set were alike."""

    model: Any
    share: float

    @classmethod
    def fit(cls, learner: Any, matrix: Any, outcome: Real, weight: Real | None = None) -> "Chance":
        """`learner` is cloned. The share of outcomes all alike is kept off 0 and 1: (events + ½)/(n + 1)."""
        share = (outcome.sum() + 0.5) / (len(outcome) + 1)
        if len(np.unique(outcome)) < 2:
            return cls(None, share)
        options = {} if weight is None else {"sample_weight": weight}
        return cls(clone(learner).fit(matrix, outcome, **options), share)

    def predict(self, matrix: Any) -> Real:
        if self.model is None:
            return np.full(len(matrix), self.share)
        return np.asarray(self.model.predict_proba(matrix)[:, 1])


def one_thread() -> Any:
    """While entered, models are fitted by one thread: sums come out the same on every machine, and small
    tables do not wait for threads that wait for each other (ten times as long on two busy cores)."""
    return threadpool_limits(1)


def ridge_logistic(prior_spread: float = PRIOR_SPREAD) -> LogisticRegression:
    """Logistic regression whose coefficients have a normal prior of this spread (log-odds per unit)."""
    return LogisticRegression(C=prior_spread**2, max_iter=1000)


def boosted_chance(seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(**_boosting(seed))


def boosted_mean(seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(**_boosting(seed))


def _boosting(seed: int) -> dict[str, Any]:
    """Small, slow trees: customer data is noisy and its rows are few."""
    return {"max_iter": 100, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": 50,
            "early_stopping": False, "random_state": seed}  # fmt: skip


def _encoded(column: "pd.Series[Any]") -> NumberColumn | LevelColumn:
    if pd.api.types.is_datetime64_any_dtype(column):
        raise ValueError(f"Column {column.name} holds dates. Turn it into days since or until something.")
    is_number = pd.api.types.is_numeric_dtype(column)
    return _number_column(column) if is_number else _level_column(column)


def _number_column(column: "pd.Series[Any]") -> NumberColumn:
    numbers = column.to_numpy(float, na_value=np.nan)
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return NumberColumn(column.name, 0.0, 0.0, 1.0, False, True)
    skewed = bool(known.min() >= 0 and _skewness(known) > SKEWED)
    median = float(np.median(known))
    values = _straightened(np.where(np.isnan(numbers), median, numbers), skewed)
    centre, spread = float(values.mean()), float(values.std())
    # A column that never varies stays at 0 instead of blowing up the dust of its rounding.
    spread = spread if spread > 1e-9 * (1 + abs(centre)) else 1.0
    straight = NumberColumn(column.name, median, centre, spread, skewed, len(known) < len(numbers))
    return replace(straight, bends=_bends(straight.scaled(known)))


def _bends(values: Real) -> tuple[float, ...]:
    if len(np.unique(values)) < LEAST_VALUES_TO_BEND:
        return ()
    return tuple(map(float, np.unique(np.quantile(values, QUINTILES))))


def _level_column(column: "pd.Series[Any]") -> LevelColumn:
    levels, counts = np.unique(_texts(column).astype(str), return_counts=True)
    kept = counts >= LEAST_OF_LEVEL
    shares = counts[kept] / max(len(column), 1)
    return LevelColumn(column.name, tuple(map(str, levels[kept])), tuple(map(float, shares)))


def _texts(column: "pd.Series[Any]") -> npt.NDArray[np.object_]:
    texts = column.astype(object).where(column.notna(), MISSING)
    return np.array([str(text) for text in texts], dtype=object)


def _straightened(numbers: Real, skewed: bool) -> Real:
    return np.log1p(np.maximum(numbers, 0)) if skewed else numbers


def _skewness(numbers: Real) -> float:
    centred = numbers - numbers.mean()
    spread = np.sqrt(np.mean(centred**2))
    return float(np.mean(centred**3) / spread**3) if spread > 0 else 0.0
