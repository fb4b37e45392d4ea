"""The forecast of revenue: made once a day from the contracts, the risks and the past movements, and kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd
from django.conf import settings
from django.db import transaction

from heed.customers.models import Account, ExchangeRate, Movement
from heed.evidence.cards.records import from_record, to_record
from heed.evidence.money import Forecast, forecast, quarter_ends
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.measures.known import known_periods
from heed.measures.models import Risk, RiskScore, ScoredDay
from heed.measures.stays import Contract, Term, next_term, terms_known
from heed.proving.fates import SETTLED, still_pays
from heed.proving.models import RevenueForecast

QUARTERS: Final = 4
RUNS: Final = 2_000
SEED: Final = 20261122
LEAST_LEFT: Final = 20
LEAST_QUARTERS: Final = 2
"""What the record of past probabilities must hold before it corrects the next ones."""
Terms = Mapping[str, list[Term]]
CONTRACTS: Final = ["account", "amount", "currency", "renews_on", "term_months", "leaves_at_renewal"]
MOVEMENTS: Final = ["account", "on", "kind", "before", "after", "currency"]


@dataclass(frozen=True, slots=True)
class Forecasted:
    """What forecasting came to: quarters ahead with figures, accounts that pay."""

    quarters: int
    accounts: int


def forecast_revenue(as_of: date, *, by: str) -> Forecasted:
    """Forecast the quarters ahead of a date and keep it; the same date again replaces it where it differs."""
    worth, terms = rates(), terms_known(known_periods(), as_of)
    contracts, without_rate = _with_rate(contract_rows(as_of, terms), worth)
    said = renewals_said(as_of, terms)
    history, _moved = _with_rate(movement_rows(as_of), worth)
    found = forecast(
        contracts, history=history, as_of=as_of, quarters=QUARTERS, runs=RUNS, seed=SEED, rates=worth,
        renewals=said if told_enough(said) else None,
    )  # fmt: skip
    found = replace(found, notes=(*found.notes, *_left_out(without_rate)))
    told = kept(found)
    version = Risk.objects.exclude(score=None).values_list("score__model__version", flat=True).first()
    with transaction.atomic():
        before = RevenueForecast.objects.filter(as_of=as_of).first()
        if before is None or before.record != told:
            RevenueForecast.objects.update_or_create(
                as_of=as_of,
                defaults={"record": told, "made_at": clock.now(), "model_version": version},
            )
            numbers = {"quarters": len(found.quarters), "reason": found.reason}
            record(Change("forecast revenue", "proving", as_of.isoformat(), None, numbers), by=by)
    paying = int((contracts["amount"] > 0).sum())
    return Forecasted(0 if found.reason else len(found.quarters), paying)


def kept(found: Forecast) -> dict[str, Any]:
    """A forecast as JSON holds it: dates as text."""
    told: dict[str, Any] = _dates_as_text(to_record(found))
    return told


def told_again(kept_record: dict[str, Any]) -> Forecast:
    """The forecast that was kept."""
    return from_record(Forecast, _dates_back(kept_record))


def rates() -> dict[str, float]:
    """What one unit of each currency is worth in the reporting currency, as people stated it."""
    stated = {row.currency: float(row.rate) for row in ExchangeRate.objects.all()}
    return {**stated, settings.HEED_CURRENCY: 1.0}


def _with_rate(rows: pd.DataFrame, worth: dict[str, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows whose currency has a rate, and those that have none."""
    stated = rows["currency"].isin(list(worth))
    return rows[stated].reset_index(drop=True), rows[~stated]


def _left_out(rows: pd.DataFrame) -> Iterator[str]:
    paying = rows[rows["amount"] > 0]
    for currency, accounts in sorted(paying.groupby("currency")["account"].nunique().items()):
        yield f"{accounts} accounts that pay in {currency} are left out: no rate is stated for {currency}"


