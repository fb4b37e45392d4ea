"""Learning from past landmarks: the risk model, its report card, and the verdict on every metric."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from django.db import transaction
from django.db.models import Max
from threadpoolctl import threadpool_limits

from heed.evidence.cards import ReportCard, Verdict, report_card, verdicts
from heed.evidence.risk import HazardModel, Panel, landmark_panel
from heed.evidence.risk.panel import KINDS
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.measures.drift import why_learn_again
from heed.measures.landmarks import CLOCK, HORIZON, Landmarks, endings, landmarks, stays
from heed.measures.models import LandmarkPanel, MetricVerdict, RiskModel
from heed.measures.panels import keep_panel

Real = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]
Test = tuple[npt.NDArray[np.int64], Real, Real]

REACH: Final = 365
EVERY: Final = timedelta(days=7)
SEED: Final = 20261122
TESTS: Final = 4
SPACED: Final = 3
"""The model learns from every third landmark: those between repeat most of what it is told, a year long."""
CAPACITY: Final = 0.1
"""The share of accounts that a team is taken to look at on one date, unless it says otherwise."""
LEAST: Final = 5
"""With fewer that left there is nothing to learn, and the past is not measured."""
TOO_FEW: Final = f"{{}} left so far: at least {LEAST} are needed to learn who leaves"
NOTHING_KNOWN: Final = (
    "{} accounts have left so far, but of none was anything known at the past dates that are looked back to,"
    " every 30 days: there is more to learn from as time goes by"
)
WINDOW: Final = f"{HORIZON} days before"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What learning came to: 0 rows where it was not due."""

    rows: int = 0
    left: int = 0
    verdicts: int = 0


def learn(as_of: date, *, by: str, due_only: bool = True) -> Learnt:
    """Fit the risk model and judge every metric on all landmarks up to a date: once a week, or sooner where
    accounts have drifted from what was learnt.

    A version abstains, with its reason, where too few have left. The rows that it learnt from are kept.
    """
    last = RiskModel.objects.filter(as_of__lte=as_of).order_by("-as_of", "-version").first()
    # A version that learnt nothing is no reason to wait: enough may have left since.
    because = ""
    if due_only and last is not None and last.panel_id is not None and as_of - last.as_of < EVERY:
        because = why_learn_again(last, as_of)
        if not because:
            return Learnt()
    ended = int(stays(as_of)["to"].notna().sum())
    if ended < LEAST:
        so_far = {0: "no account has", 1: "1 account has"}.get(ended, f"{ended} accounts have")
        _abstain(as_of, TOO_FEW.format(so_far), last, by)
        return Learnt()
    found = landmarks(as_of)
    panel = panel_of(found)
    if not len(panel):
        _abstain(as_of, NOTHING_KNOWN.format(ended), last, by)
        return Learnt()
    # Its products are small: threads of a busy machine wait for each other longer than they compute.
    with threadpool_limits(1):
        judged = judge(found, panel)
    with transaction.atomic():
        kept = keep_panel(table_of(panel, became(found), judged.said), as_of, by=by)
        version = _keep_model(kept, found, judged, because, by)
        _keep_verdicts(kept, found, judged.verdicts)
        told = {
            "version": version.version, "rows": len(panel), "verdicts": len(judged.verdicts),
            "because": because,
        }  # fmt: skip
        record(Change("learn what predicts", "measures", as_of.isoformat(), None, told), by=by)
    return Learnt(len(panel), kept.left, len(judged.verdicts))


def panel_of(found: Landmarks) -> Panel:
    """The rows that models learn from: each account at each landmark, followed for a year at most."""
    return landmark_panel(
        found.features, found.events, observed_until=found.as_of, horizon=REACH, standing=found.stays
    )


def became(found: Landmarks) -> npt.NDArray[np.str_]:
    """What came first to each row of the panel within the horizon: one of `KINDS`, "none", or "" where it was
    not watched for so long. A later event is not in it: an account that paid less and then left paid less.
    """
    near = landmark_panel(
        found.features, found.events, observed_until=found.as_of, horizon=HORIZON, target=KINDS,
        standing=found.stays,
    )  # fmt: skip
    return np.where(near.censored, "", near.kind)


