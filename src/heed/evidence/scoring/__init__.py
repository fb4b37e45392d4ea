"""Scores made by hand: their record, what they say of an account and why, and what their weights cost."""

from heed.evidence.scoring.cost import Cost, what_weights_cost
from heed.evidence.scoring.curves import Bounded, Curve, Linear, ScoreError, Step
from heed.evidence.scoring.explaining import (
    Contribution,
    Explanation,
    Override,
    explain_score,
    score_accounts,
)
from heed.evidence.scoring.moves import PartMove, ScoreMove, why_moved
from heed.evidence.scoring.parents import roll_up
from heed.evidence.scoring.score import Cap, HealthScore, Part, Variant
from heed.evidence.scoring.templates import SCORE_TEMPLATES, ScoreTemplate

__all__ = [
    "SCORE_TEMPLATES",
    "Bounded",
    "Cap",
    "Contribution",
    "Cost",
    "Curve",
    "Explanation",
    "HealthScore",
    "Linear",
    "Override",
    "Part",
    "PartMove",
    "ScoreError",
    "ScoreMove",
    "ScoreTemplate",
    "Step",
    "Variant",
    "explain_score",
    "roll_up",
    "score_accounts",
    "what_weights_cost",
    "why_moved",
]
