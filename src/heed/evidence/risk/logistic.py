"""Ridge logistic regression by Newton's method, along a path of penalties.

Maximises Σ y·eta - log(1 + exp(eta)) less penalty/2 · Σ coefficient², the intercept free (le Cessie and van
Houwelingen 1992, Applied Statistics 41:191); scikit-learn's `LogisticRegression(C=1/penalty)` is the same.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

Real = npt.NDArray[np.float64]

MOST_STEPS = 100
LONGEST_STEP = 4.0
CLOSE = 1e-8
PENALTIES = np.geomspace(5.0, 5e-5, 14)
"""Penalties per row that are tried, strongest first."""


@dataclass(frozen=True, slots=True)
class Fit:
    """`beta`: intercept, then one coefficient per term; `information`: minus the second derivative there."""

    beta: Real
    information: Real

    def log_odds(self, design: Real) -> Real:
        result: Real = self.beta[0] + design @ self.beta[1:]
        return result


def fit_ridge(design: Real, y: Real, penalty: float, start: Real | None = None) -> Fit:
    """Coefficients for a design of rows × terms, labels 0 and 1, and a penalty of 0 or more."""
    terms = with_intercept(design)
    penalties = penalty_of(terms.shape[1], penalty)
    beta = np.zeros(terms.shape[1]) if start is None else start
    for _ in range(MOST_STEPS):
        slope, information = _derivatives(terms, y, beta)
        step = cho_solve(cho_factor(information + np.diag(penalties)), slope - penalties * beta)
        longest = float(np.abs(step).max())
        beta = beta + step * min(1.0, LONGEST_STEP / max(longest, CLOSE))
        if longest < CLOSE:
            break
    return Fit(beta, _derivatives(terms, y, beta)[1])


def _derivatives(terms: Real, y: Real, beta: Real) -> tuple[Real, Real]:
    chance = expit(terms @ beta)
    return terms.T @ (y - chance), _information(terms, chance)


def _information(terms: Real, chance: Real) -> Real:
    result: Real = (terms.T * np.maximum(chance * (1 - chance), 1e-12)) @ terms
    return result


def information_of(design: Real, chance: Real) -> Real:
    """Minus the second derivative of the log-likelihood where the chances to leave are these."""
    return _information(with_intercept(design), chance)


def with_intercept(design: Real) -> Real:
    return np.column_stack([np.ones(len(design)), design])


def penalty_of(size: int, penalty: float) -> Real:
    """The penalty of each coefficient; the intercept has next to none."""
    penalties = np.full(size, max(penalty, CLOSE))
    penalties[0] = CLOSE
    return penalties


def fit_path(design: Real, y: Real, penalties: Real) -> list[Fit]:
    """A fit for each penalty, each starting from the one before."""
    found: list[Fit] = []
    for penalty in penalties:
        found.append(fit_ridge(design, y, float(penalty), found[-1].beta if found else None))
    return found


def log_evidence(fit: Fit, design: Real, y: Real, penalty: float) -> float:
    """Log marginal likelihood of a penalty, by Laplace (MacKay 1992, Neural Computation 4:415)."""
    eta = fit.log_odds(design)
    size = len(fit.beta) - 1
    likelihood = float(np.sum(y * eta - np.logaddexp(0.0, eta)))
    prior = 0.5 * size * np.log(penalty) - 0.5 * penalty * float(fit.beta[1:] @ fit.beta[1:])
    shape = np.linalg.slogdet(fit.information + np.diag(penalty_of(size + 1, penalty)))[1]
    return float(likelihood + prior - 0.5 * shape)


def posterior_spread(information: Real, penalty: float, design: Real) -> Real:
    """Standard deviation of each row's log-odds by Laplace's approximation to the posterior."""
    terms = with_intercept(design)
    covariance = np.linalg.inv(information + np.diag(penalty_of(len(information), penalty)))
    variance = np.einsum("ij,jk,ik->i", terms, covariance, terms, optimize=True)
    result: Real = np.sqrt(np.maximum(variance, 0.0))
    return result
