"""What was said before past renewals, and what came: the record that corrects the forecast."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from heed.customers.models import Account
from heed.evidence.money import forecast
from heed.measures.known import known_periods
from heed.measures.models import RiskModel, RiskScore, ScoredDay
from heed.measures.stays import terms_known
from heed.proving.forecasting import forecast_revenue, renewals_said, told_enough
from heed.proving.models import RevenueForecast
from tests.measures.conftest import log as log
from tests.measures.test_learning import BY, DAY, fill, known_from

pytestmark = pytest.mark.django_db

# The third to the sixth term of 91 days of each account end on these days.
THIRD, FOURTH = date(2025, 7, 1), date(2025, 9, 30)


@pytest.fixture
def model() -> RiskModel:
    return RiskModel.objects.create(version=1, as_of=THIRD, made_by=BY, made_at=known_from(THIRD), seed=1)


def said(model: RiskModel, on: date, **chances: tuple[date, float]) -> None:
    """Scores of a day: the renewal that each account was asked for, and the chance to leave by then."""
    ScoredDay.objects.create(as_of=on, model=model, table=b"")
    numbers = dict(Account.objects.values_list("key", "pk"))
    RiskScore.objects.bulk_create(
        RiskScore(
            account_id=numbers[key], model=model, as_of=on, horizon_on=renewal + timedelta(days=1),
            probability=chance, low=0.0, high=1.0, probabilities={},
        )
        for key, (renewal, chance) in chances.items()
    )  # fmt: skip


def record(as_of: date) -> list[tuple[Any, ...]]:
    found = renewals_said(as_of, terms_known(known_periods(), as_of))
    return sorted(found.itertuples(index=False, name=None))


def test_a_renewal_counts_once_as_said_on_the_first_scored_day_of_its_quarter(
    log: Callable[..., None], model: RiskModel
) -> None:
    fill(log, 8, 4)
    day = date(2025, 7, 8)
    # A001 leaves at its fourth renewal, A004 stays; A002 was asked for a day on which nothing renews.
    said(model, day, A001=(FOURTH, 0.4), A004=(FOURTH, 0.1), A002=(date(2025, 9, 1), 0.9))
    said(model, day + timedelta(days=30), A001=(FOURTH, 0.8), A004=(FOURTH, 0.2))
    assert record(FOURTH) == []
    assert record(FOURTH + timedelta(days=6)) == []
    assert record(FOURTH + timedelta(days=7)) == [(FOURTH, 0.1, 0.0), (FOURTH, 0.4, 1.0)]
    # A renewal of the quarter after was not due in the quarter of the day, so that day does not count for it.
    fifth = FOURTH + timedelta(days=91)
    said(model, date(2025, 9, 30), A005=(fifth, 0.3))
    said(model, date(2025, 10, 2), A002=(fifth, 0.6), A004=(fifth, 0.2))
    assert record(DAY) == [
        (FOURTH, 0.1, 0.0), (FOURTH, 0.4, 1.0), (fifth, 0.2, 0.0), (fifth, 0.6, 1.0),
    ]  # fmt: skip


def test_a_record_of_few_that_left_or_of_one_quarter_corrects_nothing() -> None:
    def told(left: int, *quarters: date) -> bool:
        rows = [(on, 0.5, float(number < left)) for number in range(40) for on in quarters]
        return told_enough(pd.DataFrame(rows, columns=["on", "probability", "left"]))

    assert not told(20, FOURTH)
    assert not told(9, FOURTH, DAY)
    assert told(10, FOURTH, DAY)
    assert not told_enough(pd.DataFrame([], columns=["on", "probability", "left"]))


def test_the_forecast_is_corrected_by_the_record_once_it_says_enough(
    log: Callable[..., None], model: RiskModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(log)
    given: list[Any] = []

    def noted(*rows: Any, **told: Any) -> Any:
        given.append(told["renewals"])
        return forecast(*rows, **told)

    monkeypatch.setattr("heed.proving.forecasting.forecast", noted)
    forecast_revenue(DAY, by=BY)
    assert given == [None]
    # 55 were asked at the fourth renewal and 50 at the fifth; five left at each.
    for number, renewal in enumerate((FOURTH, FOURTH + timedelta(days=91)), start=1):
        day = renewal - timedelta(days=60)
        said(model, day, **{f"A{at:03d}": (renewal, 0.9) for at in range(60) if at >= 20 or at % 4 >= number})
    monkeypatch.setattr("heed.proving.forecasting.LEAST_LEFT", 10)
    forecast_revenue(DAY, by=BY)
    assert len(given[1]) == len(record(DAY)) == 105
    assert given[1]["left"].sum() == 10
    assert RevenueForecast.objects.count() == 1
