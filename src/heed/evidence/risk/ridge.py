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

CHUNK = 20_000
MOST_STEPS = 60
SMALL = 1e-9


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
        """Effective parameters: trace of (information + penalty)⁻¹ information."""
        return float(np.trace(np.linalg.solve(self.information + np.diag(self.penalty), self.information)))


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


def fit_ridge(problem: Problem, penalty: Real, start: Real | None = None, tolerance: float = SMALL) -> Fit:
    """Coefficients that maximise the penalised log-likelihood; `penalty` has one number per coefficient."""
    beta = np.zeros(problem.size) if start is None else start
    chunks = problem.chunks()
    likelihood, slope, information = _derivatives(chunks, beta)
    best = likelihood - _cost(beta, penalty)
    for _ in range(MOST_STEPS):
        step = np.linalg.solve(information + np.diag(penalty), slope - penalty * beta)
        gained = False
        for _ in range(30):
            found = _derivatives(chunks, beta + step)
            value = found[0] - _cost(beta + step, penalty)
            if np.isfinite(value) and value >= best - SMALL * (1 + abs(best)):
                gained = True
                break
            step = step / 2
        if not gained:
            break
        beta = beta + step
        (likelihood, slope, information), before, best = found, best, value
        if abs(best - before) <= tolerance * (1 + abs(best)):
            break
    return Fit(beta, likelihood, information, penalty)


def _cost(beta: Real, penalty: Real) -> float:
    return float(0.5 * np.sum(penalty * beta * beta))


def _derivatives(chunks: list[Problem], beta: Real) -> tuple[float, Real, Real]:
    likelihood, slope, information = 0.0, np.zeros(len(beta)), np.zeros((len(beta), len(beta)))
    for part in chunks:
        eta = log_odds(part, beta)
        chance = 1 / (1 + np.exp(-eta))
        expected = part.cells.share * chance
        scores = _scores(part, expected)
        left = part.event >= 0
        likelihood += float(eta[left, part.event[left]].sum() - np.sum(part.cells.share * softplus(eta)))
        slope += scores.sum(axis=0)
        information += _information(part, expected * (1 - chance))
    return likelihood, slope, information


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
            block = part.X.T @ (part.X * through[:, second, None])
            found[rows, columns], found[columns, rows] = block, block.T
    return found


def _clock_information(clock: Real, weights: Real) -> Real:
    shared = clock.ndim == 2
    flat = clock.reshape(-1, clock.shape[-1])
    own = weights.sum(axis=0) if shared else weights.reshape(-1)
    found: Real = flat.T @ (flat * own[:, None])
    return found
