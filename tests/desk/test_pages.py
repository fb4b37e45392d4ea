"""Today, the account page and search, as people meet them."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from typer.testing import CliRunner

from heed.conversations.actions import mark_not_held
from heed.conversations.models import Interaction
from heed.customers.models import Account, Contact
from heed.desk import actions, reads
from heed.desk.models import WorklistRow
from heed.ledger.models import AuditEntry, OutboxEntry
from heed.proving.tabs import Tab, tabs
from heed.segments.grammar import parse
from heed.segments.reads import accounts_matching
from heed.site.commands import app
from heed.stream import Activity, AppTransaction
from heed.stream.activity import as_table
from tests.desk.conftest import DAY, MORNING

if TYPE_CHECKING:
    from heed.stream import Stream
    from tests.desk.conftest import MakeAccount, MakeRisk, MakeValue

pytestmark = pytest.mark.django_db


def rank() -> None:
    actions.rank_worklist(DAY, by="daily round")


def page(client: Client, address: str, status: int = 200, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == status
    return answer.content.decode()


def test_the_page_and_the_command_agree(
    alice: Any, alice_client: Client, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    for number in range(3):
        make_risk(make_account(f"a{number}", alice), str(1000 * (number + 1)), 0.25)
    rank()
    said = CliRunner().invoke(app, ["today", "--json", "--person", alice.email])
    assert said.exit_code == 0
    (told,) = json.loads(said.stdout)["people"]
    shown = alice_client.get("/today/").context["today"]
    rows = [row for section in told["sections"] for row in section["rows"]]
    assert [row["account"] for row in rows] == ["a2", "a1", "a0"]
    assert [(row.account, row.why) for section in shown.sections for row in section.rows] == [
        (row["account"], row["why"]) for row in rows
    ]
    assert (rows[0]["stake"], rows[0]["probability"], rows[0]["due_on"]) == ("3000.00", 0.25, "2027-03-21")
    assert (told["count"], told["capacity"], told["new"], told["snoozed"]) == (3, 10, 3, 0)


def test_an_unknown_risk_has_its_reason_in_the_command_and_on_the_page(
    alice: Any,
    alice_client: Client,
    make_account: "MakeAccount",
    make_risk: "MakeRisk",
    make_period: Any,
) -> None:
    few, none = make_account("few", alice), make_account("none", alice)
    for account in (few, none):
        make_period(account, renews_on=DAY)
    make_risk(few, "1000", None)
    rank()
    said = CliRunner().invoke(app, ["today", "--json", "--person", alice.email])
    (told,) = json.loads(said.stdout)["people"]
    rows = {row["account"]: row for section in told["sections"] for row in section["rows"]}
    reasons = {"few": "too few", "none": "no risk was estimated on the day of the list"}
    assert {key: (row["probability"], row["probability_reason"]) for key, row in rows.items()} == {
        key: (None, reason) for key, reason in reasons.items()
    }
    shown = page(alice_client, "/today/")
    assert all(f'title="{reason}">risk unknown</a>' in shown for reason in reasons.values())


def test_the_command_names_a_person_it_does_not_know(alice: Any) -> None:
    said = CliRunner().invoke(app, ["today", "--person", "nobody@heed.test"])
    assert said.exit_code == 2
    assert "Nobody active has the e-mail address nobody@heed.test" in said.output


def test_today_without_a_ranking_says_what_to_do(alice_client: Client) -> None:
    assert "No list yet" in page(alice_client, "/today/")


def test_a_list_of_an_earlier_day_says_so(
    alice: Any, alice_client: Client, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("a", alice), "1000", 0.25)
    actions.rank_worklist(DAY - timedelta(days=2), by="daily round")
    assert "This list is of Friday 20 November: the daily round has not run for today." in page(
        alice_client, "/today/"
    )


def test_the_silent_are_counted_as_the_list_that_it_links_to(
    alice: Any, make_account: "MakeAccount", make_value: "MakeValue", make_period: Any
) -> None:
    for key, days, monthly in [
        ("quiet", 91.0, "100"),
        ("never", None, "200"),
        ("heard", 3.0, "700"),
        ("left", None, "1"),
        ("free", None, None),
    ]:
        account = make_account(key, alice)
        make_value(account, "days_since_conversation", days)
        if monthly:
            make_period(account, monthly, **({"ends_on": DAY} if key == "left" else {}))
    silent = reads.today(alice, DAY).silent
    assert silent is not None
    assert silent.share == 0.3
    counted = {"accounts": silent.accounts, "of": silent.of, "never": silent.never, "none": silent.unpriced}
    assert {name: (each.n, listed(each, alice)) for name, each in counted.items()} == {
        "accounts": (3, {"quiet", "never", "free"}),
        "of": (4, {"quiet", "never", "heard", "free"}),
        "never": (2, {"never", "free"}),
        "none": (1, {"free"}),
    }


def listed(counted: reads.Counted, user: Any) -> set[str]:
    """The accounts of the list that a number leads to."""
    text = QueryDict(counted.url.partition("?")[2])["q"]
    return {found.key for found in accounts_matching(parse(text), user)}


def test_accounts_without_an_active_owner_are_counted_as_their_list(
    lead: Any, alice: Any, make_user: Any, make_account: "MakeAccount"
) -> None:
    gone = make_user("gone")
    gone.is_active = False
    gone.save()
    make_account("owned", alice)
    make_account("nobodys")
    make_account("left-behind", gone)
    make_account("prospect", kind="prospect")
    unowned = reads.today(lead, DAY).unowned
    assert unowned is not None
    assert (unowned.n, listed(unowned, lead)) == (2, {"nobodys", "left-behind"})
    mine = reads.today(alice, DAY).accounts
    assert (mine.n, listed(mine, alice)) == (1, {"owned"})


def test_a_follow_up_whose_plan_was_closed_is_no_longer_on_today(
    alice: Any, alice_client: Client, make_account: "MakeAccount"
) -> None:
    made = Interaction.objects.create(
        key="p", account=make_account("a", alice), kind="call", direction="outbound", motion="planned",
        state="planned", agenda="Close in five days", goal="Books closed", at=MORNING, source="heed",
        recorded_at=MORNING - timedelta(days=1), held_by=alice,
    )  # fmt: skip
    rank()
    assert alice_client.get("/today/").context["today"].count == 1
    mark_not_held(made, reason="They were ill", by=alice.actor)
    assert alice_client.get("/today/").context["today"].count == 0


def test_what_was_snoozed_before_can_be_seen_and_taken_back(
    alice: Any, alice_client: Client, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("a", alice), "1000", 0.25)
    rank()
    row = actions.snooze(
        WorklistRow.objects.get(), until=DAY + timedelta(days=9), reason="Ill", by=alice.actor
    )
    WorklistRow.objects.update(decided_at=MORNING - timedelta(days=2), as_of=DAY - timedelta(days=2))
    today = alice_client.get("/today/").context["today"]
    assert ([each.id for each in today.resting], today.snoozed, today.decided) == ([row.pk], 1, [])
    assert f'action="/today/rows/{row.pk}/reopen/"' in page(alice_client, "/today/")
    assert alice_client.post(f"/today/rows/{row.pk}/reopen/").status_code == 302
    row.refresh_from_db()
    assert (row.state, row.state_reason, row.snoozed_until, row.decided_at) == ("open", "", None, None)
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.by, (entry.after or {})["state"]) == ("reopen", alice.actor, "open")


def test_a_lead_sees_the_list_of_another_and_a_member_does_not(
    alice: Any, alice_client: Client, lead_client: Client, bob: Any
) -> None:
    assert "Today for Bob" in page(lead_client, "/today/", person=str(bob.pk))
    assert "You may open your own Today" in page(alice_client, "/today/", 403, person=str(bob.pk))
    page(lead_client, "/today/", 404, person="x")


def test_a_member_decides_on_no_row_of_somebody_else(
    alice: Any, bob_client: Client, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("a", alice), "1000", 0.25)
    rank()
    row = WorklistRow.objects.get()
    assert bob_client.post(f"/today/rows/{row.pk}/done/").status_code == 403
    row.refresh_from_db()
    assert row.state == "open"


def test_a_row_is_put_away_by_its_form(
    alice: Any, alice_client: Client, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("a", alice), "1000", 0.25)
    rank()
    row = WorklistRow.objects.get()
    answer = alice_client.post(f"/today/rows/{row.pk}/not-useful/", {"reason": ""}, follow=True)
    assert "Not useful, because" in answer.content.decode()
    assert WorklistRow.objects.get().state == "open"
    alice_client.post(f"/today/rows/{row.pk}/not-useful/", {"reason": "They merged"})
    row.refresh_from_db()
    assert (row.state, row.state_reason) == ("not_useful", "They merged")
    assert "“They merged”" in page(alice_client, "/today/")


def test_htmx_gets_the_row_alone(
    alice: Any, alice_client: Client, make_account: "MakeAccount", make_risk: "MakeRisk"
) -> None:
    make_risk(make_account("a", alice), "1000", 0.25)
    rank()
    row = WorklistRow.objects.get()
    answer = alice_client.post(f"/today/rows/{row.pk}/done/", headers={"HX-Request": "true"})
    assert answer.content.decode().lstrip().startswith("<li")
    assert "Take back" in answer.content.decode()


@pytest.fixture
def busy(make_account: "MakeAccount", alice: Any, stream: "Stream") -> Any:
    """An account with 150 activities of usage, a case and an answer."""
    account = make_account("busy", alice, name="Busy & Sons")
    Contact.objects.create(
        key="tara",
        account=account,
        name="Tara Castell",
        source="test",
        created_at=MORNING,
        changed_at=MORNING,
    )
    told = [
        Activity(
            "app", f"u{n}", "busy", "report_exported", MORNING - timedelta(hours=5 * n + 1), contact="tara"
        )
        for n in range(150)
    ]
    told.append(Activity("desk", "c", "busy", "case.opened", MORNING - timedelta(minutes=30)))
    comment = json.dumps({"comment": "I <b>dread</b> the exports."})
    told.append(
        Activity(
            "nps",
            "s",
            "busy",
            "survey.nps",
            MORNING - timedelta(minutes=10),
            "tara",
            value=4.0,
            properties=comment,
        )
    )
    stream.append(as_table(told), transaction=AppTransaction("test", 1), recorded_at=MORNING)
    return account


def test_the_timeline_shows_every_activity_once_over_its_pages(alice_client: Client, busy: Any) -> None:
    seen, address = [], "/customers/accounts/busy/"
    while address:
        timeline = alice_client.get(address).context["timeline"]
        seen += [entry for day in timeline.days for entry in day.entries]
        address = timeline.older.page.partition("#")[0] if timeline.older else ""
    folded = [entry.text for entry in seen if entry.name == "usage.day"]
    assert folded[:2] == ["2 product activities by 1 person", "5 product activities by 1 person"]
    assert sum(int(text.split()[0]) for text in folded) == 150
    assert [entry.text for entry in seen if entry.name != "usage.day"] == ["Answered NPS: 4", "Case opened"]
    assert [entry.at for entry in seen] == sorted((entry.at for entry in seen), reverse=True)


def test_a_day_of_usage_leads_to_its_rows(alice_client: Client, busy: Any) -> None:
    timeline = alice_client.get("/customers/accounts/busy/").context["timeline"]
    day = next(entry for entry in timeline.days[1].entries if entry.url)
    assert day.detail == "report exported 5"
    assert day.url == "/customers/accounts/busy/?kind=usage&on=2026-11-21#timeline"
    shown = alice_client.get(day.url.partition("#")[0]).context["timeline"]
    assert [(each.on.isoformat(), len(each.entries)) for each in shown.days] == [("2026-11-21", 5)]
    page(alice_client, "/customers/accounts/busy/", 404, kind="usage", on="yesterday")


def test_the_single_rows_of_usage_are_shown_by_its_filter(alice_client: Client, busy: Any) -> None:
    timeline = alice_client.get("/customers/accounts/busy/", {"kind": "usage"}).context["timeline"]
    assert sum(entry.times for day in timeline.days for entry in day.entries) == 60


def test_what_is_not_known_is_asked_as_a_person_would(
    alice_client: Client, busy: Any, make_period: Any, make_value: "MakeValue"
) -> None:
    make_period(busy, renews_on=DAY + timedelta(days=118))
    make_value(busy, "last_nps", None)
    make_value(busy, "errors_seen", None)
    profile = alice_client.get("/customers/accounts/busy/").context["profile"]
    assert [(asked.text, asked.place) for asked in profile.unknowns] == [
        ("What do they say? We have not spoken with their only contact.", "#people"),
        ("Who decides on the renewal in 118 days? Nobody there is marked as deciding.", "#subscriptions"),
        ("Are they content? They have not answered a survey in the last year.", "#measures"),
    ]
    assert profile.unmeasured_names == "errors seen, last NPS answer"
    Contact.objects.update(attributes={"signs": True})
    asked = alice_client.get("/customers/accounts/busy/").context["profile"].unknowns
    assert not any("Who decides" in each.text for each in asked)


def test_the_timeline_is_filtered_by_kind_with_counts(alice_client: Client, busy: Any) -> None:
    timeline = alice_client.get("/customers/accounts/busy/", {"kind": "case"}).context["timeline"]
    assert [entry.text for day in timeline.days for entry in day.entries] == ["Case opened"]
    assert {kind.key: kind.count for kind in timeline.kinds} == {
        "": 152,
        "usage": 150,
        "survey": 1,
        "case": 1,
    }


def test_words_of_customers_are_quoted_and_escaped(
    alice_client: Client, busy: Any, make_risk: "MakeRisk"
) -> None:
    make_risk(busy, "1000", 0.5)
    rank()
    for address in ("/customers/accounts/busy/", "/today/"):
        html = page(alice_client, address)
        assert "“I &lt;b&gt;dread&lt;/b&gt; the exports.”" in html
        assert "<b>dread" not in html
    assert "Answered NPS: 4" in page(alice_client, "/customers/accounts/busy/")


def quoted(client: Client) -> tuple[str, str, str, str]:
    """The last words on the account's page: the words, who, the source, and where they lead."""
    profile = client.get("/customers/accounts/busy/").context["profile"]
    return profile.said.text, profile.speaker, profile.said.source, profile.said_where


