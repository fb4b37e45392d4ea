"""Telco with 200 accounts: ten draws from the training rows of the first fold, judged on its test rows.

Intervals are judged where the truth is known: a peer fitted on all of telco states the chances, labels are
drawn from them for 200 accounts, and each test account's interval should hold its chance.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.evidence import data
from benchmarks.evidence.peers import chances, forest, judge, lightgbm, logistic
from benchmarks.evidence.table import Row

from heed.evidence import RenewalClassifier

ACCOUNTS = 200
DRAWS = 10
PEERS = {
    "logistic": logistic,
    "logistic C=.05": lambda: logistic(0.05),
    "random forest": forest,
    "LightGBM": lightgbm,
}
TRUTHS = {"LightGBM": lightgbm, "logistic": logistic}


def rows() -> Iterator[Row]:
    table = data.telco()
    train, test = data.folds(table.y)[0]
    makers = PEERS | {"Heed": RenewalClassifier}
    found = {name: _judged(make, table, train, test) for name, make in makers.items()}
    task = f"telco, {ACCOUNTS} accounts"
    for figure, target, met in (
        ("AUC", "≥ .835", lambda value: value >= 0.835),
        ("Brier", "≤ .141", lambda value: value <= 0.141),
        ("slope", ".9 to 1.15", lambda value: 0.9 <= value <= 1.15),
    ):
        shown = {name: _shown(own[figure]) for name, own in found.items()}
        peers = ", ".join(f"{name} {shown[name]}" for name in PEERS)
        yield Row(task, figure, shown["Heed"], target, met(found["Heed"][figure].mean()), peers)
    for truth, make in TRUTHS.items():
        known = chances(make().fit(table.X, table.y), table.X)
        cover = [_covered(table.X, known, train, test, draw) for draw in range(DRAWS)]
        yield Row(
            task, f"90 % intervals cover, truth by {truth}", f"{np.mean(cover):.1%}", "85 to 95 %",
            0.85 <= np.mean(cover) <= 0.95, note=f"by draw {min(cover):.1%} to {max(cover):.1%}",
        )  # fmt: skip


def _judged(make: Any, table: data.Table, train: np.ndarray, test: np.ndarray) -> pd.DataFrame:
    random = np.random.default_rng(ACCOUNTS)
    found = []
    for _ in range(DRAWS):
        drawn = random.choice(train, ACCOUNTS, replace=False)
        fitted = make().fit(table.X.iloc[drawn], table.y[drawn])
        found.append(judge(table.y[test], chances(fitted, table.X.iloc[test])))
    return pd.DataFrame(found)


def _shown(values: pd.Series) -> str:
    return f"{values.mean():.4f} ({values.min():.3f} to {values.max():.3f})"


def _covered(
    X: pd.DataFrame,  # noqa: N803
    known: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    draw: int,
) -> float:
    """The share of test accounts whose interval holds the known chance."""
    random = np.random.default_rng(1_000 + draw)
    drawn = random.choice(train, ACCOUNTS, replace=False)
    labels = random.binomial(1, known[drawn])
    estimates = RenewalClassifier().fit(X.iloc[drawn], labels).estimate(X.iloc[test])
    return float(
        np.mean([own.low <= chance <= own.high for own, chance in zip(estimates, known[test], strict=True)])
    )
