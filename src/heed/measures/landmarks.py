"""What was known of each account at past dates, and what became of it: the rows that risk is learnt from.

A landmark is a date at which the metrics in force are measured as they would have been measured then. What
came after it is read from what is known on `as_of`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import nan
from operator import itemgetter
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from heed.customers.models import Account, Movement, SubscriptionPeriod
from heed.evidence.metrics import Metric, account_ranges, measure_wide, within
from heed.ledger.home import open_stream
from heed.measures.definitions import current_metrics
from heed.measures.frames import account_frame, as_ibis, contract_frame
from heed.measures.known import KnownPeriod, known_periods
from heed.measures.measuring import measure_at
from heed.measures.stays import Term, contracts, next_term, terms_known

LANDMARKS: Final = 24
DAYS_BETWEEN: Final = 30
HORIZON: Final = 90
"""How many days ahead metrics are judged: long enough to do something about it."""
AT_ONCE: Final = 5_000
ENDED_BECAUSE: Final = "ended_because"
PAYMENT_FAILED: Final = frozenset({"payment", "payment failed", "involuntary"})
CLOCK: Final = ("tenure_days", "days_to_renewal")
"""The metrics that say how long an account is a customer and when its contract renews."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """`features`: one row per account that paid at a landmark, with `account` (key), `landmark`, a column per
    metric (missing: unknown) and `term_days`, the length of the term in force. `events`: account, on, kind
    and recorded_on of what became of them. `stays`: account, from and to (missing: it still pays) of each
    stretch of paying. `metrics` are those measured, by the id of their definition.
    """

    as_of: date
    metrics: dict[int, Metric]
    features: pd.DataFrame
    events: pd.DataFrame
    stays: pd.DataFrame


def landmarks_before(as_of: date, first: date | None) -> list[date]:
    """The dates to look back to, oldest first: every 30 days, none before the first day known."""
    days = (as_of - timedelta(days=DAYS_BETWEEN * number) for number in range(LANDMARKS, 0, -1))
    return [day for day in days if first is not None and day > first]


def landmarks(as_of: date) -> Landmarks:
    """All landmarks up to a date. Nothing in a row of features was recorded after its landmark."""
    periods = list(known_periods())
    grid = landmarks_before(as_of, min((period.starts_on for period in periods), default=None))
    metrics = current_metrics()
    features = _features(list(metrics.values()), grid, periods)
    known = stays(as_of)
    return Landmarks(as_of, metrics, features, endings(as_of, known), known)


def features_on(days: Sequence[date], metrics: Sequence[Metric]) -> pd.DataFrame:
    """The same columns at several dates (oldest first), in one pass over the activities."""
    return _features(metrics, days, list(known_periods()))


def _features(
    metrics: Sequence[Metric], days: Sequence[date], periods: Sequence[KnownPeriod]
) -> pd.DataFrame:
    return _paying(measured_on(metrics, days), periods, days)


def features_at(as_of: date, metrics: Sequence[Metric]) -> pd.DataFrame:
    """The same columns at one date, of all accounts that pay on it."""
    periods, accounts = list(known_periods()), account_frame()
    answers = [measure_at(metrics, accounts, as_of)] if metrics and len(accounts) else []
    return _paying(_as_rows(metrics, answers), periods, [as_of])


def measured_on(metrics: Sequence[Metric], grid: Sequence[date]) -> pd.DataFrame:
    """Metrics of all accounts on each day of a grid (oldest first), from what was recorded by then: account
    (key), landmark, and a column per metric."""
    return _as_rows(metrics, list(_answers(metrics, grid, account_frame())) if metrics and grid else [])


def _as_rows(metrics: Sequence[Metric], answers: Sequence[pa.Table]) -> pd.DataFrame:
    keys = [metric.key for metric in metrics]
    if not answers:
        return pd.DataFrame(columns=["account", "landmark", *keys])
    table = pa.concat_tables([part.select(["account", "as_of", *keys]) for part in answers])
    rows: pd.DataFrame = table.rename_columns({"as_of": "landmark"}).to_pandas(date_as_object=True)
    return rows.sort_values(["landmark", "account"], ignore_index=True)


def _answers(metrics: Sequence[Metric], grid: Sequence[date], accounts: pa.Table) -> Iterator[pa.Table]:
    """Range by range of the accounts, so that memory does not grow with their number."""
    stream = open_stream()
    known, contract_rows = as_ibis(accounts), as_ibis(contract_frame())
    for each in account_ranges(accounts.column("account").to_pylist(), AT_ONCE):
        answers = measure_wide(
            metrics,
            daily=within(stream.daily(until=grid[-1]), each),
            accounts=within(known, each),
            contracts=within(contract_rows, each),
            dates=grid,
        )
        yield stream.run(answers)


def _paying(rows: pd.DataFrame, periods: Sequence[KnownPeriod], grid: Sequence[date]) -> pd.DataFrame:
    """The rows of accounts that had a paid term in force on the landmark, as it was known then, with the
    length of that term (`term_days`, missing where it has none to speak of)."""
    lengths = {
        (account, landmark): days
        for landmark in grid
        for account, terms in terms_known(periods, landmark).items()
        if (days := term_days(terms, landmark)) is not None
    }
    places = list(zip(rows["account"], rows["landmark"], strict=True))
    kept = rows.assign(term_days=[lengths.get(place, nan) for place in places])
    return kept[np.array([place in lengths for place in places], dtype=bool)].reset_index(drop=True)


def term_days(terms: Sequence[Term], on: date) -> float | None:
    """The length of the paid term in force on a day (NaN: it has none to speak of); None: none is."""
    if not any(term.in_force(on) for term in terms):
        return None
    coming = next_term(terms, on)
    return coming.days if coming and coming.months else nan


def stays(as_of: date) -> pd.DataFrame:
    """Every stretch of paying known on a date: account (key), from, to (missing: not ended by then)."""
    keys = dict(Account.objects.values_list("pk", "key"))
    rows = [
        (keys[contract.account], start, stop if stop is not None and stop <= as_of else None)
        for contract in contracts(as_of)
        for start, stop in contract.spells()
    ]
    return pd.DataFrame(sorted(rows, key=itemgetter(0, 1)), columns=["account", "from", "to"])


def endings(as_of: date, known: pd.DataFrame) -> pd.DataFrame:
    """What became of accounts up to a date: `churn` on the day they stopped paying (`involuntary` where a
    payment failed), and each expansion and contraction. Columns account (key), on, kind, recorded_on."""
    moved = Movement.objects.filter(on__lte=as_of, kind__in=["expansion", "contraction"])
    left, failed = known[known["to"].notna()], set(payments_failed())
    rows = [
        *((key, on, kind) for key, on, kind in moved.values_list("account__key", "on", "kind")),
        *(
            (key, on, "involuntary" if (key, on) in failed else "churn")
            for key, on in zip(left["account"], left["to"], strict=True)
        ),
    ]
    found = pd.DataFrame(sorted(rows), columns=["account", "on", "kind"])
    return found.assign(recorded_on=found["on"])


def payments_failed() -> Iterator[tuple[str, date]]:
    """The accounts (keys) and days on which a contract ended because a payment failed, as sources say it in
    the attribute `ended_because` of a subscription."""
    told = SubscriptionPeriod.objects.filter(withdrawn_at=None, attributes__has_key=ENDED_BECAUSE)
    for key, on, because in told.values_list("account__key", "ends_on", f"attributes__{ENDED_BECAUSE}"):
        if str(because).strip().casefold() in PAYMENT_FAILED:
            yield key, on
