"""One account's timeline in words: a page of the stream, grouped by day, each activity said plainly."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from heed.conversations.models import OWN_SOURCE, Case, Direction, InteractionKind
from heed.conversations.reads import SPOKEN, VOICED
from heed.customers.models import Account, Contact
from heed.ledger import clock, words
from heed.ledger.home import open_stream
from heed.ledger.models import OutboxEntry

if TYPE_CHECKING:
    from heed.stream import Activity, UsageDay
    from heed.stream.activity import Cursor

PAGE = 60
FIRST = 20
"""So many lines stand on the account's page at first, where the rest of the page is to be seen too."""
USAGE_DAY = "usage.day"
NAMED = 3
"""So many kinds of usage are named of a day."""
WAITING = 500
FAMILIES = ("usage", "interaction", "survey", "case", "subscription")


@dataclass(frozen=True, slots=True)
class Entry:
    """One activity (or several alike in a row, `times`), as a line of the timeline.

    `tone` is its dot: v for words of the customer, b for trouble, a for what we did, g for money.
    """

    at: datetime
    text: str
    detail: str
    quote: str
    who: str
    tone: str
    name: str
    source: str
    times: int = 1
    url: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    on: date
    entries: Sequence[Entry]

    @property
    def quiet(self) -> bool:
        """Nothing but usage, in one line that names the day itself."""
        return [entry.name for entry in self.entries] == [USAGE_DAY]


@dataclass(frozen=True, slots=True)
class Kind:
    """A filter of the timeline: a family of activities with how many of them there are."""

    key: str
    label: str
    count: int
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of the timeline; `older` leads to the next one, None on the last."""

    days: Sequence[Day]
    kinds: Sequence[Kind]
    total: int
    older: "Older | None"
    chosen: str
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Older:
    """Where the next page is: as a whole page, and as the part that htmx fetches."""

    page: str
    part: str


def timeline_of(account: Account, *, kind: str = "", before: str = "", on: str = "") -> Timeline:
    """Newest first. `kind` is a family or the name of an activity, `before` the mark of an earlier page.

    Without a kind the product usage of each day is one line. `on` (ISO 8601) is one UTC day of a kind.
    Raises ValueError for a mark that Heed did not make, or a day that there is not.
    """
    page = open_stream().timeline(
        account.key, kinds=[kind] if kind else None, before=cursor_of(before),
        limit=PAGE if kind or before else FIRST,
        on=date.fromisoformat(on) if on and kind else None, folded=not kind,
    )  # fmt: skip
    waiting = waiting_for(account, kind, page.rows)
    fresh = [] if before or on else waiting.rows
    gone = [activity for activity in page.rows if (activity.source, activity.id) in waiting.gone]
    rows = [*fresh, *(activity for activity in page.rows if activity not in gone)]
    names, subjects = names_of(rows), subjects_of(rows)
    told = [entry_of(activity, names, subjects) for activity in rows]
    told += [entry_of_day(account, day) for day in page.days]
    entries = alike(sorted(told, key=lambda entry: entry.at, reverse=True))
    by_day = groupby(entries, key=lambda entry: localtime(entry.at).date())
    totals = Counter(page.totals)
    totals.update(activity.name for activity in fresh)
    totals.subtract(activity.name for activity in gone)
    return Timeline(
        days=[Day(on, list(found)) for on, found in by_day],
        kinds=kinds_of(account, totals, kind),
        total=sum(totals.values()),
        older=older_than(account, kind, page.next, on) if page.next else None,
        chosen=kind,
        on=date.fromisoformat(on) if on and kind else None,
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is on its way to the stream: activities to come (newest first), and ids that no longer hold."""

    rows: Sequence["Activity"]
    gone: frozenset[tuple[str, str]]


def waiting_for(account: Account, kind: str, shown: Sequence["Activity"]) -> Waiting:
    """What was recorded in Heed a moment ago: it shows at once, and what was taken back does not."""
    from heed.stream import Activity

    newest = OutboxEntry.objects.filter(drained_at=None, activity__account=account.key).order_by("-id")
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in newest.values_list("activity", flat=True)[:WAITING]:
        last.setdefault((row["source"], row["id"]), row)
    gone = frozenset(key for key, row in last.items() if row.get("withdrawn"))
    known = gone | {(activity.source, activity.id) for activity in shown}
    rows = [
        Activity(**row | {name: datetime.fromisoformat(row[name]) for name in ("at", "recorded_at")})
        for key, row in last.items()
        if key not in known and is_of(kind, row["name"])
    ]
    return Waiting(rows, gone)


def is_of(kind: str, name: str) -> bool:
    family = name.partition(".")[0] if "." in name else "usage"
    return kind in ("", family, name)


def alike(entries: Sequence[Entry]) -> list[Entry]:
    """Runs of the same usage by the same person within an hour become one line that counts them."""
    lines: list[Entry] = []
    for entry in entries:
        last = lines[-1] if lines else None
        if last and same_run(last, entry):
            lines[-1] = replace(last, times=last.times + 1)
        else:
            lines.append(entry)
    return lines


