"""What is unusual about an account, told from its measures, its cases and its words.

What counts as a finding is written here as rules over metric definitions, so that a metric which a company
adds takes part without code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import sqrt
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from heed.desk.voices import Words
from heed.ledger import words

FALL = 0.7
"""At or below this share of its usual, a figure has fallen; at or above its inverse, it has risen."""
SILENT_DAYS = 90
IDLE_DAYS = 14
OPEN_DAYS = 7
"""A case that harms nobody is worth telling when it is open for so long."""
LONG_OPEN_DAYS = 90
REOPENED = 2
USAGE_SPREAD = 3
"""Usage comes in bursts: its count must fall by so many standard deviations of a Poisson count."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric's value for an account, with the parts of its definition that make it readable."""

    key: str
    name: str
    definition: Mapping[str, Any]
    value: float | None
    n: int
    reason: str
    earlier: float | None
    earlier_on: date | None

    @property
    def family(self) -> str:
        """What it is measured on; metrics of one family tell the same story."""
        activities = self.definition.get("activities") or [self.definition.get("fact", "")]
        return str(activities[0]).split(".")[0]

    @property
    def comparison(self) -> Mapping[str, Any]:
        return self.definition.get("comparison") or {}

    @property
    def direction(self) -> str:
        return str(self.definition.get("direction", "neither"))

    @property
    def sentence(self) -> str:
        return str(self.definition.get("sentence", self.name.lower()))


@dataclass(frozen=True, slots=True)
class OpenCases:
    """How many cases are open, and the one to tell: a severe one before others, then the longest open.

    `replied` None: its source does not record first replies.
    """

    count: int = 0
    oldest: datetime | None = None
    key: str = ""
    subject: str = ""
    severe: bool = False
    replied: bool | None = None
    reopened: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one account when its reason is written."""

    key: str
    name: str
    readings: Sequence[Reading] = ()
    cases: OpenCases = field(default_factory=OpenCases)
    nobody_owns: bool = False
    said: Words | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One finding: how unusual it is (0 to 1), in words for the sentence, and as evidence.

    `key` is `metric:…`, `case:…` or `words`; it tells where the chip leads.
    """

    key: str
    weight: float
    text: str
    chip: str
    tone: str
    step: str
    family: str


def findings(facts: Facts, as_of: date) -> list[Clause]:
    """What is unusual against the account's own usual: the strongest of each family, strongest first."""
    found: dict[str, Clause] = {}
    for clause in all_findings(facts, as_of):
        if clause.family not in found or clause.weight > found[clause.family].weight:
            found[clause.family] = clause
    return sorted(found.values(), key=lambda clause: (-clause.weight, clause.key))


def all_findings(facts: Facts, as_of: date) -> list[Clause]:
    """Whatever is unusual, those too that tell the same story as a stronger one."""
    plain = {_measured(reading): reading for reading in facts.readings if not reading.comparison}
    clauses = [finding(reading, plain.get(_measured(reading))) for reading in facts.readings]
    clauses += [open_case(facts.cases, as_of), low_words(facts.said, as_of)]
    return [clause for clause in clauses if clause]


def finding(reading: Reading, plain: Reading | None = None) -> Clause | None:
    """The finding in one metric, or None when it is unknown, as usual, or says nothing good or bad.

    `plain` is the same metric without its comparison, where there is one.
    """
    aggregate = reading.definition.get("aggregate")
    if aggregate == "days_since_last":
        return _long_silence(reading)
    if reading.value is None or reading.direction == "neither" or aggregate == "last":
        return None
    if reading.comparison:
        usual = reading.comparison.get("against") == "own_baseline"
        ratio = reading.comparison.get("result") == "ratio"
        return _against_usual(reading, plain) if usual and ratio else None
    if reading.definition.get("activities") == ["case.reopened"]:
        return _reopened(reading, reading.value)
    return _against_earlier(reading, reading.value)


def open_case(cases: OpenCases, as_of: date) -> Clause | None:
    """The open case to tell: severe, opened again, or open for a week. The longer, the heavier."""
    if cases.oldest is None:
        return None
    open_days = max((as_of - cases.oldest.date()).days, 0)
    if not cases.severe and open_days < OPEN_DAYS and not cases.reopened:
        return None
    share = min(open_days / LONG_OPEN_DAYS, 1)
    weight = 0.6 + 0.35 * share if cases.severe else 0.2 + 0.3 * share
    weight += 0.04 * (cases.replied is False or cases.reopened > 0)
    days = words.days(open_days)
    chip = _("severe case open %(days)s") if cases.severe else _("case open %(days)s")
    tone = "bad" if cases.severe else "warn"
    text = case_text(cases, days)
    return Clause(
        f"case:{cases.key}", weight, text, chip % {"days": days}, tone, _see_case(cases), "open case"
    )


