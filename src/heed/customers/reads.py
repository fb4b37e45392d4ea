"""What pages and programs read of customers."""

from dataclasses import dataclass
from datetime import date

from heed.customers.models import Account, Contact, Movement, Ownership, SubscriptionPeriod
from heed.customers.revenue import (
    Cohort,
    Month,
    Moved,
    RetentionFigure,
    Revenue,
    cohort_of,
    movements_between,
    movements_by_month,
    periods_in_force,
    retention_figures,
    revenue_of,
)
from heed.evidence.revenue import Form, Member

__all__ = [
    "Cohort",
    "Form",
    "Member",
    "Month",
    "Moved",
    "RetentionFigure",
    "Revenue",
    "Summary",
    "cohort_of",
    "movements_between",
    "movements_by_month",
    "retention_figures",
    "revenue_of",
    "summary_of",
]

MANY = 200


@dataclass(frozen=True, slots=True)
class Summary:
    """An account at a day: what it pays, for how many seats, until when, and who its people are.

    `seats` None: no period in force states any. `next_renewal` None: none is stated. `contacts` are the
    first of `contact_count`, by name.
    """

    account: Account
    as_of: date
    revenue: tuple[Revenue, ...]
    seats: int | None
    next_renewal: SubscriptionPeriod | None
    periods: tuple[SubscriptionPeriod, ...]
    movements: tuple[Movement, ...]
    ownerships: tuple[Ownership, ...]
    contacts: tuple[Contact, ...]
    contact_count: int
    children: tuple[Account, ...]


def summary_of(account: Account, as_of: date) -> Summary:
    """The account with the rows that each of its figures comes from."""
    in_force = periods_in_force(account, as_of)
    seats = [period.seats for period in in_force if period.seats is not None]
    renewals = [period for period in in_force if period.renews_on and period.renews_on >= as_of]
    contacts = account.contacts.filter(withdrawn_at=None, erased_at=None)
    return Summary(
        account=account,
        as_of=as_of,
        revenue=tuple(revenue_of(account, as_of)),
        seats=sum(seats) if seats else None,
        next_renewal=min(renewals, key=lambda period: period.renews_on or date.max, default=None),
        periods=tuple(account.subscription_periods.filter(withdrawn_at=None).order_by("-starts_on", "key")),
        movements=tuple(account.movements.order_by("-on", "currency")),
        ownerships=tuple(account.ownerships.select_related("owner").order_by("-since", "-pk")),
        contacts=tuple(contacts.order_by("name", "key")[:MANY]),
        contact_count=contacts.count(),
        children=tuple(account.children.filter(withdrawn_at=None).order_by("name")[:MANY]),
    )
