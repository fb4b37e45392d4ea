"""Counts and past values, asked of the activity store."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from heed.ledger.home import open_stream
from heed.measures.models import MetricDefinition

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# The engines take half a second to import, and most filters need none of them: so they are imported where
# they are used.


FEW_DAYS = 2
"""Up to so many days are measured one by one, each from its own window; more from the whole history."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a metric of an account was on a day; `value` None: unknown, and `reason` says why."""

    value: float | None
    n: int
    reason: str


class StreamHistory:
    """The history that the installation's own activities tell."""

    def counts(self, activity: str | None, first: date, last: date) -> Mapping[str, int]:
        """How often it happened from `first` to `last`, as known on `last`; only accounts where it did."""
        stream = open_stream()
        daily = stream.daily(since=first, until=last)
        known = (daily.known_on <= last) & (daily.unknown_on.isnull() | (daily.unknown_on > last))
        rows = daily.filter(known)
        if activity is not None:
            rows = rows.filter(rows.name == activity)
        counted = rows.group_by("account").agg(times=rows.n.sum())
        found = stream.run(counted.filter(counted.times > 0)).to_pydict()
        return dict(zip(found["account"], found["times"], strict=True))

    def figures(
        self, metrics: Sequence[MetricDefinition], day: date, accounts: Collection[str]
    ) -> Mapping[tuple[str, str], Figure]:
        """By account key and metric key, what was known on that day of these accounts."""
        measured = _measured(metrics, day, accounts)
        return {
            (row["account"], metric.key): Figure(
                row[metric.key], row[f"{metric.key}__n"] or 0, row[f"{metric.key}__reason"] or ""
            )
            for row in (measured.to_pylist() if measured is not None else [])
            for metric in metrics
        }

    def values(self, metric: MetricDefinition, days: Sequence[date]) -> "pd.DataFrame":
        """A column per day and a row per account key; NaN where the metric was unknown on that day."""
        if len(days) > FEW_DAYS:
            return _over_all_days(metric, days)
        import pandas as pd

        columns = {}
        for day in days:
            measured = _measured([metric], day)
            rows = measured.select(["account", metric.key]).to_pydict() if measured is not None else {}
            columns[day] = pd.Series(rows.get(metric.key, []), index=rows.get("account", []), dtype=float)
        return pd.DataFrame(columns)


def _measured(
    metrics: Sequence[MetricDefinition], day: date, only: Collection[str] | None = None
) -> "pa.Table | None":
    """The metrics of all accounts (or of some) on one day, from the days that their windows reach."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from heed.measures.definitions import metric_of
    from heed.measures.frames import account_frame
    from heed.measures.known import if_few
    from heed.measures.measuring import measure_at

    accounts = account_frame(if_few(only))
    if only is not None:
        accounts = accounts.filter(pc.is_in(accounts["account"], pa.array(only, pa.string())))
    if not metrics or not len(accounts):
        return None
    return measure_at([metric_of(metric) for metric in metrics], accounts, day)


def _over_all_days(metric: MetricDefinition, days: Sequence[date]) -> "pd.DataFrame":
    """All days in one go. Whether an account ever did something before is known for one day only, so the
    whole history up to the last day is read."""
    from heed.evidence.metrics import measure_wide
    from heed.measures.definitions import metric_of
    from heed.measures.frames import account_frame, as_ibis, contract_frame

    stream = open_stream()
    measured = measure_wide(
        [metric_of(metric)],
        daily=stream.daily(until=max(days)),
        accounts=as_ibis(account_frame()),
        contracts=as_ibis(contract_frame()),
        dates=list(days),
    )
    answers = stream.run(measured.select("account", "as_of", value=measured[metric.key])).to_pandas()
    table: pd.DataFrame = answers.pivot_table(index="account", columns="as_of", values="value", dropna=False)
    return table.reindex(columns=list(days))


def known_activities() -> list[str]:
    """The names of all activities that ever happened, in order."""
    stream = open_stream()
    return sorted(stream.run(stream.daily().select("name").distinct()).column("name").to_pylist())
