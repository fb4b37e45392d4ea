"""A file set comes in: counted, kept, repeatable, resumable, and taken back."""

import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model

from heed.conversations.models import Case, Interaction
from heed.customers.models import Account, Contact, Movement, SubscriptionPeriod
from heed.ledger.models import AuditEntry, OutboxEntry
from heed.sources import actions, running, steps, undoing
from heed.sources.models import Import, ImportState, ParkedRow, RejectedRow, RejectedState, Source
from heed.stream import Stream

pytestmark = pytest.mark.django_db(transaction=True)
BY = "person:1"

FILES = {
    "accounts.csv": "key,name,industry,employees\na1,Acme,Steel,120\na2,Beta,Food,8\n",
    "contacts.csv": "key,account,name,email\nu1,a1,Ann,ann@acme.test\nu9,zz,Zoe,zoe@zz.test\n",
    "subscriptions.csv": "subscription,account,start,mrr,currency,plan\ns1,a1,2025-01-01,100.50,EUR,pro\n"
    "s2,a2,2025-02-01,-5,EUR,pro\n",
    "tickets.csv": "key,account,subject,opened_at,first_reply_at,resolved_at,csat\n"
    "t1,a1,Login fails,2025-03-01T10:00:00Z,2025-03-01T12:00:00Z,2025-03-02T10:00:00Z,4\n",
    "interactions.csv": "key,account,kind,direction,at,notes\n"
    "i1,a1,call,inbound,2025-03-05T09:00:00Z,Too slow\n",
    "survey_responses.csv": "id,account,survey,score,comment,at\nr1,a1,nps,9,Nice,2025-04-01\n"
    "r2,a2,nps,,,2025-04-01\n",
    "activities.csv": "account,contact,name,at\na1,u1,login,2025-01-02T08:00:00Z\n"
    "a1,u1,login,2025-01-02T08:00:00Z\n"
    "a2,,login,2025-01-03\nzz,u9,login,2025-01-04\na1,u1,login,2025-02-31\n",
}


def write(folder: Path, **changed: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, text in {**FILES, **{f"{stem}.csv": text for stem, text in changed.items()}}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder.glob("*.csv"))


def bring(paths: list[Path], mapping: str = "", source: str = "crm") -> running.Report:
    mapping = mapping or actions.preview(paths).mapping
    return actions.run_import(actions.prepare(paths, mapping, source=source, by=BY), paths, by=BY)


def imported(report: running.Report) -> Import:
    assert report.import_id is not None
    return Import.objects.get(pk=report.import_id)


def summary(report: running.Report) -> dict[str, tuple[int, ...]]:
    names = ("new", "changed", "unchanged", "rejected", "parked")
    return {entity: tuple(counts[name] for name in names) for entity, counts in report.counts.items()}


def standing(stream: Stream) -> dict[str, int]:
    rows = stream.activities()
    table = stream.run(rows.group_by("name").aggregate(n=rows.sign.sum())).to_pylist()
    return {row["name"]: row["n"] for row in table if row["n"]}


def everything(stream: Stream) -> dict[str, Any]:
    """All that an import may touch, row for row, to see that nothing did."""
    models = (
        *(Account, Contact, SubscriptionPeriod, Movement, Case, Interaction, OutboxEntry, Source),
        *(Import, RejectedRow, ParkedRow, AuditEntry),
    )
    tables = {"activities": stream.activities(), "daily": stream.daily(), "parked": stream.parked()}
    return {
        **{model.__name__: list(model._default_manager.order_by("pk").values()) for model in models},
        **{name: sorted(map(str, stream.run(table).to_pylist())) for name, table in tables.items()},
    }


def without(found: dict[str, Any], *models: type[Model]) -> dict[str, Any]:
    names = {model.__name__ for model in models}
    return {name: rows for name, rows in found.items() if name not in names}


EXPECTED = {
    "accounts": (2, 0, 0, 0, 0),
    "contacts": (1, 0, 0, 0, 1),
    "subscriptions": (1, 0, 0, 1, 0),
    "tickets": (1, 0, 0, 0, 0),
    "interactions": (1, 0, 0, 0, 0),
    "survey_responses": (2, 0, 0, 0, 0),
    "activities": (3, 0, 0, 1, 1),
}
STANDING = {
    "login": 3,
    "case.opened": 1,
    "case.replied": 1,
    "case.resolved": 1,
    "survey.csat": 1,
    "survey.nps": 1,
    "survey.invited": 1,
    "interaction.call": 1,
    "subscription.new": 1,
}


