"""A piece of work on a stream, run as a program of its own so that it can be killed: `steps FOLDER`.

Says "step" before each of its steps and "done" at the end, where it waits until its input is closed.
"""

import sys
from collections.abc import Callable

from heed.stream import AppTransaction, Stream, as_table
from tests.stream.making import activity, on

DAYS = [f"2026-{month:02}-{day:02}" for month in (9, 10, 11) for day in range(1, 6)]


def work(stream: Stream, begin: Callable[[], None] = lambda: None) -> None:
    """Appends with news, corrections and late rows, an undo, parked rows, and roll-ups between."""
    for turn in range(2):
        rows = [
            activity(f"{day} {each}", day, account=f"account {each % 7}", value=float(turn * (each % 3 == 0)))
            for day in DAYS[: 8 + 7 * turn]
            for each in range(40)
        ]
        at = on(f"2026-11-1{turn}")
        transaction = AppTransaction("import:1", turn)
        begin()
        stream.append(as_table(rows), transaction=transaction, recorded_at=at)
        begin()
        late = as_table([activity(f"parked {turn}", account="late")])
        stream.park(late, transaction=transaction, recorded_at=at)
        begin()
        stream.roll_up()
    begin()
    stream.release(["late"], recorded_at=on("2026-11-15"))
    begin()
    other = [activity(f"{DAYS[0]} 3", DAYS[0], value=7.0), activity("more", DAYS[2])]
    stream.append(as_table(other), transaction=AppTransaction("import:2", 0), recorded_at=on("2026-11-15"))
    begin()
    stream.roll_up()
    begin()
    stream.withdraw(batch="import:2", recorded_at=on("2026-11-16"), by="person:1")
    begin()
    stream.roll_up()


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with Stream(sys.argv[1]) as opened:
        work(opened, lambda: say("step"))
        say("done")
        sys.stdin.read()
