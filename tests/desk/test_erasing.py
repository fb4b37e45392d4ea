"""Erasure on request: nothing of a person is left in any table nor in any file of the stream."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from heed.conversations.actions import Conversation, record_interaction, save_cases, save_interactions
from heed.conversations.models import Interaction
from heed.conversations.rows import CaseRow, InteractionRow
from heed.customers.actions import save_accounts, save_contacts, save_periods
from heed.customers.models import Account, Contact, Movement, SubscriptionPeriod
from heed.customers.rows import AccountRow, ContactRow, PeriodRow
from heed.desk import actions, erasing
from heed.desk.models import WorklistRow
from heed.ledger import durable, outbox
from heed.ledger.models import AuditEntry
from heed.people.models import User
from heed.segments.models import Segment
from heed.sources import actions as importing
from heed.sources.models import Import, ParkedRow, RejectedRow, Source
from heed.stream import Activity, AppTransaction, Stream, as_table
from tests.desk.conftest import DAY, MORNING

pytestmark = pytest.mark.django_db

BY = "import:1"
ACCOUNT, CONTACT = "ACC-ZEBRA", "tara@zebrafinch.test"
ALIKE = ("acc-zebra", "acc-zebra:2")
"""Other accounts, whose keys begin like the first's for who compares without case or forgets the colon."""
EVIDENCE = [{"key": key, "text": key, "tone": "", "href": ""} for key in ("case:T-1", "metric:m", "words")]
OF_THE_PERSON = ("Tara", "tara@", "Castell", "Controller", "line 412", "export is empty", "too slow for me")
OF_THE_ACCOUNT = (*OF_THE_PERSON, "ZEBRA", "Zebrafinch", "zebrafinch", "Poultry", "Rutger", "S-zebra")


@pytest.fixture(autouse=True)
def company(stream: Stream, alice: User) -> None:
    """Two accounts; of the first, everything that Heed can keep of an account and of a person there."""
    save_accounts(
        [
            AccountRow(ACCOUNT, name="Zebrafinch", attributes={"trade": "Poultry"}),
            AccountRow("other", parent=ACCOUNT),
        ],
        by=BY, source="crm",
    )  # fmt: skip
    people = [
        ContactRow(CONTACT, account=ACCOUNT, name="Tara Castell", email=CONTACT, role="Controller"),
        ContactRow("C-2", account=ACCOUNT, name="Rutger"),
        ContactRow("C-3", account="other", name="Owen"),
    ]
    save_contacts(people, by=BY, source="crm")
    save_contacts([ContactRow(CONTACT, attributes={"nick": "Tara C."})], by="import:2", source="crm")
    save_periods(
        [
            PeriodRow(
                "P-zebra", account=ACCOUNT, subscription="S-zebra", starts_on=date(2026, 1, 1),
                monthly_amount=Decimal(50), currency="EUR",
            )
        ],
        by=BY, source="billing",
    )  # fmt: skip
    at = MORNING - timedelta(days=9)
    save_cases(
        [
            CaseRow("T-1", account=ACCOUNT, contact=CONTACT, subject="The export is empty", opened_at=at),
            CaseRow("T-2", account="other", subject="All is well", opened_at=at),
        ],
        by=BY, source="helpdesk",
    )  # fmt: skip
    save_interactions(
        [
            InteractionRow(
                "I-1", account=ACCOUNT, contact=CONTACT, kind="call", direction="inbound",
                words="It stops at line 412.", at=at,
            ),
            InteractionRow("I-2", account=ACCOUNT, contact="C-2", kind="call", words="Quite fine.", at=at),
        ],
        by=BY, source="crm",
    )  # fmt: skip
    person = Contact.objects.get(key=CONTACT)
    said = Conversation("call", "inbound", contact=person, words="Still line 412.")
    record_interaction(Account.objects.get(key=ACCOUNT), said, by=alice.actor, held_by=alice)
    answered = Activity(
        "survey", "r1", ACCOUNT, "survey.nps", at, contact=CONTACT, value=3,
        properties='{"comment": "too slow for me"}',
    )  # fmt: skip
    used = [Activity("app", str(n), ACCOUNT, "login", at, contact="C-2") for n in range(3)]
    rest = [Activity("app", "9", "other", "login", at, contact="C-3")]
    transaction = AppTransaction("test", 1)
    stream.append(as_table([answered, *used, *rest]), transaction=transaction, recorded_at=MORNING)
    outbox.drain()
    stream.roll_up()
    # One that was hers at first, and is another's now.
    moved = InteractionRow("I-3", account="other", contact=CONTACT, kind="call", words="Hello.", at=at)
    save_interactions([moved], by=BY, source="crm")
    save_interactions([replace(moved, contact="C-3")], by="import:2", source="crm")
    worklist(alice)
    imports()


