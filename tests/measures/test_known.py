"""What was taken for true of a period on each day: changed, withdrawn and named again, moved, told abroad."""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from heed.customers.actions import save_accounts, save_periods
from heed.customers.models import SubscriptionPeriod
from heed.customers.rows import AccountRow, PeriodRow
from heed.ledger.models import AuditEntry
from heed.measures.known import known_periods

pytestmark = pytest.mark.django_db

FIRST = PeriodRow(
    "P1", account="A1", starts_on=date(2026, 1, 1), monthly_amount=Decimal(10), currency="EUR",
    recorded_at=datetime.fromisoformat("2026-01-02T00:00:00+00:00"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def accounts() -> None:
    save_accounts([AccountRow("A1"), AccountRow("A2")], by="import:1", source="crm")


def told(row: PeriodRow, monkeypatch: pytest.MonkeyPatch, on: str) -> None:
    monkeypatch.setenv("HEED_NOW", f"{on}T08:00:00+00:00")
    save_periods([row], by="import:1", source="billing")


def states() -> list[tuple[Any, ...]]:
    return [(each.account, each.monthly_amount, each.known_on, each.unknown_on) for each in known_periods()]


def withdrawn(on: str, *, again: bool = False) -> None:
    """As an undo leaves a period that others refer to, and as a later file that names it finds it."""
    last = AuditEntry.objects.filter(kind="period").order_by("pk").last()
    assert last is not None
    assert last.after is not None
    at = datetime.fromisoformat(f"{on}T08:00:00+00:00")
    AuditEntry.objects.create(
        at=at, by="person:1", action="undo", kind="period", subject="P1", before=last.after,
        after=last.after | {"withdrawn": not again},
    )  # fmt: skip
    SubscriptionPeriod.objects.update(withdrawn_at=None if again else at)


def test_a_change_is_known_from_the_day_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    told(FIRST, monkeypatch, "2026-01-05")
    told(replace(FIRST, monthly_amount=Decimal(20)), monkeypatch, "2026-03-01")
    assert states() == [
        ("A1", 10, date(2026, 1, 2), date(2026, 3, 1)), ("A1", 20, date(2026, 3, 1), None),
    ]  # fmt: skip


def test_two_changes_of_one_day_are_one_for_nobody_saw_what_stood_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told(FIRST, monkeypatch, "2026-01-05")
    told(replace(FIRST, monthly_amount=Decimal(20)), monkeypatch, "2026-03-01")
    told(replace(FIRST, monthly_amount=Decimal(30)), monkeypatch, "2026-03-01")
    assert states() == [
        ("A1", 10, date(2026, 1, 2), date(2026, 3, 1)), ("A1", 30, date(2026, 3, 1), None),
    ]  # fmt: skip


def test_while_it_was_withdrawn_nobody_took_it_for_true(monkeypatch: pytest.MonkeyPatch) -> None:
    told(FIRST, monkeypatch, "2026-01-05")
    withdrawn("2026-03-01")
    assert states() == [("A1", 10, date(2026, 1, 2), date(2026, 3, 1))]
    withdrawn("2026-06-01", again=True)
    assert states() == [
        ("A1", 10, date(2026, 1, 2), date(2026, 3, 1)), ("A1", 10, date(2026, 6, 1), None),
    ]  # fmt: skip


def test_what_belongs_to_another_account_now_was_never_told_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told(FIRST, monkeypatch, "2026-01-05")
    told(replace(FIRST, account="A2"), monkeypatch, "2026-03-01")
    assert states() == [("A2", 10, date(2026, 3, 1), None)]


def test_the_day_is_that_of_utc_wherever_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    night = datetime(2026, 1, 3, 1, tzinfo=timezone(timedelta(hours=9)))
    told(replace(FIRST, recorded_at=night), monkeypatch, "2026-01-05")
    assert states() == [("A1", 10, date(2026, 1, 2), None)]
    evening = datetime(2026, 2, 1, 23, tzinfo=timezone(timedelta(hours=-5)))
    told(replace(FIRST, monthly_amount=Decimal(20), recorded_at=evening), monkeypatch, "2026-03-01")
    assert states() == [
        ("A1", 10, date(2026, 1, 2), date(2026, 2, 2)), ("A1", 20, date(2026, 2, 2), None),
    ]  # fmt: skip
