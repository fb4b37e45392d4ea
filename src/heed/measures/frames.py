"""What the evidence needs to know of accounts and their contracts, as tables."""

from datetime import UTC, date, datetime
from typing import Any

import ibis
import pyarrow as pa

from heed.customers.models import Account, SubscriptionPeriod

ACCOUNTS = pa.schema([("account", pa.string()), ("since", pa.date32())])
CONTRACTS = pa.schema(
    [
        ("account", pa.string()),
        ("starts_on", pa.date32()),
        ("ends_on", pa.date32()),
        ("renews_on", pa.date32()),
        ("seats", pa.int64()),
        ("known_on", pa.date32()),
    ]
)


def account_frame(only: str | None = None) -> pa.Table:
    """The accounts that stand (or one of them), and since when they are customers."""
    accounts = Account.objects.filter(withdrawn_at=None, erased_at=None)
    if only is not None:
        accounts = accounts.filter(key=only)
    return _table(ACCOUNTS, accounts.order_by("key").values_list("key", "since"))


def contract_frame(only: str | None = None) -> pa.Table:
    """Their subscription periods, and the day each was known."""
    periods = SubscriptionPeriod.objects.filter(
        withdrawn_at=None, account__withdrawn_at=None, account__erased_at=None
    )
    if only is not None:
        periods = periods.filter(account__key=only)
    fields = ("account__key", "starts_on", "ends_on", "renews_on", "seats", "recorded_at")
    rows = periods.order_by("account__key", "starts_on", "key").values_list(*fields)
    return _table(CONTRACTS, ((*row[:5], utc_day(row[5])) for row in rows))


def utc_day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


def _table(schema: pa.Schema, rows: Any) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.names)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def as_ibis(table: pa.Table) -> ibis.Table:
    return ibis.memtable(table)