def test_the_last_words_are_the_newest_of_all_that_customers_told(
    alice_client: Client, busy: Any, make_risk: "MakeRisk"
) -> None:
    def say(key: str, days: int, **fields: Any) -> None:
        told = {"kind": "email", "direction": "inbound", "source": "crm", "recorded_at": MORNING} | fields
        at = MORNING - timedelta(days=days)
        Interaction.objects.create(key=key, account=busy, at=at, **({"words": key} | told))

    survey = ("I <b>dread</b> the exports.", "role not recorded", "NPS 4 of 10")
    say("an e-mail of theirs", 95)
    say("a note of ours", 0, kind="note", direction="internal")
    say("an e-mail of ours", 0, direction="outbound")
    plan = {"agenda": "Exports", "goal": "Done", "motion": "planned", "state": "planned"}
    say("a plan", 0, direction="outbound", source="heed", **plan)
    assert quoted(alice_client) == (*survey, "/customers/accounts/busy/?kind=survey#timeline")
    say("said on the phone", 0, kind="call", direction="outbound", source="heed")
    newest = ("said on the phone", "role not recorded", "Call")
    assert quoted(alice_client) == (*newest, "/customers/accounts/busy/?kind=interaction#timeline")
    make_risk(busy, "1000", 0.5)
    rank()
    kept = WorklistRow.objects.get().quote
    assert kept is not None
    assert (kept["words"], kept["speaker"], kept["source"]) == newest


