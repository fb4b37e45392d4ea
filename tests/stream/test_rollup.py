import datetime as dt

from heed.stream import RolledUp, Stream
from tests.stream.making import NOW, Writer, activity, daily_of, on

DAY = dt.date(2026, 11, 1)


def test_it_counts_what_happened_on_a_day(stream: Stream, writer: Writer) -> None:
    early, late = on("2026-11-01"), on("2026-11-01") + dt.timedelta(hours=3)
    writer.append(
        activity("1", contact="ann", value=0.1),
        activity("2", contact="ann", value=0.2, at=late),
        activity("3", contact="ann", at=late),
        activity("4", contact="bob"),
    )
    assert stream.roll_up() == RolledUp(days=(DAY,), rows=2)
    report = "report_exported"
    assert daily_of(stream) == [
        ("acme", "ann", report, DAY, DAY, None, 3, 0.1 + 0.2, 2, late, 0.2, "2026-11"),
        ("acme", "bob", report, DAY, DAY, None, 1, None, 0, early, None, "2026-11"),
    ]


def test_it_makes_only_touched_days_again(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", "2026-10-30"), activity("2", "2026-11-01"), activity("3", "2026-11-02"))
    assert len(stream.roll_up().days) == 3
    assert stream.roll_up() == RolledUp()
    writer.append(activity("4", "2026-11-02"))
    assert stream.roll_up().days == (dt.date(2026, 11, 2),)
    assert daily_of(stream, "day", "n") == [
        (dt.date(2026, 10, 30), 1),
        (dt.date(2026, 11, 1), 1),
        (dt.date(2026, 11, 2), 2),
    ]


def test_it_leaves_the_files_of_other_days_alone(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", "2026-11-01"))
    stream.roll_up()
    [before] = (stream.location / "daily").rglob("*.parquet")
    writer.append(activity("2", "2026-11-02"))
    stream.roll_up()
    after = list((stream.location / "daily").rglob("*.parquet"))
    assert before in after
    assert len(after) == 2


def test_late_arrivals_are_kept_apart_by_the_day_they_were_learnt(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", recorded_at=on("2026-11-01")))
    stream.roll_up()
    writer.append(activity("2", recorded_at=on("2026-11-04")))
    stream.roll_up()
    assert daily_of(stream, "known_on", "n") == [(dt.date(2026, 11, 1), 1), (dt.date(2026, 11, 4), 1)]


def test_what_is_recorded_before_it_happens_is_known_on_its_day(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", recorded_at=on("2026-10-20")))
    stream.roll_up()
    assert daily_of(stream, "known_on") == [(DAY,)]


def test_a_correction_ends_what_was_known_and_starts_the_new(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", value=1.0), activity("2", value=10.0))
    writer.append(activity("1", value=5.0), at=on("2026-11-09"))
    stream.roll_up()
    assert daily_of(stream, "known_on", "unknown_on", "n", "total") == [
        (DAY, None, 1, 10.0),
        (DAY, dt.date(2026, 11, 9), 1, 1.0),
        (dt.date(2026, 11, 9), None, 1, 5.0),
    ]


def test_what_was_known_and_withdrawn_on_one_day_was_never_known(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", recorded_at=on("2026-11-09")), batch="import:1")
    stream.withdraw(batch="import:1", recorded_at=on("2026-11-09"), by="person:1")
    stream.roll_up()
    assert daily_of(stream) == []


def test_a_day_emptied_by_an_undo_leaves_no_rows(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"), batch="import:1")
    writer.append(activity("2", "2026-11-02"), batch="import:2")
    stream.roll_up()
    stream.withdraw(batch="import:1", recorded_at=NOW, by="person:1")
    assert stream.roll_up().days == (DAY,)
    assert daily_of(stream, "day") == [(dt.date(2026, 11, 2),)]


def test_going_back_to_an_older_version_is_known_from_then(stream: Stream, writer: Writer) -> None:
    for day, value in (("2026-11-03", 1.0), ("2026-11-05", 2.0), ("2026-11-07", 1.0)):
        writer.append(activity("1", value=value, recorded_at=on("2026-11-01")), at=on(day))
    stream.roll_up()
    assert daily_of(stream, "known_on", "unknown_on", "total") == [
        (DAY, dt.date(2026, 11, 5), 1.0),
        (dt.date(2026, 11, 5), dt.date(2026, 11, 7), 2.0),
        (dt.date(2026, 11, 7), None, 1.0),
    ]


def test_the_last_value_is_the_latest_that_has_one(stream: Stream, writer: Writer) -> None:
    noon = on("2026-11-01")
    writer.append(
        activity("b", value=1.0),
        activity("a", value=2.0),
        activity("c", at=noon + dt.timedelta(hours=1)),
    )
    stream.roll_up()
    assert daily_of(stream, "last_at", "last_value") == [(noon + dt.timedelta(hours=1), 1.0)]
