import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from heed.ledger.models import AuditEntry
from heed.measures.models import MetricValue
from heed.people.models import User
from heed.segments.fields import Catalogue, Family
from heed.segments.grammar import parse
from heed.segments.models import Segment, SegmentKind
from heed.segments.ordering import Arranged, Sort
from heed.segments.reads import accounts_matching, asking_of
from tests.segments.world import TODAY, World, make_account


def keys(answer: Any) -> list[str]:
    return [row.account.key for row in answer.context["page"].rows]


def lines(answer: Any) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode()
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def client(world: World, member_client: Client) -> Client:
    return member_client


def test_it_lists_all_accounts_by_name_and_links_each(world: World, client: Client) -> None:
    answer = client.get("/customers/")
    assert answer.status_code == 200
    assert answer.context["page"].total == 41
    assert len(keys(answer)) == 41
    assert b'href="/customers/accounts/a7/"' in answer.content
    assert b'href="/customers/accounts/a7/metrics/active_people/"' in answer.content


def test_its_links_lead_to_pages_that_exist() -> None:
    assert resolve("/customers/accounts/a7/").view_name == "desk:account"
    assert resolve("/customers/accounts/a7/metrics/active_people/").view_name == "measures:behind"


def test_it_shows_the_filter_as_parts_that_can_be_removed(world: World, client: Client) -> None:
    answer = client.get("/customers/", {"q": "active_people > 4 and (risk > 5% or mrr is unknown)"})
    parts = [(chip.words, href) for chip, href in answer.context["page"].chip_links]
    assert parts == [
        ("Active people > 4", "/customers/?q=risk+%3E+5%25+or+mrr+is+unknown"),
        ("(Risk > 5% or Monthly revenue is unknown)", "/customers/?q=active_people+%3E+4"),
    ]
    again = client.get(parts[1][1])
    assert set(keys(again)) == world.matching(parse("active_people > 4").condition)


def test_a_condition_from_the_menus_becomes_part_of_the_address(world: World, client: Client) -> None:
    asked = {"q": "active_people > 4", "field": "attribute.plan", "predicate": "is", "value": "Pro"}
    answer = client.get("/customers/", asked)
    assert answer.status_code == 302
    assert answer.headers["Location"] == ("/customers/?q=active_people+%3E+4+and+attribute.plan+is+%22Pro%22")
    shown = client.get(answer.headers["Location"])
    assert set(keys(shown)) == world.matching(
        parse('active_people > 4 and attribute.plan is "Pro"').condition
    )


@pytest.mark.parametrize(
    ("field", "predicate", "value", "text"),
    [
        ("mrr", ">=", "1000 EUR", "mrr >= 1000 EUR"),
        ("risk", ">", "20", "risk > 20%"),
        ("owner", "is", "me", "owner is me"),
        ("renewal", "within", "90", "renewal within 90 days"),
        ("active_people", "fell by", "20%", "active_people fell by at least 20% in 28 days"),
        ("did", "did not", "case.opened 30", "did not case.opened for 30 days"),
        ("segment", "is not", "Large", 'not in segment "Large"'),
        ("attribute.plan", "is", "5", "attribute.plan is 5"),
        ("attribute.plan", "is unknown", "", "attribute.plan is unknown"),
        ("name", "contains", 'say "hi"', 'name contains "say \\"hi"'),
    ],
)
def test_the_menus_write_every_kind_of_condition(
    client: Client, stream: object, field: str, predicate: str, value: str, text: str
) -> None:
    answer = client.get("/customers/", {"field": field, "predicate": predicate, "value": value})
    assert answer.status_code == 302, answer.context["wrong"]
    shown = client.get(answer.headers["Location"])
    assert shown.context["page"].state.q == text
    assert shown.context["page"].error is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("active_people", "fell by", "20%", "14"), "active_people fell by at least 20% in 14 days"),
        (("active_people", "changed by", "3", "1"), "active_people changed by at least 3 in 1 day"),
        (("did", "did", "case.opened", "7"), "did case.opened in the last 7 days"),
        (("did", "did not", "case.opened", ""), "did not case.opened for 28 days"),
        (("did", "did", "case.opened 3", "7"), "did case.opened in the last 3 days"),
    ],
)
def test_the_days_of_a_condition_are_chosen_beside_it(
    client: Client, stream: object, given: tuple[str, ...], text: str
) -> None:
    asked = dict(zip(("field", "predicate", "value", "days"), given, strict=True))
    answer = client.get("/customers/", asked)
    assert answer.status_code == 302, answer.context["wrong"]
    assert client.get(answer.headers["Location"]).context["page"].state.q == text


