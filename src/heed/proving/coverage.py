"""How much of the customers, and of what they pay, gave feedback lately, and who of them said nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import pandas as pd
from django.utils.translation import gettext as _

from heed.customers.reads import reporting_currency
from heed.evidence.voices import ListeningCoverage, listening_coverage
from heed.ledger import clock, words
from heed.measures.models import MetricDefinition, MetricValue
from heed.proving.paying import Paying, left_out, paying_on

METRIC: Final = "feedback"
AIM: Final = 0.8
"""Of the revenue, in a quarter: what CustomerGauge recommends."""


class Unheard(NamedTuple):
    """An account that pays and said nothing; `amount` is what it pays a month."""

    key: str
    name: str
    amount: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """`reason` says why nothing is told. `unheard` are in order of what they pay, the most first."""

    reason: str
    found: ListeningCoverage | None = None
    days: int = 0
    unheard: tuple[Unheard, ...] = ()
    silent_amount: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def aim(self) -> str:
        return words.percent(AIM)

    @property
    def finding(self) -> str:
        if self.found is None or self.found.revenue.value is None:
            return _("Who gives feedback is not known yet")
        return _("%(share)s of revenue gave no feedback in %(days)s days") % {
            "share": words.percent(1 - self.found.revenue.value),
            "days": self.days,
        }


def coverage() -> Coverage:
    """Of the accounts that pay today in a currency with a rate; an account never measured is not heard."""
    metric = MetricDefinition.objects.filter(key=METRIC, is_current=True).first()
    values = MetricValue.objects.filter(metric=metric).values_list("account_id", "value")
    said = {account: bool(value) for account, value in values}
    if metric is None or not said:
        return Coverage(_("the daily round has not counted any feedback yet"))
    paying, without_rate = paying_on(clock.today())
    if not paying:
        return Coverage(_("no account pays"), left_out=tuple(left_out(without_rate)))
    rows = pd.DataFrame(
        {
            "heard": [said.get(each.account.pk, False) for each in paying],
            "revenue": [each.amount for each in paying],
        },
        index=[each.account.key for each in paying],
    )
    found = listening_coverage(rows)
    unheard = _unheard(found, {each.account.key: each for each in paying})
    amount = words.money(round(sum(each.amount for each in unheard)), reporting_currency())
    days = int(metric.definition["window"])
    return Coverage("", found, days, unheard, amount, tuple(left_out(without_rate)))


def _unheard(found: ListeningCoverage, paying: Mapping[str, Paying]) -> tuple[Unheard, ...]:
    chosen = [(key, paying[key]) for key in found.unheard]
    return tuple(Unheard(key, each.account.name or key, each.amount) for key, each in chosen)
