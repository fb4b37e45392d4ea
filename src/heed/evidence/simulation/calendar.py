"""The window that is simulated: its days, calendar months and how busy each day is."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
Truths = NDArray[np.bool_]

NEVER: Final = 1_000_000
WEEKEND: Final = 0.15
HOLIDAY: Final = 0.08
SUMMER: Final = 0.75
QUARTER_END: Final = 1.35
HOLIDAYS: Final = ((1, 1), (1, 6), (5, 1), (10, 3), (11, 1), (12, 24), (12, 25), (12, 26), (12, 31))


@dataclass(frozen=True, slots=True)
class Window:
    """Days are counted from `start` (day 0); `end` is the first day outside.

    `month_starts` holds the first day of each calendar month that the window touches, clipped to the
    window, with the number of days as its last element. `busy` is the weight of each day (a plain
    working day is 1) and `busy_before` their running sum, one longer.
    """

    start: date
    end: date
    first_month: int
    month_starts: Whole
    busy: Real
    busy_before: Real

    @property
    def days(self) -> int:
        return len(self.busy)

    @property
    def months(self) -> int:
        return len(self.month_starts) - 1

    def day_of(self, month: Whole, day: Whole) -> Whole:
        """Day number of the `day`-th (from 1) of calendar `month` (counted from January of year 0)."""
        firsts = (month - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
        return np.asarray((firsts - np.datetime64(self.start)).astype(np.int64) + day - 1, dtype=np.int64)

    def dates(self, days: Whole) -> NDArray[np.datetime64]:
        return np.asarray(np.datetime64(self.start) + days.astype("timedelta64[D]"))

    def instants(self, days: Whole, seconds: Whole) -> NDArray[np.datetime64]:
        return np.asarray(
            np.datetime64(self.start, "us") + (days * 86_400 + seconds).astype("timedelta64[s]"),
        )


def window_of(end: date, months: int) -> Window:
    """The `months` months before `end`."""
    start = months_before(end, months)
    days = np.arange(np.datetime64(start), np.datetime64(end))
    first_month = start.year * 12 + start.month - 1
    last_month = (days[-1].astype("datetime64[M]").astype(int)) + 1970 * 12
    firsts = (np.arange(first_month, last_month + 1) - 1970 * 12).astype("datetime64[M]")
    starts = (firsts.astype("datetime64[D]") - np.datetime64(start)).astype(np.int64)
    busy = busyness(days)
    return Window(
        start,
        end,
        first_month,
        np.append(np.maximum(starts, 0), len(days)),
        busy,
        np.concatenate([[0.0], np.cumsum(busy)]),
    )


def months_before(day: date, months: int) -> date:
    whole = day.year * 12 + day.month - 1 - months
    year, month = whole // 12, whole % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def busyness(days: NDArray[np.datetime64]) -> Real:
    """Weight of each day: weekends and holidays are quiet, the ends of quarters busy, the summer slow."""
    months = days.astype("datetime64[M]")
    month = months.astype(int) % 12 + 1
    of_month = (days - months.astype("datetime64[D]")).astype(int) + 1
    left = ((months + 1).astype("datetime64[D]") - days).astype(int)
    weight = np.ones(len(days))
    weight[(month % 3 == 0) & (left <= 8)] *= QUARTER_END
    weight[((month == 7) & (of_month >= 10)) | ((month == 8) & (of_month <= 25))] *= SUMMER
    weight[(days.astype(int) + 3) % 7 >= 5] *= WEEKEND
    for holiday_month, holiday_day in HOLIDAYS:
        weight[(month == holiday_month) & (of_month == holiday_day)] = HOLIDAY
    return weight
