"""Money ahead: forecasts and their scores, captive revenue, lifetime value, repeat purchases, gears."""

from heed.evidence.money.captive import CaptiveRevenue, captive_revenue
from heed.evidence.money.forecasting import forecast, quarter_ends
from heed.evidence.money.gears import Gear, Gears, growth_gears
from heed.evidence.money.lifetime import LifetimeValue, lifetime_value, purchase_value
from heed.evidence.money.outlook import Forecast, Outlook, Quarter, SameAsLast, Swing
from heed.evidence.money.purchases import PurchaseHoldout, PurchaseModel, purchase_summary
from heed.evidence.money.scoring import CallerScore, CallScores, disagreements, score_calls

__all__ = [
    "CallScores",
    "CallerScore",
    "CaptiveRevenue",
    "Forecast",
    "Gear",
    "Gears",
    "LifetimeValue",
    "Outlook",
    "PurchaseHoldout",
    "PurchaseModel",
    "Quarter",
    "SameAsLast",
    "Swing",
    "captive_revenue",
    "disagreements",
    "forecast",
    "growth_gears",
    "lifetime_value",
    "purchase_summary",
    "purchase_value",
    "quarter_ends",
    "score_calls",
]
