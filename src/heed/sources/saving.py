"""Staged rows into the packages that keep them: which row class, which verb."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from heed.conversations.actions import save_cases, save_interactions
from heed.conversations.rows import CaseRow, InteractionRow
from heed.customers.actions import save_accounts, save_contacts, save_periods
from heed.customers.rows import BLANK, AccountRow, ContactRow, PeriodRow, Saved

Values = Mapping[str, Any]
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def said(row: Values, name: str) -> Any:
    """None where the mapping has no such column, BLANK where the file has it empty."""
    if name not in row:
        return None
    return BLANK if row[name] is None else row[name]


def stated(row: Values, name: str) -> Any:
    """A value that cannot be blank: empty says as little as absent."""
    return row.get(name)


def extras(row: Values) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row.get("_extras") or "{}")
    return found


def account_row(row: Values) -> AccountRow:
    return AccountRow(
        row["key"],
        name="" if "name" in row and row["name"] is None else row.get("name"),
        kind=stated(row, "kind"),
        parent=said(row, "parent"),
        owner=said(row, "owner"),
        since=said(row, "since"),
        attributes=extras(row),
    )


def contact_row(row: Values) -> ContactRow:
    return ContactRow(
        row["key"],
        account=row["account"],
        name=said(row, "name"),
        email=said(row, "email"),
        role=said(row, "role"),
        attributes=extras(row),
    )


def period_row(row: Values) -> PeriodRow:
    months = MONTHS[row.get("amount_per") or "month"]
    return PeriodRow(
        row["key"],
        subscription=row["subscription"],
        account=row["account"],
        plan=said(row, "plan"),
        starts_on=row["starts_on"],
        ends_on=said(row, "ends_on"),
        renews_on=said(row, "renews_on"),
        monthly_amount=Decimal(row["amount"]) / months,
        currency=row["currency"],
        seats=said(row, "seats"),
        attributes=extras(row),
        recorded_at=row.get("recorded_at"),
    )


def case_row(row: Values) -> CaseRow:
    return CaseRow(
        row["key"],
        account=row["account"],
        contact=said(row, "contact"),
        subject=said(row, "subject"),
        kind=said(row, "kind"),
        severity=said(row, "severity"),
        opened_at=row["opened_at"],
        first_reply_at=said(row, "first_reply_at"),
        resolved_at=said(row, "resolved_at"),
        closed_at=said(row, "closed_at"),
        times_reopened=said(row, "times_reopened"),
        attributes=extras(row),
        recorded_at=row["recorded_at"],
    )


def interaction_row(row: Values) -> InteractionRow:
    return InteractionRow(
        row["key"],
        account=row["account"],
        contact=said(row, "contact"),
        kind=row["kind"],
        direction=said(row, "direction"),
        motion=said(row, "motion"),
        purpose=said(row, "purpose"),
        agenda=said(row, "agenda"),
        goal=said(row, "goal"),
        words=said(row, "words"),
        minutes=said(row, "minutes"),
        at=row["at"],
        recorded_at=row["recorded_at"],
    )


def _keeper(make: Callable[[Values], Any], save: Callable[..., Saved]) -> Callable[..., Saved]:
    def keep(rows: Iterable[Values], *, by: str, source: str) -> Saved:
        made: Iterator[Any] = (make(row) for row in rows)
        return save(made, by=by, source=source)

    return keep


KEEPERS: dict[str, Callable[..., Saved]] = {
    "accounts": _keeper(account_row, save_accounts),
    "contacts": _keeper(contact_row, save_contacts),
    "subscriptions": _keeper(period_row, save_periods),
    "tickets": _keeper(case_row, save_cases),
    "interactions": _keeper(interaction_row, save_interactions),
}
"""The verb that saves staged rows of an entity: called with rows as mappings, `by` and `source`."""