def same_run(last: Entry, entry: Entry) -> bool:
    plain_usage = "." not in entry.name and not entry.detail
    alike = (last.name, last.who, last.detail) == (entry.name, entry.who, entry.detail)
    return plain_usage and alike and (last.at - entry.at).total_seconds() < 3600


def names_of(activities: Sequence["Activity"]) -> dict[str, str]:
    keys = {activity.contact for activity in activities if activity.contact}
    return {
        key: name or key
        for key, name in Contact.objects.filter(key__in=keys, erased_at=None).values_list("key", "name")
    }


def subjects_of(activities: Sequence["Activity"]) -> dict[str, str]:
    """The subjects of the cases that these activities are of; their ids hold the case's key."""
    keys = {case_key(activity) for activity in activities if activity.name.startswith("case.")}
    return dict(Case.objects.filter(key__in=keys).values_list("key", "subject"))


def case_key(activity: "Activity") -> str:
    """`T-12` of `case:T-12:opened` and of `case:T-12:reopened:2`."""
    _case, _colon, rest = activity.id.partition(":")
    return rest.partition(f":{activity.name.removeprefix('case.')}")[0]


def entry_of_day(account: Account, day: "UsageDay") -> Entry:
    """`42 product activities by 9 people`, with what they did most."""
    count = {"n": f"{day.n:,}"}
    text = ngettext("%(n)s product activity", "%(n)s product activities", day.n) % count
    if day.people:
        people = ngettext("%(n)s person", "%(n)s people", day.people) % {"n": f"{day.people:,}"}
        text = _("%(what)s by %(people)s") % {"what": text, "people": people}
    most = [f"{words.plain(name)} {count:,}" for name, count in day.names[:NAMED]]
    rest = len(day.names) - NAMED
    if rest > 0:
        most.append(ngettext("%(n)s other kind", "%(n)s other kinds", rest) % {"n": rest})
    return Entry(
        day.at, text, ", ".join(most), "", "", "", USAGE_DAY, day.source,
        url=address(account, "usage", on=day.on.isoformat()),
    )  # fmt: skip


def entry_of(activity: "Activity", names: Mapping[str, str], subjects: Mapping[str, str]) -> Entry:
    properties = properties_of(activity)
    if activity.name.startswith("case."):
        properties = {"subject": subjects.get(case_key(activity), "")} | properties
    text, detail, tone = said(activity, properties)
    quote = str(
        properties.get("comment") or (properties.get("words") if is_heard(activity, properties) else "") or ""
    )
    if activity.name.startswith("interaction.") and not quote:
        detail = " · ".join(part for part in (detail, str(properties.get("words", ""))) if part)
    who = names.get(activity.contact or "", "")
    tone = "v" if quote else tone
    return Entry(activity.at, text, detail, quote, who, tone, activity.name, activity.source)


def is_heard(activity: "Activity", properties: Mapping[str, Any]) -> bool:
    """Whether its words are the customer's; `conversations.reads.their_words` says the same of the rows."""
    kind, direction = activity.name.removeprefix("interaction."), properties.get("direction")
    if direction == Direction.INBOUND:
        return kind in VOICED
    here = OWN_SOURCE in (activity.source, properties.get("recorded_in"))
    return here and direction == Direction.OUTBOUND and kind in SPOKEN


def properties_of(activity: "Activity") -> dict[str, Any]:
    found = json.loads(activity.properties) if activity.properties else {}
    return found if isinstance(found, dict) else {}


def said(activity: "Activity", properties: Mapping[str, Any]) -> tuple[str, str, str]:
    """What happened in words, the small print, and the tone of its dot."""
    family, _dot, kind = activity.name.partition(".")
    tell = SAYINGS.get(family)
    if not kind or tell is None:
        return words.plain(activity.name).capitalize(), value_text(activity.value), ""
    return tell(kind, activity.value, properties)


def _case(kind: str, value: float | None, properties: Mapping[str, Any]) -> tuple[str, str, str]:
    subject = str(properties.get("subject") or "")
    texts = {
        "opened": _("Case opened"),
        "replied": _("Case: first reply"),
        "resolved": _("Case resolved"),
        "reopened": _("Case opened again"),
        "closed": _("Case closed"),
    }
    text = texts.get(kind, _("Case %(what)s") % {"what": words.plain(kind)})
    text = f"{text} “{subject}”" if subject else text
    detail = _("after %(time)s") % {"time": words.hours(value)} if value is not None and kind in TIMED else ""
    return text, detail, "b" if kind in ("opened", "reopened") else ""


def kind_text(kind: str) -> str:
    known = kind in InteractionKind.values
    return str(InteractionKind(kind).label) if known else words.plain(kind).capitalize()


