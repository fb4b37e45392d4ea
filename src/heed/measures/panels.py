"""Panels: what a model and the verdicts were learnt from, kept as it was, to the byte."""

import hashlib
from collections.abc import Sequence
from datetime import date

import pandas as pd

from heed.customers.models import Account
from heed.ledger import clock
from heed.measures.models import LandmarkPanel
from heed.measures.packing import packed, unpacked


def keep_panel(rows: pd.DataFrame, as_of: date, *, by: str) -> LandmarkPanel:
    """Keep the rows of a panel (`account` is its key) as of a date; the same rows again are the same panel.

    `event` says whether the account left after the landmark, as far as it was watched.
    """
    told = rows.assign(account=rows["account"].map(_numbers()))
    table = packed(told)
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


def rows_of(panel: LandmarkPanel, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The rows of a kept panel, with all columns or `account` and those named; `account` is the key that the
    account has now."""
    keys = dict(Account.objects.values_list("pk", "key"))
    rows = unpacked(panel.table, None if columns is None else ["account", *columns])
    return rows.assign(account=rows["account"].map(keys))


def _numbers() -> dict[str, int]:
    return dict(Account.objects.values_list("key", "pk"))
