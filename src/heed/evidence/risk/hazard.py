# ruff: noqa: N803 (X is what scikit-learn calls the table)
"""HazardModel: how likely each account is to leave within any number of days, and why."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile
from heed.evidence.risk import fitting, record
from heed.evidence.risk.concordance import harrell_c
from heed.evidence.risk.encoding import as_frame, infinite_rows
from heed.evidence.risk.learnt import ClockColumns, Learnt, quadratic
from heed.evidence.risk.reasons import Reasons, contributions
from heed.evidence.risk.selection import Folds

Real = npt.NDArray[np.float64]
METHOD = "discrete-time logistic hazard, interval by account and for what shrinking takes"


class HazardModel(BaseEstimator):
    """Discrete-time logistic hazard with a spline of time and ridge, in the conventions of scikit-survival.

    It chooses by itself, on held-out accounts, among the clock alone, straight, curved and changing
    effects, and how far to shrink them. `renewal`, `term` and `tenure` name columns of X that carry the
    contract clock, in the unit of time: time to the next renewal, from one renewal to the next, and since
    it became a customer. `fit` never raises for thin data: `reason_` then says why there is no answer,
    `estimate` answers unknown, and what must return numbers raises ValueError.

    After fit: `reason_` ("" where it answers), `notes_`, `chosen_` (name of the candidate), `candidates_`
    (how each did), `penalty_`, `effective_parameters_`, `events_` (accounts that left), `n_` (rows),
    `accounts_`, `calibration_`, `feature_names_in_`, `longest_` (the longest time it answers for).
    """

    def __init__(
        self,
        *,
        renewal: str | None = None,
        term: str | None = None,
        tenure: str | None = None,
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.renewal = renewal
        self.term = term
        self.tenure = tenure
        self.folds = folds
        self.random_state = random_state

    def fit(
        self,
        X: pd.DataFrame,
        y: npt.NDArray[np.void],
        groups: npt.ArrayLike | None = None,
        folds: Folds | None = None,
    ) -> Self:
        """Learn from rows X and y (structured: event, time > 0). `groups` names the account of each row;
        `folds` are (train, test) indices such as those of `forward_folds`, else accounts are held out in
        turn."""
        frame = as_frame(X)
        columns = ClockColumns(self.renewal or "", self.term or "", self.tenure or "")
        found = fitting.fit(frame, y, groups, folds, columns, self.folds, self.random_state)
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.n_features_in_ = frame.shape[1]
        self._take(found)
        return self

    def _take(self, found: "fitting.Fitted") -> None:
        self.learnt_ = found.learnt
        self.reason_ = found.reason
        self.notes_ = list(found.notes)
        self.chosen_ = found.chosen
        self.candidates_ = found.candidates
        self.penalty_ = found.penalty
        self.effective_parameters_ = found.effective
        self.events_ = found.events
        self.n_ = found.rows
        self.accounts_ = found.accounts
        self.calibration_ = found.calibration
        self.longest_ = found.learnt.timeline.longest if found.learnt else 0.0

    def _answering(self) -> Learnt:
        check_is_fitted(self, "reason_")
        if self.learnt_ is None:
            raise ValueError(
                f"This model has no answer: {self.reason_}. Ask estimate(), which says so of each row."
            )
        return self.learnt_

    def _losses(self, X: pd.DataFrame, start: Real, stop: Real) -> Real:
        learnt = self._answering()
        frame = as_frame(X)
        self._check_reach(float(stop.max(initial=0.0)))
        present = [name for name in learnt.needed if name in frame.columns]
        if infinite := [name for name, bad in infinite_rows(frame, present).any().items() if bad]:
            raise ValueError(f"The column '{infinite[0]}' of X holds infinite values: correct or empty them.")
        losses = np.zeros(len(frame))
        for rows, asked in learnt.parts(frame, start, stop):
            losses[rows] = asked.losses()
        return losses

    def _check_reach(self, stop: float) -> None:
        if stop > self.longest_ + 1e-9:
            raise ValueError(f"Nobody was observed longer than {self.longest_:g}; asked was {stop:g}.")

    def predict_proba(
        self,
        X: pd.DataFrame,
        horizon: npt.ArrayLike,
        given: npt.ArrayLike = 0.0,
    ) -> Real:
        """Chance (0 to 1) of each row to leave within `horizon` after `given`, having stayed till then:
        1 - S(given + horizon)/S(given). `horizon` and `given` are one time or one a row. An array (rows,)."""
        start, stop = _window(len(X), horizon, given)
        result: Real = -np.expm1(-self._losses(X, start, stop))
        return result

    def predict_survival_function(
        self,
        X: pd.DataFrame,
        times: npt.ArrayLike | None = None,
        return_array: bool = True,
    ) -> Any:
        """Chance to stay past each of `times` (default `unique_times_`), rows × times; with `return_array`
        False a table whose columns are the times."""
        asked = self.unique_times_ if times is None else np.asarray(times, dtype=np.float64)
        chances = np.column_stack(
            [np.exp(-self._losses(X, np.zeros(len(X)), np.full(len(X), time))) for time in asked]
        )
        return chances if return_array else pd.DataFrame(chances, columns=asked, index=as_frame(X).index)

    @property
    def unique_times_(self) -> Real:
        """The ends of the bins of time."""
        return np.array(self._answering().timeline.edges[1:])

    def predict(self, X: pd.DataFrame) -> Real:
        """A risk score: the chance to leave by the time at which half of those who left had left."""
        return self.predict_proba(X, self._answering().typical)

    def score(self, X: pd.DataFrame, y: npt.NDArray[np.void]) -> float:
        """Harrell's C of `predict`, ties in risk counting half."""
        event, time = fitting.outcomes(y)
        return harrell_c(event, time, self.predict(X))

    def estimate(
        self,
        X: pd.DataFrame,
        horizon: npt.ArrayLike,
        given: npt.ArrayLike = 0.0,
        *,
        level: float = LEVEL,
    ) -> list[Estimate]:
        """The chance of each row with its interval, or unknown with its reason; n is accounts learnt from."""
        check_is_fitted(self, "reason_")
        frame = as_frame(X)
        if self.learnt_ is None:
            return [Estimate.unknown(self.reason_, n=self.n_, method=METHOD)] * len(frame)
        start, stop = _window(len(frame), horizon, given)
        reasons = self._reasons_of_rows(frame, self.learnt_, stop)
        good = np.flatnonzero(reasons == "")
        log_odds, error = _spread(self.learnt_, frame.iloc[good], start[good], stop[good])
        half = normal_quantile(level) * error
        values, lows, highs = expit(log_odds), expit(log_odds - half), expit(log_odds + half)
        found = [Estimate.unknown(reason or "-", n=self.n_, method=METHOD) for reason in reasons]
        for place, row in enumerate(good):
            found[row] = Estimate(
                float(values[place]), float(lows[place]), float(highs[place]), self.accounts_, level, METHOD
            )
        return found

    def _reasons_of_rows(self, frame: pd.DataFrame, learnt: Learnt, stop: Real) -> npt.NDArray[np.str_]:
        present = [name for name in learnt.needed if name in frame.columns]
        bad = infinite_rows(frame, present)
        reasons = np.full(len(frame), "", dtype=object)
        for name in bad.columns:
            reasons[bad[name].to_numpy()] = f"{name} is infinite"
        reasons[stop > self.longest_ + 1e-9] = f"nobody was observed longer than {self.longest_:g}"
        return reasons

    def contributions(
        self,
        X: pd.DataFrame,
        horizon: float | None = None,
        given: npt.ArrayLike = 0.0,
    ) -> Reasons:
        """What each original column adds to the log-odds of leaving within `horizon` (or the longest)."""
        learnt = self._answering()
        frame = as_frame(X)
        ahead = self.longest_ if horizon is None else horizon
        start, stop = _window(len(frame), ahead, given)
        self._check_reach(float(stop.max(initial=0.0)))
        return contributions(learnt, frame, start, ahead)

    def to_record(self) -> dict[str, Any]:
        """All that predicting needs and what was said of the fit, as JSON; floats keep every bit."""
        check_is_fitted(self, "reason_")
        return record.to_record(self.get_params(), list(self.feature_names_in_), fitting.Fitted.of(self))

    @classmethod
    def from_record(cls, kept: dict[str, Any]) -> "HazardModel":
        """The model that `to_record` wrote down: it predicts the same bytes."""
        parameters, names, found = record.from_record(kept)
        model = cls(**parameters)
        model.feature_names_in_ = np.array(names, dtype=object)
        model.n_features_in_ = len(names)
        model._take(found)
        return model


def _window(rows: int, horizon: npt.ArrayLike, given: npt.ArrayLike) -> tuple[Real, Real]:
    ahead = np.broadcast_to(np.asarray(horizon, dtype=np.float64), (rows,))
    if not np.all(ahead > 0):
        raise ValueError(f"A horizon must be above 0; this is {ahead.min():g}.")
    start = np.broadcast_to(np.asarray(given, dtype=np.float64), (rows,)).copy()
    if np.any(~(start >= 0)):
        raise ValueError("The time that rows have stayed so far (given) must be 0 or more.")
    return start, start + ahead


def _spread(learnt: Learnt, X: pd.DataFrame, start: Real, stop: Real) -> tuple[Real, Real]:
    """Log-odds and their standard error by the delta method."""
    log_odds, error = np.zeros(len(X)), np.zeros(len(X))
    for rows, asked in learnt.parts(X, start, stop):
        losses, slopes = asked.slopes()
        log_odds[rows] = np.log(np.expm1(np.maximum(losses, 1e-300)))
        error[rows] = np.sqrt(np.maximum(quadratic(slopes, learnt.covariance), 0.0))
    return log_odds, error
