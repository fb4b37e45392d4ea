from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from heed.customers.actions import revert, save_accounts, save_periods
from heed.customers.models import Account
from heed.customers.rows import AccountRow, PeriodRow
from heed.ledger import clock
from heed.ledger.models import AuditEntry
from heed.measures.actions import ensure_starter_metrics, measure_accounts, new_version, set_key_activities
from heed.measures.definitions import metric_of
from heed.measures.measuring import measure_history
from heed.measures.models import MetricDefinition, MetricValue
from heed.stream import Stream

from .conftest import Log

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 31)


@pytest.fixture(autouse=True)
def accounts() -> None:
    save_accounts(
        [AccountRow("A1", name="Alfa", since=date(2026, 1, 1)), AccountRow("A2")], by="import:1", source="crm"
    )
    ensure_starter_metrics()


def value(account: str, metric: str) -> MetricValue:
    return MetricValue.objects.get(account__key=account, metric__key=metric, metric__is_current=True)


def test_the_starter_metrics_come_once_and_all_parse() -> None:
    definitions = list(MetricDefinition.objects.all())
    assert len(definitions) >= 20
    assert all(metric_of(definition).version == 1 for definition in definitions)
    assert ensure_starter_metrics() == 0
    assert MetricDefinition.objects.count() == len(definitions)


def test_figures_are_measured_for_every_account_and_unknown_is_never_zero(log: Log) -> None:
    log(
        ("A1", "ann", "report_exported", "2026-03-20"),
        ("A1", "bob", "report_exported", "2026-03-21"),
        ("A1", "bob", "report_exported", "2026-01-02"),
    )
    done = measure_accounts(DAY, by="daily round")
    assert (done.accounts, done.known + done.unknown) == (2, 2 * done.metrics)
    assert done.written == 2 * done.metrics
    active = value("A1", "active_people")
    assert (active.value, active.n, active.reason, active.as_of) == (2.0, 2, "", DAY)
    silent = value("A2", "active_people")
    assert silent.value is None
    assert silent.reason
    assert value("A1", "tenure_days").value == 89


def test_the_same_date_again_writes_nothing(log: Log) -> None:
    log(("A1", "ann", "report_exported", "2026-03-20"))
    measure_accounts(DAY, by="daily round")
    before = list(MetricValue.objects.order_by("pk").values())
    entries = AuditEntry.objects.count()
    assert measure_accounts(DAY, by="daily round").written == 0
    assert list(MetricValue.objects.order_by("pk").values()) == before
    assert AuditEntry.objects.count() == entries


def test_a_later_date_keeps_the_earlier_value_and_a_look_back_replaces_nothing(log: Log) -> None:
    log(("A1", "ann", "report_exported", "2026-03-20"))
    measure_accounts(DAY, by="daily round")
    measure_accounts(date(2026, 4, 1), by="daily round")
    after = value("A1", "days_since_usage")
    assert (after.value, after.as_of, after.earlier_value, after.earlier_as_of) == (
        12,
        date(2026, 4, 1),
        11,
        DAY,
    )
    assert measure_accounts(date(2026, 3, 25), by="person:1").written == 0
    assert value("A1", "days_since_usage").value == 12


def test_a_late_activity_of_a_measured_date_changes_only_what_it_touches(log: Log) -> None:
    log(("A1", "ann", "report_exported", "2026-03-20"), ("A2", "eve", "report_exported", "2026-03-20"))
    measure_accounts(DAY, by="daily round")
    untouched = list(MetricValue.objects.filter(account__key="A2").order_by("pk").values())
    log(("A1", "cleo", "report_exported", "2026-03-22"))
    done = measure_accounts(DAY, by="daily round")
    assert 0 < done.written < done.metrics
    assert value("A1", "active_people").value == 2
    assert list(MetricValue.objects.filter(account__key="A2").order_by("pk").values()) == untouched


