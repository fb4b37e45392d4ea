"""The forecast, people's calls beside it, and the log of decisions."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.test import Client

from heed.ledger.models import AuditEntry
from heed.measures.actions import estimate_risk
from heed.measures.known import known_periods
from heed.measures.stays import terms_known
from heed.people.models import User
from heed.proving.forecasting import contract_rows, forecast_revenue, told_again
from heed.proving.models import LoggedDecision, RevenueCall, RevenueForecast
from heed.proving.outlook import scores
from tests.measures.conftest import log as log
from tests.measures.test_learning import BY, DAY, fill

pytestmark = pytest.mark.django_db
FORECAST, DECISIONS = "/prove/forecast/", "/prove/decisions/"


@pytest.fixture
def forecasted(log: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> RevenueForecast:
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:00:00+00:00")
    fill(log)
    estimate_risk(DAY, by=BY)
    forecast_revenue(DAY, by=BY)
    return RevenueForecast.objects.get()


def test_a_company_without_a_past_is_told_why_there_is_no_forecast(member_client: Client) -> None:
    assert "daily round forecasts" in member_client.get(FORECAST).content.decode()
    forecast_revenue(DAY, by=BY)
    page = member_client.get(FORECAST)
    reason = told_again(RevenueForecast.objects.get().record).reason
    assert reason
    assert reason[1:] in page.content.decode()
    assert page.context["found"].lines == ()


def test_the_quarters_ahead_stand_with_their_intervals(
    forecasted: RevenueForecast, member_client: Client
) -> None:
    contracts = contract_rows(DAY, terms_known(known_periods(), DAY)).set_index("account")
    assert contracts.loc["A050", "amount"] == 100
    assert contracts.loc["A050", "renews_on"] == date(2026, 9, 29)
    assert contracts.loc["A000", "amount"] == 0
    found = told_again(forecasted.record)
    assert found.reason == ""
    assert [quarter.ends_on for quarter in found.quarters][:2] == [date(2026, 9, 30), date(2026, 12, 31)]
    lines = member_client.get(FORECAST).context["found"].lines
    assert len(lines) == 12
    for quarter in found.quarters:
        low, value, high = quarter.grr.eighty.low, quarter.grr.value, quarter.grr.eighty.high
        assert low is not None
        assert value is not None
        assert high is not None
        assert 0 <= low <= value <= high <= 1
    told = member_client.get(FORECAST, {"format": "csv"})
    assert f"risk of each of {(contracts['amount'] > 0).sum()} accounts" in told.content.decode()


def test_the_same_day_again_changes_nothing(forecasted: RevenueForecast) -> None:
    entries = AuditEntry.objects.count()
    forecast_revenue(DAY, by=BY)
    assert RevenueForecast.objects.get().record == forecasted.record
    assert AuditEntry.objects.count() == entries


@pytest.mark.usefixtures("forecasted")
def test_a_call_is_kept_beside_the_model_and_a_later_one_takes_its_place_on_the_page(
    admin_client: Client, admin: User
) -> None:
    for value in ("40", "41.5"):
        told = {"quarter": "2026-09-30", "figure": "grr", "value": value, "note": "they told me"}
        assert admin_client.post(FORECAST, told).status_code == 302
    assert [call.value for call in RevenueCall.objects.order_by("pk")] == [0.4, 0.415]
    first = admin_client.get(FORECAST).context["found"].lines[0]
    assert [(call.value, outside) for call, _told, outside in first.called] == [(0.415, True)]
    assert AuditEntry.objects.filter(action="call quarter", by=admin.actor).count() == 2


@pytest.mark.usefixtures("forecasted")
def test_a_call_or_a_decision_that_is_sent_twice_is_kept_once(admin_client: Client) -> None:
    call = {"quarter": "2026-09-30", "figure": "grr", "value": "40", "note": "they told me"}
    for told in (call, call, call | {"value": "41"}, call):
        assert admin_client.post(FORECAST, told).status_code == 302
    assert [each.value for each in RevenueCall.objects.order_by("pk")] == [0.4, 0.41, 0.4]
    decision = {"decision": "Ada calls the three", "numbers": "recall 38 % (n = 24)"}
    for told in (decision, decision, decision | {"voices": "Tara"}):
        assert admin_client.post(DECISIONS, told).status_code == 302
    assert [each.voices for each in LoggedDecision.objects.order_by("pk")] == ["", "Tara"]
    assert AuditEntry.objects.filter(action__in=("call quarter", "log decision")).count() == 5


@pytest.mark.usefixtures("forecasted")
def test_a_call_beyond_all_measure_is_told_its_bounds_as_it_is_typed(admin_client: Client) -> None:
    for figure, value, says in (
        ("grr", "101", "between 0 and 100 per cent"),
        ("nrr", "301", "between 0 and 300 per cent"),
        ("closing_mrr", "1e13", "between 0 and 1,000,000,000,000"),
    ):
        page = admin_client.post(FORECAST, {"quarter": "2026-09-30", "figure": figure, "value": value})
        assert says in page.context["form"].errors["value"][0]
    assert not RevenueCall.objects.exists()


@pytest.mark.usefixtures("forecasted")
@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"quarter": "2026-09-30", "figure": "grr", "value": "101"}, "value"),
        ({"quarter": "2026-06-30", "figure": "grr", "value": "90"}, "quarter"),
        ({"quarter": "2026-09-30", "figure": "churn", "value": "90"}, "figure"),
        ({"quarter": "2026-09-30", "figure": "nrr", "value": "nan"}, "value"),
        ({"quarter": "2026-09-30", "figure": "grr", "value": ""}, "value"),
    ],
)
def test_a_call_that_cannot_be_is_refused_and_nothing_is_kept(
    admin_client: Client, told: dict[str, str], field: str
) -> None:
    page = admin_client.post(FORECAST, told)
    assert page.status_code == 200
    assert field in page.context["form"].errors
    assert not RevenueCall.objects.exists()


@pytest.mark.usefixtures("forecasted")
def test_a_member_sees_the_forecast_and_may_not_call_it(member_client: Client) -> None:
    assert "Keep my call" not in member_client.get(FORECAST).content.decode()
    told = {"quarter": "2026-09-30", "figure": "grr", "value": "95"}
    assert member_client.post(FORECAST, told).status_code == 403
    assert not RevenueCall.objects.exists()


def test_calls_are_scored_when_their_quarter_has_closed(
    forecasted: RevenueForecast, admin: User, admin_client: Client
) -> None:
    assert scores(DAY) is None
    admin_client.post(FORECAST, {"quarter": "2026-09-30", "figure": "grr", "value": "50"})
    # The first forecast of a quarter is what counts; a later one of the same quarters is not even read.
    RevenueForecast.objects.create(as_of=DAY + timedelta(days=1), made_at=forecasted.made_at, record={})
    found = scores(date(2026, 10, 1))
    assert found is not None
    by_caller = {each.caller: each.absolute_error for each in found.callers}
    # By then all terms had ended on 29 September: nothing of the start was kept.
    assert by_caller[admin.name].value == pytest.approx(0.5)
    assert set(by_caller) == {admin.name, "model", "same as last quarter"}


def test_a_decision_is_kept_with_its_numbers_and_says_where_nobody_was_heard(
    member_client: Client, viewer_client: Client
) -> None:
    told = {
        "decision": "Ada calls the three",
        "numbers": "recall 38 % (n = 24)",
        "voices": " ",
        "page": "/prove/",
    }
    assert member_client.post(DECISIONS, told).status_code == 302
    kept = LoggedDecision.objects.get()
    assert kept.numbers_only
    assert "numbers only" in member_client.get(DECISIONS).content.decode()
    for page in ("https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"):
        wrong = member_client.post(DECISIONS, told | {"page": page})
        assert "page" in wrong.context["form"].errors
    assert viewer_client.post(DECISIONS, told).status_code == 403
    assert LoggedDecision.objects.count() == 1
