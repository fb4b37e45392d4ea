"""One finding of a calibration study: what was claimed, how often it held in simulated companies."""

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True)
class Finding:
    """`held` of `runs` beside what it should be: between `low` and `high` (shares, 0 to 1).

    Chance is allowed for: a finding is right while its share is within three standard errors of the bounds.
    """

    study: str
    claim: str
    held: float
    runs: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.held / self.runs

    @property
    def right(self) -> bool:
        return self.low - self._chance(self.low) <= self.share <= self.high + self._chance(self.high)

    def _chance(self, bound: float) -> float:
        return 3 * sqrt(max(bound * (1 - bound), 1 / self.runs) / self.runs)