def worklist(alice: User) -> None:
    row = WorklistRow.objects.create(
        person=alice, account=Account.objects.get(key=ACCOUNT), kind="risk",
        why="Their case “The export is empty” is open for 9 days.", evidence=EVIDENCE,
        quote={"words": "It stops at line 412.", "speaker": "Controller"}, first_step="Call", as_of=DAY,
        first_shown_on=DAY, found={"case:T-1": "x", "metric:m": "y"}, change="new: case open 9 days",
        earlier={"as_of": "2026-11-21", "probability": None, "found": {"case:T-1": "x", "metric:m": "y"}},
    )  # fmt: skip
    actions.snooze(row, until=DAY + timedelta(days=9), reason="Tara is away", by=alice.actor)
    WorklistRow.objects.create(
        person=alice, account=Account.objects.get(key=ACCOUNT), kind="case", first_step="Call", as_of=DAY,
        why="Their case “The export is empty” has waited 9 days for a first reply.", first_shown_on=DAY,
        evidence=EVIDENCE,
    )  # fmt: skip
    for key in ALIKE:
        given = {"name": "Alike", "source": "crm", "created_at": MORNING, "changed_at": MORNING}
        row = WorklistRow.objects.create(
            person=alice, account=Account.objects.create(key=key, **given), kind="risk", why="All quiet.",
            first_step="Call", as_of=DAY, first_shown_on=DAY,
        )  # fmt: skip
        actions.mark_not_useful(row, reason="They merged", by=alice.actor)


def imports() -> None:
    source = Source.objects.create(name="crm", mapping="", made_by=BY, made_at=MORNING)
    columns, rows = ["id", "mail"], [["C-1", CONTACT.upper()], ["C-3", "owen@other.test"]]
    sample = {"file": "contacts.csv", "columns": columns, "rows": rows}
    of_import = Import.objects.create(
        source=source, digest="0" * 64, state="done", by=BY, started_at=MORNING,
        files=[{"name": "contacts.csv", "size": 9, "sample": sample}],
        findings=[{"name": "x", "sentence": "y", "count": 1, "examples": [{"id": CONTACT}, {"id": "C-3"}]}],
    )  # fmt: skip
    place = {"of_import": of_import, "entity": "contacts", "file": "contacts.csv", "row": 2}
    RejectedRow.objects.create(**place, reason="x", values={"account": ACCOUNT, "name": "Tara Castell"})
    RejectedRow.objects.create(**place, reason="x", values={"account": "other", "name": "Owen"})
    ParkedRow.objects.create(**place, waits_for="zz", values={"email": CONTACT, "words": "line 412"})


def every_table() -> str:
    """All that the database holds, as text."""
    with connection.cursor() as cursor:
        said = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            said.append(repr((table, cursor.fetchall())))
    return "\n".join(said)


def every_file() -> str:
    """All that the stream holds: the rows of its Parquet files, and the bytes of all files."""
    files = [path for path in Path(settings.HEED_STREAM_URL).rglob("*") if path.is_file()]
    rows = [str(pq.ParquetFile(path).read().to_pylist()) for path in files if path.suffix == ".parquet"]
    return "\n".join([*rows, *(path.read_bytes().decode("latin-1") for path in files)])


def test_after_the_erasure_of_an_account_nothing_of_it_is_left_in_any_table_or_file(admin: User) -> None:
    for word in OF_THE_ACCOUNT:
        assert word in every_table() + every_file(), word
    account = Account.objects.get(key=ACCOUNT)
    erasing.carry_out("account", account.pk, by=admin.actor, reason="request 17")
    for word in OF_THE_ACCOUNT:
        assert word not in every_table(), word
        assert word not in every_file(), word
    assert [period.monthly_amount for period in SubscriptionPeriod.objects.all()] == [50]
    assert Movement.objects.get().after == 50
    assert AuditEntry.objects.filter(action="erase from trail", kind="account", reason="request 17").exists()
    assert AuditEntry.objects.filter(action="create", kind="interaction", by=BY).count() == 3
    the_rest_stands()


def the_rest_stands() -> None:
    assert Contact.objects.get(key="C-3").name == "Owen"
    assert "All is well" in every_table()
    assert "C-3" in every_file()
    (row,) = RejectedRow.objects.all()
    assert row.values["name"] == "Owen"
    kept = Import.objects.get()
    assert kept.files[0]["sample"]["rows"] == [["C-3", "owen@other.test"]]
    assert kept.findings[0]["examples"] == [{"id": "C-3"}]
    assert not ParkedRow.objects.exists()
    alike = WorklistRow.objects.filter(account__key__in=ALIKE)
    assert list(alike.values_list("why", "state_reason")) == [("All quiet.", "They merged")] * 2
    decided = AuditEntry.objects.filter(action="mark not useful")
    assert [(entry.before or {})["shown"]["why"] for entry in decided] == ["All quiet."] * 2
    assert [(entry.after or {})["reason"] for entry in decided] == ["They merged"] * 2
    owen = AuditEntry.objects.get(kind="contact", subject="C-3")
    assert (owen.after or {})["name"] == "Owen"


