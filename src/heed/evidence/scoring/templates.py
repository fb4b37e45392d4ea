"""Scores as others publish them, to start from and to compare with: each with the metrics that it reads.

None of them was ever fitted to this company; their report cards say what they are worth here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heed.evidence.scoring.score import HealthScore


@dataclass(frozen=True, slots=True)
class ScoreTemplate:
    """A score, the definitions of its metrics (in the metric language), and below which figure it alerts."""

    score: HealthScore
    metrics: tuple[Mapping[str, Any], ...]
    alert_below: float
    source: str


def _usage(
    key: str, name: str, sentence: str, unit: str, direction: str = "up_is_good", **how: Any
) -> dict[str, Any]:
    return {
        "key": key, "name": name, "sentence": sentence, "unit": unit, "direction": direction,
        "activities": ["usage"], **how,
    }  # fmt: skip


DAYS_ACTIVE = _usage(
    "days_active", "Days active", "days with usage in the last 28 days", "days",
    aggregate="days_active", window=28,
)  # fmt: skip
DAYS_SINCE_USAGE = _usage(
    "days_since_usage", "Days since last use", "days since anybody last used the product", "days",
    "down_is_good", aggregate="days_since_last",
)  # fmt: skip
USAGE_TREND = _usage(
    "usage_trend", "Usage trend",
    "usage of the last 28 days against the account's own mean of the three 28-day windows before", "times",
    aggregate="count", window=28, comparison={"against": "own_baseline", "windows": 3, "result": "ratio"},
)  # fmt: skip
USAGE_DROP = _usage(
    "usage_14_days", "Usage in 14 days", "usage of the last 14 days against the 14 days before", "times",
    aggregate="count", window=14, comparison={"against": "previous_window", "result": "ratio"},
)  # fmt: skip

THRESHOLDS = ScoreTemplate(
    HealthScore.from_record({
        "name": "Thresholds",
        "note": "Poor, concerning or healthy counts 0, 50 or 100; the mean of them is the score.",
        "missing": "weigh the rest",
        "parts": [
            {
                "metric": "days_active", "weight": 1,
                "curve": {"kind": "step", "knots": [4, 12], "points": [0, 50, 100]},
            },
            {
                "metric": "days_since_usage", "weight": 1,
                "curve": {"kind": "step", "knots": [8, 31], "points": [100, 50, 0]},
            },
        ],
    }),
    (DAYS_ACTIVE, DAYS_SINCE_USAGE), 50,
    "Scores of poor, concerning and healthy, as many vendors document them",
)  # fmt: skip

OWN_BASELINE = ScoreTemplate(
    HealthScore.from_record({
        "name": "Recent level over own baseline",
        "note": "How much it is used against the account's own habit, and on how many days (stickiness).",
        "parts": [
            {"metric": "usage_trend", "weight": 1, "curve": {"kind": "bounded", "worst": 0, "best": 1}},
            {"metric": "days_active", "weight": 1, "curve": {"kind": "bounded", "worst": 0, "best": 20}},
        ],
    }),
    (USAGE_TREND, DAYS_ACTIVE), 50,
    "Recent level over own baseline with stickiness, as usage-based scores are published",
)  # fmt: skip

USAGE_DROP_SCORE = ScoreTemplate(
    HealthScore.from_record({
        "name": "Usage drop",
        "note": "0 where usage fell by more than 20 % in 14 days, else 100.",
        "parts": [
            {
                "metric": "usage_14_days", "weight": 1,
                "curve": {"kind": "step", "knots": [0.8], "points": [0, 100]},
            },
        ],
    }),
    (USAGE_DROP,), 50,
    "The usage-drop alert that most customer-success systems start with",
)  # fmt: skip

SCORE_TEMPLATES = (THRESHOLDS, OWN_BASELINE, USAGE_DROP_SCORE)
