"""The risk model's word on every account and day, kept: any past score reopens and can be made again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from heed.customers.shelves import batches
from heed.evidence.estimate import Estimate
from heed.evidence.metrics import Metric
from heed.evidence.risk import HazardModel, Reasons
from heed.measures.day import features_of_day
from heed.measures.definitions import metrics_of
from heed.measures.drift import drift_on
from heed.measures.measuring import history_of
from heed.measures.models import RiskModel, RiskScore, ScoredDay
from heed.measures.packing import packed, unpacked
from heed.measures.stays import Contract, contracts

AHEAD: Final = (30, 90, 180, 365)
USUAL: Final = 90


def model_for(as_of: date) -> RiskModel | None:
    """The version in force on a day: the last one learnt by then, unless it abstains."""
    latest = RiskModel.objects.filter(as_of__lte=as_of).order_by("-as_of", "-version").first()
    return latest if latest is not None and latest.record is not None else None


def score_accounts(as_of: date, known: Sequence[Contract]) -> dict[int, RiskScore]:
    """Score every account that pays on a date, from what is known by its end; by account, as now stored.

    `known` are the contracts as known then. What the model was told of each account is kept with the day.
    Nothing where no model is in force. The same day again writes what changed.
    """
    version = model_for(as_of)
    RiskScore.objects.exclude(account__withdrawn_at=None, account__erased_at=None).delete()
    if version is None:
        return {}
    features = features_of_day(as_of, metrics_of(version.definitions), known)
    found = [score for score in scored(version, features, as_of) if score is not None]
    _forget_others(as_of, {score.account_id for score in found})
    RiskScore.objects.bulk_create(
        found,
        batch_size=2_000,
        update_conflicts=True,
        unique_fields=["account", "as_of"],
        update_fields=["model", "horizon_on", "probability", "low", "high", "probabilities"],
    )
    drift = drift_on(as_of, version, loaded(version), features, known)
    told = {"model": version, "table": packed(features), "drift": drift.to_record()}
    ScoredDay.objects.update_or_create(as_of=as_of, defaults=told)
    stored = RiskScore.objects.filter(as_of=as_of).select_related("model__panel")
    # What a version learnt from is megabytes, and the same for all.
    stored = stored.defer("model__record", "model__card", "model__panel__table")
    return {score.account_id: score for score in stored}


def _forget_others(as_of: date, scored: Collection[int]) -> None:
    """What was scored earlier that day and is not any more: it could not be made again from what is kept."""
    stored = RiskScore.objects.filter(as_of=as_of).values_list("account", "pk")
    for gone in batches(pk for account, pk in stored if account not in scored):
        RiskScore.objects.filter(pk__in=gone).delete()


def asked_of(version: RiskModel) -> list[Metric]:
    """The metrics that a version learnt from, as they were defined then."""
    return list(metrics_of(version.definitions).values())


def scored(version: RiskModel, features: pd.DataFrame, as_of: date) -> list[RiskScore | None]:
    """What a version says of rows of features (accounts by number), row by row; None: it has no answer."""
    model = loaded(version)
    ahead = horizons(features, model)
    with threadpool_limits(1):
        estimates = model.estimate(features, ahead)
        chances = {days: model.predict_proba(features, days) for days in AHEAD if days <= model.longest_}
    return [
        _score(version, int(account), as_of, int(ahead[row]), estimates[row], chances, row)
        for row, account in enumerate(features["account"])
    ]


def loaded(version: RiskModel) -> HazardModel:
    """The model of a version, as it was learnt."""
    return _loaded(version.pk, version.version)


@lru_cache(maxsize=8)
def _loaded(pk: int, version: int) -> HazardModel:
    record: Any = RiskModel.objects.values_list("record", flat=True).get(pk=pk)
    return HazardModel.from_record(record)


def horizons(features: pd.DataFrame, model: HazardModel) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """How many days ahead each row is asked for: to its renewal and the day after, else 90; no further than
    the model has seen."""
    renewal = features["days_to_renewal"].to_numpy(dtype=np.float64)
    ahead = np.where(np.isnan(renewal), USUAL, renewal + 1)
    return np.clip(ahead, 1, model.longest_).astype(np.int64)


def _score(
    version: RiskModel,
    account: int,
    as_of: date,
    ahead: int,
    estimate: Estimate,
    chances: dict[int, Any],
    row: int,
) -> RiskScore | None:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    return RiskScore(
        account_id=account, model=version, as_of=as_of, horizon_on=as_of + timedelta(days=ahead),
        probability=estimate.value, low=estimate.low, high=estimate.high,
        probabilities={str(days): float(values[row]) for days, values in chances.items()},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reopened:
    """A score made again from what the model was told on its day: the score, what it was told (one row), and
    what each of that adds to the log-odds. `changed` are metrics of which more, or less, is known of that day
    since; None where the account is no longer known to have paid then.
    """

    again: RiskScore
    told: pd.DataFrame
    why: Reasons
    changed: tuple[str, ...] | None


def reopened(score: RiskScore) -> Reopened | None:
    """A stored score made again; None where what the model was told was not kept."""
    day = ScoredDay.objects.filter(as_of=score.as_of, model=score.model_id).first()
    rows = unpacked(day.table) if day is not None else pd.DataFrame(columns=["account"])
    told = rows[rows["account"] == score.account_id].reset_index(drop=True)
    if told.empty:
        return None
    (again,) = scored(score.model, told, score.as_of)
    ahead = float((score.horizon_on - score.as_of).days)
    why = loaded(score.model).contributions(told, ahead)
    return None if again is None else Reopened(again, told, why, _changed(score, told))


def _changed(score: RiskScore, told: pd.DataFrame) -> tuple[str, ...] | None:
    if not any(contract.in_force(score.as_of) for contract in contracts(score.as_of, account=score.account)):
        return None
    now = history_of(score.account, asked_of(score.model), [score.as_of])
    return tuple(
        key for key, points in now.items() for point in points if _differ(told[key].iloc[0], point.value)
    )


def _differ(told: float, now: float | None) -> bool:
    return told != now if now is not None else not pd.isna(told)


def same(one: RiskScore, other: RiskScore) -> bool:
    """Whether two scores are alike to the last bit."""
    names = ("model_id", "horizon_on", "probability", "low", "high", "probabilities")
    return all(getattr(one, name) == getattr(other, name) for name in names)
