"""What a list shows of its accounts: one cell per account and column, as value and where it leads."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from heed.customers.models import Account, SubscriptionPeriod
from heed.measures.models import MetricValue, Risk
from heed.segments import contracts
from heed.segments.fields import Family, Field, Kind
from heed.segments.probes import Asking, ownerships


@dataclass(frozen=True)
class Cell:
    """A value, or why it is unknown. `note` tells n, interval and day; `href` leads to the rows behind it."""

    field: Field
    value: Any = None
    unknown: str = ""
    note: str = ""
    href: str = ""
    unit: str = ""

    @property
    def kind(self) -> str:
        """How a page writes the value: number, share, money, day, flag or text."""
        if isinstance(self.value, bool):
            return "flag"
        if isinstance(self.value, date):
            return "day"
        if isinstance(self.value, int | float):
            return {Kind.SHARE: "share", Kind.MONEY: "money"}.get(self.field.kind, "number")
        return "text"


@dataclass(frozen=True)
class Row:
    account: Account
    cells: list[Cell]

    @property
    def href(self) -> str:
        return account_path(self.account.key)


def rows_of(ids: Sequence[int], columns: Sequence[Field], asking: Asking) -> list[Row]:
    """The rows of these accounts in this order: a few queries, however many columns."""
    accounts = Account.objects.select_related("owner", "parent").in_bulk(list(ids))
    found = [accounts[pk] for pk in ids if pk in accounts]
    fillers = {family: _filler(family, columns, found, asking) for family in {f.family for f in columns}}
    return [Row(account, [fillers[field.family](account, field) for field in columns]) for account in found]


Filler = Callable[[Account, Field], Cell]


def _filler(family: Family, columns: Sequence[Field], accounts: Sequence[Account], asking: Asking) -> Filler:
    match family:
        case Family.METRIC:
            return _past_metrics(columns, accounts, asking) if asking.past else _metrics(columns, accounts)
        case Family.RISK:
            return _no_history if asking.past else _risks(accounts)
        case Family.SUBSCRIPTION:
            return _subscriptions(accounts, asking)
        case Family.ATTRIBUTE:
            return _attribute
        case Family.ACCOUNT:
            return _past_own(accounts, asking) if asking.past else _own


def _own(account: Account, field: Field) -> Cell:
    value = getattr(account, field.name)
    if field.name == "kind":
        return Cell(field, account.get_kind_display())
    if isinstance(value, Account):
        return Cell(field, value.name, href=account_path(value.key))
    if value is None or value == "":
        return Cell(field, unknown=_("none") if field.name in ("owner", "parent") else _("not stated"))
    return Cell(field, value if isinstance(value, date) else str(value))


def _past_own(accounts: Sequence[Account], asking: Asking) -> Filler:
    """As today, but for the owner, who is the one of that day."""
    then = ownerships(asking.as_of).filter(account__in=accounts).select_related("owner")
    owners = {each.account_id: str(each.owner) for each in then}

    def cell(account: Account, field: Field) -> Cell:
        if field.name != "owner":
            return _own(account, field)
        owner = owners.get(account.pk)
        return Cell(field, owner) if owner else Cell(field, unknown=_("none on record"))

    return cell


def _no_history(_account: Account, field: Field) -> Cell:
    return Cell(field, unknown=_("Heed keeps no history of it"))


def _attribute(account: Account, field: Field) -> Cell:
    value = account.attributes.get(field.name)
    if value is None or value == "":
        return Cell(field, unknown=_("not stated"))
    if field.kind is Kind.DAY and isinstance(value, str):
        return Cell(field, date.fromisoformat(value[:10]))
    return Cell(field, value if isinstance(value, bool | int | float) else str(value))


def _metrics(columns: Sequence[Field], accounts: Sequence[Account]) -> Filler:
    asked = [field.metric for field in columns if field.metric]
    rows = MetricValue.objects.filter(account__in=accounts, metric__in=asked)
    values = {(row.account_id, row.metric_id): row for row in rows}

    def cell(account: Account, field: Field) -> Cell:
        row = values.get((account.pk, field.metric.pk if field.metric else 0))
        if row is None:
            return Cell(field, unknown=_("not measured yet"))
        note = _("n = %(n)s, as of %(day)s") % {"n": row.n, "day": row.as_of.isoformat()}
        href = reverse("measures:behind", args=[account.key, field.name])
        return Cell(field, row.value, row.reason if row.value is None else "", note, href)

    return cell


def _past_metrics(columns: Sequence[Field], accounts: Sequence[Account], asking: Asking) -> Filler:
    """What the metrics were on the day asked about, worked out from what was known then."""
    asked = [field.metric for field in columns if field.metric]
    figures = asking.history.figures(asked, asking.as_of, [account.key for account in accounts])

    def cell(account: Account, field: Field) -> Cell:
        found = figures.get((account.key, field.name))
        if found is None:
            return Cell(field, unknown=_("not measured"))
        day = asking.as_of.isoformat()
        note = _("n = %(n)s, as of %(day)s") % {"n": found.n, "day": day}
        href = f"{reverse('measures:behind', args=[account.key, field.name])}?as_of={day}"
        return Cell(field, found.value, found.reason if found.value is None else "", note, href)

    return cell


def _risks(accounts: Sequence[Account]) -> Filler:
    risks = {risk.account_id: risk for risk in Risk.objects.filter(account__in=accounts)}

    def cell(account: Account, field: Field) -> Cell:
        risk = risks.get(account.pk)
        if risk is None or risk.probability is None:
            return Cell(field, unknown=risk.reason if risk else _("not estimated yet"))
        interval = "" if risk.low is None or risk.high is None else f"[{risk.low:.0%}–{risk.high:.0%}] "
        note = _("%(interval)sn = %(n)s, %(events)s left, as of %(day)s") % {
            "interval": interval,
            "n": risk.n,
            "events": risk.events,
            "day": risk.as_of.isoformat(),
        }
        return Cell(field, risk.probability, note=note, href=reverse("measures:risk", args=[account.key]))

    return cell


def _subscriptions(accounts: Sequence[Account], asking: Asking) -> Filler:
    periods = _periods_of(accounts, asking)
    rates = asking.rates.into(settings.HEED_CURRENCY)

    def cell(account: Account, field: Field) -> Cell:
        shown = contracts.value(field.name, periods.get(account.key, []), asking.as_of, rates)
        if isinstance(shown, contracts.Unknown):
            return Cell(field, unknown=shown.reason)
        unit = settings.HEED_CURRENCY if field.kind is Kind.MONEY else ""
        return Cell(field, shown, href=account_path(account.key), unit=unit)

    return cell


def _periods_of(accounts: Sequence[Account], asking: Asking) -> Mapping[str, Sequence[contracts.Period]]:
    if asking.past:
        return contracts.known_then(asking.as_of, [account.key for account in accounts])
    keys = {account.pk: account.key for account in accounts}
    periods: dict[str, list[SubscriptionPeriod]] = defaultdict(list)
    for period in asking.periods().filter(account__in=accounts).order_by("starts_on"):
        periods[keys[period.account_id]].append(period)
    return periods


def account_path(key: str) -> str:
    """The address of an account's page, which stands on a higher floor than this package."""
    return f"/customers/accounts/{quote(key)}/"
