"""Facts of accounts that are metrics too: the contracts in force at a date, as they were known then.

`contracts` has one row per known state of a contract: account, starts_on, ends_on (the first day that it
no longer holds; null: open), renews_on, seats, known_on and, where corrections are kept, unknown_on.
"""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa


def contract_facts(contracts: ir.Table, dates: Sequence[date]) -> ir.Table:
    """Per account and date: `in_force` (number), `seats`, `renews_on` (next), `term_from`, `started_on`,
    `contracts_known`."""
    grid = ibis.memtable(pa.table({"as_of": pa.array(dates, pa.date32())}))
    joined = contracts.join(grid, [contracts.known_on <= grid.as_of], how="inner")
    known = joined.filter(joined.starts_on <= joined.as_of)
    if "unknown_on" in contracts.columns:
        known = known.filter(known.unknown_on.isnull() | (known.unknown_on > known.as_of))
    holds = known.ends_on.isnull() | (known.ends_on > known.as_of)
    return known.group_by("account", "as_of").agg(
        in_force=known.count(where=holds),
        seats=known.seats.sum(where=holds),
        renews_on=known.renews_on.min(where=holds & (known.renews_on >= known.as_of)),
        renewals=known.renews_on.count(where=holds & (known.renews_on >= known.as_of)),
        term_from=known.starts_on.min(where=holds),
        started_on=known.starts_on.min(),
        contracts_known=known.count(),
    )
