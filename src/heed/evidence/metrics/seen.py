"""The first and last day on which accounts had activities of a selection, over all days on record.

An account that never had them is unknown, not zero; this is the only part that reads old rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from heed.evidence.metrics.kinds import Kinds
from heed.evidence.metrics.language import Activities, Metric
from heed.evidence.metrics.spread import NEVER, date_table, first_date_from, visible, with_kind
from heed.evidence.metrics.terms import presence


@dataclass(frozen=True, slots=True)
class Wanted:
    """Selections whose last day (and, for comparisons, first day) is needed, and their column names."""

    last: dict[Activities, str]
    first: dict[Activities, str]

    @classmethod
    def by(cls, metrics: Iterable[Metric]) -> "Wanted":
        last: dict[Activities, str] = {}
        first: dict[Activities, str] = {}
        for metric in metrics:
            selection = presence(metric)
            if selection is None:
                continue
            last.setdefault(selection, f"last_day_{len(last)}")
            if metric.comparison:
                first.setdefault(selection, f"first_day_{len(first)}")
        return cls(last, first)

    def part(self, *, plain: bool) -> "Wanted":
        """Selections of nothing but plain names, or the others: usage is most of the rows, and what is
        rare is read past it."""
        return Wanted(
            {each: name for each, name in self.last.items() if _is_plain(each) is plain},
            {each: name for each, name in self.first.items() if _is_plain(each) is plain},
        )


def _is_plain(selection: Activities) -> bool:
    dotted = any("." in name for name in selection.names)
    return not (selection.any or selection.families or dotted)


def seen(wanted: Wanted, daily: ir.Table, accounts: ir.Table, dates: Sequence[date]) -> list[ir.Table]:
    """Tables by account and as_of with the wanted columns, as every date knew them."""
    parts = [part for plain in (True, False) if (part := wanted.part(plain=plain)).last]
    if len(dates) == 1:
        return [_at_one_date(part, daily, dates[0]) for part in parts]
    return [_over_dates(part, daily, accounts, dates) for part in parts]


def seen_before(wanted: Wanted, held: ir.Table, as_of: date) -> list[ir.Table]:
    """As `seen` at one date, from what is kept of it: account, name, first_day and last_day."""
    if not wanted.last:
        return []
    kinds = Kinds.of(list(wanted.last))
    rows = with_kind(held.filter(held.last_day.notnull()), kinds)
    return [rows.group_by("account").agg(**_of_kind(rows, kinds, wanted)).mutate(as_of=ibis.date(as_of))]


def _at_one_date(wanted: Wanted, daily: ir.Table, as_of: date) -> ir.Table:
    kinds = Kinds.of(list(wanted.last))
    if all(_is_plain(each) for each in wanted.last):
        rows = daily.filter(kinds.may_match(daily.name), daily.day <= as_of, visible(daily, as_of))
        rows = rows.mutate(first_day=rows.day, last_day=rows.day)
        tests = {each: _named(rows.name, each) for each in wanted.last}
    else:
        rows = with_kind(daily, kinds)
        rows = rows.filter(rows.day <= as_of, visible(rows, as_of))
        rows = rows.group_by("account", "kind").agg(first_day=rows.day.min(), last_day=rows.day.max())
        tests = {each: taken(rows, kinds, each) for each in wanted.last}
    return rows.group_by("account").agg(**_extremes(rows, wanted, tests)).mutate(as_of=ibis.date(as_of))


def _named(name: ir.StringValue, selection: Activities) -> ir.BooleanValue | None:
    """Whether a name without a dot is of a selection of such names; None when all are."""
    if not selection.usage:
        return name.isin([each for each in selection.names if each not in selection.left_out])
    return name.notin(selection.left_out) if selection.left_out else None


def _extremes(rows: ir.Table, wanted: Wanted, tests: dict[Activities, Any]) -> dict[str, Any]:
    last = {name: rows.last_day.max(where=tests[each]) for each, name in wanted.last.items()}
    first = {name: rows.first_day.min(where=tests[each]) for each, name in wanted.first.items()}
    return last | first


def _of_kind(rows: ir.Table, kinds: Kinds, wanted: Wanted) -> dict[str, Any]:
    return _extremes(rows, wanted, {each: taken(rows, kinds, each) for each in wanted.last})


def taken(rows: ir.Table, kinds: Kinds, selection: Activities) -> ir.BooleanValue | None:
    """Whether a row is of a selection; None when all are."""
    own = kinds.of_selection(selection)
    return rows.kind.isin(own) if len(own) < len(kinds.signatures) else None


def _over_dates(wanted: Wanted, daily: ir.Table, accounts: ir.Table, dates: Sequence[date]) -> ir.Table:
    """What stays is carried forward from date to date; what was withdrawn is spread over the dates that
    still believed it (there is little of it)."""
    kinds = Kinds.of(list(wanted.last))
    rows = first_date_from(with_kind(daily, kinds), dates)
    added = rows.group_by("account", "kind", "known", "unknown").agg(
        first_day=rows.day.min(), last_day=rows.day.max()
    )
    staying = added.filter(added.unknown == ibis.date(NEVER))
    stayed = staying.group_by("account", as_of=staying.known).agg(**_of_kind(staying, kinds, wanted))
    passing = added.filter(added.unknown < ibis.date(NEVER))
    grid = date_table(dates)
    believed = passing.join(grid, [passing.known <= grid.as_of, passing.unknown > grid.as_of], how="inner")
    passed = believed.group_by("account", "as_of").agg(**_of_kind(believed, kinds, wanted))
    return _carried(accounts.select("account").cross_join(grid), stayed, passed, wanted)


def _carried(spine: ir.Table, stayed: ir.Table, passed: ir.Table, wanted: Wanted) -> ir.Table:
    so_far = ibis.window(group_by="account", order_by="as_of", preceding=None, following=0)
    dense = spine.left_join(stayed, ["account", "as_of"]).drop("account_right", "as_of_right")
    carried = dense.mutate(
        **{name: dense[name].max().over(so_far) for name in wanted.last.values()},
        **{name: dense[name].min().over(so_far) for name in wanted.first.values()},
    )
    names = [*wanted.last.values(), *wanted.first.values()]
    passed = passed.rename({f"{name}_passed": name for name in names})
    both = carried.left_join(passed, ["account", "as_of"]).drop("account_right", "as_of_right")
    return both.select(
        "account",
        "as_of",
        **{name: _either(both, name, ibis.greatest) for name in wanted.last.values()},
        **{name: _either(both, name, ibis.least) for name in wanted.first.values()},
    )


def _either(rows: ir.Table, name: str, choose: Any) -> Any:
    """Engines differ in what greatest and least do with a null: none is left here."""
    kept, passing = rows[name], rows[f"{name}_passed"]
    return choose(ibis.coalesce(kept, passing), ibis.coalesce(passing, kept))
