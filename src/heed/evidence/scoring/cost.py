"""What weights chosen by hand cost against the model: what the model ranks better, on the same rows."""

from dataclasses import dataclass

import numpy as np

from heed.evidence.cards import Beside, report_card
from heed.evidence.cards.rows import Column, column
from heed.evidence.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Cost:
    """AUC and recall of score and model, and what the model has more (above 0: the weights cost)."""

    score_auc: Estimate
    model_auc: Estimate
    auc: Estimate
    recall: Estimate
    reason: str


def what_weights_cost(
    health: Column,
    probability: Column,
    y: Column,
    *,
    accounts: Column,
    landmarks: Column | None = None,
    capacity: float | None = None,
    seed: int = 0,
) -> Cost:
    """`health`: the hand-made score of each row (high is healthy, missing if unknown); `probability`: the
    model's, of leaving; `y`: 1 left, 0 stayed. Both are compared on rows where both are known, over the same
    draws of accounts. Thin data gives unknown figures, columns that do not fit a ValueError."""
    score = column(health, len(y), "health")
    known = np.where(np.isnan(score), np.nan, column(probability, len(y), "probability"))
    card = report_card(
        y, known, accounts=accounts, landmarks=landmarks, capacity=capacity, seed=seed,
        baselines={"score": -score},
    )  # fmt: skip
    beside = card.baselines[0]
    return Cost(beside.auc, card.auc, beside.more_auc, beside.more_recall, _words(beside, capacity))


def _words(beside: Beside, capacity: float | None) -> str:
    by_recall = capacity is not None and beside.more_recall.value is not None
    more = beside.more_recall if by_recall else beside.more_auc
    if more.value is None or more.low is None or more.high is None:
        return more.reason or "too little is known to compare them"
    what = "of those that leave, found at the team's capacity" if by_recall else "of AUC"
    span = f"({100 * more.low:.0f} to {100 * more.high:.0f})"
    if more.low > 0:
        return f"the weights cost {100 * more.value:.0f} points {span} {what}"
    if more.high < 0:
        return f"the weights do better than the model by {-100 * more.value:.0f} points {span} {what}"
    return f"that the weights cost anything is not shown: {100 * more.value:.0f} points {span} {what}"
