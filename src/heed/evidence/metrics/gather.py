"""The terms of all metrics gathered per account and date: one table per level, ready to be joined.

Levels: `activity` (rows, totals, days active), `contact` and `name` (distinct ones), `last` (latest
value), `seen` (first and last day of each selection, over all days). Terms whose windows reach equally
far are read together, so that a short window does not pay for a long one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from heed.evidence.metrics.kinds import Kinds
from heed.evidence.metrics.language import Activities, Metric
from heed.evidence.metrics.presence import Bits, counted, present
from heed.evidence.metrics.seen import Wanted, seen, seen_before, taken
from heed.evidence.metrics.spread import (
    BILLION,
    Piece,
    at_one_date,
    bit_count,
    bit_or,
    date_table,
    over_dates,
    pieces,
    visible,
    with_kind,
)
from heed.evidence.metrics.terms import WORD, Term, What, Window, points, terms_of

DISTINCT = {What.CONTACTS: "contact", What.NAMES: "name"}


@dataclass(frozen=True, slots=True)
class Gathered:
    """Tables by (account, as_of) and where in them each term is: a column name."""

    tables: list[ir.Table] = field(default_factory=list)
    columns: dict[Term, str] = field(default_factory=dict)
    seen: Wanted = field(default_factory=lambda: Wanted({}, {}))


def gather(
    metrics: Sequence[Metric],
    daily: ir.Table,
    accounts: ir.Table,
    dates: Sequence[date],
    held: ir.Table | None = None,
) -> Gathered:
    """All that the metrics need of the activities, as expressions."""
    gathered = Gathered(seen=Wanted.by(metrics))
    terms = list(dict.fromkeys(term for metric in metrics for term in terms_of(metric)))
    for number, term in enumerate(terms):
        gathered.columns[term] = f"{term.what}_{number}"
    for level, group in _levels(terms).items():
        gathered.tables.append(_level(level, group, daily, dates, gathered.columns))
    if held is None:
        gathered.tables.extend(seen(gathered.seen, daily, accounts, dates))
    else:
        gathered.tables.extend(seen_before(gathered.seen, held, dates[0]))
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
    within = [each.index for each in pieces(cut) if _holds(term.window, each)]
    tests = []
    if len(within) < len(cut) - 1:
        tests.append(cells.piece.between(within[0], within[-1]))
    wanted = kinds.of_selection(term.activities)
    if len(wanted) < len(kinds.signatures):
        tests.append(cells.kind.isin(wanted))
    return ibis.and_(*tests) if tests else cells.piece.notnull()


def _holds(window: Window, piece: Piece) -> bool:
    return window.youngest <= piece.youngest and piece.oldest <= window.oldest


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
                if _holds(term.window, each):
                    word = f"{columns[term]}_{each.index}"
                    piece = Term(term.what, term.activities, Window(each.youngest, each.oldest))
                    bits = ibis.ifelse(_in(cells, kinds, piece, cut), cells.bits, 0)
                    sums[word] = bit_or(bits)
                    words[term].append(word)
        elif term.what is What.TOTAL:
            sums[columns[term]] = _total(cells, _in(cells, kinds, term, cut))
        else:
            sums[columns[term]] = cells[term.what.value].sum(where=_in(cells, kinds, term, cut))
    added = cells.group_by("account", "as_of").agg(**sums)
    for term, names in words.items():
        counted = sum((bit_count(added[name]).cast("int64") for name in names), ibis.literal(0, "int64"))
        added = added.mutate(**{columns[term]: counted})
    return added.select("account", "as_of", *(columns[term] for term in terms))


def _total(cells: ir.Table, where: ir.BooleanValue) -> ir.FloatingValue:
    whole, billionths = cells.whole.sum(where=where), cells.billionths.sum(where=where)
    return whole.cast("float64") + billionths.cast("float64") / float(BILLION)


def _distinct(
    of: str, terms: list[Term], rows: ir.Table, kinds: Kinds, dates: Sequence[date], columns: dict[Term, str]
) -> ir.Table:
    named = rows.filter(rows[of].notnull())
    cut = tuple(pieces(points(terms)))
    flags = {each: f"flags_{number}" for number, each in enumerate(kinds.selections)}
    wanted = {
        columns[term]: (flags[term.activities], [each for each in cut if _holds(term.window, each)])
        for term in terms
    }
    bits = Bits(tuple(dates), cut)
    if len(dates) == 1 and len(cut) <= WORD:
        cells = at_one_date(named, dates[0], points(terms), days=False)
        cells = cells.mutate(bits_0=ibis.literal(1, "int64") << cells.piece)
    else:
        cells = bits.of_rows(named)
    tests = {name: taken(cells, kinds, each) for each, name in flags.items()}
    return counted(present(cells, ["account", of], bits, tests), bits, wanted)


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
    grid = date_table(dates)
    oldest = dates[0] - timedelta(days=max(term.window.oldest for term in terms))
    valued = rows.filter(rows.last_value.notnull(), rows.day > oldest).join(wanted, "kind", how="inner")
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