def test_a_whole_file_set_comes_in_by_a_guessed_mapping(tmp_path: Path, stream: Stream) -> None:
    report = bring(write(tmp_path / "set"))
    assert summary(report) == EXPECTED
    assert standing(stream) == STANDING
    acme = Account.objects.get(key="a1")
    assert acme.attributes == {"industry": "Steel", "employees": 120}
    assert str(SubscriptionPeriod.objects.get().monthly_amount) == "100.5000"
    assert Movement.objects.get().kind == "new"
    assert Case.objects.get().first_reply_at == datetime(2025, 3, 1, 12, tzinfo=UTC)
    assert Interaction.objects.get().words == "Too slow"
    reasons = dict(RejectedRow.objects.values_list("file", "reason"))
    assert reasons == {
        "subscriptions.csv": "amount is negative.",
        "activities.csv": "at is no date that exists, or not in a stated date format.",
    }
    replied = stream.activities().filter(lambda row: row.name == "case.replied")
    assert stream.run(replied)["value"].to_pylist() == [2.0]
    assert stream.run(stream.daily()).num_rows > 0
    assert AuditEntry.objects.filter(by=f"import:{report.import_id}", kind="account").count() == 2


def test_the_same_set_again_changes_nothing(tmp_path: Path, stream: Stream) -> None:
    paths = write(tmp_path / "set")
    first = bring(paths)
    trail = AuditEntry.objects.filter(by__startswith="import:").count()
    own_to_an_import = (Import, RejectedRow, ParkedRow, AuditEntry)
    before = without(everything(stream), *own_to_an_import)
    again = bring(paths)
    assert again.import_id != first.import_id
    assert {entity: (new, changed) for entity, (new, changed, *_) in summary(again).items()} == dict.fromkeys(
        EXPECTED, (0, 0)
    )
    assert without(everything(stream), *own_to_an_import) == before
    assert AuditEntry.objects.filter(by__startswith="import:").count() == trail


def test_a_dry_run_counts_the_same_and_writes_nothing(tmp_path: Path, stream: Stream) -> None:
    paths = write(tmp_path / "set")
    mapping = actions.preview(paths).mapping
    before = everything(stream)
    report = actions.dry_run(paths, mapping, source="crm", by=BY)
    assert everything(stream) == before
    assert summary(report) == EXPECTED
    assert len(report.rejected) == 2
    bring(paths)
    before = everything(stream)
    again = actions.dry_run(paths, mapping, source="crm", by=BY)
    assert everything(stream) == before
    assert summary(again)["activities"] == (0, 0, 3, 1, 1)


def test_what_waited_for_its_account_comes_in_when_the_account_does(tmp_path: Path, stream: Stream) -> None:
    bring(write(tmp_path / "set"))
    assert ParkedRow.objects.get().waits_for == "zz"
    (tmp_path / "later").mkdir()
    later = tmp_path / "later" / "accounts.csv"
    later.write_text("key,name\nzz,Zorro\n", encoding="utf-8")
    bring([later], source="other")
    assert Contact.objects.get(key="u9").account.key == "zz"
    assert ParkedRow.objects.get().released_at is not None
    assert standing(stream)["login"] == 4


def test_a_changed_row_is_a_change_with_both_versions_kept(tmp_path: Path, stream: Stream) -> None:
    bring(write(tmp_path / "set"))
    renamed = FILES["accounts.csv"].replace("Acme", "Acme Ltd")
    rated = FILES["survey_responses.csv"].replace("nps,9,Nice", "nps,3,Worse")
    report = bring(write(tmp_path / "set", accounts=renamed, survey_responses=rated))
    assert summary(report)["accounts"] == (0, 1, 1, 0, 0)
    assert summary(report)["survey_responses"] == (0, 1, 1, 0, 0)
    entry = AuditEntry.objects.filter(kind="account", subject="a1").latest("id")
    assert (entry.before or {})["name"] == "Acme"
    assert (entry.after or {})["name"] == "Acme Ltd"
    answers = stream.activities().filter(lambda row: row.name == "survey.nps")
    found = [(row["sign"], row["value"]) for row in stream.run(answers.order_by("recorded_at")).to_pylist()]
    assert sorted(found) == [(-1, 9.0), (1, 3.0), (1, 9.0)]


