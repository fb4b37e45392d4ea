from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client

from heed.customers.actions import save_accounts, save_periods
from heed.customers.models import Account
from heed.customers.rows import AccountRow, PeriodRow
from heed.measures import reads
from heed.measures.actions import measure_accounts
from heed.measures.definitions import new_version
from heed.measures.models import MetricValue
from heed.stream import Stream

from .conftest import Log
from .starting import start_with

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 31)
MEASURED = (
    *("active_people", "seats_used", "key_activities", "days_since_usage", "last_nps", "response_rate"),
    *("cases_reopened", "first_reply_hours", "days_to_renewal", "tenure_days"),
)


@pytest.fixture(autouse=True)
def measured(log: Log) -> None:
    save_accounts(
        [AccountRow("A/1", name="Alfa"), AccountRow("A2", name="Beta")], by="import:1", source="crm"
    )
    start_with(MEASURED)
    log(
        ("A/1", "ann", "report_exported", "2026-03-20"),
        ("A/1", "bob", "invoice_sent", "2026-03-21"),
        ("A/1", "bob", "case.opened", "2026-03-22"),
        ("A/1", "old", "report_exported", "2025-12-01"),
        ("A2", "eve", "report_exported", "2026-03-20"),
    )
    measure_accounts(DAY, by="daily round")


def test_the_standing_of_an_account_names_every_metric_with_value_or_reason() -> None:
    figures = reads.standing_of(Account.objects.get(key="A/1"))
    assert len(figures) == len(reads.definitions())
    assert all((figure.value is None) == bool(figure.reason) for figure in figures)
    by_key = {figure.key: figure for figure in figures}
    assert (by_key["active_people"].value, by_key["active_people"].as_of) == (2, DAY)


def test_an_account_that_was_never_measured_says_so() -> None:
    save_accounts([AccountRow("new")], by="import:2", source="crm")
    figures = reads.standing_of(Account.objects.get(key="new"))
    assert {(figure.value, figure.reason, figure.as_of) for figure in figures} == {
        (None, "not measured yet", None)
    }


def test_the_rows_behind_a_figure_are_those_it_counted(log: Log) -> None:
    account = Account.objects.get(key="A/1")
    metric = reads.definition_of("active_people").metric
    page = reads.rows_behind(account, metric, DAY)
    assert [(row.contact, row.name, row.batch) for row in page.rows] == [
        ("bob", "invoice_sent", "import:1"),
        ("ann", "report_exported", "import:1"),
    ]
    assert (page.total, page.since, page.until) == (2, date(2026, 3, 4), DAY)
    value = MetricValue.objects.get(account=account, metric__key="active_people")
    assert value.value == len({row.contact for row in page.rows})


def test_rows_behind_a_date_are_those_that_stood_then(log: Log, stream: Stream) -> None:
    soon, late = datetime(2026, 3, 24, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC)
    log(("A2", "cleo", "report_exported", "2026-03-22"), recorded_at=soon, batch="import:2")
    log(("A2", "dana", "report_exported", "2026-03-23"), recorded_at=late, batch="import:3")
    stream.withdraw(batch="import:2", recorded_at=late, by="person:1")
    metric = reads.definition_of("active_people").metric
    account = Account.objects.get(key="A2")

    def people(on: date) -> list[str | None]:
        return [row.contact for row in reads.rows_behind(account, metric, on).rows]

    assert people(DAY) == ["cleo", "eve"]
    assert people(date(2026, 4, 4)) == ["cleo", "eve"]
    assert people(date(2026, 4, 5)) == ["dana", "eve"]


def test_a_figure_of_the_last_activity_opens_that_one(log: Log) -> None:
    log(("A2", "eve", "survey.nps", "2026-03-01", 4), ("A2", "eve", "survey.nps", "2026-03-02", 9))
    for key, at in (("last_nps", "2026-03-02"), ("days_since_usage", "2026-03-20")):
        page = reads.rows_behind(Account.objects.get(key="A2"), reads.definition_of(key).metric, DAY)
        assert [row.at.date().isoformat() for row in page.rows] == [at]
        assert page.total == 1


def test_the_rows_of_an_earlier_version_are_those_that_it_counted(log: Log, viewer_client: Client) -> None:
    first = reads.definition_of("active_people")
    new_version({**first.row.definition, "window": 11}, by="person:1")
    address = f"/customers/accounts/A%2F1/metrics/active_people/?as_of={DAY}"
    # In eleven days: bob alone.
    assert "1 row" in viewer_client.get(address).content.decode()
    earlier = viewer_client.get(f"{address}&version=1").content.decode()
    assert "2 rows" in earlier
    assert "This is its version 1, which is not in force any more." in earlier
    for unknown in ("3", "0", "-1", "one", "9" * 9):
        assert viewer_client.get(f"{address}&version={unknown}").status_code == 404


def test_a_date_that_was_not_stored_shows_its_rows_and_no_figure(viewer_client: Client) -> None:
    page = viewer_client.get(
        "/customers/accounts/A2/metrics/active_people/?as_of=2026-03-30"
    ).content.decode()
    assert "not stored for this date; these are its rows" in page
    assert "n = 1" not in page
    assert "report_exported" in page


