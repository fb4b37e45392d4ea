"""The activity store: what happened to every customer, append-only, on disk before the answer says so."""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

import duckdb
import ibis
import ibis.expr.operations as ops
import pyarrow as pa

from heed.stream import append, parking, rollup
from heed.stream.activity import (
    ACTIVITIES,
    DAILY,
    ERASURES,
    PARKED,
    SEEN,
    Activity,
    Appended,
    AppTransaction,
    Compacted,
    Cursor,
    Erased,
    RolledUp,
    TimelinePage,
)
from heed.stream.append import append_rows
from heed.stream.compaction import READERS_HOURS, compact_table
from heed.stream.engines import DuckDBEngine, Engine, SparkEngine, View
from heed.stream.erasure import Kind, erase_key
from heed.stream.errors import EngineMissingError, StreamError
from heed.stream.locks import one_writer
from heed.stream.parking import park_rows, release_rows
from heed.stream.removal import Sorted, files_with, remove_rows
from heed.stream.rollup import roll_up_days
from heed.stream.seen import known_then, up_to_date, update_seen
from heed.stream.staging import Rows
from heed.stream.tables import Table
from heed.stream.timeline import read_batches, read_folded, read_named, read_standing, read_timeline
from heed.stream.withdrawal import BatchWithdrawal, withdraw_batch, withdraw_ids
from heed.stream.workbench import Workbench, quoted, scan, text, workbench

Answer = TypeVar("Answer")
WAIT_SECONDS = 600.0
NAMED = ("account", "name", "at", "value", "properties")
NAME = re.compile(r"^heed_(?P<table>[a-z]+)_from_(?P<since>\d{8}|start)_to_(?P<until>\d{8}|end)$")


