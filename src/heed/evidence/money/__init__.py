"""Money ahead: forecasts and their scores, captive revenue, lifetime value, repeat purchases, gears."""

from heed.evidence.money.forecasting import forecast, quarter_ends
from heed.evidence.money.outlook import Forecast, Outlook, Quarter, SameAsLast, Swing

__all__ = ["Forecast", "Outlook", "Quarter", "SameAsLast", "Swing", "forecast", "quarter_ends"]
