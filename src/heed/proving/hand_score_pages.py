"""What the pages of scores by hand say: their parts in words, their worth, and where it stands in a chart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from heed.evidence.cards import Band, ReportCard
from heed.evidence.cards.card import Beside
from heed.ledger import clock, words
from heed.measures.landmarks import HORIZON
from heed.measures.reads import metric_names
from heed.proving.cards import band_words
from heed.proving.charts import Bar, Chart, intervals
from heed.proving.figures import Figure
from heed.proving.hand_scores import Standing, Worth, ground, worth_of
from heed.proving.models import HandScore, HandScoreVersion


@dataclass(frozen=True, slots=True)
class Kept:
    """A score with its version in force, what that was worth, and the names of the metrics in it."""

    score: HandScore
    version: HandScoreVersion
    worth: Worth
    made_of: str


def kept_scores() -> list[Kept]:
    """Every score, the one that ranks best first, those of unknown worth last."""
    names, on = metric_names(), ground()
    found = [Kept(each.score, each, worth_of(each, on), _made_of(each, names)) for each in _current()]
    return sorted(found, key=lambda each: (-_auc(each), each.score.name))


def _made_of(version: HandScoreVersion, names: Mapping[str, str]) -> str:
    return ", ".join(names.get(each["metric"], each["metric"]) for each in version.record["parts"])


def _current() -> Any:
    return HandScoreVersion.objects.filter(is_current=True).select_related("score").order_by("score__name")


def _auc(each: Kept) -> float:
    card = each.worth.card
    return -1.0 if card is None or card.auc.value is None else card.auc.value


def scores_finding(found: list[Kept]) -> str:
    """The headline: whether any score by hand is shown to rank who leaves."""
    if not found:
        return _("No score by hand is kept yet")
    if not found[0].worth.known:
        return _("What the scores by hand are worth is not known yet")
    shown = [each for each in found if _low(each) > 0.5]
    if not shown:
        return _("No score by hand is shown to rank who leaves better than chance")
    best, told = shown[0], {"name": shown[0].score.name}
    others = [_high(each) for each in found if each is not best and each.worth.known]
    if not others or _low(best) <= max(others):
        return _("“%(name)s” ranks who leaves better than chance") % told
    return _("“%(name)s” ranks who leaves best of the scores by hand") % told


def _low(each: Kept) -> float:
    card = each.worth.card
    return 0.0 if card is None or card.auc.low is None else card.auc.low


def _high(each: Kept) -> float:
    card = each.worth.card
    return 1.0 if card is None or card.auc.high is None else card.auc.high


def scores_chart(found: list[Kept]) -> Chart | None:
    """The AUC of each score with its interval, against chance."""
    shown = [(each, each.worth.card) for each in found if each.worth.known]
    if not shown:
        return None
    bars = [Bar(each.score.name, card.auc.value, card.auc.low, card.auc.high) for each, card in shown if card]
    return Chart(
        title=scores_finding(found),
        alt="; ".join(f"{bar.label} {bar.value or 0:.2f}" for bar in bars),
        source=source(shown[0][0].worth),
        svg=intervals(bars, axis=_("AUC; the dashed line is chance"), percent=False, reference=0.5),
        columns=(_("Score"), _("AUC"), _("95 % interval"), _("Rows, known"), _("Accounts that left")),
        rows=tuple(
            (bar.label, f"{bar.value:.3f}", _span(bar), f"{card.auc.n:,}", f"{card.left:,}")
            for bar, (_each, card) in zip(bars, shown, strict=True)
            if card
        ),
    )


def _span(bar: Bar) -> str:
    return _("none") if bar.low is None or bar.high is None else f"{bar.low:.3f}–{bar.high:.3f}"


def source(worth: Worth) -> str:
    """Where the figures of a card come from, and how they are defined."""
    if worth.panel is None or worth.card is None:
        return ""
    return _(
        "The score as it would have been at past dates with a renewal within %(days)d days, against who"
        " left within these: %(rows)s rows (account × date) of %(accounts)s accounts, %(left)s accounts left,"
        " as known on %(day)s. Intervals of 95 %% by account."
    ) % {
        "days": HORIZON,
        "rows": f"{worth.card.n:,}",
        "accounts": f"{worth.card.accounts:,}",
        "left": f"{worth.card.left:,}",
        "day": words.day(worth.panel.as_of, clock.today()),
    }


def score_figures(card: ReportCard) -> list[Figure]:
    """What the card of a score says, what matters first."""
    team = _("a team that looks at %(share)s of accounts") % {"share": words.percent(card.capacity or 0.0)}
    unseen = _("accounts never looked at before they left")
    return [
        Figure(
            _("Ranks who leaves (AUC)"), card.auc, note=_("a half is chance"), decimals=2, rows="?known=1"
        ),
        Figure(_("Caught by the lowest scores"), card.recall, share=True, note=team, rows=""),
        Figure(_("Of those looked at, left"), card.precision, share=True, note=team, rows=""),
        Figure(_("Left unseen"), card.missed, share=True, note=unseen),
    ]


def finding(name: str, worth: Worth) -> str:
    """What the score is worth, in one sentence."""
    card = worth.card
    if card is None or card.auc.value is None:
        return _("%(name)s: what it is worth here is not known yet") % {"name": name}
    if card.auc.low is not None and card.auc.low > 0.5:
        return _("%(name)s: accounts with low scores leave more") % {"name": name}
    if card.auc.high is not None and card.auc.high < 0.5:
        return _("%(name)s: accounts with low scores leave less, it points the wrong way") % {"name": name}
    return _("%(name)s: not shown to rank who leaves") % {"name": name}


def beside_words(beside: Beside) -> str:
    """The score against something simpler, in a sentence."""
    more = beside.more_auc
    if more.value is None or more.low is None or more.high is None:
        return more.reason
    if more.low > 0:
        return _("the score ranks better")
    if more.high < 0:
        return _("the weights cost: this ranks better")
    return _("no difference is shown")


def beside(card: ReportCard) -> list[tuple[Beside, str]]:
    return [(each, beside_words(each)) for each in card.baselines]


def part_lines(version: HandScoreVersion) -> list[tuple[str, str, float, str]]:
    """Metric, its name, its share of the weights and its curve in words."""
    parts, names = version.record["parts"], metric_names()
    whole = sum(part["weight"] for part in parts)
    return [
        (
            each["metric"] if each["metric"] in names else "",
            names.get(each["metric"], each["metric"]),
            each["weight"] / whole,
            curve_words(each["curve"]),
        )
        for each in parts
    ]


def curve_words(curve: dict[str, Any]) -> str:
    if curve["kind"] == "bounded":
        ends = {"worst": words.number(curve["worst"]), "best": words.number(curve["best"])}
        return _("no points at %(worst)s, all 100 at %(best)s, straight between") % ends
    knots, points = ([words.number(each) for each in curve[name]] for name in ("knots", "points"))
    if curve["kind"] == "step":
        start = _("%(points)s points below %(knot)s") % {"points": points[0], "knot": knots[0]}
        steps = [
            _("%(points)s from %(knot)s on") % {"points": told, "knot": knot}
            for knot, told in zip(knots, points[1:], strict=True)
        ]
        return "; ".join([start, *steps])
    corners = [
        _("%(points)s points at %(knot)s") % {"points": told, "knot": knot}
        for knot, told in zip(knots, points, strict=True)
    ]
    return _("straight between %(corners)s") % {"corners": "; ".join(corners)}


def band_rows(card: ReportCard) -> list[tuple[int, str, Band]]:
    return [(number, band_words(band), band) for number, band in enumerate(card.bands)]


def band_chart(worth: Worth, name: str) -> Chart | None:
    """The share that left by the value of the score."""
    card = worth.card
    if card is None or not worth.known:
        return None
    shown = [(label, band) for _number, label, band in band_rows(card)]
    bars = [Bar(label, band.share.value, band.share.low, band.share.high) for label, band in shown]
    overall = sum(band.left for _label, band in shown) / max(1, card.n)
    return Chart(
        title=finding(name, worth),
        alt="; ".join(f"{label}: {words.percent(band.share.value or 0.0)}" for label, band in shown),
        source=source(worth) + " " + _("Wilson intervals; the dashed line is all of them."),
        svg=intervals(bars, axis=_("left within %(days)d days") % {"days": HORIZON}, reference=overall),
        columns=(_("Score"), _("Left"), _("95 % interval"), _("Rows"), _("Rows that left")),
        rows=tuple(
            (
                label,
                words.percent(band.share.value or 0.0),
                words.interval(band.share.low, band.share.high, share=True),
                f"{band.n:,}",
                f"{band.left:,}",
            )
            for label, band in shown
        ),
    )


def known_words(rows: list[Standing]) -> str:
    """Of how many accounts the score is known today."""
    known = sum(row.score is not None for row in rows)
    return _("known of %(known)s of %(all)s accounts that pay; the lowest first") % {
        "known": f"{known:,}",
        "all": f"{len(rows):,}",
    }
