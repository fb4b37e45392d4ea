"""What the page What predicts says: every metric in force by its verdict, the best first."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from heed.evidence.cards import Verdict
from heed.evidence.estimate import Estimate
from heed.ledger import clock, words
from heed.measures.landmarks import HORIZON
from heed.measures.models import LandmarkPanel, MetricVerdict, RiskModel
from heed.measures.reads import Definition, definitions
from heed.proving.charts import Bar, Chart, intervals

ORDER = ("predicts", "leak alarm", "does not", "cannot tell")
TONES = {"predicts": "good", "leak alarm": "bad", "does not": "", "cannot tell": "unknown"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A metric and what it was worth. `auc` is turned so that above a half it ranks those that left first,
    in the direction it was found to have."""

    definition: Definition
    verdict: Verdict
    auc: Estimate

    @property
    def name(self) -> str:
        return self.definition.metric.name

    @property
    def tone(self) -> str:
        return TONES[self.verdict.verdict]

    @property
    def verdict_words(self) -> str:
        return verdict_words(self.verdict)


@dataclass(frozen=True, slots=True)
class Predicting:
    """`judged` in order of worth; `panel` what they were judged on (None: nothing was, for the `reason`)."""

    judged: tuple[Judged, ...]
    panel: LandmarkPanel | None
    model: RiskModel | None
    reason: str

    @property
    def finding(self) -> str:
        return finding(self.judged)

    @property
    def left(self) -> int:
        return max((each.verdict.left for each in self.judged), default=0)

    @property
    def rows(self) -> int:
        return max((each.verdict.n for each in self.judged), default=0)


def predicting() -> Predicting:
    """The latest verdicts on the metrics in force."""
    model = (
        RiskModel.objects.select_related("panel")
        .defer("record", "card", "panel__table")
        .order_by("-version")
        .first()
    )
    panel = model.panel if model else None
    if panel is None:
        reason = model.reason if model else _("The daily round judges the metrics once a week.")
        return Predicting((), None, model, reason)
    records = {each.metric_id: verdict_of(each) for each in MetricVerdict.objects.filter(panel=panel)}
    found = [
        Judged(definition, verdict, turned(verdict))
        for definition in definitions()
        if (verdict := records.get(definition.row.pk)) is not None
    ]
    if not found:
        return Predicting((), panel, model, outdated())
    found.sort(key=lambda each: (ORDER.index(each.verdict.verdict), -(each.auc.value or 0), each.name))
    return Predicting(tuple(found), panel, model, "")


def outdated() -> str:
    return _(
        "An earlier version of Heed judged this, and said less; it is judged again with the next learning."
    )


def verdict_of(kept: MetricVerdict) -> Verdict | None:
    """None where an earlier version of Heed wrote it: see `outdated`."""
    try:
        return Verdict.from_record(kept.record)
    except ValueError:
        return None


def turned(verdict: Verdict) -> Estimate:
    """The AUC in the direction that the metric was found to have."""
    auc = verdict.auc
    if auc.value is None or auc.value >= 0.5:
        return auc
    low, high = (None if end is None else 1 - end for end in (auc.high, auc.low))
    return Estimate(1 - auc.value, low, high, auc.n, auc.level, auc.method)


def verdict_words(verdict: Verdict) -> str:
    """The verdict as it stands in a list."""
    if verdict.verdict == "predicts":
        return _("predicts: %(what)s") % {"what": verdict.reason.partition(";")[0]}
    if verdict.verdict == "does not":
        return _("does not predict here")
    if verdict.verdict == "leak alarm":
        return _("leak alarm")
    if verdict.detectable_auc is None:
        return _("cannot tell")
    told = {"least": f"{verdict.detectable_auc:.2f}".lstrip("0")}
    return _("cannot tell: sees AUC %(least)s and more") % told


def finding(judged: tuple[Judged, ...]) -> str:
    """The headline: what tells most, and what comes nearest to chance."""
    best = [each.name for each in judged if each.verdict.verdict == "predicts"][:2]
    nothing = [each.name for each in judged if each.verdict.verdict == "does not"][-1:]
    if not judged:
        return _("What predicts who leaves is not known yet")
    if not best:
        return _("None of %(n)d metrics is shown to predict who leaves") % {"n": len(judged)}
    most = _(" and ").join(best)
    if nothing:
        return _("%(most)s tell most of who leaves; %(nothing)s tells nothing") % {
            "most": most,
            "nothing": nothing[0],
        }
    return _("%(most)s tell most of who leaves") % {"most": most}


def auc_chart(found: Predicting) -> Chart:
    """Every metric's AUC with its interval, the best first, against chance."""
    shown = [each for each in found.judged if each.auc.value is not None]
    bars = [
        Bar(each.name, each.auc.value, each.auc.low, each.auc.high, each.verdict.verdict == "leak alarm")
        for each in shown
    ]
    columns = (_("Metric"), _("AUC"), _("95 % interval"), _("Verdict"), _("Rows, known"), _("Left, known"))
    return Chart(
        title=found.finding,
        alt=_("AUC with interval of %(n)d metrics, best first: %(names)s.")
        % {"n": len(shown), "names": "; ".join(f"{each.name} {each.auc.value:.2f}" for each in shown)},
        source=source(found),
        svg=intervals(bars, axis=_("AUC; the dashed line is chance"), percent=False, reference=0.5),
        columns=columns,
        rows=tuple(
            (
                each.name,
                f"{each.auc.value:.3f}",
                f"{each.auc.low:.3f}–{each.auc.high:.3f}" if each.auc.low and each.auc.high else _("none"),
                each.verdict_words,
                f"{each.verdict.known:,}",
                f"{each.verdict.known_left:,}",
            )
            for each in shown
        ),
    )


def source(found: Predicting) -> str:
    """Where the figures come from, and how they are defined."""
    panel = found.panel
    if panel is None:
        return ""
    return _(
        "How well each metric, as it was known up to %(days)d days before, ranked who left: %(rows)s rows"
        " (account × date) with a renewal ahead, %(left)s accounts left, as known on %(day)s. Intervals of"
        " 95 %% by account; false discoveries controlled over %(n)d metrics."
    ) % {
        "days": HORIZON,
        "rows": f"{found.rows:,}",
        "left": f"{found.left:,}",
        "day": words.day(panel.as_of, clock.today()),
        "n": len(found.judged),
    }
