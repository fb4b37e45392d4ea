"""The four gears of growth: acquire, engage, monetize, enlist (Moore), each against its own past year.

    acquire   customers now / customers a quarter ago - 1; beside it the same of seats
    engage    active seats / paid seats; beside it breadth of key actions and active days per seat
    monetize  NRR; beside it paying / engaged accounts
    enlist    unpaid referrals + references + public praise per 100 accounts, as they happened; beside it the
              share that said they would recommend. Intention is no referral: 68 % intended to, 33 % did
              (9,900 customers of a telecom company, Harvard Business Review, October 2007).

Units differ, so gears are never compared with each other: the weakest is the one furthest below the mean of
its own four quarters before, (mean - now) / mean. Engage comes first in any order of repair.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, poisson_bounds, wilson
from heed.evidence.tables import numbers, require

TRAILING = 4
LEAST_TRAILING = 3
COSTS = {"acquire": "market share", "engage": "brand power", "monetize": "revenue", "enlist": "profit"}
POWER = {"engage", "enlist"}
ADVICE = "Start with engage: it feeds the others."
COLUMNS = (
    "customers", "seats", "paid_seats", "active_seats", "breadth", "active_days", "nrr", "paying", "engaged",
    "referrals", "references", "praise", "intended", "asked",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Gear:
    """A gear in a quarter: `now`, the mean of its past year, how far it is below (share of the mean; below 0:
    above), and figures `beside` it. `power` gears build strength, the others performance; `costs` says what
    a weak one costs."""

    name: str
    power: bool
    costs: str
    now: Estimate
    trailing: Estimate
    shortfall: Estimate
    beside: dict[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gears:
    """The four gears of a quarter. `weakest` is "" where none is below its own year; `reason` says why."""

    quarter: str
    gears: tuple[Gear, ...]
    weakest: str
    reason: str = ""
    advice: str = ADVICE


Row = dict[str, float]


def growth_gears(quarters: pd.DataFrame) -> list[Gears]:
    """The gears of each quarter, oldest first.

    quarters: one row per quarter, in order: `quarter` and, as far as known (a column may be missing, a cell
        empty): `customers`, `seats` (at the end); `active_seats`, `paid_seats`; `breadth` (share of key
        actions in use), `active_days` per seat; `nrr`; `paying`, `engaged` (accounts); `referrals` (unpaid,
        made), `references`, `praise` (in public); `intended` of `asked` (said they would recommend).
    Pass the rows of one segment for that segment's gears.
    """
    require(quarters, "quarters", "quarter")
    if quarters["quarter"].duplicated().any():
        raise ValueError("quarters must have one row per quarter; pass one segment at a time.")
    read = {name: numbers(quarters[name]) for name in COLUMNS if name in quarters}
    if negative := [name for name, values in read.items() if name != "nrr" and np.any(values < 0)]:
        raise ValueError(f"{negative[0]} is below 0 in a quarter: give what was counted, or leave it empty.")
    rows: list[Row] = [
        {name: float(values[at]) for name, values in read.items() if np.isfinite(values[at])}
        for at in range(len(quarters))
    ]
    figures = {name: [_figure(name, rows, at) for at in range(len(rows))] for name in COSTS}
    return [
        _of_quarter(str(quarter), at, rows, figures)
        for at, quarter in enumerate(quarters["quarter"].astype(str))
    ]


def _of_quarter(quarter: str, at: int, rows: list[Row], figures: dict[str, list[Estimate]]) -> Gears:
    gears = tuple(_gear(name, at, rows, figures[name]) for name in COSTS)
    below = {gear.name: gear.shortfall.value for gear in gears if gear.shortfall.value is not None}
    weakest = max(below, key=lambda name: below[name], default="")
    if not weakest:
        return Gears(
            quarter=quarter, gears=gears, weakest="", reason="no gear has a past year to compare with"
        )
    if below[weakest] <= 0:
        return Gears(quarter=quarter, gears=gears, weakest="", reason="no gear is below its own past year")
    return Gears(quarter=quarter, gears=gears, weakest=weakest)


def _gear(name: str, at: int, rows: list[Row], figures: list[Estimate]) -> Gear:
    now, trailing = figures[at], _trailing(figures[max(0, at - TRAILING) : at])
    return Gear(
        name=name, power=name in POWER, costs=COSTS[name], now=now, trailing=trailing,
        shortfall=_shortfall(now, trailing), beside=_beside(name, rows, at),
    )  # fmt: skip


def _trailing(before: list[Estimate]) -> Estimate:
    known = [figure.value for figure in before if figure.value is not None]
    if len(known) < LEAST_TRAILING:
        return Estimate.unknown(f"only {len(known)} earlier quarters, at least {LEAST_TRAILING} are needed")
    return Estimate(float(np.mean(known)), n=len(known), method="mean of the year before")


def _shortfall(now: Estimate, trailing: Estimate) -> Estimate:
    if now.value is None or trailing.value is None:
        return Estimate.unknown(now.reason or trailing.reason)
    if trailing.value <= 0:
        return Estimate.unknown("its past year was at 0 or below, so there is nothing to fall short of")
    below = (trailing.value - now.value) / trailing.value
    return Estimate(below, n=trailing.n, method="(mean of the year before - now) / mean")


def _figure(name: str, rows: list[Row], at: int) -> Estimate:
    row = rows[at]
    if name == "acquire":
        return _growth("customers", rows, at)
    if name == "engage":
        return _share_of(row, "active_seats", "paid_seats")
    if name == "monetize":
        return _given(row, "nrr")
    return _enlisted(row)


def _beside(name: str, rows: list[Row], at: int) -> dict[str, Estimate]:
    row = rows[at]
    figures: dict[str, dict[str, Callable[[], Estimate]]] = {
        "acquire": {"seats": lambda: _growth("seats", rows, at)},
        "engage": {
            "breadth": lambda: _given(row, "breadth"),
            "active days per seat": lambda: _given(row, "active_days"),
        },
        "monetize": {"paying of engaged": lambda: _ratio(row, "paying", "engaged")},
        "enlist": {"intention": lambda: _share_of(row, "intended", "asked")},
    }
    return {label: make() for label, make in figures[name].items()}


def _missing(row: Row, *names: str) -> str:
    absent = [name for name in names if name not in row]
    return f"{' and '.join(absent).replace('_', ' ')} not known" if absent else ""


def _growth(name: str, rows: list[Row], at: int) -> Estimate:
    if at == 0 or name not in rows[at - 1]:
        return Estimate.unknown(f"{name} of the quarter before not known")
    if reason := _missing(rows[at], name):
        return Estimate.unknown(reason)
    if not rows[at - 1][name]:
        return Estimate.unknown(f"no {name} in the quarter before")
    n = int(rows[at - 1][name])
    return Estimate(rows[at][name] / rows[at - 1][name] - 1, n=n, method=f"growth of {name} in the quarter")


def _given(row: Row, name: str) -> Estimate:
    reason = _missing(row, name)
    return Estimate.unknown(reason) if reason else Estimate(row[name], n=1, method="as given")


def _ratio(row: Row, part: str, whole: str) -> Estimate:
    if reason := _missing(row, part, whole):
        return Estimate.unknown(reason)
    if not row[whole]:
        return Estimate.unknown(f"no {whole.replace('_', ' ')}")
    return Estimate(row[part] / row[whole], n=int(row[whole]), method=f"{part} / {whole}".replace("_", " "))


def _share_of(row: Row, part: str, whole: str) -> Estimate:
    if reason := _missing(row, part, whole):
        return Estimate.unknown(reason)
    if row[part] > row[whole]:
        return _ratio(row, part, whole)
    return wilson(round(row[part]), round(row[whole]))


def _enlisted(row: Row) -> Estimate:
    """Per 100 accounts, with the exact Poisson interval (Garwood 1936)."""
    kinds = ("referrals", "references", "praise")
    if reason := _missing(row, *kinds, "customers"):
        return Estimate.unknown(reason)
    accounts = row["customers"]
    if not accounts:
        return Estimate.unknown("no customers")
    count = sum(row[kind] for kind in kinds)
    low, high = poisson_bounds(count)
    per = 100 / accounts
    method = "referrals, references and public praise per 100 accounts, exact Poisson interval"
    return Estimate(count * per, low * per, high * per, int(accounts), LEVEL, method)
