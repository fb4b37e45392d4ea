"""Moments of a run, found again in another run of the same by what was done last before them."""

from bisect import bisect_right
from collections.abc import Sequence


def moment(times: Sequence[float], share: float) -> tuple[int, float]:
    """Where a share of the time between the first and the last of `times` falls.

    The number of the last time before it, and the seconds since: a run that is faster or slower is at the
    same place then.
    """
    at = times[0] + share * (times[-1] - times[0])
    before = bisect_right(times, at) - 1
    return before, at - times[before]