def table_of(panel: Panel, became: npt.NDArray[np.str_], said: Real) -> pd.DataFrame:
    """The panel as one table, as it is kept."""
    table = panel.X.assign(account=panel.accounts, landmark=panel.landmarks.astype("datetime64[s]"))
    return table.assign(event=panel.y["event"], time=panel.y["time"], became=became, said=said)


def hazard() -> HazardModel:
    """The model as Heed fits it: it chooses by itself how much to learn."""
    return HazardModel(renewal="days_to_renewal", term="term_days", tenure="tenure_days", random_state=SEED)


@dataclass(frozen=True, slots=True)
class Judged:
    """A model fitted on all rows, its card on rows it had not seen, the verdict on every metric, and what was
    said of each row beforehand."""

    model: HazardModel
    card: ReportCard | None
    verdicts: tuple[Verdict, ...]
    said: Real


def judge(found: Landmarks, panel: Panel) -> Judged:
    """Judge the metrics; fit the model on all rows of those that are no leak; test it on later rows by what
    was learnt from the earlier ones only."""
    judged = metric_verdicts(found, panel)
    sound = without(panel, {each.name for each in judged if each.verdict == "leak alarm"})
    some = spaced(sound.landmarks)
    model = hazard().fit(sound.X[some], sound.y[some], sound.accounts[some])
    tests = [] if model.reason_ else list(tested(found, sound))
    return Judged(model, model_card(sound, tests), judged, said_beforehand(tests, len(panel)))


def said_beforehand(tests: Sequence[Test], rows: int) -> Real:
    """What was said of each row by a model that had not seen what came after it: the chance to leave within
    the horizon, missing where nothing was said."""
    said = np.full(rows, np.nan)
    for test, chances, _alone in tests:
        said[test] = chances
    return said


def without(panel: Panel, leaks: set[str]) -> Panel:
    """The panel less metrics that tell what is known already. The clock is no leak."""
    return replace(panel, X=panel.X.drop(columns=[key for key in leaks if key not in (*CLOCK, "term_days")]))


def left_within(panel: Panel, days: int) -> Real:
    """1 left within so many days, 0 did not, missing where it was not watched for so long."""
    event, time = panel.y["event"], panel.y["time"]
    soon = event & (time <= days)
    return np.where(soon, 1.0, np.where(event | (time >= days), 0.0, np.nan))


def due(panel: Panel) -> npt.NDArray[np.bool_]:
    """Rows at which something is decided within the horizon: a renewal, or there is no date for one."""
    ahead = panel.X["days_to_renewal"].to_numpy(dtype=np.float64)
    decided: npt.NDArray[np.bool_] = np.isnan(ahead) | (ahead <= HORIZON)
    return decided


