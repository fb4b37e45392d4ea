"""What imports keep of their files goes too when what it names is erased."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pytest

from heed.customers.actions import save_accounts, save_contacts
from heed.customers.erasure import erase_account, erased_among, erased_key
from heed.customers.models import Account, Contact
from heed.customers.rows import AccountRow, ContactRow
from heed.ledger.actions import Change, record
from heed.ledger.models import AuditEntry
from heed.sources import erasing
from heed.sources.actions import dismiss
from heed.sources.erasing import erase_rows, without_erased
from heed.sources.models import Import, ImportState, ParkedRow, RejectedRow, Source
from heed.sources.reads import samples_of
from heed.sources.staging import Refused
from heed.stream import Stream

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADER = '["key", "account", "name"]'


@pytest.fixture
def of_import() -> Import:
    source = Source.objects.create(name="crm", made_by="x", made_at=NOW)
    return Import.objects.create(source=source, state=ImportState.DONE, by="x", started_at=NOW)


def refused(of_import: Import, entity: str, values: dict[str, Any]) -> RejectedRow:
    place = {"of_import": of_import, "entity": entity, "file": "a.csv", "row": 2, "reason": "x"}
    return RejectedRow.objects.create(**place, values=values)


def test_lines_that_are_no_records_go_with_the_account_that_stands_in_them(of_import: Import) -> None:
    save_accounts([AccountRow("a1", name="Acme Ltd"), AccountRow("a11")], by="import:1", source="crm")

    def kept(line: str) -> int:
        return refused(of_import, "contacts", {"line": line, "header": HEADER, "delimiter": ","}).pk

    for named in ('u1,a1,"Ac"me"', "u2;Acme Ltd;x;y", '{"key": "u3", "account": "a1"', 'u4,"open\nu5,A1,x'):
        kept(named)
    others = [kept("u6,a11,x,y"), kept("u7,Acme,x,y")]
    erase_rows(Account.objects.get(key="a1"), by="person:1", reason="asked")
    assert list(RejectedRow.objects.order_by("pk").values_list("pk", flat=True)) == others


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [("u1^eu:42^x^y", "^"), ('u1,"eu:42"x,y', ","), ('{"account": "eu:42"', ","), ("u1~ eu:42 ~x~y", "~")],
)
def test_a_key_with_a_colon_is_found_in_lines_of_any_delimiter(
    line: str, delimiter: str, of_import: Import
) -> None:
    save_accounts([AccountRow("eu:42")], by="import:1", source="crm")
    refused(of_import, "contacts", {"line": line, "header": HEADER, "delimiter": delimiter})
    erase_rows(Account.objects.get(), by="person:1", reason="asked")
    assert not RejectedRow.objects.exists()


def test_rows_of_others_stay_though_the_key_or_the_name_is_an_everyday_value(of_import: Import) -> None:
    save_accounts([AccountRow("42", name="Berlin"), AccountRow("b")], by="import:1", source="crm")
    going = [
        ("accounts", {"key": "42", "name": "x"}),
        ("accounts", {"key": "c", "parent": "42"}),
        ("accounts", {"key": "c", "name": " BERLIN"}),
        ("activities", {"account": "42", "name": "login"}),
    ]
    staying = [
        ("accounts", {"key": "c", "name": "42", "city": "Berlin"}),
        ("contacts", {"key": "42", "account": "b", "name": "Berlin"}),
        ("tickets", {"key": "42", "account": "b", "contact": "42", "subject": "Berlin"}),
        ("activities", {"account": "b", "name": "login", "value": "42"}),
        ("contacts", {"line": "u6,b,x,y", "header": '["42", "Berlin"]', "delimiter": ","}),
    ]
    for entity, values in going + staying:
        refused(of_import, entity, values)
        if "line" not in values:
            ParkedRow.objects.create(
                of_import=of_import, entity=entity, waits_for="z", file="a.csv", row=2, values=values
            )
    erase_rows(Account.objects.get(key="42"), by="person:1", reason="asked")
    assert list(RejectedRow.objects.order_by("pk").values_list("entity", "values")) == staying
    assert list(ParkedRow.objects.order_by("pk").values_list("entity", "values")) == staying[:-1]


def test_a_contact_is_known_by_key_address_and_in_the_account_by_name(of_import: Import) -> None:
    save_accounts([AccountRow("a"), AccountRow("b")], by="import:1", source="crm")
    person = ContactRow("7", account="a", name="May", email="may@a.test")
    save_contacts([person], by="import:1", source="crm")
    going = [
        ("contacts", {"key": "7", "account": "b"}),
        ("tickets", {"key": "t", "account": "b", "contact": "7"}),
        ("tickets", {"key": "t", "account": "b", "subject": "May@a.test"}),
        ("contacts", {"key": "8", "account": "a", "name": "may"}),
    ]
    staying: list[tuple[str, dict[str, Any]]] = [
        ("accounts", {"key": "7", "name": "May"}),
        ("tickets", {"key": "7", "account": "b", "severity": "7"}),
        ("contacts", {"key": "8", "account": "b", "name": "May"}),
        ("contacts", {"key": "8", "account": "a", "name": None, "role": ""}),
    ]
    for entity, values in going + staying:
        refused(of_import, entity, values)
    erase_rows(Contact.objects.get(), by="person:1", reason="asked")
    assert list(RejectedRow.objects.order_by("pk").values_list("entity", "values")) == staying


def test_a_contact_without_a_name_takes_no_row_of_its_account_along(of_import: Import) -> None:
    save_accounts([AccountRow("a")], by="import:1", source="crm")
    save_contacts([ContactRow("7", account="a")], by="import:1", source="crm")
    row = refused(of_import, "contacts", {"key": "8", "account": "a", "name": "", "email": " "})
    erase_rows(Contact.objects.get(), by="person:1", reason="asked")
    assert list(RejectedRow.objects.all()) == [row]


def test_what_an_import_shows_of_it_goes_and_the_header_stays(of_import: Import) -> None:
    save_accounts([AccountRow("name")], by="import:1", source="crm")
    sample = {"file": "a.csv", "columns": ["key", "name"], "rows": [["name", "x"], ["b", "y"]]}
    of_import.files = [{"name": "a.csv", "size": 9, "sample": sample}]
    wrong = {"file": "a.csv", "row": 2, "column": "since", "reason": "x"}
    of_import.expected = {
        "counts": {"accounts": {"new": 1}},
        "findings": [{"name": "n", "sentence": "s", "count": 2, "examples": [{"id": "name"}, {"id": "b"}]}],
        "rejected": [wrong | {"values": {"key": "name"}}, wrong | {"values": {"key": "b"}}],
    }
    of_import.save()
    erase_rows(Account.objects.get(), by="person:1", reason="asked")
    of_import.refresh_from_db()
    (shown,) = samples_of(of_import)
    assert (shown.columns, shown.rows) == (["key", "name"], [[("key", "b"), ("name", "y")]])
    expected = of_import.expected or {}
    assert expected["counts"] == {"accounts": {"new": 1}}
    assert expected["findings"][0]["examples"] == [{"id": "b"}]
    assert expected["rejected"] == [wrong | {"values": {"key": "b"}}]


def test_what_an_undo_kept_of_it_is_named_no_more(of_import: Import) -> None:
    save_accounts([AccountRow("42"), AccountRow("b")], by="import:1", source="crm")
    save_contacts([ContactRow("u1", account="42")], by="import:1", source="crm")
    going = [("account", "42"), ("contact", "U1")]
    staying = [("contact", "42"), ("account", "b"), ("case", "42")]
    told = [{"kind": kind, "key": key, "reason": "x"} for kind, key in going + staying]
    of_import.undone = {"restored": 1, "kept": told, "kept_more": 0}
    of_import.save()
    never_undone = Import.objects.create(
        source=of_import.source, state=ImportState.DONE, by="x", started_at=NOW
    )
    erase_rows(Account.objects.get(key="42"), by="person:1", reason="asked")
    of_import.refresh_from_db()
    assert of_import.undone == {"restored": 1, "kept": told[2:], "kept_more": 0}
    never_undone.refresh_from_db()
    assert never_undone.undone is None


def test_the_trail_of_rejected_rows_goes_too_also_where_the_row_was_corrected_to_another(
    of_import: Import,
) -> None:
    save_accounts([AccountRow("ACC-ZEBRA"), AccountRow("b")], by="import:1", source="crm")
    corrected, other, dismissed, spared = (
        refused(of_import, "contacts", {"key": "u1", "account": account})
        for account in ("b", "b", "ACC-ZEBRA", "b")
    )
    for row, was in ((corrected, "ACC-ZEBRA"), (other, "zz")):
        before = {"values": {"key": "u1", "account": was}, "state": "open"}
        after = {"values": row.values, "state": "replayed"}
        record(Change("replay", "rejected row", str(row.pk), before, after), by="person:1")
    dismiss([dismissed], by="person:1", reason="Zebra has left")
    dismiss([spared], by="person:1", reason="no such person")
    erase_rows(Account.objects.get(key="ACC-ZEBRA"), by="person:2", reason="asked")
    told = list(AuditEntry.objects.filter(kind="rejected row").values_list("before", "after", "reason"))
    assert not [each for each in told if "zebra" in repr(each).casefold()]
    assert any("zz" in repr(before) for before, _, _ in told)
    assert [reason for _, _, reason in told].count("no such person") == 1
    assert set(RejectedRow.objects.all()) == {corrected, other, spared}
    done = AuditEntry.objects.filter(action="erase from trail", by="person:2")
    assert set(done.values_list("subject", flat=True)) == {str(corrected.pk), str(dismissed.pk)}


def test_a_torn_line_that_names_the_erased_is_not_kept_again(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_accounts([AccountRow("ACC-1"), AccountRow("acc-2")], by="import:1", source="crm")
    save_contacts([ContactRow("Ann@A.test", account="ACC-1")], by="import:1", source="crm")
    erase_account(Account.objects.get(key="ACC-1"), by="person:1", reason="asked")
    assert Contact.objects.get().key == erased_key("contact", "Ann@A.test")

    def line(text: str) -> Refused:
        values: dict[str, str | None] = {"line": text, "header": HEADER, "delimiter": ","}
        return Refused(0, "a.csv", 2, "", "wrong_width", values)

    def record_of(**values: str | None) -> Refused:
        return Refused(0, "a.csv", 2, "since", "not_day", values)

    going = [line('u1,ACC-1,"Ac"me"'), line("Ann@A.test,acc-2,x,y"), line('{"account": "ACC-1", "na')]
    staying = [line("u2,acc-2,x,y"), line("u3,ACC-10,x,y")]
    assert without_erased("contacts", [*going, *staying]) == staying
    named = [record_of(key="ACC-1"), record_of(key="c", parent="ACC-1")]
    other = record_of(key="c", name="ACC-1", parent=None)
    assert without_erased("accounts", [*named, other]) == [other]
    asked: list[int] = []

    def counted(kind: str, keys: Collection[str]) -> set[str]:
        asked.append(len(keys))
        return erased_among(kind, keys)

    monkeypatch.setattr(erasing, "erased_among", counted)
    long = line(",".join(map(str, range(erasing.CHUNK * 2))) + ",ACC-1")
    assert without_erased("contacts", [long]) == []
    assert max(asked) == erasing.CHUNK
