"""Rows into states: what a row changes, and what in it cannot be taken."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from heed.conversations.models import Direction, InteractionKind, InteractionState, Motion
from heed.conversations.rows import CaseRow, InteractionRow
from heed.conversations.shelves import instant_text
from heed.customers.checks import RefusedRow, demand_key, refuse, take_account
from heed.customers.rows import Blank
from heed.customers.states import State, given, with_attributes
from heed.ledger import clock

LONGEST = {"subject": 500, "kind": 50, "severity": 50, "purpose": 200}
NO_AGENDA = "A planned outreach has an agenda and a goal: what is it for, and what will differ after it?"
CHECK_IN = """
    just only a quick regular monthly weekly to we i want wanted touch base touching check checking catch
    catching follow following up in ins with them you see how things are is going it call s
"""
"""Words: an agenda made of them alone says that somebody will call, and not what for."""

Row = CaseRow | InteractionRow


def _take_people(state: State, row: Row, accounts: Mapping[str, int], contacts: Mapping[str, int]) -> None:
    demand_key(row.key)
    take_account(state, row.key, row.account, accounts)
    if isinstance(row.contact, Blank):
        state["contact"] = None
    elif row.contact is not None:
        state["contact"] = row.contact if row.contact in contacts else state["contact"]


def _take_texts(state: State, row: Row, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(row, name)
        most = LONGEST.get(name)
        if most and isinstance(value, str) and len(value) > most:
            reason = f"{name} has {len(value)} characters; {most} are kept."
            raise refuse(row.key, name, value[:50] + "…", "too_long", reason)
        given(state, name, value, empty="")


def _take_instants(state: State, row: Row, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(row, name)
        if isinstance(value, Blank):
            state[name] = None
        elif value is not None:
            state[name] = instant_text(value)


def _recorded(state: State, row: Row, at: str, now: datetime) -> None:
    if row.recorded_at is not None:
        state["recorded_at"] = instant_text(row.recorded_at)
    elif state["recorded_at"] is None:
        state["recorded_at"] = min(state[at], str(instant_text(now)))


def _instant(text: Any) -> datetime:
    return datetime.fromisoformat(text)


def _demand(key: str, state: State, *names: str) -> None:
    for name in names:
        if state[name] is None:
            raise refuse(key, name, None, "missing", f"The row does not give {name}.")


@dataclass
class CaseCheck:
    accounts: Mapping[str, int]
    contacts: Mapping[str, int]
    source: str
    now: datetime = field(default_factory=clock.now)

    def apply(self, row: CaseRow, present: State | None) -> State:
        state = dict(present) if present else self._blank()
        _take_people(state, row, self.accounts, self.contacts)
        _take_texts(state, row, ("subject", "kind", "severity"))
        _take_instants(state, row, ("opened_at", "first_reply_at", "resolved_at", "closed_at"))
        given(state, "times_reopened", row.times_reopened, empty=0)
        state["attributes"] = with_attributes(state["attributes"], row.attributes)
        state["withdrawn"] = False
        _demand(row.key, state, "opened_at")
        _recorded(state, row, "opened_at", self.now)
        return state

    def _blank(self) -> State:
        texts = dict.fromkeys(("subject", "kind", "severity"), "")
        instants = dict.fromkeys(("opened_at", "first_reply_at", "resolved_at", "closed_at", "recorded_at"))
        return {
            "account": None,
            "contact": None,
            **texts,
            **instants,
            "times_reopened": 0,
            "attributes": {},
            "source": self.source,
            "withdrawn": False,
        }


@dataclass
class InteractionCheck:
    accounts: Mapping[str, int]
    contacts: Mapping[str, int]
    source: str
    now: datetime = field(default_factory=clock.now)

    def apply(self, row: InteractionRow, present: State | None) -> State:
        state = dict(present) if present else self._blank()
        row = _beside_outcome(state, row)
        _take_people(state, row, self.accounts, self.contacts)
        _take_texts(state, row, ("purpose", "agenda", "goal", "words"))
        for name, options in (
            ("kind", InteractionKind.values),
            ("direction", Direction.values),
            ("motion", Motion.values),
        ):
            _take_choice(state, row, name, options)
        given(state, "minutes", row.minutes, empty=None)
        _take_instants(state, row, ("at",))
        state["withdrawn"] = False
        _demand(row.key, state, "kind", "at")
        demand_agenda(row.key, state)
        _recorded(state, row, "at", self.now)
        state["state"] = _state_of(state, present)
        return state

    def _blank(self) -> State:
        texts = dict.fromkeys(("purpose", "agenda", "goal", "words", "motion"), "")
        return {
            "account": None,
            "contact": None,
            "kind": None,
            "direction": Direction.OUTBOUND.value,
            **texts,
            "state": None,
            "goal_met": None,
            "minutes": None,
            "at": None,
            "source": self.source,
            "recorded_at": None,
            "outcome_recorded_at": None,
            "withdrawn": False,
        }


def _beside_outcome(state: State, row: InteractionRow) -> InteractionRow:
    """The row less what would undo an outcome that a person recorded here: empty cells, and the day planned.

    A source that brings words has the word from then on.
    """
    if state["outcome_recorded_at"] is None:
        return row
    words = row.words if isinstance(row.words, str) and row.words else None
    minutes = None if isinstance(row.minutes, Blank) else row.minutes
    if words:
        state["outcome_recorded_at"] = None
    told = words is not None or minutes is not None
    return replace(row, words=words, minutes=minutes, at=row.at if told else None)


def _state_of(state: State, present: State | None) -> str:
    """A plan is what the company knew of before its time, and of which nobody says what came of it.

    What has been said of a plan since stands, unless the source now brings words or minutes, or says that
    it was no plan.
    """
    if state["motion"] != Motion.PLANNED or state["words"] or state["minutes"] is not None:
        return InteractionState.HELD.value
    if present is not None:
        return str(present["state"])
    ahead = _instant(state["recorded_at"]) < _instant(state["at"])
    return (InteractionState.PLANNED if ahead else InteractionState.HELD).value


def _take_choice(state: State, row: InteractionRow, name: str, options: list[str]) -> None:
    value: Any = getattr(row, name)
    if value is None or isinstance(value, Blank) or value == "":
        return
    if value not in options:
        reason = f"'{value}' is no {name}; use one of {', '.join(options)}."
        raise refuse(row.key, name, value, "not_allowed", reason)
    state[name] = value


def demand_agenda(key: str, state: Mapping[str, Any]) -> None:
    """Invariant 1: a planned outbound interaction has an agenda and a goal."""
    planned = state["motion"] == Motion.PLANNED and state["direction"] == Direction.OUTBOUND
    if planned and not (state["agenda"].strip() and state["goal"].strip()):
        missing = "goal" if state["agenda"].strip() else "agenda"
        raise refuse(key, missing, None, "no_agenda", NO_AGENDA)


def is_check_in(text: str) -> bool:
    """Whether an agenda or a goal consists of nothing but the words of checking in."""
    return set(CHECK_IN.split()).issuperset(re.findall(r"[^\W_]+", text.lower()))


__all__ = ["NO_AGENDA", "CaseCheck", "InteractionCheck", "RefusedRow", "demand_agenda", "is_check_in"]
