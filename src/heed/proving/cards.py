"""The card of one metric: its verdict, what became of accounts by its value, and the rows behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from django.http import Http404
from django.utils.translation import gettext as _

from heed.customers.models import Account
from heed.evidence.cards import Band, Verdict
from heed.evidence.estimate import Estimate
from heed.ledger import words
from heed.measures.landmarks import HORIZON
from heed.measures.models import LandmarkPanel, MetricVerdict
from heed.measures.panels import rows_of
from heed.measures.reads import Definition, definition_of
from heed.measures.wording import window_words
from heed.proving.charts import Bar, Chart, intervals
from heed.proving.predicting import TONES, turned, verdict_of, verdict_words


@dataclass(frozen=True, slots=True)
class MetricCard:
    """A metric with its latest verdict; None where it was not judged yet."""

    definition: Definition
    verdict: Verdict | None
    panel: LandmarkPanel | None

    @property
    def name(self) -> str:
        return self.definition.metric.name

    @property
    def window(self) -> str:
        return window_words(self.definition.metric)

    @property
    def tone(self) -> str:
        return TONES[self.verdict.verdict] if self.verdict else "unknown"

    @property
    def words(self) -> str:
        return verdict_words(self.verdict) if self.verdict else _("not judged yet")

    @property
    def auc(self) -> Estimate | None:
        """As the list of all metrics shows it: above a half it ranks those that left first."""
        return turned(self.verdict) if self.verdict else None

    @property
    def ranked(self) -> str:
        """Which end is taken to be at risk."""
        auc = self.verdict.auc.value if self.verdict else None
        lower = auc is not None and auc < 0.5
        return (
            _("lower values first; a half is chance") if lower else _("higher values first; a half is chance")
        )

    @property
    def why(self) -> str:
        """The reason of the verdict as one sentence."""
        reason = self.verdict.reason.rstrip(".") if self.verdict else ""
        return f"{reason[:1].upper()}{reason[1:]}."

    @property
    def chances(self) -> str:
        """How seldom chance alone shows as much, alone and among all metrics; "" where it was not tested."""
        verdict = self.verdict
        if verdict is None or verdict.p_value is None or verdict.q_value is None:
            return ""
        told = {"p": seldom(verdict.p_value), "q": seldom(verdict.q_value)}
        return _("p %(p)s; allowing for all metrics judged together, q %(q)s.") % told

    @property
    def chart(self) -> Chart | None:
        return band_chart(self.name, self.verdict) if self.verdict and self.verdict.bands else None

    @property
    def bands(self) -> list[tuple[int, str, Band]]:
        """Number, words and figures of each band."""
        found = self.verdict.bands if self.verdict else ()
        return [(number, band_words(band), band) for number, band in enumerate(found)]


def metric_card(key: str) -> MetricCard:
    """The card of the version in force; 404 for a metric that there is not."""
    definition = definition_of(key)
    found = (
        MetricVerdict.objects.filter(metric=definition.row)
        .select_related("panel")
        .order_by("-panel__as_of", "-pk")
        .first()
    )
    verdict = verdict_of(found) if found else None
    if found is None or verdict is None:
        return MetricCard(definition, None, None)
    return MetricCard(definition, verdict, found.panel)


def seldom(p: float) -> str:
    """A p-value in words: it is never nought."""
    return _("under 0.0001") if p < 0.0001 else f"= {p:.4f}"


def band_words(band: Band) -> str:
    if band.low is None or band.high is None:
        return _("unknown")
    low, high = words.number(band.low), words.number(band.high)
    return low if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}


def headline(name: str, verdict: Verdict) -> str:
    """What the groups by value show."""
    told = {"name": name, "what": verdict_words(verdict)}
    if verdict.verdict in ("predicts", "does not"):
        return _("%(name)s %(what)s") % told
    return _("%(name)s: %(what)s") % told


def band_chart(name: str, verdict: Verdict) -> Chart:
    """The share that left by the value of the metric."""
    bands = [(band_words(band), band) for band in verdict.bands]
    bars = [Bar(label, band.share.value, band.share.low, band.share.high) for label, band in bands]
    overall = verdict.left and sum(band.left for _label, band in bands) / max(1, verdict.n)
    return Chart(
        title=headline(name, verdict),
        alt="; ".join(f"{label}: {words.percent(band.share.value or 0.0)}" for label, band in bands),
        source=_(
            "%(n)s rows (account × date) of %(accounts)s accounts in up to ten groups of about equal size,"
            " each value in one group only; Wilson intervals of 95 %%; the dashed line is all of them."
        )
        % {"n": f"{verdict.n:,}", "accounts": f"{verdict.accounts:,}"},
        svg=intervals(bars, axis=_("left within %(days)d days") % {"days": HORIZON}, reference=overall),
        columns=(name, _("Left"), _("95 % interval"), _("Rows"), _("Rows that left")),
        rows=tuple(
            (
                label,
                words.percent(band.share.value or 0.0),
                words.interval(band.share.low, band.share.high, share=True),
                f"{band.n:,}",
                f"{band.left:,}",
            )
            for label, band in bands
        ),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """An account at a landmark, the value then, and what became of it; `key` "" where nothing can be opened,
    because the account was erased or withdrawn since."""

    key: str
    name: str
    landmark: date
    value: float | None
    left: bool
    days: int


def rows_behind(card: MetricCard, band: int | None, *, known_only: bool = False) -> Sequence[Row]:
    """The rows of the panel that the verdict was made of: those of a band, those whose value was known, or
    all; who left first."""
    if card.verdict is None or card.panel is None:
        return []
    table = judged_rows(rows_of(card.panel))
    key = card.definition.metric.key
    if band is not None:
        if band >= len(card.verdict.bands):
            raise Http404(_("There is no band %(band)d.") % {"band": band})
        table = table[in_band(table[key], card.verdict.bands[band])]
    if known_only:
        table = table[table[key].notna()]
    table = table.sort_values(["soon", "landmark", "account"], ascending=[False, False, True])
    values, opened = table[key].astype(float), openings()
    return [
        Row(*opened(account), day, None if pd.isna(value) else value, soon, int(days))
        for account, day, value, soon, days in zip(
            table["account"], table["landmark"].dt.date, values, table["soon"], table["time"], strict=True
        )
    ]


def openings() -> Callable[[str], tuple[str, str]]:
    """Key and name of an account as its rows are shown; no key where it was erased or withdrawn since."""
    names = dict(Account.objects.filter(withdrawn_at=None, erased_at=None).values_list("key", "name"))
    gone = "", _("erased or withdrawn since")
    return lambda key: (key, names[key]) if key in names else gone


def judged_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows at which something was decided within the horizon, and whose outcome is known: as judged."""
    ahead = table["days_to_renewal"].to_numpy(dtype=float)
    soon = table["event"].to_numpy() & (table["time"].to_numpy() <= HORIZON)
    known = table["event"].to_numpy() | (table["time"].to_numpy() >= HORIZON)
    kept = table.assign(soon=soon, landmark=pd.to_datetime(table["landmark"]))
    judged: pd.DataFrame = kept[(np.isnan(ahead) | (ahead <= HORIZON)) & known]
    return judged


def in_band(values: pd.Series, band: Band) -> pd.Series:
    if band.low is None or band.high is None:
        return values.isna()
    return (values >= band.low) & (values <= band.high)
