"""Taking back what was decided on an earlier day: it says how old it is, or that there is nothing left."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from heed.conversations.actions import mark_not_held
from heed.conversations.models import Interaction
from heed.desk import actions
from heed.desk.models import WorklistRow
from heed.ledger.models import AuditEntry
from tests.desk.conftest import DAY, MORNING

if TYPE_CHECKING:
    from tests.desk.conftest import MakeAccount, MakeRisk

pytestmark = pytest.mark.django_db


def snoozed(by: str) -> WorklistRow:
    """The row of a list of two days ago, put away then."""
    actions.rank_worklist(DAY - timedelta(days=2), by="daily round")
    return actions.snooze(WorklistRow.objects.get(), until=DAY + timedelta(days=9), reason="Ill", by=by)


def text_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_a_row_of_an_earlier_list_says_of_which_day_it_is_until_the_next_round(
    alice: Any, alice_client: Client, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("a", alice), "1000", 0.25)
    row = snoozed(alice.actor)
    alice_client.post(f"/today/rows/{row.pk}/reopen/")
    row.refresh_from_db()
    assert row.state == "open"
    assert "as of 20 November" in text_of(alice_client, "/today/")
    actions.rank_worklist(DAY, by="daily round")
    assert "as of " not in text_of(alice_client, "/today/")


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_follow_up_whose_plan_was_closed_meanwhile_is_not_taken_back(
    headers: dict[str, str], alice: Any, alice_client: Client, make_account: "MakeAccount"
) -> None:
    plan = Interaction.objects.create(
        key="p", account=make_account("a", alice), kind="call", direction="outbound", motion="planned",
        state="planned", agenda="Close in five days", goal="Books closed", at=MORNING - timedelta(days=2),
        source="heed", recorded_at=MORNING - timedelta(days=5), held_by=alice,
    )  # fmt: skip
    row = snoozed(alice.actor)
    mark_not_held(plan, reason="They were ill", by=alice.actor)
    trail = AuditEntry.objects.count()
    answer = alice_client.post(f"/today/rows/{row.pk}/reopen/", headers=headers, follow=True)
    assert "Its plan was closed meanwhile" in answer.content.decode()
    row.refresh_from_db()
    assert (row.state, row.state_reason, AuditEntry.objects.count()) == ("snoozed", "Ill", trail)


def test_a_follow_up_whose_plan_is_open_still_is_taken_back(alice: Any, make_account: "MakeAccount") -> None:
    Interaction.objects.create(
        key="p", account=make_account("a", alice), kind="call", direction="outbound", motion="planned",
        state="planned", agenda="Close in five days", goal="Books closed", at=MORNING - timedelta(days=2),
        source="heed", recorded_at=MORNING - timedelta(days=5), held_by=alice,
    )  # fmt: skip
    assert actions.reopen(snoozed(alice.actor), by=alice.actor).state == "open"
