"""What changes of state say to the stream arrives there exactly once, whatever is killed between."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heed.ledger import outbox
from heed.ledger.actions import Change, record
from heed.ledger.models import OutboxEntry
from heed.stream import Activity, AppTransaction, Stream

AT = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)


def activity(number: int, **changes: object) -> Activity:
    fields = {
        "source": "heed",
        "id": f"note:{number}",
        "account": "acme",
        "name": "interaction.note",
        "at": AT,
    }
    return Activity(**fields | changes)  # type: ignore[arg-type]


def say(*activities: Activity, by: str = "person:3") -> None:
    record(Change("record", "interaction", "1", activities=activities), by=by)


def kept(stream: Stream) -> list[tuple[str, str, int]]:
    rows = stream.run(stream.activities()).to_pylist()
    return sorted((row["id"], row["batch"], row["sign"]) for row in rows)


@pytest.mark.django_db
def test_a_drain_carries_every_waiting_row_with_its_actor_as_batch(stream: Stream) -> None:
    say(activity(1), activity(2))
    assert outbox.waiting() == 2
    assert outbox.drain() == 2
    assert kept(stream) == [("note:1", "person:3", 1), ("note:2", "person:3", 1)]
    assert outbox.waiting() == 0


@pytest.mark.django_db
def test_draining_twice_changes_nothing(stream: Stream) -> None:
    say(activity(1))
    outbox.drain()
    before = stream.run(stream.activities()).to_pylist()
    assert outbox.drain() == 0
    assert stream.run(stream.activities()).to_pylist() == before


@pytest.mark.django_db
def test_a_drain_killed_before_it_marked_its_rows_is_made_good_without_a_second_row(stream: Stream) -> None:
    say(activity(1))
    outbox.drain()
    # As after a kill between the commit of the stream and the mark; meanwhile more was recorded.
    OutboxEntry.objects.update(drained_at=None)
    say(activity(2))
    assert outbox.drain() == 2
    assert kept(stream) == [("note:1", "person:3", 1), ("note:2", "person:3", 1)]


@pytest.mark.django_db
def test_a_drain_killed_before_the_stream_took_the_rows_takes_up_the_same_chunk(stream: Stream) -> None:
    say(activity(1))
    chunk = outbox._claim(outbox.CHUNK)
    say(activity(2))
    assert outbox._claim(outbox.CHUNK) == chunk
    assert outbox.drain() == 2
    assert kept(stream) == [("note:1", "person:3", 1), ("note:2", "person:3", 1)]
    assert list(OutboxEntry.objects.order_by("id").values_list("chunk", flat=True)) == [1, 2]


@pytest.mark.django_db
def test_two_drains_that_carry_the_same_chunk_leave_one_row(stream: Stream) -> None:
    say(activity(1))
    chunk = outbox._claim(outbox.CHUNK)
    assert chunk == 1
    assert outbox._carry(chunk) == 1
    assert outbox._carry(chunk) == 0
    assert kept(stream) == [("note:1", "person:3", 1)]


@pytest.mark.django_db
def test_a_row_that_becomes_visible_late_is_not_lost(stream: Stream) -> None:
    """PostgreSQL may commit row 6 after row 7 was drained."""
    say(activity(1))
    say(activity(2))
    late = OutboxEntry.objects.order_by("id").first()
    assert late is not None
    OutboxEntry.objects.filter(pk=late.pk).delete()
    outbox.drain()
    late.save(force_insert=True)
    assert outbox.drain() == 1
    assert [row[0] for row in kept(stream)] == ["note:1", "note:2"]


def standing(stream: Stream) -> list[str]:
    return sorted(row.id for row in stream.timeline("acme").rows)


@pytest.mark.django_db
@pytest.mark.parametrize("drain_between", [True, False])
def test_an_activity_that_no_longer_holds_is_taken_back_and_may_come_again(
    stream: Stream, drain_between: bool
) -> None:
    say(activity(1), activity(2))
    if drain_between:
        outbox.drain()
    gone = outbox.Withdrawal("heed", "note:1", "acme")
    record(Change("derive", "movement", "1", withdrawals=[gone]), by="person:4")
    outbox.drain()
    assert standing(stream) == ["note:2"]
    assert outbox.drain() == 0
    say(activity(1))
    outbox.drain()
    assert standing(stream) == ["note:1", "note:2"]


@pytest.mark.django_db
def test_a_withdrawal_drained_twice_is_one(stream: Stream) -> None:
    say(activity(1))
    outbox.drain()
    gone = outbox.Withdrawal("heed", "note:1", "acme")
    record(Change("derive", "movement", "1", withdrawals=[gone]), by="person:4")
    outbox.drain()
    OutboxEntry.objects.filter(activity__withdrawn=True).update(drained_at=None)
    outbox.drain()
    assert kept(stream) == [("note:1", "person:3", 1), ("note:1", "person:4", -1)]


@pytest.mark.django_db
def test_chunks_keep_the_order_of_recording(stream: Stream) -> None:
    for number in range(7):
        say(activity(number))
    assert outbox.drain(chunk_size=3) == 7
    assert list(OutboxEntry.objects.order_by("id").values_list("chunk", flat=True)) == [1, 1, 1, 2, 2, 2, 3]
    assert len(kept(stream)) == 7


@pytest.mark.django_db
def test_an_activity_keeps_its_instants_and_was_learnt_when_it_was_recorded(stream: Stream) -> None:
    learnt = AT + timedelta(days=2)
    say(
        activity(1, recorded_at=learnt), activity(2, value=2.5, contact="c1", properties=json.dumps({"a": 1}))
    )
    outbox.drain()
    first, second = sorted(stream.run(stream.activities()).to_pylist(), key=lambda row: row["id"])
    assert (first["at"], first["recorded_at"]) == (AT, learnt)
    assert second["recorded_at"] == OutboxEntry.objects.order_by("-id")[0].created_at
    assert (second["value"], second["contact"], second["properties"]) == (2.5, "c1", '{"a": 1}')


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"account": ""}, {"id": ""}, {"at": datetime(2026, 1, 1)}])  # noqa: DTZ001
def test_it_refuses_an_activity_that_would_hold_up_the_rows_behind_it(wrong: dict[str, object]) -> None:
    with pytest.raises(outbox.ActivityError):
        say(activity(1, **wrong))
    assert OutboxEntry.objects.count() == 0


@pytest.mark.django_db
def test_rows_of_an_erased_account_are_forgotten_waiting_or_kept(stream: Stream) -> None:
    say(activity(1), activity(2, account="other"))
    outbox.drain()
    say(activity(3), activity(4, account="other"))
    assert outbox.forget(account="acme") == 2
    assert {row.activity["account"] for row in OutboxEntry.objects.all()} == {"other"}


@pytest.mark.django_db
def test_drained_rows_are_kept_for_a_week(stream: Stream) -> None:
    say(activity(1))
    outbox.drain()
    OutboxEntry.objects.update(drained_at=AT)
    say(activity(2))
    outbox.drain()
    assert [row.activity["id"] for row in OutboxEntry.objects.all()] == ["note:2"]
    assert len(kept(stream)) == 2


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20)


@given(
    st.builds(
        Activity,
        source=TEXT,
        id=TEXT,
        account=TEXT,
        name=TEXT,
        at=st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        contact=st.none() | TEXT,
    )
)
def test_an_activity_comes_out_of_the_outbox_as_it_went_in(given_activity: Activity) -> None:
    row = json.loads(json.dumps(outbox.as_json(given_activity, batch="person:1", learnt=AT)))
    assert outbox._from_json(row) == replace(given_activity, batch="person:1", recorded_at=AT)


def test_the_application_is_named_the_same_for_ever() -> None:
    """Another name would carry every open chunk a second time."""
    assert AppTransaction(outbox.APP, 1) == AppTransaction("outbox", 1)
