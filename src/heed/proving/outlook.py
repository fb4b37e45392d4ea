"""What the page Forecast says: the quarters ahead, what people call, who was right, what would change it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
from django.conf import settings
from django.utils.translation import gettext as _

from heed.customers.models import Account
from heed.customers.reads import retention_figures
from heed.evidence.money import CallScores, Forecast, Outlook, Quarter, quarter_ends, score_calls
from heed.ledger import clock, words
from heed.proving.charts import Chart, bands
from heed.proving.forecasting import told_again
from heed.proving.models import CalledFigure, RevenueCall, RevenueForecast

MODEL = "model"
SAME = "same as last quarter"
LEVEL = 0.8
SWINGS = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of one quarter: what the model says, what the last quarter says, the latest calls."""

    quarter: Quarter
    label: str
    outlook: Outlook
    same: float | None
    calls: tuple[RevenueCall, ...]
    money: bool

    def shown(self, value: float | None) -> str:
        if value is None:
            return ""
        return words.money(round(value), settings.HEED_CURRENCY) if self.money else percent(value)

    @property
    def value(self) -> str:
        return self.shown(self.outlook.value)

    @property
    def between(self) -> str:
        return f"{self.shown(self.outlook.eighty.low)}–{self.shown(self.outlook.eighty.high)}"

    @property
    def same_words(self) -> str:
        return self.shown(self.same)

    @property
    def called(self) -> list[tuple[RevenueCall, str, bool]]:
        """Each call with its words, and whether it lies outside the model's interval."""
        low, high = self.outlook.eighty.low, self.outlook.eighty.high
        return [
            (
                call,
                self.shown(call.value),
                low is not None and high is not None and not low <= call.value <= high,
            )
            for call in self.calls
        ]


@dataclass(frozen=True, slots=True)
class Swinging:
    account: Account
    amount: float
    leaving: float
    share: float


@dataclass(frozen=True, slots=True)
class ForecastPage:
    """The latest forecast (None: none was made yet)."""

    stored: RevenueForecast | None
    forecast: Forecast | None
    lines: tuple[Line, ...]
    swings: tuple[Swinging, ...]
    scores: CallScores | None

    @property
    def finding(self) -> str:
        return finding(self.forecast) if self.forecast else _("Nothing is forecast yet")


def percent(share: float) -> str:
    """GRR and NRR with one decimal, the way retention is told."""
    return f"{share * 100:.1f} %"


def quarter_words(ends_on: date) -> str:
    return f"Q{(ends_on.month + 2) // 3} {ends_on.year}"


def forecast_page() -> ForecastPage:
    stored = RevenueForecast.objects.order_by("-as_of").first()
    if stored is None:
        return ForecastPage(None, None, (), (), None)
    found = told_again(stored.record)
    lines = () if found.reason else tuple(_lines(found))
    return ForecastPage(stored, found, lines, _swings(found), scores(stored.as_of))


def finding(found: Forecast) -> str:
    """The headline: the quarter in progress."""
    quarter = found.quarters[0]
    low, high = quarter.grr.eighty.low, quarter.grr.eighty.high
    if found.reason or quarter.grr.value is None or low is None or high is None:
        return _("What will be kept is not known")
    told = {
        "quarter": quarter_words(quarter.ends_on),
        "value": percent(quarter.grr.value),
        "low": percent(low),
        "high": percent(high),
    }
    return _("%(quarter)s keeps %(value)s of its revenue (%(low)s to %(high)s, four times in five)") % told


def _lines(found: Forecast) -> Iterator[Line]:
    called: dict[tuple[date, str], list[RevenueCall]] = {}
    for call in RevenueCall.objects.select_related("by").order_by("-pk"):
        own = called.setdefault((call.quarter_ends_on, call.figure), [])
        if all(other.by_id != call.by_id for other in own):
            own.append(call)
    for quarter in found.quarters:
        for figure in CalledFigure:
            yield Line(
                quarter,
                str(figure.label),
                getattr(quarter, figure.value),
                getattr(quarter.same_as_last, figure.value).value,
                tuple(called.get((quarter.ends_on, figure.value), ())),
                figure is CalledFigure.CLOSING_MRR,
            )


