"""Cases and interactions: saved in bulk, recorded by a person, and taken back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heed.conversations.actions import (
    Conversation,
    InteractionRefused,
    mark_not_held,
    record_interaction,
    revert,
    save_cases,
    save_interactions,
)
from heed.conversations.checks import NO_AGENDA
from heed.conversations.models import Case, Interaction
from heed.conversations.rows import BLANK, CaseRow, InteractionRow
from heed.customers.actions import save_accounts, save_contacts
from heed.customers.models import Account, Contact
from heed.customers.rows import AccountRow, ContactRow
from heed.ledger import clock
from heed.ledger.models import AuditEntry, OutboxEntry

pytestmark = pytest.mark.django_db

OPENED = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def account() -> Account:
    save_accounts([AccountRow("a1", name="Acme"), AccountRow("a2")], by="import:1", source="crm")
    save_contacts([ContactRow("c1", account="a1", name="Ann")], by="import:1", source="crm")
    return Account.objects.get(key="a1")


def case(**more: Any) -> CaseRow:
    return CaseRow(**{"key": "t1", "account": "a1", "opened_at": OPENED, **more})


def interaction(**more: Any) -> InteractionRow:
    return InteractionRow(**{"key": "i1", "account": "a1", "kind": "call", "at": OPENED, **more})


def test_a_case_is_saved_once_and_the_same_row_again_changes_nothing(account: Account) -> None:
    rows = [case(contact="c1", subject="Login fails", attributes={"product": "api"})]
    first = save_cases(rows, by="import:2", source="desk")
    trail = AuditEntry.objects.count()
    again = save_cases(rows, by="import:3", source="desk")
    kept = Case.objects.get()
    assert (first.new, first.changed, first.unchanged) == (1, 0, 0)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 1)
    assert AuditEntry.objects.count() == trail
    assert (kept.subject, kept.attributes, kept.source) == ("Login fails", {"product": "api"}, "desk")
    assert kept.contact == Contact.objects.get(key="c1")
    assert (kept.opened_at, kept.recorded_at) == (OPENED, OPENED)


def test_a_change_keeps_both_versions_and_what_the_row_does_not_say(account: Account) -> None:
    save_cases(
        [case(subject="Login fails", resolved_at=OPENED + timedelta(hours=2))], by="import:2", source="d"
    )
    saved = save_cases([case(resolved_at=BLANK, times_reopened=1)], by="import:3", source="d")
    entry = AuditEntry.objects.filter(kind="case").latest("id")
    kept = Case.objects.get()
    assert saved.changed == 1
    assert (kept.subject, kept.resolved_at, kept.times_reopened) == ("Login fails", None, 1)
    assert entry.before is not None
    assert entry.before["resolved_at"] == "2026-03-01T11:00:00+00:00"
    assert entry.after is not None
    assert entry.after["resolved_at"] is None


def test_a_case_of_an_unknown_account_is_refused_and_nothing_is_stored(account: Account) -> None:
    saved = save_cases([case(account="nobody")], by="import:2", source="d")
    assert [finding.code for finding in saved.findings] == ["unknown_account"]
    assert saved.refused == 1
    assert not Case.objects.exists()


def test_a_case_whose_contact_is_unknown_is_saved_without_it(account: Account) -> None:
    saved = save_cases([case(contact="stranger")], by="import:2", source="d")
    assert (saved.new, saved.refused) == (1, 0)
    assert Case.objects.get().contact is None


@pytest.mark.parametrize("missing", ["agenda", "goal"])
def test_a_planned_outreach_without_agenda_or_goal_is_refused_from_a_file(
    account: Account, missing: str
) -> None:
    texts = {"agenda": "Review the rollout", "goal": "Agree on week two", missing: None}
    saved = save_interactions(
        [interaction(motion="planned", direction="outbound", **texts)], by="import:2", source="d"
    )
    assert [(finding.field, finding.code) for finding in saved.findings] == [(missing, "no_agenda")]
    assert not Interaction.objects.exists()


def test_an_interaction_of_an_unknown_kind_is_refused(account: Account) -> None:
    saved = save_interactions([interaction(kind="fax")], by="import:2", source="d")
    assert saved.findings[0].code == "not_allowed"
    assert not Interaction.objects.exists()


def test_a_recorded_interaction_leaves_its_audit_row_and_its_activity(account: Account) -> None:
    said = Conversation(kind="call", direction="inbound", words="It is too slow", minutes=12)
    made = record_interaction(account, said, by="person:1")
    activity = OutboxEntry.objects.get().activity
    assert AuditEntry.objects.get(kind="interaction").subject == made.key
    assert (activity["name"], activity["account"], activity["value"]) == ("interaction.call", "a1", 12.0)
    assert activity["properties"] == '{"direction": "inbound", "words": "It is too slow", "minutes": 12}'
    assert made.at <= clock.now()


@pytest.mark.parametrize("missing", ["agenda", "goal"])
def test_no_check_ins_a_planned_outreach_demands_agenda_and_goal(account: Account, missing: str) -> None:
    texts: dict[str, Any] = {"agenda": "Review the rollout", "goal": "Agree on week two", missing: " "}
    due = clock.now() + timedelta(days=1)
    said = Conversation(kind="call", direction="outbound", motion="planned", at=due, **texts)
    with pytest.raises(InteractionRefused) as refused:
        record_interaction(account, said, by="person:1")
    assert refused.value.problems == {missing: NO_AGENDA}
    assert not Interaction.objects.exists()
    assert not OutboxEntry.objects.exists()
    assert not AuditEntry.objects.filter(kind="interaction").exists()


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({}, "planned"),
        ({"minutes": 20}, "held"),
        ({"words": "It stops."}, "held"),
        ({"recorded_at": OPENED + timedelta(hours=1)}, "held"),
        ({"recorded_at": None}, "held"),
        ({"motion": "triggered"}, "held"),
    ],
)
def test_an_imported_plan_is_one_that_was_known_before_its_time_and_of_which_nothing_is_told(
    account: Account, row: dict[str, Any], state: str
) -> None:
    plan = {"motion": "planned", "direction": "outbound", "agenda": "Rollout", "goal": "Week two agreed"}
    ahead = {"recorded_at": OPENED - timedelta(days=3)}
    save_interactions([interaction(**(plan | ahead | row))], by="import:2", source="crm")
    assert Interaction.objects.get().state == state


def test_what_came_of_an_imported_plan_stands_until_its_source_says_more(account: Account) -> None:
    plan = interaction(
        motion="planned", agenda="Rollout", goal="Week two agreed", recorded_at=OPENED - timedelta(days=3)
    )
    save_interactions([plan], by="import:2", source="crm")
    mark_not_held(Interaction.objects.get(), reason="They were ill", by="person:1")
    save_interactions([plan], by="import:3", source="crm")
    assert Interaction.objects.get().state == "cancelled"
    save_interactions([replace(plan, minutes=20)], by="import:4", source="crm")
    assert Interaction.objects.get().state == "held"


def test_a_contact_of_another_account_is_refused(account: Account) -> None:
    said = Conversation(kind="note", direction="internal", contact=Contact.objects.get())
    with pytest.raises(InteractionRefused, match="is not at"):
        record_interaction(Account.objects.get(key="a2"), said, by="person:1")
    assert not Interaction.objects.exists()


def test_undo_takes_back_what_one_import_saved_and_nothing_else(account: Account) -> None:
    save_cases([case(subject="Before"), case(key="t2")], by="import:2", source="d")
    save_cases([case(subject="After"), case(key="t3")], by="import:3", source="d")
    save_interactions([interaction()], by="import:3", source="d")
    done = revert("import:3", by="person:1")
    assert (done.restored, done.deleted) == (1, 2)
    assert dict(Case.objects.values_list("key", "subject")) == {"t1": "Before", "t2": ""}
    assert not Interaction.objects.exists()
    assert revert("import:3", by="person:1").restored == 0
