"""Natural cubic splines: curves that are straight beyond their outer knots.

Basis in truncated powers, as Harrell writes it (Regression Modeling Strategies, 2nd ed. 2015, section 2.4.5),
each term divided by the square of the span of the knots so that all have the scale of x.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]

QUANTILES = {3: (0.1, 0.5, 0.9), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}


def knots_of(x: Real, wanted: int) -> tuple[float, ...]:
    """Up to `wanted` (3 to 5) distinct knots at Harrell's quantiles; () where x has too few values."""
    for count in range(wanted, 2, -1):
        knots = np.unique(np.quantile(x, QUANTILES[count]))
        if len(knots) == count:
            return tuple(float(knot) for knot in knots)
    return ()


def bends(x: Real, knots: Sequence[float]) -> list[Real]:
    """The terms of the basis beyond the straight line, one fewer than the inner stretches of the knots."""
    if len(knots) < 3:
        return []
    *rest, before, last = knots
    span = (last - knots[0]) ** 2
    return [
        (
            _cube(x - knot)
            - _cube(x - before) * (last - knot) / (last - before)
            + _cube(x - last) * (before - knot) / (last - before)
        )
        / span
        for knot in rest
    ]


def _cube(x: Real) -> Real:
    above = np.maximum(x, 0.0)
    return above * above * above