def case_text(cases: OpenCases, days: str) -> str:
    """`their severe case “…” is open for 34 days without a reply, opened again 2 times (3 are open)`."""
    subject = f" “{cases.subject.rstrip('.')}”" if cases.subject else ""
    text = _("their severe case%(subject)s") if cases.severe else _("their case%(subject)s")
    text = text % {"subject": subject} + _(" is open for %(days)s") % {"days": days}
    text += _(" without a reply") if cases.replied is False else ""
    if cases.reopened:
        again = ngettext(", opened again once", ", opened again %(count)s times", cases.reopened)
        text += again % {"count": cases.reopened}
    return text + (_(" (%(count)s are open)") % {"count": cases.count} if cases.count > 1 else "")


def low_words(said: Words | None, as_of: date) -> Clause | None:
    """Their last words, where they came with a mark in the lower part of its scale.

    It is the words that call for an answer; a mark without words is no reason.
    """
    if said is None or not said.low:
        return None
    day = words.day(said.at.date(), as_of)
    text = _("their last words, of %(day)s, came with %(mark)s") % {"day": day, "mark": said.mark}
    step = _("Answer what they wrote: say what you understood, and what happens next")
    return Clause("words", 0.3, text, said.mark, "warn", step, "survey")


def _reopened(reading: Reading, times: float) -> Clause | None:
    if times < REOPENED:
        return None
    said = {"count": words.number(times), "window": str(reading.definition.get("window"))}
    text = _("cases were opened again %(count)s times in %(window)s days") % said
    weight = min(0.3 + 0.05 * times, 0.8)
    return Clause(
        _key(reading), weight, text, _("opened again %(count)s times") % said, "warn",
        _look_into(reading), reading.family,
    )  # fmt: skip


def _long_silence(reading: Reading) -> Clause | None:
    spoken = reading.family == "interaction"
    if reading.value is None:
        if not spoken:
            return None
        text = _("no conversation with them is on record")
        return Clause(_key(reading), 0.5, text, text, "unknown", call_to_hear(), reading.family)
    if reading.value < (SILENT_DAYS if spoken else IDLE_DAYS):
        return None
    weight = min(reading.value / (4 * SILENT_DAYS if spoken else 4 * IDLE_DAYS), 0.95)
    step = call_to_hear() if spoken else _ask_who_stopped()
    chip = _("silent %(count)s days") if spoken else _("no use for %(count)s days")
    text = _("nobody has spoken with them for %(span)s") if spoken else _("nobody has used it for %(span)s")
    return Clause(
        _key(reading), weight, text % {"span": words.span_of(int(reading.value))},
        chip % {"count": words.number(reading.value)}, "unknown" if spoken else "warn", step, reading.family,
    )  # fmt: skip


def _against_usual(reading: Reading, plain: Reading | None) -> Clause | None:
    """A ratio to the account's own mean, told with the figure itself (`plain`, the same without comparison).

    It must be further from the usual than chance in a count would be (two standard deviations of Poisson).
    """
    ratio = reading.value
    if ratio is None or ratio > FALL or reading.direction != "up_is_good":
        return None
    if plain is None or plain.value is None:
        return _share_of_usual(reading, ratio)
    usual = plain.value / ratio if ratio else None
    if usual is not None and usual - plain.value < 2 * sqrt(usual):
        return None
    window = str(plain.definition.get("window"))
    said = {"name": plain.name, "lower": _lower(plain.name), "count": words.number(plain.value)}
    said |= {"usual": words.number(usual or 0, 0), "window": window}
    text = _("%(lower)s fell from their usual %(usual)s to %(count)s in %(window)s days")
    chip = _("%(name)s %(count)s, usually %(usual)s")
    if usual is None:
        text = _("%(lower)s fell to %(count)s in %(window)s days")
        chip = _("%(name)s %(count)s, usually more")
    text, chip = text % said, chip % said
    return Clause(_key(reading), 1 - ratio, text, chip, "warn", _ask_who_stopped(), reading.family)


