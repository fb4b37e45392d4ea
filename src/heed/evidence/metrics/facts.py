"""Facts of accounts that are metrics too: the contracts in force at a date, as they were known then.

`contracts` has one row per known state of a contract: account, starts_on, ends_on (the first day that it
no longer holds; null: open), renews_on, seats, known_on and, where corrections are kept, unknown_on.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from heed.evidence.metrics.spread import NEVER


def contract_facts(contracts: ir.Table, dates: Sequence[date], windows: Iterable[int] = ()) -> ir.Table:
    """Per account and date: `in_force` (number), `seats`, `renews_on` (next), `started_on`,
    `contracts_known`; for each of the `windows` (days) `covered_<window>`: its days under contract."""
    grid = ibis.memtable(pa.table({"as_of": pa.array(dates, pa.date32())}))
    joined = contracts.join(grid, [contracts.known_on <= grid.as_of], how="inner")
    known = joined.filter(joined.starts_on <= joined.as_of)
    if "unknown_on" in contracts.columns:
        known = known.filter(known.unknown_on.isnull() | (known.unknown_on > known.as_of))
    covered = {f"covered_{window}": window for window in sorted(set(windows))}
    known = _covering(known, covered) if covered else known
    holds = known.ends_on.isnull() | (known.ends_on > known.as_of)
    return known.group_by("account", "as_of").agg(
        in_force=known.count(where=holds),
        seats=known.seats.sum(where=holds),
        renews_on=known.renews_on.min(where=holds & (known.renews_on >= known.as_of)),
        renewals=known.renews_on.count(where=holds & (known.renews_on >= known.as_of)),
        started_on=known.starts_on.min(),
        contracts_known=known.count(),
        **{name: known[name].sum() for name in covered},
    )


def _covering(known: ir.Table, windows: Mapping[str, int]) -> ir.Table:
    """+ by window, how many of its days each contract covers that none which began before it does. Days are
    told by their age at the date."""
    ends = ibis.coalesce(known.ends_on, ibis.date(NEVER))
    aged = known.mutate(
        youngest=ibis.greatest(known.as_of.delta(ends, unit="day"), -1) + 1,
        oldest=known.as_of.delta(known.starts_on, unit="day") + 1,
    )
    before = ibis.window(
        group_by=["account", "as_of"], order_by=ibis.desc("oldest"), preceding=(None, 1), following=None
    )
    open_from = ibis.coalesce(aged.youngest.min().over(before), aged.oldest)
    return aged.mutate(
        **{
            name: ibis.greatest(ibis.least(aged.oldest, open_from, window) - aged.youngest, 0)
            for name, window in windows.items()
        }
    )