@pytest.mark.one_database
def test_what_was_learnt_after_the_date_changes_nothing(log: Log) -> None:
    log(("A1", "ann", "report_exported", "2026-03-20"))
    measure_accounts(DAY, by="daily round")
    log(("A1", "cleo", "report_exported", "2026-03-22"), recorded_at=datetime(2026, 4, 5, tzinfo=UTC))
    assert measure_accounts(DAY, by="daily round").written == 0


def test_a_changed_window_is_a_new_version_and_old_values_keep_theirs(log: Log) -> None:
    log(("A1", "ann", "report_exported", "2026-03-02"))
    measure_accounts(DAY, by="daily round")
    first = MetricDefinition.objects.get(key="active_people")
    changed = {**first.definition, "window": 60, "sentence": "people active in the last 60 days"}
    others = [d.definition for d in MetricDefinition.objects.exclude(key="active_people")]
    assert ensure_starter_metrics([changed, *others]) == 1
    assert MetricDefinition.objects.get(key="active_people", is_current=True).version == 2
    measure_accounts(DAY, by="daily round")
    values = MetricValue.objects.filter(account__key="A1", metric__key="active_people").order_by(
        "metric__version"
    )
    assert [(v.metric.version, v.value) for v in values] == [(1, 0.0), (2, 1.0)]


def test_a_definition_that_a_person_changed_stays_theirs() -> None:
    changed = {**MetricDefinition.objects.get(key="active_people").definition, "window": 14}
    new_version(changed, by="person:1")
    assert ensure_starter_metrics() == 0
    assert MetricDefinition.objects.get(key="active_people", is_current=True).definition["window"] == 14


def test_key_activities_are_unknown_until_they_are_chosen(log: Log) -> None:
    log(("A1", "ann", "report_exported", "2026-03-20"))
    measure_accounts(DAY, by="daily round")
    assert (value("A1", "key_activities").value, value("A1", "key_activities").reason) == (
        None,
        "no key activities chosen",
    )
    set_key_activities(["report_exported"], by="person:1")
    measure_accounts(DAY, by="daily round")
    assert (value("A1", "key_activities").value, value("A1", "key_activities").metric.version) == (1.0, 2)


