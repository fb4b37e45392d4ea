"""Rows into states: what a row changes, and what in it cannot be taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from heed.customers.models import AccountKind
from heed.customers.rows import AccountRow, ContactRow, Finding, PeriodRow
from heed.customers.states import State, amount_text, given, plain, with_attributes
from heed.ledger import clock

LONGEST = {
    "key": 200,
    "name": 300,
    "email": 320,
    "role": 200,
    "subscription": 200,
    "plan": 200,
    "source": 100,
}
LARGEST_AMOUNT = Decimal(10) ** 12


class RefusedRow(Exception):  # noqa: N818 - not an error of the program
    """A row that cannot be saved, with the finding that says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.reason)
        self.finding = finding


def refuse(key: str, name: str, value: Any, code: str, reason: str) -> RefusedRow:
    return RefusedRow(Finding(key, name, "" if value is None else str(value), code, reason))


def demand_key(key: str) -> None:
    if not key.strip():
        raise refuse(key, "key", key, "missing", "The row has no id. Give each row one that stays the same.")
    demand_short(key, key, "key")


def demand_short(key: str, value: Any, name: str) -> None:
    longest = LONGEST[name]
    if isinstance(value, str) and len(value) > longest:
        raise refuse(
            key[:200],
            name,
            value[:50] + "…",
            "too_long",
            f"{name} has {len(value)} characters; {longest} are kept.",
        )


def refused_as_erased(key: str) -> Finding:
    reason = "This was erased on request, so what a file says of it is not stored again."
    return Finding(key, "key", key, "erased", reason)


@dataclass
class AccountCheck:
    """Takes an account's row into its state; owners are known users, parents are seen to later."""

    owners: Mapping[str, str]
    source: str
    findings: list[Finding] = field(default_factory=list)

    def apply(self, row: AccountRow, present: State | None) -> State:
        demand_key(row.key)
        demand_short(row.key, row.name, "name")
        state = dict(present) if present else self._blank(row.key)
        given(state, "name", row.name, empty=row.key)
        given(state, "since", row.since, empty=None)
        self._take_kind(state, row)
        self._take_owner(state, row)
        state["attributes"] = with_attributes(state["attributes"], row.attributes)
        state["withdrawn"] = False
        return state

    def _blank(self, key: str) -> State:
        return {
            "name": key,
            "kind": AccountKind.CUSTOMER.value,
            "parent": None,
            "owner": None,
            "since": None,
            "attributes": {},
            "source": self.source,
            "withdrawn": False,
            "erased": False,
        }

    def _take_kind(self, state: State, row: AccountRow) -> None:
        if not row.kind:
            return
        kind = row.kind.strip().lower()
        if kind in AccountKind.values:
            state["kind"] = kind
            return
        kinds = ", ".join(AccountKind.values)
        reason = f"'{row.kind}' is no kind of account; kinds are {kinds}. The kind stays {state['kind']}."
        self.findings.append(Finding(row.key, "kind", row.kind, "not_allowed", reason, refused=False))

    def _take_owner(self, state: State, row: AccountRow) -> None:
        if row.owner is None:
            return
        if not isinstance(row.owner, str) or not row.owner.strip():
            state["owner"] = None
            return
        owner = self.owners.get(row.owner.strip().lower())
        if owner:
            state["owner"] = owner
            return
        reason = (
            f"Nobody in Heed has the address '{row.owner}', so the owner stays as it was. "
            "Invite this person, then import again."
        )
        self.findings.append(Finding(row.key, "owner", row.owner, "unknown_owner", reason, refused=False))


@dataclass
class ContactCheck:
    accounts: Mapping[str, int]
    source: str

    def apply(self, row: ContactRow, present: State | None) -> State:
        demand_key(row.key)
        for name in ("name", "email", "role"):
            demand_short(row.key, getattr(row, name), name)
        state = dict(present) if present else self._blank()
        take_account(state, row.key, row.account, self.accounts)
        for name in ("name", "email", "role"):
            given(state, name, getattr(row, name), empty="")
        state["attributes"] = with_attributes(state["attributes"], row.attributes)
        state["withdrawn"] = False
        return state

    def _blank(self) -> State:
        return {
            "account": None,
            "name": "",
            "email": "",
            "role": "",
            "attributes": {},
            "source": self.source,
            "withdrawn": False,
            "erased": False,
        }


