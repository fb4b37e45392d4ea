"""Writing what was measured: all values of a date in one statement, only those that differ."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from heed.measures.models import MetricValue

STAGED = "measured_values"
COLUMNS = "account_id, metric_id, value, n, reason"

# A value of an earlier date moves to `earlier`; the same date measured again keeps what came before it; a
# date before the stored one is a look back and does not replace what is known today.
UPSERT = f"""
INSERT INTO {MetricValue._meta.db_table} AS old ({COLUMNS}, as_of)
SELECT {COLUMNS}, %s FROM {STAGED} WHERE true ORDER BY account_id, metric_id
ON CONFLICT (account_id, metric_id) DO UPDATE SET
    earlier_value = CASE WHEN old.as_of < excluded.as_of THEN old.value ELSE old.earlier_value END,
    earlier_as_of = CASE WHEN old.as_of < excluded.as_of THEN old.as_of ELSE old.earlier_as_of END,
    value = excluded.value, n = excluded.n, reason = excluded.reason, as_of = excluded.as_of
WHERE old.as_of < excluded.as_of OR (old.as_of = excluded.as_of AND (
    old.value IS DISTINCT FROM excluded.value OR old.n <> excluded.n OR old.reason <> excluded.reason))
"""


class Measured(NamedTuple):
    """One figure of one account: ids of account and definition, value or None with its reason."""

    account: int
    metric: int
    value: float | None
    n: int
    reason: str


def store_values(rows: Iterable[Measured], as_of: date) -> int:
    """Store figures as of a date; returns how many rows were written. Runs in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {STAGED}")
        cursor.execute(
            f"CREATE TEMPORARY TABLE {STAGED} (account_id bigint, metric_id bigint, "
            "value double precision, n bigint, reason varchar(100))"
        )
        _stage(cursor, rows)
        cursor.execute(UPSERT, [as_of])
        written: int = cursor.rowcount
        cursor.execute(f"DROP TABLE {STAGED}")
    return written


def _stage(cursor: Any, rows: Iterable[Measured]) -> None:
    if connection.vendor == "postgresql":
        with cursor.copy(f"COPY {STAGED} ({COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        # Django's executemany would look at every parameter of every row; SQLite's own does not.
        connection.connection.executemany(f"INSERT INTO {STAGED} VALUES (?, ?, ?, ?, ?)", rows)
