"""The score of a parent from those of its children, each by what it pays."""

from typing import Any

import numpy as np
import pandas as pd

from heed.evidence.scoring.score import FLOOR
from heed.evidence.tables import numbers, require_once


def roll_up(
    scores: "pd.Series[Any]", amounts: "pd.Series[Any]", parents: "pd.Series[Any]", *, floor: float = FLOOR
) -> pd.DataFrame:
    """By parent: `score` (mean of its children's scores by amount, NaN if unknown), `coverage` (share of the
    amount whose score is known), `children`, `lowest` (the child with the lowest score), `reason`.

    The three have one index, the children. A child whose amount is missing or negative makes its parent
    unknown; children without a parent are left out.
    """
    for name, column in (("scores", scores), ("amounts", amounts), ("parents", parents)):
        require_once(column.index, name)
    paid = amounts.reindex(scores.index).rename("amounts")
    table = pd.DataFrame({"score": numbers(scores), "amount": numbers(paid)}, scores.index)
    table["parent"] = parents.reindex(scores.index)
    found = {
        parent: _parent(children, floor)
        for parent, children in table[table["parent"].notna()].groupby("parent", sort=True)
    }
    columns = ["score", "coverage", "children", "lowest", "reason"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns)


def _parent(children: pd.DataFrame, floor: float) -> tuple[float, float, int, Any, str]:
    known = children[np.isfinite(children["score"])]
    lowest = known["score"].idxmin() if len(known) else ""
    amounts = children["amount"].to_numpy()
    if not np.all(np.isfinite(amounts) & (amounts >= 0)):
        return np.nan, 0.0, len(children), lowest, "what one of its accounts pays is not known"
    whole = float(amounts.sum())
    if whole == 0:
        return np.nan, 0.0, len(children), lowest, "none of its accounts pays anything"
    coverage = float(known["amount"].sum() / whole)
    if coverage == 0 or coverage < floor:
        reason = f"the scores of only {coverage:.0%} of what it pays are known, {floor:.0%} are needed"
        return np.nan, coverage, len(children), lowest, reason
    mean = float((known["score"] * known["amount"]).sum() / known["amount"].sum())
    return mean, coverage, len(children), lowest, ""
