"""Measuring: the metrics in force, over the stream, for all accounts at a date or one account at many."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from django.db import transaction

from heed.customers.models import Account
from heed.evidence.metrics import Metric, longest_window, measure_account, measure_wide
from heed.ledger.actions import Change, record
from heed.ledger.home import open_stream
from heed.measures.definitions import current_metrics
from heed.measures.frames import account_frame, as_ibis, contract_frame
from heed.measures.known import if_few
from heed.measures.models import MetricValue
from heed.measures.stored import Measured, store_values


@dataclass(frozen=True, slots=True)
class MeasuredAccounts:
    """What measuring came to: accounts and metrics looked at, figures known and unknown, rows written."""

    as_of: date
    accounts: int
    metrics: int
    known: int
    unknown: int
    written: int


def measure_accounts(as_of: date, *, by: str) -> MeasuredAccounts:
    """Measure every metric in force of every account that stands, from what was known by the end of `as_of`.

    The same date again writes nothing unless what was known changed. A date before the stored values does not
    replace them.
    """
    metrics = current_metrics()
    accounts = account_frame()
    answers = measure_at(list(metrics.values()), accounts, as_of) if metrics and len(accounts) else None
    # Read beforehand: while PostgreSQL takes in a COPY, its connection answers nothing else.
    ids = dict(Account.objects.values_list("key", "pk"))
    with transaction.atomic():
        _drop_values_of_the_gone()
        written = store_values(_figures(answers, metrics, ids), as_of) if answers is not None else 0
        known = _known(answers, metrics) if answers is not None else 0
        done = MeasuredAccounts(
            as_of=as_of,
            accounts=len(accounts),
            metrics=len(metrics),
            known=known,
            unknown=len(accounts) * len(metrics) - known,
            written=written,
        )
        if written:
            record(Change("measure accounts", "measures", as_of.isoformat(), None, _counts(done)), by=by)
    return done


def measure_at(metrics: Sequence[Metric], accounts: pa.Table, as_of: date) -> pa.Table:
    """A row per account, and per metric the columns `<key>`, `<key>__n` and `<key>__reason`.

    What older days are needed for is kept in `seen`, so that the work does not grow with the history.
    """
    stream = open_stream()
    seen = stream.seen(as_of)
    since = None if seen is None else as_of - timedelta(days=max(1, longest_window(metrics)) - 1)
    daily = stream.daily(since=since, until=as_of)
    keys = if_few(accounts.column("account").to_pylist())
    if keys is not None:
        daily = daily.filter(daily.account.isin(keys))
        seen = None if seen is None else seen.filter(seen.account.isin(keys))
    return stream.run(
        measure_wide(
            metrics,
            seen=seen,
            daily=daily,
            accounts=as_ibis(accounts),
            contracts=as_ibis(contract_frame(keys)),
            dates=[as_of],
        )
    )


def _figures(answers: pa.Table, metrics: dict[int, Metric], ids: dict[str, int]) -> Iterator[Measured]:
    """One row per account and metric, batch by batch so that Python holds few at a time."""
    for batch in answers.to_batches(max_chunksize=20_000):
        accounts = [ids.get(key) for key in batch.column("account").to_pylist()]
        for pk, metric in metrics.items():
            values = batch.column(metric.key).to_pylist()
            counts = batch.column(f"{metric.key}__n").to_pylist()
            reasons = batch.column(f"{metric.key}__reason").to_pylist()
            for account, value, n, reason in zip(accounts, values, counts, reasons, strict=True):
                if account is not None:
                    yield Measured(account, pk, value, n or 0, reason or "")


def _known(answers: pa.Table, metrics: dict[int, Metric]) -> int:
    return sum(len(answers) - answers.column(metric.key).null_count for metric in metrics.values())


def _counts(done: MeasuredAccounts) -> dict[str, Any]:
    return {
        "accounts": done.accounts,
        "metrics": done.metrics,
        "known": done.known,
        "unknown": done.unknown,
        "written": done.written,
    }


def _drop_values_of_the_gone() -> None:
    """Figures follow from what stands: a withdrawn or erased account has none."""
    gone = Account.objects.exclude(withdrawn_at=None, erased_at=None)
    MetricValue.objects.filter(account__in=gone).delete()


@dataclass(frozen=True, slots=True)
class Point:
    """A metric of an account at a date; value None is unknown, for the reason."""

    as_of: date
    value: float | None
    n: int
    reason: str


def measure_history(
    account: Account, dates: Sequence[date], keys: Collection[str] | None = None
) -> dict[str, list[Point]]:
    """Metrics in force (all, or those of `keys`) of one account at each date, as each date knew it."""
    current = current_metrics().values()
    return history_of(account, [metric for metric in current if keys is None or metric.key in keys], dates)


def history_of(account: Account, metrics: Sequence[Metric], dates: Sequence[date]) -> dict[str, list[Point]]:
    """These metrics, in force or not, of one account at each date, as each date knew it."""
    if not metrics or not dates:
        return {metric.key: [] for metric in metrics}
    accounts = account_frame([account.key]).to_pylist()
    if not accounts:
        return {metric.key: [] for metric in metrics}
    stream = open_stream()
    daily = stream.daily(until=max(dates))
    figures = measure_account(
        metrics,
        daily=stream.run(daily.filter(daily.account == account.key)),
        since=accounts[0]["since"],
        contracts=contract_frame([account.key]).to_pylist(),
        dates=dates,
    )
    return {key: [Point(*figure) for figure in points] for key, points in figures.items()}
