"""The pages of sources: upload, look, import, correct, undo; by whoever may."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from heed.customers.models import Account
from heed.ledger.models import AuditEntry
from heed.people.models import User
from heed.sources import queueing, reading, staging, undoing, uploads
from heed.sources.models import Import, ImportState, RejectedRow, RejectedState, Source

pytestmark = pytest.mark.django_db

ACCOUNTS = b"key,name,kind\na1,Acme,customer\na2,Beta,alien\n"


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was given to the worker: no worker runs here, the tests run the jobs themselves."""
    given: list[tuple[Any, ...]] = []
    monkeypatch.setattr(queueing, "enqueue", lambda name, *args, key: given.append((name, *args)))
    return given


def upload(client: Client, *, name: str = "CRM", data: bytes = ACCOUNTS, **more: Any) -> Any:
    file = SimpleUploadedFile("accounts.csv", data)
    return client.post(reverse("sources:upload"), {"name": name, "chosen": [file], **more})


def test_from_upload_to_report_to_correction_to_undo(
    admin_client: Client, admin: User, enqueued: list[tuple[Any, ...]]
) -> None:
    answer = upload(admin_client)
    import_ = Import.objects.get()
    page = reverse("sources:import", args=[import_.pk])
    assert (answer.status_code, answer.url) == (302, page)
    shown = admin_client.get(page).content.decode()
    assert "[[accounts]]" in shown
    assert "Acme" in shown
    mapping = import_.mapping.replace('file = "accounts.csv"', 'file = "accounts*.csv"')
    # The guess leaves a column with values it does not know to the attributes; here the person maps it.
    mapping = mapping.replace("kind_ =", "kind =")

    counted = admin_client.post(
        reverse("sources:confirm", args=[import_.pk]), {"mapping": mapping, "do": "count"}
    )
    assert counted.status_code == 302
    assert "Counting what would change" in admin_client.get(page).content.decode()
    uploads.count(import_.pk)
    import_.refresh_from_db()
    assert import_.expected is not None
    assert import_.expected["counts"]["accounts"]["new"] == 1
    assert not Account.objects.exists()
    assert "What would become of the rows" in admin_client.get(page).content.decode()

    admin_client.post(reverse("sources:confirm", args=[import_.pk]), {"mapping": mapping, "do": "import"})
    assert [name for name, *_ in enqueued] == ["count an import", "import files"]
    polled = admin_client.get(reverse("sources:progress", args=[import_.pk]))
    assert "HX-Refresh" not in polled
    uploads.carry_out(import_.pk)
    uploads.carry_out(import_.pk)
    assert admin_client.get(reverse("sources:progress", args=[import_.pk]))["HX-Refresh"] == "true"
    report = admin_client.get(page).content.decode()
    assert "Correct 1 rejected row" in report
    assert Account.objects.get().name == "Acme"
    assert not uploads.folder_of(import_).exists()
    import_.refresh_from_db()
    assert (import_.expected, import_.files) == (None, [{"name": "accounts.csv", "size": len(ACCOUNTS)}])

    row = RejectedRow.objects.get()
    listed = admin_client.get(reverse("sources:rejected")).content.decode()
    assert "kind is none of: customer, prospect, partner, internal." in listed
    form = reverse("sources:replay", args=[row.pk])
    wrong = admin_client.post(form, {"column-key": "a2", "column-name": "Beta", "column-kind": "x"})
    assert wrong.status_code == 422
    assert 'value="x"' in wrong.content.decode()
    right = admin_client.post(form, {"column-key": "a2", "column-name": "Beta", "column-kind": "partner"})
    assert right.status_code == 302
    assert Account.objects.get(key="a2").kind == "partner"
    assert AuditEntry.objects.filter(action="replay", by=admin.actor).count() == 1

    asked = admin_client.post(reverse("sources:undo", args=[import_.pk]), follow=True)
    assert "Being taken back" in asked.content.decode()
    assert enqueued[-1] == ("undo an import", import_.pk, admin.actor)
    assert Account.objects.count() == 2
    undoing.carry_out(import_.pk, admin.actor)
    told = f"/settings/audit/?action=delete&amp;reason=import%3A{import_.pk}"
    assert f'<dt>Removed</dt><dd><a href="{told}">2</a></dd>' in admin_client.get(page).content.decode()
    removed = admin_client.get(told.replace("&amp;", "&")).context["lines"]
    assert {(line.entry.action, line.subject) for line in removed} == {("delete", "a1"), ("delete", "a2")}
    assert not Account.objects.exists()


