"""Classes of customers to weigh by, none of them too thin, and weights that meet the totals of several."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from heed.evidence.voices.answers import Real

NOT_KNOWN = "not known"
JOINED = "joined"
ONE_CELL = "All customers form one class, so every answer counts alike."
ROUNDS = 500
CLOSE = 1e-9


def classes(table: pd.DataFrame, answers: int, least: int) -> "tuple[pd.Series[str], str]":
    """The class of each customer, and a note of what was joined.

    `table` begins with the `answers` customers who answered. Classes with fewer than `least` answers are
    joined, and if that is not enough, with the class of the fewest answers.
    """
    values = table.astype("object").where(table.notna(), NOT_KNOWN).astype(str)
    labels: pd.Series[str] = values.iloc[:, 0]
    for name in values.columns[1:]:
        labels = labels + " / " + values[name]
    heard = labels[:answers].value_counts().reindex(labels.unique(), fill_value=0)
    thin = sorted(heard.index[heard < least])
    if thin and heard[thin].sum() < least and len(thin) < len(heard):
        thin.append(heard.drop(thin).sort_index().idxmin())
    if len(thin) < 2:
        return labels, ONE_CELL if labels.nunique() == 1 else ""
    labels = labels.where(~labels.isin(thin), JOINED)
    note = f"Too few answers to weigh apart, joined: {', '.join(thin)}."
    return labels, f"{note} {ONE_CELL}" if labels.nunique() == 1 else note


def margins_of(table: pd.DataFrame, answers: int, least: int) -> "tuple[list[pd.Series[str]], str]":
    """The classes of each column apart, and a note of what was joined."""
    found = [classes(table[[name]], answers, least) for name in table]
    return [labels for labels, _ in found], " ".join(note for _, note in found if note)


def rake(columns: "Sequence[pd.Series[str]]", answers: int) -> Real | None:
    """Weights of those who answered (the first `answers` rows) whose sums by each class of each column are
    the numbers of customers; None where no weights meet all of them."""
    codes = [pd.factorize(column)[0] for column in columns]
    totals = [np.bincount(code).astype(float) for code in codes]
    weights = np.full(answers, len(columns[0]) / answers)
    for _ in range(ROUNDS):
        worst = 0.0
        for code, total in zip(codes, totals, strict=True):
            sums = np.bincount(code[:answers], weights, len(total))
            worst = max(worst, float(np.max(np.abs(sums / total - 1))))
            weights = weights * (total / sums)[code[:answers]]
        if worst < CLOSE:
            return weights
    return None