def _share_of_usual(reading: Reading, ratio: float) -> Clause | None:
    """A fall of a count that no metric shows by itself: told as a share of the usual.

    `n` counts the activities of all windows, so the usual of one is n / (ratio + windows).
    """
    windows = int(reading.comparison.get("windows", 1))
    usual = reading.n / (ratio + windows)
    if reading.definition.get("aggregate") != "count" or usual * (1 - ratio) < USAGE_SPREAD * sqrt(usual):
        return None
    said = {"share": words.percent(ratio), "window": str(reading.definition.get("window"))}

    said |= {"what": {"usage": _("usage")}.get(reading.family, _lower(reading.name))}
    text = _("%(what)s of the last %(window)s days is %(share)s of their usual") % said
    chip = _("%(what)s %(share)s of usual") % said
    return Clause(_key(reading), 1 - ratio, text, chip, "warn", _ask_who_stopped(), reading.family)


def _against_earlier(reading: Reading, value: float) -> Clause | None:
    earlier = reading.earlier
    if earlier is None or abs(value - earlier) < 2 * sqrt(max(abs(earlier), 1)) * _unit(reading):
        return None
    fell = reading.direction == "up_is_good" and value <= FALL * earlier
    rose = reading.direction == "down_is_good" and value >= earlier / FALL
    if not (fell or rose):
        return None
    now, before = _shown(reading, value), _shown(reading, earlier)
    text = _("%(now)s %(what)s, down from %(before)s") if fell else _("%(now)s %(what)s, up from %(before)s")
    text %= {"now": now, "what": reading.sentence, "before": before}
    if reading.earlier_on:
        text += _(" on %(day)s") % {"day": words.day(reading.earlier_on, reading.earlier_on)}
    weight = 1 - value / earlier if fell else 1 - earlier / value
    chip = _("%(name)s %(now)s, was %(before)s, n = %(n)s") % {
        "name": reading.name, "now": now, "before": before, "n": f"{reading.n:,}",
    }  # fmt: skip
    step = _ask_who_stopped() if fell else _look_into(reading)
    return Clause(_key(reading), weight, text, chip, "warn", step, reading.family)


def as_usual(facts: Facts) -> list[Clause]:
    """What is known of their use and of the last conversation, when neither is unusual."""
    told: dict[str, Clause] = {}
    for reading in facts.readings:
        plain = not reading.comparison and reading.definition.get("unit") != "share"
        spoken = reading.definition.get("aggregate") == "days_since_last"
        if reading.value is not None and plain and spoken == (reading.family == "interaction"):
            told.setdefault(reading.family, _usual(reading, reading.value, spoken))
    return [told[family] for family in ("usage", "interaction") if family in told]


def _usual(reading: Reading, value: float, spoken: bool) -> Clause:
    if spoken:
        text = _("last spoken with %(span)s ago") % {"span": words.span_of(int(value))}
        return plain_clause(_key(reading), text, text, reading.family)
    count = words.number(value)
    chip = _("%(name)s %(count)s") % {"name": reading.name, "count": count}
    return plain_clause(_key(reading), f"{count} {reading.sentence}", chip, reading.family)


def plain_clause(key: str, text: str, chip: str, family: str) -> Clause:
    """What is told because it is known, and is nothing unusual."""
    return Clause(key, 0.0, text, chip, "", "", family)


def call_to_hear() -> str:
    return _("Call to hear them: what did they come for, and what is in the way?")


def _ask_who_stopped() -> str:
    return _("See in the timeline who stopped and when, then ask them what changed")


def _see_case(cases: OpenCases) -> str:
    if cases.severe:
        return _("See that it is put right, and tell them what happened and until when it takes")
    return _("See that their open case is solved, and tell them when it will be")


def _look_into(reading: Reading) -> str:
    return _("Look at the rows behind “%(name)s” and put the cause right") % {"name": reading.name}


def _measured(reading: Reading) -> tuple[str, str, str]:
    parts = (reading.definition.get(part) for part in ("activities", "aggregate", "window"))
    activities, aggregate, window = (str(part) for part in parts)
    return activities, aggregate, window + str(reading.definition.get("per", ""))


def _key(reading: Reading) -> str:
    return f"metric:{reading.key}"


def _unit(reading: Reading) -> float:
    """Chance in a share is far smaller than in a count; shares are told by their unit."""
    return 0.1 if reading.definition.get("unit") == "share" else 1.0


def _shown(reading: Reading, value: float) -> str:
    return words.percent(value) if reading.definition.get("unit") == "share" else words.number(value)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
