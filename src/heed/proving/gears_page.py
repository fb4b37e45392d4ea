"""What the page Growth gears says: the four gears, each against its own past year, and the weakest."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple
from urllib.parse import urlencode

import pandas as pd
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.customers.models import SubscriptionPeriod
from heed.customers.reads import (
    missing_rates,
    reporting_currency,
    retention_figures,
    stored_movements,
)
from heed.evidence import revenue
from heed.evidence.estimate import Estimate
from heed.evidence.money import Gear, Gears, growth_gears
from heed.evidence.revenue import Form
from heed.ledger import clock, words
from heed.measures.models import LandmarkPanel
from heed.measures.panels import rows_of
from heed.proving.charts import Chart, trend

SHOWN: Final = 8
NEAR: Final = 31
NAMES: Final = {
    "acquire": gettext_lazy("Acquire"),
    "engage": gettext_lazy("Engage"),
    "monetize": gettext_lazy("Monetize"),
    "enlist": gettext_lazy("Enlist"),
}
MEANS: Final = {
    "acquire": gettext_lazy("customers at the end of the quarter against the quarter before"),
    "engage": gettext_lazy("seats in use at the last landmark in the quarter, of the seats paid for"),
    "monetize": gettext_lazy("NRR of the quarter, point to point"),
    "enlist": gettext_lazy("unpaid referrals, references and public praise per 100 accounts"),
}
NO_REFERRALS = gettext_lazy("no referrals, references or public praise are recorded")
NO_SEATS = gettext_lazy("no landmark with active people and seats lies within a month of the quarter's end")


class Held(NamedTuple):
    """A period that is paid for: whose, from when to when, and its seats (None: not stated)."""

    account: str
    starts_on: date
    ends_on: date | None
    seats: int | None


class Line(NamedTuple):
    """A gear in words."""

    name: str
    gear: Gear
    means: str
    now: str
    between: str
    trailing: str
    shortfall: str
    why: str
    weakest: bool
    beside: tuple[str, ...]
    n: int
    rows: str


@dataclass(frozen=True, slots=True)
class GearsPage:
    """`reason` says why there is nothing to tell."""

    gears: tuple[Gears, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    charts: tuple[Chart, ...] = ()
    reason: str = ""

    @property
    def finding(self) -> str:
        if not self.gears:
            return _("The gears of growth are not known yet")
        latest = self.gears[-1]
        told = {"quarter": latest.quarter, "reason": latest.reason}
        if not latest.weakest:
            return _("%(quarter)s: %(reason)s") % told
        gear = next(line for line in self.lines if line.weakest)
        told |= {"gear": gear.name, "below": words.percent(gear.gear.shortfall.value or 0)}
        return _("%(gear)s is the weakest gear: %(below)s below its own year in %(quarter)s") % told

    @property
    def advice(self) -> str:
        return self.gears[-1].advice if self.gears else ""


def quarter_ends(today: date, count: int) -> list[date]:
    """The last days of the quarters that have closed, oldest first."""
    first = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    ends: list[date] = []
    for _number in range(count):
        ends.append(first - timedelta(days=1))
        first = date(ends[-1].year, ends[-1].month - 2, 1)
    return ends[::-1]


def quarter_words(ends_on: date) -> str:
    return f"Q{(ends_on.month + 2) // 3} {ends_on.year}"


def gears_page() -> GearsPage:
    ends = quarter_ends(clock.today(), SHOWN + 1)
    held = _held(ends[0], ends[-1])
    counted = {end: own for end in ends if (own := _counted(held, end))["customers"]}
    if not counted:
        reason = _("no quarter has closed in which a customer paid")
        return GearsPage((), (), (), reason=reason)
    seats, nrr = active_seats(list(counted), held), dict(_nrr(list(counted)))
    quarters = pd.DataFrame(
        [
            {
                "quarter": quarter_words(end),
                "active_seats": None,
                "paid_seats": None,
                "nrr": nrr[end].value if end in nrr else None,
                **own,
                **seats.get(end, {}),
            }
            for end, own in counted.items()
        ]
    )
    gears, last = tuple(growth_gears(quarters))[-SHOWN:], list(counted)[-1]
    notes = tuple(_notes(last))
    lines = tuple(_lines(gears[-1], nrr.get(last), last))
    return GearsPage(gears, lines, notes, tuple(_charts(gears, notes)))


def _held(first: date, last: date) -> list[Held]:
    """The periods that were paid for in a span, as they are known now."""
    rows = SubscriptionPeriod.objects.filter(
        withdrawn_at=None, account__withdrawn_at=None, monthly_amount__gt=0, starts_on__lte=last
    ).exclude(ends_on__lte=first - timedelta(days=NEAR))
    return [Held(*row) for row in rows.values_list("account__key", "starts_on", "ends_on", "seats")]


def _seats_of(held: list[Held], on: date) -> dict[str, int | None]:
    """The seats of each account that pays on a day; None: a period of it states none."""
    found: dict[str, int | None] = {}
    for period in held:
        if period.starts_on <= on and (period.ends_on is None or period.ends_on > on):
            before = found.get(period.account, 0)
            found[period.account] = None if before is None or period.seats is None else before + period.seats
    return found


def _counted(held: list[Held], on: date) -> dict[str, int | None]:
    """Customers and seats at the end of a day; seats are unknown where one customer's are."""
    seats = _seats_of(held, on)
    known = [own for own in seats.values() if own is not None]
    return {"customers": len(seats), "seats": sum(known) if len(known) == len(seats) else None}


