"""Why an account is on the list: one plain sentence with its evidence, from its measures and cases.

What counts as a reason is written here as rules over metric definitions, so that a metric which a company
adds takes part without code.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import sqrt
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from heed.desk import words
from heed.desk.candidates import Candidate, Stake
from heed.desk.models import WorkKind

FALL = 0.7
"""At or below this share of its usual, a figure has fallen; at or above its inverse, it has risen."""
SILENT_DAYS = 90
IDLE_DAYS = 14
RENEWAL_NEAR_DAYS = 90
CLAUSES = 2


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
    count: int = 0
    oldest: datetime | None = None
    key: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one account when its reason is written."""

    key: str
    name: str
    readings: Sequence[Reading] = ()
    cases: OpenCases = field(default_factory=OpenCases)
    nobody_owns: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """One finding: how unusual it is (0 to 1), in words for the sentence, and as evidence."""

    key: str
    weight: float
    text: str
    chip: str
    tone: str
    step: str
    family: str


@dataclass(frozen=True, slots=True)
class Reason:
    """What a worklist row says. Evidence: key, text, tone, href; the keys tell whether it changed."""

    why: str
    evidence: list[dict[str, str]]
    unknowns: list[str]
    first_step: str

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(item["key"] for item in self.evidence)


def reason_for(candidate: Candidate, facts: Facts, as_of: date) -> Reason:
    """The sentence, its evidence, what is not known, and a first step."""
    clauses = findings(facts)[:CLAUSES]
    lead, step, evidence = SAYINGS[candidate.kind](candidate, facts, as_of)
    parts = [lead, *(clause.text for clause in clauses)]
    if candidate.kind != WorkKind.CASE:
        parts.append(_open_cases(facts.cases, as_of))
    if candidate.kind in (WorkKind.RISK, WorkKind.RENEWAL) and not any(parts[1:]):
        parts += [_nothing_unusual(), *as_usual(facts)]
    if candidate.kind == WorkKind.RISK:
        parts.append(_near_renewal(candidate.stake, as_of))
        step = clauses[0].step if clauses else _see_cases() if facts.cases.count else step
    if facts.nobody_owns:
        parts.append(_("nobody looks after this account"))
        step = _("Give the account an owner. Then: %(step)s") % {"step": _lower(step)}
    evidence = [*evidence, *(_item(facts, clause) for clause in clauses), *_risk_evidence(candidate, facts)]
    told = {clause.family for clause in clauses}
    return Reason(_sentence(parts), evidence, unknowns_of(facts, told), step)


def findings(facts: Facts) -> list[Clause]:
    """What is unusual against the account's own usual: the strongest of each family, strongest first."""
    found: dict[str, Clause] = {}
    plain = {_measured(reading): reading for reading in facts.readings if not reading.comparison}
    for reading in facts.readings:
        clause = finding(reading, plain.get(_measured(reading)))
        if clause and (reading.family not in found or clause.weight > found[reading.family].weight):
            found[reading.family] = clause
    return sorted(found.values(), key=lambda clause: (-clause.weight, clause.key))


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
    return _against_earlier(reading, reading.value)


def _long_silence(reading: Reading) -> Clause | None:
    spoken = reading.family == "interaction"
    if reading.value is None:
        if not spoken:
            return None
        text = _("no conversation with them is on record")
        return Clause(_key(reading), 0.5, text, text, "unknown", _call_to_hear(), reading.family)
    if reading.value < (SILENT_DAYS if spoken else IDLE_DAYS):
        return None
    weight = min(reading.value / (4 * SILENT_DAYS if spoken else 4 * IDLE_DAYS), 0.95)
    step = _call_to_hear() if spoken else _ask_who_stopped()
    chip = _("silent %(count)s days") if spoken else _("no use for %(count)s days")
    return Clause(
        _key(reading), weight, _days_text(reading), chip % {"count": words.number(reading.value)},
        "unknown" if spoken else "warn", step, reading.family,
    )  # fmt: skip


def _days_text(reading: Reading) -> str:
    count = int(reading.value or 0)
    what = reading.sentence.removeprefix("days ")
    return ngettext("%(count)s day %(what)s", "%(count)s days %(what)s", count) % {
        "count": f"{count:,}",
        "what": what,
    }


def _against_usual(reading: Reading, plain: Reading | None) -> Clause | None:
    """A ratio to the account's own mean, told with the figure itself (`plain`, the same without comparison).

    It must be further from the usual than chance in a count would be (two standard deviations of Poisson).
    """
    ratio, count = reading.value, plain.value if plain else None
    if ratio is None or count is None or plain is None or ratio > FALL or reading.direction != "up_is_good":
        return None
    usual = count / ratio if ratio else None
    if usual is not None and usual - count < 2 * sqrt(usual):
        return None
    said = {"count": words.number(count), "what": plain.sentence, "name": plain.name}
    said |= {"usual": words.number(usual, 0) if usual else _("some"), "n": f"{reading.n:,}"}
    text = _("%(count)s %(what)s, usually %(usual)s") % said
    chip = _("%(name)s %(count)s, usually %(usual)s") % said
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


def unknowns_of(facts: Facts, told: Collection[str] = ()) -> list[str]:
    """The ways of listening that have brought nothing of this account, other than those told already."""
    lines = {
        "interaction": _("no conversation on record"),
        "usage": _("usage unknown"),
        "survey": _("never answered a survey"),
    }
    return [line for family, line in lines.items() if family not in told and _is_deaf(facts, family)]


