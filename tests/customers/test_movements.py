import csv
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from heed.customers.actions import (
    derive_due_movements,
    derive_movements,
    revert,
    save_accounts,
    save_periods,
)
from heed.customers.models import Movement
from heed.customers.rows import AccountRow, PeriodRow
from heed.ledger.models import AuditEntry, OutboxEntry
from heed.ledger.outbox import drain
from heed.stream import Stream

pytestmark = pytest.mark.django_db

DATA = Path(os.environ.get("HEED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
PLAYBOOK = DATA / "mrr-playbook-dbt" / "subscription_periods.csv"
needs_playbook = pytest.mark.skipif(
    not PLAYBOOK.exists(),
    reason=f"{PLAYBOOK} is absent. HEED_DATA names the folder of the public data sets.",
)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_NOW", "2026-06-15T08:00:00+00:00")


def period(
    key: str, start: str, end: str | None, amount: int, account: str = "A1", money: str = "EUR"
) -> PeriodRow:
    return PeriodRow(
        key,
        account=account,
        starts_on=date.fromisoformat(start),
        ends_on=date.fromisoformat(end) if end else None,
        monthly_amount=Decimal(amount),
        currency=money,
    )


def save(*rows: PeriodRow, by: str = "import:1") -> None:
    save_accounts([AccountRow(row.account) for row in rows if row.account], by=by, source="crm")
    save_periods(rows, by=by, source="billing")


def found() -> list[tuple[Any, ...]]:
    fields = ("on", "kind", "before", "after", "currency")
    return [
        (str(row[0]), *row[1:]) for row in Movement.objects.order_by("on", "currency").values_list(*fields)
    ]


def said(stream: Stream) -> list[tuple[str, str, float | None]]:
    drain()
    rows = stream.timeline("A1").rows
    return sorted((f"{row.at:%Y-%m-%d}", row.name, row.value) for row in rows)


def test_movements_follow_from_periods_and_are_activities_too(stream: Stream) -> None:
    save(period("p1", "2025-01-01", "2025-06-01", 50), period("p2", "2025-06-01", "2026-01-01", 80))
    assert found() == [
        ("2025-01-01", "new", 0, 50, "EUR"),
        ("2025-06-01", "expansion", 50, 80, "EUR"),
        ("2026-01-01", "churn", 80, 0, "EUR"),
    ]
    assert said(stream) == [
        ("2025-01-01", "subscription.new", 50.0),
        ("2025-06-01", "subscription.expansion", 30.0),
        ("2026-01-01", "subscription.churn", -80.0),
    ]


def test_the_same_periods_again_derive_nothing_new() -> None:
    save(period("p1", "2025-01-01", None, 50))
    entries, waiting = AuditEntry.objects.count(), OutboxEntry.objects.count()
    save(period("p1", "2025-01-01", None, 50), by="import:2")
    assert (AuditEntry.objects.count(), OutboxEntry.objects.count()) == (entries, waiting)


def test_a_changed_period_corrects_its_movements_and_takes_back_those_that_vanish(stream: Stream) -> None:
    save(period("p1", "2025-01-01", "2025-06-01", 50))
    assert [name for _, name, _ in said(stream)] == ["subscription.new", "subscription.churn"]
    save(period("p1", "2025-01-01", "2025-07-01", 60), by="import:2")
    assert found() == [("2025-01-01", "new", 0, 60, "EUR"), ("2025-07-01", "churn", 60, 0, "EUR")]
    assert said(stream) == [
        ("2025-01-01", "subscription.new", 60.0),
        ("2025-07-01", "subscription.churn", -60.0),
    ]


def test_a_correction_is_known_from_the_day_it_came_and_a_backfill_from_when_it_happened(
    stream: Stream,
) -> None:
    save(period("p1", "2025-01-01", None, 50))
    save(period("p2", "2025-03-01", None, 20), by="import:2")
    drain()
    rows = stream.run(stream.activities()).sort_by("at").to_pylist()
    assert [(row["recorded_at"], row["recorded_assumed"]) for row in rows] == [
        (datetime(2025, 1, 1, tzinfo=UTC), True),
        (datetime(2026, 6, 15, 8, tzinfo=UTC), False),
    ]


def test_what_lies_in_the_future_is_a_movement_once_its_day_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    save(period("p1", "2025-01-01", "2026-07-01", 50))
    assert [row[1] for row in found()] == ["new"]
    assert derive_due_movements(date(2026, 6, 30), by="daily round").new == 0
    assert derive_due_movements(date(2026, 7, 1), by="daily round").new == 1
    assert [row[1] for row in found()] == ["new", "churn"]


def test_currencies_are_kept_apart_and_one_that_goes_while_another_runs_is_no_churn() -> None:
    save(period("p1", "2025-01-01", "2025-06-01", 50), period("p2", "2025-03-01", None, 90, money="USD"))
    assert found() == [
        ("2025-01-01", "new", 0, 50, "EUR"),
        ("2025-03-01", "expansion", 0, 90, "USD"),
        ("2025-06-01", "contraction", 50, 0, "EUR"),
    ]


def test_an_undo_takes_the_movements_back_also_those_of_accounts_that_go(stream: Stream) -> None:
    save(period("p1", "2025-01-01", None, 50))
    save(
        period("p1", "2025-01-01", None, 70),
        period("p9", "2025-02-01", None, 10, account="A9"),
        by="import:2",
    )
    drain()
    revert("import:2", by="person:1")
    assert said(stream) == [("2025-01-01", "subscription.new", 50.0)]
    assert stream.timeline("A9").rows == ()
    assert [row[1:4] for row in found()] == [("new", 0, 50)]


def playbook_rows() -> Iterator[PeriodRow]:
    with PLAYBOOK.open(newline="") as file:
        for row in csv.DictReader(file):
            yield period(
                row["subscription_id"],
                row["start_date"],
                row["end_date"] or None,
                int(row["monthly_amount"]),
                account=row["customer_id"],
                money="USD",
            )


def expected_movements(rows: list[PeriodRow]) -> list[tuple[str, date, str, int, int]]:
    """The playbook's definition, month by month: what was paid in a month against the month before."""
    months = [date(2017 + k // 12, k % 12 + 1, 1) for k in range(12 * 6)]
    paid: dict[tuple[str | None, date], int] = defaultdict(int)
    for row in rows:
        for month in months:
            assert row.starts_on is not None
            if row.starts_on <= month and (not isinstance(row.ends_on, date) or month < row.ends_on):
                paid[row.account, month] += int(row.monthly_amount or 0)
    moved = []
    for account in sorted({row.account or "" for row in rows}):
        before, ever = 0, False
        for month in months:
            after = paid[account, month]
            if after != before:
                kind = "expansion" if after > before else "contraction"
                kind = ("reactivation" if ever else "new") if not before else kind
                moved.append((account, month, "churn" if not after else kind, before, after))
            ever = ever or after > 0
            before = after
    return moved


@pytest.mark.real_data
@needs_playbook
def test_the_movements_of_the_mrr_playbook_are_those_of_its_definition() -> None:
    rows = list(playbook_rows())
    save(*rows)
    fields = ("account__key", "on", "kind", "before", "after")
    movements = list(Movement.objects.order_by("account__key", "on").values_list(*fields))
    assert movements == expected_movements(rows)
    assert {row[2] for row in movements} == {"new", "expansion", "contraction", "churn", "reactivation"}
    first = [row[1:] for row in movements if row[0] == "1"]
    assert first == [
        (date(2018, 11, 1), "new", 0, 50),
        (date(2019, 2, 1), "churn", 50, 0),
        (date(2019, 4, 1), "reactivation", 0, 50),
        (date(2019, 6, 1), "expansion", 50, 75),
        (date(2019, 8, 1), "churn", 75, 0),
    ]
    assert derive_movements({row.account or "" for row in rows}, by="import:1").new == 0
