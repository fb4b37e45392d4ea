"""What a metric adds to the clock: log loss of forecasts with it less than without it, forward in time.

Two ridge logistic regressions are fitted on the past, one on the clock alone and one on the clock, the
metric's normal rank and whether it is missing; both forecast what comes next. Between the past and the dates
forecast lies an embargo as long as the horizon, so that no outcome of the past is one of the future too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, ndtri

from heed.evidence.cards.judging import HOW, surprise
from heed.evidence.cards.resampling import Real, Resamples, Whole
from heed.evidence.cards.rows import LEAST_LEFT, Rows, codes
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL

Chosen = npt.NDArray[np.bool_]

FOLDS = 5
RIDGE = 1.0
_STEPS = 30


@dataclass(frozen=True, slots=True)
class Folds:
    """Which fold (0 to 4) each row is in: stretches of time where there are dates, else groups of
    accounts."""

    number: Whole
    days: Real | None
    horizon: float

    @classmethod
    def of(cls, rows: Rows, horizon: float, seed: int) -> "Folds":
        if len(rows.dates) >= FOLDS:
            return cls(_stretches(rows), _days(rows), horizon)
        groups = np.random.default_rng(seed).permutation(int(rows.clusters.max()) + 1) % FOLDS
        return cls(groups[rows.clusters].astype(np.int64), None, horizon)

    @property
    def forward(self) -> bool:
        return self.days is not None

    def splits(self) -> Iterator[tuple[Chosen, Chosen]]:
        """Pairs of rows to learn from and rows to forecast."""
        for fold in range(1 if self.forward else 0, FOLDS):
            test = self.number == fold
            if self.days is None:
                yield ~test, test
            elif test.any():
                yield self.days + self.horizon <= self.days[test].min(), test


def _stretches(rows: Rows) -> Whole:
    """Consecutive dates with about equally many that left in each stretch."""
    left = np.bincount(rows.landmarks, rows.y, len(rows.dates)) + 1e-6
    reached = (np.cumsum(left) - left / 2) / left.sum()
    number: Whole = np.minimum((reached * FOLDS).astype(np.int64), FOLDS - 1)
    return number[rows.landmarks]


def _days(rows: Rows) -> Real:
    dates = rows.dates
    if pd.api.types.is_numeric_dtype(dates):
        scale = np.asarray(dates, dtype=float)
    else:
        since = pd.to_datetime(dates, utc=True) - pd.Timestamp(0, tz="UTC")
        scale = np.asarray(since / pd.Timedelta(days=1), dtype=float)
    return np.asarray(scale[rows.landmarks])


def gain_over_clock(
    rows: Rows, clock: Real | None, folds: Folds, seed: int, level: float = LEVEL
) -> Estimate:
    """Nats a row that the metric saves; above 0 it adds to the clock. `clock`: (rows, features) or None."""
    how = "forward in time" if folds.forward else "on accounts held out"
    method = (
        f"gain in log loss over {'the clock' if clock is not None else 'the share that left'}, {how}, {HOW}"
    )
    base = np.empty((rows.n, 0)) if clock is None else _filled(clock)
    rest, judged = np.full(rows.n, np.nan), False
    for past, next_rows in folds.splits():
        if rows.y[past].sum() < LEAST_LEFT or (1 - rows.y[past]).sum() < LEAST_LEFT:
            continue
        judged = True
        rest[next_rows] = _saved(rows, base, past, next_rows)
    if not judged:
        return Estimate.unknown(
            "too little past to learn from before the dates to forecast", n=rows.n, method=method
        )
    known = ~np.isnan(rest)
    drawn = Resamples(codes(rows.clusters[known]), seed).mean(rest[known])
    return drawn.estimate(n=int(known.sum()), method=method, level=level)


def _filled(clock: Real) -> Real:
    """Missing features of the clock at the mean of the known; 0 where none is."""
    known = np.isfinite(clock)
    mean = np.where(known, clock, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, clock, mean)


def _saved(rows: Rows, base: Real, past: Chosen, test: Chosen) -> Real:
    metric = _metric_features(rows.values, rows.values[past])
    without = _forecast(base, rows.y, past, test)
    with_it = _forecast(np.column_stack([base, metric]), rows.y, past, test)
    return surprise(rows.y[test], without) - surprise(rows.y[test], with_it)


def _metric_features(values: Real, past: Real) -> Real:
    """The normal score of the value's rank among past values (0 if missing), and whether it is missing."""
    known = np.sort(past[~np.isnan(past)])
    below = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
    rank = (below / 2 + 0.5) / (known.size + 1)
    missing = np.isnan(values)
    return np.column_stack([np.where(missing, 0.0, ndtri(rank)), missing])


def _forecast(features: Real, y: Real, past: Chosen, test: Chosen) -> Real:
    middle, spread = features[past].mean(axis=0), features[past].std(axis=0)
    scaled = np.column_stack([np.ones(len(y)), (features - middle) / np.where(spread > 0, spread, 1.0)])
    scaled[:, 1:][:, spread == 0] = 0.0
    return np.asarray(expit(scaled[test] @ ridge_logistic(scaled[past], y[past])))


def ridge_logistic(features: Real, y: Real, ridge: float = RIDGE) -> Real:
    """Coefficients that minimise log loss + ridge/2·Σ b² (the first, the constant, is free), by Newton."""
    penalty = np.full(features.shape[1], ridge)
    penalty[0] = 1e-9
    found = np.zeros(features.shape[1])
    for _ in range(_STEPS):
        fitted = expit(features @ found)
        slope = features.T @ (y - fitted) - penalty * found
        curve = (features * (fitted * (1 - fitted))[:, None]).T @ features + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    return found