@pytest.mark.parametrize("days", ["0", "x", "9999", "-1"])
def test_days_that_cannot_be_are_refused_with_their_place(client: Client, days: str) -> None:
    answer = client.get(
        "/customers/", {"field": "active_people", "predicate": "fell by", "value": "20%", "days": days}
    )
    assert answer.status_code == 200
    assert "The condition was not added." in answer.content.decode()


def test_it_joins_by_or_without_losing_what_was_there(client: Client) -> None:
    asked = {"q": "mrr > 5 or seats > 3", "join": "or", "field": "seats", "predicate": "is unknown"}
    answer = client.get("/customers/", asked)
    assert client.get(answer.headers["Location"]).context["page"].state.q == (
        "mrr > 5 or seats > 3 or seats is unknown"
    )


def test_a_wrong_filter_is_shown_with_its_place_and_nothing_typed_is_lost(client: Client) -> None:
    answer = client.get("/customers/", {"q": "active_peple > 5"})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "There is no field active_peple (character 1)" in text
    assert "<pre>active_peple &gt; 5\n^^^^^^^^^^^^</pre>" in text
    assert "Did you mean active_people?" in text
    assert (
        'spellcheck="false" aria-describedby="q-help" aria-invalid="true">active_peple &gt; 5</textarea>'
        in text
    )
    assert keys(answer) == []


def test_a_condition_that_makes_no_sense_is_not_added(client: Client) -> None:
    asked = {"q": "seats > 3", "field": "plan", "predicate": ">", "value": "Pro"}
    answer = client.get("/customers/", asked)
    assert answer.status_code == 200
    assert "The condition was not added." in answer.content.decode()
    assert answer.context["page"].state.q == "seats > 3"


SORTS = [
    "name", "kind", "owner", "since", "parent", "mrr", "arr", "renewal", "seats", "plan", "risk",
    "active_people", "seats_used", "attribute.plan", 'attribute."Company size"', "attribute.signed",
]  # fmt: skip


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("key", SORTS)
def test_it_sorts_by_any_field_with_unknown_last(world: World, key: str, descending: bool) -> None:
    catalogue = Catalogue()
    field = catalogue.by_key(key)
    assert field is not None
    filter = parse('kind is "customer"')
    asking = asking_of(filter, world.user, history=world)
    matching = accounts_matching(filter, world.user, history=world)
    found = Arranged(matching, Sort(field, descending), asking, everyone=False)
    ids = found.stretch(0, 1000)
    assert sorted(ids) == sorted(matching.values_list("pk", flat=True))
    assert found.total() == len(ids)
    assert found.stretch(3, 7) == ids[3:7]
    known = _known(world, key, ids)
    assert known == sorted(known, reverse=True)
    if field.family is Family.METRIC:
        values = dict(MetricValue.objects.filter(metric=field.metric).values_list("account_id", "value"))
        shown = [(values.get(pk), pk) for pk in ids]
        sign = -1 if descending else 1
        assert shown == sorted(shown, key=lambda pair: (pair[0] is None, sign * (pair[0] or 0), pair[1]))


def _known(world: World, key: str, ids: list[int]) -> list[bool]:
    known = set(
        accounts_matching(parse(f"{key} is known"), world.user, history=world).values_list("pk", flat=True)
    )
    return [pk in known for pk in ids]


def test_pages_hold_fifty_and_follow_each_other(client: Client) -> None:
    for number in range(70):
        make_account(f"more{number}", name=f"More {number:03}")
    first = client.get("/customers/", {"q": 'name contains "more"'})
    second = client.get(first.context["page"].next)
    assert [len(keys(first)), len(keys(second))] == [50, 20]
    assert keys(first) + keys(second) == [f"more{number}" for number in range(70)]
    assert (second.context["page"].first, second.context["page"].last) == (51, 70)
    beyond = client.get("/customers/", {"q": 'name contains "more"', "page": "99"})
    assert keys(beyond) == keys(second)


def test_the_export_holds_exactly_what_the_list_shows(world: World, client: Client) -> None:
    query = {
        "q": "active_people > 3",
        "sort": "-active_people",
        "columns": ["active_people", "mrr", "attribute.plan", "since"],
    }
    page = client.get("/customers/", query)
    answer = client.get(page.context["export"])
    rows = lines(answer)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="accounts-{TODAY}.csv"'
    assert rows[0] == [
        "Id",
        "Account",
        "Active people (people)",
        "Monthly revenue (EUR)",
        "plan",
        "Customer since",
    ]
    assert [row[0] for row in rows[1:]] == keys(page)
    people = {one.key: one.metrics["active_people"].get(TODAY) for one in world.customers}
    assert [float(row[2]) for row in rows[1:]] == [people[row[0]] for row in rows[1:]]
    entry = AuditEntry.objects.get(action="export list")
    assert entry.after is not None
    assert entry.after["rows"] == len(rows) - 1
    assert entry.after["filter"] == "active_people > 3"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_the_export_lets_no_cell_be_a_formula(client: Client, start: str) -> None:
    make_account("bad", name=f"{start}HYPERLINK(1)", attributes={"note": f"{start}1+1", "minus": -5})
    query = {"q": 'key is "bad"', "columns": ["attribute.note", "attribute.minus"]}
    rows = lines(client.get("/customers/export.csv", query))
    assert rows[1] == ["bad", f"'{start}HYPERLINK(1)", f"'{start}1+1", "-5"]


