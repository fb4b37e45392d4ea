"""The metrics of one account at many dates, in memory: for a page, where planning a query costs more than
answering it.

The same definitions give the same figures as `measure` (a test compares the two); a change of the language
is made in both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from heed.evidence.metrics import values as why
from heed.evidence.metrics.language import Activities, Aggregate, Fact, Metric, Per, Result
from heed.evidence.metrics.spread import BILLION, NEVER
from heed.evidence.metrics.terms import Term, What, Window, presence, windows_of

Numbers = npt.NDArray[Any]
Gap = tuple[bool, str]
EPOCH = date(1970, 1, 1)


class Figure(NamedTuple):
    """A metric at a date: its value, or None with the reason; n is how much stands behind it."""

    as_of: date
    value: float | None
    n: int
    reason: str


def measure_account(
    metrics: Sequence[Metric],
    *,
    daily: pa.Table,
    since: date | None,
    contracts: Sequence[Mapping[str, Any]],
    dates: Sequence[date],
) -> dict[str, list[Figure]]:
    """By metric, the figure of each date in order. `daily`: all of the account's rows of the roll-up;
    `since` and `contracts` (rows) as for `measure`."""
    rows = _Rows.of(daily)
    then = [_Then(as_of, rows, since, contracts) for as_of in sorted(set(dates))]
    return {metric.key: [each.figure(metric) for each in then] for metric in metrics}


@dataclass(frozen=True)
class _Rows:
    """The account's daily rows in order of their day, as columns; days are numbers since 1970."""

    columns: dict[str, Numbers]
    names: list[str]
    chosen: dict[Activities, Numbers] = field(default_factory=dict)

    @classmethod
    def of(cls, daily: pa.Table) -> "_Rows":
        rows = daily.sort_by("day").combine_chunks()
        never = pa.scalar(NEVER, pa.date32())
        totals = pc.fill_null(rows["total"], 0.0).to_numpy()
        whole = _rounded(totals)
        names = pc.dictionary_encode(rows["name"].combine_chunks())
        columns = {
            "day": _days(rows["day"]),
            "known": _days(rows["known_on"]),
            "unknown": _days(pc.fill_null(rows["unknown_on"], never)),
            "n": rows["n"].to_numpy(),
            "whole": whole,
            "billionths": _rounded((totals - whole) * BILLION).astype(np.int64),
            "value_n": rows["value_n"].to_numpy(),
            "contact": pc.fill_null(_codes(rows["contact"]), -1).to_numpy(),
            "name": names.indices.to_numpy(),
            "last_at": rows["last_at"].cast(pa.int64()).to_numpy(),
            "last_value": pc.fill_null(rows["last_value"], np.nan).to_numpy(),
        }
        return cls(columns, names.dictionary.to_pylist())

    def of_selection(self, activities: Activities) -> Numbers:
        """Which rows a selection takes."""
        if activities not in self.chosen:
            match = np.array([activities.match(name) for name in self.names], bool)
            self.chosen[activities] = match[self.columns["name"]] if len(match) else np.zeros(0, bool)
        return self.chosen[activities]


def _days(column: pa.ChunkedArray) -> Numbers:
    numbers: Numbers = column.cast(pa.int32()).to_numpy()
    return numbers


def _rounded(numbers: Numbers) -> Numbers:
    """Halves away from zero, as the engines round."""
    rounded: Numbers = np.copysign(np.floor(np.abs(numbers) + 0.5), numbers)
    return rounded


def _codes(column: pa.ChunkedArray) -> pa.Array:
    return pc.dictionary_encode(column.combine_chunks()).indices


def _divided(top: float | None, bottom: float | None) -> float | None:
    return None if top is None or not bottom else float(top) / float(bottom)


def _total(columns: dict[str, Numbers], rows: Numbers) -> float:
    whole = sum(map(int, columns["whole"][rows]))
    return float(whole) + float(columns["billionths"][rows].sum()) / BILLION


def _last(columns: dict[str, Numbers], rows: Numbers) -> float | None:
    valued = rows[~np.isnan(columns["last_value"][rows])]
    if not len(valued):
        return None
    newest = np.lexsort((columns["last_value"][valued], columns["last_at"][valued]))[-1]
    return float(columns["last_value"][valued[newest]])


def _distinct(name: str) -> Callable[[dict[str, Numbers], Numbers], int]:
    def count(columns: dict[str, Numbers], rows: Numbers) -> int:
        found = np.unique(columns[name][rows])
        return int((found >= 0).sum()) if name == "contact" else len(found)

    return count