def contract_rows(as_of: date, terms: Terms) -> pd.DataFrame:
    """One row per account and currency that pays or paid: what it pays a month, when it renews, and how
    likely it then leaves. `terms` are those known on the date, by account."""
    chances = {
        risk.account_id: risk.probability
        for risk in Risk.objects.filter(as_of__lte=as_of).exclude(probability=None)
    }
    numbers = dict(Account.objects.values_list("key", "pk"))
    rows = [
        row for key, own in terms.items() for row in _rows(key, own, as_of, chances.get(numbers.get(key, 0)))
    ]
    return pd.DataFrame(rows, columns=CONTRACTS)


def _rows(
    key: str, terms: list[Term], as_of: date, chance: float | None
) -> Iterator[tuple[str, float, str, date | None, float | None, float | None]]:
    """An account that pays nothing now stays in with 0, so that its past terms are known."""
    in_force = [term for term in terms if term.in_force(as_of)]
    coming = next_term(in_force, as_of)
    shown = coming or (in_force or terms)[-1]
    amount = float(sum(term.amount for term in in_force if term.currency == shown.currency))
    months = float(shown.months) if shown.months else None
    yield key, amount, shown.currency, coming.ends if coming else None, months, chance if coming else None


def renewals_said(as_of: date, terms: Terms) -> pd.DataFrame:
    """What the model said of past renewals, and what came: on, probability, left.

    A renewal counts once, with what was said on the first day of its quarter that was scored: as early as the
    forecast of a quarter is made. It is settled a week after, and known as it is known on the date.
    """
    days = list(ScoredDay.objects.filter(as_of__lt=as_of).order_by("as_of").values_list("as_of", flat=True))
    firsts = {_quarter(day): day for day in reversed(days)}
    paid = {key: Contract(0, None, terms=own).spells() for key, own in terms.items()}
    ends = {(key, term.ends) for key, own in terms.items() for term in own if term.ends}
    rows = [
        (on, chance, 1.0 - stayed)
        for first in firsts.values()
        for key, horizon_on, chance in _scores_of(first, as_of)
        # Accounts without a renewal are asked for 90 days, and far renewals for as long as was observed.
        if (key, on := horizon_on - timedelta(days=1)) in ends
        and (stayed := still_pays(paid, key, first, on)) is not None
    ]
    return pd.DataFrame(rows, columns=["on", "probability", "left"])


def _scores_of(day: date, as_of: date) -> Iterator[tuple[str, date, float]]:
    """The scores of a day up to the end of its quarter, or to what is settled by now: account, the day after
    its renewal, probability."""
    until = min(quarter_ends(day - timedelta(days=1), 1)[0], as_of - timedelta(days=SETTLED))
    scores = RiskScore.objects.filter(as_of=day, horizon_on__lte=until + timedelta(days=1))
    return iter(scores.order_by("account").values_list("account__key", "horizon_on", "probability"))


def _quarter(day: date) -> tuple[int, int]:
    return day.year, (day.month - 1) // 3


def told_enough(said: pd.DataFrame) -> bool:
    """Whether the record says more of the model's level than the movements do: of fewer that left its doubt
    would drown the forecast."""
    quarters = pd.to_datetime(said["on"]).dt.to_period("Q").nunique()
    return bool(said["left"].sum() >= LEAST_LEFT and quarters >= LEAST_QUARTERS)


def movement_rows(as_of: date) -> pd.DataFrame:
    """All movements up to a date."""
    moved = Movement.objects.filter(on__lte=as_of).order_by("account__key", "on", "currency")
    columns = ("account__key", "on", "kind", "before", "after", "currency")
    frame = pd.DataFrame(moved.values_list(*columns), columns=MOVEMENTS)
    return frame.astype({"before": float, "after": float})


def _dates_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _dates_as_text(own) for key, own in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(own) for own in value]
    return value.isoformat() if isinstance(value, date) else value


DATES: Final = ("as_of", "starts_on", "ends_on")


def _dates_back(value: Any) -> Any:
    if isinstance(value, list):
        return [_dates_back(own) for own in value]
    if not isinstance(value, dict):
        return value
    return {key: date.fromisoformat(own) if key in DATES else _dates_back(own) for key, own in value.items()}
