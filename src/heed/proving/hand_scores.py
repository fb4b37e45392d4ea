"""Scores by hand: made, changed by version and overridden; what each is worth here and says of an account."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from math import nan
from typing import Any

import numpy as np
import pandas as pd
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils.text import slugify
from django.utils.translation import gettext as _

from heed.customers.models import Account
from heed.evidence.cards import ReportCard, report_card
from heed.evidence.scoring import (
    SCORE_TEMPLATES,
    Explanation,
    HealthScore,
    Override,
    ScoreError,
    ScoreMove,
    explain_score,
    score_accounts,
    why_moved,
)
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.measures.definitions import current_metrics, new_version
from heed.measures.landmarks import CLOCK
from heed.measures.learning import CAPACITY, SEED, WINDOW
from heed.measures.models import LandmarkPanel, MetricValue, MetricVerdict
from heed.measures.panels import rows_of
from heed.measures.reads import metric_names
from heed.people.models import User
from heed.proving.cards import in_band, judged_rows, openings
from heed.proving.fates import paying
from heed.proving.models import HandScore, HandScoreVersion, ScoreCard, ScoreOverride
from heed.proving.predicting import turned, verdict_of

MOST = 1e12
"""Of any weight or bound: more is a slip of the pen, and sums of them would not be numbers."""
LONGEST = 730
"""Days that an override may hold."""


class ChangedMeanwhile(ScoreError):  # noqa: N818
    """`version` was put in force since the one that a change was written over."""

    def __init__(self, version: int) -> None:
        told = _(
            "version %(version)d was put in force since you opened this page; it stands under versions."
            " Take over what you want of it, then put yours in force."
        )
        super().__init__("weights", told % {"version": version})
        self.version = version


@transaction.atomic
def make_score(name: str, told: Mapping[str, Any], *, by: str) -> HandScore:
    """Keep a new score under its first version. ScoreError where it cannot be used: nothing is kept.

    The same again, as a button pressed twice sends it, is the score that there is.
    """
    name, taken = name.strip(), _("there is a score of this name; give this one its own.")
    if HandScore.objects.filter(name__iexact=name).exclude(name=name).exists():
        raise ScoreError("name", taken)
    checked = _checked(name, told, 1)
    made, new = HandScore.objects.get_or_create(name=name, defaults={"key": _free_key(name)})
    if not new:
        if current_version(made).record != checked:
            raise ScoreError("name", taken)
        return made
    _keep(made, checked, 1, by)
    record(Change("make hand score", "hand score", made.key, None, checked), by=by)
    return made


@transaction.atomic
def make_from_template(name: str, number: int, *, by: str) -> HandScore:
    """Keep a score as others publish it. What it reads and is not measured yet is defined with it."""
    chosen = SCORE_TEMPLATES[number]
    known = {metric.key for metric in current_metrics().values()}
    for definition in chosen.metrics:
        if definition["key"] not in known:
            new_version(definition, by=by)
    return make_score(name, chosen.score.to_record(), by=by)


@transaction.atomic
def change_score(
    score: HandScore, told: Mapping[str, Any], *, by: str, based_on: int | None = None
) -> HandScoreVersion:
    """Put another version in force; those before it stay as they were. The same again changes nothing.

    `based_on` is the version that whoever changes it had in sight: where another is in force by now, theirs
    would undo it unseen, and is refused.
    """
    HandScore.objects.select_for_update().get(pk=score.pk)
    before = current_version(score)
    checked = _checked(score.name, told, before.version + 1)
    if checked | {"version": before.record["version"]} == before.record:
        return before
    if based_on not in (None, before.version):
        raise ChangedMeanwhile(before.version)
    HandScoreVersion.objects.filter(pk=before.pk).update(is_current=False)
    made = _keep(score, checked, before.version + 1, by)
    record(Change("change hand score", "hand score", score.key, before.record, checked), by=by)
    return made


@transaction.atomic
def override_score(
    score: HandScore, account: Account, value: float, reason: str, expires_on: date, *, user: User, by: str
) -> ScoreOverride:
    """Say what the score of an account is until a day, and why. The same again is the override there is."""
    today = clock.today()
    Override(account.key, value, reason, today, expires_on, by)
    if (expires_on - today).days > LONGEST:
        raise ScoreError(
            "override.expires_on", _("two years at most: think of it again by then, and set it anew.")
        )
    HandScore.objects.select_for_update().get(pk=score.pk)
    said = {"value": value, "reason": reason.strip(), "since": today, "expires_on": expires_on, "by": user}
    last = score.overrides.filter(account=account).order_by("-pk").first()
    if last is not None and all(getattr(last, name) == held for name, held in said.items()):
        return last
    made = ScoreOverride.objects.create(score=score, account=account, at=clock.now(), **said)
    told = {"account": account.pk, "value": value, "reason": made.reason, "until": expires_on.isoformat()}
    record(Change("override hand score", "hand score", score.key, None, told), by=by)
    return made


def _checked(name: str, told: Mapping[str, Any], version: int) -> dict[str, Any]:
    """The record as it is kept: usable, of metrics in force, of numbers that can be computed with."""
    if not isinstance(told, Mapping):
        raise ScoreError("score", _("this is no record of a score; give one with its parts."))
    if told.get("segments"):
        raise ScoreError(
            "score.segments", _("accounts carry no segment of a score here; make a score for each segment.")
        )
    known = {metric.key for metric in current_metrics().values()}
    found = HealthScore.from_record({**told, "name": name, "version": str(version)}, known=known).to_record()
    _check_numbers(found)
    text = json.dumps(found, ensure_ascii=False)
    if "\\u0000" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ScoreError("score.note", _("holds signs that are no text; take them out."))
    return found


def _check_numbers(found: Mapping[str, Any]) -> None:
    for part in found["parts"]:
        curve = part["curve"]
        held = [part["weight"], *curve.get("knots", []), *(curve.get(end, 0) for end in ("worst", "best"))]
        if any(abs(each) > MOST for each in held):
            raise ScoreError(f"score.{part['metric']}", _("its weight or curve is beyond all measure."))


def _free_key(name: str) -> str:
    stem, number = slugify(name)[:50] or "score", 1
    key = stem
    while HandScore.objects.filter(key=key).exists():
        number += 1
        key = f"{stem}-{number}"
    return key


def _keep(score: HandScore, checked: Mapping[str, Any], version: int, by: str) -> HandScoreVersion:
    return HandScoreVersion.objects.create(
        score=score, version=version, record=dict(checked), made_by=by, made_at=clock.now(), is_current=True
    )


def hand_score_for(pk: int) -> HandScore:
    found = HandScore.objects.filter(pk=pk).first()
    if found is None:
        raise Http404(_("There is no such score."))
    return found


def current_version(score: HandScore) -> HandScoreVersion:
    return score.versions.get(is_current=True)


def health_of(version: HandScoreVersion) -> HealthScore:
    return HealthScore.from_record(version.record)


@dataclass(frozen=True, slots=True)
class Worth:
    """The report card of a version on the latest landmarks (None: there are none, for the `reason`).

    `lacking` are metrics that were not measured at the landmarks; `best` is the name of the single metric
    that it is compared with ("" where none predicts).
    """

    card: ReportCard | None
    panel: LandmarkPanel | None
    lacking: tuple[str, ...] = ()
    best: str = ""

    @property
    def known(self) -> bool:
        return self.card is not None and self.card.auc.value is not None

    @property
    def reason(self) -> str:
        if self.card is None:
            return _("The daily round keeps past landmarks once a week, once enough have left.")
        if self.lacking:
            return _("%(names)s not measured at the past landmarks yet: known after the next learning.") % {
                "names": in_words(", ".join(self.lacking), metric_names())
            }
        return self.card.reason


def latest_panel() -> LandmarkPanel | None:
    return LandmarkPanel.objects.defer("table").order_by("-as_of", "-pk").first()


@dataclass(frozen=True, slots=True)
class Ground:
    """What scores are judged on: the latest landmarks (None: there are none), and the metric that ranks best
    alone on them, with its key, name and direction ("" where none predicts)."""

    panel: LandmarkPanel | None
    key: str = ""
    name: str = ""
    sign: float = 1.0


def ground() -> Ground:
    panel = latest_panel()
    return Ground(None) if panel is None else Ground(panel, *_best_metric(panel))


def worth_of(version: HandScoreVersion, on: Ground | None = None) -> Worth:
    """What a version would have been worth at the landmarks at which something was decided."""
    on = on or ground()
    if on.panel is None:
        return Worth(None, None)
    if kept := _kept_card(version, on.panel, on.key):
        return Worth(kept[0], on.panel, kept[1], on.name)
    told = json.dumps(version.record, sort_keys=True)
    card, lacking = _card(told, on.panel.digest, on.key, on.name, on.sign)
    return Worth(card, on.panel, lacking, on.name)


def _kept_card(
    version: HandScoreVersion, panel: LandmarkPanel, best: str
) -> tuple[ReportCard, tuple[str, ...]] | None:
    """The card that the daily round made; None where it has not, or an earlier version of Heed did."""
    kept = ScoreCard.objects.filter(version=version, panel=panel, best=best).first()
    try:
        return (ReportCard.from_record(kept.record), tuple(kept.lacking)) if kept else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class JudgedScores:
    """What judging came to: scores by hand there are, and report cards made."""

    scores: int
    cards: int


def judge_scores(as_of: date, *, by: str) -> JudgedScores:
    """Make the report card of every score in force on the latest landmarks, so that its page need not."""
    on = ground()
    versions = HandScoreVersion.objects.filter(is_current=True).order_by("pk")
    if on.panel is None:
        return JudgedScores(len(versions), 0)
    missing = [version for version in versions if _kept_card(version, on.panel, on.key) is None]
    found = [(version, worth_of(version, on)) for version in missing]
    with transaction.atomic():
        ScoreCard.objects.exclude(panel=on.panel, version__is_current=True).delete()
        for version, worth in found:
            if worth.card is not None:
                told = {"best": on.key, "record": worth.card.to_record(), "lacking": list(worth.lacking)}
                ScoreCard.objects.update_or_create(version=version, panel=on.panel, defaults=told)
        if found:
            record(
                Change("judge hand scores", "proving", as_of.isoformat(), None, {"cards": len(found)}), by=by
            )
    return JudgedScores(len(versions), len(found))


def _best_metric(panel: LandmarkPanel) -> tuple[str, str, float]:
    """Key, name and direction of the metric that ranks best alone on these rows; "" where none is."""
    found = []
    verdicts = MetricVerdict.objects.filter(panel=panel, verdict="predicts").select_related("metric")
    for each in verdicts.exclude(metric__key__in=CLOCK):
        verdict = verdict_of(each)
        # What tells of some only whether there is a value ranks nobody by it.
        if verdict is None or verdict.auc.value is None:
            continue
        sign = 1.0 if verdict.auc.value >= 0.5 else -1.0
        found.append((turned(verdict).value or 0.0, each.metric.key, each.metric.name, sign))
    if not found:
        return "", "", 1.0
    _auc, key, name, sign = max(found)
    return key, name, sign


@lru_cache(maxsize=64)
def _card(told: str, digest: str, best: str, name: str, sign: float) -> tuple[ReportCard, tuple[str, ...]]:
    """Follows from its arguments alone: a version is never edited, a panel is kept to the byte."""
    score = HealthScore.from_record(json.loads(told))
    table = judged_rows(rows_of(LandmarkPanel.objects.get(digest=digest)))
    table, lacking = scored(score, table[table["account"].notna()])
    baselines = {_("renewal date only"): -table["days_to_renewal"].to_numpy(dtype=float)}
    if "said" in table:
        baselines[_("the risk model")] = table["said"].to_numpy(dtype=float)
    if best in table:
        baselines[name] = sign * table[best].to_numpy(dtype=float, na_value=nan)
    card = report_card(
        table["soon"].to_numpy(dtype=float), table["score"].to_numpy(dtype=float),
        accounts=table["account"].to_numpy(), landmarks=table["landmark"].to_numpy(),
        lead_days=table["time"].to_numpy(dtype=float), capacity=CAPACITY, probability=False,
        high_is_risk=False, baselines=baselines, name=score.name, version=score.version, window=WINDOW,
        seed=SEED,
    )  # fmt: skip
    return replace(card, missed_accounts=()), lacking


def scored(score: HealthScore, table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows with `score` (NaN: unknown) and `why`; and the metrics that they have no column of."""
    lacking = tuple(metric for metric in score.metrics if metric not in table)
    values = table.assign(**dict.fromkeys(lacking, np.nan))[list(score.metrics)].reset_index(drop=True)
    found = score_accounts(score, values, as_of=clock.today())
    return table.assign(score=found["score"].to_numpy(), why=found["reason"].to_numpy()), lacking


