"""What a source says of accounts, contacts and subscription periods, and what saving it came to.

In every row `None` means "the source does not say", which keeps what is known; `BLANK` (or an empty text)
means "the source says there is none", which clears it. An attribute works the same way: one that is not
named stays, one that is named with None is cleared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any


class Blank(Enum):
    """The one value that says "given, and empty"."""

    BLANK = "blank"


BLANK = Blank.BLANK

NO_ATTRIBUTES: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class AccountRow:
    """`parent` is the key of another account; `owner` the e-mail address of a user."""

    key: str
    name: str | None = None
    kind: str | None = None
    parent: str | Blank | None = None
    owner: str | Blank | None = None
    since: date | Blank | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContactRow:
    """`account` is the key of the account; a new contact needs one."""

    key: str
    account: str | None = None
    name: str | Blank | None = None
    email: str | Blank | None = None
    role: str | Blank | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """What an account pays per month from `starts_on` until the day before `ends_on`.

    A new period needs account, starts_on, monthly_amount (in `currency`) and currency. `recorded_at` is when
    the company learnt of it; where the source does not say, it is taken to be the start of the period.
    """

    key: str
    subscription: str | None = None
    account: str | None = None
    plan: str | Blank | None = None
    starts_on: date | None = None
    ends_on: date | Blank | None = None
    renews_on: date | Blank | None = None
    monthly_amount: Decimal | None = None
    currency: str | None = None
    seats: int | Blank | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a row that Heed could not take as it stands, and did not guess.

    `refused` True: nothing of the row was saved. False: the row was saved without this field.
    `code` is for programs (unknown_account, unknown_parent, cycle, unknown_owner, missing, not_allowed,
    ends_before_start, negative, erased, too_long), `reason` for people.
    """

    key: str
    field: str
    value: str
    code: str
    reason: str
    refused: bool = True


@dataclass(frozen=True, slots=True)
class Saved:
    """Rows by what became of them, and the keys of all accounts they speak of (changed or not)."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    findings: tuple[Finding, ...] = ()
    accounts: frozenset[str] = frozenset()

    @property
    def refused(self) -> int:
        return sum(finding.refused for finding in self.findings)
