from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and how sure we are of it.

    `value` None with a `reason` is the only way to say "unknown": never 0, never NaN, never an
    exception for thin data. `low` and `high` bound the interval at the stated `level`; `n` is how
    many observations stand behind it.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    level: float = 0.95
    method: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.reason):
            raise ValueError("An estimate has either a value or a reason why it has none.")
        if any(each is not None and not isfinite(each) for each in (self.value, self.low, self.high)):
            raise ValueError(f"A figure and its ends are numbers or unknown; these are {self}.")

    @classmethod
    def unknown(cls, reason: str, *, n: int = 0, method: str = "") -> "Estimate":
        return cls(None, n=n, method=method, reason=reason)
