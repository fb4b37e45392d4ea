"""How long a fit of 10,000 accounts × 24 landmarks × 20 metrics takes, and the daily scoring of 100,000."""

import resource
import time

import numpy as np
import pandas as pd
from benchmarks.evidence.table import Row

from heed.evidence.risk import HazardModel, outcome

LANDMARKS = 24
METRICS = 20
SEED = 20261122


def panel(accounts: int, landmarks: int = LANDMARKS) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Monthly landmarks of yearly contracts; a third of the metrics matter, one in ten renewals is lost."""
    random = np.random.default_rng(SEED)
    trait = random.normal(size=(accounts, METRICS))
    effects = np.where(np.arange(METRICS) % 3 == 0, 0.35, 0.0)
    start = random.integers(0, 365, accounts)
    lost = random.random((accounts, 12)) < 1 / (1 + np.exp(2.6 - trait @ effects))[:, None]
    left = np.where(lost.any(axis=1), lost.argmax(axis=1) + 1, 99) * 365 + start - 365
    rows = np.repeat(np.arange(accounts), landmarks)
    day = np.tile(np.arange(landmarks) * 30, accounts)
    stands = day < left[rows]
    rows, day = rows[stands], day[stands]
    ahead = left[rows] - day
    features = pd.DataFrame(
        trait[rows] + random.normal(0, 0.5, (len(rows), METRICS)),
        columns=[f"metric {number}" for number in range(METRICS)],
    )
    features["days_to_renewal"] = (start[rows] - day) % 365
    features["term_days"] = 365
    features["tenure_days"] = day + 400
    until = np.minimum(90, LANDMARKS * 30 + 90 - day)
    return features, outcome(ahead <= until, np.maximum(np.minimum(ahead, until), 1)), rows


def rows() -> list[Row]:
    X, y, accounts = panel(10_000)  # noqa: N806
    started = time.perf_counter()
    model = HazardModel(renewal="days_to_renewal", term="term_days", tenure="tenure_days")
    model.fit(X, y, groups=accounts)
    model.predict_proba(X, 90)
    fitted = time.perf_counter() - started
    daily, _, _ = panel(100_000, landmarks=1)
    started = time.perf_counter()
    model.estimate(daily, 90)
    model.contributions(daily, 90)
    scored = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
    what = f"{len(X):,} rows, {model.events_:,} accounts left; {model.chosen_}"
    return [
        Row("speed", "fit and score", f"{fitted:.0f} s", "<= 60 s", fitted <= 60, note=what),
        Row("speed", "daily scoring, with intervals and reasons", f"{scored:.1f} s", "<= 10 s", scored <= 10),
        Row("speed", "peak memory of the process", f"{peak:.1f} GB", "<= 4 GB", peak <= 4),
    ]
