"""Daily rows spread over the dates whose windows they fall into, as each date knew them.

A *piece* is a stretch of ages between two neighbouring window ends; every window is a run of pieces.
Rows come out once per date and piece, with `n`, `value_n`, `bits` (which days of the piece) and the values'
total in the two whole numbers of `exact`.
A single date needs only a filter. For a grid the rows are first added up over *segments* of days that no
window end cuts, apart by the first date that knew them and the first that no longer did; nothing is lost,
and what is then spread is much smaller.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from heed.evidence.metrics.kinds import Kinds
from heed.evidence.metrics.terms import WORD

NEVER = date(9999, 12, 31)
BILLION = 1_000_000_000


@ibis.udf.agg.builtin  # type: ignore[untyped-decorator]
def bit_or(bits: int) -> int:  # type: ignore[empty-body]
    """Ibis has no BitOr for Spark; both engines call it so."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def bit_count(bits: int) -> int:  # type: ignore[empty-body]
    """Days in a word of bits; the same name in both engines."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of ages, `youngest` up to, not including, `oldest`."""

    index: int
    youngest: int
    oldest: int

    def first_day(self, as_of: date) -> date:
        return as_of - timedelta(days=self.oldest - 1)

    def last_day(self, as_of: date) -> date:
        return as_of - timedelta(days=self.youngest)


def pieces(points: Sequence[int]) -> list[Piece]:
    return [Piece(index, young, old) for index, (young, old) in enumerate(pairwise(points))]


def date_table(dates: Sequence[date]) -> ir.Table:
    """The grid as a table of one column, `as_of`."""
    return memory_table([(each,) for each in dates], {"as_of": pa.date32()})


def visible(rows: ir.Table, as_of: ir.DateValue | date) -> ir.BooleanValue:
    """What was known at the end of a date: learnt by then, and not withdrawn by then."""
    return (rows.known_on <= as_of) & (rows.unknown_on.isnull() | (rows.unknown_on > as_of))


def exact(rows: ir.Table) -> ir.Table:
    """+ `whole` and `billionths`, which together are `total`: whole numbers, whose sums are the same in any
    order and on any engine. Sums of floats are not, and threads come in another order on every run."""
    whole = rows.total.cast(dt.Decimal(38, 0))
    fraction = rows.total - whole.cast("float64")
    return rows.mutate(whole=whole, billionths=(fraction * float(BILLION)).round().cast("int64"))


def with_kind(daily: ir.Table, kinds: Kinds) -> ir.Table:
    """Only rows that some selection wants, with their `kind`."""
    rows = daily.filter(kinds.may_match(daily.name))
    tagged = rows.mutate(kind=kinds.column(rows.name))
    return tagged.filter(tagged.kind.notnull())


def at_one_date(rows: ir.Table, as_of: date, points: Sequence[int], *, days: bool) -> ir.Table:
    """The rows of the windows of one date: + `as_of`, `piece` and, when `days` are wanted, `bits`."""
    cut = pieces(points)
    known = rows.filter(
        rows.day >= cut[-1].first_day(as_of), rows.day <= cut[0].last_day(as_of), visible(rows, as_of)
    )
    piece, position = _piece_of_day(known.day, as_of, cut)
    placed = exact(known).mutate(as_of=ibis.date(as_of), piece=piece)
    return placed.mutate(bits=_bit(position)) if days else placed


def _bit(position: ir.IntegerValue) -> ir.IntegerValue:
    """A bit for a day. In pieces too long for a word no days are counted: there it must only not overflow."""
    return ibis.literal(1, "int64") << ibis.least(position, WORD - 1)


def _piece_of_day(day: Any, as_of: date, cut: Sequence[Piece]) -> tuple[ir.IntegerValue, ir.IntegerValue]:
    youngest_first = [(day >= each.first_day(as_of), each) for each in cut]
    piece = ibis.cases(*((test, each.index) for test, each in youngest_first))
    start = ibis.cases(*((test, ibis.date(each.first_day(as_of))) for test, each in youngest_first))
    return piece, day.delta(start, unit="day")


