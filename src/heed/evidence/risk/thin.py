"""When a table is too thin or too broken to learn from, in words; and which of its rows are copies."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.risk.columns import infinite

Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

LEAST_EVENTS = 10
MOST_COPIES = 0.1


def why_not(table: pd.DataFrame, left: Truths, copies: Whole) -> str:
    """Why nothing can be learnt from a table and who of it left; "" where it can."""
    return too_few(int(left.sum()), len(left)) or infinite(table) or _copied(copies)


def too_few(events: int, rows: int) -> str:
    """Why so few accounts that left, or that stayed, tell nothing; "" where they are enough."""
    if events == 0:
        return "no account has left yet"
    if events == rows:
        return "every account left: there is none that stayed to compare with"
    if events < LEAST_EVENTS:
        return f"only {events} left so far, at least {LEAST_EVENTS} are needed"
    if rows - events < LEAST_EVENTS:
        return f"only {rows - events} stayed, at least {LEAST_EVENTS} are needed"
    return ""


def _copied(copies: Whole) -> str:
    count = len(copies) - len(np.unique(copies))
    if count <= MOST_COPIES * len(copies):
        return ""
    return f"{count} of {len(copies)} rows are exact copies of others: pass each account once"


def copies_of(table: pd.DataFrame, left: Truths) -> Whole:
    """Each row's number, the same for exact copies of a row and its outcome.

    Rows alike in a few coarse columns are no copies: one column at least must tell most rows apart.
    """
    rows = table.astype(object).where(table.notna(), None).assign(**{"(left)": left})
    codes = rows.groupby(list(rows.columns), sort=False, dropna=False).ngroup().to_numpy()
    distinct = len(np.unique(codes))
    finest = max((table[name].nunique() for name in table.columns), default=0)
    return np.asarray(
        codes if finest >= max(distinct / 2, LEAST_EVENTS) else np.arange(len(table)), dtype=np.int64
    )
