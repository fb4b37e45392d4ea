"""Planned conversations: refused without substance, and counted once they were held."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from heed.conversations.actions import (
    NO_CHECK_INS,
    Conversation,
    InteractionRefused,
    Outcome,
    mark_held,
    mark_not_held,
    record_interaction,
)
from heed.conversations.checks import NO_AGENDA, is_check_in
from heed.conversations.models import Interaction
from heed.customers.actions import save_accounts
from heed.customers.models import Account
from heed.customers.rows import AccountRow
from heed.ledger.models import AuditEntry, OutboxEntry

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
PLAN = Conversation(
    kind="call", direction="outbound", motion="planned", purpose="review", at=TOMORROW,
    agenda="Close in five days: what is left?", goal="Books closed in 5 days",
)  # fmt: skip
PLAN_OF_TODAY = replace(PLAN, purpose="", at=NOW - timedelta(hours=1))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setenv("HEED_NOW", NOW.isoformat())
    save_accounts([AccountRow("a1", name="Acme"), AccountRow("a2")], by="import:1", source="crm")
    return Account.objects.get(key="a1")


@pytest.fixture
def plan(account: Account, monkeypatch: pytest.MonkeyPatch) -> Interaction:
    """A call that was planned yesterday for an hour ago."""
    monkeypatch.setenv("HEED_NOW", (NOW - timedelta(days=1)).isoformat())
    made = record_interaction(account, PLAN_OF_TODAY, by="person:1")
    monkeypatch.setenv("HEED_NOW", NOW.isoformat())
    return made


def kept() -> tuple[list[dict[str, Any]], int, int]:
    """Everything that an action could have changed."""
    rows = [dict(row) for row in Interaction.objects.order_by("pk").values()]
    return rows, AuditEntry.objects.count(), OutboxEntry.objects.count()


def activities() -> list[dict[str, Any]]:
    return [entry.activity for entry in OutboxEntry.objects.order_by("id")]


@pytest.mark.parametrize(
    ("agenda", "goal", "problems"),
    [
        ("Just checking in", "Books closed", {"agenda": NO_CHECK_INS}),
        ("Close in five days", "touch base!", {"goal": NO_CHECK_INS}),
        (" ", "Catching up", {"agenda": NO_AGENDA, "goal": NO_CHECK_INS}),
        ("", "", {"agenda": NO_AGENDA, "goal": NO_AGENDA}),
    ],
)
def test_the_action_itself_refuses_to_plan_a_check_in(
    account: Account, agenda: str, goal: str, problems: dict[str, str]
) -> None:
    before = kept()
    said = Conversation("call", "outbound", "planned", agenda=agenda, goal=goal, at=TOMORROW)
    with pytest.raises(InteractionRefused) as refused:
        record_interaction(account, said, by="person:1")
    assert refused.value.problems == problems
    assert kept() == before


def test_an_agenda_of_any_length_is_read_at_once() -> None:
    assert not is_check_in("is" * 2_500)
    assert is_check_in("just " * 1_000)


def test_what_is_still_to_come_is_planned_or_refused(account: Account) -> None:
    before = kept()
    said = Conversation("call", "inbound", "reactive", words="It stops.", at=NOW + timedelta(minutes=6))
    with pytest.raises(InteractionRefused) as refused:
        record_interaction(account, said, by="person:1")
    assert list(refused.value.problems) == ["at"]
    assert kept() == before


@pytest.mark.parametrize(
    ("at", "problem"),
    [(None, "Say when it is due"), (NOW, "This is past"), (NOW - timedelta(days=1), "This is past")],
)
@pytest.mark.parametrize("direction", ["outbound", "inbound"])
def test_a_plan_is_for_an_instant_to_come(
    account: Account, direction: str, at: datetime | None, problem: str
) -> None:
    before = kept()
    with pytest.raises(InteractionRefused, match=problem) as refused:
        record_interaction(account, replace(PLAN, direction=direction, at=at), by="person:1")
    assert list(refused.value.problems) == ["at"]
    assert kept() == before


@pytest.mark.parametrize(
    ("at", "problem"), [("", "This field is required"), ("2026-11-22T07:59", "This is past")]
)
def test_the_page_plans_for_no_instant_that_is_past_or_untold(
    alice_client: Client, account: Account, at: str, problem: str
) -> None:
    before = kept()
    plan = {"kind": "call", "at": at, "agenda": PLAN.agenda, "goal": PLAN.goal}
    answer = alice_client.post("/customers/accounts/a1/conversations/plan/", plan)
    assert (answer.status_code, problem in answer.content.decode()) == (422, True)
    assert kept() == before


def test_a_plan_is_an_activity_of_today_and_no_conversation_yet(account: Account) -> None:
    made = record_interaction(account, PLAN, by="person:1")
    (activity,) = activities()
    assert made.state == "planned"
    assert (activity["name"], activity["at"]) == ("interaction.planned", NOW.isoformat())
    assert json.loads(activity["properties"]) == {
        "kind": "call", "direction": "outbound", "purpose": "review", "goal": "Books closed in 5 days",
        "for": TOMORROW.isoformat(),
    }  # fmt: skip


def test_a_plan_that_was_held_is_a_conversation_at_its_time(plan: Interaction) -> None:
    at = NOW - timedelta(minutes=40)
    outcome = Outcome("It takes nine days, still.", minutes=20, at=at, goal_met=False)
    made = mark_held(plan, outcome, by="person:2")
    kept = Interaction.objects.get()
    assert (kept.state, kept.words, kept.minutes, kept.goal_met, kept.at) == (
        "held", "It takes nine days, still.", 20, False, at,
    )  # fmt: skip
    activity = activities()[-1]
    assert (activity["name"], activity["value"], activity["at"], activity["batch"]) == (
        "interaction.call", 20.0, at.isoformat(), "person:2",
    )  # fmt: skip
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.subject, entry.by) == ("mark held", made.key, "person:2")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["state"], entry.after["state"], entry.after["minutes"]) == ("planned", "held", 20)


def test_a_plan_that_was_not_held_says_why(plan: Interaction) -> None:
    mark_not_held(plan, reason=" They were ill ", by="person:2")
    assert Interaction.objects.get().state == "cancelled"
    activity = activities()[-1]
    assert (activity["name"], json.loads(activity["properties"])) == (
        "interaction.cancelled", {"kind": "call", "reason": "They were ill"},
    )  # fmt: skip
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.reason) == ("mark not held", "They were ill")


@pytest.mark.parametrize(
    ("outcome", "field"),
    [(Outcome(" "), "words"), (Outcome("It stops.", at=NOW + timedelta(minutes=6)), "at")],
)
def test_nothing_is_held_without_words_or_in_time_to_come(
    plan: Interaction, outcome: Outcome, field: str
) -> None:
    before = kept()
    with pytest.raises(InteractionRefused) as refused:
        mark_held(plan, outcome, by="person:1")
    assert list(refused.value.problems) == [field]
    assert kept() == before


def test_a_plan_is_not_called_off_without_a_reason(plan: Interaction) -> None:
    before = kept()
    with pytest.raises(InteractionRefused) as refused:
        mark_not_held(plan, reason="  ", by="person:1")
    assert list(refused.value.problems) == ["reason"]
    assert kept() == before


def test_a_plan_is_closed_once(plan: Interaction) -> None:
    mark_not_held(plan, reason="They were ill", by="person:1")
    before = kept()
    with pytest.raises(InteractionRefused, match="already: not held"):
        mark_held(plan, Outcome("We spoke after all."), by="person:2")
    with pytest.raises(InteractionRefused, match="already: not held"):
        mark_not_held(plan, reason="Twice", by="person:2")
    assert kept() == before


def test_the_pages_close_a_plan_and_say_what_is_wrong(alice_client: Client, plan: Interaction) -> None:
    address = f"/customers/accounts/a1/conversations/{plan.pk}"
    page = alice_client.get(f"{address}/held/").content.decode()
    assert "Close in five days: what is left?" in page
    said = {"words": "Nine days, still.", "minutes": "20", "at": "2026-11-22T07:10", "goal_met": "no"}
    late = alice_client.post(f"{address}/held/", said | {"at": "2026-11-22T09:10"})
    assert (late.status_code, "This is still to come" in late.content.decode()) == (422, True)
    assert alice_client.post(f"{address}/held/", said).status_code == 302
    kept = Interaction.objects.get()
    assert (kept.state, kept.goal_met, kept.minutes) == ("held", False, 20)
    assert kept.held_by is not None
    assert kept.held_by.email == "alice@heed.test"
    again = alice_client.post(f"{address}/not-held/", {"reason": "Ill"})
    assert (again.status_code, "already: held" in again.content.decode()) == (422, True)


def test_a_plan_is_called_off_by_its_page(alice_client: Client, plan: Interaction) -> None:
    address = f"/customers/accounts/a1/conversations/{plan.pk}/not-held/"
    assert alice_client.post(address, {"reason": ""}).status_code == 422
    assert alice_client.post(address, {"reason": "They were ill"}).status_code == 302
    assert Interaction.objects.get().state == "cancelled"


def test_a_plan_is_found_at_its_own_account_only(
    alice_client: Client, viewer_client: Client, plan: Interaction
) -> None:
    address = f"conversations/{plan.pk}/held/"
    assert alice_client.get(f"/customers/accounts/a2/{address}").status_code == 404
    assert viewer_client.post(f"/customers/accounts/a1/{address}", {"words": "x"}).status_code == 403
    assert Interaction.objects.get().state == "planned"
