"""The public data sets, their labels and their folds, as the protocols of the peers fix them.

They lie in the folder `HEED_DATA`, by default `../shared/data` beside the project.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

HERE = Path(__file__).parent
DATA = Path(os.environ.get("HEED_DATA", HERE.parents[1] / ".." / "shared" / "data"))
SEED = 20261122


class Table(NamedTuple):
    """Features, and the label: 1 left, 0 stayed."""

    X: pd.DataFrame
    y: np.ndarray


def folds(y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Five stratified, shuffled folds of the rows in file order."""
    return list(StratifiedKFold(5, shuffle=True, random_state=SEED).split(np.zeros(len(y)), y))


def telco_frame() -> pd.DataFrame:
    frame = pd.read_csv(DATA / "telco-churn-ibm" / "telco_churn.csv")
    frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce").fillna(0.0)
    return frame


def telco() -> Table:
    frame = telco_frame()
    return Table(frame.drop(columns=["customerID", "Churn"]), (frame["Churn"] == "Yes").to_numpy(int))


def mlc() -> Table:
    frame = pd.read_csv(DATA / "telecom-churn-mlc" / "mlc_churn.csv.gz")
    return Table(frame.drop(columns=["churn"]), (frame["churn"] == "yes").to_numpy(int))


def bank() -> Table:
    frame = pd.read_csv(DATA / "bank-card-churn" / "bank_churners.csv.gz")
    left = frame["Attrition_Flag"].str.startswith("Attrited").to_numpy(int)
    return Table(frame.drop(columns=["Attrition_Flag"]), left)


def hr() -> Table:
    frame = pd.read_csv(DATA / "hr-attrition-ibm" / "emp_attrition.csv.gz", encoding="utf-8-sig")
    constant = ["EmployeeNumber", "EmployeeCount", "Over18", "StandardHours"]
    return Table(frame.drop(columns=["Attrition", *constant]), (frame["Attrition"] == "Yes").to_numpy(int))


def cdnow() -> pd.DataFrame:
    """Purchases of the tenth of CDNOW's customers: master id, customer, date, discs, dollars."""
    return pd.read_csv(
        DATA / "cdnow" / "CDNOW_sample.txt.gz",
        sep=r"\s+", header=None, names=["mid", "customer", "date", "n", "usd"],
        dtype={"mid": str, "customer": str}, parse_dates=["date"], date_format="%Y%m%d",
    )  # fmt: skip


def hillstrom() -> pd.DataFrame:
    return pd.read_parquet(DATA / "hillstrom-email" / "hillstrom.parquet")
