"""What a source says of cases and interactions. None: it does not say. BLANK: it says there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from heed.customers.rows import BLANK, Blank, Finding, Saved

__all__ = ["BLANK", "Blank", "CaseRow", "Finding", "InteractionRow", "Saved"]


@dataclass(frozen=True, slots=True)
class CaseRow:
    """`account` and `contact` are keys; instants are in UTC. A new case needs account and opened_at.

    A contact that is not known is left out; the case is saved all the same.
    """

    key: str
    account: str | None = None
    contact: str | Blank | None = None
    subject: str | Blank | None = None
    kind: str | Blank | None = None
    severity: str | Blank | None = None
    opened_at: datetime | None = None
    first_reply_at: datetime | Blank | None = None
    resolved_at: datetime | Blank | None = None
    closed_at: datetime | Blank | None = None
    times_reopened: int | Blank | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InteractionRow:
    """`account` and `contact` are keys; instants are in UTC. A new one needs account, kind and at."""

    key: str
    account: str | None = None
    contact: str | Blank | None = None
    kind: str | None = None
    direction: str | Blank | None = None
    motion: str | Blank | None = None
    purpose: str | Blank | None = None
    agenda: str | Blank | None = None
    goal: str | Blank | None = None
    words: str | Blank | None = None
    minutes: int | Blank | None = None
    at: datetime | None = None
    recorded_at: datetime | None = None
