"""Panels: what a model and the verdicts were learnt from, kept as it was, to the byte."""

import hashlib
import io
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from heed.customers.models import Account
from heed.ledger import clock
from heed.measures.models import LandmarkPanel


def keep_panel(rows: pd.DataFrame, as_of: date, *, by: str) -> LandmarkPanel:
    """Keep the rows of a panel (`account` is its key) as of a date; the same rows again are the same panel.

    `event` says whether the account left after the landmark, as far as it was watched.
    """
    told = rows.assign(account=rows["account"].map(_numbers()))
    table = _bytes(told)
    digest = hashlib.sha256(table).hexdigest()
    panel, _made = LandmarkPanel.objects.get_or_create(
        digest=digest,
        defaults={
            "as_of": as_of,
            "made_by": by,
            "made_at": clock.now(),
            "rows": len(told),
            "accounts": told["account"].nunique(),
            "left": told.loc[told["event"], "account"].nunique(),
            "table": table,
        },
    )
    return panel


def rows_of(panel: LandmarkPanel) -> pd.DataFrame:
    """The rows of a kept panel; `account` is the key that the account has now."""
    keys = dict(Account.objects.values_list("pk", "key"))
    rows: pd.DataFrame = pq.read_table(io.BytesIO(bytes(panel.table))).to_pandas(date_as_object=True)
    return rows.assign(account=rows["account"].map(keys))


def _numbers() -> dict[str, int]:
    return dict(Account.objects.values_list("key", "pk"))


def _bytes(rows: pd.DataFrame) -> bytes:
    """Parquet of rows; the same rows give the same bytes with the same version of the library."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), out, compression="zstd")
    return out.getvalue()
