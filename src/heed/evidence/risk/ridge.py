"""Penalised logistic regression on cells of time, by Newton's method.

The log-odds of leaving in cell k of row i are clock[i,k]·a + Σ_m turns[i,k,m]·(x[i]·B[:,m]); the
log-likelihood is Σ event·eta - Σ share·log(1 + exp(eta)), less half the penalties times the squared
coefficients. It is the same as a binomial regression on person-periods (Allison 1982, Sociological
Methodology 13:61), without writing one row per period: rows that share a clock cost no more than one pass
over a rows × terms table.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heed.evidence.risk.baseline import Cells

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

CHUNK = 500
"""Rows taken at once: what they need stays in the processor's own memory."""
MOST_STEPS = 60
SMALL = 1e-9
STALE = 0.1
DOUBTED = 0.2
"""The least penalty of a term that is to be shown by those who left."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows with their cells, their columns and the cell in which each left (-1: not)."""

    cells: Cells
    X: Real
    event: Whole

    @property
    def turns(self) -> int:
        return int(self.cells.turns.shape[-1])

    @property
    def clock_terms(self) -> int:
        return int(self.cells.clock.shape[-1])

    @property
    def size(self) -> int:
        """How many coefficients: the clock's, then the columns' for each turn."""
        return int(self.clock_terms + self.X.shape[1] * self.turns)

    def take(self, rows: Whole | slice) -> "Problem":
        cells = self.cells
        alone = cells.clock.ndim == 3
        own = Cells(
            cells.share[rows],
            cells.clock[rows] if alone else cells.clock,
            cells.turns[rows] if alone else cells.turns,
            cells.contract,
        )
        return Problem(own, self.X[rows], self.event[rows])

    def chunks(self) -> list["Problem"]:
        rows = len(self.X)
        if rows <= CHUNK:
            return [self]
        return [self.take(slice(at, at + CHUNK)) for at in range(0, rows, CHUNK)]


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients, the log-likelihood and the information (minus its second derivative) there."""

    coefficients: Real
    likelihood: float
    information: Real
    penalty: Real

    @property
    def effective(self) -> float:
        """Effective parameters: trace of (information + penalty)⁻¹ information, but for the terms that are
        hardly penalised, because they are no findings: the constant and the terms of the renewal."""
        shrunk = np.linalg.solve(self.information + np.diag(self.penalty), self.information)
        return float(np.diag(shrunk)[self.penalty >= DOUBTED].sum())


def log_odds(problem: Problem, coefficients: Real) -> Real:
    """Of each cell, rows × cells."""
    clock, q = problem.cells.clock, problem.clock_terms
    eta: Real = clock @ coefficients[:q]
    if not problem.X.shape[1]:
        return np.broadcast_to(eta, problem.cells.share.shape)
    effects = problem.X @ coefficients[q:].reshape(problem.turns, -1).T
    return eta + bent(effects, problem.cells.turns)


def bent(effects: Real, turns: Real) -> Real:
    """Σ_m effects[i,m]·turns[(i,)k,m], rows × cells."""
    if turns.ndim == 2:
        return effects @ turns.T
    result: Real = np.einsum("im,ikm->ik", effects, turns)
    return result


def softplus(eta: Real) -> Real:
    """log(1 + exp(eta)): minus the logarithm of the chance to stay through a cell."""
    result: Real = np.logaddexp(0.0, eta)
    return result


def row_likelihoods(problem: Problem, coefficients: Real) -> Real:
    """The log-likelihood of each row."""
    parts = []
    for part in problem.chunks():
        eta = log_odds(part, coefficients)
        left = np.where(part.event >= 0, eta[np.arange(len(eta)), np.maximum(part.event, 0)], 0.0)
        parts.append(left - np.sum(part.cells.share * softplus(eta), axis=1))
    return np.concatenate(parts)


def fit_ridge(
    problem: Problem, penalty: Real, start: Real | Fit | None = None, tolerance: float = SMALL
) -> Fit:
    """Coefficients that maximise the penalised log-likelihood; `penalty` has one number per coefficient.

    The information is the dear part of a step: it is kept from one to the next (and from the fit to start
    from, of the same problem) while steps gain ever less, and made anew where they do not, at the end, and
    before a fit of the usual tolerance is taken for done.
    """
    chunks = problem.chunks()
    if isinstance(start, Fit):
        beta, information = start.coefficients, start.information
    else:
        beta = _as_often_as_they_left(problem) if start is None else start
        information = _information_at(chunks, beta)
    likelihood, slope = _likelihood(chunks, beta)
    best, before, fresh = likelihood - _cost(beta, penalty), np.inf, True
    for _ in range(MOST_STEPS):
        curved = information + np.diag(penalty)
        step = np.asarray(np.linalg.solve(curved, slope - penalty * beta), dtype=np.float64)
        taken = _climbed(chunks, beta, step, penalty, best)
        gain = -np.inf if taken is None else taken[1] - _cost(taken[0], penalty) - best
        if taken is not None:
            beta, likelihood, slope = taken
            best += gain
        little = gain <= tolerance * (1 + abs(best))
        if little and (fresh or (taken is not None and tolerance > SMALL)):
            break
        fresh = little or gain > STALE * before
        if fresh:
            information = _information_at(chunks, beta)
        before = gain
    return Fit(beta, likelihood, _information_at(chunks, beta), penalty)


def _as_often_as_they_left(problem: Problem) -> Real:
    """No effects, and the constant (the first term of the clock) that expects as many as left."""
    beta = np.zeros(problem.size)
    lived, left = float(problem.cells.share.sum()), int(np.sum(problem.event >= 0))
    if 0 < left < lived:
        beta[0] = np.log(left / (lived - left))
    return beta


def _climbed(
    chunks: list[Problem], beta: Real, step: Real, penalty: Real, best: float
) -> tuple[Real, float, Real] | None:
    """The coefficients after a step, halved until it gains, with likelihood and slope; None if none does."""
    for _ in range(30):
        likelihood, slope = _likelihood(chunks, beta + step)
        value = likelihood - _cost(beta + step, penalty)
        if np.isfinite(value) and value >= best - SMALL * (1 + abs(best)):
            return beta + step, likelihood, slope
        step = step / 2
    return None


def _cost(beta: Real, penalty: Real) -> float:
    return float(0.5 * np.sum(penalty * beta * beta))


def _likelihood(chunks: list[Problem], beta: Real) -> tuple[float, Real]:
    """The log-likelihood and its derivative."""
    likelihood, slope = 0.0, np.zeros(len(beta))
    for part in chunks:
        eta = log_odds(part, beta)
        away = np.exp(-np.abs(eta))
        left = np.flatnonzero(part.event >= 0)
        lost = np.maximum(eta, 0.0) + np.log1p(away)
        likelihood += float(eta[left, part.event[left]].sum() - np.vdot(part.cells.share, lost))
        residual = -part.cells.share * _chance(eta, away)
        residual[left, part.event[left]] += 1
        slope += _slope(part, residual)
    return likelihood, slope


def _chance(eta: Real, away: Real) -> Real:
    """1 / (1 + exp(-eta)), where `away` is exp(-|eta|)."""
    result: Real = np.where(eta >= 0, 1.0, away) / (1 + away)
    return result


def _slope(part: Problem, residual: Real) -> Real:
    clock = part.cells.clock
    own = clock.T @ residual.sum(axis=0) if clock.ndim == 2 else residual.reshape(-1) @ _flat(clock)
    if not part.X.shape[1]:
        return np.asarray(own)
    through = _along(residual, part.cells.turns)
    return np.concatenate([own, (through.T @ part.X).reshape(-1)])


def _flat(terms: Real) -> Real:
    return terms.reshape(-1, terms.shape[-1])


def _information_at(chunks: list[Problem], beta: Real) -> Real:
    """Minus the second derivative of the log-likelihood."""
    information = np.zeros((len(beta), len(beta)))
    for part in chunks:
        eta = log_odds(part, beta)
        away = np.exp(-np.abs(eta))
        information += _information(part, part.cells.share * away / (1 + away) ** 2)
    return information


def _scores(part: Problem, expected: Real) -> Real:
    """Each row's derivative of its log-likelihood, rows × coefficients."""
    residual = -expected
    left = np.flatnonzero(part.event >= 0)
    residual[left, part.event[left]] += 1
    through = _along(residual, part.cells.turns)
    columns = [part.X * through[:, turn, None] for turn in range(part.turns)] if part.X.shape[1] else []
    return np.column_stack([_along(residual, part.cells.clock), *columns])