def test_after_the_erasure_of_a_contact_nothing_of_the_person_is_left_and_the_account_stands(
    admin: User,
) -> None:
    contact = Contact.objects.get(key=CONTACT)
    erasing.carry_out("contact", contact.pk, by=admin.actor, reason="request 18")
    for word in OF_THE_PERSON:
        assert word not in every_table(), word
        assert word not in every_file(), word
    assert Account.objects.get(key=ACCOUNT).name == "Zebrafinch"
    assert [one.words for one in Interaction.objects.order_by("key")] == ["Quite fine.", "Hello."]
    rows = list(WorklistRow.objects.filter(account__key=ACCOUNT).order_by("pk"))
    assert [(row.state, row.why) for row in rows] == [
        (state, "What stood here was erased on request; the next round tells it anew.")
        for state in ("snoozed", "open")
    ]
    assert all([item["key"] for item in row.evidence] == ["metric:m"] for row in rows)
    assert not WorklistRow.objects.filter(account__key=ACCOUNT, quote__isnull=False).exists()
    assert rows[0].found == {"metric:m": "y"}
    assert rows[0].earlier == {"as_of": "2026-11-21", "probability": None, "found": {"metric:m": "y"}}
    assert "C-2" in every_file()
    the_rest_stands()


@pytest.mark.parametrize("kind", ["account", "contact"])
def test_an_erasure_that_was_killed_before_its_rows_were_is_ended_by_the_next(
    kind: str, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    pk = (Account.objects.get(key=ACCOUNT) if kind == "account" else Contact.objects.get(key=CONTACT)).pk
    with monkeypatch.context() as broken:
        broken.setattr(erasing, "erase_rows", lambda *_args, **_named: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erasing.carry_out(kind, pk, by=admin.actor, reason="request 19")
    assert "Tara" in every_table()
    erasing.carry_out(kind, pk, by=admin.actor, reason="request 19")
    before = every_table()
    erasing.carry_out(kind, pk, by=admin.actor, reason="request 19")
    assert every_table() == before
    assert "Castell" not in before


def test_a_file_that_names_the_erased_again_leaves_nothing_of_them(admin: User, tmp_path: Path) -> None:
    erasing.carry_out("account", Account.objects.get(key=ACCOUNT).pk, by=admin.actor, reason="request 17")
    files = {
        "accounts.csv": f"key,name,since,parent\n{ACCOUNT},Zebrafinch,2026-01-01,\n"
        f"other,Other,2026-01-01,{ACCOUNT}\n",
        "contacts.csv": f"key,account,name,email\n{CONTACT},{ACCOUNT},Tara Castell,{CONTACT}\n"
        f"C-9,{ACCOUNT},Tara Castell,\n",
        "interactions.csv": "key,account,contact,kind,direction,at,notes\n"
        f"I-1,{ACCOUNT},{CONTACT},call,inbound,2026-03-05T09:00:00Z,It stops at line 412\n"
        f"I-8,other,{CONTACT},call,inbound,2026-03-05T09:00:00Z,It stops at line 412\n"
        f"I-9,{ACCOUNT},,call,inbound,not a day,It stops at line 412\n",
        "activities.csv": f"account,contact,name,at\n{ACCOUNT},{CONTACT},login,2026-01-02T08:00:00Z\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    paths = sorted(tmp_path.glob("*.csv"))
    mapping = importing.preview(paths).mapping
    report = importing.run_import(importing.prepare(paths, mapping, source="again", by=BY), paths, by=BY)
    for word in OF_THE_ACCOUNT:
        assert word not in every_table(), word
        assert word not in every_file(), word
    assert {name: counts["rejected"] for name, counts in report.counts.items()} == {
        "accounts": 1, "contacts": 2, "interactions": 3, "activities": 0,
    }  # fmt: skip
    told = {finding["name"]: finding["count"] for finding in report.findings}
    assert [told[f"{name}: erased rows"] for name in ("accounts", "contacts", "interactions")] == [1, 2, 2]


def page_of(client: Client, address: str) -> str:
    return " ".join(client.get(address).content.decode().split())


def test_the_page_says_what_goes_what_stays_and_what_is_out_of_reach(
    admin_client: Client, member_client: Client, admin: User
) -> None:
    Interaction.objects.filter(key="I-2").update(words="Rutger says that Tara Castell left.")
    for name, filter in (("Birds", f'account is "{ACCOUNT}"'), ("Fish", 'account is "fish"')):
        Segment.objects.create(name=name, filter=filter, made_by=admin, made_at=MORNING)
    address = f"/customers/accounts/{ACCOUNT}/erase/"
    text = page_of(admin_client, address)
    for told in (
        "2 contacts",
        "3 conversations and notes",
        "1 case<",
        "2 rows of Today",
        "1 subscription period",
        "Your backups, exports that somebody took, and the systems that the data came from",
        "Files that were uploaded and not imported yet",
        "change those by hand: Birds<",
    ):
        assert told in text, told
    text = page_of(admin_client, f"/customers/contacts/{CONTACT}/erase/")
    for told in ("2 conversations and notes", "1 case<", "1 text of the account that mentions"):
        assert told in text, told
    account = page_of(admin_client, f"/customers/accounts/{ACCOUNT}/")
    assert address in account
    assert f"/customers/contacts/{CONTACT}/erase/" in account
    assert "/erase/" not in page_of(member_client, f"/customers/accounts/{ACCOUNT}/")


@pytest.mark.parametrize(
    ("typed", "reason", "wrong"),
    [("Zebrafinch", "request 17", "Nothing was erased"), ("", "x", "required"), (ACCOUNT, " ", "required")],
)
def test_without_the_id_typed_or_a_reason_nothing_is_asked_for(
    typed: str,
    reason: str,
    wrong: str,
    admin_client: Client,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    trail = AuditEntry.objects.count()
    address = f"/customers/accounts/{ACCOUNT}/erase/"
    with django_capture_on_commit_callbacks() as jobs:
        answer = admin_client.post(address, {"typed": typed, "reason": reason})
    assert jobs == []
    assert answer.status_code == 422
    assert wrong in answer.content.decode()
    assert AuditEntry.objects.count() == trail


def test_who_types_the_id_has_a_worker_erase_it_and_sees_how_far_it_is(
    admin_client: Client,
    admin: User,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    pk = Account.objects.get(key=ACCOUNT).pk
    with django_capture_on_commit_callbacks(execute=False) as jobs:
        answer = admin_client.post(
            f"/customers/accounts/{ACCOUNT}/erase/", {"typed": ACCOUNT, "reason": "request 17"}
        )
    assert len(jobs) == 1
    assert answer["Location"] == f"/customers/erasures/account/{pk}/"
    # Whoever was stopped between the record and the queue has to ask again.
    text = page_of(admin_client, answer["Location"])
    assert "A worker takes it up" not in text
    assert "No worker will take it up" in text
    assert f'href="/customers/accounts/{ACCOUNT}/erase/">Ask for it again' in text
    jobs[0]()
    assert "A worker takes it up" in page_of(admin_client, answer["Location"])
    asked = AuditEntry.objects.get(action="ask to erase")
    assert (asked.by, asked.reason, asked.before, asked.after) == (admin.actor, "request 17", None, None)
    assert ACCOUNT not in asked.subject
    standing = erasing.standing_of(Account.objects.get(pk=pk))
    assert standing is not None
    assert standing.job is not None
    durable.jobs()[standing.job.name].run(*standing.job.arguments)
    assert AuditEntry.objects.filter(
        action="erase from trail", kind="account", by=admin.actor, reason="request 17"
    ).exists()
    text = page_of(admin_client, answer["Location"])
    assert "request 17" in text
    assert "In place of the id stands erased:" in text
    assert admin_client.get(f"/customers/accounts/{ACCOUNT}/").status_code == 404


def test_what_was_erased_has_no_page_and_is_in_no_list(admin_client: Client, admin: User) -> None:
    account = Account.objects.get(key=ACCOUNT)
    erasing.carry_out("account", account.pk, by=admin.actor, reason="request 17")
    account.refresh_from_db()
    assert admin_client.get(f"/customers/accounts/{account.key}/").status_code == 404
    assert admin_client.get(f"/customers/accounts/{account.key}/conversations/new/").status_code == 404
    assert "erased" not in page_of(admin_client, "/customers/")
    assert "erased account" in page_of(admin_client, "/customers/revenue/movements/?start=2025-12-01")


def test_a_contact_that_an_undo_withdrew_can_be_erased_still(
    admin_client: Client, member_client: Client, admin: User
) -> None:
    contact = Contact.objects.get(key=CONTACT)
    Contact.objects.filter(pk=contact.pk).update(withdrawn_at=MORNING)
    address = f"/customers/contacts/{CONTACT}/erase/"
    assert "Tara Castell" in page_of(admin_client, address)
    assert member_client.get(address).status_code == 403
    answer = admin_client.post(address, {"typed": CONTACT, "reason": "request 18"})
    assert answer["Location"] == f"/customers/erasures/contact/{contact.pk}/"
    erasing.carry_out("contact", contact.pk, by=admin.actor, reason="request 18")
    assert "Tara" not in every_table()
    assert admin_client.get(address).status_code == 404