def test_what_a_later_export_no_longer_says_is_taken_back_and_comes_back_by_undo(
    tmp_path: Path, stream: Stream
) -> None:
    bring(write(tmp_path / "set"))
    reopened = FILES["tickets.csv"].replace("2025-03-01T12:00:00Z,2025-03-02T10:00:00Z,4", ",,")
    unanswered = FILES["survey_responses.csv"].replace("nps,9,Nice", "nps,,")
    report = bring(write(tmp_path / "set", tickets=reopened, survey_responses=unanswered))
    assert standing(stream) == {"login": 3, "case.opened": 1, "survey.invited": 2} | {
        "interaction.call": 1,
        "subscription.new": 1,
    }
    told = {one["name"]: (one["count"], one["examples"]) for one in report.findings}
    assert told["tickets: taken back"][0] == 3
    assert told["survey_responses: taken back"] == (1, [{"id": "survey:r1"}])
    again = bring(write(tmp_path / "set", tickets=reopened, survey_responses=unanswered))
    assert not any("taken back" in one["name"] for one in again.findings)
    undoing.undo(imported(report), by=BY)
    assert standing(stream) == STANDING


def test_a_column_that_is_not_mapped_takes_nothing_back(tmp_path: Path, stream: Stream) -> None:
    bring(write(tmp_path / "set"))
    fewer = "key,account,subject,opened_at\nt1,a1,Login fails,2025-03-01T10:00:00Z\n"
    bring(write(tmp_path / "set", tickets=fewer))
    assert standing(stream) == STANDING


