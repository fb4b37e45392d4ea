"""Intervals of a share: Wilson's, which stays inside 0 to 1 and does not call 5 of 5 certain.

Formula: centre (p + z²/2n)/(1 + z²/n), half-width z/(1 + z²/n)·√(p(1-p)/n + z²/4n²)
(Wilson 1927; Agresti and Coull 1998).
"""

from math import inf, sqrt

from scipy.special import chdtri, ndtri, stdtrit

from heed.evidence.estimate import Estimate

LEVEL = 0.95


def tails(level: float) -> tuple[float, float]:
    """The shares below and up to the two ends of an interval: .025 and .975 for a level of .95."""
    if not 0 < level < 1:
        raise ValueError(f"A level lies between 0 and 1, such as .95; this is {level!r}.")
    return 0.5 - level / 2, 0.5 + level / 2


def normal_quantile(level: float) -> float:
    """The two-sided standard normal quantile of a level such as .95."""
    return float(ndtri(tails(level)[1]))


def student_quantile(level: float, freedom: float) -> float:
    """The two-sided quantile of Student's t of a level such as .95."""
    return float(stdtrit(freedom, tails(level)[1]))


def wilson(successes: int, n: int, *, level: float = LEVEL) -> Estimate:
    """The share `successes / n` (0 to 1) with its Wilson interval. Unknown for n = 0."""
    method = "share, Wilson interval"
    if not 0 <= successes <= n < inf:
        raise ValueError(f"A share needs 0 <= successes <= n; these are {successes} of {n}.")
    if n == 0:
        return Estimate.unknown("no observations yet", method=method)
    z = normal_quantile(level)
    share = successes / n
    shrink = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z / shrink * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(share, low, high, n, level, method)


def poisson_bounds(count: float, level: float = LEVEL) -> tuple[float, float]:
    """The exact bounds of the count to be expected where `count` was seen (Garwood 1936)."""
    below, above = tails(level)
    low = float(chdtri(2 * count, 1 - below)) / 2 if count else 0.0
    return low, float(chdtri(2 * count + 2, 1 - above)) / 2
