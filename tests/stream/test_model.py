"""Any history of appends, corrections, undos, roll-ups, compactions: the same as a dictionary would tell."""

import datetime as dt
import shutil
import tempfile
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heed.stream import Activity, Stream
from tests.stream.making import Writer, activity, daily_of, on, rows_of

DAYS = ["2026-09-30", "2026-10-01", "2026-10-15", "2026-11-01"]
ROW = st.builds(
    activity,
    st.sampled_from("abcd"),
    st.sampled_from(DAYS),
    account=st.sampled_from(["acme", "brix"]),
    value=st.sampled_from([None, 1.0, 2.5]),
    recorded_at=st.sampled_from([None, on("2026-11-02"), on("2026-11-04")]),
)
STEP = st.one_of(
    st.lists(ROW, min_size=1, max_size=6),
    st.tuples(st.just("withdraw"), st.integers(0, 5)),
    st.sampled_from(["roll up", "compact"]),
)


@dataclass(frozen=True)
class Held:
    """A standing version: the row, its batch, and when it was learnt where that is not assumed."""

    row: Activity
    batch: str
    learnt: dt.datetime | None


class Model:
    """The stream as a dictionary: what stands by id, what each batch replaced, when ids were withdrawn."""

    def __init__(self) -> None:
        self.standing: dict[str, Held] = {}
        self.replaced: dict[tuple[str, str], Held] = {}
        self.withdrawn: dict[str, dt.datetime] = {}
        self.undone: set[str] = set()

    def append(self, rows: list[Activity], batch: str, at: dt.datetime) -> None:
        for id in {row.id for row in rows}:
            versions = [row for row in rows if row.id == id]
            runs = [
                row for before, row in pairwise([None, *versions]) if row and content(before) != content(row)
            ]
            self.offer(id, runs[-1], batch, at, several=len(runs) > 1)

    def offer(self, id: str, row: Activity, batch: str, at: dt.datetime, *, several: bool) -> None:
        old = self.standing.get(id)
        if old and content(old.row) == content(row) and not learnt_later(row, old):
            return
        learnt = row.recorded_at
        if old or several:
            learnt = at
        elif id in self.withdrawn:
            learnt = max(row.recorded_at or row.at, self.withdrawn[id])
        if old:
            self.replaced[batch, id] = old
            self.withdrawn[id] = at
        self.standing[id] = Held(row, batch, learnt)

    def withdraw(self, batch: str, at: dt.datetime) -> int:
        gone = {id: held for id, held in self.standing.items() if held.batch == batch}
        for id, held in gone.items():
            del self.standing[id]
            if held.learnt:
                self.withdrawn[id] = max(at, held.learnt)
            before = self.replaced.get((batch, id))
            while before and before.batch in self.undone:
                before = self.replaced.get((before.batch, id))
            if before:
                self.standing[id] = replace(before, learnt=at)
        self.undone.add(batch)
        return len(gone)


def content(row: Activity | None) -> tuple[Any, ...]:
    return (row.account, row.contact, row.name, row.at, row.value, row.properties) if row else ()


def learnt_later(row: Activity, old: Held) -> bool:
    return bool(row.recorded_at and old.learnt and row.recorded_at > old.learnt)


OLD, NEW = activity("a", "2026-09-30", value=None), activity("a", "2026-09-30", value=1.0)
GIVEN_AGAIN_AND_UNDONE = [[OLD, NEW], [OLD], ("withdraw", 1), ("withdraw", 0)]
RETURNED_TO_ANOTHER = [[OLD], [NEW], [OLD], ("withdraw", 2), ("withdraw", 1)]
UNDONE_BEFORE = [[OLD], [NEW], [activity("a", "2026-09-30", value=2.0)], ("withdraw", 1), ("withdraw", 2)]
"""What stood before a batch, and not what another gave later, stands again when the batch is undone."""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, max_size=7))
@example(GIVEN_AGAIN_AND_UNDONE)
@example(RETURNED_TO_ANOTHER)
@example(UNDONE_BEFORE)
def test_any_history_leaves_what_a_dictionary_would_hold(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, Stream(Path(folder) / "stream") as stream:
        model, writer = Model(), Writer(stream)
        for turn, step in enumerate(steps):
            play(step, turn, model, writer)
            check_against(model, stream)
        stream.roll_up()
        rolled = daily_of(stream)
        assert rolled == made_at_once(stream, Path(folder) / "other")
        now = [row for row in rolled if row[5] is None]
        assert sum(row[6] for row in now) == len(model.standing)
        assert sum(row[7] or 0 for row in now) == sum(held.row.value or 0 for held in model.standing.values())


def play(step: Any, turn: int, model: Model, writer: Writer) -> None:
    at = on("2026-11-10") + dt.timedelta(days=turn)
    match step:
        case "roll up":
            writer.stream.roll_up()
        case "compact":
            writer.stream.compact()
        case ("withdraw", n):
            batch, undone = f"import:{n}", model.undone
            withdrawn = writer.stream.withdraw(batch=batch, recorded_at=at, by="person:1", undone=undone)
            assert withdrawn == model.withdraw(batch, at)
        case rows:
            appended = writer.append(*rows, at=at, batch=f"import:{turn}")
            assert appended.rows == len(rows)
            model.append(rows, f"import:{turn}", at)


def check_against(model: Model, stream: Stream) -> None:
    for account in ("acme", "brix"):
        shown = {row.id: (content(row), row.batch) for row in stream.timeline(account).rows}
        expected = {
            id: (content(held.row), held.batch)
            for id, held in model.standing.items()
            if held.row.account == account
        }
        assert shown == expected
    assert stream.count() == len(model.standing)
    signs = rows_of(stream, "id", "sign")
    assert len([sign for _, sign in signs if sign > 0]) >= len(model.standing)


def made_at_once(stream: Stream, folder: Path) -> list[tuple[Any, ...]]:
    """The roll-up of the same files, made for the first time."""
    shutil.copytree(stream.location / "activities", folder / "activities")
    with Stream(folder) as other:
        other.roll_up()
        return daily_of(other)
