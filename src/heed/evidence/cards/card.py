"""The report card: what a risk, a metric, a score or a trigger was worth at this company.

One card for all of them, so that they can be compared: how well it ranks, whether its probabilities hold,
what a team of stated capacity would have caught and missed with it, how early, and the baselines beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from heed.evidence.cards import figures
from heed.evidence.cards.coarse import drawn_of
from heed.evidence.cards.judging import (
    METHODS,
    NO_CAPACITY,
    Band,
    Judged,
    bands,
    capacity_figures,
    figures_of,
    judge,
    median_days,
    paired,
    ranked,
    stability_index,
)
from heed.evidence.cards.records import Recorded
from heed.evidence.cards.resampling import Drawn, Real
from heed.evidence.cards.rows import Column, Rows, column, read_rows
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, wilson


@dataclass(frozen=True, slots=True)
class Beside:
    """A baseline on the same rows, and what the judged one has over it (paired over the same draws)."""

    name: str
    auc: Estimate
    recall: Estimate
    more_auc: Estimate
    more_recall: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCard(Recorded):
    """What it was worth, with n, interval, window and version. `reason` says why figures are unknown.

    `n` rows (account × date) of `accounts` accounts; `events` rows ended with leaving, of `left` accounts.
    `missed` is the share of accounts that left which a team of this capacity would not have looked at before,
    `missed_accounts` are these. `lead_days` is the median of days between the first alert and the leaving.
    `unknown_share` of rows had no score; `assumed_share` of what it was made from has a recording date that
    was assumed. `bands` are groups of ascending score with what became of them.
    """

    name: str
    version: str
    window: str
    seed: int
    probability: bool
    capacity: float | None
    n: int
    accounts: int
    events: int
    left: int
    auc: Estimate
    average_precision: Estimate
    brier: Estimate
    brier_skill: Estimate
    log_loss: Estimate
    calibration_slope: Estimate
    calibration_intercept: Estimate
    calibration_error: Estimate
    recall: Estimate
    precision: Estimate
    lead_days: Estimate
    missed: Estimate
    missed_accounts: tuple[str, ...]
    bands: tuple[Band, ...]
    baselines: tuple[Beside, ...]
    drift: Estimate
    unknown_share: float
    assumed_share: float | None
    notes: tuple[str, ...]
    reason: str


def report_card(
    y: Column,
    score: Column,
    *,
    accounts: Column,
    landmarks: Column | None = None,
    probability: bool = True,
    high_is_risk: bool = True,
    lead_days: Column | None = None,
    capacity: float | None = None,
    baselines: Mapping[str, Column] | None = None,
    clock: Column | None = None,
    trained_on: Column | None = None,
    assumed_share: float | None = None,
    name: str = "",
    window: str = "",
    version: str = "",
    seed: int = 0,
    level: float = LEVEL,
) -> ReportCard:
    """The card of a risk, metric, hand-made score or trigger (1 fired, 0 not).

    All columns have one entry a row, in the same order; a row is an account at a landmark (a date).
    `y`: 1 left within the horizon, 0 stayed, missing if not known yet. `score`: a probability of leaving
    (0 to 1), or with `probability=False` any number; `high_is_risk=False` for health, where low is risky.
    Missing scores are unknown: they rank nowhere and are never flagged.
    `lead_days`: days from the row's date until the account left. `capacity`: how many accounts the team can
    look at on one date (a share of them, if below 1). `baselines`: other scores of the same rows, high being
    risk. `clock`: probabilities that the Brier skill is measured against (else the share that left).
    `trained_on`: the scores at training, to tell drift.
    Raises ValueError for columns that do not fit each other; thin data gives figures that are unknown.
    """
    _check(capacity, level, probability and not high_is_risk)
    rows, n = read_rows(y, score, accounts, landmarks, "score"), len(y)
    if probability:
        _check_probability(rows.values, "score")
    scored, sign = rows.known(), 1.0 if high_is_risk else -1.0
    risk, beside = _with_values(rows, sign * rows.values), _clock(clock, rows, n)
    judged = judge(risk, probability=probability, capacity=capacity, baseline=beside, seed=seed, level=level)
    alerts = _alerts(risk, capacity, _aligned(lead_days, rows, n, "lead_days"), seed, level)
    others = {each: _aligned(values, rows, n, each) for each, values in (baselines or {}).items()}
    return ReportCard(
        name=name, version=version, window=window, seed=seed, probability=probability, capacity=capacity,
        n=rows.n, accounts=rows.accounts, events=int(rows.y.sum()), left=rows.left,
        **{field.name: getattr(judged, field.name) for field in fields(Judged)},
        lead_days=alerts.lead, missed=alerts.missed, missed_accounts=alerts.missed_accounts,
        bands=() if rows.reason else bands(rows.y, rows.values, level=level),
        baselines=tuple(_beside(each, risk, others[each], capacity, seed, level) for each in others),
        drift=_drift(trained_on, scored.values), unknown_share=(rows.n - scored.n) / max(1, rows.n),
        assumed_share=assumed_share, notes=_notes(rows, scored), reason=judged.auc.reason,
    )  # fmt: skip


def _check(capacity: float | None, level: float, contradiction: bool) -> None:
    if contradiction:
        raise ValueError(
            "A probability of leaving is high for those at risk: say probability=False for health."
        )
    if capacity is not None and not 0 < capacity < np.inf:
        raise ValueError(f"A capacity is how many accounts can be looked at, above 0; this is {capacity!r}.")
    if not 0 < level < 1:
        raise ValueError(f"A level is between 0 and 1, such as .95; this is {level!r}.")


def _check_probability(values: Real, name: str) -> None:
    outside = values[np.isfinite(values) & ((values < 0) | (values > 1))]
    if outside.size:
        raise ValueError(
            f"'{name}' is said to be a probability, and one is {outside[0]:g}: "
            "give values from 0 to 1, or say probability=False."
        )


def _aligned(values: Column | None, rows: Rows, n: int, name: str) -> Real | None:
    return None if values is None else column(values, n, name)[rows.kept]


def _clock(values: Column | None, rows: Rows, n: int) -> Real | None:
    """The clock where the score is known; where the clock is not, its mean stands in."""
    found = _aligned(values, rows, n, "clock")
    if found is None or np.isnan(found).all():
        return None
    _check_probability(found, "clock")
    return np.where(np.isnan(found), np.nanmean(found), found)[~np.isnan(rows.values)]


def _with_values(rows: Rows, values: Real) -> Rows:
    return Rows(
        rows.y,
        values,
        rows.clusters,
        rows.landmarks,
        rows.names,
        rows.kept,
        rows.notes,
        rows.reason,
        rows.dates,
    )


def _notes(rows: Rows, scored: Rows) -> tuple[str, ...]:
    silent = rows.n - scored.n
    return rows.notes + ((f"rows without a score, which count as not flagged: {silent:,}",) if silent else ())


@dataclass(frozen=True, slots=True)
class _Alerts:
    missed: Estimate
    missed_accounts: tuple[str, ...]
    lead: Estimate


def _alerts(rows: Rows, capacity: float | None, lead_days: Real | None, seed: int, level: float) -> _Alerts:
    reason = rows.reason or ("" if rows.left else "no account has left yet")
    reason = reason or (NO_CAPACITY if capacity is None else "")
    if reason or capacity is None:
        return _Alerts(Estimate.unknown(reason), (), Estimate.unknown(reason))
    listed = ranked(rows).values
    flagged = figures.Capacity(rows.y, listed, rows.landmarks, capacity).flagged() >= 0.5
    caught = np.unique(rows.clusters[flagged & (rows.y == 1)])
    missed = np.setdiff1d(rows.clusters[rows.y == 1], caught)
    share = wilson(missed.size, rows.left, level=level)
    names = tuple(sorted(rows.names[number] for number in missed))
    return _Alerts(share, names, _lead(rows, flagged, lead_days, seed, level))


def _lead(
    rows: Rows, flagged: "np.ndarray[Any, Any]", days: Real | None, seed: int, level: float
) -> Estimate:
    """The median, over accounts that left and were flagged, of days from the first flag until they left."""
    if days is None:
        return Estimate.unknown("the days until each left were not given")
    chosen = flagged & (rows.y == 1) & np.isfinite(days)
    accounts, number = np.unique(rows.clusters[chosen], return_inverse=True)
    first = np.full(accounts.size, -np.inf)
    np.maximum.at(first, number, days[chosen])
    return median_days(first, seed, level)


def _beside(
    name: str, rows: Rows, values: Real | None, capacity: float | None, seed: int, level: float
) -> Beside:
    """Both on the rows where both are known."""
    if values is None or np.isinf(values).any():
        unknown = Estimate.unknown("the baseline has infinite values", n=rows.n)
        return Beside(name, unknown, unknown, unknown, unknown)
    both = ~np.isnan(rows.values) & ~np.isnan(values)
    own = rows.only(both)
    one, other = own, _with_values(own, values[both])
    reason = rows.reason or own.thin()
    if reason:
        unknown = Estimate.unknown(reason, n=own.n)
        return Beside(name, unknown, unknown, unknown, unknown)
    mine, theirs = (_ranking(each, capacity, seed) for each in (one, other))
    found = {each: theirs[each].estimate(n=own.n, method=METHODS[each], level=level) for each in theirs}
    more = {each: paired(mine, theirs, each, own, level) for each in theirs}
    lacking = Estimate.unknown(NO_CAPACITY, n=own.n)
    return Beside(name, found["auc"], found.get("recall", lacking), more["auc"], more.get("recall", lacking))


def _ranking(rows: Rows, capacity: float | None, seed: int) -> dict[str, Drawn]:
    found = drawn_of(rows, partial(figures_of, probability=False), seed)
    found |= drawn_of(rows, partial(capacity_figures, capacity=capacity), seed, dated=True)
    return {name: found[name] for name in ("auc", "recall") if name in found}


def _drift(trained_on: Column | None, now: Real) -> Estimate:
    if trained_on is None:
        return Estimate.unknown("the scores at training were not given")
    return stability_index(trained_on, now)
