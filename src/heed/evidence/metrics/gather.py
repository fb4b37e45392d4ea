"""The terms of all metrics gathered per account and date: one table per level, ready to be joined.

Levels: `activity` (rows, totals, days active), `contact` and `name` (distinct ones), `last` (latest
value), `seen` (first and last day of each selection, over all days). Terms whose windows reach equally
far are read together, so that a short window does not pay for a long one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from heed.evidence.metrics.kinds import Kinds
from heed.evidence.metrics.language import Activities, Metric
from heed.evidence.metrics.spread import (
    NEVER,
    at_one_date,
    bit_count,
    bit_or,
    first_date_from,
    over_dates,
    pieces,
    visible,
    with_kind,
)
from heed.evidence.metrics.terms import Term, What, Window, points, selections_of, terms_of

DISTINCT = {What.CONTACTS: "contact", What.NAMES: "name"}


@dataclass(frozen=True, slots=True)
class Gathered:
    """Tables by (account, as_of) and where in them each term is: a column name."""

    tables: list[ir.Table] = field(default_factory=list)
    columns: dict[Term, str] = field(default_factory=dict)
    first_day: dict[Activities, str] = field(default_factory=dict)
    last_day: dict[Activities, str] = field(default_factory=dict)


def gather(metrics: Sequence[Metric], daily: ir.Table, accounts: ir.Table, dates: Sequence[date]) -> Gathered:
    """All that the metrics need of the activities, as expressions."""
    gathered = Gathered()
    terms = list(dict.fromkeys(term for metric in metrics for term in terms_of(metric)))
    for number, term in enumerate(terms):
        gathered.columns[term] = f"{term.what}_{number}"
    for level, group in _levels(terms).items():
        gathered.tables.append(_level(level, group, daily, dates, gathered.columns))
    selections = list(dict.fromkeys(each for metric in metrics for each in selections_of(metric)))
    if selections:
        for number, each in enumerate(selections):
            gathered.first_day[each], gathered.last_day[each] = f"first_{number}", f"last_{number}"
        gathered.tables.append(_seen(selections, daily, accounts, dates, gathered))
    return gathered


def _levels(terms: Iterable[Term]) -> dict[tuple[str, int], list[Term]]:
    """Terms read together: of one level, and of selections whose longest window there is the same."""
    reach: dict[tuple[str, Activities], int] = defaultdict(int)
    for term in terms:
        key = _level_of(term), term.activities
        reach[key] = max(reach[key], term.window.oldest)
    levels: dict[tuple[str, int], list[Term]] = defaultdict(list)
    for term in terms:
        levels[_level_of(term), reach[_level_of(term), term.activities]].append(term)
    return levels


def _level_of(term: Term) -> str:
    if term.what is What.LAST:
        return "last"
    return DISTINCT.get(term.what, "activity")


def _level(
    level: tuple[str, int],
    terms: list[Term],
    daily: ir.Table,
    dates: Sequence[date],
    columns: dict[Term, str],
) -> ir.Table:
    kinds = Kinds.of([term.activities for term in terms])
    rows = with_kind(daily, kinds)
    if level[0] == "last":
        return _last(terms, rows, kinds, dates, columns)
    if level[0] == "activity":
        return _activity(terms, rows, kinds, dates, columns)
    return _distinct(level[0], terms, rows, kinds, dates, columns)


def _spread(rows: ir.Table, terms: list[Term], dates: Sequence[date], keys: list[str]) -> ir.Table:
    days = any(term.what is What.DAYS for term in terms)
    if len(dates) == 1:
        return at_one_date(rows, dates[0], points(terms), days=days)
    return over_dates(rows, dates, points(terms), keys, days=days)


def _in(cells: ir.Table, kinds: Kinds, term: Term, cut: Sequence[int]) -> ir.BooleanValue:
    within = [each.index for each in pieces(cut) if _within(each.youngest, each.oldest, term.window)]
    tests = []
    if len(within) < len(cut) - 1:
        tests.append(cells.piece.between(within[0], within[-1]))
    wanted = kinds.of_selection(term.activities)
    if len(wanted) < len(kinds.signatures):
        tests.append(cells.kind.isin(wanted))
    return ibis.and_(*tests) if tests else cells.piece.notnull()


def _within(youngest: int, oldest: int, window: Window) -> bool:
    return window.youngest <= youngest and oldest <= window.oldest


def _activity(
    terms: list[Term], rows: ir.Table, kinds: Kinds, dates: Sequence[date], columns: dict[Term, str]
) -> ir.Table:
    cells = _spread(rows, terms, dates, ["account", "kind"])
    cut = points(terms)
    sums: dict[str, Any] = {}
    words: dict[Term, list[str]] = {}
    for term in terms:
        if term.what is What.DAYS:
            words[term] = []
            for each in pieces(cut):
                if _within(each.youngest, each.oldest, term.window):
                    word = f"{columns[term]}_{each.index}"
                    piece = Term(term.what, term.activities, Window(each.youngest, each.oldest))
                    bits = ibis.ifelse(_in(cells, kinds, piece, cut), cells.bits, 0)
                    sums[word] = bit_or(bits)
                    words[term].append(word)
        else:
            sums[columns[term]] = cells[term.what.value].sum(where=_in(cells, kinds, term, cut))
    added = cells.group_by("account", "as_of").agg(**sums)
    for term, names in words.items():
        counted = sum((bit_count(added[name]).cast("int64") for name in names), ibis.literal(0, "int64"))
        added = added.mutate(**{columns[term]: counted})
    return added.select("account", "as_of", *(columns[term] for term in terms))


def _distinct(
    of: str, terms: list[Term], rows: ir.Table, kinds: Kinds, dates: Sequence[date], columns: dict[Term, str]
) -> ir.Table:
    cells = _spread(rows.filter(rows[of].notnull()), terms, dates, ["account", of, "kind"])
    cut = points(terms)
    flags = {columns[term]: _in(cells, kinds, term, cut).cast("int64").max() for term in terms}
    present = cells.group_by("account", of, "as_of").agg(**flags)
    return present.group_by("account", "as_of").agg(**{name: present[name].sum() for name in flags})


def _last(
    terms: list[Term], rows: ir.Table, kinds: Kinds, dates: Sequence[date], columns: dict[Term, str]
) -> ir.Table:
    wanted = ibis.memtable(
        pa.table(
            {
                "kind": [kind for term in terms for kind in kinds.of_selection(term.activities)],
                "term": [columns[term] for term in terms for _ in kinds.of_selection(term.activities)],
                "reach": [term.window.oldest for term in terms for _ in kinds.of_selection(term.activities)],
            }
        )
    )
    grid = _dates(dates)
    valued = rows.filter(rows.last_value.notnull()).join(wanted, "kind", how="inner")
    spread = valued.join(grid, [valued.day <= grid.as_of], how="inner")
    age = spread.as_of.delta(spread.day, unit="day")
    known = spread.filter(age < spread.reach, visible(spread, spread.as_of))
    newest = ibis.window(
        group_by=["account", "as_of", "term"], order_by=[ibis.desc("last_at"), ibis.desc("last_value")]
    )
    ranked = known.mutate(rank=ibis.row_number().over(newest))
    first = ranked.filter(ranked["rank"] == 0)
    return first.group_by("account", "as_of").agg(
        **{columns[term]: first.last_value.max(where=first.term == columns[term]) for term in terms}
    )


def _dates(dates: Sequence[date]) -> ir.Table:
    return ibis.memtable(pa.table({"as_of": pa.array(dates, pa.date32())}))


def _extremes(rows: ir.Table, kinds: Kinds, gathered: Gathered) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for selection in kinds.selections:
        wanted = rows.kind.isin(kinds.of_selection(selection))
        found[gathered.first_day[selection]] = rows.first_day.min(where=wanted)
        found[gathered.last_day[selection]] = rows.last_day.max(where=wanted)
    return found


def _seen(
    selections: list[Activities],
    daily: ir.Table,
    accounts: ir.Table,
    dates: Sequence[date],
    gathered: Gathered,
) -> ir.Table:
    """First and last day of each selection as every date knew them."""
    kinds = Kinds.of(selections)
    rows = with_kind(daily, kinds)
    if len(dates) == 1:
        known = rows.filter(rows.day <= dates[0], visible(rows, dates[0]))
        by_kind = known.group_by("account", "kind").agg(first_day=known.day.min(), last_day=known.day.max())
        added = by_kind.group_by("account").agg(**_extremes(by_kind, kinds, gathered))
        return added.mutate(as_of=ibis.date(dates[0]))
    return _seen_over_dates(first_date_from(rows, dates), kinds, accounts, dates, gathered)


def _seen_over_dates(
    rows: ir.Table, kinds: Kinds, accounts: ir.Table, dates: Sequence[date], gathered: Gathered
) -> ir.Table:
    """What stays is carried forward from date to date; what was withdrawn is spread over the dates that
    still believed it (there is little of it)."""
    added = rows.group_by("account", "kind", "known", "unknown").agg(
        first_day=rows.day.min(), last_day=rows.day.max()
    )
    staying = added.filter(added.unknown == ibis.date(NEVER))
    stayed = staying.group_by("account", as_of=staying.known).agg(**_extremes(staying, kinds, gathered))
    grid = _dates(dates)
    passing = added.filter(added.unknown < ibis.date(NEVER))
    believed = passing.join(grid, [passing.known <= grid.as_of, passing.unknown > grid.as_of], how="inner")
    passed = believed.group_by("account", "as_of").agg(**_extremes(believed, kinds, gathered))
    spine = accounts.select("account").cross_join(grid)
    return _carried(spine, stayed, passed, gathered)


def _carried(spine: ir.Table, stayed: ir.Table, passed: ir.Table, gathered: Gathered) -> ir.Table:
    so_far = ibis.window(group_by="account", order_by="as_of", preceding=None, following=0)
    dense = spine.left_join(stayed, ["account", "as_of"]).drop("account_right", "as_of_right")
    least = {name: dense[name].min().over(so_far) for name in gathered.first_day.values()}
    most = {name: dense[name].max().over(so_far) for name in gathered.last_day.values()}
    carried = dense.mutate(**least, **most)
    passed = passed.rename({f"{name}_passed": name for name in (*least, *most)})
    both = carried.left_join(passed, ["account", "as_of"]).drop("account_right", "as_of_right")
    return both.select(
        "account",
        "as_of",
        **{name: _either(both, name, ibis.least) for name in least},
        **{name: _either(both, name, ibis.greatest) for name in most},
    )


def _either(rows: ir.Table, name: str, choose: Any) -> Any:
    """Null-safe on both engines: Spark's and DuckDB's least and greatest skip nulls, others do not."""
    kept, passing = rows[name], rows[f"{name}_passed"]
    return choose(ibis.coalesce(kept, passing), ibis.coalesce(passing, kept))
