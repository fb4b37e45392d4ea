"""Report cards, verdicts on metrics, and triggers replayed: what each was worth at this company."""

from heed.evidence.cards.card import Beside, ReportCard, report_card
from heed.evidence.cards.discovery import adjusted
from heed.evidence.cards.judging import Band, stability_index
from heed.evidence.cards.triggers import (
    PUBLISHED_RULES,
    Chance,
    JudgedAlerts,
    Replay,
    TriggerRule,
    by_chance,
    judge_alerts,
    replay_trigger,
)
from heed.evidence.cards.verdict import Verdict, metric_verdict, verdicts

__all__ = [
    "PUBLISHED_RULES",
    "Band",
    "Beside",
    "Chance",
    "JudgedAlerts",
    "Replay",
    "ReportCard",
    "TriggerRule",
    "Verdict",
    "adjusted",
    "by_chance",
    "judge_alerts",
    "metric_verdict",
    "replay_trigger",
    "report_card",
    "stability_index",
    "verdicts",
]