def _sum(name: str) -> Callable[[dict[str, Numbers], Numbers], int]:
    return lambda columns, rows: int(columns[name][rows].sum())


_QUANTITIES: dict[What, Callable[[dict[str, Numbers], Numbers], Any]] = {
    What.ROWS: _sum("n"),
    What.VALUES: _sum("value_n"),
    What.TOTAL: _total,
    What.CONTACTS: _distinct("contact"),
    What.NAMES: _distinct("name"),
    What.DAYS: _distinct("day"),
    What.LAST: _last,
}


@dataclass
class _Then:
    """The account as one date knew it."""

    as_of: date
    rows: _Rows
    since: date | None
    contracts: Sequence[Mapping[str, Any]]
    terms: dict[Term, Any] = field(default_factory=dict)

    @cached_property
    def today(self) -> int:
        return (self.as_of - EPOCH).days

    @cached_property
    def visible(self) -> Numbers:
        """The rows that were known then, by their place."""
        columns, today = self.rows.columns, self.today
        known = (columns["day"] <= today) & (columns["known"] <= today) & (columns["unknown"] > today)
        return np.flatnonzero(known)

    def chosen(self, activities: Activities) -> Numbers:
        return self.visible[self.rows.of_selection(activities)[self.visible]]

    def term(self, what: What, window: Window, activities: Activities) -> Any:
        term = Term(what, activities, window)
        if term not in self.terms:
            rows = self.chosen(activities)
            days = self.rows.columns["day"][rows]
            first, last = self.today - window.oldest + 1, self.today - window.youngest
            within = rows[np.searchsorted(days, first) : np.searchsorted(days, last, "right")]
            self.terms[term] = _QUANTITIES[what](self.rows.columns, within)
        return self.terms[term]

    def span(self, activities: Activities) -> tuple[int, int] | None:
        """Days since the first and since the last activity of a selection."""
        rows = self.chosen(activities)
        if not len(rows):
            return None
        days = self.rows.columns["day"]
        return self.today - int(days[rows[0]]), self.today - int(days[rows[-1]])

    @cached_property
    def known_contracts(self) -> list[Mapping[str, Any]]:
        return [
            row
            for row in self.contracts
            if row["known_on"] <= self.as_of
            and row["starts_on"] <= self.as_of
            and (row.get("unknown_on") or NEVER) > self.as_of
        ]

    @cached_property
    def in_force(self) -> list[Mapping[str, Any]]:
        return [row for row in self.known_contracts if (row["ends_on"] or NEVER) > self.as_of]

    @cached_property
    def seats(self) -> int | None:
        stated = [row["seats"] for row in self.in_force if row["seats"] is not None]
        return sum(stated) if stated else None

    def covered(self, window: int) -> int:
        """Days of a window under contract."""
        days: set[int] = set()
        for row in self.known_contracts:
            first = max((self.as_of - row["starts_on"]).days, 0)
            last = (self.as_of - min(row["ends_on"] or NEVER, self.as_of + timedelta(days=1))).days
            days.update(range(last + 1, min(first + 1, window)))
        return len(days)

    def figure(self, metric: Metric) -> Figure:
        value, n, gaps = self.answer(metric)
        reason = next((text for test, text in gaps if test), "")
        return Figure(self.as_of, None if reason or value is None else float(value), n, reason)

    def answer(self, metric: Metric) -> tuple[float | None, int, list[Gap]]:
        """The value, n, and in order the tests that make it unknown with their reasons."""
        if metric.fact:
            return _FACTS[metric.fact](self)
        if metric.activities.none_chosen:
            return None, 0, [(True, metric.unset_reason)]
        return _Counted(self, metric).answer()

    def days_to_renewal(self) -> tuple[float | None, int, list[Gap]]:
        days = [row["renews_on"] for row in self.in_force if (row["renews_on"] or date.min) >= self.as_of]
        value = (min(days) - self.as_of).days if days else None
        return value, len(days), [(not days, why.NO_RENEWAL)]

    def tenure(self) -> tuple[float | None, int, list[Gap]]:
        known = self.known_contracts
        start = self.since or min((row["starts_on"] for row in known), default=None)
        n = 1 if self.since else len(known)
        if start is None:
            return None, n, [(True, why.NO_START)]
        return (self.as_of - start).days, n, [(start > self.as_of, why.NOT_YET)]

    def seats_fact(self) -> tuple[float | None, int, list[Gap]]:
        gaps = [(not self.in_force, why.NO_CONTRACT), (self.seats is None, why.NO_SEATS)]
        return self.seats, len(self.in_force), gaps


