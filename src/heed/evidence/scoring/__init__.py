"""Scores made by hand: their record, what they say of an account and why, and what their weights cost."""

from heed.evidence.scoring.curves import Bounded, Curve, Linear, ScoreError, Step
from heed.evidence.scoring.explaining import (
    Contribution,
    Explanation,
    Override,
    explain_score,
    score_accounts,
)
from heed.evidence.scoring.score import Cap, HealthScore, Part, Variant

__all__ = [
    "Bounded",
    "Cap",
    "Contribution",
    "Curve",
    "Explanation",
    "HealthScore",
    "Linear",
    "Override",
    "Part",
    "ScoreError",
    "Step",
    "Variant",
    "explain_score",
    "score_accounts",
]