def over_dates(
    rows: ir.Table, dates: Sequence[date], points: Sequence[int], keys: Sequence[str], *, days: bool
) -> ir.Table:
    """The rows of the windows of many dates, added up over `keys`: as `at_one_date`."""
    calendar = Calendar.of(dates, points)
    segments = calendar.segments()
    in_segment = rows.join(segments, "day", how="inner")
    known = exact(first_date_from(in_segment, dates))
    sums = {name: known[name].sum() for name in ("n", "whole", "billionths", "value_n")}
    if days:
        sums["bits"] = bit_or(_bit(known.position))
    added = known.group_by([*keys, "segment", "known", "unknown"]).agg(**sums)
    spread = added.join(calendar.memberships(), "segment", how="inner")
    kept = spread.filter(spread.known <= spread.as_of, spread.unknown > spread.as_of)
    return kept.mutate(bits=kept.bits << kept.shift) if days else kept


def first_date_from(rows: ir.Table, dates: Sequence[date]) -> ir.Table:
    """+ `known`: the first date of the grid that knew the row; `unknown`: the first that no longer did.
    Rows that no date knew are left out."""
    seen = ibis.greatest(rows.day, rows.known_on)
    kept = rows.filter(seen <= dates[-1])
    return kept.mutate(
        known=_next_date(ibis.greatest(kept.day, kept.known_on), dates),
        unknown=ibis.ifelse(kept.unknown_on.isnull(), ibis.date(NEVER), _next_date(kept.unknown_on, dates)),
    )


def _next_date(day: Any, dates: Sequence[date]) -> ir.DateValue:
    return ibis.cases(*((day <= each, ibis.date(each)) for each in dates), else_=ibis.date(NEVER))


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that a grid reads, cut where any window of any date begins or ends."""

    dates: tuple[date, ...]
    cut: tuple[Piece, ...]
    starts: tuple[date, ...]
    found: tuple[tuple[int, date, int, int], ...]

    @classmethod
    def of(cls, dates: Sequence[date], points: Sequence[int]) -> "Calendar":
        cut = pieces(points)
        starts = {each.first_day(as_of) for as_of in dates for each in cut}
        starts |= {cut[0].last_day(as_of) + timedelta(days=1) for as_of in dates}
        ordered = tuple(sorted(starts))
        return cls(tuple(dates), tuple(cut), ordered, tuple(_memberships(dates, cut, ordered)))

    def segments(self) -> ir.Table:
        """day -> segment and position in it; only days that some window of some date reads."""
        rows = [
            (self.starts[segment] + timedelta(days=position), segment, position)
            for segment in sorted({row[0] for row in self.found})
            for position in range((self.starts[segment + 1] - self.starts[segment]).days)
        ]
        return memory_table(rows, {"day": pa.date32(), "segment": pa.int64(), "position": pa.int64()})

    def memberships(self) -> ir.Table:
        """segment -> the dates and pieces that it is part of, and its place in the piece."""
        kinds = {"segment": pa.int64(), "as_of": pa.date32(), "piece": pa.int64(), "shift": pa.int64()}
        return memory_table(self.found, kinds)


def _memberships(
    dates: Sequence[date], cut: Sequence[Piece], starts: Sequence[date]
) -> Iterator[tuple[int, date, int, int]]:
    for as_of in dates:
        for each in cut:
            first, last = each.first_day(as_of), each.last_day(as_of)
            for segment in range(bisect_left(starts, first), bisect_right(starts, last)):
                shift = (starts[segment] - first).days if each.oldest - each.youngest <= WORD else 0
                yield segment, as_of, each.index, shift


def memory_table(rows: Sequence[tuple[Any, ...]], kinds: dict[str, pa.DataType]) -> ir.Table:
    """A small table of the plan itself (dates, days, segments)."""
    columns = list(zip(*rows, strict=True))
    return ibis.memtable(
        pa.table(
            {
                name: pa.array(column, kind)
                for column, (name, kind) in zip(columns, kinds.items(), strict=True)
            }
        )
    )