def take_account(state: State, key: str, account: str | None, known: Mapping[str, int]) -> None:
    if account:
        if account not in known:
            reason = f"There is no account with the id '{account}'. Import it first, or correct the id."
            raise refuse(key, "account", account, "unknown_account", reason)
        state["account"] = account
    elif state["account"] is None:
        raise refuse(key, "account", account, "missing", "The row does not say which account it belongs to.")


@dataclass
class PeriodCheck:
    accounts: Mapping[str, int]
    source: str
    now: datetime = field(default_factory=clock.now)

    def apply(self, row: PeriodRow, present: State | None) -> State:
        demand_key(row.key)
        for name in ("subscription", "plan"):
            demand_short(row.key, getattr(row, name), name)
        state = dict(present) if present else self._blank(row.key)
        take_account(state, row.key, row.account, self.accounts)
        given(state, "subscription", row.subscription, empty=row.key)
        given(state, "plan", row.plan, empty="")
        for name in ("starts_on", "ends_on", "renews_on"):
            given(state, name, getattr(row, name), empty=None)
        take_seats(state, row)
        take_amount(state, row)
        state["attributes"] = with_attributes(state["attributes"], row.attributes)
        state["withdrawn"] = False
        check_period(row.key, state)
        if present is None or row.recorded_at is not None:
            state["recorded_at"] = self._recorded_at(row, state)
        return state

    def _blank(self, key: str) -> State:
        return {
            "subscription": key,
            "account": None,
            "plan": "",
            "starts_on": None,
            "ends_on": None,
            "renews_on": None,
            "monthly_amount": None,
            "currency": None,
            "seats": None,
            "attributes": {},
            "source": self.source,
            "recorded_at": None,
            "withdrawn": False,
        }

    def _recorded_at(self, row: PeriodRow, state: State) -> str:
        if row.recorded_at is not None:
            return row.recorded_at.astimezone(UTC).isoformat()
        start = datetime.combine(date.fromisoformat(state["starts_on"]), time(), UTC)
        return min(start, self.now).isoformat()


def take_seats(state: State, row: PeriodRow) -> None:
    if isinstance(row.seats, int) and not 0 <= row.seats < 2**31:
        reason = f"{row.seats} seats is not a number of seats (0 to {2**31 - 1})."
        raise refuse(row.key, "seats", row.seats, "negative" if row.seats < 0 else "not_allowed", reason)
    given(state, "seats", row.seats, empty=None)


def take_amount(state: State, row: PeriodRow) -> None:
    if row.currency:
        currency = row.currency.strip().upper()
        if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
            reason = f"'{row.currency}' is not a currency. Give its three letters, for example EUR."
            raise refuse(row.key, "currency", row.currency, "not_allowed", reason)
        state["currency"] = currency
    if row.monthly_amount is None:
        return
    amount = row.monthly_amount
    if not amount.is_finite() or amount >= LARGEST_AMOUNT:
        reason = f"{amount} is not an amount that can be kept (below {LARGEST_AMOUNT})."
        raise refuse(row.key, "monthly_amount", amount, "not_allowed", reason)
    if amount < 0:
        reason = f"The monthly amount {amount} is negative. What an account pays per month is 0 or more."
        raise refuse(row.key, "monthly_amount", amount, "negative", reason)
    state["monthly_amount"] = amount_text(amount)


def check_period(key: str, state: State) -> None:
    for name in ("starts_on", "monthly_amount", "currency"):
        if state[name] is None:
            raise refuse(key, name, None, "missing", f"The row does not give {name}.")
    if state["ends_on"] is not None and state["ends_on"] <= state["starts_on"]:
        reason = (
            f"The period ends on {state['ends_on']}, which is not after its start on {state['starts_on']}. "
            "The end is the first day that no longer counts."
        )
        raise refuse(key, "ends_on", plain(state["ends_on"]), "ends_before_start", reason)