_FACTS = {
    Fact.DAYS_TO_RENEWAL: _Then.days_to_renewal,
    Fact.TENURE_DAYS: _Then.tenure,
    Fact.SEATS: _Then.seats_fact,
}
_WHAT = {
    Aggregate.COUNT: What.ROWS,
    Aggregate.SUM: What.TOTAL,
    Aggregate.DISTINCT_CONTACTS: What.CONTACTS,
    Aggregate.DISTINCT_NAMES: What.NAMES,
    Aggregate.DAYS_ACTIVE: What.DAYS,
}


@dataclass(frozen=True)
class _Counted:
    """A metric made of activities, at one date."""

    then: _Then
    metric: Metric

    def answer(self) -> tuple[float | None, int, list[Gap]]:
        metric = self.metric
        span = self.then.span(presence(metric) or metric.activities)
        never = (span is None, why.NEVER_SEEN)
        if metric.aggregate is Aggregate.DAYS_SINCE_LAST:
            return (None, 0, [never]) if span is None else (span[1], 1, [])
        now = windows_of(metric)[:1]
        if metric.aggregate is Aggregate.LAST:
            value = self.total(What.LAST, now)
            return value, int(value is not None), [never, (value is None, why.NO_VALUE)]
        if metric.per_activities:
            base = self.then.term(What.ROWS, now[0], metric.per_activities)
            gaps = [(span is None, why.NEVER_ANY_TO_DIVIDE_BY), (base == 0, why.NONE_TO_DIVIDE_BY)]
            return _divided(self.value(now), base), base, gaps
        gaps = [never, *self.gaps(now)]
        if metric.comparison:
            return self.compared(metric.comparison.result, gaps, span[0] if span else 0)
        if metric.per:
            return self.per(metric.per, now, gaps)
        return self.value(now), self.behind(now), gaps

    def total(self, what: What, windows: Sequence[Window]) -> Any:
        first, *others = [self.then.term(what, window, self.metric.activities) for window in windows]
        return sum(others, first)

    def behind(self, windows: Sequence[Window]) -> int:
        valued = self.metric.aggregate in (Aggregate.SUM, Aggregate.MEAN)
        return int(self.total(What.VALUES if valued else What.ROWS, windows))

    def value(self, windows: Sequence[Window]) -> float | None:
        if self.metric.aggregate is Aggregate.MEAN:
            return _divided(self.total(What.TOTAL, windows), self.total(What.VALUES, windows))
        figure = self.total(_WHAT[self.metric.aggregate or Aggregate.COUNT], windows)
        return float(figure) if len(windows) == 1 else float(figure) / len(windows)

    def gaps(self, now: Sequence[Window]) -> list[Gap]:
        if self.metric.aggregate is Aggregate.MEAN:
            return [(self.behind(now) == 0, why.NO_VALUE)]
        if self.metric.aggregate is Aggregate.DISTINCT_CONTACTS:
            return [(self.value(now) == 0 and self.behind(now) > 0, why.NO_PERSON)]
        return []

    def compared(self, result: Result, gaps: list[Gap], seen_for: int) -> tuple[float | None, int, list[Gap]]:
        now, *older = windows_of(self.metric)
        gaps = [*gaps, (seen_for < older[-1].youngest, why.TOO_YOUNG)]
        if self.metric.aggregate is Aggregate.MEAN:
            gaps.append((self.behind(older) == 0, why.NO_VALUE_BEFORE))
        value, before, n = self.value([now]), self.value(older), self.behind([now, *older])
        if result is Result.DIFFERENCE:
            return None if value is None or before is None else value - before, n, gaps
        return _divided(value, before), n, [*gaps, (before == 0, why.ZERO_BASE)]

    def per(
        self, divisor: Per, now: Sequence[Window], gaps: list[Gap]
    ) -> tuple[float | None, int, list[Gap]]:
        held = self.then.in_force
        gaps = [*gaps, (not held, why.NO_CONTRACT)]
        by: float | None = self.then.seats
        if divisor is Per.SEATS:
            gaps.append((not by, why.NO_SEATS))
        elif held:
            by = self.then.covered(self.metric.window or 0) / why.DAYS_A_MONTH
        return _divided(self.value(now), by), self.behind(now), gaps
