"""Many rows in fewer cells, so that the draws of a card of a quarter of a million rows take seconds.

Rows of alike risk and the same outcome are one cell (by date where the date counts). The value of a figure is
that of all rows, exactly; only its draws are made from cells, and moved by the difference that this makes to
the value. With 2,000 groups it is far smaller than the interval.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from heed.evidence.cards.resampling import Drawn, Figure, Real, Resamples, Whole
from heed.evidence.cards.rows import Rows

FINE = 20_000
GROUPS = 2_000
BY_DATE = 20_000

Maker = Callable[[Rows], dict[str, Figure]]


@dataclass(frozen=True, slots=True)
class _Cells:
    """`number` is the cell of each row; `counts` how many rows each account has in each cell."""

    number: Whole
    counts: csr_array

    @classmethod
    def of(cls, rows: Rows, *, dated: bool) -> "_Cells":
        order = np.lexsort((rows.values, rows.landmarks)) if dated else np.argsort(rows.values, kind="stable")
        groups = BY_DATE if dated else GROUPS
        group = np.empty(rows.n, dtype=np.int64)
        group[order] = np.arange(rows.n) * groups // rows.n
        keys = np.column_stack([rows.landmarks if dated else 0 * group, group, rows.y])
        number = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
        shape = (int(rows.clusters.max()) + 1, int(number.max()) + 1)
        return cls(number, csr_array((np.ones(rows.n), (rows.clusters, number)), shape=shape))

    def mean(self, values: Real) -> Real:
        return np.asarray(np.bincount(self.number, values) / np.bincount(self.number))


def drawn_of(rows: Rows, maker: Maker, seed: int, *, dated: bool = False) -> dict[str, Drawn]:
    """The figures of the rows with their draws; from cells where the rows are many."""
    figures = maker(rows)
    if rows.n <= FINE:
        return Resamples(rows.clusters, seed).of(figures)
    cells = _Cells.of(rows, dated=dated)
    held = np.nan_to_num(rows.values, neginf=np.finfo(float).min)
    few = replace(
        rows,
        y=cells.mean(rows.y),
        values=np.where(cells.mean(held) < -1e300, -np.inf, cells.mean(held)),
        landmarks=np.rint(cells.mean(rows.landmarks.astype(float))).astype(np.int64),
    )
    coarse = Resamples(rows.clusters, seed, cells.counts).of(maker(few))
    whole = np.ones((1, rows.n))
    exact = {name: float(figure(whole)[0]) for name, figure in figures.items()}
    return {
        name: Drawn(exact[name], drawn.draws + (exact[name] - drawn.value)) for name, drawn in coarse.items()
    }
