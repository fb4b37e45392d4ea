"""The choice: from everybody who could need somebody to the few rows of each person."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from heed.conversations.models import Case
from heed.conversations.reads import is_severe, telling_sources
from heed.customers.models import Account
from heed.desk.candidates import Candidate, Carers, Gathered, end_of, gather
from heed.desk.findings import Facts, OpenCases, Reading
from heed.desk.models import WorkKind, WorklistRow, WorkState
from heed.desk.reasons import Reason, reason_for
from heed.desk.voices import Words, last_words_of
from heed.measures.models import MetricDefinition, MetricValue

REST_DAYS = 14
"""What was done rests for so long, unless its evidence changes."""
RISEN = 0.05
"""A risk that rose by this much since a decision is new evidence."""
CHUNK = 500
EQUALS = 4
"""For each place, the evidence of so many of the largest is compared."""
ORDER = [WorkKind.HARM, WorkKind.CASE, WorkKind.FOLLOW_UP, WorkKind.RENEWAL, WorkKind.RISK]
"""The sections of the list, from top to bottom."""

Reasoned = tuple[Candidate, Reason]
Place = tuple[int, int, str]


def place_of(row: Candidate | WorklistRow) -> Place:
    """Person, account and kind: at most one live row stands there."""
    if isinstance(row, Candidate):
        return row.person, row.account, row.kind
    return row.person_id, row.account_id, row.kind


@dataclass(frozen=True, slots=True)
class Decisions:
    """What people have said about rows so far, as of a day."""

    latest: Mapping[Place, WorklistRow]
    """The last decision at each place that can still keep a row away."""
    returning: frozenset[Place]
    """Snoozed until today or before, or back from a snooze and still open."""
    today: Mapping[int, int]
    """By person: places used up by what was decided today."""

    def known(self, row: Candidate) -> bool:
        return place_of(row) in self.latest

    def keeps_away(self, row: Candidate, reason: Reason, as_of: date) -> bool:
        """Whether this reason was decided on, and nothing has changed since."""
        place = place_of(row)
        decided = self.latest.get(place)
        if decided is None or place in self.returning:
            return False
        if decided.state == WorkState.SNOOZED:
            return True
        return not evidence_changed(decided, row, reason)


def evidence_changed(decided: WorklistRow, row: Candidate, reason: Reason) -> bool:
    """New findings, another case or date, or a risk that has risen since the decision."""
    before = {item["key"] for item in decided.evidence}
    if not reason.keys <= before:
        return True
    now, then = row.stake.probability, decided.probability
    return now is not None and then is not None and round(now - then, 6) >= RISEN


def decisions_until(as_of: date) -> Decisions:
    decided = [WorkState.SNOOZED, WorkState.NOT_USEFUL, WorkState.DONE]
    rows = WorklistRow.objects.filter(state__in=decided).order_by("decided_at", "id")
    back = WorklistRow.objects.filter(state=WorkState.OPEN, returned_on__lte=as_of)
    latest: dict[Place, WorklistRow] = {}
    returning = {place_of(row) for row in back}
    used: defaultdict[int, int] = defaultdict(int)
    start, end = end_of(as_of - timedelta(days=1)), end_of(as_of)
    for row in rows:
        if row.decided_at is None or row.decided_at >= end:
            continue
        if row.decided_at >= start:
            used[row.person_id] += 1
        if row.state == WorkState.DONE and row.decided_at < end - timedelta(days=REST_DAYS):
            latest.pop(place_of(row), None)
            continue
        latest[place_of(row)] = row
        if row.state == WorkState.SNOOZED and row.snoozed_until and row.snoozed_until <= as_of:
            returning.add(place_of(row))
    return Decisions(latest, frozenset(returning), used)


def choose(as_of: date) -> dict[int, list[Reasoned]]:
    """By person, the rows of the day in their order, never more than the person's capacity."""
    gathered = gather(as_of)
    decisions = decisions_until(as_of)
    pools = {person: pool_of(person, gathered, decisions) for person in gathered.carers.capacity}
    accounts = {row.account for due, risky in pools.values() for row in (*due, *risky)}
    facts = facts_of(accounts, gathered.carers, as_of)
    chosen = {}
    for person, (due, risky) in pools.items():
        places = max(gathered.carers.capacity[person] - decisions.today.get(person, 0), 0)
        pressing, at_risk = (reasoned(rows, facts, decisions, as_of) for rows in (due, risky))
        rows = fill(places, pressing, by_evidence(at_risk))
        chosen[person] = sorted(rows, key=lambda told: ORDER.index(told[0].kind))
    return chosen


def pool_of(person: int, gathered: Gathered, decisions: Decisions) -> tuple[list[Candidate], list[Candidate]]:
    """As many candidates as can be needed: the capacity, and one more for each that may be kept away."""
    due, risky = gathered.due.get(person, []), gathered.at_risk.get(person, [])
    need = gathered.carers.capacity[person]
    back = [row for row in (*due, *risky) if place_of(row) in decisions.returning]
    first = _unique([*back, *_first(due, need, decisions.known)])
    held = {row.account for row in first}
    return first, _first(risky, need * EQUALS, lambda row: row.account in held or decisions.known(row))


