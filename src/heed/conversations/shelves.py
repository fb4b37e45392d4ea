"""Where the states of cases and interactions are read from and written to, many at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model

from heed.conversations.models import Case, Interaction
from heed.customers.models import Contact
from heed.customers.shelves import Shelf, Step, account_ids
from heed.customers.states import State
from heed.ledger import clock

CASE_INSTANTS = ("opened_at", "first_reply_at", "resolved_at", "closed_at", "recorded_at")
INTERACTION_INSTANTS = ("at", "recorded_at", "outcome_recorded_at")
CASE_PLAIN = ("subject", "kind", "severity", "times_reopened", "attributes", "source")
INTERACTION_PLAIN = (
    *("kind", "direction", "motion", "state", "purpose", "agenda", "goal", "goal_met", "words", "minutes"),
    "source",
)


def contact_ids(keys: Collection[str]) -> dict[str, int]:
    """The ids of the contacts that are known, by key."""
    return dict(Contact.objects.filter(key__in=keys).values_list("key", "pk"))


def instant_text(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat()


def _state(row: Model, plain: Sequence[str], instants: Sequence[str]) -> State:
    given: Any = row
    return {
        "account": given.account.key,
        "contact": given.contact.key if given.contact_id else None,
        **{name: getattr(given, name) for name in plain},
        **{name: instant_text(getattr(given, name)) for name in instants},
        "withdrawn": given.withdrawn_at is not None,
    }


def _fields(
    step: Step,
    plain: Sequence[str],
    instants: Sequence[str],
    ids: tuple[Mapping[str, int], Mapping[str, int]],
) -> dict[str, Any]:
    state, (accounts, contacts) = step.after, ids
    return {
        "key": step.key,
        "account_id": accounts[state["account"]],
        "contact_id": contacts.get(state["contact"] or ""),
        **{name: state[name] for name in plain},
        **{name: state[name] and datetime.fromisoformat(state[name]) for name in instants},
        "withdrawn_at": clock.now() if state["withdrawn"] else None,
    }


def _ids(steps: Sequence[Step]) -> tuple[dict[str, int], dict[str, int]]:
    accounts = account_ids({step.after["account"] for step in steps})
    return accounts, contact_ids({step.after["contact"] for step in steps if step.after["contact"]})


@dataclass
class Rows:
    """A shelf of rows that stand at an account and may name a contact: plain columns, and instants."""

    kind: str
    model: type[Model]
    plain: Sequence[str]
    instants: Sequence[str]

    def load(self, keys: Collection[str]) -> dict[str, State]:
        rows = self.model._default_manager.select_for_update(of=("self",)).filter(key__in=keys)
        found: Any = rows.select_related("account", "contact").order_by("key")
        return {row.key: _state(row, self.plain, self.instants) for row in found}

    def write(self, steps: Sequence[Step]) -> None:
        ids = _ids(steps)
        self.model._default_manager.bulk_create(
            [self.model(**_fields(step, self.plain, self.instants, ids)) for step in steps],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["account", "contact", *self.plain, *self.instants, "withdrawn_at"],
        )


def cases() -> Shelf:
    return Rows("case", Case, CASE_PLAIN, CASE_INSTANTS)


def interactions() -> Shelf:
    return Rows("interaction", Interaction, INTERACTION_PLAIN, INTERACTION_INSTANTS)


def shelves() -> dict[str, Shelf]:
    """By kind."""
    return {shelf.kind: shelf for shelf in (cases(), interactions())}
