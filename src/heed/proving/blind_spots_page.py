"""What the page Blind spots says: who left while they looked well, whether silence or a score told, and how
early the first signal came."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import pandas as pd
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.customers.models import Account, SubscriptionPeriod
from heed.evidence.estimate import Estimate
from heed.evidence.voices import (
    BlindSpots,
    LeadTime,
    RenewalByAnswer,
    RenewalGroup,
    SilentBounds,
    blind_spots,
    lead_time,
    nps,
    renewal_by_answer,
    silent_bounds,
)
from heed.evidence.voices.saves import LATE
from heed.evidence.voices.silence import ANSWERED, NOT_ASKED, SILENT
from heed.ledger import clock, words
from heed.measures.models import LandmarkPanel, MetricValue
from heed.measures.panels import rows_of
from heed.proving.charts import Bar, Chart, intervals

AHEAD: Final = 60
WATCHED: Final = 90
WELL_FROM: Final = 0.8
NEEDED: Final = ("days_active", "usage_trend", "last_nps", "response_rate")
ROWS: Final = {
    "unseen": gettext_lazy("left while they looked well"),
    "left": gettext_lazy("left and had a usage trend"),
    "without-score": gettext_lazy("left without a usage trend"),
    "late": gettext_lazy("left with the first signal less than 60 days before, or none"),
    "missed": gettext_lazy("left with no signal before"),
    "signalled": gettext_lazy("left with a signal before"),
    "answered": gettext_lazy("had answered"),
    "silent": gettext_lazy("were asked and did not answer"),
    "not-asked": gettext_lazy("were not asked"),
    "promoters": gettext_lazy("answered 9 or 10"),
    "passives": gettext_lazy("answered 7 or 8"),
    "detractors": gettext_lazy("answered 0 to 6"),
}
"""The groups of accounts that can be opened, beside the bands of usage."""
OF_GROUP: Final = {ANSWERED: "answered", SILENT: "silent", NOT_ASKED: "not-asked"}


class Row(NamedTuple):
    """An account at the landmark it is judged at (None: it left and has none so early)."""

    key: str
    name: str
    landmark: date | None
    trend: float | None
    days_active: float | None
    score: float | None
    left_on: date | None
    first_signal_on: date | None
    groups: frozenset[str]


class Group(NamedTuple):
    """A group of the answered or the silent, and the name that its rows go by."""

    label: str
    slug: str
    of: RenewalGroup
    against: str


@dataclass(frozen=True, slots=True)
class BlindSpotsPage:
    """`reason` says why nothing is told; the rest is None then, `now` and `bounds` excepted."""

    reason: str
    now: Estimate
    bounds: SilentBounds | None
    panel: LandmarkPanel | None = None
    spots: BlindSpots | None = None
    renewal: RenewalByAnswer | None = None
    lead: LeadTime | None = None
    rows: tuple[Row, ...] = ()
    without_landmark: int = 0
    charts: tuple[Chart, ...] = ()

    @property
    def finding(self) -> str:
        return finding(self.spots) if self.spots else _("Nobody is known yet to have left unseen")

    @property
    def now_words(self) -> str:
        return "" if self.now.value is None else words.fixed(self.now.value, 0)

    @property
    def now_between(self) -> str:
        return words.interval(self.now.low, self.now.high, decimals=0)

    @property
    def bounds_words(self) -> str:
        if self.bounds is None:
            return ""
        ends = {"low": words.fixed(self.bounds.low, 0), "high": words.fixed(self.bounds.high, 0)}
        return _("%(low)s to %(high)s") % ends

    @property
    def groups(self) -> "list[Group]":
        """By what they had answered: the groups, then the score bands of those that answered."""
        if self.renewal is None:
            return []
        return [
            Group(group.name, OF_GROUP.get(group.name, group.name), group, points_words(group.difference))
            for group in (*self.renewal.groups, *self.renewal.bands)
        ]

    @property
    def definition(self) -> str:
        return definition()


def definition() -> str:
    return _(
        "An account that left is judged at its last landmark at least %(ahead)s days before it left, one that"
        " stayed at its latest landmark watched for %(watched)s days. It looked well where its usage was at"
        " least 80 %% of its own mean of the three windows before: the published rule of a usage drop of"
        " 20 %%. Only what was recorded by the landmark counts."
    ) % {"ahead": AHEAD, "watched": WATCHED}


def blind_spots_page() -> BlindSpotsPage:
    now, bounds = nps_now()
    panel = LandmarkPanel.objects.order_by("-as_of", "-pk").first()
    if panel is None:
        reason = _("no landmarks are kept yet: the daily round looks back over past dates once a week")
        return BlindSpotsPage(reason, now, bounds)
    rows = rows_of(panel)
    if missing := [name for name in NEEDED if name not in rows]:
        reason = _("the metrics %(names)s were not in force when the landmarks were measured")
        return BlindSpotsPage(reason % {"names": words.listed(missing)}, now, bounds)
    judged, departed = judged_accounts(rows)
    if not len(departed):
        return BlindSpotsPage(_("no account has left since the first landmark"), now, bounds)
    spots = blind_spots(judged[["left", "status", "usage"]])
    asked = judged["response_rate"].notna()
    told = pd.DataFrame({"renewed": ~judged["left"], "score": judged["last_nps"], "asked": asked})
    renewal, lead = renewal_by_answer(told), lead_time(departed)
    source = _source(panel, len(judged))
    return BlindSpotsPage(
        "",
        now,
        bounds,
        panel,
        spots,
        renewal,
        lead,
        tuple(_rows(judged, departed, spots)),
        int((~departed.index.isin(judged.index)).sum()),
        (_usage_chart(spots, source), _answer_chart(renewal, source)),
    )


def finding(spots: BlindSpots) -> str:
    if spots.missed.value is None:
        return _("Whether those that left looked well before is not known")
    told = {"unseen": len(spots.unseen), "n": spots.missed.n, "days": AHEAD}
    return _("%(unseen)s of %(n)s that left looked well %(days)s days before") % told


def judged_accounts(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row an account (index: key) at the landmark it is judged at, and one row an account that left:
    `noticed_on` and `first_signal_on`, within the year that landmarks are watched for."""
    known = rows[rows["account"].notna()].assign(landmark=pd.to_datetime(rows["landmark"]))
    known = known.sort_values(["account", "landmark"], ignore_index=True)
    leaves_on = known["landmark"] + pd.to_timedelta(known["time"].round(), unit="D")
    known["leaves_on"] = leaves_on.where(known["event"])
    # Of an account that left more than once the last time counts.
    last = known.groupby("account")["leaves_on"].transform("max")
    before = known[known["event"] & (known["leaves_on"] == last)]
    low = before[before["usage_trend"] < WELL_FROM]
    departed = pd.DataFrame(
        {
            "noticed_on": before.groupby("account")["leaves_on"].max(),
            "first_signal_on": low.groupby("account")["landmark"].min(),
        }
    )
    gone = before[before["time"] >= AHEAD]
    stayed = known[last.isna() & (known["time"] >= WATCHED)]
    chosen = pd.concat([gone, stayed]).groupby("account").tail(1).set_index("account").sort_index()
    status = chosen["usage_trend"].ge(WELL_FROM).map({True: "green", False: "red"})
    return chosen.assign(
        left=chosen["event"],
        status=status.where(chosen["usage_trend"].notna(), None),
        usage=chosen["days_active"],
    ), departed


