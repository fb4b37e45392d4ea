"""Could the treated have been left untreated? How alike the chances of treatment of both groups are.

Where customers of one group have no counterpart in the other, no method can tell what the treatment does to
them. They are left out by the rule of Crump and others (2009), which keeps the customers for whom the effect
is known best: those with 1/(e(1 - e)) at most a bound, e being the chance of treatment.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

BINS = 10
LEAST_IN_COMMON = 0.1
LEAST_KEPT = 0.5
LEAST_EFFECTIVE = 20
CLIP = 0.01

Real = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far treated and untreated are comparable.

    `table`: per tenth of the chance of treatment (`low` to `high`) how many `treated` and `untreated`;
    `in_common`: how much the two distributions share (0 none, 1 all; Inman and Bradley 1989); `trimmed`: the
    share left out; `lowest`, `highest`: chances of those kept; `effective_treated`, `effective_untreated`:
    how many evenly weighted customers of each group the weights leave, (Σw)²/Σw² (Kish).
    """

    table: pd.DataFrame
    in_common: float
    trimmed: float
    lowest: float
    highest: float
    effective_treated: float
    effective_untreated: float

    @classmethod
    def of(cls, chance: Real, treated: Real, kept: Rows) -> "Overlap":
        table = _table(chance, treated)
        shares = table[["treated", "untreated"]] / [treated.sum(), (1 - treated).sum()]
        inside = chance[kept]
        return cls(
            table,
            float(shares.min(axis=1).sum()),
            float(1 - kept.mean()),
            float(inside.min()),
            float(inside.max()),
            _effective(1 / inside[treated[kept] == 1]),
            _effective(1 / (1 - inside[treated[kept] == 0])),
        )

    @property
    def lacking(self) -> str:
        """Why the groups cannot be compared, or ""."""
        if self.in_common < LEAST_IN_COMMON:
            return (
                "no overlap: who was treated is so different from who was not "
                f"(only {self.in_common:.0%} in common) that nobody can be compared"
            )
        if 1 - self.trimmed < LEAST_KEPT:
            return f"too little overlap: {self.trimmed:.0%} of the customers have no counterpart"
        fewest = min(self.effective_treated, self.effective_untreated)
        if fewest < LEAST_EFFECTIVE:
            return (
                f"too little overlap: the comparison rests on as little as {fewest:.0f} customers of one "
                f"group; {LEAST_EFFECTIVE} are needed"
            )
        return ""


def comparable(chance: Real) -> Rows:
    """The rows to keep: those with 1/(e(1 - e)) up to the bound at which the variance bound
    Σ 1/(e(1 - e)) / n² of the rows kept is smallest (Crump, Hotz, Imbens and Mitnik 2009)."""
    cost = 1 / (chance * (1 - chance))
    ordered = np.sort(cost)
    variance = np.cumsum(ordered) / np.arange(1, len(cost) + 1) ** 2
    return np.asarray(cost <= ordered[int(np.argmin(variance))])


def _table(chance: Real, treated: Real) -> pd.DataFrame:
    edges = np.linspace(0, 1, BINS + 1)
    counts = {
        name: np.histogram(chance[treated == arm], edges)[0]
        for name, arm in (("treated", 1), ("untreated", 0))
    }
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], **counts})


def _effective(weights: Real) -> float:
    return float(weights.sum() ** 2 / np.sum(weights**2)) if len(weights) else 0.0
