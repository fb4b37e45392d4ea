import datetime as dt

import pyarrow as pa

from heed.stream import Appended, AppTransaction, Stream, as_table
from tests.stream.making import NOW, Writer, activity, daily_of, on, rows_of


def test_an_undone_batch_no_longer_stands_and_is_not_lost(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"), activity("2", "2026-10-01"), batch="import:1")
    writer.append(activity("3"), batch="import:2")
    assert stream.withdraw(batch="import:1", recorded_at=NOW, by="person:9") == 2
    assert stream.count() == 1
    assert rows_of(stream, "id", "sign", "batch") == [
        ("1", -1, "person:9"),
        ("1", 1, "import:1"),
        ("2", -1, "person:9"),
        ("2", 1, "import:1"),
        ("3", 1, "import:2"),
    ]


def test_undoing_twice_changes_nothing(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"), batch="import:1")
    stream.withdraw(batch="import:1", recorded_at=NOW, by="person:9")
    before = rows_of(stream, "id", "sign")
    assert stream.withdraw(batch="import:1", recorded_at=NOW, by="person:9") == 0
    assert stream.withdraw(batch="import:never", recorded_at=NOW, by="person:9") == 0
    assert rows_of(stream, "id", "sign") == before


def test_the_same_undo_again_answers_with_what_it_did(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"), activity("2"), batch="import:1")
    first = AppTransaction("undo:1", 1)
    assert stream.withdraw(batch="import:1", recorded_at=NOW, by="person:9", transaction=first) == 2
    before = rows_of(stream, "id", "sign")
    assert stream.withdraw(batch="import:1", recorded_at=NOW, by="person:9", transaction=first) == 2
    next_try = AppTransaction("undo:1", 2)
    assert stream.withdraw(batch="import:1", recorded_at=NOW, by="person:9", transaction=next_try) == 0
    assert rows_of(stream, "id", "sign") == before


def test_undoing_a_correction_brings_back_what_it_replaced(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", value=1.0), activity("2"), batch="import:1")
    writer.append(activity("1", value=2.0), activity("3"), batch="import:2")
    assert stream.withdraw(batch="import:2", recorded_at=NOW, by="person:9") == 2
    standing = [(row.id, row.value, row.batch) for row in stream.timeline("acme").rows]
    assert standing == [("2", None, "import:1"), ("1", 1.0, "import:1")]
    assert stream.withdraw(batch="import:2", recorded_at=NOW, by="person:9") == 0
    assert stream.count() == 2


def test_undoing_a_batch_brings_back_what_it_only_took_back(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"), activity("2"), batch="import:1")
    ids = pa.table({"source": ["product", "product"], "id": ["1", "2"]})
    transaction = AppTransaction("import:2:taken back", 1)
    assert stream.withdraw_ids(ids, transaction=transaction, recorded_at=NOW, by="import:2") == 2
    writer.append(activity("2"), batch="import:3")
    assert stream.withdraw(batch="import:2", recorded_at=NOW, by="person:9") == 0
    assert {row.id for row in stream.timeline("acme").rows} == {"1", "2"}
    before = rows_of(stream, "id", "sign")
    assert stream.withdraw(batch="import:2", recorded_at=NOW, by="person:9") == 0
    assert rows_of(stream, "id", "sign") == before


def test_what_was_undone_can_be_imported_again_without_counting_twice(stream: Stream, writer: Writer) -> None:
    wrong = activity("1", account="wrong")
    writer.append(wrong, batch="import:1")
    stream.withdraw(batch="import:1", recorded_at=NOW, by="person:9")
    assert writer.append(activity("1"), batch="import:2") == Appended(new=1)
    stream.roll_up()
    assert daily_of(stream, "account", "known_on", "unknown_on", "n") == [
        ("acme", dt.date(2026, 11, 1), None, 1)
    ]


def test_what_was_known_for_sure_and_undone_is_seen_until_then(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", recorded_at=on("2026-11-02")), batch="import:1")
    stream.withdraw(batch="import:1", recorded_at=on("2026-11-10"), by="person:9")
    writer.append(activity("1", value=1.0, recorded_at=on("2026-11-02")), batch="import:2")
    stream.roll_up()
    assert daily_of(stream, "known_on", "unknown_on", "value_n") == [
        (dt.date(2026, 11, 10), None, 1),
        (dt.date(2026, 11, 2), dt.date(2026, 11, 10), 0),
    ]


def test_single_activities_are_taken_back_from_now_on(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"), activity("2"), activity("1", source="crm"))
    ids = pa.table({"source": ["product", "product"], "id": ["1", "unknown"]})
    once = AppTransaction("withdrawals", 1)
    assert stream.withdraw_ids(ids, transaction=once, recorded_at=on("2026-11-09"), by="person:9") == 1
    assert stream.withdraw_ids(ids, transaction=once, recorded_at=on("2026-11-10"), by="person:9") == 0
    stream.roll_up()
    assert daily_of(stream, "known_on", "unknown_on", "n") == [
        (dt.date(2026, 11, 1), None, 2),
        (dt.date(2026, 11, 1), dt.date(2026, 11, 9), 1),
    ]


def test_comparing_says_what_an_append_would_do_and_does_nothing(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"), activity("2"))
    offered = as_table([activity("1"), activity("2", value=1.0), activity("3")])
    expected = Appended(new=1, unchanged=1, corrected=1)
    assert stream.compare(offered, recorded_at=NOW) == expected
    assert rows_of(stream, "id", "sign") == [("1", 1), ("2", 1)]
    assert stream.append(offered, transaction=AppTransaction("then", 1), recorded_at=NOW) == expected
