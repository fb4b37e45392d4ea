import pyarrow.parquet as pq

from heed.stream import Compacted, RolledUp, Stream
from tests.stream.making import Writer, activity, everything


def files(stream: Stream, table: str) -> list[str]:
    return stream._tables[table].paths(stream._tables[table].snapshot().files)


def fill(writer: Writer) -> None:
    for turn in range(4):
        accounts = [f"{turn}{letter}" for letter in "cab"]
        writer.append(
            *[activity(f"{account}", "2026-11-0" + str(turn + 1), account=account) for account in accounts]
        )
        writer.append(activity(f"{turn} old", "2026-10-01"))
        writer.stream.roll_up()


def test_it_merges_the_files_of_each_month_and_changes_no_row(stream: Stream, writer: Writer) -> None:
    fill(writer)
    before = everything(stream)
    assert stream.compact() == Compacted(before=13, after=4)
    assert everything(stream) == before
    assert len(files(stream, "activities")) == 2
    assert stream.compact() == Compacted(before=4, after=4)


def test_merged_files_are_in_the_order_of_accounts(stream: Stream, writer: Writer) -> None:
    fill(writer)
    stream.compact()
    for path in files(stream, "activities"):
        accounts = pq.ParquetFile(path).read(["account"])["account"].to_pylist()
        assert accounts == sorted(accounts)


def test_it_is_no_news_for_the_roll_up(stream: Stream, writer: Writer) -> None:
    fill(writer)
    stream.compact()
    assert stream.roll_up() == RolledUp()


def test_it_leaves_what_is_not_rolled_up_yet(stream: Stream, writer: Writer) -> None:
    fill(writer)
    writer.append(activity("late", "2026-10-01"))
    stream.compact()
    assert len(files(stream, "activities")) == 3
    assert [day.isoformat() for day in stream.roll_up().days] == ["2026-10-01"]
