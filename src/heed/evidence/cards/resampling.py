"""Intervals that respect accounts: whole accounts are drawn with replacement, never their rows one by one.

Rows of one account are alike, and an interval that takes them for independent is too narrow. The bootstrap
over clusters (Field and Welsh 2007; Davison and Hinkley 1997) draws as many accounts as there are, each with
all its rows; the interval is that of the percentiles of the figure over the draws.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, tails

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

# A figure of weighted rows: weights of shape (draws, rows) in, one figure a draw out, NaN where there is
# none.
Figure = Callable[[Real], Real]

DRAWS = 500
FEWEST_DRAWS = 200
# Weights that are held at once: few enough to stay near the processor.
_CELLS_AT_ONCE = 400_000
# Beyond this many weights, fewer draws: intervals of so many rows are narrow anyway.
_CELLS_AT_MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure of all rows, and of each draw of accounts (NaN where a draw has none)."""

    value: float
    draws: Real

    def minus(self, other: "Drawn") -> "Drawn":
        """The difference of two figures of the same draws (paired)."""
        return Drawn(self.value - other.value, self.draws - other.draws)

    def recentred(self) -> "Drawn":
        """The draws moved so that their mean is the value: for figures that noise always raises."""
        known = self.draws[np.isfinite(self.draws)]
        return Drawn(self.value, self.draws - known.mean() + self.value) if known.size else self

    def estimate(
        self, *, n: int, method: str, least: float = -np.inf, most: float = np.inf, level: float = LEVEL
    ) -> Estimate:
        """The value with the percentiles of its draws, bounds clipped to `least` and `most`."""
        if not np.isfinite(self.value):
            return Estimate.unknown("the figure does not exist for these rows", n=n, method=method)
        known = self.draws[np.isfinite(self.draws)]
        if known.size < FEWEST_DRAWS // 2:
            return Estimate(self.value, n=n, level=level, method=f"{method}; too few draws for an interval")
        low, high = np.clip(np.quantile(known, tails(level)), least, most)
        return Estimate(self.value, float(low), float(high), n, level, method)


@dataclass(frozen=True, slots=True)
class Resamples:
    """Draws of whole accounts. `clusters` says for each row which account it is of (0 to accounts - 1).

    `counts` (accounts × cells): figures are of cells of rows, each weighing what its rows do.
    """

    clusters: Whole
    seed: int = 0
    counts: csr_array | None = None
    most_draws: int = DRAWS

    @property
    def accounts(self) -> int:
        return int(self.clusters.max()) + 1 if self.clusters.size else 0

    @property
    def draws(self) -> int:
        affordable = _CELLS_AT_MOST // max(1, self.clusters.size)
        return min(self.most_draws, max(FEWEST_DRAWS, affordable))

    def of(self, figures: Mapping[str, Figure]) -> dict[str, Drawn]:
        """Each figure of all rows and of the same draws."""
        whole = np.ones((1, self.accounts)) @ self.counts if self.counts is not None else None
        whole = np.ones((1, self.clusters.size)) if whole is None else whole
        drawn: dict[str, list[Real]] = {name: [] for name in figures}
        for weights in self._weights():
            for name, figure in figures.items():
                drawn[name].append(figure(weights))
        return {
            name: Drawn(float(figure(whole)[0]), np.concatenate(drawn[name]))
            for name, figure in figures.items()
        }

    def mean(self, rows: Real) -> Drawn:
        """The mean of one figure a row, by sums of accounts: fast for any number of rows."""
        sums = np.bincount(self.clusters, rows, self.accounts)
        counts = np.bincount(self.clusters, minlength=self.accounts).astype(float)
        drawn = [times @ sums / (times @ counts) for times in self._times()]
        return Drawn(float(rows.mean()), np.concatenate(drawn))

    def skill(self, rows: Real, beside: Real) -> Drawn:
        """1 - the sum of `rows` / the sum of `beside`, by sums of accounts."""
        own, other = (np.bincount(self.clusters, each, self.accounts) for each in (rows, beside))
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = [1 - times @ own / (times @ other) for times in self._times()]
            return Drawn(float(1 - rows.sum() / beside.sum()), np.concatenate(drawn))

    def _weights(self) -> Iterator[Real]:
        for times in self._times():
            yield times[:, self.clusters] if self.counts is None else np.asarray(times @ self.counts)

    def _times(self) -> Iterator[Real]:
        """How often each account is drawn, for a few draws at once: shape (draws, accounts)."""
        random = np.random.default_rng(self.seed)
        width = self.clusters.size if self.counts is None else max(self.counts.shape)
        at_once = max(1, _CELLS_AT_ONCE // max(1, width))
        for first in range(0, self.draws, at_once):
            size = min(at_once, self.draws - first)
            picked = random.integers(0, self.accounts, (size, self.accounts))
            picked += np.arange(size)[:, None] * self.accounts
            counts = np.bincount(picked.ravel(), minlength=size * self.accounts)
            yield counts.reshape(size, self.accounts).astype(float)
