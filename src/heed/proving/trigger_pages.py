"""What the pages of triggers say: their worth against chance, their card, and the accounts behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import pandas as pd
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from heed.customers.models import Account
from heed.evidence.cards import Verdict
from heed.evidence.cards.triggers import DECIDED
from heed.evidence.estimate import Estimate
from heed.ledger import clock, words
from heed.measures.landmarks import HORIZON
from heed.measures.models import MetricVerdict
from heed.measures.reads import metric_names
from heed.proving.charts import Bar, Chart, intervals
from heed.proving.figures import Figure
from heed.proving.models import Side, Trigger, TriggerReplay, TriggerVersion
from heed.proving.trigger_replays import Live, Told, is_past, live, rows_of, told_of
from heed.proving.triggering import current_version, is_waiting, latest_replay, latest_replays, why_not

ALERTS: Final = ("alerts", "decided", "right", "wrong", "open", "censored")
FATES: Final = (*ALERTS, "left", "caught", "missed")
"""The counts of a replay, each of which opens its accounts."""
VERSIONS: Final = 20
"""That a page shows."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A trigger with its version in force and what the latest replay of that came to (None: none did)."""

    trigger: Trigger
    version: TriggerVersion
    replay: TriggerReplay | None
    metric: str

    @property
    def told(self) -> Told | None:
        return told_of(self.replay)

    @property
    def rule_words(self) -> str:
        return rule_words(self.version, self.metric)

    @property
    def worth(self) -> str:
        return worth_words(self.told) if self.told else self.reason

    @property
    def tone(self) -> str:
        if self.told is None or self.told.replay.precision.value is None:
            return "unknown"
        return {1: "good", -1: "bad", 0: ""}[against_chance(self.told)]

    @property
    def reason(self) -> str:
        return (self.replay.reason or self.refused) if self.replay else _("not replayed yet")

    @property
    def refused(self) -> str:
        """Why it may not be switched on; "" where it may."""
        return why_not(self.replay)

    @property
    def finding(self) -> str:
        return finding(self.trigger.name, self.told)


def rule_words(version: TriggerVersion, metric: str) -> str:
    """`Fires when Usage in 14 days comes to be below 0.8`."""
    told = {"metric": metric, "side": Side(version.side).label, "value": words.number(version.threshold)}
    return _("fires when %(metric)s %(side)s %(value)s") % told


def against_chance(told: Told) -> int:
    """1: its alerts are shown to be right more often than alerts at random, -1: less often, 0: neither."""
    own, random = told.replay.precision, told.chance.precision
    if own.low is None or own.high is None or random.low is None or random.high is None:
        return 0
    return (own.low > random.high) - (own.high < random.low)


def worth_words(told: Told) -> str:
    """What its alerts are worth beside alerts at random."""
    own, random = told.replay.precision, told.chance.precision
    if own.value is None:
        return own.reason
    if random.value is None:
        return random.reason
    better = against_chance(told)
    if better > 0 and random.value:
        times = words.number(own.value / random.value, 1)
        return _("right %(times)s times as often as alerts at random") % {"times": times}
    if better < 0:
        return _("right less often than alerts at random")
    return _("not shown to be right more often than alerts at random")


def finding(name: str, told: Told | None) -> str:
    """What a trigger is worth, in one sentence."""
    if told is None:
        return _("%(name)s: what it is worth here is not known yet") % {"name": name}
    replay = told.replay
    if not replay.left:
        return _("%(name)s: no account left in these %(months)d months, so it could catch none") % {
            "name": name, "months": told.months,
        }  # fmt: skip
    if not replay.alerts:
        said = _("%(name)s would not have fired once; %(left)d accounts left")
        return said % {"name": name, "left": replay.left}
    said = _("%(name)s: recall %(recall)s (%(random)s by chance), %(missed)s left while green; %(worth)s")
    missed = len(replay.missed_accounts)
    return said % {
        "name": name,
        "recall": words.percent(replay.recall.value or 0.0),
        "random": _share(told.chance.recall),
        "missed": missed or _("nobody"),
        "worth": worth_words(told),
    }


