"""Why an account is on the list: one plain sentence with its evidence, a quote and a first step."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _

from heed.desk.candidates import Candidate, Stake
from heed.desk.findings import (
    Clause,
    Facts,
    OpenCases,
    all_findings,
    as_usual,
    call_to_hear,
    case_text,
    findings,
    plain_clause,
)
from heed.desk.models import WorkKind
from heed.ledger import words

RENEWAL_NEAR_DAYS = 90
USUAL = "usual:"
"""Begins the key of evidence that is told without being a reason: it brings no decided row back."""
TOLD = 3
"""So many reasons stand in a sentence, each with its chip."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What a worklist row says. Evidence: key, text, tone, href; the keys tell whether it changed."""

    why: str
    evidence: list[dict[str, str]]
    unknowns: list[str]
    first_step: str
    quote: dict[str, str] | None = None
    found: Mapping[str, str] = field(default_factory=dict)
    """The chips of all findings by key, told or not: empty where a stronger one tells the same story."""
    strength: float = 0.0
    """The sum of the weights of all findings: it orders rows whose value at stake cannot be told apart."""

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(item["key"] for item in self.evidence if not item["key"].startswith(USUAL))


def reason_for(candidate: Candidate, facts: Facts, as_of: date) -> Reason:
    """The sentence, its evidence, what is not known, and a first step."""
    lead, step, evidence = SAYINGS[candidate.kind](candidate, facts, as_of)
    known = {item["key"] for item in evidence}
    strongest = findings(facts, as_of)
    found = [clause for clause in strongest if clause.key not in known]
    holding = {clause.key: "" for clause in all_findings(facts, as_of)}
    holding |= {clause.key: clause.chip for clause in strongest}
    holding |= {item["key"]: item["text"] for item in evidence}
    clauses = found[: TOLD - len(evidence)]
    told = {clause.family for clause in clauses}
    unknowns = unknowns_of(facts, told)
    parts, usual = [lead, *(clause.text for clause in clauses)], []
    if candidate.kind in (WorkKind.RISK, WorkKind.RENEWAL) and not clauses:
        usual = as_usual(facts)
        parts += [_nothing_unusual(candidate), *(clause.text for clause in usual), *unknowns]
    if candidate.kind == WorkKind.RISK:
        near = _near_renewal(candidate.stake, as_of)
        parts += [clause.text for clause in near]
        usual = [*usual, *near]
        step = clauses[0].step if clauses else step
    if facts.nobody_owns:
        parts.append(_("nobody looks after this account"))
        step = _("Give the account an owner. Then: %(step)s") % {"step": _lower(step)}
    why = _sentence(parts)
    evidence = [*evidence, *(_item(facts, clause) for clause in clauses), *_risk_evidence(candidate, facts)]
    evidence += [_item(facts, clause, USUAL) for clause in usual]
    strength = round(sum(clause.weight for clause in found), 6)
    return Reason(why, evidence, unknowns, step, _quote(facts, why), holding, strength)


def _quote(facts: Facts, why: str) -> dict[str, str] | None:
    """Their last words, unless the sentence holds them already as the subject of a case."""
    if facts.said is None or (facts.said.family == "case" and facts.said.text.rstrip(".") in why):
        return None
    return facts.said.quoted(facts.key)


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


def _harm(row: Candidate, facts: Facts, as_of: date) -> Said:
    opened = row.since.date() if row.since else as_of
    days = words.days(max((as_of - opened).days, 0))
    told = facts.cases
    if f"case:{told.key}" != row.key:
        told = OpenCases(1, row.since, "", row.words, severe=True)
    step = _("See that it is put right, and tell them what happened and until when it takes")
    chip = _("severe case opened %(day)s") % {"day": words.short_day(opened, as_of)}
    return case_text(told, days), step, [_own(facts, row.key, chip, "bad")]


def _renewal(row: Candidate, facts: Facts, as_of: date) -> Said:
    due = row.due_on or as_of
    when = words.from_today(due, as_of)
    lead = _("the contract renews %(when)s") % {"when": when}
    chip = _("renewal %(day)s") % {"day": words.short_day(due, as_of)}
    return lead, _("Agree with them what the next term is to bring"), [_own(facts, row.key, chip, "accent")]


def _risk(row: Candidate, facts: Facts, as_of: date) -> Said:
    return "", call_to_hear(), []


SAYINGS = {
    WorkKind.HARM: _harm,
    WorkKind.FOLLOW_UP: _follow_up,
    WorkKind.CASE: _case,
    WorkKind.RENEWAL: _renewal,
    WorkKind.RISK: _risk,
}


def _near_renewal(stake: Stake, as_of: date) -> list[Clause]:
    """That a renewal is near, which is no reason by itself."""
    if stake.horizon_on is None or not 0 <= (stake.horizon_on - as_of).days <= RENEWAL_NEAR_DAYS:
        return []
    text = _("the contract renews %(when)s") % {"when": words.from_today(stake.horizon_on, as_of)}
    chip = _("renewal %(day)s") % {"day": words.short_day(stake.horizon_on, as_of)}
    return [plain_clause("renewal:near", text, chip, "contract")]


def _nothing_unusual(candidate: Candidate) -> str:
    if candidate.kind == WorkKind.RISK:
        return _("on the list for its amount: nothing unusual in what we measure")
    return _("nothing unusual in what we measure")


def _risk_evidence(candidate: Candidate, facts: Facts) -> list[dict[str, str]]:
    if candidate.stake.probability is None:
        return []
    stake = candidate.stake
    text = _("%(method)s, n = %(n)s, %(events)s left") % {
        "method": stake.method, "n": f"{stake.n:,}", "events": f"{stake.events:,}",
    }  # fmt: skip
    href = reverse("measures:risk", kwargs={"key": facts.key})
    return [{"key": "risk", "text": text, "tone": "", "href": href}]


def _item(facts: Facts, clause: Clause, prefix: str = "") -> dict[str, str]:
    """The chip of a finding; it opens the rows that the figure was computed from."""
    told = {"key": prefix + clause.key, "text": clause.chip, "tone": clause.tone}
    if clause.key == "words":
        return told | {"href": reverse("desk:account", kwargs={"key": facts.key}) + "?kind=survey#timeline"}
    if not clause.key.startswith("metric:"):
        return told | {"href": _own(facts, clause.key, clause.chip, clause.tone)["href"]}
    metric = clause.key.removeprefix("metric:")
    return told | {"href": reverse("measures:behind", kwargs={"key": facts.key, "metric": metric})}


def _own(facts: Facts, key: str, text: str, tone: str, anchor: str = "timeline") -> dict[str, str]:
    if key.startswith("case:"):
        anchor = "cases"
    if key.startswith("renewal:"):
        anchor = "subscriptions"
    if key.startswith("interaction:"):
        anchor = "planned"
    href = reverse("desk:account", kwargs={"key": facts.key}) + f"#{anchor}"
    return {"key": key, "text": text, "tone": tone, "href": href}


def _sentence(parts: Sequence[str]) -> str:
    joined = "; ".join(part for part in parts if part)
    return joined[:1].upper() + joined[1:] + "." if joined else ""


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