def tested(found: Landmarks, panel: Panel) -> Iterator[Test]:
    """Later rows of the panel with what a model says of them that knew only what was known when they began:
    their indices, its probabilities, and those of the clock alone."""
    days = np.unique(panel.landmarks)
    for block in np.array_split(days[len(days) // 3 :], TESTS):
        if not len(block):
            continue
        past = as_known_on(found, pd.Timestamp(block[0]).date())
        rows = np.flatnonzero((panel.landmarks >= block[0]) & (panel.landmarks <= block[-1]))
        model = hazard().fit(past.X[panel.X.columns], past.y, past.accounts)
        contract = [*CLOCK, "term_days"]
        alone = hazard().fit(past.X[contract], past.y, past.accounts)
        if not model.reason_ and not alone.reason_ and min(model.longest_, alone.longest_) >= HORIZON:
            later = panel.X.iloc[rows]
            yield rows, model.predict_proba(later, HORIZON), alone.predict_proba(later[contract], HORIZON)


def spaced(landmarks: Days) -> npt.NDArray[np.bool_]:
    """The rows of every third landmark, counted back from the latest."""
    return np.isin(landmarks, np.unique(landmarks)[::-1][::SPACED])


def as_known_on(found: Landmarks, day: date) -> Panel:
    """What could be learnt from on a day: the rows of every third landmark before it, and what was known then
    of what became of them. Who left and was told of later still stands."""
    earlier = found.features[found.features["landmark"] < day]
    rows = earlier[spaced(earlier["landmark"].to_numpy("datetime64[D]"))]
    known = stays(day)
    return panel_of(replace(found, as_of=day, features=rows, events=endings(day, known), stays=known))


def model_card(panel: Panel, tests: Sequence[Test]) -> ReportCard | None:
    """The report card of the model on rows it had not seen, beside what needs no model."""
    if not tests:
        return None
    rows = np.concatenate([part[0] for part in tests])
    said, alone = (np.concatenate([part[number] for part in tests]) for number in (1, 2))
    decided = due(panel)[rows]
    rows, said, alone = rows[decided], said[decided], alone[decided]
    features = panel.X.iloc[rows]
    baselines = {"renewal date only": -features["days_to_renewal"].to_numpy(dtype=np.float64)}
    if "usage_trend" in features:
        baselines["usage drop only"] = -features["usage_trend"].to_numpy(dtype=np.float64)
    return report_card(
        left_within(panel, HORIZON)[rows], said, accounts=panel.accounts[rows],
        landmarks=panel.landmarks[rows], lead_days=panel.y["time"][rows], capacity=CAPACITY,
        baselines=baselines, clock=alone, name="risk model", window=WINDOW, seed=SEED,
    )  # fmt: skip


def metric_verdicts(found: Landmarks, panel: Panel) -> tuple[Verdict, ...]:
    """The verdict on each metric in force, at the landmarks at which something was decided."""
    rows = due(panel)
    columns = [metric.key for metric in found.metrics.values()]
    return tuple(
        verdicts(
            panel.X.loc[rows, columns], left_within(panel, HORIZON)[rows],
            accounts=panel.accounts[rows], landmarks=panel.landmarks[rows], horizon=HORIZON,
            clock=panel.X.loc[rows, [*CLOCK, "term_days"]], seed=SEED,
        )
    )  # fmt: skip


def _abstain(as_of: date, reason: str, last: RiskModel | None, by: str) -> None:
    """Keep a version that says why nothing can be learnt; not again while the reason is the same."""
    if last is not None and last.reason == reason:
        return
    with transaction.atomic():
        version = RiskModel.objects.create(
            version=_next_version(), as_of=as_of, made_by=by, made_at=clock.now(), seed=SEED, reason=reason
        )
        told = {"version": version.version, "reason": reason}
        record(Change("learn what predicts", "measures", as_of.isoformat(), None, told), by=by)


def _next_version() -> int:
    return (RiskModel.objects.aggregate(last=Max("version"))["last"] or 0) + 1


def _keep_model(kept: LandmarkPanel, found: Landmarks, judged: Judged, because: str, by: str) -> RiskModel:
    model = judged.model
    return RiskModel.objects.create(
        version=_next_version(), panel=kept, as_of=found.as_of, made_by=by, made_at=clock.now(), seed=SEED,
        definitions=sorted(found.metrics),
        record=None if model.reason_ else model.to_record(),
        card=judged.card.to_record() if judged.card else None, reason=model.reason_[:300],
        because=because[:1_000],
    )  # fmt: skip


def _keep_verdicts(kept: LandmarkPanel, found: Landmarks, judged: tuple[Verdict, ...]) -> None:
    ids = {metric.key: pk for pk, metric in found.metrics.items()}
    MetricVerdict.objects.filter(panel=kept).delete()
    MetricVerdict.objects.bulk_create(
        MetricVerdict(metric_id=ids[each.name], panel=kept, verdict=each.verdict, record=each.to_record())
        for each in judged
    )
