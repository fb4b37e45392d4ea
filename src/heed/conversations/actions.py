"""The verbs that change conversations."""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from heed.conversations.checks import NO_AGENDA, CaseCheck, InteractionCheck, is_check_in
from heed.conversations.models import OWN_SOURCE, Direction, Interaction, InteractionState, Motion
from heed.conversations.rows import CaseRow, InteractionRow, Saved
from heed.conversations.shelves import cases, contact_ids, interactions, shelves
from heed.customers.models import Account, Contact
from heed.customers.saving import Saver
from heed.customers.shelves import account_ids
from heed.customers.states import State
from heed.customers.undo import Reverted, Undo
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.people.models import User

if TYPE_CHECKING:
    from heed.stream import Activity

TOLERANCE = timedelta(minutes=5)
"""Clocks of people run a little ahead of ours."""
NO_CHECK_INS = noop(
    "This says that you will call, not what for. What will they get out of it? Name the question, the number "
    "or the piece of work that it is about."
)


class InteractionRefused(ValueError):  # noqa: N818 - not an error of the program
    """An interaction cannot be recorded as it is; `problems` says of each field what is wrong with it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


@dataclass(frozen=True)
class Conversation:
    """An interaction as a person records it. `at` None means now; a planned one says when it is due."""

    kind: str
    direction: str
    motion: str = ""
    contact: Contact | None = None
    purpose: str = ""
    agenda: str = ""
    goal: str = ""
    goal_met: bool | None = None
    words: str = ""
    minutes: int | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a planned conversation: what was said, how long it took, when. `at` None means now."""

    words: str
    minutes: int | None = None
    at: datetime | None = None
    goal_met: bool | None = None


def save_cases(rows: Iterable[CaseRow], *, by: str, source: str) -> Saved:
    """Create and change cases by key. A case of an account that is not there is refused (unknown_account)."""

    def prepare(batch: Sequence[CaseRow]) -> Callable[[CaseRow, State | None], State]:
        return CaseCheck(*_people(batch), source).apply

    saver = Saver[CaseRow](cases(), prepare, by)
    saver.save(rows)
    return saver.tally.saved()


def save_interactions(rows: Iterable[InteractionRow], *, by: str, source: str) -> Saved:
    """Create and change interactions by key; planned outbound ones need an agenda and a goal."""

    def prepare(batch: Sequence[InteractionRow]) -> Callable[[InteractionRow, State | None], State]:
        return InteractionCheck(*_people(batch), source).apply

    saver = Saver[InteractionRow](interactions(), prepare, by)
    saver.save(rows)
    return saver.tally.saved()


def _people(batch: Sequence[CaseRow] | Sequence[InteractionRow]) -> tuple[dict[str, int], dict[str, int]]:
    accounts = account_ids({row.account for row in batch if row.account})
    return accounts, contact_ids({row.contact for row in batch if isinstance(row.contact, str)})


@transaction.atomic
def record_interaction(
    account: Account, said: Conversation, *, by: str, held_by: User | None = None
) -> Interaction:
    """Record what a person did or plans: the row, its audit entry, and its activity.

    What took place is `interaction.<kind>` when it did; what is still to come is `interaction.planned` now,
    and counts as a conversation once it was held. Raises InteractionRefused for a planned one without an
    instant to come, for a planned outbound one without an agenda and a goal of substance, for one to come
    that is not planned, and for a contact of another account.
    """
    now = clock.now()
    _demand_sound(account, said, now)
    ahead = said.motion == Motion.PLANNED
    interaction = Interaction.objects.create(
        key=f"heed-{uuid.uuid4().hex}",
        account=account,
        contact=said.contact,
        kind=said.kind,
        direction=said.direction,
        motion=said.motion,
        state=InteractionState.PLANNED if ahead else InteractionState.HELD,
        purpose=said.purpose,
        agenda=said.agenda,
        goal=said.goal,
        goal_met=said.goal_met,
        words=said.words,
        minutes=said.minutes,
        at=said.at or now,
        held_by=held_by,
        source=OWN_SOURCE,
        recorded_at=now,
    )
    activity = _planned(interaction, now) if ahead else _held(interaction, now)
    change = Change(
        "create", "interaction", interaction.key, None, _state_of(interaction), activities=(activity,)
    )
    record(change, by=by)
    return interaction


@transaction.atomic
def mark_held(
    interaction: Interaction, outcome: Outcome, *, by: str, held_by: User | None = None
) -> Interaction:
    """A planned conversation took place: from now on it counts as one, at the time when it did.

    Raises InteractionRefused without words, for a time to come, and for what is no open plan.
    """
    now = clock.now()
    planned, before = _open_plan(interaction)
    if not outcome.words.strip():
        raise InteractionRefused({"words": _("Say what was said: it is why the conversation was held.")})
    at = outcome.at or now
    if at > now + TOLERANCE:
        raise InteractionRefused({"at": _("This is still to come; until then it is planned.")})
    planned.words, planned.minutes, planned.goal_met = outcome.words, outcome.minutes, outcome.goal_met
    planned.at, planned.state = at, InteractionState.HELD
    planned.held_by, planned.outcome_recorded_at = held_by or planned.held_by, now
    planned.save(
        update_fields=["words", "minutes", "goal_met", "at", "state", "held_by", "outcome_recorded_at"]
    )
    change = Change(
        "mark held", "interaction", planned.key, before, _state_of(planned),
        activities=(_held(planned, now),),
    )  # fmt: skip
    record(change, by=by)
    return planned


