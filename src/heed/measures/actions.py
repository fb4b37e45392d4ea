"""The verbs of measures: define metrics, measure accounts, estimate who may leave (`learning` learns it)."""

from heed.measures.definitions import ensure_starter_metrics, new_version, set_key_activities
from heed.measures.measuring import MeasuredAccounts, measure_accounts
from heed.measures.risk import Estimated, estimate_risk

__all__ = [
    "Estimated",
    "MeasuredAccounts",
    "ensure_starter_metrics",
    "estimate_risk",
    "measure_accounts",
    "new_version",
    "set_key_activities",
]
