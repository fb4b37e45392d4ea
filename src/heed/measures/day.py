"""What a model is told of every account on a day: from the figures that were measured that day."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date

import numpy as np
import pandas as pd

from heed.customers.models import Account
from heed.evidence.metrics import Metric
from heed.measures.frames import account_frame
from heed.measures.landmarks import term_days
from heed.measures.measuring import measure_at
from heed.measures.models import MetricValue
from heed.measures.stays import Contract


def features_of_day(as_of: date, metrics: Mapping[int, Metric], known: Iterable[Contract]) -> pd.DataFrame:
    """The rows of `features_at`, with the number of each account in place of its key.

    What was measured on the day is read as it was stored; definitions of which not every account has a
    figure of that day (a model may have learnt from older ones) are measured now. `known` are the contracts
    as they were known then.
    """
    lengths = {contract.account: term_days(contract.terms, as_of) for contract in known}
    values = _stored(as_of, metrics)
    lacking = [metric for pk, metric in metrics.items() if pk not in values]
    measured = _measured(as_of, lacking) if lacking and len(values) else pd.DataFrame(index=values.index)
    columns = {
        metric.key: values[pk] if pk in values else measured.get(metric.key) for pk, metric in metrics.items()
    }
    rows = pd.DataFrame({"landmark": as_of, **columns}, index=values.index)
    paying = np.array([lengths.get(number) is not None for number in rows.index], dtype=bool)
    rows = rows[paying].rename_axis("account").reset_index()
    return rows.assign(term_days=np.array([lengths[number] for number in rows["account"]], dtype=float))


def _stored(as_of: date, definitions: Collection[int]) -> pd.DataFrame:
    """A row for each account that stands (by number), and a column for each definition (by id) of which all
    of them have a figure of that day."""
    standing = Account.objects.filter(withdrawn_at=None, erased_at=None)
    numbers = pd.Index(sorted(standing.values_list("pk", flat=True)))
    stored = MetricValue.objects.filter(as_of=as_of, metric__in=list(definitions))
    told = pd.DataFrame(
        list(stored.values_list("account", "metric", "value")), columns=["account", "metric", "value"]
    )
    told = told[told["account"].isin(numbers)].astype({"value": float})
    counts = told.groupby("metric").size()
    whole = told[told["metric"].isin(counts.index[counts == len(numbers)])]
    return whole.pivot(index="account", columns="metric", values="value").reindex(numbers)


def _measured(as_of: date, metrics: list[Metric]) -> pd.DataFrame:
    numbers = dict(Account.objects.values_list("key", "pk"))
    answers = measure_at(metrics, account_frame(), as_of).to_pandas()
    known = answers[answers["account"].isin(numbers.keys())]
    found: pd.DataFrame = known.set_index(known["account"].map(numbers))[[metric.key for metric in metrics]]
    return found.astype(float)
