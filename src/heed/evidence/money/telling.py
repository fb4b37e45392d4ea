"""From runs to what is said: quarters with their intervals, the plain rule beside them, the swings."""

from datetime import date

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.money.frames import Real, Truth
from heed.evidence.money.history import DUE, Past
from heed.evidence.money.outlook import Forecast, Outlook, Quarter, SameAsLast, Swing
from heed.evidence.money.simulating import Plan, Runs

SWINGS = 10
GRR = "GRR point to point: Σ min(now, start) / Σ start"
NRR = "NRR point to point: Σ now / Σ start"
NO_RENEWAL = "no account that still pays has a renewal due in this span"


def told_quarters(
    span: pd.PeriodIndex, plan: Plan, past: Past, runs: Runs, new: Real | None
) -> tuple[tuple[Quarter, ...], Quarter]:
    """Each quarter ahead, and the whole span."""
    each = tuple(quarter_of(at, quarter, quarter, plan, past, runs, new) for at, quarter in enumerate(span))
    return each, quarter_of(len(span), span[0], span[-1], plan, past, runs, new)


def quarter_of(
    at: int,
    first: pd.Period,
    last: pd.Period,
    plan: Plan,
    past: Past,
    runs: Runs,
    new: Real | None,
) -> Quarter:
    """Quarter `at` of the runs; `at` = the number of quarters is the whole span."""
    n = len(plan.amount)
    due = plan.due if at == plan.due.shape[1] else plan.due[:, [at]]
    counted = int(due.any(axis=1).sum())

    def renewing(values: Real, method: str) -> Outlook:
        return Outlook.of(values, n=counted, method=method) if counted else Outlook.unknown(NO_RENEWAL)

    closing = runs.closing[at] if new is None else runs.closing[at] + new[min(at, len(new) - 1)]
    with np.errstate(invalid="ignore", divide="ignore"):
        grr, nrr = runs.kept[at] / runs.started[at], runs.ended[at] / runs.started[at]
    due_amount = Outlook.of(runs.due_amount[at], n=counted, method="monthly amount up for renewal")
    return Quarter(
        starts_on=first.start_time.date(),
        ends_on=last.end_time.date(),
        renewals_due=Outlook.of(runs.due[at], n=counted, method="accounts up for renewal"),
        due_amount=due_amount,
        renewed_amount=renewing(runs.renewed[at], "monthly amount up for renewal that is kept"),
        grr=Outlook.of(grr, n=n, method=GRR),
        nrr=Outlook.of(nrr, n=n, method=NRR),
        closing_mrr=Outlook.of(closing, n=n, method="monthly amount paid at the end"),
        same_as_last=_same_as_last(past, plan, at, due_amount.value or 0.0),
    )


def _same_as_last(past: Past, plan: Plan, at: int, due_amount: float) -> SameAsLast:
    method = f"same as last quarter, {past.quarters[-1]}"
    opening, closing = past.opening[:, -1], past.closing[:, -1]
    if not opening.sum():
        nothing = Estimate.unknown("no recurring revenue at the start of last quarter", method=method)
        return SameAsLast(renewed_amount=nothing, grr=nothing, nrr=nothing, closing_mrr=nothing)
    quarters = plan.due.shape[1]
    spans = quarters if at == quarters else 1
    paid = opening > 0
    grr = float(np.minimum(opening, closing).sum() / opening.sum())
    nrr = float(closing[paid].sum() / opening.sum())
    start = float(plan.begun.sum()) + plan.gone_begun
    return SameAsLast(
        renewed_amount=_last_renewed(past, due_amount, method),
        grr=Estimate(grr**spans, n=int(paid.sum()), method=method),
        nrr=Estimate(nrr**spans, n=int(paid.sum()), method=method),
        closing_mrr=Estimate(start * nrr ** min(at + 1, quarters), n=int(paid.sum()), method=method),
    )


def _last_renewed(past: Past, due_amount: float, method: str) -> Estimate:
    due: Truth = (past.groups[:, -1] == DUE) & past.paying[:, -1]
    opening, closing = past.opening[due, -1], past.closing[due, -1]
    if not opening.sum():
        return Estimate.unknown("no renewal was due last quarter", method=method)
    kept = float(np.minimum(opening, closing).sum() / opening.sum())
    return Estimate(due_amount * kept, n=int(due.sum()), method=method)


def swings(known: pd.DataFrame, runs: Runs) -> tuple[Swing, ...]:
    paying = known[known["amount"] > 0]
    first = np.argsort(-runs.variance_share, kind="stable")[:SWINGS]
    return tuple(
        Swing(
            str(paying["account"].iloc[at]),
            float(paying["amount"].iloc[at]),
            float(runs.left[at]),
            float(runs.variance_share[at]),
        )
        for at in first
        if runs.variance_share[at] > 0
    )


def unknown_forecast(reason: str, as_of: date, span: pd.PeriodIndex, runs: int, seed: int) -> Forecast:
    def quarter(first: pd.Period, last: pd.Period) -> Quarter:
        nothing, none = Outlook.unknown(reason), Estimate.unknown(reason)
        return Quarter(
            starts_on=first.start_time.date(), ends_on=last.end_time.date(), renewals_due=nothing,
            due_amount=nothing, renewed_amount=nothing, grr=nothing, nrr=nothing, closing_mrr=nothing,
            same_as_last=SameAsLast(renewed_amount=none, grr=none, nrr=none, closing_mrr=none),
        )  # fmt: skip

    return Forecast(
        as_of=as_of, quarters=tuple(quarter(each, each) for each in span), whole=quarter(span[0], span[-1]),
        runs=runs, seed=seed, reason=reason,
    )  # fmt: skip
