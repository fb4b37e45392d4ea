"""What a touch does to a mean: seats used, revenue kept, hours saved.

Without covariates: the difference of means with Welch's unequal variances. With covariates known before the
treatment (CUPED: Deng and others 2013), the regression with interactions of Lin (2013), which is never worse
in large samples and needs no model to be true; errors are heteroskedasticity-robust (HC2), or by cluster
(Liang and Zeger's with the usual correction) where accounts come in clusters, and allow for covariates whose
mean in the sample is not that of all accounts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.effects.contrast import MeanContrast, size_of
from heed.evidence.effects.proportions import empty_arm, few_clusters
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile
from heed.evidence.tables import numbers

WELCH = "difference of means, Welch"
ADJUSTED = "difference of means adjusted for covariates (CUPED, Lin's regression, HC2)"
CLUSTERED = "difference of means, errors by cluster"
ADJUSTED_CLUSTERED = (
    "difference of means adjusted for covariates (CUPED, Lin's regression), errors by cluster"
)
LEAST_PER_ARM = 2
ROWS_PER_COLUMN = 3
ROUNDING = 1e-12

Real = npt.NDArray[np.float64]
Column = pd.Series | npt.NDArray[np.generic] | Sequence[float]


@dataclass(frozen=True, slots=True)
class _Arms:
    """Rows of accounts: outcome, 0/1 treated, centred covariates (n × k), and cluster numbers or None."""

    outcome: Real
    treated: Real
    covariates: Real
    clusters: npt.NDArray[np.int64] | None

    @property
    def method(self) -> str:
        if self.clusters is not None:
            return ADJUSTED_CLUSTERED if self.covariates.shape[1] else CLUSTERED
        return ADJUSTED if self.covariates.shape[1] else WELCH


def mean_effect(
    outcome: Column,
    treated: Column,
    covariates: pd.DataFrame | None = None,
    clusters: pd.Series | npt.NDArray[np.generic] | Sequence[object] | None = None,
    *,
    level: float = LEVEL,
) -> Estimate:
    """Mean of the treated less mean of the control, in the outcome's unit; one row per account.

    `covariates` are numbers known before the treatment, such as the outcome of the period before; a missing
    one is a level of its own. `clusters` names the company or site that was assigned as a whole.
    """
    contrast = mean_contrast(outcome, treated, covariates, clusters)
    if isinstance(contrast, Estimate):
        return contrast
    low, high = contrast.interval(normal_quantile(level))
    return Estimate(contrast.value, low, high, contrast.n, level, contrast.method)


def mean_contrast(
    outcome: Column,
    treated: Column,
    covariates: pd.DataFrame | None = None,
    clusters: pd.Series | npt.NDArray[np.generic] | Sequence[object] | None = None,
) -> MeanContrast | Estimate:
    """What `mean_effect` says, in the form that rules of stopping read; unknown as an `Estimate`."""
    arms = _arms(outcome, treated, covariates, clusters)
    if reason := _refusal(arms):
        return Estimate.unknown(reason, n=len(arms.outcome), method=arms.method)
    value, error, freedom = _welch(arms) if arms.method == WELCH else _regression(arms)
    # Sums of equal numbers such as .1 differ in their last digit: what is left of them is no spread.
    if not error > ROUNDING * float(np.abs(arms.outcome).max()):
        reason = "every account has the same outcome within its arm, so the spread cannot be measured"
        return Estimate.unknown(reason, n=len(arms.outcome), method=arms.method)
    size = size_of(int(arms.treated.sum()), int((1 - arms.treated).sum()))
    return MeanContrast(value, error, len(arms.outcome), size, freedom, arms.method)


def _arms(outcome: Column, treated: Column, covariates: pd.DataFrame | None, clusters: object) -> _Arms:
    values, arm = numbers(pd.Series(outcome, name="outcome")), numbers(pd.Series(treated, name="treated"))
    if values.ndim != 1 or values.shape != arm.shape:
        raise ValueError(
            f"outcome and treated need one value per account; they have {values.shape} and {arm.shape}."
        )
    if not np.isin(arm, (0.0, 1.0)).all():
        raise ValueError("treated needs 0 or 1 for every account.")
    columns = np.empty((len(values), 0)) if covariates is None else _centred(covariates, len(values))
    return _Arms(values, arm, columns, None if clusters is None else _numbered(clusters, len(values)))


def _centred(covariates: pd.DataFrame, n: int) -> Real:
    """Covariates less their means; a missing value becomes the mean, with an indicator of its own."""
    if len(covariates) != n:
        raise ValueError(f"covariates have {len(covariates)} rows, the outcome has {n}.")
    values = np.column_stack([np.empty((n, 0)), *(numbers(covariates[name]) for name in covariates)])
    missing = np.isnan(values)
    known = np.where(missing, 0.0, values).sum(axis=0) / np.maximum(1, (~missing).sum(axis=0))
    columns = np.hstack([np.where(missing, known, values), missing.astype(float)])
    if not np.isfinite(columns).all():
        return columns
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    varying = spread > 1e-12 * (1 + np.abs(columns).max(axis=0, initial=0.0))
    scaled: Real = centred[:, varying] / spread[varying]
    _, distinct = np.unique(np.round(scaled, 12), axis=1, return_index=True)
    return scaled[:, np.sort(distinct)]


def _numbered(clusters: object, n: int) -> npt.NDArray[np.int64]:
    names = pd.Series(np.asarray(clusters, dtype=object))
    if len(names) != n:
        raise ValueError(f"clusters have {len(names)} rows, the outcome has {n}.")
    if names.isna().any():
        raise ValueError("Every account needs a cluster; one without is a cluster of its own.")
    return pd.factorize(names)[0].astype(np.int64)


def _refusal(arms: _Arms) -> str:
    n, treated_n = len(arms.outcome), int(arms.treated.sum())
    if reason := empty_arm(treated_n, n - treated_n):
        return reason
    if unknown := int(np.isnan(arms.outcome).sum()):
        return f"the outcome of {unknown} of {n} accounts is not known yet"
    if endless := int(np.isinf(arms.outcome).sum()):
        return f"the outcome of {endless} of {n} accounts is infinite"
    if not np.isfinite(arms.covariates).all():
        return "a covariate is infinite for some accounts"
    fewest = min(treated_n, n - treated_n)
    if fewest < LEAST_PER_ARM:
        return f"an arm has only {fewest} account, at least {LEAST_PER_ARM} are needed"
    columns = arms.covariates.shape[1]
    if columns and fewest < ROWS_PER_COLUMN * (1 + columns):
        needed = ROWS_PER_COLUMN * (1 + columns)
        return f"an arm has {fewest} accounts, at least {needed} are needed to adjust for covariates"
    if arms.clusters is None:
        return ""
    return few_clusters(min(len(np.unique(arms.clusters[arms.treated == arm])) for arm in (0.0, 1.0)))


def _welch(arms: _Arms) -> tuple[float, float, float]:
    """Difference, standard error and Welch-Satterthwaite degrees of freedom."""
    groups = [arms.outcome[arms.treated == arm] for arm in (1.0, 0.0)]
    parts = np.array([group.var(ddof=1) / len(group) for group in groups])
    total = float(parts.sum())
    below = float(np.sum(parts**2 / np.array([len(group) - 1 for group in groups])))
    freedom = total**2 / below if below > 0 else 1.0
    return float(groups[0].mean() - groups[1].mean()), float(np.sqrt(total)), freedom


def _regression(arms: _Arms) -> tuple[float, float, float]:
    """Coefficient of the treatment in outcome ~ 1 + treated + covariates + treated·covariates."""
    treated = arms.treated[:, None]
    design = np.hstack([np.ones_like(treated), treated, arms.covariates, treated * arms.covariates])
    bread = np.linalg.pinv(design.T @ design)
    coefficients = bread @ design.T @ arms.outcome
    residuals = arms.outcome - design @ coefficients
    # What the treatment's coefficient takes from each row, and what it owes to the sample's mean covariates:
    # accounts to come may have others, for whom the treatment does more or less (Negi and Wooldridge 2021).
    taken = design @ bread[1] * residuals
    owed = arms.covariates @ coefficients[2 + arms.covariates.shape[1] :] / len(design)
    if arms.clusters is None:
        leverage = np.einsum("ij,jk,ik->i", design, bread, design)
        variance = float(np.sum(taken**2 / np.maximum(1e-9, 1 - leverage)) + np.sum(owed**2))
        return float(coefficients[1]), variance**0.5, float(len(design) - design.shape[1])
    return float(coefficients[1]), *_by_cluster(taken + owed, arms.clusters, design.shape)


def _by_cluster(parts: Real, clusters: npt.NDArray[np.int64], shape: tuple[int, ...]) -> tuple[float, float]:
    """Standard error and degrees of freedom: the clusters less two, as each arm's mean is estimated."""
    sums = np.bincount(clusters, parts)
    count, (n, columns) = len(sums), shape
    correction = count / (count - 1) * (n - 1) / (n - columns)
    return float(np.sqrt(correction * float(sums @ sums))), float(count - 2)
