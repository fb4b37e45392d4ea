"""Planned looks: a test that may be read several times on its way to a planned number of accounts.

Alpha is spent over the looks (Lan and DeMets 1983), so their number and timing may differ from the plan as
long as they do not depend on the results. The interval at a look is the repeated confidence interval
(Jennison and Turnbull 1989): all of them hold together, whether or not the test stops.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import inf, isclose

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from sklearn.base import BaseEstimator

from heed.evidence.effects.contrast import Contrast, size_of
from heed.evidence.effects.decision import Decision, Finding, sign_of, spoken
from heed.evidence.effects.spending import SPENDING, Spending, boundaries, crossing
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import normal_quantile

NAMES = {"obrien_fleming": "O'Brien-Fleming-type", "pocock": "Pocock-type"}


class GroupSequential(BaseEstimator):
    """A two-sided test of two arms with planned looks.

    `looks` is how many, evenly spaced, or the fractions of the planned accounts at which to look, up to 1.
    `spending` is "obrien_fleming" (hardly ever stops early, keeps nearly all power) or "pocock" (stops early
    more easily). `alpha` is the share of experiments without effect that may raise a false alarm, all looks
    together. `planned_treated_n` and `planned_control_n` are what `decide` measures the looks against.
    """

    def __init__(
        self,
        looks: int | Sequence[float] = 5,
        *,
        spending: Spending = "obrien_fleming",
        alpha: float = 0.05,
        planned_treated_n: int | None = None,
        planned_control_n: int | None = None,
    ) -> None:
        self.looks = looks
        self.spending = spending
        self.alpha = alpha
        self.planned_treated_n = planned_treated_n
        self.planned_control_n = planned_control_n

    def boundaries(
        self, fractions: Sequence[float] | None = None, *, is_over: bool = False
    ) -> npt.NDArray[np.float64]:
        """The z to be passed at each look, either side; infinite where it is too early to stop.

        `fractions` are those at which was really looked, in order; none means the planned ones. Where the
        test ends before its planned number (`is_over`), the last look spends what is left.
        """
        steps = self.fractions() if fractions is None else _checked(fractions)
        return np.array(boundaries(steps, self._known_spending(), self._known_alpha(), is_over))

    def fractions(self) -> tuple[float, ...]:
        """The planned fractions of the accounts at which to look."""
        if isinstance(self.looks, int):
            if self.looks < 1:
                raise ValueError(f"A test needs one look or more; looks is {self.looks}.")
            return tuple((number + 1) / self.looks for number in range(self.looks))
        steps = _checked(self.looks)
        if not isclose(steps[-1], 1.0):
            raise ValueError(f"The planned looks must end with fraction 1; they end with {steps[-1]}.")
        return steps

    def power(self, drift: float) -> float:
        """The chance to stop for a difference; `drift` is what z would average at the planned end."""
        steps = self.fractions()
        return sum(crossing(steps, tuple(self.boundaries()), drift))

    def drift(self, power: float = 0.9) -> float:
        """What z has to average at the planned end for a power."""
        if not self.alpha < power < 1:
            raise ValueError(f"Power lies above alpha and below 1; it is {power}.")
        return float(brentq(lambda drift: self.power(drift) - power, 0.0, 20.0, xtol=1e-9))

    def inflation(self, power: float = 0.9) -> float:
        """How many times the accounts of a test without looks are needed for the same power."""
        alone = normal_quantile(1 - self._known_alpha()) + normal_quantile(2 * power - 1)
        return (self.drift(power) / alone) ** 2

    def intervals(self, contrasts: Sequence[Contrast], *, is_over: bool = False) -> list[Estimate]:
        """The repeated confidence interval at each look; all of them hold together at the level 1 - alpha."""
        numbers, fractions = self._fractions_of(contrasts)
        critical = self._critical(fractions, is_over)
        return [self._estimate(contrasts[at], limit) for at, limit in zip(numbers, critical, strict=True)]

    def decide(self, contrasts: Sequence[Contrast], *, is_over: bool = False) -> Decision:
        """What the looks so far say; `contrasts` hold all accounts up to each look, the latest last.

        Looks that brought no new accounts, and looks after the planned number, do not count. `is_over` says
        that no accounts will be added although the planned number is not reached.
        """
        if not contrasts:
            return self._undecided("no look was taken yet")
        numbers, fractions = self._fractions_of(contrasts)
        critical = self._critical(fractions, is_over)
        at, finding = len(numbers) - 1, self._finding_at_the_end(fractions[-1], is_over)
        for place, (number, limit) in enumerate(zip(numbers, critical, strict=True)):
            if abs(contrasts[number].z) > limit:
                at, finding = place, sign_of(contrasts[number].z)
                break
        look = numbers[at] + 1
        estimate = self._estimate(contrasts[numbers[at]], critical[at])
        words = spoken(finding, look)
        fraction = min(1.0, fractions[at])
        return Decision(finding, look, fraction, critical[at], estimate, words, self._guarantee())

    def _critical(self, fractions: tuple[float, ...], is_over: bool) -> tuple[float, ...]:
        """The last look may have more accounts than planned: it spends no more alpha, but is less like the
        looks before it than one at the planned number would be, and so its boundary is higher."""
        return boundaries(fractions, self._known_spending(), self._known_alpha(), is_over)

    def _finding_at_the_end(self, fraction: float, is_over: bool) -> Finding:
        return "no difference shown" if is_over or fraction >= 1 else "go on"

    def _undecided(self, reason: str) -> Decision:
        estimate = Estimate.unknown(reason, method=self._method())
        return Decision("unknown", 0, 0.0, inf, estimate, spoken("unknown", 0), self._guarantee())

    def _estimate(self, contrast: Contrast, critical: float) -> Estimate:
        method = f"{contrast.method}; {self._method()}"
        if critical == inf:
            reason = "too few accounts yet for an interval that allows for further looks"
            return Estimate.unknown(reason, n=contrast.n, method=method)
        low, high = contrast.interval(critical)
        return Estimate(contrast.value, low, high, contrast.n, 1 - self.alpha, method)

    def _method(self) -> str:
        return f"repeated interval of planned looks, {NAMES[self._known_spending()]} spending"

    def _guarantee(self) -> str:
        return (
            f"Of experiments without effect at most {self.alpha:.0%} raise a false alarm, all looks "
            "together, if the test ends at the planned number and no look is timed by the results."
        )

    def _fractions_of(self, contrasts: Sequence[Contrast]) -> tuple[list[int], tuple[float, ...]]:
        """Which looks count, and at which fraction of the planned accounts each was taken."""
        planned_n = self.planned_treated_n or 0, self.planned_control_n or 0
        if not all(0 < n < inf for n in planned_n):
            raise ValueError("Set planned_treated_n and planned_control_n: looks are measured against them.")
        planned = size_of(*planned_n)
        numbers: list[int] = []
        fractions: list[float] = []
        for number, contrast in enumerate(contrasts):
            fraction = contrast.size / planned
            before = fractions[-1] if fractions else 0.0
            if fraction < before - 1e-9:
                raise ValueError(f"Look {number + 1} has fewer accounts than the one before it.")
            if fraction > before + 1e-9 and before < 1:
                numbers.append(number)
                fractions.append(fraction)
        return numbers, tuple(fractions)

    def _known_spending(self) -> Spending:
        if self.spending not in SPENDING:
            raise ValueError(f"spending is '{self.spending}'; there are {', '.join(SPENDING)}.")
        return self.spending

    def _known_alpha(self) -> float:
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha lies between 0 and 1; it is {self.alpha}.")
        return self.alpha


def _checked(fractions: Sequence[float]) -> tuple[float, ...]:
    steps = tuple(float(fraction) for fraction in fractions)
    rising = all(before < after for before, after in pairwise((0.0, *steps)))
    if not steps or not rising or steps[-1] > 1 + 1e-9:
        raise ValueError(f"Fractions must rise from above 0 to at most 1; they are {steps}.")
    return steps
