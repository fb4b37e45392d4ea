"""How many accounts an experiment needs, how long it takes, and what it could see at all.

For shares by the normal approximation with the pooled variance under "no difference" (Fleiss, Levin and Paik
2003), as the test is made; for means by the normal approximation. Clusters multiply the accounts by their
design effect 1 + (m - 1)·ρ (Donner and Klar 2000), looks by the inflation of the chosen rule of stopping.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, inf, isfinite, sqrt
from typing import Literal

from scipy.optimize import brentq

from heed.evidence.effects.confidence_sequences import ConfidenceSequence
from heed.evidence.effects.sequential import GroupSequential
from heed.evidence.effects.spending import crossing
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import normal_quantile

Watching = Literal["obrien_fleming", "pocock", "any_time"]
ANY_TIME_LOOKS = 25
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Design:
    """How an experiment is run.

    `looks` is how often it is read; `watching` by which rule ("any_time" is a `ConfidenceSequence`, for which
    the number of looks does not matter). Accounts come in clusters of `cluster_size` on average, alike by
    `within_cluster` (intra-cluster correlation, 0 to 1), where whole clusters are assigned.
    """

    alpha: float = 0.05
    power: float = POWER
    treated_share: float = 0.5
    looks: int = 1
    watching: Watching = "obrien_fleming"
    cluster_size: float = 1.0
    within_cluster: float = 0.0

    def __post_init__(self) -> None:
        for name in ("alpha", "power", "treated_share"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} lies between 0 and 1; it is {getattr(self, name)}.")
        counted = 1 <= self.looks < inf and 1 <= self.cluster_size < inf
        if not counted or not 0 <= self.within_cluster <= 1:
            raise ValueError(
                f"A design needs looks and cluster_size from 1 and within_cluster from 0 to 1; they are "
                f"{self.looks}, {self.cluster_size} and {self.within_cluster}."
            )

    @property
    def design_effect(self) -> float:
        """How many times the accounts are needed because those of a cluster are alike."""
        return 1 + (self.cluster_size - 1) * self.within_cluster

    @property
    def inflation(self) -> float:
        """How many times the accounts are needed because the experiment is read on the way."""
        return inflation(self.looks, self.watching, self.alpha, self.power)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many accounts each arm needs, and the weeks until the last has its outcome; None with a reason."""

    treated_n: int | None
    control_n: int | None
    weeks: float | None
    design: Design
    reason: str = ""


def plan_experiment(
    baseline: float,
    smallest_effect: float,
    design: Design | None = None,
    *,
    accounts_per_week: float | None = None,
    available: int | None = None,
    outcome_after_weeks: float = 0.0,
) -> Plan:
    """Accounts for a share: `baseline` of the control (0 to 1), `smallest_effect` the least worth having.

    `accounts_per_week` enter the experiment, of which at most `available` exist; an outcome is known
    `outcome_after_weeks` after entering.
    """
    design = design or Design()
    if reason := _impossible_share(baseline, smallest_effect):
        return Plan(None, None, None, design, reason)
    needed = _accounts_for_share(baseline, smallest_effect, design)
    return _plan(needed, design, accounts_per_week, available, outcome_after_weeks)


def plan_mean_experiment(
    spread: float,
    smallest_effect: float,
    design: Design | None = None,
    *,
    covariate_correlation: float = 0.0,
    accounts_per_week: float | None = None,
    available: int | None = None,
    outcome_after_weeks: float = 0.0,
) -> Plan:
    """Accounts for a mean: `spread` is the outcome's standard deviation between accounts, in its unit.

    A covariate of the period before saves the square of `covariate_correlation`, its correlation with the
    outcome.
    """
    design = design or Design()
    if not 0 < spread < inf or not -1 < covariate_correlation < 1 or not isfinite(smallest_effect):
        raise ValueError(
            "spread is a number above 0, smallest_effect a number, and covariate_correlation lies between -1 "
            f"and 1; they are {spread}, {smallest_effect} and {covariate_correlation}."
        )
    if not smallest_effect:
        return Plan(None, None, None, design, "an effect of 0 cannot be found by any number of accounts")
    share = design.treated_share
    variance = spread**2 * (1 - covariate_correlation**2) * (1 / share + 1 / (1 - share))
    needed = variance * sum(_quantiles(design)) ** 2 / smallest_effect**2
    needed *= design.design_effect * design.inflation
    return _plan(needed, design, accounts_per_week, available, outcome_after_weeks)


