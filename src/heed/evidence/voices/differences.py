"""Differences of two figures, each with its own interval.

The interval of a difference recovered from the intervals of its parts (MOVER: Zou and Donner 2008):
low = d - √((a - a_low)² + (b_high - b)²), high = d + √((a_high - a)² + (b - b_low)²) for d = a - b. With
Wilson intervals it is Newcombe's hybrid score interval (1998, method 10).
"""

from math import hypot

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, wilson

METHOD = "difference, interval recovered from those of its parts (Newcombe; Zou and Donner)"


def difference(figure: Estimate, reference: Estimate, *, method: str = METHOD) -> Estimate:
    """`figure` less `reference`, of people who have nothing to do with each other; n is both together."""
    n = figure.n + reference.n
    if figure.value is None or reference.value is None:
        return Estimate.unknown(figure.reason or reference.reason, n=n, method=method)
    if figure.low is None or figure.high is None or reference.low is None or reference.high is None:
        raise ValueError("A difference needs two figures with intervals.")
    value = figure.value - reference.value
    low = value - hypot(figure.value - figure.low, reference.high - reference.value)
    high = value + hypot(figure.high - figure.value, reference.value - reference.low)
    return Estimate(value, low, high, n, figure.level, method)


def difference_of_shares(first: int, n: int, second: int, m: int, *, level: float = LEVEL) -> Estimate:
    """The share `first / n` less the share `second / m`, Newcombe's interval."""
    return difference(
        wilson(first, n, level=level),
        wilson(second, m, level=level),
        method="difference of shares, Newcombe's interval",
    )
