"""What plays did whose assignments are in the stream: measured once a day, kept with the rows behind it.

A play that drew its arms by chance is compared by intention to treat. One that a person chose to give, or
that held nobody out, is compared with the accounts that could have had it, corrected for the metrics at the
time, and is called "not randomised" wherever it appears.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from django.db import transaction

from heed.customers.models import Account
from heed.evidence.effects import RatioCheck, holdout_effect, smallest_visible_effect
from heed.evidence.effects.observational import observational_effect
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import normal_quantile
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.ledger.home import open_stream
from heed.measures.definitions import current_metrics
from heed.measures.landmarks import features_on
from heed.measures.packing import packed, unpacked
from heed.proving.fates import Spells, spells, still_pays
from heed.proving.models import Experiment, PlayEffect

ASSIGNED: Final = "play.assigned"
PROGRESS: Final = "outcome.progress"
TREATED, HOLDOUT = "treated", "holdout"
HORIZONS: Final = (365, 180, 90)
"""Whether accounts stayed is read a year on; earlier where most were assigned too short a time ago."""
GRID: Final = 30
MOST_DATES: Final = 6
"""At how many dates at most the metrics are measured for a play that was not randomised."""
WEEK: Final = timedelta(days=7)
SEED: Final = 20261122
POWER: Final = 0.8


@dataclass(frozen=True, slots=True)
class OutcomeEffect:
    """What a play did to one outcome. `least` is the smallest effect it would have shown with 80 % power,
    None where that is not known. The rest only where it was not randomised: the raw difference, how alike
    the groups were (`in_common`, `left_out`), and how strong something unseen would have to be (`e_value`,
    `e_limit` for the end of the interval nearer to none). `days` after assignment it was read; 0: the last
    value known."""

    key: str
    estimate: Estimate
    known: dict[str, int]
    least: float | None = None
    naive: Estimate | None = None
    in_common: float | None = None
    left_out: float | None = None
    e_value: float | None = None
    e_limit: float | None = None
    days: int = 0


@dataclass(frozen=True, slots=True)
class MeasuredPlay:
    """A play on record. `randomised` False: nobody drew lots, or nobody was held out. `share` is the planned
    share of the treated; `share_told` whether the assignments say so (else a half each is taken)."""

    play: str
    randomised: bool
    arms: dict[str, int]
    first_on: date
    last_on: date
    share: float | None
    share_told: bool
    ratio: RatioCheck | None
    outcomes: tuple[OutcomeEffect, ...]

    def outcome(self, key: str) -> OutcomeEffect:
        return next(each for each in self.outcomes if each.key == key)

    def to_record(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return told

    @classmethod
    def from_record(cls, told: Mapping[str, Any]) -> "MeasuredPlay":
        outcomes = tuple(_outcome(each) for each in told["outcomes"])
        ratio = RatioCheck(**told["ratio"]) if told["ratio"] else None
        days = {name: date.fromisoformat(told[name]) for name in ("first_on", "last_on")}
        return cls(**{**told, "outcomes": outcomes, "ratio": ratio, **days})


def _outcome(told: Mapping[str, Any]) -> OutcomeEffect:
    naive = Estimate(**told["naive"]) if told["naive"] else None
    return OutcomeEffect(**{**told, "estimate": Estimate(**told["estimate"]), "naive": naive})


@dataclass(frozen=True, slots=True)
class PlaysMeasured:
    plays: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known on a day: assignments (account, play, arm, on, share), progress (account, at, value), the
    stretches of paying, and the accounts that stand."""

    as_of: date
    assignments: pd.DataFrame
    progress: pd.DataFrame
    paid: Spells
    accounts: frozenset[str]


def measure_plays(as_of: date, *, by: str) -> PlaysMeasured:
    """Measure every play on record as known at the end of a day, and keep what changed.

    A play whose experiment still runs here is left out: reading it on the side would undo its guarantee.
    """
    facts = facts_on(as_of)
    running = set(
        Experiment.objects.filter(started_on__isnull=False, decisions=None).values_list("name", flat=True)
    )
    plays = [play for play in sorted(set(facts.assignments["play"])) if play not in running]
    measured = [found for play in plays if (found := _measure_if_due(play, facts)) is not None]
    numbers = dict(Account.objects.values_list("key", "pk"))
    with transaction.atomic():
        written = sum(_keep(found, rows, as_of, numbers) for found, rows in measured)
        gone = PlayEffect.objects.exclude(play__in=[*plays, *running])
        written += gone.delete()[0]
        if written:
            told = {"plays": len(plays), "written": written}
            record(Change("measure plays", "proving", as_of.isoformat(), None, told), by=by)
    return PlaysMeasured(len(plays), written)


