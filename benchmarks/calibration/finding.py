"""One finding of a calibration study: what was claimed, how often it held in simulated companies."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import stdev


@dataclass(frozen=True)
class Finding:
    """`held` of `runs` beside what it should be: between `low` and `high` (shares, 0 to 1).

    Chance is allowed for: a finding is right while its share is within three standard errors of the bounds.
    A run held or did not; where it is itself a share, `spread` is the standard deviation of these.
    """

    study: str
    claim: str
    held: float
    runs: int
    low: float
    high: float
    spread: float | None = None

    @property
    def share(self) -> float:
        return self.held / self.runs

    @property
    def right(self) -> bool:
        return self.low - self._chance(self.low) <= self.share <= self.high + self._chance(self.high)

    def _chance(self, bound: float) -> float:
        if self.spread is not None:
            return 3 * self.spread / sqrt(self.runs)
        return 3 * sqrt(max(bound * (1 - bound), 1 / self.runs) / self.runs)


def of_shares(study: str, claim: str, shares: Sequence[float], low: float, high: float) -> Finding:
    """A finding whose runs are shares themselves, such as of the accounts of a company: these share its
    errors, so that chance is counted in companies."""
    return Finding(study, claim, sum(shares), len(shares), low, high, stdev(shares))