class Stream:
    """The activity store in the folder `location`, made on first use.

    One process writes at a time (others wait up to `wait` seconds, then get `StreamBusyError`); any number of
    threads and processes read, and never wait. Expressions from `activities()` and `daily()` say which rows;
    `run` answers them from the newest version at that moment.
    """

    def __init__(
        self, location: str | Path, engine: str | Engine = "duckdb", wait: float = WAIT_SECONDS
    ) -> None:
        self.location = Path(location).absolute()
        self.wait = wait
        self._activities = Table(self.location / "activities", ACTIVITIES, span="at")
        self._daily = Table(self.location / "daily", DAILY, span="day")
        self._parked = Table(self.location / "parked", PARKED, span="at")
        self._erasures = Table(self.location / "erasures", ERASURES, span=None)
        self._seen = Table(self.location / "seen", SEEN, span=None)
        every = (self._activities, self._daily, self._parked, self._erasures, self._seen)
        self._tables = {table.folder.name: table for table in every}
        self._places = {
            "activities": Sorted(self._activities, append.ORDER),
            "daily": Sorted(self._daily, rollup.ORDER),
            "parked": Sorted(self._parked, parking.ORDER),
        }
        self._reader = DuckDBEngine(self.location / "spill")
        self._engine = self._choose(engine)

    def close(self) -> None:
        """Let go of memory and, with Spark, of its session."""
        self._engine.close()
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Writing

    def append(self, rows: Rows, *, transaction: AppTransaction, recorded_at: dt.datetime) -> Appended:
        """Store rows that are not known yet, and new versions of those that are; all of them or none.

        Columns are those of `INCOMING`; `source`, `id`, `account`, `name` and `at` must be filled, others may
        be absent. Rows may be larger than memory. Known word for word: unchanged. Known with other content:
        the old version is withdrawn and the new one added, both recorded at `recorded_at`; within one append
        the last row of an id stands. The same transaction again changes nothing and returns the first counts.

        Raises `RowsRefusedError` (a row lacks something), `WriteFailedError` (the disk), `StreamBusyError`.
        """
        with self._writing() as bench:
            return append_rows(
                bench,
                self._activities,
                self._erasures,
                rows,
                transaction=transaction,
                recorded_at=recorded_at,
            )

    def compare(self, rows: Rows, *, recorded_at: dt.datetime) -> Appended:
        """What `append` would answer for these rows. Writes nothing that counts."""
        with self._writing() as bench:
            return append.compare_rows(bench, self._activities, self._erasures, rows, recorded_at=recorded_at)

    def withdraw(
        self,
        *,
        batch: str,
        recorded_at: dt.datetime,
        by: str,
        keeping: Collection[str] = (),
        undone: Collection[str] = (),
        transaction: AppTransaction | None = None,
    ) -> int:
        """Undo a batch by new rows: what stands of it is withdrawn, what it had replaced stands again.

        Activities whose id is in `keeping` are left alone; versions of batches that were `undone` before do
        not come back. The batch's parked rows leave. Returns how many rows stood or were parked; 0 when it
        was undone before, but for the same `transaction`: that answers with what it withdrew.
        """
        with self._writing() as bench:
            told = BatchWithdrawal(batch, recorded_at, by, tuple(keeping), tuple(undone), transaction)
            stood = withdraw_batch(bench, self._activities, told)
            condition = f"batch = {text(batch)}"
            files = files_with(bench, self._parked, condition)
            return stood + remove_rows(bench, self._places["parked"], files, condition, reason="withdrawal")

    def withdraw_ids(
        self, ids: pa.Table, *, transaction: AppTransaction, recorded_at: dt.datetime, by: str
    ) -> int:
        """Take back single activities, named by the columns `source` and `id`, by new rows; how many stood.

        For what follows from something else and no longer does. The same transaction again changes nothing.
        """
        with self._writing() as bench:
            return withdraw_ids(
                bench, self._activities, ids, transaction=transaction, recorded_at=recorded_at, by=by
            )

    def erase(
        self, *, account: str | None = None, contact: str | None = None, by: str, at: dt.datetime
    ) -> Erased:
        """Remove an account's or a contact's rows from every table and from the disk, and record that it was.

        What comes in later under an erased key is kept out and counted as `Appended.erased`. Queries that run
        meanwhile may have to start again (`run` does so by itself).
        """
        kind: Kind = "account" if account is not None else "contact"
        key = account if account is not None else contact
        if key is None or (account is not None and contact is not None):
            raise StreamError("erase needs either an account or a contact, and not both.")
        with self._writing() as bench:
            # Nothing of what is erased may live on here; a roll-up makes it again from what is left.
            if held := self._seen.snapshot().files:
                self._seen.commit([], held, notes={"app": "erasure"})
                self._seen.vacuum(0)
            done = erase_key(
                bench, list(self._places.values()), self._erasures, kind=kind, key=key, by=by, at=at
            )
            update_seen(bench, self._activities, self._daily, self._seen)
            return done

    def roll_up(self) -> RolledUp:
        """Bring `daily` up to date: only days touched since the last time are made again. Safe to repeat."""
        with self._writing() as bench:
            done = roll_up_days(bench, self._activities, self._daily)
            update_seen(bench, self._activities, self._daily, self._seen)
            return done

    def compact(self, most: int = 1) -> Compacted:
        """Merge the files of every month that has more than `most`, and delete files that nothing names.

        Files that the roll-up has not seen stay as they are, so call `roll_up` first.
        """
        with self._writing() as bench:
            seen = {"activities": self._daily.last_transaction(rollup.APP) or 0}
            parts = [
                compact_table(bench, place, most, seen.get(place.table.folder.name))
                for place in self._places.values()
            ]
            self._seen.vacuum(READERS_HOURS)
        return Compacted(sum(part.before for part in parts), sum(part.after for part in parts))

    def park(self, rows: Rows, *, transaction: AppTransaction, recorded_at: dt.datetime) -> int:
        """Keep activities of unknown accounts until `release`; how many were not waiting already."""
        with self._writing() as bench:
            return park_rows(
                bench, self._parked, self._erasures, rows, transaction=transaction, recorded_at=recorded_at
            )

    def release(self, accounts: Iterable[str], *, recorded_at: dt.datetime) -> Appended:
        """Append what is parked for these accounts, now that they are known."""
        with self._writing() as bench:
            return release_rows(
                bench, self._activities, self._parked, self._erasures, accounts, recorded_at=recorded_at
            )

    # Reading

    def activities(self, since: dt.date | None = None, until: dt.date | None = None) -> ibis.Table:
        """All recorded rows (also withdrawals: sum `sign` for what stands) that happened on these UTC days.

        Both days are included; only files of these days are read. Answer the expression with `run`.
        """
        return self._unbound("activities", since, until)

    def daily(self, since: dt.date | None = None, until: dt.date | None = None) -> ibis.Table:
        """The roll-up of these days, both included.

        Figures as of day D use the rows with `known_on <= D` and (`unknown_on` null or `unknown_on > D`).
        """
        return self._unbound("daily", since, until)

    def seen(self, as_of: dt.date) -> ibis.Table | None:
        """Per account and name, first and last day (null: nothing stands) of what was known on a day.

        None while it is behind `daily`: `roll_up` brings it up to date.
        """
        if not up_to_date(self._daily, self._seen):
            return None
        held = self._unbound("seen", None, None)
        changed = held.filter(held.settled_on > as_of).count()
        if self.run(changed)[0][0].as_py():
            return known_then(held, self.daily(until=as_of), as_of)
        return held.drop("settled_on")

    def run(self, expression: ibis.Expr) -> pa.Table:
        """Answer an Ibis expression over the stream's tables, memtables, or both."""
        table = expression if isinstance(expression, ibis.Table) else expression.as_table()
        return again(lambda: self._engine.run(table, self._views(table)))

    def parked(self) -> ibis.Table:
        """Activities that wait for their account, with `parked_at`."""
        return self._unbound("parked", None, None)

    def awaited(self) -> list[str]:
        """The accounts that parked activities wait for, in order."""

        def read() -> list[str]:
            rows = scan(self._parked, self._parked.snapshot().files)
            return [key for (key,) in self._reader.query(f"SELECT DISTINCT account FROM {rows} ORDER BY 1")]

        return again(read)

    def erasures(self) -> ibis.Table:
        """The record of erasures: when, by whom, which kind, the key's digest, how many rows per table."""
        return self._unbound("erasures", None, None)

    def timeline(
        self,
        account: str,
        *,
        kinds: Sequence[str] | None = None,
        before: Cursor | None = None,
        limit: int = 100,
        on: dt.date | None = None,
        folded: bool = False,
    ) -> TimelinePage:
        """The account's standing activities, newest first, `limit` at a time, going back from `before`.

        A kind is a name, a family (`case` for `case.opened` and so on), or `usage` for names without a dot.
        `on` is one UTC day. `folded` brings the usage of each day as one line, of all kinds; a page then
        holds `limit` lines.
        """
        place = self._reader, self._activities, account
        if folded:
            return again(lambda: read_folded(*place, before, limit))
        return again(lambda: read_timeline(*place, kinds, before, limit, on))

    def standing(
        self, accounts: Collection[str], kinds: Sequence[str], since: dt.date, until: dt.date
    ) -> list[Activity]:
        """What stands of the kinds (see `timeline`) at these accounts, newest first; both days included."""
        return again(lambda: read_standing(self._reader, self._activities, accounts, kinds, since, until))

    def activities_named(
        self, names: Collection[str], *, known_on: dt.date, columns: Sequence[str] = NAMED
    ) -> pa.Table:
        """The columns of all activities of these names as they stood at the end of a day, by account."""
        return again(lambda: read_named(self._reader, self._activities, names, columns, known_on))

    def data_until(self) -> dt.datetime | None:
        """The instant of the latest recorded activity, from the files' statistics; None for none."""
        latest = [file.latest for file in self._activities.snapshot().files if file.latest is not None]
        return max(latest, default=None)

    def count(self) -> int:
        """How many activities stand."""
        rows = self.activities()
        return int(self.run(rows.agg(n=rows.sign.sum()))["n"][0].as_py() or 0)

    def batches(self) -> pa.Table:
        """Each batch with how many of its rows stand (`n`) and the span of time they lie in."""
        return again(lambda: read_batches(self._reader, self._activities))

    # Inside

    @contextmanager
    def _writing(self) -> Iterator[Workbench]:
        self.location.mkdir(parents=True, exist_ok=True)
        with one_writer(self.location, self.wait), workbench(self.location) as bench:
            for table in self._tables.values():
                table.open()
            yield bench

    def _choose(self, engine: str | Engine) -> Engine:
        if not isinstance(engine, str):
            return engine
        if engine == "duckdb":
            return self._reader
        if engine == "spark":
            return SparkEngine()
        raise EngineMissingError(f"There is no engine {engine!r}. Choose 'duckdb' or 'spark'.")

    def _unbound(self, name: str, since: dt.date | None, until: dt.date | None) -> ibis.Table:
        start = f"{since:%Y%m%d}" if since else "start"
        end = f"{until:%Y%m%d}" if until else "end"
        schema = ibis.Schema.from_pyarrow(self._tables[name].schema)
        return ibis.table(schema, name=f"heed_{name}_from_{start}_to_{end}")

    def _views(self, expression: ibis.Table) -> list[View]:
        names = {node.name for node in expression.op().find(ops.UnboundTable)}
        return [self._view(found) for found in map(NAME.match, sorted(names)) if found]

    def _view(self, name: re.Match[str]) -> View:
        table = self._tables[name["table"]]
        since, until = as_date(name["since"]), as_date(name["until"])
        snapshot = table.snapshot()
        paths = tuple(table.paths(snapshot.within(since, until)))
        return View(name[0], table, snapshot.version, paths, between(table, since, until))


def again(read: Callable[[], Answer]) -> Answer:
    """Read; once more when a file was erased or compacted away between being named and being read."""
    try:
        return read()
    except (duckdb.IOException, OSError):
        return read()


def as_date(digits: str) -> dt.date | None:
    return dt.date.fromisoformat(digits) if digits.isdigit() else None


def between(table: Table, since: dt.date | None, until: dt.date | None) -> str:
    """SQL that keeps the rows of these days, both included."""
    column = quoted(table.span or "")
    kind = "DATE" if table.span == "day" else "TIMESTAMP"
    after = f"{column} >= {kind} '{since}'" if since else "true"
    if until is None:
        return after
    return f"{after} AND {column} < {kind} '{until + dt.timedelta(days=1)}'"
