"""What the pages of risk say: what the model in force is worth, who moved and why, and any past score."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import ceil, floor

import pandas as pd
from django.http import Http404
from django.utils.translation import gettext as _

from heed.customers.models import Account
from heed.evidence.cards import ReportCard
from heed.evidence.estimate import Estimate
from heed.evidence.metrics import Metric
from heed.evidence.risk import CONTRACT_CLOCK
from heed.ledger import clock, words
from heed.measures.definitions import metrics_of
from heed.measures.drift import SHIFT, Outcomes, drift_of, moved_since
from heed.measures.models import MetricVerdict, Risk, RiskModel, RiskScore, ScoredDay
from heed.proving.charts import Chart, curve
from heed.proving.figures import Figure
from heed.proving.predicting import outdated

MOVED = 12
DECIMALS = 3
"""Of what a reason adds, as the page shows it."""


@dataclass(frozen=True, slots=True)
class Moved:
    account: Account
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the figures of a metric are from those that the model learnt from (None: too few to say);
    `since` where they moved after it was learnt."""

    metric: str
    label: str
    index: float | None
    since: bool = False

    @property
    def tone(self) -> str:
        if self.index is None:
            return "unknown"
        return "warn" if self.since else "" if self.index > SHIFT else "good"

    @property
    def words(self) -> str:
        if self.index is None:
            return _("too few to compare")
        if self.since:
            return _("moved since")
        return _("away, much as on its first day") if self.index > SHIFT else _("as learnt")


@dataclass(frozen=True, slots=True)
class DriftSeen:
    """What was seen on the last day that the version in force scored."""

    as_of: date
    shifts: tuple[Shift, ...]
    outcomes: Outcomes | None

    @property
    def note(self) -> str:
        told = {"day": words.day(self.as_of, clock.today()), "limit": SHIFT}
        return (
            _("accounts on %(day)s against the rows it learnt from, same weekday; away: above %(limit)s")
            % told
        )

    @property
    def outcome_words(self) -> str:
        if self.outcomes is None:
            return _("No day has passed since it was learnt that would show who leaves.")
        told = {
            "day": words.day(self.outcomes.since, clock.today()),
            "n": f"{self.outcomes.scored:,}",
            "left": f"{self.outcomes.left:,}",
            "expected": words.number(self.outcomes.expected),
            "low": f"{self.outcomes.low:,}",
            "high": f"{self.outcomes.high:,}",
        }
        return (
            _(
                "Of %(n)s accounts scored on %(day)s, %(left)s have left since; it expected %(expected)s"
                " (%(low)s to %(high)s, 99 times in 100)."
            )
            % told
        )


@dataclass(frozen=True, slots=True)
class RiskPage:
    """The latest version of the model (None: none yet), its card, and the accounts whose risk moved most."""

    model: RiskModel | None
    card: ReportCard | None
    versions: tuple[RiskModel, ...]
    moved: tuple[Moved, ...]
    leaks: tuple[str, ...] = ()
    drift: DriftSeen | None = None

    @property
    def reason(self) -> str:
        if self.model is None:
            return _("The daily round learns once a week who leaves, once enough have left.")
        if self.model.reason or self.card:
            return self.model.reason
        if self.model.card:
            return outdated()
        return _(
            "It speaks, but too few have left to test it on later dates than it learnt from: how far it is"
            " right is not known."
        )

    @property
    def unknown(self) -> str:
        """What is lacking where there is no card."""
        silent = self.model is None or self.model.reason
        return _("No model yet") if silent else _("What the model is worth is not known yet")

    @property
    def figures(self) -> list[Figure]:
        return figures(self.card) if self.card else []

    @property
    def finding(self) -> str:
        return finding(self.card)

    @property
    def chart(self) -> Chart | None:
        return calibration_chart(self.card) if self.card and self.card.bands else None


def risk_page() -> RiskPage:
    versions = tuple(
        RiskModel.objects.select_related("panel").defer("record", "panel__table").order_by("-version")[:20]
    )
    model = versions[0] if versions else None
    return RiskPage(model, card_of(model), versions, who_moved(), leaks_of(model), drift_seen(model))


