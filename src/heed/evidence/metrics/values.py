"""From gathered terms to a metric's value, n and reason, as expressions over one row per account and date."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import ibis
import ibis.expr.types as ir

from heed.evidence.metrics.gather import Gathered
from heed.evidence.metrics.language import Activities, Aggregate, Fact, Metric, Per, Result
from heed.evidence.metrics.terms import Term, What, Window, presence, windows_of

DAYS_A_MONTH = 365.25 / 12

NEVER_SEEN = "no such activity so far"
NEVER_ANY_TO_DIVIDE_BY = "nothing to divide by so far"
NONE_TO_DIVIDE_BY = "nothing to divide by in the window"
NO_VALUE = "no value in the window"
NO_PERSON = "the activities name no person"
TOO_YOUNG = "first seen within the older windows"
ZERO_BASE = "none in the older windows"
NO_VALUE_BEFORE = "no value in the older windows"
NO_CONTRACT = "no contract in force"
NO_SEATS = "seats not stated"
NO_RENEWAL = "no renewal date"
NO_START = "no start date"
NOT_YET = "not a customer yet"

_WHAT = {
    Aggregate.COUNT: What.ROWS,
    Aggregate.SUM: What.TOTAL,
    Aggregate.DISTINCT_CONTACTS: What.CONTACTS,
    Aggregate.DISTINCT_NAMES: What.NAMES,
    Aggregate.DAYS_ACTIVE: What.DAYS,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Expressions: the value, how many activities or facts stand behind it, and in order the tests that
    make it unknown with their reasons."""

    value: Any
    n: Any
    unknown: tuple[tuple[Any, str], ...]

    def columns(self) -> tuple[ir.FloatingValue, ir.IntegerValue, ir.StringValue]:
        if not self.unknown:
            return self.value.cast("float64"), self.n.cast("int64"), ibis.literal("")
        reason = ibis.cases(*((test, text) for test, text in self.unknown), else_="")
        value = ibis.ifelse(reason == "", self.value.cast("float64"), ibis.null("float64"))
        return value, ibis.coalesce(self.n, 0).cast("int64"), reason


def answer(metric: Metric, rows: ir.Table, gathered: Gathered) -> Answer:
    """The metric as expressions over `rows` (account, as_of, since, facts and gathered terms)."""
    if metric.fact:
        return _FACTS[metric.fact](rows)
    if metric.activities.none_chosen:
        always = ibis.literal(True)
        return Answer(ibis.null("float64"), ibis.literal(0), ((always, metric.unset_reason),))
    figures = _Figures(metric, rows, gathered)
    if metric.aggregate is Aggregate.DAYS_SINCE_LAST:
        return figures.days_since_last()
    if metric.aggregate is Aggregate.LAST:
        return figures.last()
    if metric.comparison:
        return figures.compared(metric.comparison.result)
    if metric.per_activities:
        return figures.per_activities(metric.per_activities)
    if metric.per:
        return figures.per(metric.per)
    return figures.plain()


