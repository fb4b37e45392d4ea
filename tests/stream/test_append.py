import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heed.stream import INCOMING, Appended, AppTransaction, RowsRefusedError, Stream, as_table
from tests.stream.making import NOW, Writer, activity, everything, on, rows_of


def test_it_stores_an_activity_with_every_column(stream: Stream, writer: Writer) -> None:
    writer.append(
        activity("1", contact="ann", value=2.5, properties='{"plan":"pro"}', recorded_at=on("2026-11-02"))
    )
    assert stream.run(stream.activities()).to_pylist() == [
        {
            "source": "product",
            "id": "1",
            "account": "acme",
            "contact": "ann",
            "name": "report_exported",
            "at": on("2026-11-01"),
            "recorded_at": on("2026-11-02"),
            "recorded_assumed": False,
            "value": 2.5,
            "properties": '{"plan":"pro"}',
            "batch": "test",
            "sign": 1,
            "month": "2026-11",
        }
    ]


def test_a_source_that_does_not_say_when_it_learnt_is_assumed_to_have_known_at_once(
    stream: Stream, writer: Writer
) -> None:
    writer.append(activity("1"))
    assert rows_of(stream, "recorded_at", "recorded_assumed") == [(on("2026-11-01"), True)]


def test_the_same_rows_again_change_nothing(stream: Stream, writer: Writer) -> None:
    rows = [activity("1"), activity("2", "2026-10-31", value=1.0), activity("3", contact="ann")]
    assert writer.append(*rows) == Appended(new=3)
    before = rows_of(stream, "id", "sign", "recorded_at")
    assert writer.append(*rows) == Appended(unchanged=3)
    assert rows_of(stream, "id", "sign", "recorded_at") == before