def test_words_of_any_age_stand_on_the_account_page(
    alice_client: Client, make_account: "MakeAccount"
) -> None:
    account = make_account("old")
    Interaction.objects.create(
        key="i", account=account, kind="call", direction="inbound", words="It is fine.", source="crm",
        at=MORNING - timedelta(days=400), recorded_at=MORNING,
    )  # fmt: skip
    html = page(alice_client, "/customers/accounts/old/")
    assert "“It is fine.”" in html
    assert "never heard" not in html


def test_people_are_spoken_with_by_what_was_held(alice_client: Client, busy: Any) -> None:
    plan = {"kind": "call", "direction": "outbound", "motion": "planned", "agenda": "A", "goal": "B"}
    tara = Contact.objects.get(key="tara")
    made = Interaction.objects.create(
        key="p", account=busy, contact=tara, state="planned", source="heed", recorded_at=MORNING,
        at=MORNING - timedelta(days=1), **plan,
    )  # fmt: skip
    Interaction.objects.create(
        key="n", account=busy, contact=tara, kind="note", direction="internal", source="heed",
        recorded_at=MORNING, at=MORNING,
    )  # fmt: skip
    (person,) = alice_client.get("/customers/accounts/busy/").context["profile"].people
    assert person.last_at is None
    made.state = "held"
    made.save()
    (person,) = alice_client.get("/customers/accounts/busy/").context["profile"].people
    assert person.last_at == MORNING - timedelta(days=1)