WIDE = {
    "accounts.csv": "key,name,city\na1,Acme,Bonn\na2,Beta,Ulm\n,Nobody,Jena\n",
    "contacts.csv": "key,account,name\nu1,a1,Ann\nu9,zz,Zoe\n",
    "activities.csv": "id,account,name,at\ne1,a1,login,2025-01-02\ne2,zz,login,2025-01-03\n"
    "e3,a1,login,2025-02-31\n",
    "survey_responses.csv": "id,account,survey,score,at\nr1,a1,nps,9,2025-04-01\n",
}


def imported(client: Client, files: dict[str, str]) -> Import:
    chosen = [SimpleUploadedFile(name, text.encode()) for name, text in files.items()]
    known = Source.objects.first()
    given = {"known": str(known.pk)} if known else {"name": "CRM"}
    client.post(reverse("sources:upload"), {**given, "chosen": chosen})
    import_ = Import.objects.latest("pk")
    client.post(reverse("sources:confirm", args=[import_.pk]), {"mapping": import_.mapping})
    uploads.carry_out(import_.pk)
    import_.refresh_from_db()
    assert import_.state == ImportState.DONE, import_.error
    return import_


def test_every_count_of_a_report_opens_its_rows(
    admin_client: Client, enqueued: list[tuple[Any, ...]], transactional_db: None
) -> None:
    first = imported(admin_client, WIDE)
    changed = dict(WIDE)
    changed["accounts.csv"] = changed["accounts.csv"].replace("Acme,Bonn", "Acme,Köln")
    changed["survey_responses.csv"] = changed["survey_responses.csv"].replace("nps,9", "nps,3")
    second = imported(admin_client, changed)

    def opened(import_: Import, entity: str, became: str) -> str:
        address = reverse("sources:rows", args=[import_.pk, entity, became])
        report = admin_client.get(reverse("sources:import", args=[import_.pk])).content.decode()
        assert f'href="{address}"' in report
        page = admin_client.get(address)
        assert page.status_code == 200
        assert "Counted when the import ended" not in page.content.decode(), (entity, became)
        return page.content.decode()

    assert "/customers/accounts/a2/" in opened(first, "accounts", "new")
    assert "key is missing." in opened(first, "accounts", "rejected")
    assert "Waits for account zz." in opened(first, "contacts", "parked")
    assert "login (e1)" in opened(first, "activities", "new")
    assert "login (e2)" in opened(first, "activities", "parked")
    assert "2025-02-31" in opened(first, "activities", "rejected")
    assert "survey.nps (survey:r1)" in opened(first, "survey_responses", "new")
    shown = opened(second, "accounts", "changed")
    assert "<del>city: Bonn</del>" in shown
    assert "city: Köln" in shown
    assert "value: 3.0" in opened(second, "survey_responses", "changed")
    assert "said what was known already" in opened(second, "activities", "unchanged")
    for entity, became in (("accounts", "rows"), ("tickets", "new"), ("accounts", "nonsense")):
        assert admin_client.get(reverse("sources:rows", args=[first.pk, entity, became])).status_code == 404


def test_a_torn_line_is_corrected_on_its_page(
    admin_client: Client, enqueued: list[tuple[Any, ...]], transactional_db: None
) -> None:
    imported(admin_client, {"accounts.csv": 'key,name\na1,"Ac"me"\na2,Fine\n'})
    row = RejectedRow.objects.get()
    shown = admin_client.get(reverse("sources:rejected_row", args=[row.pk])).content.decode()
    assert "key, name" in shown
    assert "a1,&quot;Ac&quot;me&quot;" in shown
    form = reverse("sources:replay", args=[row.pk])
    assert admin_client.post(form, {"column-line": 'a1,"Ac"me"'}).status_code == 422
    assert admin_client.post(form, {"column-line": 'a1,"Ac""me"'}).status_code == 302
    assert Account.objects.get(key="a1").name == 'Ac"me'


