"""The rows behind a risk: the stays that were watched where the account is now, as its curve had them."""

from dataclasses import dataclass
from datetime import date

from heed.measures.models import Risk
from heed.measures.risk import TENURE, TERM
from heed.measures.stays import Contract, contracts, next_term


@dataclass(frozen=True, slots=True)
class StayRow:
    """So many stays alike: watched from day `entered` to day `until`, then gone (`left`) or still there.

    `counts` where they left within the days that the risk looks ahead; `joined` where they were first
    watched within them.
    """

    entered: int
    until: int
    left: bool
    stays: int
    counts: bool
    joined: bool


@dataclass(frozen=True, slots=True)
class Behind:
    """What a risk was read from: `rows` hold the `n` stays that were watched past day `given`, and those
    that `joined` them before the days that the risk looks ahead (`within`) were over.

    `left` of all `watched` stays of the curve ended; `axis` says what its days count.
    """

    axis: str
    given: int
    within: int
    watched: int
    left: int
    rows: tuple[StayRow, ...]

    @property
    def n(self) -> int:
        return sum(row.stays for row in self.rows if not row.joined)

    @property
    def joined(self) -> int:
        return sum(row.stays for row in self.rows if row.joined)

    @property
    def left_within(self) -> int:
        return sum(row.stays for row in self.rows if row.counts)


def behind(risk: Risk) -> Behind | None:
    """The stored curve of the risk's own date, cut to what it was read from; None where it was not read."""
    if risk.clock is None or risk.probability is None or risk.horizon_on is None:
        return None
    axis = TERM if TERM in risk.method else TENURE
    given = _given(contracts(risk.as_of, account=risk.account)[0], axis, risk.as_of)
    if given is None:
        return None
    within = (risk.horizon_on - risk.as_of).days
    curve = [row for row in risk.clock.curves[axis] if not risk.group or row[0] == risk.group]
    rows = [
        StayRow(entered, until, bool(left), stays, bool(left) and until <= given + within, entered > given)
        for _, entered, until, left, stays in curve
        if given < until and (entered <= given or entered < given + within)
    ]
    rows.sort(key=lambda row: (not row.counts, row.until, row.entered))
    watched, gone = (sum(row[4] for row in curve if row[3] or every) for every in (True, False))
    return Behind(axis, given, within, watched, gone, tuple(rows))


def _given(contract: Contract, axis: str, as_of: date) -> int | None:
    """How far the account is on the axis; None: it has no such day any more."""
    term = next_term(contract.terms, as_of)
    if axis == TERM:
        return term.day(as_of) if term else None
    started = contract.started(as_of)
    return (as_of - started).days if started else None