def smallest_visible_effect(
    baseline: float, treated_n: int, control_n: int, design: Design | None = None, *, upwards: bool = True
) -> Estimate:
    """The smallest difference of shares that so many accounts would find with the design's power.

    The design's `treated_share` is taken from the arms. Negative where asked downwards.
    """
    method = "smallest effect found with the stated power"
    n = treated_n + control_n
    if treated_n <= 0 or control_n <= 0:
        return Estimate.unknown("an arm is empty, so no effect could be seen", n=max(0, n), method=method)
    if not 0 < baseline < 1:
        reason = "everyone or nobody of the control succeeds, so its spread is not known"
        return Estimate.unknown(reason, n=n, method=method)
    design = replace(design or Design(), treated_share=treated_n / n)
    farthest = (1 - baseline if upwards else -baseline) * (1 - 1e-9)

    def missing(effect: float) -> float:
        return _accounts_for_share(baseline, effect, design) - n

    if missing(farthest) > 0:
        way = "rose to 100 %" if upwards else "fell to 0 %"
        reason = f"with {n} accounts even an effect by which the share {way} would often be missed"
        return Estimate.unknown(reason, n=n, method=method)
    value = float(brentq(missing, farthest * 1e-4, farthest, xtol=1e-9))
    return Estimate(value, n=n, level=1 - design.alpha, method=method)


@lru_cache(maxsize=256)
def inflation(looks: int, watching: Watching, alpha: float, power: float) -> float:
    """How many times the accounts of a single test a rule of stopping needs for the same power."""
    if watching != "any_time":
        return 1.0 if looks == 1 else GroupSequential(looks, spending=watching, alpha=alpha).inflation(power)
    fractions = tuple((number + 1) / ANY_TIME_LOOKS for number in range(ANY_TIME_LOOKS))
    sequence = ConfidenceSequence(1, 1, level=1 - alpha)
    critical = tuple(sequence.critical(fraction) for fraction in fractions)
    drift = brentq(lambda drift: sum(crossing(fractions, critical, drift)) - power, 0.0, 20.0, xtol=1e-4)
    alone = normal_quantile(1 - alpha) + normal_quantile(2 * power - 1)
    return float(drift / alone) ** 2


def _quantiles(design: Design) -> tuple[float, float]:
    return normal_quantile(1 - design.alpha), normal_quantile(2 * design.power - 1)


def _accounts_for_share(baseline: float, effect: float, design: Design) -> float:
    """All accounts, both arms, as a real number."""
    share, treated = design.treated_share, baseline + effect
    pooled = share * treated + (1 - share) * baseline
    alike = pooled * (1 - pooled) * (1 / share + 1 / (1 - share))
    apart = treated * (1 - treated) / share + baseline * (1 - baseline) / (1 - share)
    of_alpha, of_power = _quantiles(design)
    alone = (of_alpha * sqrt(alike) + of_power * sqrt(apart)) ** 2 / effect**2
    return alone * design.design_effect * design.inflation


def _impossible_share(baseline: float, effect: float) -> str:
    if not 0 <= baseline <= 1:
        raise ValueError(f"The control's share lies between 0 and 1; it is {baseline}.")
    if not effect:
        return "an effect of 0 cannot be found by any number of accounts"
    if not 0 <= baseline + effect <= 1:
        return f"a share of {100 * baseline:.0f} % cannot change by {100 * effect:+.0f} points"
    return ""


def _plan(
    needed: float,
    design: Design,
    accounts_per_week: float | None,
    available: int | None,
    outcome_after_weeks: float,
) -> Plan:
    if not 0 <= outcome_after_weeks < inf:
        raise ValueError(f"An outcome is known 0 weeks after entering or more, not {outcome_after_weeks}.")
    treated, control = ceil(needed * design.treated_share), ceil(needed * (1 - design.treated_share))
    if available is not None and treated + control > available:
        reason = f"{treated + control} accounts are needed, only {available} are available"
        return Plan(treated, control, None, design, reason)
    if accounts_per_week is None:
        return Plan(treated, control, None, design)
    if not accounts_per_week > 0:
        return Plan(treated, control, None, design, "no accounts enter, so it would never end")
    return Plan(treated, control, (treated + control) / accounts_per_week + outcome_after_weeks, design)
