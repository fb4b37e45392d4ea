"""An import taken back where others built on it, where it stops half-way, and by the worker that does it."""

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.db import transaction
from django.test import Client
from django.urls import reverse

from heed.customers import undo as customers_undo
from heed.customers.models import Account, Movement, SubscriptionPeriod
from heed.ledger import durable, outbox
from heed.ledger.models import AuditEntry
from heed.people.models import User
from heed.sources import actions, queueing, steps, undoing, uploads
from heed.sources.models import Import, ImportState, ParkedRow, RejectedRow, RejectedState
from heed.stream import Stream
from tests.sources.test_importing import BY, FILES, STANDING, bring, imported, standing, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was given to the worker; the tests run the jobs themselves."""
    given: list[tuple[Any, ...]] = []
    monkeypatch.setattr(queueing, "enqueue", lambda name, *args, key: given.append((key, name, *args)))
    return given


def carry_out(asked: tuple[Any, ...]) -> None:
    """Run what was enqueued as the worker does: by its name."""
    _key, name, *args = asked
    durable.jobs()[name].run(*args)


def no_space(*given: Any, **more: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def only(folder: Path, name: str, text: str) -> list[Path]:
    folder.mkdir()
    path = folder / f"{name}.csv"
    path.write_text(text, encoding="utf-8")
    return [path]


def test_the_page_asks_and_the_worker_takes_back(
    tmp_path: Path, stream: Stream, admin: User, admin_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    report = bring(write(tmp_path / "set"))
    admin_client.post(reverse("sources:undo", args=[report.import_id]))
    assert imported(report).state == ImportState.UNDOING
    assert Account.objects.count() == 2
    carry_out(enqueued[0])
    carry_out(enqueued[0])
    assert imported(report).state == ImportState.UNDONE
    assert (Account.objects.count(), standing(stream)) == (0, {})
    assert AuditEntry.objects.get(action="undo").by == admin.actor


def test_what_was_asked_for_and_never_reached_the_queue_is_taken_up(
    tmp_path: Path, admin: User, admin_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    report = bring(write(tmp_path / "set"))
    admin_client.post(reverse("sources:undo", args=[report.import_id]))
    assert queueing.take_up() == 1
    first, again = enqueued
    assert first == again
    carry_out(again)
    assert queueing.take_up() == 0


def test_rows_that_waited_or_were_refused_do_not_come_in_after_it(tmp_path: Path, stream: Stream) -> None:
    report = bring(write(tmp_path / "set"))
    refused = RejectedRow.objects.get(entity="subscriptions")
    Import.objects.filter(pk=imported(report).pk).update(state=ImportState.UNDOING)
    with pytest.raises(actions.StillWrong, match="Its import was taken back"):
        actions.replay(refused, {"amount": "5"}, by=BY)
    undoing.undo(imported(report), by=BY)
    assert set(RejectedRow.objects.values_list("state", flat=True)) == {RejectedState.DISMISSED}
    assert not ParkedRow.objects.exists()
    bring(only(tmp_path / "late", "accounts", "key,name\nzz,Zoe Ltd\na2,Beta\n"))
    assert (standing(stream), SubscriptionPeriod.objects.count()) == ({}, 0)


def test_what_stays_keeps_its_tickets_steps_and_its_movements(tmp_path: Path, stream: Stream) -> None:
    first = bring(write(tmp_path / "set"))
    later = FILES["tickets.csv"].replace("2025-03-02T10:00:00Z", "2025-03-03T10:00:00Z")
    seats = "subscription,account,start,mrr,currency,plan\ns1,a1,2025-01-01,100.50,EUR,max\n"
    bring(write(tmp_path / "set", tickets=later, subscriptions=seats))
    done = undoing.undo(imported(first), by=BY)
    assert {"case", "period"} <= {kept["kind"] for kept in done.kept}
    assert Movement.objects.get().kind == "new"
    there = standing(stream)
    assert {name: there.get(name) for name in ("case.opened", "case.resolved", "subscription.new")} == {
        "case.opened": 1, "case.resolved": 1, "subscription.new": 1,
    }  # fmt: skip


def test_a_version_of_an_import_that_was_undone_does_not_come_back(tmp_path: Path, stream: Stream) -> None:
    bring(write(tmp_path / "set"))
    head = "id,account,survey,score,at\n"
    reports = [
        bring(only(tmp_path / score, "survey_responses", f"{head}r1,a1,nps,{score},2025-04-01\n"))
        for score in ("6", "3")
    ]
    for report in reports:
        undoing.undo(imported(report), by=BY)
    (score,) = [row.value for row in stream.timeline("a1").rows if row.name == "survey.nps"]
    assert score == 9.0


def test_an_undo_that_stopped_half_way_ends_with_the_same(
    tmp_path: Path, stream: Stream, enqueued: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch,
    admin: User, admin_client: Client,
) -> None:  # fmt: skip
    bring(write(tmp_path / "set"))
    raised = FILES["subscriptions.csv"].replace("100.50", "150.00")
    more = FILES["activities.csv"] + "a2,,login,2025-05-05\n"
    paths = write(tmp_path / "set", subscriptions=raised, activities=more)
    report = bring(paths)
    ask = reverse("sources:undo", args=[report.import_id])
    admin_client.post(ask)
    with monkeypatch.context() as patched:
        # The periods are back by then, their movements are not.
        patched.setattr(customers_undo, "derive_movements", lambda accounts, by: accounts and no_space())
        carry_out(enqueued[0])
    stopped = imported(report)
    assert (stopped.state, "Free some space" in stopped.error) == (ImportState.HALFWAY, True)
    assert AuditEntry.objects.filter(action="fail", subject=str(stopped.pk)).count() == 1
    assert not queueing.take_up()
    # The same files again are a new import: what this one had stored may be gone.
    prepared = actions.prepare(paths, stopped.mapping, source="crm", by=BY)
    assert prepared.pk != stopped.pk
    prepared.delete()

    admin_client.post(ask)
    carry_out(enqueued[1])
    assert imported(report).state == ImportState.UNDONE
    assert str(Movement.objects.get().after) == "100.5000"
    assert standing(stream) == STANDING
    told = imported(report).undone
    assert told is not None
    assert (told["restored"], told["activities"]) == (1, 2)


def test_files_of_an_import_whose_worker_died_at_the_end_are_cleared_away(
    tmp_path: Path, enqueued: list[tuple[Any, ...]]
) -> None:
    report = bring(write(tmp_path / "set"))
    import_ = imported(report)
    for state, asked in ((ImportState.DONE, "import files"), (ImportState.UNDONE, "undo an import")):
        uploads.folder_of(import_).mkdir(parents=True)
        Import.objects.filter(pk=import_.pk).update(
            state=state, files=[{"name": "a", "size": 1, "sample": {}}]
        )
        carry_out(("", asked, import_.pk, *([BY] if state == ImportState.UNDONE else [])))
        assert not uploads.folder_of(import_).exists()
        assert Import.objects.get(pk=import_.pk).files == [{"name": "a", "size": 1}]


def test_activities_that_were_stored_before_an_import_stopped_can_be_taken_back(
    tmp_path: Path, stream: Stream, monkeypatch: pytest.MonkeyPatch, admin: User, admin_client: Client
) -> None:
    bring(only(tmp_path / "first", "accounts", "key,name\na1,Acme\n"))
    paths = only(tmp_path / "usage", "activities", "id,account,name,at\n1,a1,login,2025-01-02\n")
    with monkeypatch.context() as patched:
        patched.setattr(steps.EntityStep, "keep", no_space)
        with pytest.raises(actions.ImportFailed):
            bring(paths)
    stopped = Import.objects.latest("pk")
    assert (stopped.state, stopped.counts, standing(stream)) == (ImportState.FAILED, {}, {"login": 1})
    page = admin_client.get(reverse("sources:import", args=[stopped.pk])).content.decode()
    assert ("Undo this import" in page, "Throw the files away" in page) == (True, False)
    with pytest.raises(uploads.UploadRefused, match="Undo it instead"):
        uploads.discard(stopped, by=admin)
    undoing.undo(stopped, by=BY)
    assert standing(stream) == {}


def test_what_an_undo_kept_can_be_taken_back_once_nobody_needs_it(
    tmp_path: Path, admin: User, admin_client: Client, enqueued: list[tuple[Any, ...]]
) -> None:
    first = bring(only(tmp_path / "first", "accounts", "key,name\na1,Acme\n"))
    usage = "id,account,name,at\n1,a1,login,2025-01-02\n"
    second = bring(only(tmp_path / "usage", "activities", usage), source="product")
    for number in (first.import_id, second.import_id, first.import_id, first.import_id):
        admin_client.post(reverse("sources:undo", args=[number]))
        carry_out(enqueued[-1])
    assert not Account.objects.exists()
    assert len(enqueued) == 3


def test_a_corrected_line_of_which_one_row_is_refused_leaves_no_activity(
    tmp_path: Path, stream: Stream
) -> None:
    head = "key,account,kind,direction,motion,agenda,goal,at\n"
    torn = "i1,a1,call,outbound,planned,Rollout,Agreed,2030-03-05T09:00:00Z,too,many\n"
    bring(write(tmp_path / "set", interactions=head + torn))
    before = standing(stream)
    line = RejectedRow.objects.get(entity="interactions")
    good = "i1,a1,call,inbound,reactive,,,2025-03-05T09:00:00Z\n"
    with pytest.raises(actions.StillWrong):
        actions.replay(line, {"line": good + "i2,a1,call,outbound,planned,,,2030-03-05T09:00:00Z"}, by=BY)
    assert standing(stream) == before
    right = "i2,a1,call,inbound,reactive,,,2025-03-06T09:00:00Z"
    actions.replay(RejectedRow.objects.get(pk=line.pk), {"line": good + right}, by=BY)
    assert standing(stream) == {**before, "interaction.call": 2}


def test_another_correction_after_a_kill_brings_its_own_activities(
    tmp_path: Path, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(write(tmp_path / "set", survey_responses="id,account,survey,score,at\nr1,a1,nps,9,2025-02-31\n"))
    row = RejectedRow.objects.get(entity="survey_responses")
    with monkeypatch.context() as patched:
        patched.setattr(actions, "record", no_space)
        with pytest.raises(OSError, match="No space left"):
            actions.replay(row, {"at": "2025-02-27"}, by=BY)
    actions.replay(RejectedRow.objects.get(pk=row.pk), {"at": "2025-02-28"}, by=BY)
    (answer,) = [each for each in stream.timeline("a1").rows if each.name == "survey.nps"]
    assert str(answer.at.date()) == "2025-02-28"


class Killed(BaseException):
    """The process ends here."""


PLACES: list[tuple[Any, str, int]] = [
    (undoing, "revert_conversations", 1),
    (undoing, "_withdraw", 1),
    (undoing, "_spoken_of", 1),
    (undoing, "revert_customers", 1),
    (undoing, "_say_what_stays", 1),
    (undoing, "clear_away", 1),
    (Stream, "withdraw", 1),
    (Stream, "roll_up", 1),
    (Stream, "roll_up", 2),
    (outbox, "drain", 1),
    (customers_undo, "derive_movements", 1),
    (customers_undo, "derive_movements", 3),
    (customers_undo.Undo, "_take_back", 1),
    (customers_undo.Undo, "_take_back", 2),
    (customers_undo.Undo, "_remove", 1),
    (customers_undo.Undo, "_delete", 1),
    (customers_undo.Undo, "_delete", 2),
]
"""After which call of which function the process dies."""


OURS = [model for model in apps.get_models() if model.__module__.startswith("heed.")]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of the first company that asked for an undo: its rows, its files, and what it asked for."""
    return {"folder": tmp_path_factory.mktemp("kept") / "folder"}


