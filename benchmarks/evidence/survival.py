"""Telco: months until they leave, by the peers' protocol: five folds, event churn, time tenure (0 → 0.5)."""
# ruff: noqa: N803, N806 (X is what scikit-learn calls the table)

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import statsmodels.api as sm
from benchmarks.evidence import data
from benchmarks.evidence.table import Row
from lifelines import LogNormalAFTFitter
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored, integrated_brier_score
from sksurv.util import Surv

from heed.evidence.risk import HazardModel
from heed.evidence.risk.mending import still_observed

MONTHS = np.arange(1, 70.0)
Answer = tuple[np.ndarray, np.ndarray]
Peer = Callable[[pd.DataFrame, np.ndarray, pd.DataFrame], Answer]


class Figures(NamedTuple):
    """Means over the folds, and every row's survival from the fold it was held out in."""

    brier: float
    c: float
    stays: np.ndarray


def heed(train: pd.DataFrame, y: np.ndarray, test: pd.DataFrame) -> Answer:
    model = HazardModel().fit(train, y)
    return model.predict(test), model.predict_survival_function(test, MONTHS)


def encoded(peer: Peer) -> Peer:
    """The preprocessing of the protocol: dummies, standard scores, repeated columns dropped."""

    def answer(train: pd.DataFrame, y: np.ndarray, test: pd.DataFrame) -> Answer:
        encoder = make_column_transformer(
            (OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False),
             make_column_selector(dtype_exclude="number")),
            (StandardScaler(), make_column_selector(dtype_include="number")),
            verbose_feature_names_out=False,
        ).set_output(transform="pandas")  # fmt: skip
        known = encoder.fit_transform(train)
        known = known.loc[:, ~known.T.duplicated()]
        return peer(known, y, encoder.transform(test)[known.columns])

    return answer


@encoded
def cox(train: pd.DataFrame, y: np.ndarray, test: pd.DataFrame) -> Answer:
    model = CoxPHSurvivalAnalysis(alpha=1e-2, n_iter=200).fit(train, y)
    curves = model.predict_survival_function(test)
    return model.predict(test), np.array([np.interp(MONTHS, own.x, own.y, left=1.0) for own in curves])


@encoded
def log_normal(train: pd.DataFrame, y: np.ndarray, test: pd.DataFrame) -> Answer:
    model = LogNormalAFTFitter(penalizer=0.01).fit(train.assign(T=y["t"], E=y["e"].astype(int)), "T", "E")
    stays = model.predict_survival_function(test, times=MONTHS).to_numpy().T
    return -stays.sum(axis=1), stays


@encoded
def person_months(train: pd.DataFrame, y: np.ndarray, test: pd.DataFrame) -> Answer:
    last = np.ceil(y["t"]).astype(int)
    row = np.repeat(np.arange(len(last)), last)
    month = np.concatenate([np.arange(1, end + 1) for end in last])
    spline = SplineTransformer(5, degree=3, knots="quantile", include_bias=False)
    spline.fit(np.log1p(month).reshape(-1, 1))

    def table(X: pd.DataFrame, rows: np.ndarray, months: np.ndarray) -> np.ndarray:
        return np.c_[X.to_numpy(np.float32)[rows], spline.transform(np.log1p(months).reshape(-1, 1))]

    left = y["e"][row] & (month == last[row])
    model = LogisticRegression(C=1.0, max_iter=300).fit(table(train, row, month), left)
    every = np.arange(len(test))
    hazard = [model.predict_proba(table(test, every, np.full(len(test), at)))[:, 1] for at in MONTHS]
    stays = np.cumprod(1 - np.column_stack(hazard), axis=1)
    return -stays.sum(axis=1), stays


def compared(peer: Peer, X: pd.DataFrame, left: np.ndarray, tenure: np.ndarray) -> Figures:
    brier, c, stays = [], [], np.zeros((len(X), len(MONTHS)))
    for train, test in data.folds(left):
        y = Surv.from_arrays(left[train] == 1, tenure[train], "e", "t")
        risk, stays[test] = peer(X.iloc[train], y, X.iloc[test])
        c.append(concordance_index_censored(left[test] == 1, tenure[test], risk)[0])
        known, asked = (_censored_at_seventy(left[rows], tenure[rows]) for rows in (train, test))
        brier.append(integrated_brier_score(known, asked, stays[test], MONTHS))
    return Figures(float(np.mean(brier)), float(np.mean(c)), stays)


def _censored_at_seventy(left: np.ndarray, tenure: np.ndarray) -> np.ndarray:
    return Surv.from_arrays((left == 1) & (tenure <= 70), np.minimum(tenure, 70.5), "e", "t")


def slope_at(month: int, stays: np.ndarray, left: np.ndarray, tenure: np.ndarray) -> float:
    """Calibration slope of leaving by a month, censored rows stood for by the inverse of their chance."""
    gone = (left == 1) & (tenure <= month)
    known = gone | (tenure >= month)
    observed = still_observed(left == 1, tenure, np.where(gone, tenure, month))
    chance = 1 - stays[:, month - 1]
    logit = sm.add_constant(np.log(chance / (1 - chance))[known])
    fit = sm.GLM(
        gone[known].astype(float), logit, family=sm.families.Binomial(), freq_weights=1 / observed[known]
    ).fit()
    return float(fit.params[1])


def rows() -> list[Row]:
    frame = data.telco_frame()
    left = (frame["Churn"] == "Yes").to_numpy(int)
    tenure = np.where(frame["tenure"] == 0, 0.5, frame["tenure"].astype(float))
    X = frame.drop(columns=["customerID", "Churn", "tenure", "TotalCharges"])
    X["SeniorCitizen"] = X["SeniorCitizen"].astype(str)
    peers = {"Cox (scikit-survival)": cox, "log-normal AFT (lifelines)": log_normal,
             "logistic on person-months (scikit-learn)": person_months}  # fmt: skip
    theirs = {name: compared(peer, X, left, tenure) for name, peer in peers.items()}
    ours = compared(heed, X, left, tenure)
    task = "telco survival"
    found = [
        Row(task, "integrated Brier, months 1 to 69", f"{ours.brier:.4f}", "<= .0805", ours.brier <= 0.0805,
            ", ".join(f"{name} {own.brier:.4f}" for name, own in theirs.items())),
        Row(task, "Harrell C", f"{ours.c:.4f}", ">= .866", ours.c >= 0.866,
            ", ".join(f"{name} {own.c:.4f}" for name, own in theirs.items())),
    ]  # fmt: skip
    for month in (12, 24):
        slope = slope_at(month, ours.stays, left, tenure)
        others = ", ".join(
            f"{name} {slope_at(month, own.stays, left, tenure):.2f}" for name, own in theirs.items()
        )
        verdict = 0.95 <= slope <= 1.05
        found.append(
            Row(task, f"calibration slope at {month} months", f"{slope:.3f}", ".95 to 1.05", verdict, others)
        )
    return found
