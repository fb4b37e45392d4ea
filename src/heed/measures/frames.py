"""What the evidence needs to know of accounts and their contracts, as tables."""

from datetime import UTC, date, datetime
from typing import Any

import ibis
import pyarrow as pa

from heed.customers.models import Account, SubscriptionPeriod
from heed.customers.states import day
from heed.ledger.models import AuditEntry

ACCOUNTS = pa.schema([("account", pa.string()), ("since", pa.date32())])
CONTRACTS = pa.schema(
    [
        ("account", pa.string()),
        ("starts_on", pa.date32()),
        ("ends_on", pa.date32()),
        ("renews_on", pa.date32()),
        ("seats", pa.int64()),
        ("known_on", pa.date32()),
        ("unknown_on", pa.date32()),
    ]
)


def account_frame(only: str | None = None) -> pa.Table:
    """The accounts that stand (or one of them), and since when they are customers."""
    accounts = Account.objects.filter(withdrawn_at=None, erased_at=None)
    if only is not None:
        accounts = accounts.filter(key=only)
    return _table(ACCOUNTS, accounts.order_by("key").values_list("key", "since"))


def contract_frame(only: str | None = None) -> pa.Table:
    """Every known state of their subscription periods, and from and until which day it was taken for true.

    States that a period had before it was changed come from the audit trail: a past date sees what it saw.
    """
    periods = SubscriptionPeriod.objects.filter(
        withdrawn_at=None, account__withdrawn_at=None, account__erased_at=None
    )
    if only is not None:
        periods = periods.filter(account__key=only)
    fields = ("key", "account__key", "starts_on", "ends_on", "renews_on", "seats", "recorded_at")
    past = _past_states(only)
    rows: list[tuple[Any, ...]] = []
    for key, *state, recorded_at in periods.order_by("account__key", "starts_on", "key").values_list(*fields):
        earlier = past.get(key, ())
        rows += [row for row in earlier if row[5] < row[6]]
        known_on = earlier[-1][6] if earlier else utc_day(recorded_at)
        rows.append((*state, known_on, None))
    return _table(CONTRACTS, rows)


def _past_states(only: str | None) -> dict[str, list[tuple[Any, ...]]]:
    """By period: each earlier state with the days [known_on, unknown_on) on which it was taken for true."""
    changes = AuditEntry.objects.filter(kind="period", before__isnull=False, after__isnull=False)
    if only is not None:
        keys = SubscriptionPeriod.objects.filter(account__key=only).values_list("key", flat=True)
        changes = changes.filter(subject__in=list(keys))
    found: dict[str, list[tuple[Any, ...]]] = {}
    for key, at, before, after in changes.order_by("id").values_list("subject", "at", "before", "after"):
        if before is None or after is None:
            continue
        told_anew = before["recorded_at"] != after["recorded_at"]
        until = _day_of(after["recorded_at"]) if told_anew else utc_day(at)
        earlier = found.setdefault(key, [])
        since = earlier[-1][6] if earlier else _day_of(before["recorded_at"])
        until = max(since, until)
        # While it was withdrawn nobody took it for true.
        earlier.append((*_contract(before), until if before["withdrawn"] else since, until))
    return found


def _contract(state: dict[str, Any]) -> tuple[Any, ...]:
    days = (day(state[name]) for name in ("starts_on", "ends_on", "renews_on"))
    return (state["account"], *days, state["seats"])


def _day_of(instant: str) -> date:
    return utc_day(datetime.fromisoformat(instant))


def utc_day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


def _table(schema: pa.Schema, rows: Any) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.names)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def as_ibis(table: pa.Table) -> ibis.Table:
    return ibis.memtable(table)
