"""Who comes on whose list, in which order, and what decisions do to it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from heed.conversations.models import Case, Interaction
from heed.customers.models import Account, Contact, ExchangeRate
from heed.desk import actions
from heed.desk.models import WorkKind, WorklistRow, WorkState
from heed.ledger.models import AuditEntry
from heed.stream import Activity, AppTransaction
from heed.stream.activity import as_table
from tests.desk.conftest import DAY, MORNING

if TYPE_CHECKING:
    from heed.stream import Stream
    from tests.desk.conftest import MakeAccount, MakeRisk, MakeValue

pytestmark = pytest.mark.django_db
NEXT = DAY + timedelta(days=1)


def rank(day: date = DAY) -> actions.Ranked:
    return actions.rank_worklist(day, by="daily round")


def on_list(person: Any) -> list[tuple[str, str]]:
    rows = WorklistRow.objects.filter(person=person, state=WorkState.OPEN).order_by("rank")
    return list(rows.values_list("account__key", "kind"))


def the_row(**which: Any) -> WorklistRow:
    return WorklistRow.objects.get(**which)


def stored() -> list[dict[str, Any]]:
    return [dict(row) for row in WorklistRow.objects.order_by("id").values()]


def make_case(account: Account, key: str = "C-1", **fields: Any) -> Case:
    given = {"opened_at": MORNING - timedelta(days=6), "source": "desk", "recorded_at": MORNING} | fields
    return Case.objects.create(key=key, account=account, subject="Export is empty", **given)


def make_plan(account: Account, at: datetime, **fields: Any) -> Interaction:
    given = {"key": "I-1", "kind": "call", "direction": "outbound", "motion": "planned", "at": at}
    given |= {"agenda": "Close in five days", "goal": "Books closed in 5 days", "source": "heed"}
    given |= {"recorded_at": at - timedelta(days=3), "state": "planned"} | fields
    return Interaction.objects.create(account=account, **given)


def test_risk_is_ranked_by_amount_times_probability(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("small", alice), "1000", 0.9)
    make_risk(make_account("large", alice), "90000", 0.2)
    make_risk(make_account("middle", alice), "20000", 0.4)
    assert rank() == actions.Ranked(rows=3, new=3, returned=0, gone=0)
    assert on_list(alice) == [("large", "risk"), ("middle", "risk"), ("small", "risk")]
    row = the_row(account__key="large")
    assert (row.stake, row.currency, row.probability, row.rank) == (Decimal(90_000), "EUR", 0.2, 1)
    assert (row.due_on, row.change) == (date(2027, 3, 21), "new today")


def test_amounts_are_compared_by_the_stated_rates(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    ExchangeRate.objects.create(currency="SEK", rate="0.1", stated_by="test", stated_at=MORNING)
    make_risk(make_account("kronor", alice), "50000", 0.5, currency="SEK")
    make_risk(make_account("euro", alice), "10000", 0.5)
    rank()
    assert on_list(alice) == [("euro", "risk"), ("kronor", "risk")]


def test_an_unknown_risk_or_amount_is_no_row(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("chance-unknown", alice), "1000", None)
    make_risk(make_account("amount-unknown", alice), None, 0.9)
    assert rank().rows == 0


def test_nobody_gets_more_rows_than_their_capacity(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    alice.capacity = 2
    alice.save()
    for number in range(5):
        make_risk(make_account(f"a{number}", alice), str(1000 * (number + 1)), 0.5)
    rank()
    assert on_list(alice) == [("a4", "risk"), ("a3", "risk")]


def test_half_of_the_places_go_to_what_is_due(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", make_period: Any
) -> None:
    alice.capacity = 4
    alice.save()
    for number in range(3):
        make_period(make_account(f"due{number}", alice), renews_on=DAY + timedelta(days=30))
    for number in range(3):
        make_risk(make_account(f"risk{number}", alice), str(9000 - number), 0.5)
    rank()
    expected = [("due0", "renewal"), ("due1", "renewal"), ("risk0", "risk"), ("risk1", "risk")]
    assert on_list(alice) == expected


def test_free_places_go_to_the_other_half(alice: Any, make_account: "MakeAccount", make_period: Any) -> None:
    alice.capacity = 4
    alice.save()
    for number in range(3):
        make_period(make_account(f"due{number}", alice), renews_on=DAY)
    rank()
    assert [key for key, _ in on_list(alice)] == ["due0", "due1", "due2"]


def test_a_renewal_is_due_thirty_days_ahead_and_not_before(
    alice: Any, make_account: "MakeAccount", make_period: Any
) -> None:
    make_period(make_account("near", alice), renews_on=DAY + timedelta(days=30))
    make_period(make_account("far", alice), renews_on=DAY + timedelta(days=31))
    make_period(make_account("over", alice), renews_on=DAY, ends_on=DAY)
    rank()
    assert on_list(alice) == [("near", "renewal")]
    assert the_row().why.startswith("The contract renews in 30 days; nothing unusual in what we measure")


def test_a_planned_conversation_comes_first_when_its_day_has_come(
    alice: Any, bob: Any, make_account: "MakeAccount", make_period: Any
) -> None:
    make_period(make_account("renewing", alice), renews_on=DAY)
    planned = make_account("planned", alice)
    make_plan(planned, MORNING + timedelta(hours=2), held_by=alice)
    make_plan(make_account("later", alice), MORNING + timedelta(days=1), key="I-2", held_by=alice)
    make_plan(make_account("held", alice), MORNING, key="I-3", held_by=alice, state="held")
    make_plan(make_account("off", alice), MORNING, key="I-5", held_by=alice, state="cancelled")
    make_plan(make_account("bobs-call", alice), MORNING, key="I-4", held_by=bob)
    rank()
    assert on_list(alice) == [("planned", "follow_up"), ("renewing", "renewal")]
    assert on_list(bob) == [("bobs-call", "follow_up")]
    said = "A planned conversation was due today; its goal: Books closed in 5 days."
    assert the_row(account=planned).why == said


def test_the_case_that_waits_longest_is_told(alice: Any, make_account: "MakeAccount") -> None:
    account = make_account("northgate", alice)
    make_case(account, "answered", first_reply_at=MORNING)
    make_case(account, "young", opened_at=MORNING - timedelta(days=1))
    make_case(account, "old", opened_at=MORNING - timedelta(days=6))
    make_case(account, "solved", resolved_at=MORNING)
    rank()
    row = the_row(person=alice)
    assert row.kind == WorkKind.CASE
    assert row.why == "Their case “Export is empty” has waited 6 days for a first reply."
    assert row.evidence == [
        {"key": "case:old", "text": "case opened 16 Nov, no reply", "tone": "bad",
         "href": "/customers/accounts/northgate/#cases"}
    ]  # fmt: skip


def test_each_kind_of_what_is_due_takes_its_turn(
    alice: Any, make_account: "MakeAccount", make_period: Any, make_risk: "MakeRisk"
) -> None:
    alice.capacity = 10
    alice.save()
    for number in (1, 2):
        harmed = make_account(f"harmed{number}", alice)
        opened = MORNING - timedelta(days=30 * number)
        make_case(harmed, f"H{number}", severity="High", opened_at=opened, first_reply_at=opened)
        waiting = make_account(f"waiting{number}", alice)
        make_case(waiting, f"W{number}", opened_at=MORNING - timedelta(days=number))
        make_plan(make_account(f"planned{number}", alice), MORNING - timedelta(days=number), key=f"P{number}")
        make_period(make_account(f"renewing{number}", alice), renews_on=DAY + timedelta(days=number))
        make_risk(make_account(f"risky{number}", alice), "1000", 0.5)
        make_risk(make_account(f"risk{number}", alice), "900", 0.5)
    make_case(make_account("fine", alice), "N", severity="normal", first_reply_at=MORNING)
    rank()
    assert on_list(alice) == [
        ("harmed2", "harm"), ("harmed1", "harm"), ("waiting2", "case"), ("waiting1", "case"),
        ("planned2", "follow_up"), ("renewing1", "renewal"), ("risky1", "risk"), ("risky2", "risk"),
        ("risk1", "risk"), ("risk2", "risk"),
    ]  # fmt: skip
    row = the_row(account__key="harmed2")
    assert row.why == "Their severe case “Export is empty” is open for 60 days."
    assert (row.since, row.due_on) == (date(2026, 9, 23), None)


def test_the_harm_of_a_customer_that_left_is_not_due(
    alice: Any, make_account: "MakeAccount", make_period: Any
) -> None:
    gone, unpriced = make_account("gone", alice), make_account("unpriced", alice)
    make_period(gone, ends_on=DAY)
    make_case(gone, "C-1", severity="high")
    make_case(unpriced, "C-2", severity="critical")
    rank()
    assert on_list(alice) == [("unpriced", "harm")]


def test_rows_whose_value_at_stake_cannot_be_told_apart_are_ordered_by_their_evidence(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", make_value: "MakeValue"
) -> None:
    for key, amount in (("largest", "10000"), ("equal", "8000"), ("smaller", "6000")):
        account = make_account(key, alice)
        make_risk(account, amount, 0.10, low=0.09, high=0.12)
        if key != "largest":
            make_value(account, "days_since_conversation", 200.0)
    rank()  # 1,000 [900 to 1,200]; 800 [720 to 960] reaches 900; 600 [540 to 720] does not
    assert [key for key, _ in on_list(alice)] == ["equal", "largest", "smaller"]


def test_a_row_quotes_what_they_said_last(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", stream: "Stream"
) -> None:
    account = make_account("a", alice)
    make_risk(account, "1000", 0.5)
    Contact.objects.create(
        key="tara", account=account, name="Tara", role="controller", source="t", created_at=MORNING,
        changed_at=MORNING,
    )  # fmt: skip
    given = {"kind": "call", "direction": "inbound", "motion": "reactive", "state": "held"}
    given |= {"agenda": "", "goal": ""}
    make_plan(account, MORNING - timedelta(days=9), words="It is fine.", **given)
    answers = [
        Activity("s", f"{days}", "a", "survey.nps", MORNING - timedelta(days=days), "tara", value=mark,
                 properties=f'{{"comment": "{said}"}}')
        for days, mark, said in ((200, 1.0, "Too long ago."), (3, 4.0, "Too slow."), (5, 9.0, "Good."))
    ]  # fmt: skip
    stream.append(as_table(answers), transaction=AppTransaction("t", 1), recorded_at=MORNING)
    rank()
    row = the_row()
    assert row.why == "Their last words, of 19 November, came with NPS 4 of 10."
    assert row.quote is not None
    assert (row.quote["words"], row.quote["speaker"], row.quote["source"]) == (
        "Too slow.", "controller", "NPS 4 of 10",
    )  # fmt: skip


def test_where_first_replies_are_not_recorded_no_case_waits(alice: Any, make_account: "MakeAccount") -> None:
    make_case(make_account("northgate", alice))
    assert rank().rows == 0


def test_an_account_takes_one_place(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", make_period: Any
) -> None:
    account = make_account("both", alice)
    make_period(account, renews_on=DAY)
    make_risk(account, "1000", 0.5)
    rank()
    assert on_list(alice) == [("both", "renewal")]


def test_what_nobody_owns_goes_to_a_lead_and_says_so(
    alice: Any, lead: Any, make_user: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    gone = make_user("gone")
    gone.is_active = False
    gone.save()
    make_risk(make_account("unowned"), "1000", 0.5)
    make_risk(make_account("left-behind", gone), "500", 0.5)
    rank()
    assert on_list(lead) == [("unowned", "risk"), ("left-behind", "risk")]
    assert on_list(alice) == []
    row = the_row(account__key="unowned")
    assert row.why.endswith("; nobody looks after this account.")
    assert row.first_step.startswith("Give the account an owner. Then: call to hear them")


def test_withdrawn_accounts_and_prospects_are_left_out(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("withdrawn", alice, withdrawn_at=MORNING), "1000", 0.5)
    make_risk(make_account("prospect", alice, kind="prospect"), "1000", 0.5)
    assert rank().rows == 0


def test_ranking_a_day_again_changes_nothing(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", make_period: Any
) -> None:
    make_risk(make_account("a", alice), "1000", 0.5)
    make_period(make_account("b", alice), renews_on=DAY)
    rank()
    before = stored()
    assert rank() == actions.Ranked(rows=2, new=0, returned=0, gone=0)
    assert stored() == before


def test_the_next_day_tells_how_the_risk_changed(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    risk = make_risk(make_account("a", alice), "1000", 0.18)
    rank()
    risk.probability = 0.31
    risk.save()
    rank(NEXT)
    assert the_row().change == "risk was 18 %"
    rank(NEXT)
    assert the_row().change == "risk was 18 %"
    rank(NEXT + timedelta(days=1))
    assert the_row().change == ""


def test_a_day_that_is_ranked_again_with_new_facts_compares_with_yesterday(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    risk = make_risk(make_account("a", alice), "1000", 0.18)
    rank()
    for probability, change in ((0.18, ""), (0.31, "risk was 18 %"), (0.25, "risk was 18 %"), (0.18, "")):
        risk.probability = probability
        risk.save()
        rank(NEXT)
        assert the_row().change == change


def test_the_next_day_tells_which_reasons_are_new_and_which_are_gone(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", make_value: "MakeValue"
) -> None:
    account = make_account("a", alice)
    make_risk(account, "1000", 0.18)
    silence = make_value(account, "days_since_conversation", 95.0)
    rank()
    silence.value = 96.0
    silence.save()
    stopped = make_value(account, "days_since_usage", 20.0)
    rank(NEXT)
    assert the_row().change == "new: no use for 20 days"
    stopped.value = 1.0
    stopped.save()
    rank(NEXT + timedelta(days=3))
    assert the_row().change == "since 23 November: no longer: no use for 20 days"


def test_what_holds_still_and_is_only_told_no_more_is_not_said_to_be_over(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", make_value: "MakeValue"
) -> None:
    account = make_account("a", alice)
    make_risk(account, "1000", 0.18)
    silence = make_value(account, "days_since_conversation", 95.0)
    make_value(account, "days_since_usage", 20.0)
    make_case(account, opened_at=MORNING - timedelta(days=30))
    rank()
    told = ["silent 95 days", "no use for 20 days"]
    assert {item["text"] for item in the_row().evidence}.issuperset(told)
    # Stronger findings, of a family of its own and of the same one, take the places of these two.
    make_value(account, "cases_reopened", 3.0)
    make_value(account, "active_people", 12.0)
    make_value(account, "people_trend", 0.3)
    rank(NEXT)
    assert not {item["text"] for item in the_row().evidence} & set(told)
    assert sorted(the_row().change.split("; ")) == [
        "new: Active people 12, usually 40", "new: opened again 3 times",
    ]  # fmt: skip
    silence.delete()
    rank(NEXT + timedelta(days=1))
    assert "no longer: silent 95 days" in the_row().change
    assert "no longer: no use" not in the_row().change


def test_a_row_that_was_decided_on_before_is_back_and_not_new(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("a", alice), "1000", 0.5)
    rank()
    actions.mark_done(the_row(), by=alice.actor)
    for _again in range(2):
        rank(DAY + timedelta(days=14))
        assert the_row(state=WorkState.OPEN).change == "back: done on 22 November"


def test_a_row_whose_reason_is_over_goes(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    risk = make_risk(make_account("a", alice), "1000", 0.5)
    rank()
    risk.delete()
    assert rank(NEXT) == actions.Ranked(rows=0, new=0, returned=0, gone=1)
    assert the_row().state == WorkState.GONE


def test_a_new_owner_takes_the_row_over(
    alice: Any, bob: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    account = make_account("a", alice)
    make_risk(account, "1000", 0.5)
    rank()
    account.owner = bob
    account.save()
    rank(NEXT)
    assert (on_list(alice), on_list(bob)) == ([], [("a", "risk")])


def test_what_is_done_frees_no_place_on_the_same_day_and_rests(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    alice.capacity = 1
    alice.save()
    make_risk(make_account("a", alice), "1000", 0.5)
    make_risk(make_account("b", alice), "900", 0.5)
    rank()
    actions.mark_done(the_row(), by=alice.actor)
    rank()
    assert on_list(alice) == []
    rank(NEXT)
    assert on_list(alice) == [("b", "risk")]
    rank(DAY + timedelta(days=14))
    assert on_list(alice) == [("a", "risk")]


def test_what_is_done_comes_back_at_once_when_the_risk_has_risen(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    risk = make_risk(make_account("a", alice), "1000", 0.20)
    rank()
    actions.mark_done(the_row(), by=alice.actor)
    risk.probability = 0.24
    risk.save()
    rank(NEXT)
    assert on_list(alice) == []
    risk.probability = 0.25
    risk.save()
    rank(NEXT)
    assert on_list(alice) == [("a", "risk")]


def test_not_useful_stays_away_until_the_evidence_changes(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", make_value: "MakeValue"
) -> None:
    account = make_account("a", alice)
    make_risk(account, "1000", 0.5)
    rank()
    actions.mark_not_useful(the_row(), reason="They are in liquidation", by=alice.actor)
    for days in (1, 30, 300):
        rank(DAY + timedelta(days=days))
        assert on_list(alice) == []
    make_value(account, "days_since_conversation", 120.0)
    rank(NEXT)
    assert on_list(alice) == [("a", "risk")]
    kept = the_row(state=WorkState.NOT_USEFUL)
    assert kept.state_reason == "They are in liquidation"


def test_a_snoozed_row_stays_away_and_returns_on_its_day(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    alice.capacity = 1
    alice.save()
    make_risk(make_account("big", alice), "9000", 0.5)
    make_risk(make_account("small", alice), "1000", 0.5)
    rank()
    actions.snooze(the_row(), until=DAY + timedelta(days=3), reason="On holiday", by=alice.actor)
    rank(NEXT)
    assert on_list(alice) == [("small", "risk")]
    day = DAY + timedelta(days=3)
    assert rank(day).returned == 1
    assert on_list(alice) == [("big", "risk")]
    assert the_row(account__key="big").change == "back from its snooze"
    before = stored()
    rank(day)
    assert stored() == before


def test_a_returned_row_stands_before_others_until_it_is_decided(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    alice.capacity = 1
    alice.save()
    make_risk(make_account("small", alice), "1000", 0.5)
    rank()
    actions.snooze(the_row(), until=NEXT, reason="Tomorrow", by=alice.actor)
    make_risk(make_account("big", alice), "9000", 0.5)
    rank(NEXT)
    rank(NEXT + timedelta(days=1))
    assert on_list(alice) == [("small", "risk")]


@pytest.mark.parametrize(
    ("until", "reason", "message"),
    [(DAY, "Later", "Choose a day after today"), (NEXT, "  ", "Say why it can wait")],
)
def test_a_snooze_needs_a_later_day_and_a_reason(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", until: date, reason: str, message: str
) -> None:
    make_risk(make_account("a", alice), "1000", 0.5)
    rank()
    before = stored()
    with pytest.raises(actions.DecisionError, match=message):
        actions.snooze(the_row(), until=until, reason=reason, by=alice.actor)
    assert stored() == before
    assert not AuditEntry.objects.filter(kind="worklist row").exists()


def test_a_row_is_decided_once(alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk") -> None:
    make_risk(make_account("a", alice), "1000", 0.5)
    rank()
    actions.mark_done(the_row(), by=alice.actor)
    with pytest.raises(actions.DecisionError, match="already: done"):
        actions.mark_not_useful(the_row(), reason="Twice", by=alice.actor)
    assert the_row().state == WorkState.DONE


def test_every_decision_is_on_the_audit_trail(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("a", alice), "1000", 0.5)
    rank()
    actions.snooze(the_row(), until=NEXT, reason="On holiday", by=alice.actor)
    actions.reopen(the_row(), by=alice.actor)
    first, second = AuditEntry.objects.filter(kind="worklist row").order_by("id")
    assert (first.by, first.action, first.reason) == (alice.actor, "snooze", "On holiday")
    opened = {"state": "open", "reason": "", "snoozed_until": None}
    assert first.before == opened | {
        "shown": {
            "as_of": "2026-11-22", "rank": 1, "probability": 0.5, "stake": "1000.00", "currency": "EUR",
            "why": "On the list for its amount: nothing unusual in what we measure.",
            "evidence": {"risk": "the clock, n = 412, 58 left"},
        }
    }  # fmt: skip
    assert first.after == {"state": "snoozed", "reason": "On holiday", "snoozed_until": "2026-11-23"}
    assert (second.action, second.after) == ("reopen", opened)


def test_a_decision_before_the_day_is_not_foreseen(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("a", alice), "1000", 0.5)
    rank()
    row = the_row()
    actions.mark_not_useful(row, reason="No", by=alice.actor)
    WorklistRow.objects.update(decided_at=datetime(2026, 12, 1, tzinfo=UTC))
    rank(NEXT)
    assert on_list(alice) == [("a", "risk")]