def standings() -> list[Standing]:
    """Every trigger by its worth: those right more often than chance first, those not known last."""
    names, replays = metric_names(), latest_replays()
    versions = TriggerVersion.objects.filter(is_current=True).select_related("trigger")
    found = [_standing(each, replays.get(each.pk), names) for each in versions]
    return sorted(found, key=_worth_first)


def _worth_first(each: Standing) -> tuple[bool, int, float, str]:
    told = each.told
    if told is None or told.replay.precision.value is None:
        return True, 0, 0.0, each.trigger.name
    random = told.chance.precision.value or 1.0
    return False, -against_chance(told), -told.replay.precision.value / random, each.trigger.name


def standing_of(trigger: Trigger) -> Standing:
    version = current_version(trigger)
    return _standing(version, latest_replay(version), metric_names())


def _standing(version: TriggerVersion, replay: TriggerReplay | None, names: Mapping[str, str]) -> Standing:
    return Standing(version.trigger, version, replay, names.get(version.metric, version.metric))


@dataclass(frozen=True, slots=True)
class Made:
    """A version with its rule in words."""

    version: TriggerVersion
    rule: str


def versions_of(trigger: Trigger) -> list[Made]:
    """The latest versions, newest first."""
    names = metric_names()
    return [
        Made(each, rule_words(each, names.get(each.metric, each.metric)))
        for each in trigger.versions.order_by("-version")[:VERSIONS]
    ]


def list_finding(found: Sequence[Standing]) -> str:
    """The headline: whether any trigger does better than chance."""
    known = [each.told for each in found if each.told and each.told.replay.precision.value is not None]
    if not known:
        return _("What the triggers are worth is not known yet")
    better = sum(against_chance(told) > 0 for told in known)
    if not better:
        return _("No trigger is shown to be right more often than alerts at random")
    said = ngettext(
        "%(n)d of %(all)d triggers is right more often than alerts at random",
        "%(n)d of %(all)d triggers are right more often than alerts at random",
        better,
    )
    return said % {"n": better, "all": len(known)}


def list_chart(found: Sequence[Standing]) -> Chart | None:
    """The share of right alerts of each trigger, each above what chance would have come to."""
    shown = [(each.trigger.name, each.told) for each in found if each.told]
    known = [(name, told) for name, told in shown if told.replay.precision.value is not None]
    if not known:
        return None
    lines = [(name, told.replay.precision) for name, told in known]
    random = max(told.chance.precision.value or 0.0 for _name, told in known)
    return Chart(
        title=list_finding(found),
        alt=_alt(lines),
        source=_("Replays of the past 12 months; an alert is right where its account left within %(days)d"
                 " days after it. Wilson intervals of 95 %%. The dashed line: alerts at random.")
        % {"days": HORIZON},
        svg=intervals(_bars(lines), axis=_("share of alerts that were right"), reference=random),
        columns=(_("Trigger"), _("Right"), _("95 % interval"), _("Alerts decided"), _("At random"),
                 _("Recall"), _("Left while green")),
        rows=tuple(
            (name, *_cells(told.replay.precision), _share(told.chance.precision), _share(told.replay.recall),
             str(len(told.replay.missed_accounts)))
            for name, told in known
        ),
    )  # fmt: skip


def _bars(lines: Sequence[tuple[str, Estimate]]) -> list[Bar]:
    return [Bar(name, each.value, each.low, each.high) for name, each in lines if each.value is not None]


def _alt(lines: Sequence[tuple[str, Estimate]]) -> str:
    return "; ".join(f"{name}: {_share(each)}" for name, each in lines)


def _share(each: Estimate) -> str:
    return _("unknown") if each.value is None else words.percent(each.value)


def _cells(each: Estimate) -> tuple[str, str, str]:
    return _share(each), words.interval(each.low, each.high, share=True) or each.reason, f"{each.n:,}"


