"""The verbs that change conversations."""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from heed.conversations.checks import CaseCheck, InteractionCheck, RefusedRow, demand_agenda
from heed.conversations.models import Interaction
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

OWN_SOURCE = "heed"


class InteractionRefused(ValueError):  # noqa: N818 - not an error of the program
    """An interaction cannot be recorded as it is; `field` is what to change."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True)
class Conversation:
    """An interaction as a person records it. `at` None means now."""

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
    """Record what a person did or plans: the row, its audit entry, and its activity `interaction.<kind>`.

    Raises InteractionRefused for a planned outbound one without agenda and goal, and for a contact of
    another account.
    """
    now = clock.now()
    at = said.at or now
    _demand_sound(account, said)
    interaction = Interaction.objects.create(
        key=f"heed-{uuid.uuid4().hex}",
        account=account,
        contact=said.contact,
        kind=said.kind,
        direction=said.direction,
        motion=said.motion,
        purpose=said.purpose,
        agenda=said.agenda,
        goal=said.goal,
        goal_met=said.goal_met,
        words=said.words,
        minutes=said.minutes,
        at=at,
        held_by=held_by,
        source=OWN_SOURCE,
        recorded_at=now,
    )
    state = interactions().load([interaction.key])[interaction.key]
    activity = _activity(interaction, now)
    record(Change("create", "interaction", interaction.key, None, state, activities=(activity,)), by=by)
    return interaction


def _demand_sound(account: Account, said: Conversation) -> None:
    if said.contact is not None and said.contact.account_id != account.pk:
        raise InteractionRefused("contact", f"{said.contact} is not at {account}.")
    state = {name: getattr(said, name) for name in ("motion", "direction", "agenda", "goal")}
    try:
        demand_agenda("", state)
    except RefusedRow as refused:
        raise InteractionRefused(refused.finding.field, refused.finding.reason) from refused


def _activity(interaction: Interaction, now: datetime) -> "Activity":
    from heed.stream import Activity

    said = {
        name: getattr(interaction, name) for name in ("direction", "motion", "purpose", "words", "minutes")
    }
    kept = {name: value for name, value in said.items() if value not in ("", None)}
    return Activity(
        source=OWN_SOURCE,
        id=f"interaction:{interaction.key}",
        account=interaction.account.key,
        contact=interaction.contact.key if interaction.contact else None,
        name=f"interaction.{interaction.kind}",
        at=interaction.at,
        recorded_at=now,
        value=None if interaction.minutes is None else float(interaction.minutes),
        properties=json.dumps(kept, ensure_ascii=False) if kept else None,
    )


def revert(actor: str, *, by: str) -> Reverted:
    """Take back the cases and interactions that `actor` (such as "import:7") saved, by the audit trail."""
    return Undo(actor, by=by, over=shelves()).run()