def finding(card: ReportCard | None) -> str:
    """The headline: whether the model ranks who leaves, and whom a team that follows it would not see."""
    if card is None or card.auc.low is None or card.auc.high is None:
        return _("What the risk model is worth here is not known yet")
    if card.auc.low <= 0.5 <= card.auc.high:
        return _("The risk model is not shown to rank who leaves")
    if card.auc.high < 0.5:
        return _("The risk model ranks who leaves worse than chance")
    if card.missed.value is None or not card.capacity:
        return _("The risk model ranks who leaves better than chance")
    return _(
        "The risk model ranks who leaves better than chance; %(missed)s leave unseen by a team that looks at"
        " %(capacity)s"
    ) % {"missed": words.percent(card.missed.value), "capacity": words.percent(card.capacity)}


def drift_seen(model: RiskModel | None) -> DriftSeen | None:
    """The drift of a version as last seen; None where it has scored no day yet."""
    scored = ScoredDay.objects.filter(model=model, drift__isnull=False).defer("table").order_by("as_of")
    first, last = scored.first(), scored.last()
    if model is None or first is None or last is None:
        return None
    found = drift_of(last)
    moved = moved_since(drift_of(first), found)
    names = {metric.key: metric.name for metric in metrics_of(model.definitions).values()}
    shifts = [Shift(key, names.get(key, key), index, key in moved) for key, index in found.shifts.items()]
    shifts.sort(key=lambda each: (-(each.index or 0.0), each.label))
    return DriftSeen(last.as_of, tuple(shifts), found.outcomes)


def card_of(model: RiskModel | None) -> ReportCard | None:
    """None without one, and where an earlier version of Heed wrote it: see `outdated`."""
    try:
        return ReportCard.from_record(model.card) if model is not None and model.card else None
    except ValueError:
        return None


def leaks_of(model: RiskModel | None) -> tuple[str, ...]:
    """The metrics that the model was not given, because they tell what is known already."""
    if model is None or model.panel is None:
        return ()
    found = MetricVerdict.objects.filter(panel=model.panel, verdict="leak alarm")
    return tuple(found.order_by("metric__name").values_list("metric__name", flat=True))


def who_moved() -> tuple[Moved, ...]:
    """The accounts whose risk changed most since the round before, most first."""
    known = Risk.objects.filter(
        probability__isnull=False, earlier_probability__isnull=False,
        account__withdrawn_at=None, account__erased_at=None,
    )  # fmt: skip
    found = [
        Moved(risk.account, risk.earlier_probability or 0.0, risk.probability or 0.0)
        for risk in known.select_related("account")
        if risk.probability != risk.earlier_probability
    ]
    found.sort(key=lambda each: -abs(each.now - each.before))
    return tuple(found[:MOVED])


def figures(card: ReportCard) -> list[Figure]:
    """What the card says, what matters first."""
    capacity = card.capacity or 0.0
    team = _("a team that looks at %(share)s of accounts") % {"share": words.percent(capacity)}
    return [
        Figure(_("Ranks who leaves (AUC)"), card.auc, note=_("a half is chance"), decimals=2),
        Figure(_("Looked at, of those that leave"), card.recall, share=True, note=team),
        Figure(_("Of those looked at, left"), card.precision, share=True, note=team),
        Figure(
            _("Left unseen"), card.missed, share=True, note=_("accounts never looked at before they left")
        ),
        Figure(_("Days ahead"), card.lead_days, note=_("median, from the first look")),
        Figure(
            _("Calibration slope"), card.calibration_slope, note=_("1: what it says comes true"), decimals=2
        ),
        Figure(_("Better than the clock by"), card.brier_skill, share=True, note=_("Brier score saved")),
    ]


def calibration_words(slope: Estimate) -> str:
    """Whether what was said came true, by the slope: below 1 what was said lay too far apart."""
    if slope.low is None or slope.high is None:
        return _("What the model said, and what came")
    if slope.high < 1:
        return _("The model is too sure of itself: what came lay closer together than what it said")
    if slope.low > 1:
        return _("The model is too cautious: what came lay further apart than what it said")
    return _("What the model said is what came, as far as its slope can tell")