def scores(problem: Problem, coefficients: Real) -> Real:
    """Each row's derivative of its log-likelihood at the coefficients."""
    parts = []
    for part in problem.chunks():
        eta = log_odds(part, coefficients)
        parts.append(_scores(part, part.cells.share / (1 + np.exp(-eta))))
    return np.concatenate(parts)


def _along(weights: Real, terms: Real) -> Real:
    """Σ_k weights[i,k]·terms[(i,)k,m], rows × terms."""
    found: Real = weights @ terms if terms.ndim == 2 else np.matmul(weights[:, None, :], terms)[:, 0, :]
    return found


def _information(part: Problem, weights: Real) -> Real:
    q, p, turns = part.clock_terms, part.X.shape[1], part.cells.turns
    found = np.zeros((part.size, part.size))
    found[:q, :q] = _clock_information(part.cells.clock, weights)
    if not p:
        return found
    for first in range(part.turns):
        rows = slice(q + first * p, q + (first + 1) * p)
        weighted = weights * turns[..., first]
        cross = part.X.T @ _along(weighted, part.cells.clock)
        found[rows, :q], found[:q, rows] = cross, cross.T
        through = _along(weighted, turns)
        for second in range(first, part.turns):
            columns = slice(q + second * p, q + (second + 1) * p)
            block = (
                _gram(part.X, through[:, second])
                if first == second
                else part.X.T @ (part.X * through[:, second, None])
            )
            found[rows, columns], found[columns, rows] = block, block.T
    return found


def _clock_information(clock: Real, weights: Real) -> Real:
    own = weights.sum(axis=0) if clock.ndim == 2 else weights.reshape(-1)
    return _gram(_flat(clock), own)


def _gram(terms: Real, weights: Real) -> Real:
    """Σ_i weights[i]·terms[i]·terms[i]': a product with itself, of which half need not be worked out."""
    own = terms * np.sqrt(weights)[:, None]
    found: Real = own.T @ own
    return found
