"""The metric language and how metrics are measured."""

from heed.evidence.metrics.language import Metric, MetricError, parse_metric, parse_metrics, read_metrics
from heed.evidence.metrics.measuring import account_ranges, measure, measure_wide, within
from heed.evidence.metrics.one_account import measure_account
from heed.evidence.metrics.terms import longest_window

__all__ = [
    "Metric",
    "MetricError",
    "account_ranges",
    "longest_window",
    "measure",
    "measure_account",
    "measure_wide",
    "parse_metric",
    "parse_metrics",
    "read_metrics",
    "within",
]
