"""Who leaves: a classifier for plain tables that chooses, calibrates and explains itself."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import normal_quantile
from heed.evidence.risk.calibrating import UNCHANGED
from heed.evidence.risk.candidates import PRIOR, Candidate, choose, fit_chosen, try_all
from heed.evidence.risk.columns import Reader, as_table, infinite, infinite_rows
from heed.evidence.risk.folds import group_codes
from heed.evidence.risk.leaks import LeakAlarm, find_leaks
from heed.evidence.risk.models import Model, Prior
from heed.evidence.risk.thin import copies_of, why_not
from heed.evidence.risk.trials import problem_of

Real = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Table = pd.DataFrame | npt.ArrayLike

LEVEL = 0.9
EVERYBODY = "(everybody)"
LEAK = "it alone tells who left: probably written after the outcome"


class RenewalClassifier(ClassifierMixin, BaseEstimator):
    """The chance that an account leaves, from a plain table of what is known about it.

    Nothing is to be tuned. Tried are, simplest first: the share that left, for everybody; ridge logistic
    regression; the same with curves; additive steps (boosted trees of one column each); boosted trees; a
    blend of the better of each kind. Each is judged by log loss on rows it has not seen; the simplest within
    one standard error of the best stays, calibrated on those rows. Classes are never resampled.

    Parameters: `trusted`, names of columns that stay though they raise the leak alarm; `random_state`, the
    seed of folds and trees.

    Attributes after `fit`: `classes_`; `candidates_`, how each did; `chosen_`, a name; `calibration_`,
    intercept and slopes of the log-odds; `n_` and `events_`, rows and how many left; `alarms_`, leaks;
    `left_out_`, why by column; `reason_`, "" or why nothing can be said: then `estimate` answers unknown and
    `predict_proba` the share that left; `n_features_in_`, and `feature_names_in_` for a table with names.
    """

    def __init__(self, trusted: Sequence[str] = (), random_state: int = 0) -> None:
        self.trusted = trusted
        self.random_state = random_state

    def fit(self, X: Table, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> "RenewalClassifier":  # noqa: N803
        """Learn from rows `X` and their outcome `y`, two values of which the later in order is "left".

        `groups` names each row's account: its rows are never divided between learning and judging, nor are
        exact copies of a row. Numbers, truths, words and categories are taken as they are; missing is a level
        of its own. ValueError for wrong shapes, columns of dates and outcomes of more than two values.
        """
        table = as_table(X)
        left = self._outcome(y, len(table))
        self.n_features_in_ = table.shape[1]
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.array([str(name) for name in X.columns], dtype=object)
        self.n_, self.events_ = len(table), int(left.sum())
        copies = copies_of(table, left)
        self.reason_ = why_not(table, left, copies)
        if self.reason_:
            self._abstain()
        else:
            self._learn(table, left, copies if groups is None else group_codes(groups, len(table)))
        self.left_out_ = dict(self.reader_.left_out)
        return self

    def _outcome(self, y: npt.ArrayLike, rows: int) -> Truths:
        """Who left, and the classes."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        outcome = column_or_1d(y, warn=True)
        missing = int(pd.isna(outcome).sum())
        if missing:
            raise ValueError(f"y is NaN (unknown) in {missing} rows: leave out rows without an outcome.")
        check_classification_targets(outcome)
        if len(outcome) != rows:
            raise ValueError(f"X and y need the same number of rows; X has {rows} and y has {len(outcome)}.")
        if rows == 0:
            raise ValueError("Found array with 0 sample(s): X has no rows; a minimum of 1 is required.")
        self.classes_ = np.unique(outcome)
        if len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass:"
                f" y has {len(self.classes_)} values, stayed and left are two."
            )
        return np.asarray(outcome == _left_of(self.classes_))

    def _abstain(self) -> None:
        self.reader_ = Reader((), {})
        self.alarms_: list[LeakAlarm] = []
        self.candidates_: list[Candidate] = []
        self.chosen_ = PRIOR
        self.calibration_ = UNCHANGED
        self.model_: Model = Prior((self.events_ + 0.5) / (self.n_ + 1), self.n_)

    def _learn(self, table: pd.DataFrame, left: Truths, groups: npt.NDArray[np.int64]) -> None:
        y = left.astype(np.float64)
        reader = Reader.learn(table)
        self.reader_, self.alarms_ = self._without_leaks(reader, reader.read(table), y, groups)
        is_level = [column.levels is not None for column in self.reader_.columns]
        problem = problem_of(self.reader_.read(table), is_level, y, groups, self.random_state)
        trials = try_all(problem)
        trial, self.candidates_ = choose(trials, groups)
        self.chosen_, self.calibration_ = trial.name, trial.calibration
        self.model_ = fit_chosen(trial, trials)

    def _without_leaks(
        self, reader: Reader, matrix: Real, y: Real, groups: npt.NDArray[np.int64]
    ) -> tuple[Reader, list[LeakAlarm]]:
        is_level = [column.levels is not None for column in reader.columns]
        splits = problem_of(matrix, is_level, y, groups, self.random_state).repeats[0]
        alarms = find_leaks(reader, matrix, y, splits, self.trusted)
        return reader.without([alarm.column for alarm in alarms if alarm.left_out], LEAK), alarms

    def log_odds(self, X: Table) -> Real:  # noqa: N803
        """The calibrated log-odds to leave, one per row. ValueError where a number is infinite."""
        table = self._checked(X)
        if reason := infinite(table[self._used(table)]):
            raise ValueError(f"X contains infinity: {reason}; `estimate` answers unknown for these rows.")
        return self.calibration_.apply(self.model_.log_odds(self.reader_.read(table)))

    def predict_proba(self, X: Table) -> Real:  # noqa: N803
        """The chance (0 to 1) of each class, rows × classes: with two classes the second is to leave."""
        chance = expit(self.log_odds(X))
        if len(self.classes_) == 1:
            return np.ones((len(chance), 1))
        return np.column_stack([1 - chance, chance])

    def predict(self, X: Table) -> npt.NDArray[Any]:  # noqa: N803
        """The likelier class of each row."""
        likelier = np.argmax(self.predict_proba(X), axis=1)
        result: npt.NDArray[Any] = self.classes_[likelier]
        return result

    def estimate(self, X: Table, *, level: float = LEVEL) -> list[Estimate]:  # noqa: N803
        """The chance to leave of each row with an interval that holds it with `level` (0 to 1).

        Unknown where the model abstains (`reason_`) or the row holds an infinite number.
        """
        table = self._checked(X)
        if self.reason_:
            return [Estimate.unknown(self.reason_, n=self.n_, method=self.chosen_)] * len(table)
        broken = infinite_rows(table[self._used(table)])
        bad = np.any([*broken.values(), np.zeros(len(table), dtype=bool)], axis=0)
        found = iter(self._estimates(table.loc[~bad], level))
        unknown = Estimate.unknown(f"{', '.join(broken)} is infinite", n=self.n_, method=self.chosen_)
        return [unknown if is_bad else next(found) for is_bad in bad]

    def _estimates(self, table: pd.DataFrame, level: float) -> list[Estimate]:
        matrix = self.reader_.read(table)
        log_odds = self.model_.log_odds(matrix)
        middle = self.calibration_.apply(log_odds)
        half = normal_quantile(level) * self.calibration_.slope_at(log_odds) * self.model_.spread(matrix)
        method = f"{self.chosen_}, calibrated"
        bounds = zip(expit(middle), expit(middle - half), expit(middle + half), strict=True)
        return [
            Estimate(float(value), float(low), float(high), self.n_, level, method)
            for value, low, high in bounds
        ]

    def contributions(self, X: Table) -> pd.DataFrame:  # noqa: N803
        """What each column adds to the log-odds of each row, beside what holds for everybody.

        Each row's sum is its calibrated log-odds. A linear model adds coefficient × distance from the average
        account; trees add their Shapley values; the calibration stretches all of a row alike. Columns left
        out add 0.
        """
        table = self._checked(X)
        matrix = self.reader_.read(table)
        stretch = self.calibration_.stretch(self.model_.log_odds(matrix), self.model_.base)
        each = self.model_.contributions(matrix) * stretch[:, None]
        used = pd.DataFrame(each, index=table.index, columns=self.reader_.names)
        everybody = self.calibration_.apply(np.array(self.model_.base))
        found = used.reindex(columns=[str(name) for name in table.columns], fill_value=0.0)
        found.insert(0, EVERYBODY, float(everybody))
        return found

    def _used(self, table: pd.DataFrame) -> list[Any]:
        names = set(self.reader_.names)
        return [name for name in table.columns if str(name) in names]

    def _checked(self, X: Table) -> pd.DataFrame:  # noqa: N803
        check_is_fitted(self, "classes_")
        table = as_table(X)
        if not isinstance(X, pd.DataFrame) and table.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {table.shape[1]} features, but {type(self).__name__} is expecting"
                f" {self.n_features_in_} features as input."
            )
        return table

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _left_of(classes: npt.NDArray[Any]) -> Any:
    """The class that means "left": the later of two; of one, only 1, true or the like means it."""
    if len(classes) == 2:
        return classes[1]
    only = classes[0]
    return only if str(only).lower() in {"1", "1.0", "true", "yes", "left", "churned"} else None