def test_a_mark_that_heed_did_not_make_is_not_found(alice_client: Client, busy: Any) -> None:
    for mark in ("x", "[1]", '["2026-11-22","a","b"]', "{}", "[1,2,3]"):
        page(alice_client, "/customers/accounts/busy/", 404, before=mark)


def test_a_note_stands_in_the_timeline_at_once(alice_client: Client, busy: Any) -> None:
    answer = alice_client.post(
        "/customers/accounts/busy/conversations/note/", {"words": "Ask for the new clerks"}, follow=True
    )
    assert "Ask for the new clerks" in answer.content.decode()
    assert Interaction.objects.get().kind == "note"


def test_what_waits_to_be_withdrawn_is_gone_at_once(alice_client: Client, busy: Any) -> None:
    taken_back = {"source": "desk", "id": "c", "account": "busy", "batch": "person:1", "withdrawn": True}
    OutboxEntry.objects.create(activity=taken_back, created_at=MORNING)
    timeline = alice_client.get("/customers/accounts/busy/").context["timeline"]
    assert "Case opened" not in [entry.text for day in timeline.days for entry in day.entries]
    assert timeline.total == 151


def test_a_plan_and_its_end_are_told_in_the_timeline(alice_client: Client, busy: Any) -> None:
    address = "/customers/accounts/busy/conversations/"
    plan = {"kind": "call", "at": "2026-11-23T10:30", "agenda": "Close in five days", "goal": "Books closed"}
    alice_client.post(f"{address}plan/", plan)
    made = Interaction.objects.get()
    html = page(alice_client, "/customers/accounts/busy/")
    assert "Call planned for 23 November" in html
    assert f'href="{address}{made.pk}/held/"' in html
    alice_client.post(f"{address}{made.pk}/not-held/", {"reason": "They were ill"})
    html = page(alice_client, "/customers/accounts/busy/")
    assert "Call not held" in html
    assert f'href="{address}{made.pk}/held/"' not in html


