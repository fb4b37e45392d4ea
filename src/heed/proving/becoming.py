"""What becomes of accounts within the horizon of a landmark, each kind apart, and the rows behind each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import pandas as pd
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.customers.models import Account, SubscriptionPeriod
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import wilson
from heed.measures.landmarks import ENDED_BECAUSE, HORIZON
from heed.measures.learning import spaced
from heed.measures.models import LandmarkPanel, RiskModel
from heed.measures.panels import rows_of

INVOLUNTARY: Final = "involuntary"
LABELS: Final = {
    "churn": gettext_lazy("Left"),
    INVOLUNTARY: gettext_lazy("Left because a payment failed"),
    "contraction": gettext_lazy("Paid less"),
    "expansion": gettext_lazy("Paid more"),
    "none": gettext_lazy("None of it"),
}
UNTOLD = gettext_lazy("no source says why a contract ended: import it as the attribute ended_because")


class Became(NamedTuple):
    """A kind of outcome: how many rows had it first, and their share of all that were watched long enough."""

    kind: str
    label: str
    rows: int
    share: Estimate


class Row(NamedTuple):
    """An account at a landmark."""

    key: str
    name: str
    landmark: date


@dataclass(frozen=True, slots=True)
class Becoming:
    """`kinds` add up to the `n` rows whose 90 days are known."""

    kinds: tuple[Became, ...]
    n: int
    accounts: int

    @property
    def note(self) -> str:
        return _(
            "what came first within %(days)s days of a date, at dates as far apart: %(n)s rows of"
            " %(accounts)s accounts; Wilson intervals of 95 %%"
        ) % {"days": HORIZON, "n": f"{self.n:,}", "accounts": f"{self.accounts:,}"}


def becoming(panel: LandmarkPanel) -> Becoming | None:
    """None where an earlier version of Heed kept the panel, which did not tell the kinds apart."""
    rows = _rows(panel)
    if rows is None:
        return None
    counts = rows["became"].value_counts()
    kinds = [_became(kind, int(counts.get(kind, 0)), len(rows)) for kind in LABELS]
    return Becoming(tuple(kinds), len(rows), rows["account"].nunique())


def rows_that_became(kind: str) -> Sequence[Row]:
    """The rows of a kind that the latest version learnt from, the latest first; 404 for a kind that there is
    not."""
    if kind not in LABELS:
        raise Http404(_("Nothing becomes of accounts that is called %(kind)s.") % {"kind": kind})
    model = RiskModel.objects.select_related("panel").order_by("-version").first()
    panel = model.panel if model else None
    rows = None if panel is None else _rows(panel)
    if rows is None:
        return []
    chosen = rows[rows["became"] == kind].sort_values(["landmark", "account"], ascending=[False, True])
    names = dict(Account.objects.filter(key__in=set(chosen["account"])).values_list("key", "name"))
    return [
        Row(key, names.get(key) or key, day)
        for key, day in zip(chosen["account"], chosen["landmark"].dt.date, strict=True)
    ]


def _rows(panel: LandmarkPanel) -> pd.DataFrame | None:
    """At dates as far apart as the horizon is long, so that no event is counted at two of them."""
    rows = rows_of(panel, ["landmark", "became"])
    if "became" not in rows:
        return None
    rows = rows.assign(landmark=pd.to_datetime(rows["landmark"]))
    return rows[spaced(rows["landmark"].to_numpy()) & (rows["became"] != "") & rows["account"].notna()]


def _became(kind: str, rows: int, n: int) -> Became:
    share = wilson(rows, n) if n else Estimate.unknown(_("no date was long enough ago"))
    if kind == INVOLUNTARY and not rows and not payments_are_told():
        share = Estimate.unknown(str(UNTOLD), n=n)
    return Became(kind, str(LABELS[kind]), rows, share)


def payments_are_told() -> bool:
    return SubscriptionPeriod.objects.filter(withdrawn_at=None, attributes__has_key=ENDED_BECAUSE).exists()