def test_other_content_withdraws_the_old_version_and_keeps_both(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", value=1.0))
    later = NOW + dt.timedelta(days=1)
    assert writer.append(activity("1", value=2.0), at=later) == Appended(corrected=1)
    assert rows_of(stream, "value", "sign", "recorded_at", "recorded_assumed") == [
        (1.0, -1, later, False),
        (1.0, 1, on("2026-11-01"), True),
        (2.0, 1, later, False),
    ]


def test_a_correction_may_move_an_activity_to_another_month_and_account(
    stream: Stream, writer: Writer
) -> None:
    writer.append(activity("1", "2026-09-30"))
    assert writer.append(activity("1", "2026-10-01", account="brix")) == Appended(corrected=1)
    assert rows_of(stream, "account", "month", "sign") == [
        ("acme", "2026-09", -1),
        ("acme", "2026-09", 1),
        ("brix", "2026-10", 1),
    ]
    assert stream.count() == 1


def test_importing_a_corrected_file_again_is_no_correction(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", recorded_at=on("2026-11-03")))
    corrected = activity("1", value=9.0, recorded_at=on("2026-11-03"))
    assert writer.append(corrected) == Appended(corrected=1)
    assert writer.append(corrected) == Appended(unchanged=1)


def test_learnt_later_than_believed_is_a_correction_and_learnt_earlier_is_not(
    stream: Stream, writer: Writer
) -> None:
    writer.append(activity("1", recorded_at=on("2026-11-03")))
    assert writer.append(activity("1", recorded_at=on("2026-11-02"))) == Appended(unchanged=1)
    assert writer.append(activity("1", recorded_at=on("2026-11-05"))) == Appended(corrected=1)


def test_the_same_id_of_another_source_is_another_activity(stream: Stream, writer: Writer) -> None:
    assert writer.append(activity("1"), activity("1", source="crm")) == Appended(new=2)


def test_identical_rows_within_one_append_are_stored_once(stream: Stream, writer: Writer) -> None:
    assert writer.append(activity("1"), activity("1"), activity("2")) == Appended(new=2, unchanged=1)
    assert rows_of(stream, "id", "sign") == [("1", 1), ("2", 1)]


def test_of_differing_rows_within_one_append_the_last_stands_and_both_are_kept(
    stream: Stream, writer: Writer
) -> None:
    rows = [activity("1", value=1.0), activity("2"), activity("1", value=2.0), activity("1", value=2.0)]
    assert writer.append(*rows) == Appended(new=2, unchanged=1, corrected=1)
    assert rows_of(stream, "id", "value", "sign", "recorded_at") == [
        ("1", 1.0, -1, NOW),
        ("1", 1.0, 1, on("2026-11-01")),
        ("1", 2.0, 1, NOW),
        ("2", None, 1, on("2026-11-01")),
    ]
    assert writer.append(*rows) == Appended(unchanged=4)


def test_an_append_is_repeated_without_effect(stream: Stream) -> None:
    once = AppTransaction("import:7", 1)
    first = stream.append(as_table([activity("1"), activity("2")]), transaction=once, recorded_at=NOW)
    again = stream.append(as_table([activity("3")]), transaction=once, recorded_at=NOW)
    assert first == again == Appended(new=2)
    assert rows_of(stream, "id") == [("1",), ("2",)]


def test_the_batch_is_the_transaction_unless_a_row_names_one(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"), activity("2", batch="person:3"), batch="outbox")
    assert rows_of(stream, "id", "batch") == [("1", "outbox"), ("2", "person:3")]


@pytest.mark.parametrize("lacking", ["source", "id", "account", "name", "at"])
def test_it_refuses_a_row_without_what_every_activity_has_and_changes_nothing(
    stream: Stream, writer: Writer, lacking: str
) -> None:
    writer.append(activity("1"))
    rows = as_table([activity("2"), activity("3")]).to_pylist()
    rows[1][lacking] = None
    table = pa.Table.from_pylist(rows, schema=as_table([]).schema)
    with pytest.raises(RowsRefusedError, match=rf"Row 2 lacks {lacking}"):
        stream.append(table, transaction=AppTransaction("bad", 1), recorded_at=NOW)
    assert rows_of(stream, "id") == [("1",)]
    assert not (stream.location / "work").exists()


def test_it_refuses_rows_without_a_needed_column(stream: Stream) -> None:
    rows = as_table([activity("1")]).drop_columns(["account"])
    with pytest.raises(RowsRefusedError, match="no column account"):
        stream.append(rows, transaction=AppTransaction("bad", 1), recorded_at=NOW)


def test_it_reads_parquet_files_in_their_order(stream: Stream, tmp_path: Path) -> None:
    paths = []
    for place, value in enumerate([1.0, 2.0]):
        paths.append(tmp_path / f"{9 - place}.parquet")
        pq.write_table(as_table([activity("1", value=value), activity(f"own {place}")]), paths[-1])
    appended = stream.append(paths, transaction=AppTransaction("files", 1), recorded_at=NOW)
    assert appended == Appended(new=3, corrected=1)
    standing = stream.timeline("acme").rows
    assert {row.id: row.value for row in standing} == {"1": 2.0, "own 0": None, "own 1": None}


def test_it_reads_a_stream_of_record_batches(stream: Stream) -> None:
    table = as_table([activity(str(each)) for each in range(100)])
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=7))
    appended = stream.append(reader, transaction=AppTransaction("reader", 1), recorded_at=NOW)
    assert appended == Appended(new=100)


def test_an_empty_append_is_recorded_and_does_nothing(stream: Stream) -> None:
    once = AppTransaction("empty", 1)
    assert stream.append(as_table([]), transaction=once, recorded_at=NOW) == Appended()
    assert stream.append(as_table([activity("1")]), transaction=once, recorded_at=NOW) == Appended()
    assert stream.count() == 0


def test_months_are_those_of_utc(stream: Stream, writer: Writer) -> None:
    zone = dt.timezone(dt.timedelta(hours=5))
    writer.append(activity("1", at=dt.datetime(2026, 11, 1, 2, tzinfo=zone)))
    assert rows_of(stream, "month", "at") == [("2026-10", dt.datetime(2026, 10, 31, 21, tzinfo=dt.UTC))]


def test_a_quote_in_any_value_is_only_a_quote(stream: Stream, writer: Writer) -> None:
    odd = "o'br\"ien; DROP -- %s"
    writer.append(activity(odd, account=odd, name=odd, contact=odd, properties=odd, source=odd), batch=odd)
    [row] = stream.timeline(odd).rows
    assert (row.id, row.account, row.name, row.contact, row.batch) == (odd, odd, odd, odd, odd)
    assert stream.withdraw(batch=odd, recorded_at=NOW, by=odd) == 1
    assert stream.erase(account=odd, by=odd, at=NOW).activities == 2


def test_rows_in_any_order_of_time_are_sorted_into_their_months(stream: Stream, tmp_path: Path) -> None:
    """Row groups that span many months take the way over a file set by month."""
    days = [on("2020-01-01") + dt.timedelta(days=each * 997 % 2400) for each in range(4000)]
    table = as_table([activity(str(each), at=day) for each, day in enumerate(days)])
    pq.write_table(table, tmp_path / "mixed.parquet", row_group_size=100)
    for version, expected in enumerate([Appended(new=4000), Appended(unchanged=4000)]):
        once = AppTransaction("mixed", version)
        assert stream.append([tmp_path / "mixed.parquet"], transaction=once, recorded_at=NOW) == expected
    found = stream.run(stream.activities()).to_pylist()
    assert {int(row["id"]): row["at"] for row in found} == dict(enumerate(days))
    assert all(row["month"] == f"{row['at']:%Y-%m}" for row in found)


@pytest.mark.parametrize(
    "at", [dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)]
)
def test_it_refuses_an_instant_that_cannot_be_meant(stream: Stream, writer: Writer, at: dt.datetime) -> None:
    with pytest.raises(RowsRefusedError, match="lacks a time between 1900 and 2200"):
        writer.append(activity("1", at=at))
    assert stream.count() == 0


@pytest.mark.parametrize("value", [1.1e15, -1.1e15, float("nan"), float("inf"), float("-inf")])
def test_it_refuses_a_value_that_no_sum_can_hold(stream: Stream, writer: Writer, value: float) -> None:
    writer.append(activity("0", value=-1e15), activity("1", value=1e15))
    before = everything(stream)
    with pytest.raises(RowsRefusedError, match=r"Row 2 lacks a value between .* 'id': '3'"):
        writer.append(activity("2", value=1.0), activity("3", value=value))
    assert everything(stream) == before


def test_an_append_without_rows_leaves_a_stream_with_rows_alone(
    stream: Stream, writer: Writer, tmp_path: Path
) -> None:
    writer.append(activity("1"))
    before = everything(stream)
    untyped = pa.table({name: pa.array([], pa.null()) for name in INCOMING.names})
    pq.write_table(as_table([]), tmp_path / "without-groups.parquet")
    for version, rows in enumerate((as_table([]), untyped, [tmp_path / "without-groups.parquet"])):
        transaction = AppTransaction("empty", version)
        assert stream.append(rows, transaction=transaction, recorded_at=NOW) == Appended()
    assert everything(stream) == before
    assert writer.append(activity("2")) == Appended(new=1)
