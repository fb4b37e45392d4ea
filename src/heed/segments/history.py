"""Counts and past values, asked of the activity store."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from heed.ledger.home import open_stream
from heed.measures.models import MetricDefinition

if TYPE_CHECKING:
    import pandas as pd

# The engines take half a second to import, and most filters need none of them: so they are imported where
# they are used.


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

    def values(self, metric: MetricDefinition, days: Sequence[date]) -> "pd.DataFrame":
        """A column per day and a row per account key; NaN where the metric was unknown on that day."""
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
        table: pd.DataFrame = answers.pivot_table(
            index="account", columns="as_of", values="value", dropna=False
        )
        return table.reindex(columns=list(days))


def known_activities() -> list[str]:
    """The names of all activities that ever happened, in order."""
    stream = open_stream()
    return sorted(stream.run(stream.daily().select("name").distinct()).column("name").to_pylist())
