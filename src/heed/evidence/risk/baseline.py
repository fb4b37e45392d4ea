"""The clock of a hazard: the time axis in bins, renewals on days of their own, and what the clock alone says.

A row's time ahead is cut into bins. A renewal is an occasion: a moment at which the contract is decided,
with a hazard of its own; who leaves within a week of it has left at it. All other leaving belongs to the
bins. A bin that was only partly lived through counts for that part, so a chance within any number of days
is consistent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heed.evidence.risk.splines import bends, knots_of

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

GRACE = 7.0
MOST_RENEWALS = 13
NEAR = 30.0
MOST_CELLS = 4_000_000
MOST_BINS = 100
MOST_BINS_OF_ROWS = 13
LEAST_BINS = 8
FADES = (0.5, 0.25)
"""What is known today tells less of a later day: times in which an effect falls to a third, in shares of the
longest time."""
WIDTHS = (1, 2, 5, 7, 10, 14, 30, 61, 91, 182, 365)


@dataclass(frozen=True, slots=True)
class Contract:
    """What is known of each row's contract clock, in the unit of time; NaN where unknown.

    `renewal`: time to the next renewal; `term`: from one renewal to the next; `tenure`: since it became a
    customer.
    """

    rows: int
    renewal: Real | None = None
    term: Real | None = None
    tenure: Real | None = None

    @property
    def of_rows(self) -> bool:
        """Whether the clock differs from row to row."""
        return self.renewal is not None or self.tenure is not None

    def take(self, rows: slice | Whole) -> "Contract":
        parts = [None if own is None else own[rows] for own in (self.renewal, self.term, self.tenure)]
        return Contract(len(np.arange(self.rows)[rows]), *parts)

    def renewals(self, until: float) -> Real:
        """Times of the renewals ahead, rows × renewals, NaN where there is none up to `until`."""
        if self.renewal is None:
            return np.zeros((self.rows, 0))
        first = self.renewal
        if self.term is None:
            ahead = first[:, None]
        else:
            term = np.where(self.term > 0, self.term, np.nan)
            missed = np.ceil(np.maximum(-first, 0) / term)
            first = np.where(first < 0, first + missed * term, first)
            shortest = float(np.nanmin(term)) if np.isfinite(term).any() else until + 1
            count = min(MOST_RENEWALS, 1 + int(until // shortest))
            ahead = first[:, None] + np.where(np.isnan(term), np.nan, term)[:, None] * np.arange(count)
            ahead[:, 0] = first
        ahead = np.where((ahead >= 0) & (ahead <= until), ahead, np.nan)
        return ahead[:, np.isfinite(ahead).any(axis=0)]


@dataclass(frozen=True, slots=True)
class Curve:
    """Terms of one number of the clock: its logarithm and its bends, centred and scaled.

    Nothing is extrapolated: numbers beyond those learnt from, `low` to `high`, count as these.
    """

    low: float
    high: float
    knots: tuple[float, ...]
    centres: tuple[float, ...]
    scales: tuple[float, ...]

    @classmethod
    def learn(cls, values: Real, weights: Real, knots: int) -> "Curve":
        """From times and how much was lived through at each."""
        logs, low, high = np.log1p(values), float(values.min()), float(values.max())
        found = knots_of(np.repeat(logs, np.maximum(1, np.rint(weights)).astype(int)), knots) if knots else ()
        terms = [logs, *bends(logs, found)]
        centres = [float(np.average(term, weights=weights)) for term in terms]
        scales = [
            2 * float(np.sqrt(np.average((term - centre) ** 2, weights=weights))) or 1.0
            for term, centre in zip(terms, centres, strict=True)
        ]
        return cls(low, high, found, tuple(centres), tuple(scales))

    def terms(self, values: Real) -> list[Real]:
        logs = np.log1p(np.clip(values, self.low, self.high))
        return [
            (term - centre) / scale
            for term, centre, scale in zip(
                (logs, *bends(logs, self.knots)), self.centres, self.scales, strict=True
            )
        ]


@dataclass(frozen=True, slots=True)
class Cells:
    """Stretches of time that rows lived through: rows × (bins, then renewals).

    `share`: how much of each was lived through (0 to 1); `clock`: terms of the clock, cells × terms, or
    rows × cells × terms where the clock differs from row to row; `turns`: what may bend an effect in time,
    alike. The last `contract` terms of the clock are those of the renewal.
    """

    share: Real
    clock: Real
    turns: Real
    contract: int = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """The time axis in bins (`edges`, from 0) with the terms of the clock."""

    edges: tuple[float, ...]
    ahead: Curve
    tenure: Curve | None
    renews: bool
    tenure_missing: float = 0.0
    renewal_missing: float = 0.0
    term_centre: float | None = None
    drift: tuple[float, float] = (0.0, 1.0)
    fades: tuple[float, ...] = ()
    holds: bool = False

    @property
    def longest(self) -> float:
        return self.edges[-1]

    def labels(self) -> list[str]:
        """What each term of the clock is."""
        names = ["always", *(f"time {place}" for place in range(len(self.ahead.centres)))]
        if self.tenure:
            names += [*(f"tenure {place}" for place in range(len(self.tenure.centres))), "tenure missing"]
        if not self.renews:
            return names
        names += ["renewal", "renewal near", "renewal missing", *["renewal within"] * self.holds]
        return names if self.term_centre is None else [*names, "renewal of a long term"]

    def cells(self, contract: Contract, start: Real, stop: Real) -> Cells:
        """The cells lived through after `start` and up to `stop` (time of each row)."""
        renewals = contract.renewals(self.longest)
        share = self.shares(renewals, start, stop)
        edges = np.array(self.edges)
        middles = (edges[1:] + edges[:-1]) / 2
        if not contract.of_rows:
            always = np.ones(len(middles))
            clock = np.column_stack([always, *self.ahead.terms(middles)])
            return Cells(share, clock, np.column_stack([always, self._drift(middles), *self._faded(middles)]))
        when = np.column_stack(
            [np.broadcast_to(middles, (contract.rows, len(middles))), np.nan_to_num(renewals)]
        )
        terms = np.stack(self._terms(contract, renewals, when), axis=-1)
        labels = self.labels()
        contract_terms = len(labels) - labels.index("renewal") if self.renews else 0
        return Cells(share, terms, self._turns(when, len(middles)), contract_terms)

    def shares(self, renewals: Real, start: Real, stop: Real) -> Real:
        edges = np.array(self.edges)
        widths = np.diff(edges)
        lived = np.clip((stop[:, None] - edges[:-1]) / widths, 0, 1)
        if start.any():
            lived = lived - np.clip((start[:, None] - edges[:-1]) / widths, 0, 1)
        if not renewals.shape[1]:
            shares: Real = lived
            return shares
        # A renewal on the very day of the landmark is still ahead.
        after = (renewals > start[:, None]) | ((renewals == 0) & (start[:, None] == 0))
        return np.column_stack([lived, (after & (renewals <= stop[:, None])).astype(np.float64)])

    def _terms(self, contract: Contract, renewals: Real, when: Real) -> list[Real]:
        bins = when.shape[1] - renewals.shape[1]
        terms = [np.ones_like(when), *self.ahead.terms(when)]
        if self.tenure and contract.tenure is not None:
            absent = np.isnan(contract.tenure)[:, None]
            age = np.where(absent, 0.0, np.maximum(contract.tenure[:, None], 0) + when)
            terms += [np.where(absent, 0.0, term) for term in self.tenure.terms(age)]
            terms.append(np.broadcast_to(absent - self.tenure_missing, when.shape))
        if self.renews and contract.renewal is not None:
            terms += _renewal_terms(contract.renewal, renewals, when, bins, self.renewal_missing)
            terms += [self._holding(renewals, when)] * self.holds
            if self.term_centre is not None and contract.term is not None:
                at = terms[self.labels().index("renewal")]
                terms.append(at * _log_terms(contract.term, self.term_centre)[:, None])
        return terms

    def _holding(self, renewals: Real, when: Real) -> Real:
        """Which bins hold a renewal: who leaves in them leaves at it, within a week or because it is near."""
        edges, held = np.array(self.edges), np.zeros_like(when)
        for own in renewals.T:
            rows = np.flatnonzero(np.isfinite(own))
            held[rows, np.clip(np.searchsorted(edges, own[rows], "left") - 1, 0, len(edges) - 2)] = 1.0
        return held

    def _turns(self, when: Real, bins: int) -> Real:
        turns = [np.ones_like(when), self._drift(when)]
        if self.renews:
            at = np.zeros_like(when)
            at[:, bins:] = 1.0
            turns.append(at)
        return np.stack([*turns, *self._faded(when)], axis=-1)

    def _faded(self, when: Real) -> list[Real]:
        return [np.exp(-when / time) for time in self.fades]

    def fade(self, place: int) -> int:
        """The place of a fading among the turns."""
        return (3 if self.renews else 2) + place

    def _drift(self, when: Real) -> Real:
        centre, scale = self.drift
        return (when - centre) / scale

    def events(self, contract: Contract, time: Real, event: npt.NDArray[np.bool_]) -> Whole:
        """For each row the cell in which it left, -1 for who did not."""
        bins = len(self.edges) - 1
        cell = np.clip(np.searchsorted(self.edges, time, "left") - 1, 0, bins - 1)
        renewals = contract.renewals(self.longest)
        if renewals.shape[1]:
            apart = np.where(np.isnan(renewals), np.inf, np.abs(renewals - time[:, None]))
            nearest = np.argmin(apart, axis=1)
            cell = np.where(apart.min(axis=1) <= GRACE, bins + nearest, cell)
        return np.where(event, cell, -1).astype(np.int64)


def _renewal_terms(renewal: Real, renewals: Real, when: Real, bins: int, missing: float) -> list[Real]:
    at = np.zeros_like(when)
    at[:, bins:] = 1.0
    wait = np.full_like(when, np.inf)
    for place in range(renewals.shape[1]):
        until = renewals[:, place, None] - when[:, :bins]
        wait[:, :bins] = np.minimum(wait[:, :bins], np.where(until >= 0, until, np.inf))
    absent = np.broadcast_to(np.isnan(renewal)[:, None] - missing, when.shape)
    return [at, np.exp(-wait / NEAR), absent]


def _log_terms(term: Real, centre: float) -> Real:
    """Logarithms of the terms from their centre: a year's renewal is another decision than a month's. 0 where
    the term is unknown."""
    known = np.isfinite(term) & (term > 0)
    return np.where(known, np.log(np.where(known, term, 1.0)) - centre, 0.0)


def edges_of(time: Real, *, of_rows: bool) -> tuple[float, ...]:
    """Bins of a width that a calendar knows, as fine as the rows allow; the last ends at the longest time.

    Coarser where the clock is `of_rows`: the terms of each row's cells are kept.
    """
    longest = float(time.max())
    most = int(np.clip(MOST_CELLS // len(time), LEAST_BINS, MOST_BINS_OF_ROWS if of_rows else MOST_BINS))
    known = [float(width) for width in WIDTHS if longest / width <= most]
    width = known[0] if known and longest >= LEAST_BINS else longest / min(most, 20)
    count = int(np.ceil(longest / width - 1e-9))
    inner = [float(width * place) for place in range(count)]
    return (*inner, longest)


def learn_timeline(contract: Contract, time: Real, event: npt.NDArray[np.bool_], knots: int) -> Timeline:
    """The bins and the terms of the clock for rows that were observed for `time` each."""
    edges = edges_of(time, of_rows=contract.of_rows)
    middles = (np.array(edges)[1:] + np.array(edges)[:-1]) / 2
    left, _ = np.histogram(time[event], np.array(edges))
    ahead = Curve.learn(middles, np.maximum(left, 1e-3), knots)
    tenure, tenure_missing, renewal_missing = None, 0.0, 0.0
    if contract.tenure is not None:
        known = np.isfinite(contract.tenure)
        tenure_missing = float(1 - known.mean())
        age = np.maximum(contract.tenure[known], 0) + time[known] / 2
        tenure = Curve.learn(age, np.ones(len(age)), knots) if len(age) else None
    if contract.renewal is not None:
        renewal_missing = float(np.isnan(contract.renewal).mean())
    renews = contract.renewal is not None
    term_centre = term_centre_of(contract)
    drift = float(time[event].mean()), 2 * float(time[event].std()) or 1.0
    fades = tuple(share * edges[-1] for share in FADES)
    return Timeline(
        edges, ahead, tenure, renews, tenure_missing, renewal_missing, term_centre, drift, fades, holds=renews
    )


def term_centre_of(contract: Contract) -> float | None:
    """The mean logarithm of the terms; None where they are unknown, or all alike."""
    if contract.renewal is None or contract.term is None:
        return None
    known = contract.term[np.isfinite(contract.term) & (contract.term > 0)]
    return float(np.log(known).mean()) if len(known) and np.ptp(known) > 0 else None


def whole_bins(edges: Sequence[float]) -> Real:
    return np.array(edges[1:], dtype=np.float64)