def _plan(kind: str, properties: Mapping[str, Any]) -> tuple[str, str, str]:
    """A conversation that was planned, or whose plan was closed without it."""
    what = kind_text(str(properties.get("kind") or ""))
    if kind == "cancelled":
        return _("%(what)s not held") % {"what": what}, str(properties.get("reason") or ""), "a"
    text, at = _("%(what)s planned") % {"what": what}, instant_of(str(properties.get("for") or ""))
    if at:
        on = words.day(localtime(at).date(), clock.today())
        text = _("%(what)s planned for %(day)s") % {"what": what, "day": on}
    return text, str(properties.get("goal") or ""), "a"


def instant_of(text: str) -> datetime | None:
    """An instant with its time zone; None for anything else that a source may have written there."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _interaction(kind: str, value: float | None, properties: Mapping[str, Any]) -> tuple[str, str, str]:
    if kind in PLANS:
        return _plan(kind, properties)
    purpose = str(properties.get("purpose") or "")
    text = kind_text(kind)
    parts = {
        "inbound": _("from the customer"), "outbound": _("from us"), "planned": _("planned"),
        "triggered": _("triggered"), "reactive": _("reactive"),
    }  # fmt: skip
    about = [
        parts[str(properties[part])] for part in ("direction", "motion") if properties.get(part) in parts
    ]
    minutes = properties.get("minutes")
    about += [_("%(minutes)s min") % {"minutes": minutes}] if minutes else []
    return f"{text}: {purpose}" if purpose else text, " · ".join(about), "a"


def _survey(kind: str, value: float | None, properties: Mapping[str, Any]) -> tuple[str, str, str]:
    if kind == "invited":
        return _("Asked in a survey"), "", ""
    name = kind.upper() if len(kind) <= 4 else words.plain(kind).capitalize()
    return _("Answered %(survey)s: %(score)s") % {"survey": name, "score": value_text(value) or "–"}, "", "v"


def _subscription(kind: str, value: float | None, properties: Mapping[str, Any]) -> tuple[str, str, str]:
    texts = {
        "new": pgettext("subscription", "New subscription"), "expansion": _("Subscription grew"),
        "contraction": _("Subscription shrank"), "churn": _("Subscription ended"),
        "reactivation": _("Came back"),
    }  # fmt: skip
    change = words.money(value, str(properties.get("currency") or "")) if value is not None else ""
    tone = "b" if kind in ("churn", "contraction") else "g"
    return texts.get(kind, words.plain(kind)), _("%(sum)s a month") % {"sum": change} if change else "", tone


SAYINGS = {"case": _case, "interaction": _interaction, "survey": _survey, "subscription": _subscription}
TIMED = ("replied", "resolved")
PLANS = ("planned", "cancelled")


def value_text(value: float | None) -> str:
    return "" if value is None else words.number(value)


def kinds_of(account: Account, totals: Mapping[str, int], chosen: str) -> list[Kind]:
    """All, then each family that occurs, then a single activity when that is what was asked for."""
    labels = {
        "usage": _("usage"), "interaction": _("conversations"), "survey": _("survey answers"),
        "case": _("cases"), "subscription": _("money"),
    }  # fmt: skip
    counts = dict.fromkeys(FAMILIES, 0)
    for name, count in totals.items():
        family = name.partition(".")[0] if "." in name else "usage"
        counts[family] = counts.get(family, 0) + count
    kinds = [Kind("", _("everything"), sum(totals.values()), address(account), not chosen)]
    kinds += [
        Kind(key, labels.get(key, words.plain(key)), count, address(account, key), chosen == key)
        for key, count in counts.items()
        if count
    ]
    if chosen and chosen not in counts:
        kinds.append(Kind(chosen, words.plain(chosen), totals.get(chosen, 0), address(account, chosen), True))
    return kinds


def address(account: Account, kind: str = "", before: str = "", on: str = "") -> str:
    """The page of the account that shows just this part of its timeline."""
    asked = {name: value for name, value in (("kind", kind), ("on", on), ("before", before)) if value}
    url = reverse("desk:account", kwargs={"key": account.key})
    return (f"{url}?{urlencode(asked)}" if asked else url) + "#timeline"


def older_than(account: Account, kind: str, cursor: "Cursor", on: str = "") -> Older:
    asked = {"before": mark_of(cursor)} | ({"kind": kind} if kind else {}) | ({"on": on} if on else {})
    part = reverse("desk:timeline", kwargs={"key": account.key})
    return Older(address(account, kind, mark_of(cursor), on), f"{part}?{urlencode(asked)}")


def mark_of(cursor: "Cursor") -> str:
    return json.dumps([cursor.at.isoformat(), cursor.source, cursor.id], separators=(",", ":"))


def cursor_of(mark: str) -> "Cursor | None":
    from heed.stream.activity import Cursor

    if not mark:
        return None
    try:
        at, source, key = json.loads(mark)
        instant = instant_of(at)
    except (TypeError, ValueError) as fault:
        raise ValueError(_("This is not a place in the timeline.")) from fault
    if instant is None:
        raise ValueError(_("This is not a place in the timeline."))
    return Cursor(instant, str(source), str(key))
