"""No page of Prove asks the database more often because there are more accounts."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from heed.customers.actions import save_accounts, save_periods
from heed.customers.models import Account
from heed.customers.rows import AccountRow
from heed.measures.learning import learn
from heed.measures.models import MetricDefinition, MetricValue, Risk
from heed.proving.forecasting import forecast_revenue
from heed.proving.hand_scores import make_score
from heed.proving.models import Trigger
from heed.proving.trigger_pages import standing_of, standings
from heed.proving.trigger_replays import replay_version
from heed.proving.triggering import Rule, change_trigger, make_trigger
from tests.measures.conftest import log as log
from tests.measures.test_learning import BY, DAY, fill, quarter

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
PAGES = (
    "predicts", "risk", "scores", "experiments", "touches", "forecast", "blind_spots", "captive", "gears",
    "decisions",
)  # fmt: skip
PART = {"metric": "days_active", "weight": 1, "curve": {"kind": "bounded", "worst": 0, "best": 20}}


def asked(client: Client) -> dict[str, int]:
    """How often each page asks; opened once before, for what is looked up once a process."""
    addresses = [*(reverse(f"proving:{name}") for name in PAGES), "/prove/scores/{score}/"]
    score = make_score("Ours", {"parts": [PART]}, by=BY)
    found = {}
    for address in (each.format(score=score.pk) for each in addresses):
        assert client.get(address).status_code == 200
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        found[address] = len(queries)
    return found


def measure_all() -> None:
    """A value and a risk that moved of every account, and a forecast of all of them."""
    metric = MetricDefinition.objects.get(key="days_active", is_current=True)
    for account in Account.objects.all():
        MetricValue.objects.update_or_create(
            account=account, metric=metric, defaults={"as_of": DAY, "value": 4}
        )
        told = {"as_of": DAY, "probability": 0.2, "earlier_probability": 0.1}
        Risk.objects.update_or_create(account=account, defaults=told)
    forecast_revenue(DAY, by=BY)


def test_more_accounts_are_no_more_queries(
    log: Callable[..., None], member_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:00:00+00:00")
    fill(log, 12, 4)
    measure_all()
    few = asked(member_client)
    keys = [f"B{number:03d}" for number in range(30)]
    save_accounts([AccountRow(key, since=date(2024, 10, 1)) for key in keys], by="import:2", source="crm")
    save_periods([quarter(key, number) for key in keys for number in range(8)], by="import:2", source="crm")
    measure_all()
    assert asked(member_client) == few


def test_more_triggers_are_no_more_queries(
    log: Callable[..., None], member_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:00:00+00:00")
    fill(log, 12, 4)

    def one_more(number: int) -> int:
        made = make_trigger(f"Silence {number}", Rule("days_since_usage", "above", 20 + number), by=BY)
        version = change_trigger(made, Rule("days_since_usage", "above", 30 + number), by=BY)
        for as_of in (DAY, DAY - timedelta(days=7)):
            replay_version(version, as_of, by=BY)
        return asked_of(member_client, f"/prove/triggers/{made.pk}/")

    def asked_of(client: Client, address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    first = one_more(1)
    page = asked_of(member_client, "/prove/triggers/")
    assert [one_more(number) for number in (2, 3)] == [first, first]
    make_trigger("Never replayed", Rule("days_since_usage", "above", 20), by=BY)
    assert asked_of(member_client, "/prove/triggers/") == page
    listed = {each.trigger: each for each in standings()}
    assert listed == {each: standing_of(each) for each in Trigger.objects.all()}
    assert [each.replay and each.replay.as_of for each in listed.values()] == [DAY, DAY, DAY, None]
    changed = Trigger.objects.get(name="Silence 1")
    of_versions = []
    for threshold in (40, 50, 60):
        change_trigger(changed, Rule("days_since_usage", "above", threshold), by=BY)
        of_versions.append(asked_of(member_client, f"/prove/triggers/{changed.pk}/"))
    assert len(set(of_versions)) == 1


def test_each_score_by_hand_is_one_query_more(log: Callable[..., None], member_client: Client) -> None:
    """That of its report card; what all are judged on is looked up once."""
    fill(log)
    learn(DAY, by=BY)
    asked_for = []
    for name in ("Ours", "Theirs", "Another"):
        make_score(name, {"parts": [PART]}, by=BY)
        member_client.get("/prove/scores/")
        with CaptureQueriesContext(connection) as queries:
            member_client.get("/prove/scores/")
        asked_for.append(len(queries))
    assert [later - asked_for[0] for later in asked_for] == [0, 1, 2]
