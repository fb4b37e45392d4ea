import datetime as dt
import threading

import ibis
import pytest

from heed.stream import Cursor, EngineMissingError, Stream
from tests.stream.making import NOW, Writer, activity, on, rows_of


def test_an_empty_stream_answers_with_nothing(stream: Stream) -> None:
    assert stream.run(stream.activities()).num_rows == 0
    assert stream.run(stream.daily()).num_rows == 0
    assert stream.count() == 0
    assert stream.data_until() is None
    assert stream.timeline("acme").rows == ()
    assert stream.batches().num_rows == 0


def test_it_reads_the_days_it_is_asked_for_both_included(stream: Stream, writer: Writer) -> None:
    writer.append(*[activity(day, day) for day in ("2026-09-30", "2026-10-01", "2026-10-31", "2026-11-01")])
    stream.roll_up()
    first, last = dt.date(2026, 10, 1), dt.date(2026, 10, 31)
    assert stream.run(stream.activities(first, last).id).to_pylist() == [
        {"id": "2026-10-01"},
        {"id": "2026-10-31"},
    ]
    assert [row["day"] for row in stream.run(stream.daily(first, last)).to_pylist()] == [first, last]
    assert stream.run(stream.daily(until=first)).num_rows == 2
    assert stream.run(stream.activities(since=last)).num_rows == 2


