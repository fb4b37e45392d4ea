from typing import NamedTuple

from heed.evidence.estimate import Estimate


class Known(NamedTuple):
    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


def known(estimate: Estimate) -> Known:
    """The figures of an estimate that has them."""
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return Known(estimate.value, estimate.low, estimate.high)