def facts_on(as_of: date) -> _Facts:
    told = open_stream().activities_named([ASSIGNED, PROGRESS], known_on=as_of)
    names = np.array(told.column("name").to_pylist(), dtype=object)
    on = pd.to_datetime(told.column("at").to_pandas(), utc=True).dt.date
    frame = pd.DataFrame(
        {
            "account": told.column("account").to_pylist(),
            "on": on.to_numpy(),
            "value": told.column("value").to_pandas().to_numpy(dtype=float),
            "properties": told.column("properties").to_pylist(),
        }
    )
    given = frame[names == ASSIGNED]
    said = [_said(each) for each in given["properties"]]
    assignments = given[["account", "on"]].assign(
        play=[str(each.get("play") or "") for each in said],
        arm=[str(each.get("arm") or "") for each in said],
        share=[_share(each.get("share")) for each in said],
    )
    stand = frozenset(Account.objects.filter(withdrawn_at=None).values_list("key", flat=True))
    known = assignments["account"].isin(stand) & (assignments["play"] != "")
    progress = frame.loc[(names == PROGRESS) & frame["value"].notna(), ["account", "on", "value"]]
    return _Facts(as_of, assignments[known].reset_index(drop=True), progress, spells(as_of), stand)


def measure_play(play: str, facts: _Facts) -> tuple[MeasuredPlay, pd.DataFrame]:
    """What a play did, and the rows it was computed from: account, arm, on, before, progress, stayed."""
    own = facts.assignments[facts.assignments["play"] == play].sort_values("on", kind="stable")
    drawn = own[own["arm"].isin((TREATED, HOLDOUT))].drop_duplicates("account")
    if set(drawn["arm"]) == {TREATED, HOLDOUT}:
        return _randomised(play, drawn, facts)
    return _chosen(play, own.drop_duplicates("account"), facts)


