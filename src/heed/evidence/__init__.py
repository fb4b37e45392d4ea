"""How numbers are made: pure functions over tables. No framework, no clock, no hidden randomness."""

from heed.evidence.clock import Clock, Curve, Renewal, Stay
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import wilson
from heed.evidence.metrics import (
    Metric,
    MetricError,
    account_ranges,
    longest_window,
    measure,
    measure_wide,
    parse_metric,
    parse_metrics,
    read_metrics,
    within,
)
from heed.evidence.revenue import (
    Form,
    Movement,
    MovementKind,
    Period,
    Retention,
    converted,
    movements,
    mrr,
    retention,
    retention_of_sums,
)
from heed.evidence.voices import ces, ces_positive, csat, csat_of_counts, nps, nps_of_counts

__all__ = [
    "Clock",
    "Curve",
    "Estimate",
    "Form",
    "Metric",
    "MetricError",
    "Movement",
    "MovementKind",
    "Period",
    "Renewal",
    "Retention",
    "Stay",
    "account_ranges",
    "ces",
    "ces_positive",
    "converted",
    "csat",
    "csat_of_counts",
    "longest_window",
    "measure",
    "measure_wide",
    "movements",
    "mrr",
    "nps",
    "nps_of_counts",
    "parse_metric",
    "parse_metrics",
    "read_metrics",
    "retention",
    "retention_of_sums",
    "wilson",
    "within",
]
