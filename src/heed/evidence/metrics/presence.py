"""Distinct contacts and names of many dates from one small group, without a row per date.

Every pair of a date and a piece of its windows is a bit. A daily row sets the bits of all pairs that it
counts for: those of its day, less the dates that did not know it yet or no longer did. OR-ed over a contact
they say exactly at which dates, in which windows, the contact was there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from heed.evidence.metrics.spread import Piece, bit_or, memory_table
from heed.evidence.metrics.terms import WORD


@dataclass(frozen=True, slots=True)
class Bits:
    """The layout: bit number date x pieces + piece, in words of 63 bits."""

    dates: tuple[date, ...]
    cut: tuple[Piece, ...]

    @property
    def words(self) -> range:
        return range(-(-len(self.dates) * len(self.cut) // WORD))

    def mask(self, number: int, wanted: Sequence[Piece]) -> int:
        """All bits of the wanted pieces at one date, as one long integer."""
        return sum(1 << (number * len(self.cut) + each.index) for each in wanted)

    def word(self, mask: int, word: int) -> int:
        return (mask >> (WORD * word)) & ((1 << WORD) - 1)

    def from_date(self, number: int) -> int:
        """All bits of this date and the later ones."""
        every = (1 << (len(self.dates) * len(self.cut))) - 1
        return every >> (number * len(self.cut)) << (number * len(self.cut))

    def of_days(self) -> ir.Table:
        """day -> `bits_<word>` of the windows that it is in; `next`: the first date not before it."""
        masks: dict[date, int] = {}
        for number, as_of in enumerate(self.dates):
            for each in self.cut:
                for age in range(each.youngest, each.oldest):
                    day = as_of - timedelta(days=age)
                    masks[day] = masks.get(day, 0) | self.mask(number, [each])
        rows = [
            (day, min(each for each in self.dates if each >= day), *(self.word(mask, k) for k in self.words))
            for day, mask in sorted(masks.items())
        ]
        kinds = {"day": pa.date32(), "next": pa.date32(), **{f"bits_{k}": pa.int64() for k in self.words}}
        return memory_table(rows, kinds)

    def of_rows(self, rows: ir.Table) -> ir.Table:
        """+ `bits_<word>`: where each row counts, as each date knew it; rows of no window are left out."""
        placed = rows.join(self.of_days(), "day", how="inner")
        late = placed.known_on > placed.next
        withdrawn = placed.unknown_on.notnull()
        bits: dict[str, Any] = {}
        for word in self.words:
            own = placed[f"bits_{word}"]
            known = ibis.ifelse(late, own & self._from(placed.known_on, word), own)
            forgotten = self._from(placed.unknown_on, word)
            bits[f"bits_{word}"] = ibis.ifelse(withdrawn, known - (known & forgotten), known)
        return placed.mutate(**bits)

    def _from(self, day: Any, word: int) -> ir.IntegerValue:
        """The bits of the dates that are not before a day."""
        cases = (
            (day <= as_of, ibis.literal(self.word(self.from_date(number), word), "int64"))
            for number, as_of in enumerate(self.dates)
        )
        return ibis.cases(*cases, else_=ibis.literal(0, "int64"))


def present(rows: ir.Table, keys: Sequence[str], bits: Bits, wanted: dict[str, Any]) -> ir.Table:
    """The rows' bits OR-ed over `keys`: columns `<name>_<word>` for each wanted name, counting only rows
    that its test (None: all) takes."""
    flags = {
        f"{name}_{word}": bit_or(
            rows[f"bits_{word}"] if test is None else ibis.ifelse(test, rows[f"bits_{word}"], 0)
        )
        for name, test in wanted.items()
        for word in bits.words
    }
    return rows.group_by(*keys).agg(**flags)


def counted(there: ir.Table, bits: Bits, columns: dict[str, tuple[str, list[Piece]]]) -> ir.Table:
    """Per account and date, how many rows of `there` were present: `columns` says under which name, from
    which flags, in which pieces."""
    sums: dict[str, Any] = {}
    for number in range(len(bits.dates)):
        for column, (name, wanted) in columns.items():
            mask = bits.mask(number, wanted)
            hits = [
                (there[f"{name}_{word}"] & bits.word(mask, word)) != 0
                for word in bits.words
                if bits.word(mask, word)
            ]
            sums[f"{column}_{number}"] = ibis.or_(*hits).sum()
    added = there.group_by("account").agg(**sums)
    per_date = ibis.array(
        [
            ibis.struct(
                {"as_of": ibis.date(as_of)} | {column: added[f"{column}_{number}"] for column in columns}
            )
            for number, as_of in enumerate(bits.dates)
        ]
    )
    return added.select("account", per_date=per_date.unnest()).unpack("per_date")
