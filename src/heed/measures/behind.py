"""The rows behind a figure: the activities that it counted, as they stood on its date."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import ibis

from heed.customers.models import Account
from heed.evidence.metrics import Metric, longest_window
from heed.evidence.metrics.kinds import Kinds
from heed.evidence.metrics.language import Aggregate, Fact
from heed.ledger.home import open_stream
from heed.measures.known import KnownPeriod, known_periods

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

    A fact of the account (days to renewal, tenure, seats) comes from its subscription `periods` instead, or
    from the day it is `stated` to have become a customer; a figure per seat or month comes from both.
    """

    rows: tuple[BehindRow, ...]
    total: int
    since: date | None
    until: date
    page: int
    periods: tuple[KnownPeriod, ...] = ()
    stated: date | None = None

    @property
    def last_page(self) -> int:
        return max(1, -(-self.total // ROWS))


def rows_behind(account: Account, metric: Metric, as_of: date, *, page: int = 1) -> BehindPage:
    """The activities in the metric's windows that were known by the end of `as_of`, newest first; beyond the
    last page the last one."""
    reach = longest_window([metric])
    since = as_of - timedelta(days=reach - 1) if reach else None
    if metric.aggregate is None:
        return _facts_behind(account, metric, as_of)
    if metric.activities.none_chosen:
        return BehindPage((), 0, since, as_of, 1)
    stream = open_stream()
    standing = _standing(account.key, metric, since, as_of)
    if metric.aggregate in OF_THE_LAST:
        standing = standing.order_by(ibis.desc("at"), "source", "id").limit(1)
    total = stream.run(standing.aggregate(total=standing.count())).column("total")[0].as_py()
    page = max(1, min(page, -(-total // ROWS)))
    found = standing.order_by(ibis.desc("at"), "source", "id").limit(ROWS, offset=(page - 1) * ROWS)
    rows = tuple(BehindRow(**row) for row in stream.run(found).to_pylist())
    periods = _periods(account, metric, as_of) if metric.per else ()
    return BehindPage(rows, total, since, as_of, page, periods)


def _facts_behind(account: Account, metric: Metric, as_of: date) -> BehindPage:
    if metric.fact is Fact.TENURE_DAYS and account.since:
        return BehindPage((), 1, None, as_of, 1, stated=account.since)
    periods = _periods(account, metric, as_of)
    return BehindPage((), len(periods), None, as_of, 1, periods)


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


def _periods(account: Account, metric: Metric, as_of: date) -> tuple[KnownPeriod, ...]:
    """The periods that a figure was made from, as they were known then; the newest first."""
    begun = [each for each in known_periods([account.key]) if each.starts_on <= as_of and each.known(as_of)]
    if metric.fact is not Fact.TENURE_DAYS:
        begun = [each for each in begun if each.in_force(as_of)]
    if metric.fact is Fact.DAYS_TO_RENEWAL:
        begun = [each for each in begun if each.renews_on and each.renews_on >= as_of]
    return tuple(reversed(begun))