def nps_now() -> tuple[Estimate, SilentBounds | None]:
    """NPS of the accounts that pay today, and where it lies whatever those that did not answer think."""
    today = clock.today()
    paying = SubscriptionPeriod.objects.filter(
        withdrawn_at=None, account__withdrawn_at=None, starts_on__lte=today, monthly_amount__gt=0
    ).exclude(ends_on__lte=today)
    accounts = set(paying.values_list("account_id", flat=True))
    values = MetricValue.objects.filter(metric__key="last_nps", metric__is_current=True).exclude(value=None)
    scores = [
        value
        for account, value in values.values_list("account_id", "value")
        if account in accounts and value is not None
    ]
    return nps(scores), silent_bounds(pd.Series(scores, dtype=float), len(accounts) - len(scores))


def _rows(judged: pd.DataFrame, departed: pd.DataFrame, spots: BlindSpots) -> Iterator[Row]:
    names = dict(Account.objects.values_list("key", "name"))
    bands = _bands_of(judged["usage"], spots)
    both = judged.drop(columns="left").join(departed, how="outer")
    for at in both.itertuples():
        key, signal = str(at.Index), _day(at.first_signal_on)
        row = Row(
            key,
            names.get(key) or key,
            _day(at.landmark),
            _known(at.usage_trend),
            _known(at.usage),
            _known(at.last_nps),
            _day(at.noticed_on),
            signal,
            frozenset(),
        )
        yield row._replace(
            groups=frozenset(_groups(row, bands.get(key, ""), _known(at.response_rate) is not None))
        )


def _groups(row: Row, band: str, asked: bool) -> Iterator[str]:
    if row.left_on is not None:
        yield from _signal_groups(row.left_on, row.first_signal_on)
    if row.landmark is None:
        return
    yield band
    if row.score is None:
        yield "silent" if asked else "not-asked"
    else:
        yield "answered"
        yield "promoters" if row.score >= 9 else "passives" if row.score >= 7 else "detractors"
    if row.left_on is not None:
        yield "without-score" if row.trend is None else "left"
        if row.trend is not None and row.trend >= WELL_FROM:
            yield "unseen"


def _signal_groups(left_on: date, signal: date | None) -> Iterator[str]:
    ahead = (left_on - signal).days if signal else 0
    yield "signalled" if ahead > 0 else "missed"
    if ahead < LATE:
        yield "late"


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _day(value: Any) -> date | None:
    return None if pd.isna(value) else pd.Timestamp(value).date()


