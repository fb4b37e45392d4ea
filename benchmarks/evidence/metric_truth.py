"""Companies whose metrics have a known truth: null, real of a known strength, or a copy of the outcome.

Light on purpose: leaving comes first, metrics are drawn around it, so that the AUC of each real metric is
known exactly (two normals √2·Φ⁻¹(AUC) apart).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from scipy.special import ndtri

HORIZON = 90
STRENGTHS = (0.55, 0.6, 0.65, 0.7, 0.8)
COPY = "copy"
NULLS = ("bell", "count", "flag", "answer", "habit", "bent")


@dataclass(frozen=True)
class Company:
    """Rows (account × landmark), the metrics of each, and what is true of each metric: its AUC."""

    metrics: pd.DataFrame
    y: np.ndarray
    accounts: np.ndarray
    landmarks: np.ndarray
    truth: dict[str, float]


def company(accounts: int, seed: int, *, landmarks: int = 1, share: float = 0.2) -> Company:
    """`share` of the accounts leave. With several landmarks (30 days apart) an account has a row at each
    until it left, and each metric holds on from landmark to landmark as real ones do."""
    random = np.random.default_rng([seed, accounts, landmarks])
    leaves = random.random(accounts) < share
    last = np.where(leaves, random.integers(1, landmarks + 1, accounts), landmarks)
    number = np.repeat(np.arange(accounts), last)
    place = np.concatenate([np.arange(length) for length in last])
    y = (leaves[number] & (last[number] - place <= HORIZON // 30)).astype(float)
    table, truth = {}, {}
    for name in NULLS:
        table[name] = _null(name, _lasting(random, accounts, landmarks)[number, place], random)
        truth[name] = 0.5
    for auc in STRENGTHS:
        base = _lasting(random, accounts, landmarks)[number, place]
        table[f"real {auc}"] = base + y * sqrt(2) * ndtri(auc)
        truth[f"real {auc}"] = auc
    table[COPY] = y + 0.1 * random.normal(size=len(y))
    truth[COPY] = 1.0
    return Company(pd.DataFrame(table), y, number, place * 30, truth)


def _lasting(random: np.random.Generator, accounts: int, landmarks: int) -> np.ndarray:
    """Normal values (accounts × landmarks), four fifths of whose variance is the account's own."""
    own = random.normal(size=(accounts, 1))
    return sqrt(0.8) * own + sqrt(0.2) * random.normal(size=(accounts, landmarks))


def _null(name: str, base: np.ndarray, random: np.random.Generator) -> np.ndarray:
    if name == "count":
        return np.floor(np.exp(1.5 * base))
    if name == "flag":
        return (base > 1).astype(float)
    if name == "answer":
        silent = random.random(len(base)) < 0.6
        return np.where(silent, np.nan, np.clip(np.round(7 + 2 * base), 0, 10))
    if name == "habit":
        return base**3
    return base**2 if name == "bent" else base