def active_seats(ends: list[date], held: list[Held]) -> dict[date, dict[str, int]]:
    """Seats in use and paid for at the last landmark within a month before each day, of the accounts whose
    active people and seats are both known. An account uses no more seats than it has."""
    panel = LandmarkPanel.objects.order_by("-as_of", "-pk").first()
    rows = rows_of(panel) if panel else pd.DataFrame()
    if "active_people" not in rows:
        return {}
    rows = rows.assign(landmark=pd.to_datetime(rows["landmark"]).dt.date)
    rows = rows[rows["active_people"].notna() & rows["account"].notna()]
    return {end: own for end in ends if (own := _in_use(rows, end, held))}


def _in_use(rows: pd.DataFrame, end: date, held: list[Held]) -> dict[str, int]:
    near = rows[(rows["landmark"] <= end) & (rows["landmark"] > end - timedelta(days=NEAR))]
    if near.empty:
        return {}
    landmark = near["landmark"].max()
    near = near[near["landmark"] == landmark]
    seats = _seats_of(held, landmark)
    both = [
        (min(int(people), own), own)
        for account, people in zip(near["account"], near["active_people"], strict=True)
        if (own := seats.get(account))
    ]
    return {"active_seats": sum(used for used, _own in both), "paid_seats": sum(own for _used, own in both)}


def _nrr(ends: list[date]) -> Iterator[tuple[date, Estimate]]:
    """NRR of the quarter that ends on each day, in the reporting currency: converted where every currency
    has a rate, else of what is paid in it."""
    own, into = reporting_currency(), _into()
    told = stored_movements(ends[-1]) if into is None else []
    for end in ends:
        start = before_quarter(end)
        if into is None:
            moved = [movement for movement in told if movement.on <= end]
            members = revenue.cohorts(moved, start, end).get(own)
            if members:
                yield end, revenue.retention_of(members, Form.POINT_TO_POINT).nrr
        else:
            found = next((one for one in retention_figures(start, end, into=into)), None)
            if found:
                yield end, found.retention.nrr


def _into() -> str | None:
    """The currency to convert into; None: a rate is missing, or all is paid in one."""
    used = SubscriptionPeriod.objects.filter(withdrawn_at=None).order_by().values_list("currency", flat=True)
    return reporting_currency() if not missing_rates() and len(set(used.distinct())) > 1 else None


def _notes(last: date) -> Iterator[str]:
    yield _(
        "Whole quarters, up to %(day)s; contracts as they are known now. The year is the mean of the four"
        " quarters before; a gear is only ever compared with itself. %(seats)s"
    ) % {
        "day": words.day(last, clock.today()),
        "seats": _(
            "Seats in use: people active in the 28 days before the last landmark in the quarter, at most the"
            " seats that the account pays for; accounts of which either is not known are left out."
        ),
    }
    if without := missing_rates():
        yield _("NRR is of what is paid in %(own)s: no rate is stated for %(others)s.") % {
            "own": reporting_currency(),
            "others": words.listed(without),
        }


def percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.1f} %".replace("-", words.MINUS)


def _lines(latest: Gears, nrr: Estimate | None, end: date) -> Iterator[Line]:
    for gear in latest.gears:
        n = nrr.n if gear.name == "monetize" and nrr is not None else gear.now.n
        yield Line(
            str(NAMES[gear.name]),
            gear,
            str(MEANS[gear.name]),
            _shown(gear.name, gear.now.value),
            _between(gear),
            _shown(gear.name, gear.trailing.value),
            _below(gear.shortfall.value),
            _why(gear.name, gear.now),
            gear.name == latest.weakest,
            tuple(
                _("%(what)s: %(value)s") % {"what": what, "value": percent(each.value)}
                for what, each in gear.beside.items()
                if each.value is not None
            ),
            n,
            _rows_of(gear.name, end),
        )


def _rows_of(name: str, end: date) -> str:
    """The address of the rows behind a gear of the quarter that ends on a day; "" where no page has them."""
    span = {"start": before_quarter(end).isoformat(), "end": end.isoformat()}
    if name == "acquire":
        return f"{reverse('customers:movements')}?{urlencode(span)}"
    if name == "monetize":
        chosen = {"currency": reporting_currency(), "figure": "nrr", "into": _into() or ""}
        return f"{reverse('customers:cohort')}?{urlencode(span | chosen)}"
    return ""


def before_quarter(end: date) -> date:
    """The last day before the quarter that ends on a day."""
    return date(end.year, end.month - 2, 1) - timedelta(days=1)


def _shown(name: str, value: float | None) -> str:
    return "" if value is None else words.number(value) if name == "enlist" else percent(value)


def _between(gear: Gear) -> str:
    low, high = gear.now.low, gear.now.high
    if low is None or high is None:
        return ""
    return f"{_shown(gear.name, low)}–{_shown(gear.name, high)}"


def _below(shortfall: float | None) -> str:
    if shortfall is None:
        return ""
    if shortfall <= 0:
        return _("none")
    return words.percent(shortfall)


def _why(name: str, now: Estimate) -> str:
    """Why the gear is not known, as far as this company's records explain it."""
    if now.value is not None:
        return ""
    return str({"enlist": NO_REFERRALS, "engage": NO_SEATS}.get(name, now.reason))


def _charts(gears: tuple[Gears, ...], notes: tuple[str, ...]) -> Iterator[Chart]:
    for name in ("acquire", "monetize"):
        shown = [
            (each.quarter, gear)
            for each in gears
            for gear in each.gears
            if gear.name == name and gear.now.value is not None
        ]
        if len(shown) > 1:
            yield _trend(name, shown, notes)


def _trend(name: str, shown: list[tuple[str, Gear]], notes: tuple[str, ...]) -> Chart:
    frame = pd.DataFrame([{"label": quarter, "value": gear.now.value} for quarter, gear in shown])
    (first, before), (last, now) = shown[0], shown[-1]
    told = {"last": last, "now": percent(now.now.value), "first": first, "before": percent(before.now.value)}
    title = (
        _("Customers grew %(now)s in %(last)s, %(before)s in %(first)s")
        if name == "acquire"
        else _("NRR was %(now)s in %(last)s, %(before)s in %(first)s")
    )
    return Chart(
        title=title % told,
        alt="; ".join(f"{quarter}: {percent(gear.now.value)}" for quarter, gear in shown),
        source=" ".join((f"{NAMES[name]}: {MEANS[name]}.", *notes)),
        svg=trend(frame, axis=_("Growth of customers") if name == "acquire" else _("NRR"), percent=True),
        columns=(_("Quarter"), str(NAMES[name]), _("Mean of the year before")),
        rows=tuple(
            (quarter, percent(gear.now.value), percent(gear.trailing.value) or _("unknown"))
            for quarter, gear in shown
        ),
    )