def _first(rows: Iterable[Candidate], need: int, may_fall: Callable[[Candidate], bool]) -> list[Candidate]:
    """As many as are needed, not counting those that may fall out of the choice."""
    taken: list[Candidate] = []
    for row in rows:
        if need <= 0:
            break
        taken.append(row)
        need -= not may_fall(row)
    return taken


def _unique(rows: Iterable[Candidate]) -> list[Candidate]:
    return list({place_of(row): row for row in rows}.values())


def reasoned(
    rows: Sequence[Candidate], facts: Mapping[int, Facts], decisions: Decisions, as_of: date
) -> list[Reasoned]:
    told = ((row, reason_for(row, facts[row.account], as_of)) for row in rows)
    return [(row, reason) for row, reason in told if not decisions.keeps_away(row, reason, as_of)]


def by_evidence(rows: Sequence[Reasoned]) -> list[Reasoned]:
    """Rows in the order of their value at stake; those that cannot be told apart by it, by their evidence.

    From the largest on, all whose value at stake could be as large as its least, by the interval of the
    probability, are its equals; the next one begins the next group.
    """
    groups: list[list[Reasoned]] = []
    for told in rows:
        if not groups or told[0].stake.most < groups[-1][0][0].stake.least:
            groups.append([])
        groups[-1].append(told)
    return [told for group in groups for told in sorted(group, key=_by_strength)]


def _by_strength(told: Reasoned) -> tuple[float, float, int]:
    row, reason = told
    return -reason.strength, -row.stake.worth, row.account


def fill(places: int, due: Sequence[Reasoned], risky: Sequence[Reasoned]) -> list[Reasoned]:
    """Half of the places to what is due by date, the rest by value at stake; free ones to the other.

    An account takes one place: its most pressing reason.
    """
    due = _one_each(due)
    first = list(due[: (places + 1) // 2])
    held = {row.account for row, _ in first}
    second = [told for told in _one_each(risky) if told[0].account not in held][: places - len(first)]
    held |= {row.account for row, _ in second}
    spare = places - len(first) - len(second)
    first += [told for told in due[len(first) :] if told[0].account not in held][:spare]
    return first + second


def _one_each(rows: Iterable[Reasoned]) -> list[Reasoned]:
    first: dict[int, Reasoned] = {}
    for told in rows:
        first.setdefault(told[0].account, told)
    return list(first.values())


def facts_of(accounts: Collection[int], carers: Carers, as_of: date) -> dict[int, Facts]:
    """What the sentences need of these accounts, in a fixed number of queries a chunk."""
    ordered = sorted(accounts)
    metrics = list(MetricDefinition.objects.filter(is_current=True).order_by("id"))
    said = last_words_of(ordered, end_of(as_of))
    return {
        account: facts
        for start in range(0, len(ordered), CHUNK)
        for account, facts in _facts_of(ordered[start : start + CHUNK], metrics, carers, said, as_of)
    }


def _facts_of(
    accounts: Sequence[int],
    metrics: Sequence[MetricDefinition],
    carers: Carers,
    said: Mapping[int, Words],
    as_of: date,
) -> Iterator[tuple[int, Facts]]:
    readings = readings_of(accounts, metrics)
    cases = open_cases_of(accounts, as_of)
    named = Account.objects.filter(id__in=accounts).values_list("id", "key", "name")
    for account, key, name in named:
        case, unowned = cases.get(account, OpenCases()), carers.nobody_owns(account)
        yield account, Facts(key, name, readings[account], case, unowned, said.get(account))


def readings_of(
    accounts: Sequence[int], metrics: Sequence[MetricDefinition]
) -> defaultdict[int, list[Reading]]:
    """The latest values of the current metrics, in the order of their definitions."""
    by_id = {metric.pk: metric for metric in metrics}
    values = MetricValue.objects.filter(account_id__in=accounts, metric_id__in=by_id)
    columns = ("account_id", "metric_id", "value", "n", "reason", "earlier_value", "earlier_as_of")
    readings: defaultdict[int, list[Reading]] = defaultdict(list)
    for account, metric_id, *rest in values.order_by("metric_id").values_list(*columns):
        metric = by_id[metric_id]
        readings[account].append(Reading(metric.key, metric.name, metric.definition, *rest))
    return readings


def open_cases_of(accounts: Sequence[int], as_of: date) -> dict[int, OpenCases]:
    """Per account, how many cases are open and the one to tell: severe before others, then the oldest."""
    still = Case.objects.filter(
        account_id__in=accounts,
        resolved_at=None,
        closed_at=None,
        withdrawn_at=None,
        opened_at__lt=end_of(as_of),
    ).order_by("opened_at", "id")
    telling = telling_sources()
    found: dict[int, list[Case]] = {}
    for case in still:
        found.setdefault(case.account_id, []).append(case)
    return {account: _told(cases, telling) for account, cases in found.items()}


def _told(cases: Sequence[Case], telling: Collection[str]) -> OpenCases:
    case = next((each for each in cases if is_severe(each.severity)), cases[0])
    replied = True if case.first_reply_at else False if case.source in telling else None
    about = case.opened_at, case.key, case.subject, is_severe(case.severity)
    return OpenCases(len(cases), *about, replied, case.times_reopened)