@pytest.fixture
def asked(kept: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Any, ...]:
    """A company that built on an import and asked to undo it; all but the first are copies."""
    if "asked" not in kept:
        kept["asked"] = ask_for_an_undo(tmp_path, request)
        rows = [row for model in OURS for row in model._base_manager.all()]
        kept["rows"] = serializers.serialize("json", rows)
        shutil.copytree(tmp_path, kept["folder"])
        return tuple(kept["asked"])
    shutil.copytree(kept["folder"], tmp_path, dirs_exist_ok=True)
    with transaction.atomic():
        for row in serializers.deserialize("json", kept["rows"]):
            row.save()
    return tuple(kept["asked"])


def ask_for_an_undo(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Any, ...]:
    bring(write(tmp_path / "set"))
    changed = {
        "accounts": FILES["accounts.csv"].replace("Acme", "Acme Ltd") + "a3,Gamma,,\n",
        "subscriptions": FILES["subscriptions.csv"].replace("100.50", "150.00")
        + "s3,a3,2025-01-01,7,EUR,x\n",
        "tickets": FILES["tickets.csv"] + "t2,a2,Slow,2025-03-04T10:00:00Z,,,\n",
        "activities": FILES["activities.csv"] + "a3,,login,2025-05-05\na2,,login,2025-05-06\n",
    }
    report = bring(write(tmp_path / "set", **changed))
    kept = "key,account,subject,opened_at,resolved_at\nt2,a2,Slow,2025-03-04T10:00:00Z,2025-03-09T10:00:00Z\n"
    bring(only(tmp_path / "later", "tickets", kept))
    enqueued: list[tuple[Any, ...]] = request.getfixturevalue("enqueued")
    request.getfixturevalue("admin_client").post(reverse("sources:undo", args=[report.import_id]))
    return enqueued[0]


