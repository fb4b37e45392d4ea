"""Saving rows in bulk: read the states there are, take the rows into them, write and record what differs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from django.db import transaction

from heed.customers.checks import RefusedRow, refused_as_erased
from heed.customers.erasure import erased_among
from heed.customers.rows import Finding, Saved
from heed.customers.shelves import MANY, Shelf, Step, batches
from heed.customers.states import State
from heed.ledger.actions import Change, record_many


class KeyedRow(Protocol):
    @property
    def key(self) -> str: ...


Row = TypeVar("Row", bound=KeyedRow)


@dataclass
class Tally:
    """What has become of the rows so far."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)

    def saved(self) -> Saved:
        return Saved(self.new, self.changed, self.unchanged, tuple(self.findings), frozenset(self.accounts))


def rounds(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in rounds of distinct keys: a key's second row comes in the second round, as a change."""
    turn: dict[str, int] = defaultdict(int)
    by_turn: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_turn[turn[row.key]].append(row)
        turn[row.key] += 1
    for number in sorted(by_turn):
        yield by_turn[number]


def record_steps(shelf: Shelf, steps: Iterable[Step], *, by: str, reason: str = "", verb: str = "") -> None:
    """The audit rows of steps: create, change, or the verb given."""
    record_many(
        (
            Change(
                verb or ("create" if step.before is None else "change"),
                shelf.kind,
                step.key,
                step.before,
                step.after,
                reason,
            )
            for step in steps
        ),
        by=by,
    )


@dataclass
class Saver(Generic[Row]):
    """Saves one kind of row. `prepare` makes the check for a batch; `settle` has the last word on a state."""

    shelf: Shelf
    prepare: Callable[[Sequence[Row]], Callable[[Row, State | None], State]]
    by: str
    tally: Tally = field(default_factory=Tally)
    settle: Callable[[Row, State | None, State], State] | None = None

    def save(self, rows: Iterable[Row]) -> None:
        for batch in batches(rows, MANY):
            with transaction.atomic():
                self._save_batch(batch)

    def _save_batch(self, batch: Sequence[Row]) -> None:
        check = self.prepare(batch)
        batch = self._without_erased(batch)
        present = self.shelf.load({row.key for row in batch})
        for distinct in rounds(batch):
            steps = [step for row in distinct if (step := self._step(row, check, present))]
            self.write(steps)
            present.update({step.key: step.after for step in steps})

    def _without_erased(self, batch: Sequence[Row]) -> Sequence[Row]:
        """The rows less those that are, or are of, an account or a contact that was erased for good."""
        gone = {kind: erased_among(kind, self._named(kind, batch)) for kind in ("account", "contact")}
        if not any(gone.values()):
            return batch
        kept: list[Row] = []
        for row in batch:
            if any(self._named(kind, [row]) & keys for kind, keys in gone.items()):
                self.tally.findings.append(refused_as_erased(row.key))
            else:
                kept.append(row)
        return kept

    def _named(self, kind: str, rows: Sequence[Row]) -> set[str]:
        """The keys of accounts (or contacts) that rows are or name."""
        if self.shelf.kind == kind:
            return {row.key for row in rows}
        named = (getattr(row, kind, None) for row in rows)
        return {key for key in named if isinstance(key, str) and key}

    def write(self, steps: Sequence[Step]) -> None:
        if steps:
            self.shelf.write(steps)
            record_steps(self.shelf, steps, by=self.by)

    def _step(
        self, row: Row, check: Callable[[Row, State | None], State], present: dict[str, State]
    ) -> Step | None:
        before = present.get(row.key)
        try:
            after = check(row, before)
        except RefusedRow as refused:
            self.tally.findings.append(refused.finding)
            return None
        if self.settle:
            after = self.settle(row, before, after)
        self._touch(row, before, after)
        if before == after:
            self.tally.unchanged += 1
            return None
        if before is None:
            self.tally.new += 1
        else:
            self.tally.changed += 1
        return Step(row.key, before, after)

    def _touch(self, row: Row, *states: State | None) -> None:
        self.tally.accounts.update(state.get("account", row.key) for state in states if state)