def test_a_viewer_reads_but_neither_exports_nor_saves(world: World, viewer_client: Client) -> None:
    page = viewer_client.get("/customers/")
    assert page.status_code == 200
    assert b"export.csv" not in page.content
    assert b"Save segment" not in page.content
    assert viewer_client.get("/customers/export.csv").status_code == 403
    assert viewer_client.post("/customers/segments/save/", {"name": "Mine"}).status_code == 403
    assert not Segment.objects.filter(name="Mine").exists()
    assert not AuditEntry.objects.filter(action="export list").exists()


def test_a_visitor_is_sent_to_sign_in(db: None) -> None:
    answer = Client().get("/customers/?q=mrr+%3E+5")
    assert answer.headers["Location"].startswith("/sign-in/?next=/customers/")


SAVED = {
    "name": "  At  risk ",
    "kind": "target",
    "q": "risk >= 20% AND mrr > 5",
    "columns": ["risk", "owner"],
    "sort": "-risk",
}


def test_a_saved_segment_opens_with_its_settings(client: Client, member: User) -> None:
    answer = client.post("/customers/segments/save/", SAVED)
    segment = Segment.objects.get(name="At risk")
    assert answer.headers["Location"] == f"/customers/segments/{segment.pk}/"
    assert (segment.filter, segment.kind, segment.columns, segment.sort, segment.made_by) == (
        "risk >= 20% and mrr > 5",
        SegmentKind.TARGET,
        ["risk", "owner"],
        "-risk",
        member,
    )
    assert AuditEntry.objects.get(action="save segment").after == {
        "name": "At risk",
        "kind": "target",
        "filter": "risk >= 20% and mrr > 5",
        "columns": ["risk", "owner"],
        "sort": "-risk",
    }
    page = client.get(f"/customers/segments/{segment.pk}/")
    assert [heading.field.key for heading in page.context["page"].headings] == ["risk", "owner"]
    assert page.context["page"].headings[0].sorted == "descending"
    assert not page.context["changed"]
    other = client.get(f"/customers/segments/{segment.pk}/", {"q": "risk >= 50%"})
    assert other.context["changed"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": " "}, "Give the segment a name."),
        ({"name": "LARGE"}, "There is a segment LARGE already."),
        ({"name": "x" * 121}, "at most 120 characters"),
        ({"kind": "other"}, "Choose what the segment is for."),
        ({"q": "nothing > 5"}, "There is no field nothing"),
    ],
)
def test_it_refuses_to_save_and_says_why(client: Client, given: dict[str, str], said: str) -> None:
    before = list(Segment.objects.values())
    answer = client.post("/customers/segments/save/", SAVED | given)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert list(Segment.objects.values()) == before


def test_a_new_name_is_followed_by_the_segments_that_mention_it(
    world: World, lead_client: Client, client: Client
) -> None:
    client.post("/customers/segments/save/", SAVED | {"name": "Uses", "q": 'not in segment "Large"'})
    large, uses = Segment.objects.get(name="Large"), Segment.objects.get(name="Uses")
    answer = lead_client.post(
        f"/customers/segments/{large.pk}/change/", SAVED | {"name": "Big", "q": large.filter}
    )
    assert answer.status_code == 302
    uses.refresh_from_db()
    assert uses.filter == 'not in segment "Big"'
    refused = lead_client.post(f"/customers/segments/{large.pk}/delete/", follow=True)
    assert "Big is used by: Uses. Change those first." in refused.content.decode()
    assert Segment.objects.filter(pk=large.pk).exists()
    lead_client.post(f"/customers/segments/{uses.pk}/delete/")
    lead_client.post(f"/customers/segments/{large.pk}/delete/")
    assert not Segment.objects.exists()


def test_a_member_changes_only_their_own_segments(world: World, client: Client) -> None:
    large = Segment.objects.get(name="Large")
    assert client.post(f"/customers/segments/{large.pk}/change/", SAVED).status_code == 403
    assert client.post(f"/customers/segments/{large.pk}/delete/").status_code == 403
    large.refresh_from_db()
    assert large.name == "Large"
