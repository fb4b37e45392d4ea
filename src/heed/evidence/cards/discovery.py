"""Many metrics at once: among twenty that say nothing, one looks like a find by chance alone.

The false-discovery rate is held by Benjamini and Hochberg's step-up rule (1995), or by that of Benjamini and
Yekutieli (2001), which holds for any dependence between the metrics and costs power.
"""

from typing import Literal

import numpy as np

from heed.evidence.cards.resampling import Real

Control = Literal["Benjamini-Hochberg", "Benjamini-Yekutieli"]


def adjusted(p_values: Real, control: Control = "Benjamini-Hochberg") -> Real:
    """For each p-value the least false-discovery rate at which it is a find."""
    p = np.asarray(p_values, dtype=float)
    if np.any((p < 0) | (p > 1) | np.isnan(p)):
        raise ValueError("A p-value is between 0 and 1: leave out metrics that have none.")
    if not p.size:
        return p
    order = np.argsort(p, kind="stable")
    place = np.arange(1, p.size + 1)
    dependence = float(np.sum(1 / place)) if control == "Benjamini-Yekutieli" else 1.0
    raised = p[order] * p.size * dependence / place
    found = np.empty(p.size)
    found[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return found
