"""Boundaries of a test that is read at several planned looks, by spending its false alarms over them.

Lan and DeMets (1983): so much of alpha may be spent by each fraction of the information, whatever the number
and timing of the looks. The boundaries follow from the joint distribution of the looks, integrated look by
look (Armitage, McPherson and Rowe 1969): the density of the score process B(t), for those not yet stopped, is
carried on Gauss-Legendre nodes.
"""

from collections.abc import Callable
from functools import lru_cache
from math import e, inf, log, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr

from heed.evidence.intervals import normal_quantile

Spending = Literal["obrien_fleming", "pocock"]
Real = npt.NDArray[np.float64]
FARTHEST = 9.0
"""Standard errors beyond which nothing is expected to happen."""
LEAST_SPENT = 1e-13
NODES_PER_STEP = 4


def obrien_fleming(fraction: float, alpha: float) -> float:
    """Alpha spent by a fraction, both sides: 4(1 - Φ(z/√t)) with z of alpha/4; nearly all of it late."""
    return 4 * float(ndtr(-normal_quantile(1 - alpha / 2) / sqrt(fraction)))


def pocock(fraction: float, alpha: float) -> float:
    """Alpha spent by a fraction, both sides: alpha·ln(1 + (e - 1)t); about as much at each look."""
    return alpha * log(1 + (e - 1) * fraction)


SPENDING: dict[str, Callable[[float, float], float]] = {"obrien_fleming": obrien_fleming, "pocock": pocock}


@lru_cache(maxsize=512)
def boundaries(
    fractions: tuple[float, ...], spending: Spending, alpha: float, is_over: bool = False
) -> tuple[float, ...]:
    """The z at which the test stops at each look (both sides); infinite where nothing may be spent yet.

    Where the test `is_over` at the last fraction, that look spends all that is left.
    """
    spent, critical = 0.0, []
    carried = Carried()
    for number, fraction in enumerate(fractions):
        is_last = is_over and number == len(fractions) - 1
        allowed = alpha if is_last else SPENDING[spending](min(1.0, fraction), alpha)
        found = _boundary(carried, fraction, allowed - spent)
        if found < inf:
            spent = allowed
        critical.append(found)
        carried = carried.after(fraction, found)
    return tuple(critical)


def crossing(fractions: tuple[float, ...], critical: tuple[float, ...], drift: float = 0.0) -> list[float]:
    """The probability of first crossing at each look, either side, where z at fraction 1 averages `drift`."""
    carried, found = Carried(drift), []
    for fraction, limit in zip(fractions, critical, strict=True):
        found.append(carried.beyond(fraction, limit))
        carried = carried.after(fraction, limit)
    return found


class Carried:
    """The density of B(t) among those that have not stopped, on nodes; at t = 0 a point at 0."""

    def __init__(self, drift: float = 0.0) -> None:
        self.drift, self.fraction = drift, 0.0
        self.nodes, self.weights = np.zeros(1), np.ones(1)

    def beyond(self, fraction: float, critical: float) -> float:
        """The probability of not having stopped before and of lying beyond ±critical at a fraction."""
        if critical == inf:
            return 0.0
        step = fraction - self.fraction
        ahead, limit = self.nodes + self.drift * step, critical * sqrt(fraction)
        outside = ndtr((ahead - limit) / sqrt(step)) + ndtr((-ahead - limit) / sqrt(step))
        return float(self.weights @ outside)

    def after(self, fraction: float, critical: float) -> "Carried":
        """Those that went on at a fraction, being within ±critical."""
        step = fraction - self.fraction
        middle = self.drift * fraction
        limit = critical * sqrt(fraction)
        low = max(-limit, middle - FARTHEST * sqrt(fraction))
        high = min(limit, middle + FARTHEST * sqrt(fraction))
        carried = Carried(self.drift)
        carried.fraction = fraction
        nodes, weights = _nodes(1 + int(NODES_PER_STEP * max(0.0, high - low) / sqrt(step)) // 64)
        carried.nodes = low + (high - low) * (nodes + 1) / 2
        distance = (carried.nodes[:, None] - self.nodes[None, :] - self.drift * step) / sqrt(step)
        # Not a product of matrices: so small a one is slower on several threads, and differs by their number.
        density = np.einsum("ij,j->i", np.exp(-0.5 * distance**2), self.weights) / sqrt(2 * np.pi * step)
        carried.weights = density * weights * (high - low) / 2
        return carried


def _boundary(carried: Carried, fraction: float, allowed: float) -> float:
    if allowed < LEAST_SPENT:
        return inf

    def excess(critical: float) -> float:
        return carried.beyond(fraction, critical) - allowed

    if excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, 2 * FARTHEST, xtol=1e-12)) if excess(2 * FARTHEST) < 0 else inf


@lru_cache(maxsize=32)
def _nodes(blocks: int) -> tuple[Real, Real]:
    """Nodes and weights on -1 to 1, by the 64: making them takes longer than using a few too many."""
    nodes, weights = np.polynomial.legendre.leggauss(min(64 * blocks, 512))
    return nodes, weights
