"""What the evidence needs to know of accounts and their contracts, as tables."""

from collections.abc import Collection
from typing import Any

import ibis
import pyarrow as pa

from heed.customers.models import Account
from heed.measures.known import known_periods

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


def account_frame(only: Collection[str] | None = None) -> pa.Table:
    """The accounts that stand (or a few of them, by key), and since when they are customers."""
    accounts = Account.objects.filter(withdrawn_at=None, erased_at=None)
    if only is not None:
        accounts = accounts.filter(key__in=only)
    return _table(ACCOUNTS, accounts.order_by("key").values_list("key", "since"))


def contract_frame(only: Collection[str] | None = None) -> pa.Table:
    """Every known state of their subscription periods, and from and until which day it was taken for true:
    a past date sees what it saw."""
    names = CONTRACTS.names
    return _table(
        CONTRACTS, [tuple(getattr(period, name) for name in names) for period in known_periods(only)]
    )


def _table(schema: pa.Schema, rows: Any) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.names)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def as_ibis(table: pa.Table) -> ibis.Table:
    return ibis.memtable(table)