def _bands_of(usage: "pd.Series[float]", spots: BlindSpots) -> dict[str, str]:
    """The band of each account: in order of usage they follow each other, and how many each has is told."""
    ordered = list(usage.dropna().sort_values(kind="stable").index)
    found: dict[str, str] = {}
    at = 0
    for band in spots.bands:
        within = list(usage.index[usage.isna()]) if band.band is None else ordered[at : at + band.accounts]
        at += 0 if band.band is None else band.accounts
        found.update(dict.fromkeys(within, f"band-{_number(band.band)}"))
    return found


def _number(band: int | None) -> str:
    return "unknown" if band is None else str(band)


def chosen_rows(found: BlindSpotsPage, asked: str) -> tuple[str, list[Row]]:
    """The rows that were asked for, and what they are; none named: those that left unseen."""
    asked = asked or "unseen"
    bands = {_number(band.band): band for band in found.spots.bands} if found.spots else {}
    kind, _dash, number = asked.partition("-")
    if asked in ROWS:
        title = _("Accounts that %(what)s") % {"what": ROWS[asked]}
    elif kind == "band" and number in bands:
        title = _("Accounts of usage band %(band)s") % {"band": number}
    elif kind == "unseen" and number in bands:
        title = _("Accounts of usage band %(band)s that left while they looked well") % {"band": number}
        return title, [row for row in found.rows if row.key in set(bands[number].unseen)]
    else:
        raise Http404(_("There are no rows called %(name)s.") % {"name": asked})
    return title, [row for row in found.rows if asked in row.groups]


def _source(panel: LandmarkPanel, accounts: int) -> str:
    return _("%(accounts)s accounts, landmarks as of %(day)s. %(definition)s") % {
        "accounts": f"{accounts:,}",
        "day": words.day(panel.as_of, clock.today()),
        "definition": definition(),
    }


def share_words(estimate: Estimate) -> str:
    if estimate.value is None:
        return _("unknown")
    return f"{words.percent(estimate.value)} {words.interval(estimate.low, estimate.high, share=True)}"


def _usage_chart(spots: BlindSpots, source: str) -> Chart:
    named = [
        (_("usage unknown") if band.band is None else _("band %(n)s") % {"n": band.band}, band)
        for band in spots.bands
    ]
    bars = [Bar(label, band.left.value, band.left.low, band.left.high) for label, band in named]
    return Chart(
        title=_usage_finding(spots),
        alt="; ".join(f"{label}: {share_words(band.left)}" for label, band in named),
        source=_("Share that left by days with usage in the 28 days before, 1 the lowest; Wilson. ") + source,
        svg=intervals(bars, axis=_("Left")),
        columns=(_("Usage"), _("Accounts"), _("Left"), _("Left while they looked well")),
        rows=tuple(
            (label, f"{band.accounts:,}", share_words(band.left), f"{len(band.unseen):,}")
            for label, band in named
        ),
    )


def _usage_finding(spots: BlindSpots) -> str:
    known = [band.left for band in spots.bands if band.band is not None]
    if len(known) < 2 or known[0].value is None or known[-1].value is None:
        return _("Who left, by how much they used")
    told = {"most": words.percent(known[-1].value), "least": words.percent(known[0].value)}
    return _("%(most)s of those that used it most left, %(least)s of those that used it least") % told


def _answer_chart(renewal: RenewalByAnswer, source: str) -> Chart:
    both = [*renewal.groups, *renewal.bands]
    return Chart(
        title=_answer_finding(renewal),
        alt="; ".join(f"{group.name}: {share_words(group.rate)}" for group in both),
        source=_(
            "Share that stayed, by whether they had answered how likely they are to recommend within a year"
            " before the landmark; asked: an invitation of that year is known. "
        )
        + source,
        svg=intervals(
            [Bar(group.name, group.rate.value, group.rate.low, group.rate.high) for group in both],
            axis=_("Stayed"),
        ),
        columns=(_("Group"), _("Accounts"), _("Stayed"), _("Against those that answered")),
        rows=tuple(
            (group.name, f"{group.rate.n:,}", share_words(group.rate), points_words(group.difference))
            for group in both
        ),
    )


def points_words(difference: Estimate) -> str:
    """A difference of shares in points."""
    if difference.value is None:
        return difference.reason
    low, high = difference.low, difference.high
    return _("%(points)s points %(interval)s") % {
        "points": words.number(round(difference.value * 100), 0),
        "interval": words.interval(low, high, share=True),
    }


def _answer_finding(renewal: RenewalByAnswer) -> str:
    answered, silent = renewal.groups[0].rate, renewal.groups[1].rate
    if answered.value is None or silent.value is None:
        return _("Who stayed, by what they had answered")
    told = {"silent": words.percent(silent.value), "answered": words.percent(answered.value)}
    return _("%(silent)s of the silent stayed, %(answered)s of those that answered") % told
