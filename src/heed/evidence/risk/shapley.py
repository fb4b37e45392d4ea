"""What each column adds to the log-odds of boosted trees: Shapley values of the trees, exact in sum.

The game of a tree is its path-dependent expectation: a column that is not known is averaged over the
training rows that reached each split (Lundberg and others 2020, Nature Machine Intelligence 2:56). For one
leaf that is a product over the columns on its path, whose Shapley value is the integral of its multilinear
extension (Owen 1972, Management Science 18:64), here by Gauss-Legendre quadrature, exact for a polynomial.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf's way from the root: by column, the splits with the side taken; and what each pattern of
    satisfied columns adds, patterns × columns."""

    columns: tuple[int, ...]
    splits: tuple[tuple[tuple[int, bool], ...], ...]
    table: Real


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree's splits, as records of scikit-learn's histogram trees, its leaves and its average."""

    nodes: Any
    leaves: tuple[Leaf, ...]
    average: float

    def add_to(self, found: Real, matrix: Real) -> None:
        """Add what each column adds to `found`, rows × columns."""
        inner = [int(place) for place in np.flatnonzero(self.nodes["is_leaf"] == 0)]
        goes_left = {place: self._goes_left(place, matrix) for place in inner}
        for leaf in self.leaves:
            pattern = np.zeros(len(matrix), dtype=np.int64)
            for bit, splits in enumerate(leaf.splits):
                satisfied = np.ones(len(matrix), dtype=bool)
                for place, left in splits:
                    satisfied &= goes_left[place] if left else ~goes_left[place]
                pattern |= satisfied.astype(np.int64) << bit
            for bit, column in enumerate(leaf.columns):
                found[:, column] += leaf.table[pattern, bit]

    def _goes_left(self, place: int, matrix: Real) -> npt.NDArray[np.bool_]:
        node = self.nodes[place]
        x = matrix[:, node["feature_idx"]]
        return np.where(np.isnan(x), bool(node["missing_go_to_left"]), x <= node["num_threshold"])


def tree_of(nodes: Any) -> Tree:
    leaves = [place for place in range(len(nodes)) if nodes[place]["is_leaf"]]
    counts = nodes["count"][leaves].astype(np.float64)
    average = float(np.average(nodes["value"][leaves], weights=counts))
    ways = _ways(nodes)
    return Tree(nodes, tuple(_leaf(nodes, place, ways[place]) for place in leaves if ways[place]), average)


def _ways(nodes: Any) -> dict[int, list[tuple[int, bool]]]:
    """For each node the splits above it, each with whether the way goes left."""
    ways: dict[int, list[tuple[int, bool]]] = {0: []}
    for place in range(len(nodes)):
        if not nodes[place]["is_leaf"]:
            ways[int(nodes[place]["left"])] = [*ways[place], (place, True)]
            ways[int(nodes[place]["right"])] = [*ways[place], (place, False)]
    return ways


def _leaf(nodes: Any, leaf: int, way: list[tuple[int, bool]]) -> Leaf:
    shares: dict[int, float] = {}
    splits: dict[int, list[tuple[int, bool]]] = {}
    for place, left in way:
        child = nodes[place]["left" if left else "right"]
        column = int(nodes[place]["feature_idx"])
        shares[column] = shares.get(column, 1.0) * float(nodes[child]["count"]) / float(nodes[place]["count"])
        splits.setdefault(column, []).append((place, left))
    table = pattern_table(float(nodes[leaf]["value"]), np.array(list(shares.values())))
    return Leaf(tuple(shares), tuple(tuple(own) for own in splits.values()), table)


def pattern_table(value: float, shares: Real) -> Real:
    """Shapley values of value · Π (1 or 0 where known, its share where not), patterns × columns.

    Pattern 5 (binary 101) is: the first and the third column are satisfied, the second is not.
    """
    size = len(shares)
    satisfied = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    points, weights = np.polynomial.legendre.leggauss(size // 2 + 1)
    known = ((points + 1) / 2)[:, None, None]
    factors = known * satisfied + (1 - known) * shares
    others = np.prod(factors, axis=2, keepdims=True) / factors
    integral = np.einsum("q,qpc->pc", weights / 2, others)
    result: Real = value * (satisfied - shares) * integral
    return result
