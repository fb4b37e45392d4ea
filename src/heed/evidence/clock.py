"""The clock: how long customers stay, and how likely one that stayed so far is to leave soon.

Kaplan and Meier's product-limit curve (1958) with Greenwood's variance and log-log intervals. The time axis
is the caller's: days of tenure, or days into the contract term (so that it shows the renewal). Segments have
curves of their own where enough of their accounts left; else all accounts answer, and it is said so.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt

import numpy as np
import numpy.typing as npt

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile, wilson

LEAST_EVENTS = 10
LEAST_AT_RISK = 5
LEAST_SEGMENT_EVENTS = 20
METHOD = "Kaplan-Meier, Greenwood log-log interval"

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stay:
    """One account's stay: observed from day `entered` to day `until` of the time axis, then gone or not.

    `entered` above 0 is for those first seen in the middle of their stay: they count as at risk from there.
    """

    until: int
    left: bool
    entered: int = 0
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An estimate with what stands behind it: `events` (accounts that left), and whose curve it is.

    `basis` is the segment or "" for all accounts; `note` says why all accounts answer for a segment.
    """

    estimate: Estimate
    events: int
    basis: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """A fitted curve: at each day in `days` on which accounts left, how many were at risk and left."""

    days: Whole
    at_risk: Whole
    events: Whole
    entered: Whole
    until: Whole

    @classmethod
    def fit(cls, stays: Sequence[Stay]) -> "Curve":
        if not all(isfinite(end) for stay in stays for end in (stay.entered, stay.until)):
            raise ValueError("A stay is counted in whole days: one has no end or no beginning.")
        entered = np.array([stay.entered for stay in stays], dtype=np.int64)
        until = np.array([stay.until for stay in stays], dtype=np.int64)
        left = np.array([stay.left for stay in stays], dtype=bool)
        if np.any(entered < 0) or np.any(until <= entered):
            raise ValueError("A stay must end after it was entered, on day 1 or later.")
        days, events = np.unique(until[left], return_counts=True)
        entered.sort()
        until.sort()
        at_risk = np.searchsorted(entered, days, "left") - np.searchsorted(until, days, "left")
        return cls(days, at_risk.astype(np.int64), events.astype(np.int64), entered, until)

    @property
    def n(self) -> int:
        return len(self.until)

    @property
    def longest(self) -> int:
        return int(self.until[-1]) if self.n else 0

    def observed_past(self, day: int) -> int:
        """How many were under observation just after a day."""
        return int(np.searchsorted(self.entered, day, "right") - np.searchsorted(self.until, day, "right"))

    def staying(self, day: int, *, level: float = LEVEL) -> Estimate:
        """Share (0 to 1) that stays past a day."""
        return _flipped(self.leaving(day, given=0, level=level))

    def leaving(self, within: int, *, given: int = 0, level: float = LEVEL) -> Estimate:
        """Probability (0 to 1) of leaving in the next `within` days, having stayed `given` days so far:
        1 - S(given + within)/S(given). n is how many were observed past that day."""
        n = self.observed_past(given)
        if reason := self._thin(within, given, n):
            return Estimate.unknown(reason, n=n, method=METHOD)
        chosen = (self.days > given) & (self.days <= given + within)
        at_risk, events = self.at_risk[chosen].astype(float), self.events[chosen].astype(float)
        if not events.size:
            bound = wilson(0, max(1, self.observed_past(given + within)), level=level)
            return Estimate(0.0, 0.0, bound.high, n, level, "Kaplan-Meier; none left, Wilson bound")
        if np.any(at_risk == events):
            return Estimate(1.0, 0.0, 1.0, n, level, "Kaplan-Meier; everybody left, no interval")
        stay = float(np.prod(1 - events / at_risk))
        variance = float(np.sum(events / (at_risk * (at_risk - events))))
        low, high = _log_log(stay, variance, level)
        return Estimate(1 - stay, 1 - high, 1 - low, n, level, METHOD)

    def _thin(self, within: int, given: int, n: int) -> str:
        left = int(self.events.sum())
        if left == 0:
            return "no account has left yet"
        if left < LEAST_EVENTS:
            return f"only {left} left so far, at least {LEAST_EVENTS} are needed"
        if n < LEAST_AT_RISK:
            return f"only {n} were observed at this age, at least {LEAST_AT_RISK} are needed"
        if given + within > self.longest:
            return f"nobody was observed longer than {self.longest} days"
        return ""


def _log_log(stay: float, variance: float, level: float) -> tuple[float, float]:
    """The interval of a share that stays, symmetric for log(-log): it stays inside 0 to 1."""
    spread = normal_quantile(level) * sqrt(variance) / abs(log(stay))
    return stay ** exp(spread), stay ** exp(-spread)


def _flipped(share: Estimate) -> Estimate:
    if share.value is None or share.low is None or share.high is None:
        return share
    return Estimate(1 - share.value, 1 - share.high, 1 - share.low, share.n, share.level, share.method)


@dataclass(frozen=True, slots=True)
class Clock:
    """Curves of all accounts and of each segment."""

    everybody: Curve
    segments: dict[str, Curve]

    @classmethod
    def fit(cls, stays: Iterable[Stay]) -> "Clock":
        stays = list(stays)
        segments: dict[str, list[Stay]] = defaultdict(list)
        for stay in stays:
            if stay.segment:
                segments[stay.segment].append(stay)
        return cls(Curve.fit(stays), {name: Curve.fit(group) for name, group in segments.items()})

    def leaving(self, within: int, *, tenure: int, segment: str = "", level: float = LEVEL) -> Answer:
        """Probability of leaving within `within` days, given `tenure` days on the curve's time axis."""
        curve, note = self.everybody, ""
        if segment:
            own = self.segments.get(segment)
            events = int(own.events.sum()) if own else 0
            if own is not None and events >= LEAST_SEGMENT_EVENTS:
                answer = own.leaving(within, given=tenure, level=level)
                if answer.value is not None:
                    return Answer(answer, events, segment)
                note = f"all accounts, because in {segment}: {answer.reason}"
            else:
                note = (
                    f"all accounts, because {segment} has {events} left of the {LEAST_SEGMENT_EVENTS} needed"
                )
        answer = curve.leaving(within, given=tenure, level=level)
        return Answer(answer, int(curve.events.sum()), "", note)