def test_a_planned_conversation_needs_an_agenda_and_a_goal(alice_client: Client, busy: Any) -> None:
    address = "/customers/accounts/busy/conversations/plan/"
    tomorrow = {"kind": "call", "at": "2026-11-23T10:30"}
    for agenda, goal in [
        ("", ""),
        ("Just checking in", "Books closed"),
        ("Close in five days", "touch base"),
    ]:
        answer = alice_client.post(address, tomorrow | {"agenda": agenda, "goal": goal})
        assert answer.status_code == 422
    assert Interaction.objects.count() == 0
    good = {"agenda": "Close in five days: what is left?", "goal": "Books closed in 5 days"}
    assert alice_client.post(address, tomorrow | good).status_code == 302
    made = Interaction.objects.get()
    assert (made.motion, made.direction, made.goal) == ("planned", "outbound", "Books closed in 5 days")


def test_a_conversation_that_took_place_is_recorded_with_its_words(alice_client: Client, busy: Any) -> None:
    said = {
        "kind": "call",
        "direction": "inbound",
        "at": "2026-11-22T07:30",
        "words": "It stops.",
        "minutes": "20",
    }
    assert alice_client.post("/customers/accounts/busy/conversations/new/", said).status_code == 302
    made = Interaction.objects.get()
    assert (made.words, made.minutes, made.motion) == ("It stops.", 20, "reactive")
    late = alice_client.post("/customers/accounts/busy/conversations/new/", said | {"at": "2026-11-23T07:30"})
    assert "This is still to come" in late.content.decode()
    assert Interaction.objects.count() == 1