@transaction.atomic
def mark_not_held(interaction: Interaction, *, reason: str, by: str) -> Interaction:
    """A planned conversation will not take place, or did not; its activity is `interaction.cancelled`.

    Raises InteractionRefused without a reason, and for what is no open plan.
    """
    now = clock.now()
    planned, before = _open_plan(interaction)
    if not reason.strip():
        raise InteractionRefused({"reason": _("Say why: whoever plans the next one will want to know.")})
    planned.state, planned.outcome_recorded_at = InteractionState.CANCELLED, now
    planned.save(update_fields=["state", "outcome_recorded_at"])
    change = Change(
        "mark not held", "interaction", planned.key, before, _state_of(planned), reason.strip(),
        activities=(_cancelled(planned, reason.strip(), now),),
    )  # fmt: skip
    record(change, by=by)
    return planned


def _open_plan(interaction: Interaction) -> tuple[Interaction, State]:
    """The plan, locked, with its state. Two people who close it at once do not both succeed."""
    rows = Interaction.objects.select_for_update(of=("self",)).select_related("account", "contact")
    planned = rows.get(pk=interaction.pk)
    if planned.state != InteractionState.PLANNED or planned.withdrawn_at is not None:
        said = {"state": planned.get_state_display().lower()}
        raise InteractionRefused({"": _("Somebody has closed this plan already: %(state)s.") % said})
    return planned, _state_of(planned)


def _state_of(interaction: Interaction) -> State:
    return interactions().load([interaction.key])[interaction.key]


def _demand_sound(account: Account, said: Conversation, now: datetime) -> None:
    if said.contact is not None and said.contact.account_id != account.pk:
        there = {"contact": said.contact, "account": account}
        raise InteractionRefused({"contact": _("%(contact)s is not at %(account)s.") % there})
    if said.motion == Motion.PLANNED:
        _demand_sound_plan(said, now)
    elif said.at is not None and said.at > now + TOLERANCE:
        reason = _("This is still to come. Plan it instead, with its agenda and goal.")
        raise InteractionRefused({"at": reason})


def _demand_sound_plan(said: Conversation, now: datetime) -> None:
    problems = _without_substance(said) if said.direction == Direction.OUTBOUND else {}
    if said.at is None:
        problems["at"] = _("Say when it is due: on that day it comes up on Today.")
    elif said.at <= now:
        problems["at"] = _("This is past. Record it as a conversation that took place.")
    if problems:
        raise InteractionRefused(problems)


def _without_substance(said: Conversation) -> dict[str, str]:
    """Invariant 1, and no check-ins: agenda and goal are there, and name something; else what is wrong."""
    texts = {"agenda": said.agenda, "goal": said.goal}
    problems = {name: _(NO_AGENDA) for name, text in texts.items() if not text.strip()}
    problems |= {name: _(NO_CHECK_INS) for name, text in texts.items() if text.strip() and is_check_in(text)}
    return problems


def _held(interaction: Interaction, now: datetime) -> "Activity":
    names = ("direction", "motion", "purpose", "words", "minutes")
    said = {name: getattr(interaction, name) for name in names}
    # Of a plan from elsewhere, it tells whose the words are.
    said["recorded_in"] = OWN_SOURCE if interaction.outcome_recorded_at else None
    activity = _activity(interaction, interaction.kind, "", interaction.at, said, now)
    minutes = None if interaction.minutes is None else float(interaction.minutes)
    return replace(activity, value=minutes)


def _planned(interaction: Interaction, now: datetime) -> "Activity":
    names = ("kind", "direction", "purpose", "goal")
    said = {name: getattr(interaction, name) for name in names} | {"for": interaction.at.isoformat()}
    return _activity(interaction, "planned", ":planned", now, said, now)


def _cancelled(interaction: Interaction, reason: str, now: datetime) -> "Activity":
    said = {"kind": interaction.kind, "purpose": interaction.purpose, "reason": reason}
    return _activity(interaction, "cancelled", ":cancelled", now, said, now)


def _activity(
    interaction: Interaction, name: str, suffix: str, at: datetime, said: dict[str, Any], now: datetime
) -> "Activity":
    """As the interaction's own source would tell it, so that what it tells later is the same activity."""
    from heed.stream import Activity

    kept = {key: value for key, value in said.items() if value not in ("", None)}
    return Activity(
        source=interaction.source,
        id=f"interaction:{interaction.key}{suffix}",
        account=interaction.account.key,
        contact=interaction.contact.key if interaction.contact else None,
        name=f"interaction.{name}",
        at=at,
        recorded_at=now,
        properties=json.dumps(kept, ensure_ascii=False) if kept else None,
    )


def revert(actor: str, *, by: str) -> Reverted:
    """Take back the cases and interactions that `actor` (such as "import:7") saved, by the audit trail."""
    return Undo(actor, by=by, over=shelves()).run()
