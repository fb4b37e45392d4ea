"""What changes on the worklist: the ranking of the day, and what people decide on its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from heed.conversations.models import Interaction
from heed.conversations.reads import open_plans
from heed.desk.candidates import end_of
from heed.desk.changes import back_from, change_since, snapshot
from heed.desk.models import WorkKind, WorklistRow, WorkState
from heed.desk.ranking import Place, Reasoned, choose, place_of
from heed.ledger import clock
from heed.ledger.actions import Change, record

TOLD = (
    "why", "evidence", "found", "unknowns", "quote", "change", "earlier", "first_step", "due_on", "since",
    "stake", "currency", "probability", "low", "high", "rank", "as_of", "returned_on", "state",
    "state_reason", "snoozed_until", "decided_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ranked:
    """How many rows stand open after a ranking, and how many of them are new, came back, or went."""

    rows: int
    new: int
    returned: int
    gone: int


class DecisionError(Exception):
    """A decision that cannot be taken; the message is for the person who tried."""


@transaction.atomic
def rank_worklist(as_of: date, *, by: str) -> Ranked:
    """Write the rows of each person for the day. The same day ranked again gives the same rows.

    The rows are a projection of what is known, so they leave no audit row; the daily round that calls this
    records that it ran. `by` names who ran it.
    """
    chosen = choose(as_of)
    live = {
        place_of(row): row
        for row in WorklistRow.objects.select_for_update().filter(
            state__in=[WorkState.OPEN, WorkState.SNOOZED]
        )
    }
    made: list[WorklistRow] = []
    kept: list[WorklistRow] = []
    returned = 0
    for rows in chosen.values():
        for rank, told in enumerate(rows, start=1):
            row = live.pop(place_of(told[0]), None)
            returned += row is not None and row.state == WorkState.SNOOZED
            (made if row is None else kept).append(_written(row, told, rank, as_of))
    _say_who_is_back(made, as_of)
    gone = [row for row in live.values() if _is_over(row, as_of)]
    for row in gone:
        row.state, row.rank = WorkState.GONE, None
    # An upsert by id: one plain statement a batch, where bulk_update writes a branch per row and column.
    WorklistRow.objects.bulk_create(
        [*kept, *gone], update_conflicts=True, unique_fields=["id"], update_fields=TOLD, batch_size=500
    )
    WorklistRow.objects.bulk_create(made, batch_size=500)
    return Ranked(len(made) + len(kept), len(made), returned, len(gone))


def _is_over(row: WorklistRow, as_of: date) -> bool:
    """An open row that was not chosen, or a snooze that ended after its reason did."""
    return row.state == WorkState.OPEN or (row.snoozed_until is not None and row.snoozed_until <= as_of)


def _written(row: WorklistRow | None, told: Reasoned, rank: int, as_of: date) -> WorklistRow:
    candidate, reason = told
    stake = candidate.stake
    if row is None:
        row = WorklistRow(
            person_id=candidate.person,
            account_id=candidate.account,
            kind=candidate.kind,
            first_shown_on=as_of,
        )
    else:
        row.returned_on = as_of if row.state == WorkState.SNOOZED else row.returned_on
        row.earlier = snapshot(row) if row.as_of < as_of else row.earlier
    row.why, row.evidence, row.unknowns = reason.why, reason.evidence, reason.unknowns
    row.found = dict(reason.found)
    row.first_step, row.due_on = reason.first_step[:300], candidate.due_on
    row.quote, row.since = reason.quote, candidate.since.date() if candidate.since else None
    row.stake, row.currency = stake.amount, stake.currency
    row.probability, row.low, row.high = stake.probability, stake.low, stake.high
    row.rank, row.as_of = rank, as_of
    row.state, row.state_reason, row.snoozed_until, row.decided_at = WorkState.OPEN, "", None, None
    row.change = _change(row)
    return row


def _change(row: WorklistRow) -> str:
    """What is new since the list before this day's, however often the day is ranked."""
    if row.first_shown_on == row.as_of:
        return row.change or _("new today")
    if row.returned_on == row.as_of:
        return _("back from its snooze")
    return change_since(row.earlier, row) if row.earlier else ""