def test_a_viewer_reads_an_account_and_records_nothing(viewer_client: Client, busy: Any) -> None:
    html = page(viewer_client, "/customers/accounts/busy/")
    assert "Plan a conversation" not in html
    answer = viewer_client.post("/customers/accounts/busy/conversations/note/", {"words": "x"})
    assert answer.status_code == 403
    assert Interaction.objects.count() == 0


def test_the_account_page_says_what_is_not_known(alice_client: Client, make_account: "MakeAccount") -> None:
    make_account("blank")
    html = page(alice_client, "/customers/accounts/blank/")
    for line in (
        "Nobody owns this account",
        "No contact is known",
        "No contract is in force",
        "not estimated yet",
    ):
        assert line in html


def test_search_finds_beginnings_before_contents(alice_client: Client, make_account: "MakeAccount") -> None:
    make_account("k1", name="Big Northgate")
    make_account("k2", name="Northgate Foods")
    make_account("k3", name="Elsewhere")
    make_account("k4", name="Northern Withdrawn", withdrawn_at=MORNING)
    groups = {
        group.title: group.results for group in alice_client.get("/search/", {"q": "north"}).context["groups"]
    }
    assert [result.label for result in groups["Accounts"]] == ["Northgate Foods", "Big Northgate"]


def test_search_finds_people_and_leads_to_their_account(alice_client: Client, busy: Any) -> None:
    groups = {
        group.title: group.results for group in alice_client.get("/search/", {"q": "tara"}).context["groups"]
    }
    (person,) = groups["People"]
    assert (person.label, person.about, person.path) == (
        "Tara Castell",
        "Busy & Sons",
        "/customers/accounts/busy/#people",
    )


@pytest.mark.parametrize("tab", tabs(""), ids=lambda tab: tab.label)
def test_search_leads_to_every_page_of_prove(tab: Tab, alice_client: Client) -> None:
    groups = alice_client.get("/search/", {"q": tab.label.lower()}).context["groups"]
    [found] = [group.results for group in groups if group.title == "Go to"]
    assert (found[0].label, found[0].path, found[0].about) == (tab.label, tab.path, "Prove")


def test_search_offers_only_pages_that_this_person_may_open(
    alice_client: Client, admin_client: Client
) -> None:
    for client, found in ((alice_client, False), (admin_client, True)):
        html = page(client, "/search/", q="jobs")
        assert ('href="/settings/jobs/"' in html) is found


def test_a_key_with_slashes_and_spaces_has_its_page(
    alice_client: Client, make_account: "MakeAccount"
) -> None:
    make_account("AAA/2013J/28 400", name="Slashed")
    assert "Slashed" in page(alice_client, "/customers/accounts/AAA/2013J/28%20400/")


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        page(client, address)
    return len(asked)


