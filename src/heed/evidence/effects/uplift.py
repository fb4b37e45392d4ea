"""Whom to treat: a scorer of expected gain that says whether there is evidence for targeting at all.

Rivals from a plain response model to an X-learner are cross-fitted on an experiment with two arms. The
simplest within one standard error of the best gain is taken. What it gains over random order is measured on
folds that neither trained nor chose it; only where that interval lies above zero is the answer "target".
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from heed.evidence.effects.contrast import ShareContrast
from heed.evidence.effects.gain import (
    PER,
    area,
    gain_curve,
    influence,
    missing_arm,
    require_arms,
    running_sums,
    standard_error,
)
from heed.evidence.effects.nuisance import (
    FeatureEncoder,
    as_table,
    infinite_columns,
    infinite_words,
    one_thread,
)
from heed.evidence.effects.rivals import Rival, least_of_arms, rivals
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile
from heed.evidence.tables import numbers

Verdict = Literal["target", "treat all", "treat none", "no evidence"]
Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

LEAST_OF_ARM = 10
METHOD = "cross-fitted gain over random order per 1,000, variance corrected for shared training rows"


class UpliftScorer(BaseEstimator):
    """Expected gain of treating each customer: `fit(X, y, treatment)` to an experiment, then `predict(X)`.

    `X`: n rows × any columns (categories and missing values as they are), `y`: outcomes 0/1 of which more is
    better, `treatment`: 1 treated at random, 0 not. One automatic default; nothing is to be tuned.

    After `fit`: `verdict_` ("target", "treat all", "treat none" or "no evidence") and `words_` for it;
    `gain_`, outcomes gained per 1,000 customers over random order (`Estimate`); `effect_`, of treating all
    instead of none per 1,000; `rivals_`, one row per rival; `chosen_`, the name of the one that predicts;
    `curve_`, gain by share treated; `reason_`, why nothing could be learned, else "".

    The interval of `gain_` is wider by √(1 + K/(K-1)), K folds, than that of independent rows, because
    training sets share rows (Nadeau and Bengio 2003); else noise is called targeting too often.
    """

    def __init__(self, *, folds: int = 5, level: float = LEVEL, random_state: int = 0) -> None:
        self.folds = folds
        self.level = level
        self.random_state = random_state

    def fit(self, X: Any, y: Any, treatment: Any) -> "UpliftScorer":  # noqa: N803
        """Thin data is no error: it makes the verdict "no evidence" with a reason. ValueError where lengths
        differ, or where outcome or treatment is anything but 0 and 1."""
        table = as_table(X)
        outcomes, arms = _zeros_and_ones(table, y, treatment)
        self.feature_names_in_ = np.array(table.columns, dtype=object)
        self.n_features_in_ = table.shape[1]
        self.effect_ = _effect(outcomes, arms, self.level)
        self.reason_ = self._why_not(table, outcomes, arms)
        if self.reason_:
            self._abstain(len(table))
        else:
            with one_thread():
                self._learn(table, outcomes, arms)
        self.verdict_ = _verdict(self.gain_, self.effect_)
        self.words_ = _words(self.verdict_, self.gain_, self.effect_)
        return self

    def predict(self, X: Any) -> Real:  # noqa: N803
        """Expected gain of treating each row, in outcomes (0.02: two more per hundred treated).

        NaN where nothing could be learned. Whether to use it for targeting is said by `verdict_`.
        """
        check_is_fitted(self, "verdict_")
        if self.model_ is None or self.encoder_ is None:
            return np.full(len(as_table(X)), np.nan)
        with one_thread():
            return np.asarray(self.model_.gain(self.encoder_.transform(X)), dtype=float)

    def _learn(self, table: pd.DataFrame, y: Real, treatment: Real) -> None:
        crossed = _cross_fitted(table, y, treatment, self.folds, self.random_state)
        chosen = crossed.simplest_within_one_error(np.ones(len(y), dtype=bool))
        self.gain_ = crossed.gain(crossed.chosen_elsewhere(), self.level)
        self.curve_ = gain_curve(y, crossed.chosen_elsewhere(), treatment)
        self.rivals_ = crossed.table(chosen, self.level)
        self.chosen_ = crossed.names[chosen]
        encoder = FeatureEncoder().fit(table)
        model = rivals(y, treatment, self.random_state)[self.chosen_]
        self.model_: Rival | None = model.fit(encoder.transform(table), y, treatment)
        self.encoder_: FeatureEncoder | None = encoder

    def _abstain(self, n: int) -> None:
        self.gain_ = Estimate.unknown(self.reason_, n=n, method=METHOD)
        self.curve_ = gain_curve([], [], [])
        self.rivals_ = pd.DataFrame(columns=["rival", "gain", "low", "high", "chosen"])
        self.chosen_ = ""
        self.encoder_ = self.model_ = None

    def _why_not(self, table: pd.DataFrame, y: Real, treatment: Real) -> str:
        if lacking := missing_arm(treatment):
            return lacking
        if not table.shape[1]:
            return "nothing is known about the customers by which they could be told apart"
        if names := infinite_columns(table):
            return infinite_words(names)
        least = least_of_arms(y, treatment)
        if least < max(LEAST_OF_ARM, self.folds):
            return (
                f"too few to learn whom to treat: one arm has only {least} with (or without) the outcome; "
                f"{LEAST_OF_ARM} are needed"
            )
        return ""


@dataclass(frozen=True)
class _CrossFitted:
    """Rank of each row within its fold (0 to 1) by each rival fitted on the other folds: n × rivals."""

    names: tuple[str, ...]
    ranks: Real
    fold: Whole
    y: Real
    treatment: Real

    @property
    def correction(self) -> float:
        """Nadeau and Bengio's: 1/K becomes 1/K + test rows/training rows in the variance."""
        folds = int(self.fold.max()) + 1
        return sqrt(1 + folds / (folds - 1))

    def simplest_within_one_error(self, rows: npt.NDArray[np.bool_]) -> int:
        """The first rival whose gain on these rows is within one paired standard error of the best."""
        y, treatment = self.y[rows], self.treatment[rows]
        columns = [self.ranks[rows, rival] for rival in range(len(self.names))]
        gains = [area(running_sums(y, column, treatment)) for column in columns]
        influences = [influence(y, column, treatment) for column in columns]
        best = int(np.argmax(gains))
        behind = [
            gains[best] - gain - self.correction * standard_error(influences[best] - moved)
            for gain, moved in zip(gains, influences, strict=True)
        ]
        return int(np.argmax(np.array(behind) <= 0))

    def chosen_elsewhere(self) -> Real:
        """Ranks by the rival that the other folds choose, so that no row has a say in who ranks it."""
        ranks = np.empty(len(self.y))
        for fold in np.unique(self.fold):
            here = self.fold == fold
            ranks[here] = self.ranks[here, self.simplest_within_one_error(~here)]
        return ranks

    def gain(self, ranks: Real, level: float) -> Estimate:
        value = area(running_sums(self.y, ranks, self.treatment))
        spread = self.correction * standard_error(influence(self.y, ranks, self.treatment))
        half = normal_quantile(level) * spread
        return Estimate(value, value - half, value + half, len(self.y), level, METHOD)

    def table(self, chosen: int, level: float) -> pd.DataFrame:
        gains = [self.gain(self.ranks[:, rival], level) for rival in range(len(self.names))]
        return pd.DataFrame(
            {
                "rival": self.names,
                "gain": [gain.value for gain in gains],
                "low": [gain.low for gain in gains],
                "high": [gain.high for gain in gains],
                "chosen": [rival == chosen for rival in range(len(self.names))],
            }
        )