def calibration_chart(card: ReportCard) -> Chart:
    """What was said against what came, by groups of what was said."""
    groups = [band for band in card.bands if band.mean is not None and band.share.value is not None]
    points = pd.DataFrame(
        {
            "x": [band.mean for band in groups],
            "value": [band.share.value for band in groups],
            "low": [band.share.low for band in groups],
            "high": [band.share.high for band in groups],
        }
    )
    return Chart(
        title=calibration_words(card.calibration_slope),
        alt="; ".join(
            _("said %(said)s, came %(came)s")
            % {"said": words.percent(band.mean or 0.0), "came": words.percent(band.share.value or 0.0)}
            for band in groups
        ),
        source=_(
            "%(n)s rows of %(accounts)s accounts that the model had not seen, each predicted from the past"
            " only; groups by what was said; Wilson intervals of 95 %%; the dashed line is perfect."
        )
        % {"n": f"{card.n:,}", "accounts": f"{card.accounts:,}"},
        svg=curve(points, x=_("said"), y=_("came"), diagonal=True),
        columns=(_("Said"), _("Came"), _("95 % interval"), _("Rows"), _("Rows that left")),
        rows=tuple(
            (
                words.percent(band.mean or 0.0),
                words.percent(band.share.value or 0.0),
                words.interval(band.share.low, band.share.high, share=True),
                f"{band.n:,}",
                f"{band.left:,}",
            )
            for band in groups
        ),
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """What one thing adds to the log-odds of leaving; `metric` "" for the contract clock, else with the
    `version` of its definition that the model learnt."""

    metric: str
    version: int
    label: str
    value: float | None
    adds: float

    @property
    def words(self) -> str:
        if not round(self.adds, DECIMALS):
            return _("adds nothing")
        return _("raises it") if self.adds > 0 else _("lowers it")


@dataclass(frozen=True, slots=True)
class ReopenedScore:
    """A stored score, made again from what the model was told on its day. `alike` to the last bit; `changed`
    names what is known otherwise of that day by now (None: not even that it paid)."""

    score: RiskScore
    alike: bool
    base: float
    log_odds: float
    reasons: tuple[Reason, ...]
    days: tuple[date, ...]
    changed: tuple[str, ...] | None = ()

    @property
    def between(self) -> str:
        """Its interval in whole per cent, outwards: `[0–1]` where nearest ones would claim to be certain."""
        low, high = self.score.low, self.score.high
        if low is None or high is None:
            return ""
        return words.interval(floor(low * 100) / 100, ceil(high * 100) / 100, share=True)


def reopened_score(account: Account, on: str) -> ReopenedScore | None:
    """The score of a day (the latest without one); None where the account has no score, 404 for a day
    without one."""
    from heed.measures.scoring import asked_of, reopened, same

    scores = (
        RiskScore.objects.filter(account=account)
        .select_related("model__panel", "account")
        .defer("model__panel__table")
    )
    score = scores.filter(as_of=_day(on)).first() if on else scores.order_by("-as_of").first()
    if score is None:
        if on:
            raise Http404(_("There is no score of %(account)s on %(on)s.") % {"account": account, "on": on})
        return None
    days = tuple(scores.order_by("-as_of").values_list("as_of", flat=True)[:30])
    found = reopened(score)
    if found is None:
        return ReopenedScore(score, False, 0.0, 0.0, (), days)
    asked = {metric.key: metric for metric in asked_of(score.model)}
    reasons = sorted(_reasons(found.why.table, found.told, asked), key=lambda each: -abs(each.adds))
    changed = None if found.changed is None else tuple(asked[key].name for key in found.changed)
    alike, odds = same(score, found.again), float(found.why.log_odds[0])
    return ReopenedScore(score, alike, found.why.base, odds, tuple(reasons), days, changed)


def _reasons(adds: pd.DataFrame, told: pd.DataFrame, asked: Mapping[str, Metric]) -> Iterator[Reason]:
    for column in adds.columns:
        if column == CONTRACT_CLOCK:
            yield Reason("", 0, _("Contract: age and renewal"), None, float(adds[column].iloc[0]))
            continue
        metric, value = asked[column], told[column].iloc[0]
        known = None if pd.isna(value) else float(value)
        yield Reason(column, metric.version, metric.name, known, float(adds[column].iloc[0]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Http404(_("%(text)s is no date; write it like 2026-11-22.") % {"text": text}) from error