def _say_who_is_back(made: Sequence[WorklistRow], as_of: date) -> None:
    """A row that stands where one was decided on before is not new to its reader."""
    accounts = {row.account_id for row in made}
    decided = WorklistRow.objects.filter(
        state__in=[WorkState.DONE, WorkState.NOT_USEFUL], account__in=accounts
    )
    latest: dict[Place, WorklistRow] = {place_of(row): row for row in decided.order_by("decided_at", "id")}
    for row in made:
        if place_of(row) in latest:
            row.change = back_from(latest[place_of(row)], as_of)


def mark_done(row: WorklistRow, *, by: str, note: str = "") -> WorklistRow:
    """The person has dealt with it. It rests, and comes back when its evidence changes."""
    return _decide(row, "mark done", WorkState.DONE, note.strip(), by=by)


def snooze(row: WorklistRow, *, until: date, reason: str, by: str) -> WorklistRow:
    """Put it away until a day, for a reason."""
    if until <= clock.today():
        raise DecisionError(_("Choose a day after today; until then the row stays away."))
    if not reason.strip():
        raise DecisionError(_("Say why it can wait: whoever reads this account next will want to know."))
    return _decide(row, "snooze", WorkState.SNOOZED, reason.strip(), by=by, until=until)


def mark_not_useful(row: WorklistRow, *, reason: str, by: str) -> WorklistRow:
    """It did not help, because … It is not shown again until its evidence changes; the reason is kept."""
    if not reason.strip():
        raise DecisionError(_("Say why it was not useful: the reasons are what makes the list better."))
    return _decide(row, "mark not useful", WorkState.NOT_USEFUL, reason.strip(), by=by)


def reopen(row: WorklistRow, *, by: str) -> WorklistRow:
    """Take a decision back: the row stands as it was told, until the next round tells it anew.

    Refused for a follow-up whose plan was closed meanwhile, and where a newer row took the place.
    """
    return _decide(row, "reopen", WorkState.OPEN, "", by=by)


@transaction.atomic
def _decide(
    row: WorklistRow, action: str, state: WorkState, reason: str, *, by: str, until: date | None = None
) -> WorklistRow:
    row = WorklistRow.objects.select_for_update().select_related("account").get(pk=row.pk)
    _refuse_repeat(row, state)
    before = _state_of(row) | {"shown": _shown(row)}
    row.state, row.state_reason, row.snoozed_until = state, reason, until
    row.decided_at = None if state == WorkState.OPEN else clock.now()
    row.save(update_fields=["state", "state_reason", "snoozed_until", "decided_at"])
    subject = f"{row.account.key}:{row.kind}:{row.pk}"
    record(Change(action, "worklist row", subject, before, _state_of(row), reason), by=by)
    return row


def _refuse_repeat(row: WorklistRow, state: WorkState) -> None:
    if state == WorkState.OPEN:
        others = WorklistRow.objects.filter(
            person=row.person_id, account=row.account_id, kind=row.kind, state__in=["open", "snoozed"]
        ).exclude(pk=row.pk)
        if row.state == WorkState.GONE or others.exists():
            raise DecisionError(_("This row has been replaced by a newer one."))
        if row.kind == WorkKind.FOLLOW_UP and not _due_plans(row).exists():
            raise DecisionError(_("Its plan was closed meanwhile: there is nothing left to follow up."))
    elif row.state != WorkState.OPEN:
        said = {"state": row.get_state_display().lower()}
        raise DecisionError(_("Somebody has decided on this row already: %(state)s.") % said)


def _due_plans(row: WorklistRow) -> QuerySet[Interaction]:
    return open_plans().filter(account=row.account_id, at__lt=end_of(clock.today()))


def _state_of(row: WorklistRow) -> dict[str, object]:
    until = row.snoozed_until.isoformat() if row.snoozed_until else None
    return {"state": str(row.state), "reason": row.state_reason, "snoozed_until": until}


def _shown(row: WorklistRow) -> dict[str, object]:
    """What the person saw when deciding: it is kept with the decision, for the row is written anew."""
    told = {item["key"]: item["text"] for item in row.evidence}
    stake = None if row.stake is None else str(row.stake)
    return {
        "as_of": row.as_of.isoformat(), "rank": row.rank, "why": row.why, "evidence": told,
        "probability": row.probability, "stake": stake, "currency": row.currency,
    }  # fmt: skip
