"""The accounts that pay on a day, and what each pays a month in the reporting currency."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from django.utils.translation import ngettext

from heed.customers.models import Account
from heed.measures.known import known_periods
from heed.measures.stays import Term, terms_known
from heed.proving.forecasting import rates


class Paying(NamedTuple):
    """An account that pays; `amount` is what it pays a month, `terms` are all that are known of it."""

    account: Account
    amount: float
    terms: list[Term]


def paying_on(day: date) -> tuple[list[Paying], dict[str, int]]:
    """Those that pay in currencies with a rate, and how many others there are by currency."""
    accounts = {account.key: account for account in Account.objects.filter(withdrawn_at=None)}
    worth, found, without = rates(), list[Paying](), dict[str, int]()
    for key, terms in terms_known(known_periods(), day).items():
        now = [term for term in terms if term.in_force(day)]
        if not now or key not in accounts:
            continue
        if strange := sorted({term.currency for term in now} - set(worth)):
            without[strange[0]] = without.get(strange[0], 0) + 1
            continue
        amount = sum(float(term.amount) * worth[term.currency] for term in now)
        found.append(Paying(accounts[key], amount, terms))
    return found, without


def left_out(without: dict[str, int]) -> Iterator[str]:
    """A sentence for each currency without a rate."""
    for currency, accounts in sorted(without.items()):
        told = ngettext(
            "%(n)s account that pays in %(currency)s is left out: no rate is stated for it.",
            "%(n)s accounts that pay in %(currency)s are left out: no rate is stated for it.",
            accounts,
        )
        yield told % {"n": accounts, "currency": currency}
