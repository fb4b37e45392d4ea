"""What two arms differ by, in the form that every rule of stopping reads: z, and the interval at any z.

Shares are compared by the score of Miettinen and Nurminen (1985), whose interval agrees with its test and
stays within -1 to 1; the restricted shares are the closed form of Farrington and Manning (1990). Means are
compared by Student's t, handed on as the normal z of equal tail.
"""

from dataclasses import dataclass
from math import acos, copysign, cos, inf, isinf, pi, sqrt
from typing import Protocol

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtr, stdtrit

NEARLY_ONE = 1 - 1e-10
FARTHEST_NORMAL = 8.0
"""Beyond this z a tail of Student's t is no longer told apart from none."""


class Contrast(Protocol):
    """Treated less control. `size` is the number of accounts of an equal split that would tell as much."""

    @property
    def value(self) -> float: ...
    @property
    def n(self) -> int: ...
    @property
    def size(self) -> float: ...
    @property
    def z(self) -> float: ...
    @property
    def method(self) -> str: ...

    def interval(self, critical: float) -> tuple[float, float]:
        """The differences that are less than `critical` standard errors away."""
        ...


def size_of(treated_n: int, control_n: int) -> float:
    """How many accounts, half in each arm, tell as much as these: 4·n₁·n₀/(n₁ + n₀)."""
    return 4 * treated_n * control_n / (treated_n + control_n)


@dataclass(frozen=True, slots=True)
class ShareContrast:
    """Two shares: so many successes among so many accounts of each arm; counts may be effective ones."""

    treated_successes: float
    treated_n: float
    control_successes: float
    control_n: float
    method: str = "difference of shares, Miettinen-Nurminen score interval"

    def __post_init__(self) -> None:
        for arm, successes, n in (
            ("treated", self.treated_successes, self.treated_n),
            ("control", self.control_successes, self.control_n),
        ):
            if not 0 <= successes <= n or not n > 0 or isinf(n):
                raise ValueError(
                    f"The {arm} arm needs 0 <= successes <= n and n > 0; it has {successes} of {n}."
                )

    @property
    def value(self) -> float:
        return self.treated_successes / self.treated_n - self.control_successes / self.control_n

    @property
    def n(self) -> int:
        return round(self.treated_n + self.control_n)

    @property
    def size(self) -> float:
        return 4 * self.treated_n * self.control_n / (self.treated_n + self.control_n)

    @property
    def z(self) -> float:
        return self.z_against(0.0)

    def z_against(self, difference: float) -> float:
        """Standard errors between what was seen and a difference, spread as if that difference were true."""
        distance = self.value - difference
        treated, control = self._restricted(difference)
        total = self.treated_n + self.control_n
        spread = treated * (1 - treated) / self.treated_n + control * (1 - control) / self.control_n
        variance = max(0.0, spread) * total / max(total - 1, 1)
        if variance == 0:
            return 0.0 if abs(distance) < 1e-12 else copysign(inf, distance)
        return distance / sqrt(variance)

    def interval(self, critical: float) -> tuple[float, float]:
        return self._end(critical, -NEARLY_ONE), self._end(critical, NEARLY_ONE)

    def _end(self, critical: float, farthest: float) -> float:
        edge = copysign(1.0, farthest)
        if isinf(critical) or edge * self.value > NEARLY_ONE:
            return edge

        def beyond(difference: float) -> float:
            return max(-1e6, min(1e6, abs(self.z_against(difference)))) - critical

        if beyond(farthest) <= 0:
            return edge
        return float(brentq(beyond, self.value, farthest, xtol=1e-10))

    def _restricted(self, difference: float) -> tuple[float, float]:
        """The likeliest shares of both arms among those that differ by `difference`."""
        if difference == 0:
            pooled = (self.treated_successes + self.control_successes) / (self.treated_n + self.control_n)
            return pooled, pooled
        seen, other = self.treated_successes / self.treated_n, self.control_successes / self.control_n
        ratio = self.control_n / self.treated_n
        a = 1 + ratio
        b = -(1 + ratio + seen + ratio * other + difference * (ratio + 2))
        c = difference**2 + difference * (2 * seen + ratio + 1) + seen + ratio * other
        d = -seen * difference * (1 + difference)
        v = b**3 / (3 * a) ** 3 - b * c / (6 * a * a) + d / (2 * a)
        u = copysign(sqrt(max(0.0, b * b / (3 * a) ** 2 - c / (3 * a))), v)
        w = (pi + acos(max(-1.0, min(1.0, v / u**3)))) / 3 if u else pi / 2
        treated = min(1.0, max(0.0, difference, 2 * u * cos(w) - b / (3 * a)), 1 + difference)
        return treated, min(1.0, max(0.0, treated - difference))


@dataclass(frozen=True, slots=True)
class MeanContrast:
    """Two means: their difference, its standard error and the degrees of freedom behind that."""

    value: float
    standard_error: float
    n: int
    size: float
    freedom: float = inf
    method: str = "difference of means"

    def __post_init__(self) -> None:
        if not 0 < self.standard_error < inf or not self.freedom > 0 or not abs(self.value) < inf:
            raise ValueError(
                f"A difference of means is a number with a standard error and degrees of freedom above 0; "
                f"they are {self.value}, {self.standard_error} and {self.freedom}."
            )

    @property
    def z(self) -> float:
        t = self.value / self.standard_error
        if isinf(self.freedom):
            return t
        tail = float(stdtr(self.freedom, -abs(t)))
        return copysign(-float(ndtri(tail)) if tail > 0 else inf, t)

    def interval(self, critical: float) -> tuple[float, float]:
        half = self.standard_error * self._quantile(critical)
        return self.value - half, self.value + half

    def _quantile(self, critical: float) -> float:
        if isinf(self.freedom) or isinf(critical):
            return critical
        return -float(stdtrit(self.freedom, float(ndtr(-min(critical, FARTHEST_NORMAL)))))
