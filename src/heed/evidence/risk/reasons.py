# ruff: noqa: N803 (X is what scikit-learn calls the table)
"""Why a row's risk is what it is: what each original column adds to its log-odds, exactly.

The log-odds of leaving within a horizon are a smooth function of the log-odds of its cells. Each column's
share is its average slope on the straight way from the average account to this one (Aumann and Shapley
1974; integrated gradients, Sundararajan et al. 2017), by Gauss-Legendre quadrature. What quadrature leaves,
some 1e-9, is spread over the columns in proportion, so that base and contributions add up to the log-odds.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.risk.baseline import Contract
from heed.evidence.risk.learnt import Asked, Learnt, summed, weighted
from heed.evidence.risk.ridge import softplus

Real = npt.NDArray[np.float64]

CONTRACT_CLOCK: Final = "contract clock"
POINTS = 12


@dataclass(frozen=True, slots=True)
class Reasons:
    """`base` (log-odds of an average account) plus the row's `table` (rows × columns) is its `log_odds`.

    The column "contract clock" is what the row's own renewal and tenure, and the time it has stayed, add
    to an average account without a renewal in sight; it is there where the model has them.
    """

    base: float
    table: pd.DataFrame
    log_odds: Real


def contributions(learnt: Learnt, X: pd.DataFrame, start: Real, horizon: float) -> Reasons:
    """Of each row of X for the `horizon` after `start` (one time a row)."""
    names = learnt.encoding.names
    table = np.zeros((len(X), len(names)))
    clock, log_odds = np.zeros(len(X)), np.zeros(len(X))
    for rows, asked in learnt.parts(X, start, start + horizon):
        eta = asked.clock()
        clock[rows] = _log_odds(asked, eta)
        log_odds[rows] = _log_odds(asked, eta + asked.shifts())
        table[rows] = _shared_out(asked, eta, log_odds[rows] - clock[rows])
    base = _log_odds_of_base(learnt, horizon)
    found = pd.DataFrame(table, columns=names, index=X.index)
    if learnt.clock_columns.named or start.any():
        found[CONTRACT_CLOCK] = clock - base
    return Reasons(base, found, log_odds)


def _log_odds_of_base(learnt: Learnt, horizon: float) -> float:
    """Of an account that is average in all, without a renewal in sight, from now on."""
    cells = learnt.timeline.cells(Contract(1), np.zeros(1), np.full(1, horizon))
    time = cells.clock[:, 1]
    plain = weighted(cells.clock, learnt.clock_coefficients[: cells.clock.shape[1]])
    eta = learnt.mend.levels(time) + learnt.mend.slopes(time) * plain
    losses = summed(cells.share * softplus(eta))
    return float(np.log(np.expm1(np.maximum(losses, 1e-300)))[0])


def _log_odds(asked: Asked, eta: Real) -> Real:
    losses = summed(asked.cells.share * softplus(eta))
    result: Real = np.log(np.expm1(np.maximum(losses, 1e-300)))
    return result


def _shared_out(asked: Asked, clock: Real, total: Real) -> Real:
    """Rows × original columns; each row sums to `total`."""
    owners = asked.learnt.encoding.owners
    count = len(asked.learnt.encoding.columns)
    shift = asked.shifts()
    slopes = _average_slopes(asked, clock, shift)
    parts = np.zeros((len(total), count))
    for turn, effects in zip(asked.turns(), asked.learnt.effects, strict=True):
        through = summed(slopes * turn)
        for column in range(count):
            own = owners == column
            parts[:, column] += weighted(asked.X[:, own], effects[own]) * through
    missing = total - parts.sum(axis=1)
    size = np.abs(parts)
    weight = size.sum(axis=1)
    share = np.divide(size, weight[:, None], out=np.zeros_like(size), where=weight[:, None] > 0)
    exact: Real = parts + share * missing[:, None]
    return exact


def _average_slopes(asked: Asked, clock: Real, shift: Real) -> Real:
    """Average derivative of the log-odds by each cell's, on the way from the clock to the row."""
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    total = np.zeros_like(shift)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        eta = clock + point * shift
        losses = summed(asked.cells.share * softplus(eta))
        chance = -np.expm1(-np.maximum(losses, 1e-300))
        total += weight * asked.cells.share / (1 + np.exp(-eta)) / chance[:, None]
    return total
