"""What an account's subscriptions say on a day: what it pays, its plan, its seats, its next renewal."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from heed.customers.models import SubscriptionPeriod
from heed.measures.known import KnownPeriod, if_few, known_periods
from heed.segments.money import MONTHS

Period = SubscriptionPeriod | KnownPeriod


@dataclass(frozen=True)
class Unknown:
    reason: str


def known_then(as_of: date, only: Collection[str] | None = None) -> dict[str, list[KnownPeriod]]:
    """By account key (of all, or of these), the periods that had begun by the day, as they were known on it:
    what was corrected or taken back since stands as it did then."""
    found: dict[str, list[KnownPeriod]] = defaultdict(list)
    for period in known_periods(if_few(only)):
        if period.starts_on <= as_of and period.known(as_of):
            found[period.account].append(period)
    return found


def past_values(name: str, as_of: date, rates: Mapping[str, float]) -> dict[str, list[Any]]:
    """By account key, what the field was on a past day: one value, or every plan; only where it was known."""
    values = {key: _values(name, known, as_of, rates) for key, known in known_then(as_of).items()}
    return {key: found for key, found in values.items() if found}


def _values(name: str, known: Sequence[Period], as_of: date, rates: Mapping[str, float]) -> list[Any]:
    if name == "plan":
        return plans(current(known, as_of))
    found = value(name, known, as_of, rates)
    return [] if isinstance(found, Unknown) else [found]


def value(
    name: str, known: Sequence[Period], as_of: date, rates: Mapping[str, float]
) -> float | date | str | Unknown:
    """What the field says of an account with these periods; amounts in the currency of the rates."""
    now = current(known, as_of)
    if name == "renewal":
        coming = [period.renews_on for period in now if period.renews_on and period.renews_on >= as_of]
        return min(coming) if coming else Unknown(_("no renewal known"))
    if name == "seats":
        counted = [period.seats for period in now if period.seats is not None]
        return sum(counted) if counted else Unknown(_("seats not stated"))
    if name == "plan":
        return ", ".join(plans(now)) or Unknown(_("no plan known"))
    return _paid(now, rates, MONTHS[name]) if known else Unknown(_("no subscription known"))


def current(known: Sequence[Period], as_of: date) -> list[Period]:
    return [period for period in known if period.ends_on is None or period.ends_on > as_of]


def plans(periods: Sequence[Period]) -> list[str]:
    return sorted({period.plan for period in periods if period.plan})


def _paid(periods: Sequence[Period], rates: Mapping[str, float], months: int) -> float | Unknown:
    foreign = sorted({period.currency for period in periods} - set(rates))
    if foreign:
        return Unknown(_("no rate stated for %(currencies)s") % {"currencies": ", ".join(foreign)})
    return round(sum(float(period.monthly_amount) * rates[period.currency] * months for period in periods), 4)