def test_one_id_twice_in_a_file_is_a_change_with_both_versions_kept(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    path = folder / "accounts.csv"
    path.write_text("key,name\na1,Old\na2,Beta\na1,New\na2,Beta\n", encoding="utf-8")
    report = bring([path])
    assert Account.objects.get(key="a1").name == "New"
    assert [(one["count"], one["examples"]) for one in report.findings] == [(1, [{"id": "a1", "rows": 2}])]
    assert summary(report)["accounts"] == (2, 1, 1, 0, 0)
    entries = AuditEntry.objects.filter(kind="account", action="supersede")
    assert [(one.subject, one.before, one.after, one.reason) for one in entries] == [
        (
            *("a1", {"key": "a1", "name": "Old"}, {"key": "a1", "name": "New"}),
            "row 2 of accounts.csv, replaced by a later one",
        )
    ]
    again = bring([path])
    assert summary(again)["accounts"] == (0, 0, 4, 0, 0)
    assert entries.count() == 1
    undoing.undo(imported(report), by=BY)
    assert not Account.objects.exists()


def test_undo_takes_everything_back_and_leaves_the_facts(tmp_path: Path, stream: Stream) -> None:
    bring(write(tmp_path / "set"))
    renamed = FILES["accounts.csv"].replace("Acme", "Acme Ltd") + "a3,Gamma,,\n"
    more = FILES["activities.csv"] + "a3,,login,2025-05-05\n"
    report = bring(write(tmp_path / "set", accounts=renamed, activities=more))
    done = undoing.undo(imported(report), by=BY)
    assert (done.restored, done.deleted, done.activities) == (1, 1, 1)
    assert dict(Account.objects.values_list("key", "name")) == {"a1": "Acme", "a2": "Beta"}
    assert standing(stream) == STANDING
    assert imported(report).state == ImportState.UNDONE
    assert undoing.undo(imported(report), by=BY) == done
    assert standing(stream) == STANDING


def test_undo_keeps_the_accounts_of_which_other_imports_speak(tmp_path: Path, stream: Stream) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("key,name\na1,Acme\na2,Beta\na3,Gamma\n", encoding="utf-8")
    first = bring([accounts])
    (tmp_path / "later").mkdir()
    usage = tmp_path / "later" / "activities.csv"
    usage.write_text("id,account,name,at\n1,a1,login,2025-01-02\n", encoding="utf-8")
    second = bring([usage], source="product")
    contacts = tmp_path / "later" / "contacts.csv"
    contacts.write_text("key,account,name\nu2,a2,Ann\n", encoding="utf-8")
    bring([contacts], source="helpdesk")
    done = undoing.undo(imported(first), by=BY)
    assert {kept["key"] for kept in done.kept} == {"a1", "a2"}
    assert dict(Account.objects.filter(withdrawn_at=None).values_list("key", "name")) == {
        "a1": "Acme",
        "a2": "Beta",
    }
    assert standing(stream) == {"login": 1}
    # Once the other import is taken back too, nobody needs the account any more.
    undoing.undo(imported(second), by=BY)
    undoing.undo(imported(first), by=BY)
    assert set(Account.objects.values_list("key", flat=True)) == {"a2"}


def test_undo_names_the_later_imports_that_said_the_same(tmp_path: Path, stream: Stream) -> None:
    paths = write(tmp_path / "set")
    first, second = bring(paths), bring(paths)
    assert undoing.undo(imported(first), by=BY).later == [second.import_id]
    bring(paths)
    assert standing(stream) == STANDING


def test_undo_of_the_only_import_leaves_no_customer_and_no_revenue(tmp_path: Path, stream: Stream) -> None:
    report = bring(write(tmp_path / "set"))
    undoing.undo(imported(report), by=BY)
    for model in (Account, Contact, SubscriptionPeriod, Movement, Case, Interaction):
        assert not model.objects.exists(), model
    assert standing(stream) == {}


def test_a_rejected_row_can_be_corrected_and_replayed_once(tmp_path: Path, stream: Stream) -> None:
    bring(write(tmp_path / "set"))
    row = RejectedRow.objects.get(file="activities.csv")
    assert row.values["at"] == "2025-02-31"
    with pytest.raises(actions.StillWrong) as wrong:
        actions.replay(row, {"at": "2025-02-30"}, by=BY)
    assert wrong.value.column == "at"
    assert RejectedRow.objects.get(pk=row.pk).state == RejectedState.OPEN
    assert standing(stream)["login"] == 3
    for _ in range(2):
        actions.replay(row, {"at": "2025-02-28"}, by=BY)
        assert RejectedRow.objects.get(pk=row.pk).state == RejectedState.REPLAYED
        assert standing(stream)["login"] == 4
    period = RejectedRow.objects.get(file="subscriptions.csv")
    actions.replay(period, {"amount": "5"}, by=BY)
    assert SubscriptionPeriod.objects.filter(account__key="a2").count() == 1


TORN = 'key,name,city\nt1,"Ac"me",Bonn\nt2,Good,Ulm\nt3,"open,Jena\nt4,Last,Trier\n'


def test_torn_lines_are_corrected_as_lines_into_one_row_or_several(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text(TORN, encoding="utf-8")
    bring([tmp_path / "accounts.csv"])
    assert set(Account.objects.values_list("key", flat=True)) == {"t2"}
    first, second = RejectedRow.objects.order_by("row")
    assert (first.row, first.values["line"], first.is_line) == (2, 't1,"Ac"me",Bonn', True)
    assert first.reason.startswith("A quote is not closed, or stands within a value")
    assert second.values["line"] == 't3,"open,Jena\nt4,Last,Trier\n'
    for wrong in ('t1,"Ac"me",Bonn', "t1,Acme", " \n"):
        with pytest.raises(actions.StillWrong):
            actions.replay(first, {"line": wrong}, by=BY)
    # One good line beside a wrong one is not taken either.
    with pytest.raises(actions.StillWrong):
        actions.replay(second, {"line": "t3,Open,Jena\r\nt4,Last"}, by=BY)
    assert Account.objects.count() == 1
    assert actions.replay(first, {"line": 't1,"Ac""me",Bonn'}, by=BY).new == 1
    assert actions.replay(second, {"line": "t3,Open,Jena\r\nt4,Last,Trier"}, by=BY).new == 2
    assert dict(Account.objects.values_list("key", "name")) == {
        "t1": 'Ac"me',
        "t2": "Good",
        "t3": "Open",
        "t4": "Last",
    }
    assert Account.objects.get(key="t4").attributes == {"city": "Trier"}


def test_broken_json_lines_are_kept_as_they_stand_and_corrected(tmp_path: Path) -> None:
    lines = '{"key":"j1","name":"One"}\n\n{"key":"j2","name":\n[1]\n{"key":"j3","name":"Three"}\n'
    (tmp_path / "accounts.jsonl").write_text(lines, encoding="utf-8")
    bring([tmp_path / "accounts.jsonl"])
    rows = list(RejectedRow.objects.order_by("row"))
    assert [(row.row, row.values["line"]) for row in rows] == [(2, '{"key":"j2","name":'), (3, "[1]")]
    actions.replay(rows[0], {"line": '{"key":"j2","name":"Two"}'}, by=BY)
    assert dict(Account.objects.values_list("key", "name")) == {"j1": "One", "j2": "Two", "j3": "Three"}


def test_torn_lines_of_a_file_with_sql_are_told_too(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text(TORN, encoding="utf-8")
    (tmp_path / "more.csv").write_text("key,name\nm1,More\nm2\n", encoding="utf-8")
    mapping = """
[[accounts]]
file = "accounts.csv"
[accounts.columns]
key = { sql = "upper(key)" }
[[accounts]]
sql = 'select * from "more.csv"'
[accounts.columns]
key = "key"
"""
    report = bring(sorted(tmp_path.glob("*.csv")), mapping)
    assert summary(report)["accounts"] == (2, 0, 0, 2, 0)
    assert [(one["name"], one["count"], one["examples"]) for one in report.findings] == [
        ("more.csv: lines left out", 1, [{"line": 3, "text": "m2"}])
    ]
    first = RejectedRow.objects.order_by("row")[0]
    actions.replay(first, {"line": "t1,Acme,Bonn"}, by=BY)
    assert set(Account.objects.values_list("key", flat=True)) == {"T1", "T2", "m1"}


def test_a_corrected_row_of_an_unknown_account_is_parked_under_its_own_file_and_row(
    tmp_path: Path, stream: Stream
) -> None:
    tickets = "key,account,opened_at\nt1,a1,2025-03-01\nt2,zz,2025-02-30\n"
    bring(write(tmp_path / "set", tickets=tickets))
    row = RejectedRow.objects.get(file="tickets.csv")
    assert actions.replay(row, {"opened_at": "2025-02-28"}, by=BY).parked == 1
    waiting = ParkedRow.objects.get(entity="tickets")
    assert (waiting.file, waiting.row, waiting.waits_for) == ("tickets.csv", 3, "zz")


def test_what_is_refused_on_saving_leaves_no_activity_even_when_killed_in_between(
    tmp_path: Path, stream: Stream
) -> None:
    # Without a direction the checks let it pass; the package that saves it takes it for outbound.
    planned = "key,account,kind,motion,at\ni1,a1,call,planned,2025-03-05\ni2,a1,call,reactive,2025-03-06\n"
    paths = write(tmp_path / "set", interactions=planned)
    mapping = actions.preview(paths).mapping
    killed = actions.prepare(paths, mapping, source="crm", by=BY)
    append = steps.EntityStep.append

    def kill(step: steps.EntityStep) -> None:
        if step.entity == "interactions":
            raise Killed
        append(step)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(steps.EntityStep, "append", kill)
        with pytest.raises(Killed):
            actions.run_import(killed, paths, by=BY)
    report = actions.run_import(killed, paths, by=BY)
    assert summary(report)["interactions"] == (1, 0, 0, 1, 0)
    assert [row.key for row in Interaction.objects.all()] == ["i2"]
    assert standing(stream)["interaction.call"] == 1


def test_what_is_refused_when_its_account_arrives_is_kept_as_a_rejected_row(
    tmp_path: Path, stream: Stream
) -> None:
    planned = "key,account,kind,motion,at\ni1,zz,call,planned,2025-03-05\n"
    bring(write(tmp_path / "set", interactions=planned))
    (tmp_path / "later").mkdir()
    later = tmp_path / "later" / "accounts.csv"
    later.write_text("key,name\nzz,Zorro\n", encoding="utf-8")
    bring([later], source="other")
    row = RejectedRow.objects.get(entity="interactions")
    assert (row.file, row.row, row.values["key"]) == ("interactions.csv", 2, "i1")
    assert not Interaction.objects.exists()
    assert "interaction.call" not in standing(stream)


def test_a_dismissed_row_stays_with_its_trail(tmp_path: Path) -> None:
    bring(write(tmp_path / "set"))
    rows = list(RejectedRow.objects.all())
    assert actions.dismiss(rows, by=BY, reason="test data") == 2
    assert actions.dismiss(rows, by=BY) == 0
    assert set(RejectedRow.objects.values_list("state", flat=True)) == {RejectedState.DISMISSED}
    assert AuditEntry.objects.filter(action="dismiss", reason="test data").count() == 2


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


TELLS = 21
"""How often the import of the file set says how far it is: each time is a place to kill it at."""


def test_it_is_known_how_often_an_import_tells(tmp_path: Path) -> None:
    paths = write(tmp_path / "set")
    told: list[str] = []
    prepared = actions.prepare(paths, actions.preview(paths).mapping, source="crm", by=BY)
    actions.run_import(prepared, paths, by=BY, progress=lambda step, done, expected: told.append(step))
    assert len(told) == TELLS


# What a transaction takes back, each database takes back: on the second, every third place.
MOMENTS = [
    pytest.param(at, marks=() if at % 3 == 0 else pytest.mark.one_database) for at in range(1, TELLS + 1)
]


@pytest.mark.parametrize("at", MOMENTS)
def test_an_import_that_was_killed_anywhere_is_taken_up(tmp_path: Path, stream: Stream, at: int) -> None:
    paths = write(tmp_path / "set")
    mapping = actions.preview(paths).mapping
    told = 0

    def kill(step: str, done: int, expected: int | None) -> None:
        nonlocal told
        told += 1
        if told == at:
            raise Killed

    killed = actions.prepare(paths, mapping, source="crm", by=BY)
    with pytest.raises(Killed):
        actions.run_import(killed, paths, by=BY, progress=kill)
    assert Import.objects.get().state == ImportState.RUNNING
    again = actions.prepare(paths, mapping, source="crm", by=BY)
    report = actions.run_import(again, paths, by=BY)
    assert again.pk == killed.pk
    assert standing(stream) == STANDING
    assert Account.objects.count() == 2
    assert summary(report) == EXPECTED
    assert RejectedRow.objects.count() == 2
    assert ParkedRow.objects.count() == 1


def test_a_failure_names_the_cause_and_the_same_import_goes_on_after_it(
    tmp_path: Path, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write(tmp_path / "set")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Stream, "append", full)
        with pytest.raises(actions.ImportFailed, match=r"disk of .* is full"):
            bring(paths)
    failed = Import.objects.get()
    assert failed.state == ImportState.FAILED
    assert "is full" in failed.error
    assert bring(paths).import_id == failed.pk
    assert standing(stream) == STANDING


FITTING = '[[accounts]]\nfile = "accounts.csv"\n[accounts.columns]\nkey = "key"\n[[activities]]\n'
COLUMNS = '[activities.columns]\naccount = "account"\nat = "opened_at"\nname = { value = "seen" }\n'


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ('[[accounts]]\nfile = "accounts.csv"\n[accounts.columns]\nkey = "nowhere"\n', "nowhere"),
        ('[[accounts]]\nfile = "absent.csv"\n[accounts.columns]\nkey = "key"\n', "not in the set"),
        (
            '[[accounts]]\nfile = "accounts.csv"\n[accounts.columns]\nkey = "key"\n'
            '[checks.x]\nsentence = "s"\nsql = "copy (select 1) to \'/tmp/x\'"\n',
            "may only read",
        ),
        (
            FITTING + 'sql = "select nowhere from \\"tickets.csv\\""\n' + COLUMNS,
            "SQL of activities .*nowhere",
        ),
        (
            FITTING + 'file = "tickets.csv"\n' + COLUMNS + 'value = { sql = "nowhere + 1" }\n',
            r"SQL of activities \(tickets.csv\): .*nowhere",
        ),
        (FITTING + 'file = "absent.csv"\n' + COLUMNS, "not in the set"),
    ],
)
def test_a_mapping_that_does_not_fit_stops_the_import_before_anything_is_stored(
    tmp_path: Path, mapping: str, says: str
) -> None:
    with pytest.raises(actions.ImportFailed, match=says):
        bring(write(tmp_path / "set"), mapping)
    assert re.search(says, Import.objects.get().error)
    assert not Account.objects.exists()


def test_a_file_that_is_nearly_all_wrong_stops_before_anything_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: Stream
) -> None:
    monkeypatch.setattr(steps, "MOST_REJECTED", 2)
    folder = tmp_path / "set"
    folder.mkdir()
    path = folder / "accounts.csv"
    path.write_text("key,kind\na1,customer\n" + "".join(f"b{n},alien\n" for n in range(5)), encoding="utf-8")
    mapping = '[[accounts]]\nfile = "accounts.csv"\n[accounts.columns]\nkey = "key"\nkind = "kind"\n'
    with pytest.raises(
        actions.ImportFailed, match=r"5 of 6 rows of accounts.csv cannot be read, the first in row 3"
    ):
        bring([path], mapping)
    assert not Account.objects.exists()
    assert not RejectedRow.objects.exists()


