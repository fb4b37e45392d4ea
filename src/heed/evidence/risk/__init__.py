"""Who leaves, how soon and why: hazards on landmarks, their panels, folds and reasons."""

from heed.evidence.risk.calibration import Calibration, calibration_of
from heed.evidence.risk.classifier import RenewalClassifier
from heed.evidence.risk.folds import account_bootstrap, forward_folds
from heed.evidence.risk.hazard import HazardModel
from heed.evidence.risk.panel import Panel, landmark_panel, outcome
from heed.evidence.risk.reasons import CONTRACT_CLOCK, Reasons

__all__ = [
    "CONTRACT_CLOCK",
    "Calibration",
    "HazardModel",
    "Panel",
    "Reasons",
    "RenewalClassifier",
    "account_bootstrap",
    "calibration_of",
    "forward_folds",
    "landmark_panel",
    "outcome",
]