def test_a_line_too_long_to_keep_says_to_correct_its_file(
    admin_client: Client,
    enqueued: list[tuple[Any, ...]],
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(staging, "LONGEST_KEPT", 5)
    imported(admin_client, {"accounts.csv": "key,name\na1,Acme,much more\na2,Fine\n"})
    row = RejectedRow.objects.get()
    shown = admin_client.get(reverse("sources:rejected_row", args=[row.pk])).content.decode()
    assert "Correct it in its file, and import the file again" in shown
    assert "Correct and take in" not in shown
    assert admin_client.post(reverse("sources:replay", args=[row.pk]), {}).status_code == 422
    row.refresh_from_db()
    assert row.state == RejectedState.OPEN


def test_the_next_export_of_a_source_uses_its_mapping(
    admin_client: Client, lead_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    upload(admin_client)
    first = Import.objects.get()
    admin_client.post(reverse("sources:confirm", args=[first.pk]), {"mapping": first.mapping})
    uploads.carry_out(first.pk)
    source = Source.objects.get()
    assert source.mapping.strip() == first.mapping.strip()
    upload(lead_client, name="", known=str(source.pk))
    assert Import.objects.latest("pk").mapping == source.mapping


def test_a_remembered_mapping_that_does_not_fit_says_so_and_can_be_guessed_again(
    admin_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    imported(admin_client, {"accounts.csv": "key,name,city\na1,Acme,Bonn\n"})
    chosen = [
        SimpleUploadedFile("accounts.csv", b"key,name\na1,Acme\n"),
        SimpleUploadedFile("contacts.csv", b"key,account,name\nu1,a1,Ann\n"),
        SimpleUploadedFile("old.xls", b"\xd0\xcf"),
    ]
    admin_client.post(reverse("sources:upload"), {"known": str(Source.objects.get().pk), "chosen": chosen})
    second = Import.objects.latest("pk")
    assert second.notes == [
        "The mapping of accounts wants the column 'city' of accounts.csv, which has: key, name.",
        "contacts.csv is in the set, and the mapping does not read it.",
        reading.OTHER_KIND.format("old.xls"),
    ]
    remembered = second.mapping
    address = reverse("sources:confirm", args=[second.pk])
    shown = admin_client.post(address, {"mapping": remembered, "do": "guess"}).content.decode()
    assert "[[contacts]]" in shown
    assert "city" not in shown.split("<textarea")[1].split("</textarea>")[0]
    second.refresh_from_db()
    assert (second.mapping, second.state, len(enqueued)) == (remembered, ImportState.UPLOADED, 1)


def test_who_may_not_declare_a_source_is_told_so_and_nothing_is_kept(lead_client: Client) -> None:
    answer = upload(lead_client)
    assert answer.status_code == 422
    assert not Import.objects.exists()
    assert not Source.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "member"])
def test_others_get_no_page_of_sources(role: str, make_user: Callable[..., User]) -> None:
    from tests.conftest import signed_in

    client = signed_in(make_user("nobody", role))
    for name in ("sources:sources", "sources:rejected"):
        assert client.get(reverse(name)).status_code == 403
    assert upload(client).status_code == 403
    assert not Import.objects.exists()


PLAIN = '[[accounts]]\nfile = "accounts.csv"\n[accounts.columns]\nkey = "key"\n'


@pytest.mark.parametrize(
    ("mapping", "sql"),
    [
        (PLAIN.replace('"key"', '{ sql = "upper(key)" }'), "upper(key)"),
        (PLAIN.replace("file =", "sql = 'select * from").replace('.csv"', ".csv\"'"), "select * from"),
        (
            PLAIN + '[checks.twice]\nsql = \'select 1 from "accounts.csv"\'\nsentence = "Two."\n',
            "select 1 from",
        ),
    ],
    ids=["of a column", "of a block", "of a check"],
)
def test_only_an_admin_writes_sql_in_a_mapping(
    mapping: str, sql: str, admin_client: Client, lead_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    upload(admin_client)
    import_ = Import.objects.get()
    before = import_.mapping
    address = reverse("sources:confirm", args=[import_.pk])
    refused = lead_client.post(address, {"mapping": mapping})
    assert refused.status_code == 422
    assert "Only an admin can write SQL in a mapping." in refused.content.decode()
    assert sql in refused.content.decode()
    import_.refresh_from_db()
    assert (import_.mapping, import_.state, enqueued) == (before, ImportState.UPLOADED, [])
    assert admin_client.post(address, {"mapping": mapping}).status_code == 302


def test_a_wrong_mapping_comes_back_with_the_reason_and_nothing_typed_is_lost(
    admin_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    upload(admin_client)
    import_ = Import.objects.get()
    answer = admin_client.post(reverse("sources:confirm", args=[import_.pk]), {"mapping": "[[acounts]]"})
    assert answer.status_code == 422
    assert "Did you mean" in answer.content.decode()
    assert "[[acounts]]" in answer.content.decode()
    assert enqueued == []


def test_files_that_failed_show_why_and_can_be_tried_again(
    admin_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    upload(admin_client)
    import_ = Import.objects.get()
    missing = '[[accounts]]\nfile = "other.csv"\n[accounts.columns]\nkey = "key"\n'
    address = reverse("sources:confirm", args=[import_.pk])
    admin_client.post(address, {"mapping": missing})
    uploads.carry_out(import_.pk)
    page = admin_client.get(reverse("sources:import", args=[import_.pk])).content.decode()
    assert "not in the set. Files: accounts.csv" in page
    admin_client.post(address, {"mapping": import_.mapping})
    uploads.carry_out(import_.pk)
    import_.refresh_from_db()
    assert import_.state == ImportState.DONE


def test_files_that_could_not_be_taken_in_leave_nothing(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads, "look_again", full)
    answer = upload(admin_client)
    assert answer.status_code == 422
    assert "is full. Free some space" in answer.content.decode()
    assert not Import.objects.exists()
    assert not Source.objects.exists()
    assert not list((uploads.folder_of(Import(pk=1)).parent).iterdir())


def test_two_files_of_one_name_are_both_kept_and_the_one_that_is_not_read_is_named(
    admin_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    imported(admin_client, {"accounts.csv": "key,name\na1,Acme\n"})
    twice = [SimpleUploadedFile("accounts.csv", f"key,name\na{n},A\n".encode()) for n in (2, 3)]
    known = str(Source.objects.get().pk)
    admin_client.post(reverse("sources:upload"), {"known": known, "chosen": twice})
    import_ = Import.objects.latest("pk")
    assert [path.name for path in uploads.paths_of(import_)] == ["2 accounts.csv", "accounts.csv"]
    assert import_.notes == ["2 accounts.csv is in the set, and the mapping does not read it."]


def test_what_is_stored_is_neither_confirmed_again_nor_thrown_away(
    admin_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    import_ = imported(admin_client, {"accounts.csv": "key,name\na1,Acme\n"})
    address = reverse("sources:confirm", args=[import_.pk])
    again = admin_client.post(address, {"mapping": import_.mapping}, follow=True)
    assert "This import is Done already." in again.content.decode()
    thrown = admin_client.post(reverse("sources:discard", args=[import_.pk]), follow=True)
    assert "Something of this import is stored. Undo it instead." in thrown.content.decode()
    assert Import.objects.get().state == ImportState.DONE
    assert Account.objects.exists()
    assert len(enqueued) == 1


def test_an_undo_is_asked_for_once_and_names_what_it_kept(
    admin_client: Client, admin: User, enqueued: list[tuple[Any, ...]]
) -> None:
    first = imported(admin_client, {"accounts.csv": "key,name\na1,Acme\na2,Beta\n"})
    second = imported(admin_client, {"accounts.csv": "key,name\na1,Acme Ltd\na2,Beta\n"})
    undo, page = (reverse(f"sources:{name}", args=[first.pk]) for name in ("undo", "import"))
    admin_client.post(undo)
    again = admin_client.post(undo, follow=True)
    assert "This import cannot be taken back: Being taken back." in again.content.decode()
    assert [name for name, *_ in enqueued].count("undo an import") == 1

    undoing.carry_out(first.pk, admin.actor)
    undoing.carry_out(first.pk, admin.actor)
    shown = admin_client.get(page).content.decode()
    assert "account a1" in shown
    assert f"Import {second.pk} said some of the same rows again" in shown
    assert list(Account.objects.filter(withdrawn_at=None).values_list("key", "name")) == [("a1", "Acme Ltd")]
    assert AuditEntry.objects.filter(action="undo", subject=str(first.pk)).count() == 1


def test_an_undo_that_stops_is_said(
    admin_client: Client, admin: User, enqueued: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = imported(admin_client, {"accounts.csv": "key,name\na1,Acme\n"})
    admin_client.post(reverse("sources:undo", args=[done.pk]))

    def full(*given: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(undoing, "revert_customers", full)
    undoing.carry_out(done.pk, admin.actor)
    shown = admin_client.get(reverse("sources:import", args=[done.pk])).content.decode()
    assert "Taking this import back stopped. Undo it again." in shown
    assert "Free some space" in shown
    assert "Undo this import" in shown


def test_an_upload_can_be_thrown_away(admin_client: Client) -> None:
    upload(admin_client)
    import_ = Import.objects.get()
    folder = uploads.folder_of(import_)
    assert folder.is_dir()
    admin_client.post(reverse("sources:discard", args=[import_.pk]))
    assert not folder.exists()
    assert not Import.objects.exists()


def test_an_upload_larger_than_the_limit_is_refused_in_words(admin_client: Client, settings: Any) -> None:
    settings.HEED_UPLOAD_LIMIT_MB = 1
    answer = upload(admin_client, data=b"key,name\n" + b"a1,Acme\n" * 200_000)
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "The files are larger than 1 MB together, so none was taken." in shown
    assert "This field is required" not in shown
    assert not Import.objects.exists()
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\x.csv", "x.csv"),
        ("a/b c (1).csv", "b c (1).csv"),
        (".hidden", "hidden"),
        ("", "file"),
        ("ä<b>.csv", "ä_b_.csv"),
    ],
)
def test_names_of_uploads_stay_in_their_folder(given: str, kept: str) -> None:
    assert uploads.safe_name(given) == kept
    assert Path(kept).name == kept


def test_rows_are_set_aside_from_the_list(admin_client: Client, enqueued: list[tuple[Any, ...]]) -> None:
    upload(admin_client)
    import_ = Import.objects.get()
    mapping = import_.mapping.replace("kind_ =", "kind =")
    admin_client.post(reverse("sources:confirm", args=[import_.pk]), {"mapping": mapping})
    uploads.carry_out(import_.pk)
    row = RejectedRow.objects.get()
    admin_client.post(reverse("sources:dismiss"), {"row": [str(row.pk)]})
    row.refresh_from_db()
    assert row.state == RejectedState.DISMISSED
    assert "No rejected rows" in admin_client.get(reverse("sources:rejected")).content.decode()


@pytest.mark.parametrize("number", ["²", "9" * 30])
def test_what_is_no_number_in_an_address_or_a_form_names_nothing(
    number: str, admin_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    upload(admin_client)
    import_ = Import.objects.get()
    admin_client.post(reverse("sources:confirm", args=[import_.pk]), {"mapping": import_.mapping})
    uploads.carry_out(import_.pk)
    RejectedRow.objects.create(
        of_import=import_, entity="accounts", file="accounts.csv", row=9, reason="x", values={"key": "a9"}
    )
    made = reverse("sources:rows", args=[import_.pk, "accounts", "new"])
    for address in (
        f"{reverse('sources:sources')}?source={number}",
        f"{reverse('sources:sources')}?page={number}",
        f"{made}?page={number}",
        f"{reverse('sources:rejected')}?import={number}",
        f"{reverse('sources:rejected')}?page={number}",
    ):
        answer = admin_client.get(address)
        assert answer.status_code == 200, address
        assert "a1" in answer.content.decode() or made not in address
    answer = admin_client.post(reverse("sources:dismiss"), {"row": [number], "reason": "x"})
    assert answer.status_code == 302
    assert set(RejectedRow.objects.values_list("state", flat=True)) == {RejectedState.OPEN}