def test_an_expression_joins_with_tables_from_elsewhere(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"), activity("2", account="brix"), activity("3", account="brix"))
    rows = stream.activities()
    owners = ibis.memtable({"account": ["acme", "brix"], "owner": ["kim", "lee"]})
    counted = rows.join(owners, "account").group_by("owner").agg(n=rows.sign.sum()).order_by("owner")
    assert stream.run(counted).to_pylist() == [{"owner": "kim", "n": 1}, {"owner": "lee", "n": 2}]


def test_an_expression_answers_from_the_newest_version(stream: Stream, writer: Writer) -> None:
    counted = stream.activities().count()
    for n in (1, 2, 3):
        writer.append(activity(str(n)))
        assert stream.run(counted).to_pylist()[0].popitem()[1] == n


def test_data_until_is_the_latest_activity(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", "2026-10-05"), activity("2", "2026-11-03"), activity("3", "2026-01-01"))
    assert stream.data_until() == on("2026-11-03")


def test_batches_say_what_stands_of_each(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", "2026-10-05"), activity("2", "2026-11-03"), batch="import:1")
    writer.append(activity("3"), batch="import:2")
    writer.append(activity("1", "2026-10-05", value=1.0), batch="import:3")
    found = [(row["batch"], row["n"], row["first_at"]) for row in stream.batches().to_pylist()]
    assert found == [
        ("import:1", 1, on("2026-11-03")),
        ("import:2", 1, on("2026-11-01")),
        ("import:3", 1, on("2026-10-05")),
    ]


def test_a_timeline_pages_back_through_everything_once(stream: Stream, writer: Writer) -> None:
    days = [f"2026-{month:02}-{day:02}" for month in (9, 10, 11) for day in range(1, 11)]
    writer.append(*[activity(f"{day} {turn}", day) for day in days for turn in "ab"])
    writer.append(activity("other", account="brix"))
    seen: list[str] = []
    before: Cursor | None = None
    while True:
        page = stream.timeline("acme", before=before, limit=7)
        seen += [row.id for row in page.rows]
        assert page.totals == {"report_exported": 60}
        if page.next is None:
            break
        before = page.next
    assert seen == sorted((f"{day} {turn}" for day in days for turn in "ab"), reverse=True)


def test_a_folded_timeline_shows_each_day_of_usage_as_one_line_and_all_else_in_full(
    stream: Stream, writer: Writer
) -> None:
    days = [f"2026-{month:02}-{day:02}" for month in (9, 10, 11) for day in range(1, 6)]
    usage = [
        activity(f"{day} {turn}", day, name=name, contact=contact)
        for day in days
        for turn, name, contact in (("a", "login", "kim"), ("b", "export", "lee"), ("c", "login", "kim"))
    ]
    writer.append(*usage, *[activity(f"{day} case", day, name="case.opened") for day in days])
    lines: list[tuple[str, str]] = []
    before: Cursor | None = None
    while True:
        page = stream.timeline("acme", before=before, limit=4, folded=True)
        assert len(page.rows) + len(page.days) <= 4
        assert all((day.n, day.people) == (3, 2) for day in page.days)
        assert all(day.names == (("login", 2), ("export", 1)) for day in page.days)
        lines += [(row.id[:10], row.name) for row in page.rows]
        lines += [(day.on.isoformat(), "usage") for day in page.days]
        before = page.next
        if before is None:
            break
    assert sorted(lines) == sorted([(day, kind) for day in days for kind in ("case.opened", "usage")])


def test_a_timeline_shows_one_day(stream: Stream, writer: Writer) -> None:
    writer.append(*[activity(day, day) for day in ("2026-10-31", "2026-11-01", "2026-11-02")])
    page = stream.timeline("acme", kinds=["usage"], on=dt.date(2026, 11, 1))
    assert [row.id for row in page.rows] == ["2026-11-01"]


def test_a_timeline_filters_by_kind_and_counts_all(stream: Stream, writer: Writer) -> None:
    names = ["login", "case.opened", "case.closed", "survey.nps"]
    writer.append(*[activity(name, name=name) for name in names])
    kinds = {
        ("case",): ["case.opened", "case.closed"],
        ("usage",): ["login"],
        ("survey.nps", "login"): ["survey.nps", "login"],
        (): [],
    }
    for kind, expected in kinds.items():
        page = stream.timeline("acme", kinds=kind)
        assert {row.name for row in page.rows} == set(expected)
        assert page.totals == dict.fromkeys(names, 1)


def test_a_timeline_shows_what_stands(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", value=1.0), activity("2"), batch="import:1")
    writer.append(activity("1", value=2.0), batch="import:2")
    stream.withdraw(batch="import:1", recorded_at=NOW, by="person:1")
    assert [(row.id, row.value, row.batch) for row in stream.timeline("acme").rows] == [
        ("1", 2.0, "import:2")
    ]


def test_an_unknown_engine_is_named(stream: Stream) -> None:
    with pytest.raises(EngineMissingError, match="'polars'"):
        Stream(stream.location, engine="polars")


def test_readers_in_threads_see_whole_appends_while_a_writer_writes(stream: Stream, writer: Writer) -> None:
    writer.append(*[activity(f"0 {each}") for each in range(10)])
    done = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not done.is_set():
            try:
                count = stream.count()
                if count % 10:
                    wrong.append(count)
                stream.timeline("acme", limit=3)
            except Exception as error:
                wrong.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(1, 8):
        writer.append(*[activity(f"{turn} {each}") for each in range(10)])
        stream.roll_up()
        stream.compact()
    stream.erase(account="nobody", by="person:1", at=NOW)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(rows_of(stream, "id")) == 80


def test_what_stands_of_some_kinds_at_some_accounts_comes_newest_first(writer: Writer) -> None:
    writer.append(
        activity("1", "2026-09-30", name="survey.nps"),
        activity("2", "2026-10-01", name="survey.nps", value=3.0),
        activity("3", "2026-10-31", name="survey.ces", account="brix"),
        activity("4", "2026-10-31", name="survey.ces", account="other"),
        activity("5", "2026-10-15"),
        activity("6", "2026-11-01", name="survey.nps"),
        activity("7", "2026-10-20", name="survey.csat"),
    )
    writer.append(activity("2", "2026-10-01", name="survey.nps", value=9.0))
    writer.append(activity("8", "2026-10-21", name="survey.csat"), batch="undone")
    writer.stream.withdraw(batch="undone", recorded_at=NOW, by="person:1")

    october = dt.date(2026, 10, 1), dt.date(2026, 10, 31)
    found = writer.stream.standing(["acme", "brix"], ["survey"], *october)

    assert [(row.id, row.value) for row in found] == [("3", None), ("7", None), ("2", 9.0)]
    assert writer.stream.standing([], ["survey"], *october) == []


def test_activities_of_some_names_are_read_as_they_stood_by_the_end_of_a_day(writer: Writer) -> None:
    first, second = on("2026-11-01"), on("2026-11-10")
    writer.append(
        activity("1", "2026-10-01", name="play.assigned", properties='{"arm":"treated"}'),
        activity("2", "2026-10-02", name="outcome.progress", value=0.25),
        activity("3", "2026-10-03", name="outcome.progress", value=0.5, account="aaron"),
        activity("4", "2026-10-04"),
        at=first,
    )
    writer.append(activity("2", "2026-10-02", name="outcome.progress", value=0.75), at=second)

    def told(day: str, *names: str) -> list[tuple[object, ...]]:
        found = writer.stream.activities_named(
            names, known_on=dt.date.fromisoformat(day), columns=["account", "name", "value"]
        )
        return [tuple(row.values()) for row in found.to_pylist()]

    both = "play.assigned", "outcome.progress"
    assert told("2026-11-01", *both) == [
        ("aaron", "outcome.progress", 0.5),
        ("acme", "play.assigned", None),
        ("acme", "outcome.progress", 0.25),
    ]
    assert told("2026-11-10", "outcome.progress") == [
        ("aaron", "outcome.progress", 0.5),
        ("acme", "outcome.progress", 0.75),
    ]
    assert told("2026-10-01", *both) == [("acme", "play.assigned", None)]
    assert told("2026-09-30", *both) == []
    assert told("2026-11-10") == []