# The company before the stream: a copy of a folder counts only where nothing was opened yet.
@pytest.mark.parametrize(("owner", "name", "nth"), PLACES, ids=[f"{name}-{nth}" for _, name, nth in PLACES])
def test_an_undo_that_is_killed_anywhere_ends_as_if_it_had_not_been(
    asked: tuple[Any, ...], stream: Stream, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, nth: int
) -> None:
    calls, real = [0], getattr(owner, name)

    def killed(*given: Any, **more: Any) -> Any:
        done = real(*given, **more)
        calls[0] += 1
        if calls[0] == nth:
            raise Killed
        return done

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, killed)
        with pytest.raises(Killed):
            carry_out(asked)
    carry_out(asked)
    assert dict(Account.objects.values_list("key", "name")) == {"a1": "Acme", "a2": "Beta"}
    assert [str(period.monthly_amount) for period in SubscriptionPeriod.objects.all()] == ["100.5000"]
    assert [str(movement.after) for movement in Movement.objects.all()] == ["100.5000"]
    assert standing(stream) == {**STANDING, "case.opened": 2, "case.resolved": 2}
    told = Import.objects.get(pk=asked[2]).undone or {}
    assert [told[name] for name in ("restored", "deleted", "withdrawn", "activities")] == [2, 2, 0, 4]
    assert [one["key"] for one in told["kept"]] == ["t2"]
    assert AuditEntry.objects.filter(action="undo").count() == 1