def test_checks_of_the_mapping_are_reported_with_counts_and_examples(tmp_path: Path) -> None:
    mapping = """
[[accounts]]
file = "accounts.csv"
[accounts.columns]
key = "key"
[checks.tiny]
sentence = "Accounts with fewer than ten employees."
sql = 'select key, employees from "accounts.csv" where employees::int < 10'
"""
    report = bring(write(tmp_path / "set"), mapping)
    left_out = {one["sentence"] for one in report.findings if one["name"] == "not read"}
    assert left_out == {
        f"{name} is in the set, and the mapping does not read it." for name in FILES if name != "accounts.csv"
    }
    assert [one for one in report.findings if one["name"] != "not read"] == [
        {
            "name": "tiny",
            "sentence": "Accounts with fewer than ten employees.",
            "count": 1,
            "examples": [{"key": "a2", "employees": "8"}],
        }
    ]


def test_two_imports_at_once_wait_for_each_other_and_lose_nothing(tmp_path: Path, stream: Stream) -> None:
    one = write(tmp_path / "one")
    other = [tmp_path / "two" / "accounts.csv"]
    other[0].parent.mkdir()
    other[0].write_text("key,name\nb1,Other\n", encoding="utf-8")
    said: list[str] = []
    reached, go = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def first() -> None:
        def slow(step: str, done: int, expected: int | None) -> None:
            reached.set()
            go.wait(10)

        try:
            mapping = actions.preview(one).mapping
            actions.run_import(actions.prepare(one, mapping, source="crm", by=BY), one, by=BY, progress=slow)
        except BaseException as error:
            failures.append(error)
        finally:
            reached.set()
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert reached.wait(20)

    def told(step: str, done: int, expected: int | None) -> None:
        said.append(step)
        go.set()

    mapping = actions.preview(other).mapping
    prepared = actions.prepare(other, mapping, source="other", by=BY)
    actions.run_import(prepared, other, by=BY, progress=told)
    thread.join(30)
    assert not failures
    assert said[0].startswith("Waiting: another import is running")
    assert set(Account.objects.values_list("key", flat=True)) == {"a1", "a2", "b1"}
    assert standing(stream) == STANDING


def test_an_invitation_is_known_from_the_day_it_was_sent(tmp_path: Path, stream: Stream) -> None:
    asked = (
        "id,account,survey,score,at,invited_at,recorded_at\nr1,a1,nps,9,2025-04-03,2025-04-01,2025-04-05\n"
    )
    bring(write(tmp_path / "set", survey_responses=asked))
    rows = stream.run(stream.activities()).to_pylist()
    known = {
        row["name"]: row["recorded_at"].date().isoformat() for row in rows if row["id"].startswith("survey:")
    }
    assert known == {"survey.nps": "2025-04-05", "survey.invited": "2025-04-01"}
