"""What a trigger would have done in the past 12 months, from what was known at each day, and does since it is
on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal, cast

import pandas as pd
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from heed.customers.models import Account
from heed.evidence.cards import (
    Chance,
    JudgedAlerts,
    Replay,
    TriggerRule,
    by_chance,
    judge_alerts,
    replay_trigger,
)
from heed.evidence.cards.triggers import MONTHS
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.measures.definitions import metric_of
from heed.measures.landmarks import HORIZON, endings, measured_on, stays
from heed.measures.models import MetricDefinition, MetricValue
from heed.measures.packing import packed, unpacked
from heed.proving.fates import paying
from heed.proving.models import Side, Trigger, TriggerFiring, TriggerReplay, TriggerVersion
from heed.proving.triggering import current_version, latest_replay, reads

EVERY: Final = timedelta(days=7)
"""A trigger is looked at once a week, replayed as when it is on: what was proven is what runs."""
SEED: Final = 20261122
COLUMNS: Final = ("kind", "account", "on", "value", "fate", "other")


@dataclass(frozen=True, slots=True)
class Told:
    """A replay as it is kept: its card, what chance would have come to, its months and managers."""

    replay: Replay
    chance: Chance
    months: int
    managers: int

    def to_record(self) -> dict[str, Any]:
        return {
            "replay": self.replay.to_record(),
            "chance": self.chance.to_record(),
            "months": self.months,
            "managers": self.managers,
        }

    @classmethod
    def from_record(cls, told: Mapping[str, Any]) -> "Told":
        """ValueError where an earlier version of Heed kept it."""
        replay, chance = Replay.from_record(told["replay"]), Chance.from_record(told["chance"])
        return cls(replay, chance, told["months"], told["managers"])


def told_of(replay: TriggerReplay | None) -> Told | None:
    """None: there is none, it came to nothing for its reason, or an earlier version of Heed kept it."""
    try:
        return Told.from_record(replay.record) if replay and replay.record else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _Outcomes:
    """Who left when, whose payment failed when, and who paid from when until when, as known on a day."""

    left: pd.DataFrame
    failed: pd.DataFrame
    alive: pd.DataFrame

    def given(self, fired: pd.DataFrame) -> dict[str, Any]:
        """What alerts are judged by."""
        return {"fired": fired, "outcomes": self.left, "alive": self.alive, "ended": self.failed}


def grid_before(as_of: date) -> list[date]:
    """The days that a trigger is looked at on, oldest first: every week of 12 months and of the horizon
    before them."""
    weeks = (MONTHS * 31 + HORIZON) // EVERY.days
    return [as_of - EVERY * number for number in range(weeks, -1, -1)]


def replay_version(version: TriggerVersion, as_of: date, *, by: str) -> TriggerReplay:
    """Replay a version and keep what came of it, in place of an earlier replay of the same day."""
    row = MetricDefinition.objects.filter(key=version.metric, is_current=True).first()
    values = _values(row, as_of) if row is not None else _nothing()
    months = _months_known(values, as_of)
    if months:
        told, table = _replayed(version, values, months, as_of)
        return _keep(version, row, as_of, by, record=told.to_record(), table=packed(table))
    return _keep(version, row, as_of, by, reason=_reason(row, values))


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({"account": [], "on": [], "value": pd.Series(dtype=float)})


def _values(row: MetricDefinition, as_of: date) -> pd.DataFrame:
    """The metric of all accounts on each day of the grid: account (key), on, value (NaN: unknown)."""
    metric = metric_of(row)
    found = measured_on([metric], grid_before(as_of))
    value = found[metric.key].astype(float)
    return found[["account"]].assign(on=pd.to_datetime(found["landmark"]), value=value)


def _months_known(values: pd.DataFrame, as_of: date) -> int:
    """How many whole months back the metric was known of anybody, 12 at most."""
    first = values.loc[values["value"].notna(), "on"].min()
    if pd.isna(first):
        return 0
    end = pd.Timestamp(as_of)
    starts = ((months, end - pd.DateOffset(months=months)) for months in range(MONTHS, 0, -1))
    return next((months for months, start in starts if start >= first), 0)


def _reason(row: MetricDefinition | None, values: pd.DataFrame) -> str:
    if row is None:
        return _("Its metric is not measured any more. Change the trigger to another one.")
    if values["value"].notna().any():
        return _("Its metric has been known for less than a month: there is no past to replay yet.")
    return _("Its metric was known of no account on any day of the past year: there is nothing to replay.")


def _replayed(
    version: TriggerVersion, values: pd.DataFrame, months: int, as_of: date
) -> tuple[Told, pd.DataFrame]:
    fired = rule(version).fires(values)
    window = {"until": as_of, "horizon": HORIZON, "months": months}
    given = _outcomes(as_of).given(fired) | window
    managers = managers_of(as_of)
    replay = replay_trigger(**given, quiet=version.quiet, csms=managers or None, seed=SEED)
    chance = by_chance(values[["account", "on"]], **given)
    judged = judge_alerts(**given, quiet=version.quiet)
    return Told(replay, chance, months, managers), _table(version, judged, values)


def rule(version: TriggerVersion) -> TriggerRule:
    side = cast(Literal["below", "above"], version.side)
    return TriggerRule(f"version {version.version}", version.metric, side, version.threshold)


def _outcomes(as_of: date) -> _Outcomes:
    known = stays(as_of)
    ended = endings(as_of, known)
    # A payment that failed is no choice to leave: it is kept apart, as everywhere.
    left, failed = (ended.loc[ended["kind"] == kind, ["account", "on"]] for kind in ("churn", "involuntary"))
    return _Outcomes(left, failed, known.rename(columns={"from": "since", "to": "until"}))


def managers_of(as_of: date) -> int:
    """How many people look after the accounts that pay."""
    owners = Account.objects.filter(pk__in=paying(as_of), owner__is_active=True)
    return owners.values("owner").distinct().count()


def _table(version: TriggerVersion, judged: JudgedAlerts, values: pd.DataFrame) -> pd.DataFrame:
    """The rows behind a replay: each alert with its fate and the day its account left or its payment failed;
    each leaver with its first alert, and the value that came nearest to alerting; and who was past the
    threshold in the end."""
    at = values.set_index(["account", "on"])["value"]
    alerts = judged.alerts.assign(kind="alert", other=judged.alerts["left"])
    alerts["other"] = alerts["other"].where(alerts["fate"] != "censored", alerts["ended"])
    alerts["value"] = at.reindex(pd.MultiIndex.from_frame(alerts[["account", "on"]])).to_numpy()
    leavers = judged.leavers.assign(kind="leaver", other=judged.leavers["first"])
    leavers["fate"] = leavers["first"].notna().map({True: "caught", False: "missed"})
    leavers["value"] = _nearest(version, judged.leavers, values)
    last = values[(values["on"] == values["on"].max()) & is_past(version, values["value"])]
    last = last.assign(kind="past", fate="", other=pd.NaT)
    parts = [each[list(COLUMNS)].astype({"other": "datetime64[ns]"}) for each in (alerts, leavers, last)]
    table: pd.DataFrame = pd.concat([each for each in parts if len(each)] or parts[:1], ignore_index=True)
    numbers = dict(Account.objects.values_list("key", "pk"))
    found: pd.DataFrame = table.assign(account=table["account"].map(numbers).astype("Int64"))
    return found


def _nearest(version: TriggerVersion, leavers: pd.DataFrame, values: pd.DataFrame) -> "pd.Series[float]":
    pairs = leavers[["account", "on"]].reset_index().merge(values, on="account", suffixes=("", "_seen"))
    ahead = (pairs["on"] - pairs["on_seen"]).dt.days
    seen = pairs[(ahead > 0) & (ahead <= HORIZON)].groupby("index")["value"]
    return (seen.min() if version.side == "below" else seen.max()).reindex(leavers.index)


def is_past(version: TriggerVersion, value: "pd.Series[float]") -> "pd.Series[bool]":
    """Whether each value is past the threshold; unknown is not."""
    return value < version.threshold if version.side == "below" else value > version.threshold


@transaction.atomic
def _keep(
    version: TriggerVersion, row: MetricDefinition | None, as_of: date, by: str, **told: Any
) -> TriggerReplay:
    given = {"definition": row, "made_by": by, "made_at": clock.now(), "record": None, "reason": "",
             "table": b"", **told}  # fmt: skip
    kept, _made = TriggerReplay.objects.update_or_create(version=version, as_of=as_of, defaults=given)
    counts = {"version": version.version, "as_of": as_of.isoformat(), "reason": kept.reason}
    record(Change("replay trigger", "trigger", str(version.trigger_id), None, counts), by=by)
    return kept


def rows_of(replay: TriggerReplay) -> pd.DataFrame:
    return unpacked(replay.table)


def past_of(replay: TriggerReplay) -> list[int]:
    """The accounts (ids) whose metric was past the threshold on the last day of a replay."""
    rows = rows_of(replay)
    return sorted(int(each) for each in rows.loc[rows["kind"] == "past", "account"].dropna())


@dataclass(frozen=True, slots=True)
class Looked:
    """What looking at the triggers that are on came to."""

    triggers: int = 0
    firings: int = 0


def look_at_triggers(as_of: date, *, by: str) -> Looked:
    """Let the triggers that are on fire, once a week, by what was measured that day; a day again: nothing."""
    due = Trigger.objects.filter(is_on=True, looked_on__lte=as_of - EVERY)
    fired = [found for each in due if (found := _look(each.pk, as_of, by)) is not None]
    return Looked(len(fired), sum(fired))


@transaction.atomic
def _look(pk: int, as_of: date, by: str) -> int | None:
    """How often it fired; None where its metric was not measured that day as it was replayed."""
    trigger = Trigger.objects.select_for_update().get(pk=pk)
    version = current_version(trigger)
    replay = latest_replay(version)
    if replay is None or not reads(replay):
        return None
    stored = MetricValue.objects.filter(metric=replay.definition_id, as_of=as_of, value__isnull=False)
    if not stored.exists():
        return None
    beyond = Q(value__lt=version.threshold) if version.side == Side.BELOW else Q(value__gt=version.threshold)
    told = stored.filter(beyond).values_list("account", "value")
    past = {account: value for account, value in told if value is not None}
    fresh = sorted((past.keys() - set(trigger.past)) & paying(as_of).keys())
    made = _fire(version, {account: past[account] for account in fresh}, as_of)
    trigger.looked_on, trigger.past = as_of, sorted(past)
    trigger.save(update_fields=["looked_on", "past"])
    if made:
        after = {"on": as_of.isoformat(), "version": version.version, "firings": made}
        record(Change("fire trigger", "trigger", str(pk), None, after), by=by)
    return made


def _fire(version: TriggerVersion, values: Mapping[int, float], on: date) -> int:
    since = on - timedelta(days=version.quiet)
    lately = set(version.firings.filter(on__gte=since, on__lt=on).values_list("account", flat=True))
    made = TriggerFiring.objects.bulk_create(
        [
            TriggerFiring(version=version, account_id=account, on=on, value=value, repeated=account in lately)
            for account, value in values.items()
        ],
        batch_size=1_000,
    )
    return len(made)


@dataclass(frozen=True, slots=True)
class Live:
    """What became of the alerts of a version since it is on: its card, and the fate of each by account (id)
    and day."""

    replay: Replay
    fates: Mapping[tuple[int, date], str]


def live(version: TriggerVersion, as_of: date) -> Live | None:
    """None: it has not fired."""
    rows = list(version.firings.filter(on__lte=as_of).values_list("account", "account__key", "on"))
    if not rows:
        return None
    fired = pd.DataFrame([(key, on) for _pk, key, on in rows], columns=["account", "on"])
    months = max(1, (as_of - min(on for _pk, _key, on in rows)).days // 28 + 1)
    window = {"until": as_of, "horizon": HORIZON, "months": months, "quiet": version.quiet}
    given = _outcomes(as_of).given(fired) | window
    replay = replay_trigger(**given, csms=managers_of(as_of) or None, seed=SEED)
    alerts = judge_alerts(**given).alerts
    numbers = {key: pk for pk, key, _on in rows}
    days = (each.date() for each in alerts["on"])
    places = ((numbers[key], day) for key, day in zip(alerts["account"], days, strict=True))
    return Live(replay, dict(zip(places, alerts["fate"], strict=True)))