def test_pages_ask_no_more_queries_for_more_rows(
    alice: Any, alice_client: Client, make_account: "MakeAccount", make_risk: "MakeRisk", make_period: Any
) -> None:
    def add(number: int) -> None:
        account = make_account(f"a{number}", alice, parent=Account.objects.filter(key="a0").first())
        make_risk(account, "1000", 0.25)
        make_period(account)
        for key, where in ((f"{number}", account), (f"{number}-of-a0", Account.objects.get(key="a0"))):
            given = {"source": "test", "created_at": MORNING, "changed_at": MORNING}
            told = {"source": "heed", "recorded_at": MORNING}
            contact = Contact.objects.create(key=key, account=where, name=key, **given)
            where.cases.create(key=key, contact=contact, opened_at=MORNING, **told)
            plan = {"kind": "call", "direction": "outbound", "motion": "planned", "state": "planned"}
            plan |= {"agenda": "Close in five days", "goal": "Books closed", "held_by": alice}
            where.interactions.create(key=key, contact=contact, at=MORNING, **plan, **told)
        rank()

    addresses = ("/today/", "/customers/accounts/a0/")
    add(0)
    page(alice_client, addresses[1])
    few = [queries_of(alice_client, address) for address in addresses]
    for number in range(1, 6):
        add(number)
    assert alice_client.get("/today/").context["today"].count == 6
    assert len(alice_client.get(addresses[1]).context["profile"].planned) == 7
    assert [queries_of(alice_client, address) for address in addresses] == few


def test_however_many_owners_have_left_their_accounts_are_counted_for_who_leads(
    lead: Any, lead_client: Client, alice_client: Client, make_user: Any, make_account: "MakeAccount"
) -> None:
    make_account("nobodys")
    for number in range(220):
        gone = make_user(f"somebody-who-has-left-{number:03}")
        gone.is_active = False
        gone.save()
        make_account(f"left-{number:03}", gone)
    unowned = lead_client.get("/today/").context["today"].unowned
    assert (unowned.n, unowned.whole, listed(unowned, lead)) == (221, False, {"nobodys"})
    assert "The list shows those without any owner" in page(lead_client, "/today/")
    assert alice_client.get("/today/").context["today"].unowned is None


def test_accounts_that_are_not_measured_yet_are_not_told_as_silent(
    alice: Any, alice_client: Client, make_account: "MakeAccount", make_value: "MakeValue", make_period: Any
) -> None:
    for key, days in (("quiet", 91.0), ("never", None), ("heard", 3.0)):
        make_value(make_account(key, alice), "days_since_conversation", days)
    for key in ("quiet", "heard"):
        make_period(Account.objects.get(key=key), "100")
    make_period(make_account("new", alice), "800")
    make_account("new-and-unpriced", alice)
    silent = reads.today(alice, DAY).silent
    assert silent is not None
    numbers = [each.n for each in (silent.accounts, silent.of, silent.never, silent.unpriced)]
    assert (numbers, silent.share, silent.unmeasured) == ([2, 3, 1, 1], 0.5, 2)
    html = page(alice_client, "/today/")
    assert "2 accounts are not measured yet" in html
    assert ">1</a> no conversation is on record at all" in html
    Account.objects.filter(key__in=["quiet", "never", "heard"]).update(owner=None)
    html = page(alice_client, "/today/")
    assert "2 accounts are not measured yet" in html
    assert "Somebody has spoken with each" not in html


def test_of_an_account_with_very_many_people_the_page_names_a_hundred_and_counts_the_rest(
    alice_client: Client, make_account: "MakeAccount"
) -> None:
    account = make_account("crowd")
    given = {"account": account, "source": "test", "created_at": MORNING, "changed_at": MORNING}
    Contact.objects.bulk_create(Contact(key=f"c{n:04}", name=f"Person {n:04}", **given) for n in range(1_234))
    html = page(alice_client, "/customers/accounts/crowd/")
    assert html.count('<th scope="row">Person ') == 108
    assert "and 1,226 more<" in html
    assert "and 1,126 more, whom this page does not list" in html
    assert "none of their 1234 people" in html
