"""Harrell's C: of the pairs whose order is known, the share in which who left earlier had the higher risk.

Harrell, Lee and Mark 1996, Statistics in Medicine 15:361. A pair is known where the earlier of the two
left; of two at the same time, where one left and the other did not. Equal risks count half.
"""

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]


def harrell_c(event: npt.NDArray[np.bool_], time: Real, risk: Real) -> float:
    """C (0 to 1) in O(n log n). ValueError where no pair can be ordered."""
    ranks = np.unique(risk, return_inverse=True)[1].astype(np.int64)
    tree = np.zeros(int(ranks.max(initial=0)) + 2, dtype=np.int64)
    order = np.lexsort((event, -time))
    concordant = known = 0.0
    inside = at = 0
    while at < len(order):
        end = at
        while end < len(order) and time[order[end]] == time[order[at]]:
            end += 1
        same = order[at:end]
        for row in same[~event[same]]:
            _add(tree, int(ranks[row]))
            inside += 1
        for row in same[event[same]]:
            below, upto = _count(tree, int(ranks[row])), _count(tree, int(ranks[row]) + 1)
            concordant += below + (upto - below) / 2
            known += inside
        for row in same[event[same]]:
            _add(tree, int(ranks[row]))
            inside += 1
        at = end
    if not known:
        raise ValueError("No pair of rows can be ordered: nobody left before another.")
    return concordant / known


def _add(tree: npt.NDArray[np.int64], rank: int) -> None:
    place = rank + 1
    while place < len(tree):
        tree[place] += 1
        place += place & -place


def _count(tree: npt.NDArray[np.int64], rank: int) -> int:
    """How many inside have a rank below `rank`."""
    total = 0
    while rank > 0:
        total += int(tree[rank])
        rank -= rank & -rank
    return total
