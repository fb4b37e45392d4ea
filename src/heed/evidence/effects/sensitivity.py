"""How strong something unseen would have to be to explain an effect away (VanderWeele and Ding 2017)."""

from dataclasses import dataclass
from math import exp, isfinite, sqrt

PER_STANDARD_DEVIATION = 0.91
"""A difference of one standard deviation as a log risk ratio, as VanderWeele and Ding approximate it."""


@dataclass(frozen=True, slots=True)
class EValue:
    """`point` for the estimate, `limit` for the end of its interval nearer to none (1: it includes none).

    What is not among the covariates would have to make treatment and outcome each this many times as likely
    (risk ratio), beyond the covariates, to explain the effect away. `ratio` is the risk ratio itself.
    """

    ratio: float
    point: float
    limit: float | None

    @property
    def words(self) -> str:
        return (
            f"Something unseen that makes both treatment and outcome {self.point:.1f} times as likely, "
            "beyond what is corrected for, could explain it away."
        )


def e_value(ratio: float, low: float | None = None, high: float | None = None) -> EValue:
    """E-value of a risk ratio above 0, and of its interval: E = RR + √(RR(RR - 1)), RR below 1 inverted."""
    if not (isfinite(ratio) and ratio > 0):
        raise ValueError(f"A risk ratio is above 0; this one is {ratio}.")
    if any(end is not None and not (isfinite(end) and end >= 0) for end in (low, high)):
        raise ValueError(f"The ends of a risk ratio are 0 or more; these are {low} and {high}.")
    nearer = low if ratio >= 1 else high
    if nearer is None:
        return EValue(ratio, _strength(ratio), None)
    if nearer == 0 and ratio < 1:
        raise ValueError(f"The upper end of a risk ratio of {ratio} is above it, not 0.")
    crosses = nearer <= 1 if ratio >= 1 else nearer >= 1
    return EValue(ratio, _strength(ratio), 1.0 if crosses else _strength(nearer))


def e_value_of_difference(difference: float, low: float, high: float) -> EValue:
    """E-value of a difference of means and its interval, in standard deviations of the outcome."""
    return e_value(*(exp(PER_STANDARD_DEVIATION * value) for value in (difference, low, high)))


def _strength(ratio: float) -> float:
    ratio = max(ratio, 1 / ratio)
    return ratio + sqrt(ratio * (ratio - 1))
