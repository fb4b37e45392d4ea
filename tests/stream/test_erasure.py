import datetime as dt
from pathlib import Path

import pytest

from heed.stream import Appended, AppTransaction, Erased, Stream, StreamError, as_table
from tests.stream.making import NOW, Writer, activity, daily_of, rows_of

SECRET = "zebra-unmistakable"


def files_saying(folder: Path, word: str) -> list[Path]:
    """The files under a folder that hold the word, in their bytes or their rows."""
    import pyarrow.parquet as pq

    def says(path: Path) -> bool:
        if path.suffix == ".parquet":
            return word in str(pq.ParquetFile(path).read().to_pylist())
        return word.encode() in path.read_bytes()

    return [path for path in folder.rglob("*") if path.is_file() and says(path)]


def fill(writer: Writer) -> None:
    writer.append(
        activity("1", account=SECRET, contact="ann"),
        activity("2", "2026-09-01", account=SECRET, contact="bob"),
        activity("3", contact="eve"),
    )
    writer.append(activity("1", account=SECRET, contact="ann", value=1.0))
    writer.stream.roll_up()
    writer.stream.park(
        as_table([activity("9", account=SECRET), activity("8", account="other")]),
        transaction=AppTransaction("parking", 1),
        recorded_at=NOW,
    )


def test_an_erased_account_leaves_no_bytes(stream: Stream, writer: Writer) -> None:
    fill(writer)
    assert files_saying(stream.location, SECRET)
    erased = stream.erase(account=SECRET, by="person:1", at=NOW)
    assert erased == Erased(activities=4, daily=3, parked=1)
    assert files_saying(stream.location, SECRET) == []
    assert rows_of(stream, "id", "account") == [("3", "acme")]
    assert daily_of(stream, "account") == [("acme",)]
    assert [row["account"] for row in stream.run(stream.parked()).to_pylist()] == ["other"]


def test_an_erased_contact_leaves_the_others(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", contact=SECRET), activity("2", contact="bob"), activity("3"))
    stream.roll_up()
    assert stream.erase(contact=SECRET, by="person:1", at=NOW) == Erased(activities=1, daily=1)
    assert files_saying(stream.location, SECRET) == []
    assert rows_of(stream, "id") == [("2",), ("3",)]
    assert stream.roll_up().days == ()


def test_it_leaves_a_record_that_it_happened_without_the_key(stream: Stream, writer: Writer) -> None:
    fill(writer)
    stream.erase(account=SECRET, by="person:1", at=NOW)
    [record] = stream.run(stream.erasures()).to_pylist()
    assert len(record.pop("digest")) == 64
    assert record == {
        "at": NOW,
        "by": "person:1",
        "kind": "account",
        "activities": 4,
        "daily": 3,
        "parked": 1,
    }


def test_what_was_erased_does_not_come_back_unnoticed(stream: Stream, writer: Writer) -> None:
    fill(writer)
    stream.erase(account=SECRET, by="person:1", at=NOW)
    appended = writer.append(
        activity("1", account=SECRET),
        activity("10", account=SECRET),
        activity("11"),
        activity("3", contact="eve"),
    )
    assert appended == Appended(new=1, unchanged=1, erased=2)
    assert rows_of(stream, "id", "account") == [("11", "acme"), ("3", "acme")]


def test_erasing_twice_finds_nothing_more(stream: Stream, writer: Writer) -> None:
    fill(writer)
    stream.erase(account=SECRET, by="person:1", at=NOW)
    assert stream.erase(account=SECRET, by="person:2", at=NOW + dt.timedelta(days=1)) == Erased()
    assert stream.run(stream.erasures()).num_rows == 2


def test_it_wants_one_key(stream: Stream) -> None:
    for keys in ({}, {"account": "a", "contact": "b"}):
        with pytest.raises(StreamError, match="either an account or a contact"):
            stream.erase(**keys, by="person:1", at=NOW)


def test_what_is_not_rolled_up_yet_is_rolled_up_after_an_erasure(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", account=SECRET), activity("2"))
    stream.erase(account=SECRET, by="person:1", at=NOW)
    stream.roll_up()
    assert daily_of(stream, "account", "n") == [("acme", 1)]