@dataclass(frozen=True, slots=True)
class Row:
    """An account at a landmark: the score then (None: unknown, for the reason), and what became of it. `key`
    "" as in the rows of a metric."""

    key: str
    name: str
    landmark: date
    score: float | None
    reason: str
    left: bool
    days: int


def rows_behind(version: HandScoreVersion, band: int | None, *, known_only: bool = False) -> list[Row]:
    """The rows of a band of the report card, those whose score was known, or all that it was made from; who
    left first."""
    worth = worth_of(version)
    if worth.card is None or worth.panel is None:
        return []
    table = judged_rows(rows_of(worth.panel))
    table, _lacking = scored(health_of(version), table[table["account"].notna()])
    if band is not None:
        if band >= len(worth.card.bands):
            raise Http404(_("There is no band %(band)d.") % {"band": band})
        table = table[in_band(table["score"], worth.card.bands[band])]
    if known_only:
        table = table[table["score"].notna()]
    table = table.sort_values(["soon", "landmark", "account"], ascending=[False, False, True])
    opened = openings()
    columns = (table[name] for name in ("account", "score", "why", "soon", "time"))
    return [
        Row(*opened(key), day, None if pd.isna(told) else told, why, soon, int(days))
        for day, key, told, why, soon, days in zip(table["landmark"].dt.date, *columns, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a score says of an account today; `score` None: unknown, for the reason."""

    key: str
    name: str
    score: float | None
    reason: str
    overridden: bool


def standings(version: HandScoreVersion) -> list[Standing]:
    """Every account that pays, the lowest score first, the unknown last."""
    score = health_of(version)
    keys = paying(clock.today())
    names = dict(Account.objects.filter(withdrawn_at=None, erased_at=None).values_list("key", "name"))
    values = MetricValue.objects.filter(metric__is_current=True, metric__key__in=score.metrics)
    held: dict[str, dict[str, float | None]] = {key: {} for key in keys.values()}
    for account, metric, value in values.values_list("account_id", "metric__key", "value"):
        if account in keys:
            held[keys[account]][metric] = value
    if not held:
        return []
    table = pd.DataFrame(list(held.values()), index=list(held), columns=list(score.metrics))
    found = score_accounts(
        score, table.astype(float), as_of=clock.today(), overrides=overrides_of(version.score)
    )
    called = metric_names()
    reasons = {each: in_words(each, called) for each in set(found.loc[~found["overridden"], "reason"])}
    columns = (found[name] for name in ("score", "reason", "overridden"))
    rows = [
        Standing(
            key, names.get(key, key), None if pd.isna(told) else told, why if own else reasons[why], bool(own)
        )
        for key, told, why, own in zip(found.index, *columns, strict=True)
    ]
    return sorted(rows, key=lambda row: (row.score is None, row.score or 0.0, row.key))


def overrides_of(score: HandScore, account: Account | None = None) -> list[Override]:
    """Those of a score, in the order in which they were set."""
    rows: QuerySet[ScoreOverride] = score.overrides.select_related("account", "by").order_by("pk")
    if account is not None:
        rows = rows.filter(account=account)
    return [
        Override(row.account.key, row.value, row.reason, row.since, row.expires_on, row.by.actor)
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Explained:
    """A score of an account with its parts, as measured on `as_of`; and why it moved since the time before
    (None: it was not measured before)."""

    explanation: Explanation
    names: Mapping[str, str]
    as_of: date
    since: date | None
    move: ScoreMove | None

    @property
    def reason(self) -> str:
        return in_words(self.explanation.reason, self.names)

    @property
    def why_unmoved(self) -> str:
        """Why nobody can say how it moved."""
        return in_words(self.move.reason, self.names) if self.move else ""

    @property
    def parts(self) -> list[tuple[str, str, Any]]:
        """Metric ("" for caps and overrides), words and figures of each part."""
        return [
            (each.name if each.kind == "metric" else "", self.names.get(each.name, each.words), each)
            for each in self.explanation.contributions
        ]

    @property
    def moved(self) -> list[tuple[str, Any]]:
        found = self.move.parts if self.move else ()
        return [(self.names.get(each.name, each.name), each) for each in found]


def explained(version: HandScoreVersion, account: Account) -> Explained:
    """The score of an account from its current values, and from those of the time before."""
    score, today = health_of(version), clock.today()
    values = {
        value.metric.key: value
        for value in account.metric_values.select_related("metric").filter(
            metric__is_current=True, metric__key__in=score.metrics
        )
    }
    overrides = overrides_of(version.score, account)
    now = {key: values[key].value if key in values else None for key in score.metrics}
    told = explain_score(score, now, as_of=today, account=account.key, overrides=overrides)
    since = max((each.earlier_as_of for each in values.values() if each.earlier_as_of), default=None)
    move = None
    if since is not None:
        then = {key: values[key].earlier_value if key in values else None for key in score.metrics}
        before = explain_score(score, then, as_of=since, account=account.key, overrides=overrides)
        move = why_moved(before, told)
    measured = max((each.as_of for each in values.values()), default=today)
    return Explained(told, metric_names(), measured, since, move)


def in_words(reason: str, names: Mapping[str, str]) -> str:
    """A reason with the names of metrics in place of their keys."""
    return re.sub(r"\w+", lambda found: names.get(found[0], found[0]), reason)
