"""The rows behind a figure: the activities that it counted, as they stood on its date."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import ibis

from heed.customers.models import Account, SubscriptionPeriod
from heed.evidence.metrics import Metric, longest_window
from heed.evidence.metrics.kinds import Kinds
from heed.evidence.metrics.language import Aggregate
from heed.ledger.home import open_stream

ROWS = 100
OF_THE_LAST = (Aggregate.LAST, Aggregate.DAYS_SINCE_LAST)
"""These figures come from one activity, the newest, however many went before."""
CONTENT = ("source", "id", "contact", "name", "at", "value", "properties")


@dataclass(frozen=True, slots=True)
class BehindRow:
    """An activity that a figure was computed from. `batch` names what brought it, such as "import:7"."""

    source: str
    id: str
    contact: str | None
    name: str
    at: datetime
    value: float | None
    properties: str | None
    recorded_at: datetime
    batch: str | None


@dataclass(frozen=True, slots=True)
class BehindPage:
    """A page of rows, newest first, of `total`; `since` None: from the first activity on.

    A fact of the account (days to renewal, tenure, seats) comes from its `periods` instead.
    """

    rows: tuple[BehindRow, ...]
    total: int
    since: date | None
    until: date
    page: int
    periods: tuple[SubscriptionPeriod, ...] = ()

    @property
    def last_page(self) -> int:
        return max(1, -(-self.total // ROWS))


def rows_behind(account: Account, metric: Metric, as_of: date, *, page: int = 1) -> BehindPage:
    """The activities in the metric's windows that were known by the end of `as_of`, newest first."""
    reach = longest_window([metric])
    since = as_of - timedelta(days=reach - 1) if reach else None
    if metric.aggregate is None:
        return BehindPage((), 0, since, as_of, 1, _periods(account, as_of))
    if metric.activities.none_chosen:
        return BehindPage((), 0, since, as_of, 1)
    stream = open_stream()
    standing = _standing(account.key, metric, since, as_of)
    if metric.aggregate in OF_THE_LAST:
        standing = standing.order_by(ibis.desc("at"), "source", "id").limit(1)
    counted = stream.run(standing.aggregate(total=standing.count()))
    found = standing.order_by(ibis.desc("at"), "source", "id").limit(ROWS, offset=(page - 1) * ROWS)
    rows = tuple(BehindRow(**row) for row in stream.run(found).to_pylist())
    return BehindPage(rows, counted.column("total")[0].as_py(), since, as_of, page)


def _standing(account: str, metric: Metric, since: date | None, as_of: date) -> Any:
    """What stands of an account's activities of a metric: each sign added up, by what was known then."""
    rows = open_stream().activities(since=since, until=as_of)
    # A figure of a date knows what was recorded by the end of that day, in UTC.
    end = datetime.combine(as_of + timedelta(days=1), time(), UTC)
    rows = rows.filter(rows.account == account, rows.recorded_at < ibis.literal(end, "timestamp('UTC')"))
    selections = [metric.activities, *([metric.per_activities] if metric.per_activities else [])]
    chosen = rows.filter(Kinds.of(selections).column(rows.name).notnull())
    if metric.aggregate is Aggregate.LAST:
        chosen = chosen.filter(chosen.value.notnull())
    versions = chosen.group_by(CONTENT).agg(
        recorded_at=chosen.recorded_at.max(where=chosen.sign > 0),
        batch=chosen.batch.max(where=chosen.sign > 0),
        stands=chosen.sign.sum(),
    )
    return versions.filter(versions.stands > 0).drop("stands")


def _periods(account: Account, as_of: date) -> tuple[SubscriptionPeriod, ...]:
    end = datetime.combine(as_of + timedelta(days=1), time(), UTC)
    known = account.subscription_periods.filter(withdrawn_at=None, recorded_at__lt=end)
    return tuple(known.filter(starts_on__lte=as_of).order_by("-starts_on", "key"))
