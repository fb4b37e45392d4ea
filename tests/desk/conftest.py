"""A small team with a few accounts, on a day that does not move."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from heed.customers.models import Account, SubscriptionPeriod
from heed.measures.actions import ensure_starter_metrics
from heed.measures.models import MetricDefinition, MetricValue, Risk

DAY = date(2026, 11, 22)
MORNING = datetime(2026, 11, 22, 8, tzinfo=UTC)
MakeAccount = Callable[..., Account]
MakeRisk = Callable[..., Risk]
MakeValue = Callable[..., MetricValue]


@pytest.fixture(autouse=True)
def _morning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_NOW", MORNING.isoformat())


@pytest.fixture
def make_account(db: None) -> MakeAccount:
    def make(key: str, owner: Any = None, **fields: Any) -> Account:
        given = {"name": key.title(), "source": "test", "created_at": MORNING, "changed_at": MORNING} | fields
        return Account.objects.create(key=key, owner=owner, **given)

    return make


@pytest.fixture
def make_risk() -> MakeRisk:
    def make(account: Account, amount: str | None, chance: float | None, **fields: Any) -> Risk:
        given = {
            "as_of": DAY, "horizon_on": date(2027, 3, 21), "low": 0.1, "high": 0.3, "n": 412, "events": 58,
            "method": "the clock", "currency": "EUR", "reason": "" if chance is not None else "too few",
        } | fields  # fmt: skip
        paid = Decimal(amount) if amount else None
        return Risk.objects.create(account=account, probability=chance, yearly_amount=paid, **given)

    return make


@pytest.fixture
def metrics(db: None) -> dict[str, MetricDefinition]:
    ensure_starter_metrics()
    return {metric.key: metric for metric in MetricDefinition.objects.filter(is_current=True)}


@pytest.fixture
def make_value(metrics: dict[str, MetricDefinition]) -> MakeValue:
    def make(account: Account, metric: str, value: float | None, **fields: Any) -> MetricValue:
        given = {"as_of": DAY, "n": 100, "reason": "" if value is not None else "no such activity so far"}
        return MetricValue.objects.create(
            account=account, metric=metrics[metric], value=value, **(given | fields)
        )

    return make


@pytest.fixture
def make_period(db: None) -> Callable[..., SubscriptionPeriod]:
    def make(account: Account, monthly: str = "100", **fields: Any) -> SubscriptionPeriod:
        given = {
            "key": f"{account.key}-1", "subscription": account.key, "starts_on": date(2026, 1, 1),
            "currency": "EUR", "source": "test", "recorded_at": MORNING,
        } | fields  # fmt: skip
        return SubscriptionPeriod.objects.create(account=account, monthly_amount=Decimal(monthly), **given)

    return make
