"""What a model is told of a day: read from what was measured that day, and measured only where it was not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from heed.customers.actions import erase_account, save_accounts, save_periods
from heed.customers.models import Account
from heed.customers.rows import AccountRow
from heed.evidence.metrics import Metric
from heed.measures.actions import measure_accounts
from heed.measures.day import features_of_day
from heed.measures.definitions import current_metrics, new_version
from heed.measures.known import known_periods, read_once
from heed.measures.landmarks import features_at
from heed.measures.measuring import measure_at
from heed.measures.models import MetricDefinition
from heed.measures.stays import contracts
from tests.measures.conftest import log as log
from tests.measures.test_learning import BY, DAY, fill, known_from, quarter

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The keys of the metrics of each time that something is measured for the model."""
    calls: list[list[str]] = []

    def counted(metrics: list[Metric], *rest: Any) -> Any:
        calls.append([metric.key for metric in metrics])
        return measure_at(metrics, *rest)

    monkeypatch.setattr("heed.measures.day.measure_at", counted)
    return calls


def measured_anew(metrics: dict[int, Metric]) -> pd.DataFrame:
    numbers = dict(Account.objects.values_list("key", "pk"))
    rows = features_at(DAY, list(metrics.values()))
    return rows.assign(account=rows["account"].map(numbers)).sort_values("account", ignore_index=True)


def alike(rows: pd.DataFrame, metrics: dict[int, Metric]) -> None:
    pd.testing.assert_frame_equal(rows, measured_anew(metrics), check_exact=True, check_dtype=False)


def test_what_was_measured_that_day_is_not_measured_again(
    log: Callable[..., None], asked: list[list[str]]
) -> None:
    fill(log, 8, 3)
    erase_account(Account.objects.get(key="A007"), by="person:1", reason="asked for it")
    measure_accounts(DAY, by=BY)
    metrics = current_metrics()
    rows = features_of_day(DAY, metrics, contracts(DAY))
    # Three have left, one is erased.
    assert len(rows) == 4
    assert asked == []
    alike(rows, metrics)


def test_a_definition_that_was_not_measured_that_day_is_measured_alone(
    log: Callable[..., None], asked: list[list[str]]
) -> None:
    fill(log, 8, 3)
    older = current_metrics()
    definition = MetricDefinition.objects.get(key="days_active", is_current=True).definition
    new_version({**definition, "window": 7}, by="person:1")
    measure_accounts(DAY, by=BY)
    rows = features_of_day(DAY, older, contracts(DAY))
    assert asked == [["days_active"]]
    alike(rows, older)
    assert not rows["days_active"].equals(
        features_of_day(DAY, current_metrics(), contracts(DAY))["days_active"]
    )


def test_a_day_that_was_not_measured_is_measured_and_one_without_accounts_has_no_rows(
    log: Callable[..., None], asked: list[list[str]]
) -> None:
    assert features_of_day(DAY, current_metrics(), []).empty
    fill(log, 8, 3)
    metrics = current_metrics()
    assert features_of_day(DAY, metrics, []).empty
    alike(features_of_day(DAY, metrics, contracts(DAY)), metrics)
    assert [len(keys) for keys in asked] == [5, 5]


def test_what_was_measured_on_another_day_or_of_some_accounts_only_is_measured_anew(
    log: Callable[..., None], asked: list[list[str]]
) -> None:
    fill(log, 8, 3)
    measure_accounts(DAY - timedelta(days=1), by=BY)
    metrics = current_metrics()
    alike(features_of_day(DAY, metrics, contracts(DAY)), metrics)
    assert [len(keys) for keys in asked] == [5]
    measure_accounts(DAY, by=BY)
    # An account that came in since has no figure of the day yet.
    save_accounts([AccountRow("B000", since=DAY)], by="import:2", source="crm")
    period = replace(quarter("B000", 7), starts_on=DAY, recorded_at=known_from(DAY))
    save_periods([period], by="import:2", source="crm")
    rows = features_of_day(DAY, metrics, contracts(DAY))
    alike(rows, metrics)
    assert rows["tenure_days"].tolist()[-1] == 0
    assert [len(keys) for keys in asked] == [5, 5]


def test_within_a_round_the_periods_are_read_once(
    log: Callable[..., None], django_assert_num_queries: Any
) -> None:
    fill(log, 4, 1)
    with read_once():
        before = list(known_periods())
        save_periods([quarter("A001", 8)], by="import:2", source="crm")
        with django_assert_num_queries(0):
            assert list(known_periods()) == before
        assert len(list(known_periods(["A001"]))) == 9
    assert len(list(known_periods())) == len(before) + 1