def card_charts(found: Standing) -> list[Chart]:
    """A trigger beside chance, and all figures of its card as a table."""
    told = found.told
    if told is None:
        return []
    replay, chance = told.replay, told.chance
    lines = [
        (_("right, of its alerts"), replay.precision),
        (_("right, of alerts at random"), chance.precision),
        (_("caught, of those that left"), replay.recall),
        (_("caught by as many alerts at random"), chance.recall),
    ]
    known = [(name, each) for name, each in lines if each.value is not None]
    if not known:
        return []
    return [
        Chart(
            title=found.finding, alt=_alt(lines), source=source(told),
            svg=intervals(_bars(lines), axis=_("share")),
            columns=(_("Figure"), _("Share"), _("95 % interval"), _("n")),
            rows=tuple((name, *_cells(each)) for name, each in lines),
        )
    ]  # fmt: skip


def tables(found: Standing) -> list[Chart]:
    """All figures and counts of a card, for the file that is handed out."""
    told = found.told
    if told is None:
        return []
    rows = [
        (each.label, f"{each.shown} {each.unit}".strip() if each.shown else _("unknown"),
         each.between or each.estimate.reason, f"{each.estimate.n:,}", each.note)
        for each in [*figures(told), f1_of(told)]
    ]  # fmt: skip
    rows += [(each.words.capitalize(), f"{each.n:,}", "", "", "") for each in counts(told)]
    columns = (_("Figure"), _("Value"), _("Interval"), _("n"), _("Definition"))
    return [Chart(_("What it would have done"), "", reach(told), "", columns, tuple(rows))]


def reach(told: Told) -> str:
    """The days that were replayed."""
    ends = (date.fromisoformat(each) for each in (told.replay.since, told.replay.until))
    since, until = (words.day(each, clock.today()) for each in ends)
    return _("%(since)s to %(until)s") % {"since": since, "until": until}


def source(told: Told) -> str:
    """Where the figures come from, and how they are defined."""
    return _(
        "%(reach)s (%(months)d months), looked at once a week by what was recorded until then."
        " Right: the account left within %(days)d days after the alert; where its payment failed first, the"
        " alert is neither right nor wrong. Caught: it had an alert within %(days)d days before it left."
        " At random: the same of every account on every one of these days."
    ) % {
        "reach": reach(told),
        "months": told.months,
        "days": HORIZON,
    }


def figures(told: Told) -> list[Figure]:
    """What the card says, what matters first."""
    replay = told.replay
    managers = _("per manager and week; %(n)d share the alarms") % {"n": told.managers}
    median = _("median from the first alert until they left")
    return [
        Figure(
            _("Caught of those that left (recall)"), replay.recall, share=True,
            note=_("of accounts that left"), rows="?what=left",
        ),
        Figure(
            _("Right of its alerts (precision)"), replay.precision, share=True, note=_("of alerts decided"),
            rows="?what=decided",
        ),
        Figure(_("Lead time"), replay.lead_days, note=median, rows="?what=caught", unit=_("days")),
        Figure(_("False alarms"), replay.false_alarms, note=managers, rows="?what=wrong"),
    ]  # fmt: skip


def f1_of(told: Told) -> Figure:
    note = _("harmonic mean of precision and recall, n of accounts that left; its interval is of 90 %")
    return Figure(_("F1"), told.replay.f1, share=True, note=note)


@dataclass(frozen=True, slots=True)
class Count:
    """How many; `share` of how many (None: of nothing)."""

    what: str
    words: str
    n: int
    share: Estimate | None


def what_words() -> dict[str, str]:
    return {
        "alerts": _("alerts"),
        "decided": _("alerts decided, right or false"),
        "right": _("right alerts: the account left within %(days)d days") % {"days": HORIZON},
        "wrong": _("false alarms: the account was still there %(days)d days later") % {"days": HORIZON},
        "open": _("alerts not decided yet"),
        "censored": _("alerts neither right nor wrong: a payment failed within %(days)d days")
        % {"days": HORIZON},
        "left": _("accounts that left"),
        "caught": _("accounts that left with an alert before"),
        "missed": _("accounts that left while green"),
    }