@dataclass(frozen=True, slots=True)
class _Figures:
    metric: Metric
    rows: ir.Table
    gathered: Gathered

    def term(self, what: What, window: Window, activities: Activities | None = None) -> Any:
        column = self.gathered.columns[Term(what, activities or self.metric.activities, window)]
        return ibis.coalesce(self.rows[column], 0)

    @property
    def selection(self) -> Activities:
        return presence(self.metric) or self.metric.activities

    @property
    def last_day(self) -> Any:
        return self.rows[self.gathered.seen.last[self.selection]]

    @property
    def window(self) -> Window:
        return windows_of(self.metric)[0]

    @property
    def older(self) -> list[Window]:
        return windows_of(self.metric)[1:]

    def total(self, what: What, windows: list[Window]) -> Any:
        return reduce(add, (self.term(what, window) for window in windows))

    def behind(self, windows: list[Window]) -> Any:
        valued = self.metric.aggregate in (Aggregate.SUM, Aggregate.MEAN)
        return self.total(What.VALUES if valued else What.ROWS, windows)

    def figure(self, windows: list[Window]) -> Any:
        """Over several windows: their mean; for a mean, the mean of all their values."""
        if self.metric.aggregate is Aggregate.MEAN:
            return _divided(self.total(What.TOTAL, windows), self.total(What.VALUES, windows))
        figure = self.total(_WHAT[self.metric.aggregate or Aggregate.COUNT], windows)
        return figure if len(windows) == 1 else figure.cast("float64") / len(windows)

    def never(self) -> tuple[Any, str]:
        return self.last_day.isnull(), NEVER_SEEN

    def gaps(self) -> list[tuple[Any, str]]:
        """What makes the current window's figure unknown."""
        gaps = [self.never()]
        if self.metric.aggregate is Aggregate.MEAN:
            gaps.append((self.behind([self.window]) == 0, NO_VALUE))
        if self.metric.aggregate is Aggregate.DISTINCT_CONTACTS:
            nobody = (self.figure([self.window]) == 0) & (self.behind([self.window]) > 0)
            gaps.append((nobody, NO_PERSON))
        return gaps

    def plain(self) -> Answer:
        return Answer(self.figure([self.window]), self.behind([self.window]), tuple(self.gaps()))

    def last(self) -> Answer:
        column = self.rows[self.gathered.columns[Term(What.LAST, self.metric.activities, self.window)]]
        return Answer(column, column.notnull().cast("int64"), (self.never(), (column.isnull(), NO_VALUE)))

    def days_since_last(self) -> Answer:
        day = self.last_day
        since = self.rows.as_of.delta(day, unit="day")
        return Answer(since, day.notnull().cast("int64"), (self.never(),))

    def compared(self, result: Result) -> Answer:
        now, before = self.figure([self.window]), self.figure(self.older)
        first = self.rows[self.gathered.seen.first[self.selection]]
        seen_for = self.rows.as_of.delta(first, unit="day")
        gaps = [*self.gaps(), (seen_for < self.older[-1].youngest, TOO_YOUNG)]
        n = self.behind(windows_of(self.metric))
        if self.metric.aggregate is Aggregate.MEAN:
            gaps.append((self.behind(self.older) == 0, NO_VALUE_BEFORE))
        if result is Result.DIFFERENCE:
            return Answer(now - before, n, tuple(gaps))
        return Answer(_divided(now, before), n, (*gaps, (before == 0, ZERO_BASE)))

    def per_activities(self, divisor: Activities) -> Answer:
        """Known as soon as there was ever something to divide by: no answer to an invitation is 0."""
        base = self.term(What.ROWS, self.window, divisor)
        never = self.last_day.isnull()
        gaps = ((never, NEVER_ANY_TO_DIVIDE_BY), (base == 0, NONE_TO_DIVIDE_BY))
        return Answer(_divided(self.figure([self.window]), base), base, gaps)

    def per(self, divisor: Per) -> Answer:
        gaps = [*self.gaps(), (ibis.coalesce(self.rows.in_force, 0) == 0, NO_CONTRACT)]
        if divisor is Per.SEATS:
            by: Any = self.rows.seats
            gaps.append((ibis.coalesce(by, 0) == 0, NO_SEATS))
        else:
            covered = self.rows[f"covered_{self.metric.window}"].cast("float64")
            by = covered / ibis.literal(DAYS_A_MONTH, "float64")
        return Answer(_divided(self.figure([self.window]), by), self.behind([self.window]), tuple(gaps))


def _divided(top: Any, bottom: Any) -> Any:
    return top.cast("float64") / bottom.cast("float64").nullif(0.0)


def _days_to_renewal(rows: ir.Table) -> Answer:
    unknown = (rows.renews_on.isnull(), NO_RENEWAL)
    return Answer(rows.renews_on.delta(rows.as_of, unit="day"), rows.renewals, (unknown,))


def _tenure(rows: ir.Table) -> Answer:
    start = ibis.coalesce(rows.since, rows.started_on)
    facts = ibis.ifelse(rows.since.notnull(), 1, rows.contracts_known)
    gaps = ((start.isnull(), NO_START), (start > rows.as_of, NOT_YET))
    return Answer(rows.as_of.delta(start, unit="day"), facts, gaps)


def _seats(rows: ir.Table) -> Answer:
    gaps = ((ibis.coalesce(rows.in_force, 0) == 0, NO_CONTRACT), (rows.seats.isnull(), NO_SEATS))
    return Answer(rows.seats, rows.in_force, gaps)


_FACTS = {Fact.DAYS_TO_RENEWAL: _days_to_renewal, Fact.TENURE_DAYS: _tenure, Fact.SEATS: _seats}