def _is_deaf(facts: Facts, family: str) -> bool:
    """Whether metrics of the family exist and none of them has a value."""
    values = [reading.value for reading in facts.readings if reading.family == family]
    return bool(values) and all(value is None for value in values)


def as_usual(facts: Facts) -> list[str]:
    """What is known of their use and of the last conversation, when neither is unusual."""
    lines: dict[str, str] = {}
    for reading in facts.readings:
        plain = not reading.comparison and reading.definition.get("unit") != "share"
        spoken = reading.definition.get("aggregate") == "days_since_last"
        if reading.value is not None and plain and spoken == (reading.family == "interaction"):
            text = _days_text(reading) if spoken else f"{words.number(reading.value)} {reading.sentence}"
            lines.setdefault(reading.family, text)
    return [lines[family] for family in ("usage", "interaction") if family in lines]


Said = tuple[str, str, list[dict[str, str]]]


def _follow_up(row: Candidate, facts: Facts, as_of: date) -> Said:
    due = row.due_on or as_of
    when = words.from_today(due, as_of)
    lead = _("a planned conversation was due %(when)s") % {"when": when}
    if row.words:
        lead = _("a planned conversation was due %(when)s; its goal: %(goal)s") % {
            "when": when,
            "goal": row.words,
        }
    chip = _("planned for %(day)s") % {"day": words.short_day(due, as_of)}
    return lead, _("Hold it by its agenda, or say why not"), [_own(facts, row.key, chip, "accent")]


def _case(row: Candidate, facts: Facts, as_of: date) -> Said:
    opened = row.since.date() if row.since else as_of
    waited = words.days((as_of - opened).days)
    about = f" “{row.words}”" if row.words else ""
    lead = _("their case%(about)s has waited %(waited)s for a first reply") % {
        "about": about,
        "waited": waited,
    }
    chip = _("case opened %(day)s, no reply") % {"day": words.short_day(opened, as_of)}
    return lead, _("See that the case is answered, and tell them when"), [_own(facts, row.key, chip, "bad")]


def _renewal(row: Candidate, facts: Facts, as_of: date) -> Said:
    due = row.due_on or as_of
    when = words.from_today(due, as_of)
    lead = _("the contract renews %(when)s") % {"when": when}
    chip = _("renewal %(day)s") % {"day": words.short_day(due, as_of)}
    return lead, _("Agree with them what the next term is to bring"), [_own(facts, row.key, chip, "accent")]


def _risk(row: Candidate, facts: Facts, as_of: date) -> Said:
    return "", _call_to_hear(), []


SAYINGS = {
    WorkKind.FOLLOW_UP: _follow_up,
    WorkKind.CASE: _case,
    WorkKind.RENEWAL: _renewal,
    WorkKind.RISK: _risk,
}


def _open_cases(cases: OpenCases, as_of: date) -> str:
    if not cases.count or cases.oldest is None:
        return ""
    waited = words.days(max((as_of - cases.oldest.date()).days, 0))
    text = ngettext(
        "%(count)s case is open, for %(waited)s",
        "%(count)s cases are open, the oldest for %(waited)s",
        cases.count,
    )
    return text % {"count": cases.count, "waited": waited}


def _near_renewal(stake: Stake, as_of: date) -> str:
    if stake.horizon_on is None or not 0 <= (stake.horizon_on - as_of).days <= RENEWAL_NEAR_DAYS:
        return ""
    return _("the contract renews %(when)s") % {"when": words.from_today(stake.horizon_on, as_of)}


def _nothing_unusual() -> str:
    return _("nothing unusual is known of them")


def _risk_evidence(candidate: Candidate, facts: Facts) -> list[dict[str, str]]:
    if candidate.stake.probability is None:
        return []
    stake = candidate.stake
    text = _("%(method)s, n = %(n)s, %(events)s left") % {
        "method": stake.method, "n": f"{stake.n:,}", "events": f"{stake.events:,}",
    }  # fmt: skip
    return [_own(facts, "risk", text, "", anchor="risk")]


def _item(facts: Facts, clause: Clause) -> dict[str, str]:
    """The chip of a finding; it opens the rows that the figure was computed from."""
    metric = clause.key.removeprefix("metric:")
    href = reverse("measures:behind", kwargs={"key": facts.key, "metric": metric})
    return {"key": clause.key, "text": clause.chip, "tone": clause.tone, "href": href}


def _own(facts: Facts, key: str, text: str, tone: str, anchor: str = "timeline") -> dict[str, str]:
    if key.startswith("case:"):
        anchor = "cases"
    if key.startswith("renewal:"):
        anchor = "subscriptions"
    href = reverse("desk:account", kwargs={"key": facts.key}) + f"#{anchor}"
    return {"key": key, "text": text, "tone": tone, "href": href}


def _sentence(parts: Sequence[str]) -> str:
    joined = "; ".join(part for part in parts if part)
    return joined[:1].upper() + joined[1:] + "." if joined else ""


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


def _call_to_hear() -> str:
    return _("Call to hear them: what did they come for, and what is in the way?")


def _ask_who_stopped() -> str:
    return _("See in the timeline who stopped and when, then ask them what changed")


def _see_cases() -> str:
    return _("See that their open case is solved, and tell them when it will be")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _look_into(reading: Reading) -> str:
    return _("Look at the rows behind “%(name)s” and put the cause right") % {"name": reading.name}
