"""What became of accounts after a day: whether they still pay a while later, and when a renewal falls due."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from heed.customers.models import Account, SubscriptionPeriod
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import wilson
from heed.measures.known import known_periods
from heed.measures.landmarks import stays
from heed.measures.stays import Term, next_term, terms_known

SETTLED: Final = 7
"""Days after a renewal until what became of it is read: notices come in late."""

Spells = Mapping[str, list[tuple[date, date | None]]]


def spells(as_of: date) -> Spells:
    """By account (key), the stretches in which it paid, as known on a day; None: it still does."""
    found: dict[str, list[tuple[date, date | None]]] = defaultdict(list)
    known = stays(as_of)
    for account, start, stop in zip(known["account"], known["from"], known["to"], strict=True):
        found[account].append((start, stop if isinstance(stop, date) else None))
    return found


def still_pays(paid: Spells, account: str, on: date, until: date) -> float | None:
    """1 where the account that paid on a day paid without a gap past another, 0 where it left; None: it did
    not pay on the first."""
    for start, stop in paid.get(account, ()):
        if start <= on and (stop is None or stop > on):
            return 1.0 if stop is None or stop > until else 0.0
    return None


def due_dates(accounts: Iterable[str], on: date, days: int) -> dict[str, date | None]:
    """When it is decided whether each account stays, as known on a day: its next renewal; without one, so
    many days on. None: nothing is decided within these days."""
    wanted = list(accounts)
    terms = terms_known(known_periods(), on)
    return {key: _due(terms.get(key, []), on, days) for key in wanted}


def _due(terms: list[Term], on: date, days: int) -> date | None:
    last = on + timedelta(days=days)
    coming = next_term(terms, on)
    if coming is None or coming.ends is None:
        return last
    return coming.ends if coming.ends <= last else None


def paying(on: date) -> dict[int, str]:
    """The accounts that stand and pay on a day: their numbers and keys."""
    periods = SubscriptionPeriod.objects.filter(
        starts_on__lte=on, monthly_amount__gt=0, withdrawn_at=None
    ).exclude(ends_on__lte=on)
    found = Account.objects.filter(
        pk__in=periods.values("account"), withdrawn_at=None, erased_at=None
    ).order_by("key")
    return dict(found.values_list("pk", "key"))


def renewals_lately(as_of: date, days: int) -> Estimate:
    """The share that went well of the renewals that fell due in the last so many days, of all accounts."""
    then = as_of - timedelta(days=days + SETTLED)
    terms = terms_known(known_periods(), then)
    paid = spells(as_of)
    standing = [key for key, own in terms.items() if any(term.in_force(then) for term in own)]
    fates = [
        still_pays(paid, key, then, due)
        for key in standing
        if (due := _due(terms[key], then, days)) is not None
    ]
    known = [fate for fate in fates if fate is not None]
    return wilson(int(sum(known)), len(known))
