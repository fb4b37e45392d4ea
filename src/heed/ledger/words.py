"""How amounts, shares, days and instants read: plain English, from values and an explicit today."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "ILS": "₪", "UAH": "₴"}
MINUS = "−"


def money(amount: Decimal | float, currency: str) -> str:
    """`€ 36,000`, `−€ 183`: whole from 100 on, cents below; a currency without a sign keeps its code."""
    value = abs(float(amount))
    decimals = 0 if value >= 100 or value.is_integer() else 2
    minus = MINUS if amount < 0 else ""
    return minus + f"{SIGNS.get(currency, currency)} {abs(amount):,.{decimals}f}".strip()


def number(value: float, decimals: int | None = None) -> str:
    """A figure with thousands separated; without stated decimals, as many as say something."""
    if decimals is None:
        decimals = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    # Adding zero makes a rounded -0 a plain one.
    text = f"{round(value, decimals) + 0:,.{decimals}f}".replace("-", MINUS)
    return text.rstrip("0").rstrip(".") if "." in text else text


def fixed(value: float, decimals: int) -> str:
    """A figure with always as many decimals, so that a column of its kind reads alike: `0.70`, `−0.0007`."""
    # Adding zero makes a rounded -0 a plain one.
    return f"{round(value, decimals) + 0:,.{decimals}f}".replace("-", MINUS)


def percent(share: float) -> str:
    """A share of one as per cent: `18 %`; below one per cent it says so instead of rounding to 0."""
    if 0 < share < 0.01:
        return _("under 1 %")
    if 0.99 < share < 1:
        return _("over 99 %")
    return f"{share * 100:.0f} %".replace("-", MINUS)


def interval(
    low: float | None, high: float | None, *, share: bool = False, decimals: int | None = None
) -> str:
    """`[11–27]`, in per cent points when the bounds are shares, else with as many decimals as are stated;
    empty when a bound is unknown."""
    if low is None or high is None:
        return ""
    if decimals is not None:
        return f"[{fixed(low, decimals)}–{fixed(high, decimals)}]"
    factor = 100 if share else 1
    ends = [number(round(end * factor), 0) if share else number(end) for end in (low, high)]
    return f"[{ends[0]}–{ends[1]}]"


def day(on: date, today: date) -> str:
    """`21 March`, with the year when it is not this year's."""
    return f"{on.day} {on:%B}" if on.year == today.year else f"{on.day} {on:%B %Y}"


def short_day(on: date, today: date) -> str:
    return f"{on.day} {on:%b}" if on.year == today.year else f"{on.day} {on:%b %Y}"


def days(count: int) -> str:
    return ngettext("%(count)s day", "%(count)s days", count) % {"count": f"{count:,}"}


def from_today(on: date, today: date) -> str:
    """A day as seen from today: `today`, `tomorrow`, `in 118 days`, `12 days ago`, `14 months ago`."""
    ahead = (on - today).days
    near = {0: _("today"), 1: _("tomorrow"), -1: _("yesterday")}
    if ahead in near:
        return near[ahead]
    span = span_of(abs(ahead))
    return _("in %(span)s") % {"span": span} if ahead > 0 else _("%(span)s ago") % {"span": span}


def span_of(count: int) -> str:
    """Days up to 120, then months, then years: as exact as a reader needs."""
    if count <= 120:
        return days(count)
    months = round(count / 30.44)
    if months < 24:
        return ngettext("%(count)s month", "%(count)s months", months) % {"count": months}
    years = count / 365.25
    return _("%(count)s years") % {"count": number(years, 1 if years < 10 else 0)}


def ago(at: datetime, now: datetime) -> str:
    """An instant as seen from now: minutes and hours within the day, then days."""
    seconds = (now - at).total_seconds()
    if seconds < 0 or seconds >= 86_400:
        return from_today(at.astimezone(UTC).date(), now.astimezone(UTC).date())
    if seconds < 60:
        return _("just now")
    if seconds < 3_600:
        minutes = int(seconds // 60)
        return ngettext("%(count)s minute ago", "%(count)s minutes ago", minutes) % {"count": minutes}
    hours = int(seconds // 3_600)
    return ngettext("%(count)s hour ago", "%(count)s hours ago", hours) % {"count": hours}


def hours(value: float) -> str:
    """A waiting time in hours up to two days, then in days: `26 h`, `6 days`."""
    return f"{number(value, 0)} h" if value < 48 else days(int(value // 24))


def plain(name: str) -> str:
    """An activity's name as words: `report_exported` reads `report exported`."""
    return name.replace("_", " ").replace(".", ": ")


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return _("%(most)s and %(last)s") % {"most": ", ".join(parts[:-1]), "last": parts[-1]}