def counts(told: Told) -> list[Count]:
    replay = told.replay
    missed = len(replay.missed_accounts)
    found = {
        "alerts": replay.alerts, "right": replay.right, "wrong": replay.wrong, "open": replay.open,
        "censored": replay.censored, "left": replay.left, "caught": replay.left - missed, "missed": missed,
    }  # fmt: skip
    shares = {"right": replay.precision, "caught": replay.recall, "missed": replay.missed}
    said = what_words()
    return [Count(what, said[what], n, shares.get(what)) for what, n in found.items()]


@dataclass(frozen=True, slots=True)
class Row:
    """An alert or a leaving; `value` None: unknown. `other` of an alert: when its account left or its payment
    failed; of a leaving: the first alert before. `past`: whether the value is past the threshold."""

    key: str
    name: str
    on: date
    value: float | None
    fate: str
    other: date | None
    past: bool

    @property
    def days(self) -> int | None:
        return None if self.other is None else abs((self.other - self.on).days)


def rows_behind(replay: TriggerReplay | None, what: str) -> list[Row]:
    """The accounts behind a count of a replay, the latest first; none where none was kept."""
    if what not in FATES:
        raise Http404(_("There is no count “%(what)s”.") % {"what": what})
    if replay is None or not replay.record:
        return []
    table = rows_of(replay)
    chosen = table[table["kind"] == ("alert" if what in ALERTS else "leaver")]
    if what not in ("alerts", "left"):
        chosen = chosen[chosen["fate"].isin(DECIDED if what == "decided" else (what,))]
    # In pieces, as many at a time as the database takes.
    accounts = Account.objects.only("key", "name").in_bulk(chosen["account"].dropna().unique().tolist())
    chosen = chosen[chosen["account"].isin(list(accounts))].sort_values(
        ["on", "account"], ascending=[False, True]
    )
    past = is_past(replay.version, chosen["value"])
    rows = chosen.assign(past=past).to_dict("records")
    return [_row(each, accounts[int(each["account"])]) for each in rows]


def _row(told: Mapping[Any, Any], account: Account) -> Row:
    on, value, other = _day(told["on"]), _value(told["value"]), _other(told["other"])
    return Row(account.key, account.name, on, value, told["fate"], other, bool(told["past"]))


def _day(told: Any) -> date:
    return pd.Timestamp(told).date()


def _other(told: Any) -> date | None:
    return None if pd.isna(told) else _day(told)


def _value(told: Any) -> float | None:
    return None if pd.isna(told) else float(told)


@dataclass(frozen=True, slots=True)
class Fired:
    """A firing since it is on, and what became of it: right, wrong, open, censored (a payment failed), or the
    same alert as before."""

    key: str
    name: str
    on: date
    value: float
    fate: str
    version: int


@dataclass(frozen=True, slots=True)
class SinceOn:
    """How a trigger has done since it is on; `live` None: it has not fired."""

    live: Live | None
    fired: list[Fired]

    @property
    def figure(self) -> Figure | None:
        if self.live is None:
            return None
        note = _("of alerts decided since it was switched on")
        return Figure(_("Right since it was switched on"), self.live.replay.precision, share=True, note=note)


def since_on(version: TriggerVersion) -> SinceOn:
    found = live(version, clock.today())
    fates = found.fates if found else {}
    rows = version.firings.select_related("account").order_by("-on", "account__name")
    return SinceOn(
        found,
        [
            Fired(
                each.account.key, each.account.name, each.on, each.value,
                "same" if each.repeated else fates.get((each.account_id, each.on), "open"), version.version,
            )
            for each in rows
        ],
    )  # fmt: skip


def leak_of(version: TriggerVersion) -> str:
    """The reason of a leak alarm on its metric, "" without one: such a trigger only tells what is known."""
    verdict = (
        MetricVerdict.objects.filter(metric__key=version.metric, metric__is_current=True)
        .order_by("-panel__as_of", "-pk")
        .first()
    )
    if verdict is None or verdict.verdict != "leak alarm":
        return ""
    return Verdict.from_record(verdict.record).reason


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whether a replay was asked for and has not come yet, and since when."""

    now: bool
    since: datetime | None


def waiting(version: TriggerVersion) -> Waiting:
    return Waiting(is_waiting(version), version.asked_at)
