"""The kept first and last days equal those of all history, at any date, whatever came and went."""

import datetime as dt
from random import Random
from typing import Any

import pytest

from heed.stream import Stream
from tests.stream.making import NOW, Writer, activity, on

TODAY = NOW.date()
Seen = list[tuple[str, str, dt.date, dt.date]]


def seen_of(stream: Stream, as_of: dt.date) -> Seen:
    seen = stream.seen(as_of)
    assert seen is not None
    rows = [tuple(row.values()) for row in stream.run(seen).to_pylist()]
    return sorted(row for row in rows if row[3] is not None)


def slowly(stream: Stream, as_of: dt.date) -> Seen:
    found: dict[tuple[str, str], list[dt.date]] = {}
    for row in stream.run(stream.daily()).to_pylist():
        known = row["day"] <= as_of and row["known_on"] <= as_of < (row["unknown_on"] or dt.date.max)
        if known:
            found.setdefault((row["account"], row["name"]), []).append(row["day"])
    return sorted((*key, min(days), max(days)) for key, days in found.items())


def test_late_withdrawn_and_corrected_activities_leave_what_all_history_says(
    stream: Stream, writer: Writer
) -> None:
    dice = Random(3)  # noqa: S311
    first = dt.date(2026, 8, 1)
    for turn in range(8):
        now = on(f"2026-11-{turn + 1:02d}")
        writer.append(
            *[some(dice, first, turn, number) for number in range(12)], at=now, batch=f"import:{turn}"
        )
        if turn % 3 == 2:
            stream.withdraw(batch=f"import:{turn - 1}", recorded_at=now, by="person:1")
        if turn != 4:
            stream.roll_up()
            if turn == 5:
                stream.compact()
            for as_of in (first, dt.date(2026, 10, 1), now.date(), TODAY):
                assert seen_of(stream, as_of) == slowly(stream, as_of)
    assert seen_of(stream, TODAY) != seen_of(stream, dt.date(2026, 11, 4))


def some(dice: Random, first: dt.date, turn: int, number: int) -> Any:
    day = first + dt.timedelta(days=dice.randrange(92))
    known = day + dt.timedelta(days=dice.choice([0, 0, 20]))
    return activity(
        str(dice.choice([number, 100 * turn + number])),
        day.isoformat(),
        account=dice.choice("abc"),
        name=dice.choice(["open", "save"]),
        recorded_at=dice.choice([None, on(known.isoformat())]),
    )


def test_what_nothing_stands_of_any_more_was_still_seen_before(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1", recorded_at=on("2026-11-01")), batch="import:1")
    stream.roll_up()
    stream.withdraw(batch="import:1", recorded_at=on("2026-11-10"), by="person:1")
    stream.roll_up()
    day = dt.date(2026, 11, 1)
    assert seen_of(stream, dt.date(2026, 11, 9)) == [("acme", "report_exported", day, day)]
    assert seen_of(stream, dt.date(2026, 11, 10)) == []


def test_it_is_not_answered_from_while_the_roll_up_is_ahead(stream: Stream, writer: Writer) -> None:
    assert stream.seen(TODAY) is None
    writer.append(activity("1"))
    stream.roll_up()
    writer.append()
    assert stream.roll_up().days == ()
    assert stream.seen(TODAY) is not None


@pytest.mark.parametrize("what", [{"account": "acme"}, {"contact": "ann"}])
def test_nothing_of_what_is_erased_is_kept(stream: Stream, writer: Writer, what: dict[str, str]) -> None:
    writer.append(
        activity("1", "2026-11-01", contact="ann"),
        activity("2", "2026-11-02", contact="bob", account="beta"),
        activity("3", "2026-11-03", contact="ann"),
    )
    stream.roll_up()
    stream.erase(**what, by="person:1", at=NOW)
    two = dt.date(2026, 11, 2)
    assert seen_of(stream, TODAY) == slowly(stream, TODAY) == [("beta", "report_exported", two, two)]
    [kept] = (stream.location / "seen").rglob("*.parquet")
    assert b"acme" not in kept.read_bytes()
