"""Which accounts a filter finds."""

from datetime import date

from django.db.models import QuerySet

from heed.customers.access import accounts_for
from heed.customers.models import Account
from heed.ledger.clock import today
from heed.people.models import User
from heed.segments.checking import check
from heed.segments.conditions import condition_q
from heed.segments.fields import Catalogue
from heed.segments.history import StreamHistory
from heed.segments.money import Rates
from heed.segments.probes import Asking, History
from heed.segments.tree import Filter


def accounts_matching(
    filter: Filter,
    user: User,
    as_of: date | None = None,
    *,
    catalogue: Catalogue | None = None,
    history: History | None = None,
) -> QuerySet[Account]:
    """The accounts this person may see that the filter finds, in no order.

    Without `as_of`, and where the filter names no day, metrics and risk are the latest measured. With a day,
    everything is as it was known on that day. Raises FilterError where the filter cannot be answered.
    """
    asking = asking_of(filter, user, as_of, catalogue=catalogue, history=history)
    check(filter, asking.catalogue, past=as_of is not None)
    return accounts_for(user).filter(condition_q(filter.condition, asking))


def asking_of(
    filter: Filter,
    user: User,
    as_of: date | None = None,
    *,
    catalogue: Catalogue | None = None,
    history: History | None = None,
) -> Asking:
    """Who asks, and of which day: the filter's own, or else the one given, or else today's latest."""
    day = filter.as_of or as_of
    return Asking(
        user=user,
        as_of=day or today(),
        past=day is not None,
        catalogue=catalogue or Catalogue(),
        history=history or StreamHistory(),
        rates=Rates.now(),
    )
