"""The slow, obvious way to measure: one account, one date and one metric at a time, in plain Python."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from heed.evidence.metrics.language import Activities, Aggregate, Fact, Metric, Per, Result


@dataclass(frozen=True)
class Day:
    """One row of the daily roll-up."""

    account: str
    contact: str | None
    name: str
    day: date
    known_on: date
    unknown_on: date | None
    n: int
    total: float
    value_n: int
    last_at: datetime
    last_value: float | None


@dataclass(frozen=True)
class Contract:
    account: str
    starts_on: date
    ends_on: date | None
    renews_on: date | None
    seats: int | None
    known_on: date
    unknown_on: date | None = None


@dataclass(frozen=True)
class Figure:
    value: float | None
    n: int
    reason: str


@dataclass
class Slow:
    """Everything known of one account at one date."""

    as_of: date
    since: date | None
    days: list[Day]
    contracts: list[Contract]

    def __post_init__(self) -> None:
        self.days = [
            row
            for row in self.days
            if row.day <= self.as_of
            and row.known_on <= self.as_of
            and (row.unknown_on is None or row.unknown_on > self.as_of)
        ]
        self.contracts = [
            row
            for row in self.contracts
            if row.known_on <= self.as_of
            and row.starts_on <= self.as_of
            and (row.unknown_on is None or row.unknown_on > self.as_of)
        ]

    @property
    def in_force(self) -> list[Contract]:
        return [row for row in self.contracts if row.ends_on is None or row.ends_on > self.as_of]

    def rows(self, activities: Activities, youngest: int = 0, oldest: int = 10**6) -> list[Day]:
        return [
            row
            for row in self.days
            if activities.match(row.name) and youngest <= (self.as_of - row.day).days < oldest
        ]

    def measure(self, metric: Metric) -> Figure:
        if metric.fact:
            return self.fact(metric.fact)
        if metric.activities.none_chosen:
            return Figure(None, 0, metric.unset_reason)
        if metric.per_activities:
            return self.response_rate(metric)
        reason = self.gap(metric)
        if reason:
            return Figure(None, self.behind(metric), reason)
        return Figure(self.value(metric), self.behind(metric), "")

    def gap(self, metric: Metric) -> str:
        if not self.rows(metric.known_by or metric.activities):
            return "no such activity so far"
        if metric.aggregate is Aggregate.DAYS_SINCE_LAST:
            return ""
        assert metric.window
        now = self.rows(metric.activities, 0, metric.window)
        if metric.aggregate is Aggregate.LAST and not any(row.last_value is not None for row in now):
            return "no value in the window"
        if metric.aggregate is Aggregate.MEAN and not sum(row.value_n for row in now):
            return "no value in the window"
        if metric.aggregate is Aggregate.DISTINCT_CONTACTS and now and not any(row.contact for row in now):
            return "the activities name no person"
        if metric.comparison:
            return self.gap_of_comparison(metric)
        return self.gap_of_divisor(metric) if metric.per else ""

    def gap_of_comparison(self, metric: Metric) -> str:
        assert metric.window
        assert metric.comparison
        first = min(row.day for row in self.rows(metric.known_by or metric.activities))
        if (self.as_of - first).days < metric.window * metric.comparison.windows:
            return "first seen within the older windows"
        before = self.before(metric)
        if before is None:
            return "no value in the older windows"
        if before == 0 and metric.comparison.result is Result.RATIO:
            return "none in the older windows"
        return ""

    def gap_of_divisor(self, metric: Metric) -> str:
        if not self.in_force:
            return "no contract in force"
        if metric.per is Per.SEATS and not sum(row.seats or 0 for row in self.in_force):
            return "seats not stated"
        return ""

    def behind(self, metric: Metric) -> int:
        if metric.aggregate is Aggregate.DAYS_SINCE_LAST:
            return min(1, len(self.rows(metric.activities)))
        assert metric.window
        if metric.aggregate is Aggregate.LAST:
            now = self.rows(metric.activities, 0, metric.window)
            return min(1, sum(row.last_value is not None for row in now))
        windows = 1 + (metric.comparison.windows if metric.comparison else 0)
        rows = self.rows(metric.activities, 0, metric.window * windows)
        valued = metric.aggregate in (Aggregate.SUM, Aggregate.MEAN)
        return sum(row.value_n if valued else row.n for row in rows)

    def before(self, metric: Metric) -> float | None:
        assert metric.window
        assert metric.comparison
        windows = range(1, metric.comparison.windows + 1)
        if metric.aggregate is Aggregate.MEAN:
            rows = self.rows(metric.activities, metric.window, metric.window * (len(windows) + 1))
            return mean(rows)
        figures = [
            figure(metric.aggregate, self.rows(metric.activities, metric.window * k, metric.window * (k + 1)))
            for k in windows
        ]
        return sum(figures) / len(figures)

    def value(self, metric: Metric) -> float | None:
        if metric.aggregate is Aggregate.DAYS_SINCE_LAST:
            return (self.as_of - max(row.day for row in self.rows(metric.activities))).days
        assert metric.window
        now = self.rows(metric.activities, 0, metric.window)
        if metric.aggregate is Aggregate.LAST:
            return max((row.last_at, row.last_value) for row in now if row.last_value is not None)[1]
        value = mean(now) if metric.aggregate is Aggregate.MEAN else figure(metric.aggregate, now)
        assert value is not None
        if metric.comparison:
            before = self.before(metric)
            assert before is not None
            return value - before if metric.comparison.result is Result.DIFFERENCE else value / before
        if metric.per is Per.SEATS:
            return value / sum(row.seats or 0 for row in self.in_force)
        if metric.per is Per.CONTRACT_MONTH:
            window = [self.as_of - timedelta(days=age) for age in range(metric.window)]
            under = [day for day in window if any(covers(row, day) for row in self.contracts)]
            return value / (len(under) / (365.25 / 12))
        return value

    def response_rate(self, metric: Metric) -> Figure:
        assert metric.per_activities
        assert metric.window
        base = sum(row.n for row in self.rows(metric.per_activities, 0, metric.window))
        if not self.rows(metric.per_activities):
            return Figure(None, base, "nothing to divide by so far")
        if not base:
            return Figure(None, base, "nothing to divide by in the window")
        return Figure(sum(row.n for row in self.rows(metric.activities, 0, metric.window)) / base, base, "")

    def fact(self, fact: Fact) -> Figure:
        if fact is Fact.DAYS_TO_RENEWAL:
            renewals = [r.renews_on for r in self.in_force if r.renews_on and r.renews_on >= self.as_of]
            if not renewals:
                return Figure(None, 0, "no renewal date")
            return Figure((min(renewals) - self.as_of).days, len(renewals), "")
        if fact is Fact.SEATS:
            seats = [row.seats for row in self.in_force if row.seats is not None]
            if not self.in_force:
                return Figure(None, 0, "no contract in force")
            return Figure(
                sum(seats) if seats else None, len(self.in_force), "" if seats else "seats not stated"
            )
        started = [row.starts_on for row in self.contracts]
        start = self.since or (min(started) if started else None)
        if start is None:
            return Figure(None, 0, "no start date")
        n = 1 if self.since else len(started)
        if start > self.as_of:
            return Figure(None, n, "not a customer yet")
        return Figure((self.as_of - start).days, n, "")


def covers(contract: Contract, day: date) -> bool:
    return contract.starts_on <= day and (contract.ends_on is None or day < contract.ends_on)


def mean(rows: list[Day]) -> float | None:
    n = sum(row.value_n for row in rows)
    return sum(row.total for row in rows) / n if n else None


def figure(aggregate: Aggregate | None, rows: list[Day]) -> float:
    if aggregate is Aggregate.COUNT:
        return sum(row.n for row in rows)
    if aggregate is Aggregate.SUM:
        return sum(row.total for row in rows)
    if aggregate is Aggregate.DISTINCT_CONTACTS:
        return len({row.contact for row in rows if row.contact})
    if aggregate is Aggregate.DISTINCT_NAMES:
        return len({row.name for row in rows})
    assert aggregate is Aggregate.DAYS_ACTIVE
    return len({row.day for row in rows})