def _said(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _share(told: Any) -> float:
    try:
        share = float(told)
    except (TypeError, ValueError):
        return np.nan
    return share if 0 < share < 1 else np.nan


def _measure_if_due(play: str, facts: _Facts) -> tuple[MeasuredPlay, pd.DataFrame] | None:
    """None where a play that is costly to measure was measured within a week, and nobody joined it."""
    last = PlayEffect.objects.filter(play=play, as_of__lte=facts.as_of).order_by("-as_of").first()
    if last is not None and facts.as_of - last.as_of < WEEK and last.as_of != facts.as_of:
        own = facts.assignments[facts.assignments["play"] == play]
        counts = {arm: int(n) for arm, n in own.drop_duplicates("account")["arm"].value_counts().items()}
        given = sum(n for arm, n in last.record["arms"].items() if arm != NOT_GIVEN)
        if not last.record["randomised"] and given == sum(counts.values()):
            return None
    return measure_play(play, facts)


NOT_GIVEN: Final = "not given"


def _with_fates(rows: pd.DataFrame, facts: _Facts) -> pd.DataFrame:
    """Rows of account and on with the last progress before and after, and whether it stayed for a year."""
    before, after = _around(rows, facts.progress)
    later = timedelta(days=horizon(rows["on"], facts.as_of))
    stayed = [
        still_pays(facts.paid, key, on, on + later) if on + later <= facts.as_of else None
        for key, on in zip(rows["account"], rows["on"], strict=True)
    ]
    return rows.assign(before=before, progress=after, stayed=np.array(stayed, dtype=float))


def horizon(assigned: pd.Series, as_of: date) -> int:
    """How many days after assignment it is read who stayed: the longest that most have had."""
    most = [days for days in HORIZONS if (assigned <= as_of - timedelta(days=days)).mean() > 0.5]
    return most[0] if most else HORIZONS[-1]


def _around(rows: pd.DataFrame, progress: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The last value on or before the day of each row, and the last one after it; missing where none."""
    joined = progress.merge(rows[["account", "on"]], on="account", suffixes=("", "_given"))
    earlier = joined["on"] <= joined["on_given"]
    parts = []
    for part in (joined[earlier], joined[~earlier]):
        last = part.sort_values("on", kind="stable").drop_duplicates("account", keep="last")
        parts.append(last.set_index("account")["value"].reindex(rows["account"]).to_numpy(dtype=float))
    return parts[0], parts[1]


def _randomised(play: str, drawn: pd.DataFrame, facts: _Facts) -> tuple[MeasuredPlay, pd.DataFrame]:
    rows = _with_fates(drawn[["account", "arm", "on"]].sort_values("account", ignore_index=True), facts)
    told = drawn["share"].dropna()
    share = float(told.median()) if len(told) else 0.5
    shares = {TREATED: share, HOLDOUT: 1 - share}
    given = rows.assign(play=play)
    before = rows.set_index("account")[["before"]]
    progress = holdout_effect(
        given, _outcomes(rows, "progress"), play=play, shares=shares,
        covariates=before if before["before"].notna().any() else None,
    )  # fmt: skip
    days = horizon(rows["on"], facts.as_of)
    old_enough = given[rows["stayed"].notna()]
    stayed = holdout_effect(old_enough, _outcomes(rows, "stayed"), play=play, shares=shares)
    staying = stayed.estimate
    if not len(old_enough):
        staying = Estimate.unknown(
            f"nobody who paid was assigned {days} days ago or earlier", method="holdout"
        )
    if progress.ratio.broken and staying.value is not None:
        staying = Estimate.unknown(progress.ratio.reason, n=staying.n, method=staying.method)
    held = rows.loc[(rows["arm"] == HOLDOUT), "stayed"].mean()
    outcomes = (
        OutcomeEffect("progress", progress.estimate, progress.known, least_visible(progress.estimate)),
        OutcomeEffect("stayed", staying, stayed.known, _least_share(staying, held, stayed.known), days=days),
    )
    arms = {arm: int((rows["arm"] == arm).sum()) for arm in (TREATED, HOLDOUT)}
    found = MeasuredPlay(
        play, True, arms, rows["on"].min(), rows["on"].max(), share, bool(len(told)), progress.ratio, outcomes
    )
    return found, rows


def _outcomes(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    return rows[["account", column]].rename(columns={column: "value"}).dropna()


def least_visible(estimate: Estimate) -> float | None:
    """The smallest effect that an interval as wide as this one would have left out 0 for, 4 times of 5."""
    if estimate.low is None or estimate.high is None:
        return None
    quantile = normal_quantile(estimate.level)
    error = (estimate.high - estimate.low) / 2 / quantile
    return error * (quantile + normal_quantile(2 * POWER - 1))


def _least_share(estimate: Estimate, held: float, known: Mapping[str, int]) -> float | None:
    """The same for a share: the smaller of the effects up and down that the arms would have shown."""
    if estimate.value is None or not 0 < held < 1:
        return None
    sizes = known[TREATED], known[HOLDOUT]
    both = [smallest_visible_effect(held, *sizes, upwards=upwards).value for upwards in (True, False)]
    sized = [abs(value) for value in both if value is not None]
    return min(sized) if sized else None


def _chosen(play: str, own: pd.DataFrame, facts: _Facts) -> tuple[MeasuredPlay, pd.DataFrame]:
    """Compare those given it with accounts that paid at the time and were not, by the metrics at the time."""
    arms_given = {str(arm): int(n) for arm, n in own["arm"].value_counts().items()}
    given, others, features = _compared(own, facts)
    rows = _with_fates(pd.concat([given, others], ignore_index=True), facts)
    table = features.loc[rows["row"]].reset_index(drop=True)
    table["progress_before"] = rows["before"].to_numpy()
    rows, days = rows.drop(columns="row"), horizon(rows["on"], facts.as_of)
    outcomes = tuple(_observed(key, rows, table, days) for key, days in (("progress", 0), ("stayed", days)))
    arms = arms_given | {NOT_GIVEN: len(others)}
    found = MeasuredPlay(play, False, arms, own["on"].min(), own["on"].max(), None, False, None, outcomes)
    return found, pd.concat([rows, _not_compared(own, given)], ignore_index=True)


def _not_compared(own: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """Those given it that did not pay at the time: counted among the given, with no outcome to compare."""
    rest = own.loc[~own["account"].isin(given["account"]), ["account", "arm", "on"]]
    return rest.assign(before=np.nan, progress=np.nan, stayed=np.nan)


def _compared(own: pd.DataFrame, facts: _Facts) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows of those given it and of others (account, arm, on, row), and the features of each row.

    Each account given it is seen as it was on the date of a grid before; every other account that paid on one
    of these dates takes part once, on a date and a day drawn as often as they were those of the given.
    """
    first, last = own["on"].min(), own["on"].max()
    steps = max(GRID, -(-((last - first).days + 1) // MOST_DATES))
    dates = [first - timedelta(days=1) + timedelta(days=steps * number)
             for number in range(1 + (last - first).days // steps)]  # fmt: skip
    features = features_on(dates, list(current_metrics().values()))
    features.index = pd.Index(
        [f"{key} {day}" for key, day in zip(features["account"], features["landmark"], strict=True)]
    )
    number = [(on - first).days // steps for on in own["on"]]
    given = own[["account", "arm", "on"]].assign(
        row=[f"{key} {dates[place]}" for key, place in zip(own["account"], number, strict=True)]
    )
    given = given[given["row"].isin(features.index)]
    days = sorted(own["on"])
    there = features.groupby("account")["landmark"].agg(set)
    others = []
    for key in sorted(set(there.index) - set(own["account"])):
        on = days[int(_point(key) * len(days))]
        date_before = dates[(on - first).days // steps]
        if date_before in there[key] and key in facts.accounts:
            others.append((key, NOT_GIVEN, on, f"{key} {date_before}"))
    table = features.drop(columns=["account", "landmark"])
    return given, pd.DataFrame(others, columns=["account", "arm", "on", "row"]), table


def _point(key: str) -> float:
    """A number of [0, 1) that follows from the key: which day stands for an account not given the play."""
    return int.from_bytes(hashlib.sha256(f"{SEED}:{key}".encode()).digest()[:7]) / 2**56


def _observed(key: str, rows: pd.DataFrame, table: pd.DataFrame, days: int) -> OutcomeEffect:
    kept = rows[key].notna().to_numpy()
    outcome = rows.loc[kept, key].to_numpy()
    treated = (rows.loc[kept, "arm"] != NOT_GIVEN).to_numpy(dtype=float)
    known = {"given": int(treated.sum()), NOT_GIVEN: int((1 - treated).sum())}
    if min(known.values()) == 0:
        lacking = (
            "everyone who paid at the time was given it" if known["given"] else "no outcome is known yet"
        )
        nothing = Estimate.unknown(f"{lacking}, so there is nobody to compare", n=int(kept.sum()))
        return OutcomeEffect(key, nothing, known, days=days)
    features = table[kept].reset_index(drop=True).astype(float)
    features = features.loc[:, features.nunique(dropna=True) > 1]
    found = observational_effect(outcome, treated, features, seed=SEED)
    overlap, strength = found.overlap, found.e_value
    return OutcomeEffect(
        key, found.estimate, known, least_visible(found.estimate), found.naive,
        None if overlap is None else overlap.in_common, None if overlap is None else overlap.trimmed,
        None if strength is None else strength.point, None if strength is None else strength.limit, days,
    )  # fmt: skip


def _keep(found: MeasuredPlay, rows: pd.DataFrame, as_of: date, numbers: Mapping[str, int]) -> int:
    """Store a play's effect where it, or a row behind it, changed; how many were written."""
    told = found.to_record()
    table = packed(rows.assign(account=rows["account"].map(numbers)))
    last = PlayEffect.objects.filter(play=found.play, as_of__lte=as_of).order_by("-as_of").first()
    if last is not None and last.record == told and bytes(last.table) == table and last.as_of == as_of:
        return 0
    PlayEffect.objects.filter(play=found.play, as_of__lt=as_of).update(table=b"")
    PlayEffect.objects.update_or_create(
        play=found.play,
        as_of=as_of,
        defaults={"made_at": clock.now(), "record": told, "table": table},
    )
    return 1


def rows_of(effect: PlayEffect) -> pd.DataFrame:
    """The rows behind an effect; `account` is the number of the account."""
    if not effect.table:
        return pd.DataFrame(columns=["account", "arm", "on", "before", "progress", "stayed"])
    return unpacked(effect.table)


def latest(plays: Sequence[str] | None = None) -> list[PlayEffect]:
    """The latest stored effect of each play, by name; without the rows behind it."""
    found: dict[str, PlayEffect] = {}
    stored = PlayEffect.objects.defer("table").order_by("as_of")
    for each in stored if plays is None else stored.filter(play__in=plays):
        found[each.play] = each
    return [found[play] for play in sorted(found)]