def test_beyond_the_last_page_of_rows_is_the_last_one(log: Log, viewer_client: Client) -> None:
    log(*[("A2", "eve", "report_exported", "2026-03-20")] * 100, batch="import:2")
    address = "/customers/accounts/A2/metrics/active_people/?page="
    pages = [viewer_client.get(f"{address}{page}&as_of={DAY}").context["page"] for page in (1, 2, 9)]
    assert [(page.page, page.total, len(page.rows)) for page in pages] == [
        (1, 101, 100),
        (2, 101, 1),
        (2, 101, 1),
    ]


def test_definitions_say_of_how_many_accounts_they_are_known() -> None:
    by_key = {each.metric.key: each for each in reads.definitions()}
    assert (by_key["active_people"].known, by_key["active_people"].unknown) == (2, 0)
    assert (by_key["key_activities"].known, by_key["key_activities"].unknown) == (0, 2)


def test_the_pages_show_definition_window_n_and_rows(viewer_client: Client) -> None:
    page = viewer_client.get("/settings/metrics/")
    assert page.status_code == 200
    assert "people active in the last 28 days" in page.content.decode()
    page = viewer_client.get("/settings/metrics/active_people/")
    assert "version 1 in force" in page.content.decode()
    page = viewer_client.get("/customers/accounts/A/1/metrics/active_people/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "invoice_sent" in text
    assert "n = 2" in text
    assert "2 rows" in text


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("active_people", "people named in product usage"),
        ("seats_used", "people named in product usage, per seat"),
        ("cases_reopened", "number of case.reopened; 0 of an account that ever had any of case.*"),
        ("response_rate", "number of survey.* except survey.invited, per survey.invited"),
        ("first_reply_hours", "mean of the values of case.replied"),
    ],
)
def test_a_definition_says_what_it_is_made_of(metric: str, words: str) -> None:
    assert reads.definition_of(metric).made_of == words


def test_the_counts_of_known_and_unknown_open_their_accounts(viewer_client: Client) -> None:
    save_accounts([AccountRow("A3", name="Gamma")], by="import:2", source="crm")
    measure_accounts(DAY, by="daily round")
    for page in ("/settings/metrics/", "/settings/metrics/active_people/"):
        text = viewer_client.get(page).content.decode()
        for word, count, names in (("known", 2, {"Alfa", "Beta"}), ("unknown", 1, {"Gamma"})):
            query = f"/customers/?q=metric.active_people%20is%20{word}&columns=metric.active_people"
            assert f'<a href="{query.replace("&", "&amp;")}">{count}</a>' in text
            listed = viewer_client.get(query).content.decode()
            assert {name for name in ("Alfa", "Beta", "Gamma") if f">{name}</a>" in listed} == names


def test_a_metric_or_account_that_is_not_there_is_not_found(viewer_client: Client) -> None:
    for path in (
        "/settings/metrics/nonsense/",
        "/customers/accounts/A/1/metrics/nonsense/",
        "/customers/accounts/A9/metrics/active_people/",
        "/customers/accounts/A/1/metrics/active_people/?as_of=yesterday",
        "/customers/accounts/A/1/metrics/active_people/?as_of=0001-01-01",
        "/customers/accounts/A/1/metrics/active_people/?as_of=9999-12-31",
    ):
        assert viewer_client.get(path).status_code == 404


def test_a_fact_opens_the_periods_it_was_read_from_as_they_were_known_then(
    viewer_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = PeriodRow("old", account="A2", starts_on=date(2025, 1, 1), ends_on=date(2026, 1, 1))
    new = PeriodRow("new", account="A2", starts_on=date(2026, 1, 1), renews_on=date(2027, 1, 1), seats=5)
    priced = [replace(row, monthly_amount=Decimal(9), currency="EUR") for row in (old, new)]
    monkeypatch.setenv("HEED_NOW", "2026-03-30T08:00:00+00:00")
    save_periods(priced, by="import:1", source="billing")
    monkeypatch.setenv("HEED_NOW", "2026-04-02T08:00:00+00:00")
    save_periods([replace(new, seats=7)], by="import:2", source="billing")
    account = Account.objects.get(key="A2")
    for metric, keys in (
        ("days_to_renewal", ["new"]),
        ("tenure_days", ["new", "old"]),
        ("seats_used", ["new"]),
    ):
        page = reads.rows_behind(account, reads.definition_of(metric).metric, DAY)
        assert [period.key for period in page.periods] == keys
        assert page.periods[0].seats == 5
    page = reads.rows_behind(account, reads.definition_of("seats_used").metric, date(2026, 4, 2))
    assert ([period.seats for period in page.periods], page.total) == ([7], 1)
    shown = viewer_client.get(f"/customers/accounts/A2/metrics/seats_used/?as_of={DAY}").content.decode()
    assert "1 January 2027" in shown
    assert "report_exported" in shown
    Account.objects.filter(key="A2").update(since=date(2024, 5, 1))
    shown = viewer_client.get("/customers/accounts/A2/metrics/tenure_days/").content.decode()
    assert "stated to be a customer since 1 May 2024" in shown