@pytest.mark.one_database
def test_the_kept_first_and_last_days_give_what_all_history_gives(
    log: Log, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(("A1", "ann", "report_exported", "2024-06-01"), ("A1", "ann", "case.opened", "2024-06-02"))
    log(
        ("A2", "eve", "report_exported", "2024-01-20"),
        ("A2", "eve", "survey.nps", "2026-03-01", 8),
        batch="import:2",
    )
    late = datetime(2026, 3, 25, tzinfo=UTC)
    log(
        ("A1", "bob", "error_seen", "2024-05-01"),
        ("A1", "bob", "report_exported", "2026-03-20"),
        recorded_at=late,
    )
    stream.withdraw(batch="import:2", recorded_at=datetime(2026, 3, 28, tzinfo=UTC), by="person:1")
    stream.roll_up()

    def figures(as_of: date) -> list[tuple[Any, ...]]:
        MetricValue.objects.all().delete()
        measure_accounts(as_of, by="daily round")
        found = MetricValue.objects.order_by("account", "metric")
        return list(found.values_list("account", "metric", "value", "n", "reason"))

    dates = [date(2026, 3, 24), date(2026, 3, 26), DAY]
    assert stream.seen(DAY) is not None
    kept = [figures(as_of) for as_of in dates]
    monkeypatch.setattr(Stream, "seen", lambda self, as_of: None)
    assert kept == [figures(as_of) for as_of in dates]
    assert kept[0] != kept[1]
    assert [value("A1", key).value for key in ("days_since_usage", "errors_seen", "cases_opened")] == [
        11,
        0,
        0,
    ]
    assert value("A2", "days_since_usage").value is None


@pytest.mark.one_database
def test_the_oldest_day_of_the_longest_window_is_read(log: Log) -> None:
    log(("A1", "ann", "survey.nps", "2025-04-01", 3), ("A2", "eve", "survey.nps", "2025-03-31", 4))
    measure_accounts(DAY, by="daily round")
    assert value("A1", "last_nps").value == 3
    assert (value("A2", "last_nps").value, value("A2", "last_nps").reason) == (None, "no value in the window")


def test_an_account_that_went_has_no_figures(log: Log) -> None:
    log(("A1", "ann", "report_exported", "2026-03-20"))
    measure_accounts(DAY, by="daily round")
    revert("import:1", by="person:1")
    measure_accounts(DAY, by="daily round")
    assert MetricValue.objects.count() == 0


@pytest.mark.one_database
def test_the_history_of_an_account_equals_what_each_date_measured(log: Log) -> None:
    log(
        ("A1", "ann", "report_exported", "2026-02-20"),
        ("A1", "bob", "report_exported", "2026-03-20"),
        ("A2", "eve", "report_exported", "2026-03-20"),
    )
    dates = [date(2026, 2, 28), date(2026, 3, 31)]
    history = measure_history(Account.objects.get(key="A1"), dates)
    for as_of in dates:
        measure_accounts(as_of, by="daily round")
        for figure in MetricValue.objects.filter(account__key="A1").select_related("metric"):
            point = next(p for p in history[figure.metric.key] if p.as_of == as_of)
            assert (point.value, point.n, point.reason) == (figure.value, figure.n, figure.reason)


def test_a_past_date_sees_the_contract_that_it_saw_then(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def renew(on: date) -> None:
        row = PeriodRow(
            "p1",
            account="A1",
            starts_on=date(2026, 1, 1),
            renews_on=on,
            monthly_amount=Decimal(50),
            currency="EUR",
            seats=5,
        )
        save_periods([row], by="import:1", source="billing")

    monkeypatch.setenv("HEED_NOW", "2026-01-02T08:00:00+00:00")
    renew(date(2026, 6, 1))
    monkeypatch.setenv("HEED_NOW", "2026-03-15T08:00:00+00:00")
    renew(date(2027, 1, 1))
    dates = [date(2026, 3, 14), date(2026, 3, 15), DAY]
    points = measure_history(Account.objects.get(key="A1"), dates, ["days_to_renewal"])
    assert [point.value for point in points["days_to_renewal"]] == [79, 292, 276]
    measure_accounts(DAY, by="daily round")
    assert value("A1", "days_to_renewal").value == 276
    assert set(points) == {"days_to_renewal"}


def test_an_undo_is_learnt_when_it_is_made_and_a_period_given_away_was_never_told(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tell(renews: date, by: str, account: str = "A1") -> None:
        row = PeriodRow("p1", account=account, starts_on=date(2026, 1, 1), renews_on=renews)
        whole = replace(
            row, monthly_amount=Decimal(50), currency="EUR", recorded_at=clock.now().replace(hour=6)
        )
        save_periods([whole], by=by, source="billing")

    def on(day: date) -> None:
        monkeypatch.setenv("HEED_NOW", f"{day}T08:00:00+00:00")

    on(date(2026, 1, 2))
    tell(date(2026, 6, 1), "import:2")
    on(date(2026, 2, 1))
    tell(date(2027, 1, 1), "import:3")
    on(date(2026, 3, 1))
    revert("import:3", by="person:1")
    dates = [date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 1), DAY]

    def seen(account: str) -> list[float | None]:
        points = measure_history(Account.objects.get(key=account), dates, ["days_to_renewal"])
        measure_accounts(dates[-1], by="daily round")
        assert points["days_to_renewal"][-1].value == value(account, "days_to_renewal").value
        return [point.value for point in points["days_to_renewal"]]

    assert seen("A1") == [None, 121, 334, 307, 92, 62]
    on(DAY)
    tell(date(2026, 6, 1), "import:4", account="A2")
    assert seen("A1") == [None] * 6
    assert seen("A2") == [None, None, None, None, None, 62]