def _swings(found: Forecast) -> tuple[Swinging, ...]:
    chosen = found.what_would_change_it[:SWINGS]
    accounts = {
        account.key: account for account in Account.objects.filter(key__in=[s.account for s in chosen])
    }
    return tuple(
        Swinging(accounts[swing.account], swing.amount, swing.leaving, swing.share)
        for swing in chosen
        if swing.account in accounts
    )


def chart_of(page: ForecastPage) -> Chart | None:
    """GRR of the quarters ahead with both intervals."""
    found = page.forecast
    if found is None or found.reason:
        return None
    rows = [
        {
            "label": quarter_words(quarter.ends_on),
            "value": quarter.grr.value,
            "low80": quarter.grr.eighty.low,
            "high80": quarter.grr.eighty.high,
            "low50": quarter.grr.fifty.low,
            "high50": quarter.grr.fifty.high,
        }
        for quarter in found.quarters
    ]
    return Chart(
        title=page.finding,
        alt="; ".join(
            f"{row['label']}: {percent(row['value'])}" for row in rows if isinstance(row["value"], float)
        ),
        source=_(
            "GRR by quarter, point to point: Σ min(now, start) / Σ start of who pays when the quarter begins."
            " %(runs)s simulated runs from the risk of each of %(n)s accounts and past movements, as known on"
            " %(day)s; dark: half of the runs, light: four in five."
        )
        % {
            "runs": f"{found.runs:,}",
            "n": f"{found.quarters[0].grr.eighty.n:,}",
            "day": words.day(found.as_of, clock.today()),
        },
        svg=bands(pd.DataFrame(rows), axis="GRR", percent=True),
        columns=(_("Quarter"), _("Figure"), _("Model"), _("Four in five"), _("Same as last quarter")),
        rows=tuple(
            (quarter_words(line.quarter.ends_on), line.label, line.value, line.between, line.same_words)
            for line in page.lines
        ),
    )


def scores(as_of: date) -> CallScores | None:
    """Calls of quarters that have closed, the model's and "same as last quarter" among them; None: no quarter
    that was forecast has closed."""
    calls = pd.DataFrame(
        _all_calls(), columns=["caller", "quarter", "about", "value", "low", "high", "level", "on"]
    )
    closed = sorted({ends for ends in calls["quarter"] if ends < as_of})
    if not closed:
        return None
    actual = pd.DataFrame(
        [row for ends in closed for row in _actual(ends)], columns=["quarter", "about", "value"]
    )
    return score_calls(calls[calls["quarter"].isin(closed)], actual, model=MODEL) if len(actual) else None


def _all_calls() -> Iterator[tuple[object, ...]]:
    """Every call of people; for the model speaks the first forecast of each quarter."""
    for call in RevenueCall.objects.select_related("by"):
        yield (
            call.by.name or call.by.email,
            call.quarter_ends_on,
            call.figure,
            call.value,
            None,
            None,
            None,
            call.on,
        )
    first: set[date] = set()
    for stored in RevenueForecast.objects.defer("record").order_by("as_of"):
        # A forecast is large, and there is one of every day.
        if first.issuperset(quarter_ends(stored.as_of)):
            continue
        found = told_again(stored.record)
        for quarter in found.quarters:
            if quarter.ends_on in first or found.reason:
                continue
            first.add(quarter.ends_on)
            yield from _model_calls(stored.as_of, quarter)


def _model_calls(on: date, quarter: Quarter) -> Iterator[tuple[object, ...]]:
    for figure in CalledFigure:
        outlook: Outlook = getattr(quarter, figure.value)
        eighty = outlook.eighty
        if outlook.value is not None:
            yield MODEL, quarter.ends_on, figure.value, outlook.value, eighty.low, eighty.high, LEVEL, on
        same = getattr(quarter.same_as_last, figure.value).value
        if same is not None:
            yield SAME, quarter.ends_on, figure.value, same, None, None, None, on


def _actual(ends_on: date) -> Iterator[tuple[date, str, float]]:
    starts = date(ends_on.year, (ends_on.month - 1) // 3 * 3 + 1, 1)
    figures = retention_figures(starts - timedelta(days=1), ends_on)
    found = next((each.retention for each in figures if each.currency == settings.HEED_CURRENCY), None)
    if found is not None and found.grr.value is not None and found.nrr.value is not None:
        yield ends_on, CalledFigure.GRR.value, found.grr.value
        yield ends_on, CalledFigure.NRR.value, found.nrr.value