def _cross_fitted(table: pd.DataFrame, y: Real, treatment: Real, folds: int, seed: int) -> _CrossFitted:
    names = tuple(rivals(y, treatment, seed))
    ranks, fold = np.empty((len(y), len(names))), np.empty(len(y), dtype=np.int64)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for number, (train, test) in enumerate(splitter.split(ranks, 2 * treatment + y)):
        encoder = FeatureEncoder().fit(table.iloc[train])
        seen, unseen = encoder.transform(table.iloc[train]), encoder.transform(table.iloc[test])
        fold[test] = number
        # All folds take the same rivals, whatever their own counts.
        for column, rival in enumerate(rivals(y, treatment, seed).values()):
            gains = rival.fit(seen, y[train], treatment[train]).gain(unseen)
            ranks[test, column] = rankdata(gains) / len(test)
    return _CrossFitted(names, ranks, fold, y, treatment)


def _zeros_and_ones(table: pd.DataFrame, y: Any, treatment: Any) -> tuple[Real, Real]:
    outcomes, arms = numbers(pd.Series(y, name="y")), numbers(pd.Series(treatment, name="treatment"))
    if outcomes.shape != (len(table),) or arms.shape != (len(table),):
        raise ValueError(
            f"X has {len(table)} rows, y is of shape {outcomes.shape} and treatment of {arms.shape}; "
            "one outcome and one treatment per row are needed."
        )
    if not np.isin(outcomes, (0, 1)).all():
        raise ValueError("The outcome y must be 1 or 0; it has other values. Leave out rows without outcome.")
    require_arms(arms)
    return outcomes, arms


def _effect(y: Real, treatment: Real, level: float) -> Estimate:
    """Outcomes gained per 1,000 by treating all instead of none: the difference of the arms."""
    if lacking := missing_arm(treatment):
        return Estimate.unknown(lacking, n=len(y))
    treated, untreated = y[treatment == 1], y[treatment == 0]
    arms = ShareContrast(treated.sum(), len(treated), untreated.sum(), len(untreated))
    low, high = arms.interval(normal_quantile(level))
    return Estimate(PER * arms.value, PER * low, PER * high, len(y), level, f"{arms.method}, per 1,000")


def _verdict(gain: Estimate, effect: Estimate) -> Verdict:
    if gain.low is not None and gain.low > 0:
        return "target"
    if gain.value is None or effect.low is None or effect.high is None:
        return "no evidence"
    if effect.low > 0:
        return "treat all"
    return "treat none" if effect.high < 0 else "no evidence"


def _words(verdict: Verdict, gain: Estimate, effect: Estimate) -> str:
    if gain.value is None:
        return f"No evidence for targeting: {gain.reason}."
    order = f"the order of expected gain brings {_range(gain)} per 1,000 over random order"
    treating = f"treating all instead of none brings {_range(effect)} per 1,000"
    return {
        "target": f"Target: {order}.",
        "treat all": f"No evidence for targeting: treat all. {_sentence(order)} {_sentence(treating)}",
        "treat none": f"Treat none: {treating}. {_sentence(order)}",
        "no evidence": f"No evidence, neither for treating nor for targeting: {treating}, and {order}.",
    }[verdict]


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def _range(estimate: Estimate) -> str:
    return f"{estimate.value:+.1f} ({estimate.low:+.1f} to {estimate.high:+.1f})"
