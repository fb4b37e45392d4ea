"""Three stories of repeat purchases, their likelihoods and what they expect.

While a customer is alive, purchases come at random at a rate of its own; rates are gamma distributed over
customers. The stories differ in how customers stop for good:

- "bg/nbd": after each purchase with a probability of its own (beta distributed). Fader, Hardie and Lee
  (2005), "Counting your customers" the easy way.
- "pareto/nbd": at any time, at a hazard of its own (gamma distributed): survival (1 + t/β)⁻ˢ. Schmittlein,
  Morrison and Colombo (1987).
- "burr/nbd": as pareto/nbd, but the hazard may rise or fall with age: survival (1 + (t/β)ᶜ)⁻ˢ, Burr's type
  XII distribution; c = 1 is pareto/nbd. Its integrals are summed by Gauss and Legendre.

Of each customer three numbers are enough: repeat purchases x, time of the last one tₓ, time observed T, all
from the first purchase on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import betaln, gammaln, hyp2f1

from heed.evidence.money.frames import Real

NODES, WEIGHTS = (np.asarray(part) / 2 for part in np.polynomial.legendre.leggauss(60))
NODES = NODES + 0.5
AHEAD_NODES, AHEAD_WEIGHTS = (np.asarray(part) / 2 for part in np.polynomial.legendre.leggauss(40))
AHEAD_NODES = AHEAD_NODES + 0.5


class Buyers(NamedTuple):
    """By customer: repeat purchases, time of the last, time observed."""

    x: Real
    last: Real
    until: Real


@dataclass(frozen=True, slots=True)
class Story:
    """A model of repeat purchases; its parameters are positive, `start` is where the search begins."""

    names: tuple[str, ...]
    start: tuple[float, ...]
    log_likelihood: Callable[[Real, Buyers], Real]
    alive: Callable[[Real, Buyers], Real]
    expected: Callable[[Real, Buyers, float], Real]


def _gamma_part(r: float, alpha: float, x: Real) -> Real:
    return np.asarray(gammaln(r + x) - gammaln(r) + r * np.log(alpha))


def _bg_parts(p: Real, buyers: Buyers) -> tuple[Real, Real]:
    """Log-likelihood of being alive still, and of having stopped after the last purchase."""
    r, alpha, a, b = p
    x, last, until = buyers
    stay = _gamma_part(r, alpha, x) + betaln(a, b + x) - betaln(a, b)
    alive = stay - (r + x) * np.log(alpha + until)
    stay = _gamma_part(r, alpha, x) + betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b)
    return alive, np.where(x > 0, stay - (r + x) * np.log(alpha + last), -np.inf)


def _bg_log_likelihood(p: Real, buyers: Buyers) -> Real:
    return np.asarray(np.logaddexp(*_bg_parts(p, buyers)))


def _bg_alive(p: Real, buyers: Buyers) -> Real:
    alive, gone = _bg_parts(p, buyers)
    return np.asarray(1 / (1 + np.exp(gone - alive)))


def _bg_expected(p: Real, buyers: Buyers, ahead: float) -> Real:
    r, alpha, a, b = p
    a = a + 1e-7 if abs(a - 1) < 1e-7 else a
    x, _, until = buyers
    shrunk = ((alpha + until) / (alpha + until + ahead)) ** (r + x)
    series = hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + until + ahead))
    return np.asarray((a + b + x - 1) / (a - 1) * (1 - shrunk * series) * _bg_alive(p, buyers))


def _log_survival(t: Real, beta: float, s: float, c: float) -> Real:
    return np.asarray(-s * np.logaddexp(0.0, c * np.log(np.maximum(t, 1e-12) / beta)))


def _burr_parts(p: Real, buyers: Buyers) -> tuple[Real, Real]:
    """Log-likelihood of being alive still, and of having stopped between the last purchase and now."""
    r, alpha, s, beta, c = p
    x, last, until = buyers
    own = _gamma_part(r, alpha, x)
    alive = own - (r + x) * np.log(alpha + until) + _log_survival(until, beta, s, c)
    silent = np.maximum(until - last, 0.0)[:, None]
    # Nodes lie closer at the last purchase: a falling hazard is steep there.
    t = np.maximum(last[:, None] + silent * NODES**3, 1e-12)
    density = np.log(c * s / beta) + (c - 1) * np.log(t / beta) + _log_survival(t, beta, s + 1, c)
    each = density - (r + x)[:, None] * np.log(alpha + t)
    most = each.max(axis=1)
    summed = (np.exp(each - most[:, None]) * 3 * NODES**2 * WEIGHTS).sum(axis=1) * silent[:, 0]
    with np.errstate(divide="ignore"):
        return alive, own + most + np.log(summed)


def _burr_log_likelihood(p: Real, buyers: Buyers) -> Real:
    return np.asarray(np.logaddexp(*_burr_parts(p, buyers)))


def _burr_alive(p: Real, buyers: Buyers) -> Real:
    alive, gone = _burr_parts(p, buyers)
    return np.asarray(1 / (1 + np.exp(gone - alive)))


def _burr_expected(p: Real, buyers: Buyers, ahead: float) -> Real:
    r, alpha, s, beta, c = p
    x, _, until = buyers
    now = _log_survival(until, beta, s, c)[:, None]
    staying = np.exp(_log_survival(until[:, None] + ahead * AHEAD_NODES, beta, s, c) - now)
    time_alive = ahead * (staying * AHEAD_WEIGHTS).sum(axis=1)
    return np.asarray((r + x) / (alpha + until) * time_alive * _burr_alive(p, buyers))


def _pareto(of_burr: Callable[..., Real]) -> Callable[..., Real]:
    return lambda p, *rest: of_burr(np.append(p, 1.0), *rest)


STORIES = {
    "bg/nbd": Story(
        ("r", "alpha", "a", "b"), (0.5, 5.0, 0.8, 2.0), _bg_log_likelihood, _bg_alive, _bg_expected
    ),
    "pareto/nbd": Story(
        ("r", "alpha", "s", "beta"), (0.5, 5.0, 0.5, 10.0),
        _pareto(_burr_log_likelihood), _pareto(_burr_alive), _pareto(_burr_expected),
    ),
    "burr/nbd": Story(
        ("r", "alpha", "s", "beta", "c"), (0.5, 5.0, 0.5, 10.0, 1.0),
        _burr_log_likelihood, _burr_alive, _burr_expected,
    ),
}  # fmt: skip
