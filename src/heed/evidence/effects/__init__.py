"""What works: effects of touches and experiments, each with its interval and the guarantee that holds."""

from heed.evidence.effects.assignment import (
    RatioCheck,
    assign,
    if_ratio_holds,
    sample_ratio_check,
    sequential_ratio_check,
)
from heed.evidence.effects.confidence_sequences import (
    BettingSequence,
    ConfidenceSequence,
    running_intersection,
)
from heed.evidence.effects.contrast import MeanContrast, ShareContrast
from heed.evidence.effects.decision import Decision
from heed.evidence.effects.gain import gain_area, gain_curve, qini
from heed.evidence.effects.holdout import HoldoutEffect, holdout_effect
from heed.evidence.effects.means import mean_contrast, mean_effect
from heed.evidence.effects.observational import ObservationalEffect, observational_effect
from heed.evidence.effects.overlap import Overlap
from heed.evidence.effects.planning import (
    Design,
    Plan,
    plan_experiment,
    plan_mean_experiment,
    smallest_visible_effect,
)
from heed.evidence.effects.proportions import (
    Stratum,
    clustered_proportion_effect,
    proportion_effect,
    proportion_ratio,
    stratified_proportion_effect,
)
from heed.evidence.effects.sensitivity import EValue, e_value
from heed.evidence.effects.sequential import GroupSequential
from heed.evidence.effects.success import (
    PooledRates,
    SuccessRate,
    pooled_success_rates,
    success_rate,
)
from heed.evidence.effects.uplift import UpliftScorer

__all__ = [
    "BettingSequence",
    "ConfidenceSequence",
    "Decision",
    "Design",
    "EValue",
    "GroupSequential",
    "HoldoutEffect",
    "MeanContrast",
    "ObservationalEffect",
    "Overlap",
    "Plan",
    "PooledRates",
    "RatioCheck",
    "ShareContrast",
    "Stratum",
    "SuccessRate",
    "UpliftScorer",
    "assign",
    "clustered_proportion_effect",
    "e_value",
    "gain_area",
    "gain_curve",
    "holdout_effect",
    "if_ratio_holds",
    "mean_contrast",
    "mean_effect",
    "observational_effect",
    "plan_experiment",
    "plan_mean_experiment",
    "pooled_success_rates",
    "proportion_effect",
    "proportion_ratio",
    "qini",
    "running_intersection",
    "sample_ratio_check",
    "sequential_ratio_check",
    "smallest_visible_effect",
    "stratified_proportion_effect",
    "success_rate",
]
