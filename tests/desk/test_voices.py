"""Whose words are quoted as the customer's: on the account page, and in its timeline."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from heed.conversations.actions import Outcome, mark_held, save_interactions
from heed.conversations.models import Interaction
from heed.conversations.rows import InteractionRow
from tests.desk.conftest import MORNING

if TYPE_CHECKING:
    from heed.stream import Stream
    from tests.desk.conftest import MakeAccount

pytestmark = pytest.mark.django_db

PAGE = "/customers/accounts/a/"
WORDS = "It takes nine days."


def quoted(client: Client) -> tuple[str, list[str]]:
    """The last words on the page, and those in the timeline."""
    shown = client.get(PAGE).context
    entries = [entry for day in shown["timeline"].days for entry in day.entries]
    last = shown["profile"].said
    return last.text if last else "", [entry.quote for entry in entries if entry.quote]


@pytest.mark.parametrize(
    ("kind", "direction", "heard"),
    [
        ("call", "inbound", True),
        ("call", "outbound", True),
        ("mention", "inbound", True),
        ("mention", "outbound", False),
        ("observation", "inbound", False),
        ("observation", "outbound", False),
    ],
)
def test_of_what_a_person_records_only_what_the_customer_said_is_quoted(
    kind: str,
    direction: str,
    heard: bool,
    alice: Any,
    alice_client: Client,
    make_account: "MakeAccount",
    stream: "Stream",
) -> None:
    make_account("a", alice)
    said = {"kind": kind, "direction": direction, "at": "2026-11-22T07:30", "words": WORDS}
    assert alice_client.post(f"{PAGE}conversations/new/", said).status_code == 302
    assert quoted(alice_client) == ((WORDS, [WORDS]) if heard else ("", []))
    assert WORDS in alice_client.get(PAGE).content.decode()


def test_what_was_said_in_a_conversation_that_another_system_planned_is_quoted_until_that_system_speaks(
    alice: Any, alice_client: Client, make_account: "MakeAccount", stream: "Stream"
) -> None:
    make_account("a", alice)
    at = MORNING - timedelta(hours=1)
    plan = InteractionRow(
        "I-1", account="a", kind="call", direction="outbound", motion="planned", agenda="Close in five days",
        goal="Books closed", at=at, recorded_at=at - timedelta(days=3),
    )  # fmt: skip
    save_interactions([plan], by="import:1", source="crm")
    mark_held(Interaction.objects.get(), Outcome(WORDS, at=at), by=alice.actor, held_by=alice)
    assert quoted(alice_client) == (WORDS, [WORDS])
    told = InteractionRow("I-1", words="Our own minutes of it.")
    save_interactions([told], by="import:2", source="crm")
    assert quoted(alice_client)[0] == ""
