"""The activity store: everything that happened to every customer, append-only, on disk before the answer says so."""

import datetime as dt
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import duckdb
import ibis
import ibis.expr.operations as ops
import pyarrow as pa

from heed.stream.activity import ACTIVITIES, DAILY, ERASURES, PARKED, Appended, AppTransaction
from heed.stream.append import Rows, append_rows
from heed.stream.engines import DuckDBEngine, Engine, SparkEngine, View
from heed.stream.errors import EngineMissing
from heed.stream.locks import one_writer
from heed.stream.tables import Table
from heed.stream.workbench import Workbench, quoted, workbench

WAIT_SECONDS = 600.0
NAME = re.compile(r"^heed_(?P<table>[a-z]+)_from_(?P<since>\d{8}|start)_to_(?P<until>\d{8}|end)$")


class Stream:
    """The activity store in the folder `location`, made on first use.

    One process writes at a time (others wait up to `wait` seconds, then get `StreamBusy`); any number of
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
        self._tables = {
            table.folder.name: table
            for table in (self._activities, self._daily, self._parked, self._erasures)
        }
        self._reader = DuckDBEngine(self.location / "spill")
        self._engine = self._choose(engine)
        self._guard = threading.Lock()

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

        Columns are those of `INCOMING`; `source`, `id`, `account`, `name` and `at` must be filled, others may be
        absent. Rows may be larger than memory. Known word for word: unchanged. Known with other content: the old
        version is withdrawn and the new one added, both recorded at `recorded_at`; within one append the last
        row of an id stands. The same transaction again changes nothing and returns the first counts.

        Raises `RowsRefused` (a row lacks something), `WriteFailed` (the disk), `StreamBusy`.
        """
        with self._writing() as bench:
            return append_rows(
                bench, self._activities, rows, transaction=transaction, recorded_at=recorded_at, erased=[]
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

    def run(self, expression: ibis.Expr) -> pa.Table:
        """Answer an Ibis expression over the stream's tables, memtables, or both."""
        table = expression if isinstance(expression, ibis.Table) else expression.as_table()
        try:
            return self._engine.run(table, self._views(table))
        except (duckdb.IOException, OSError):
            # A file was erased or compacted away between naming and reading it: name the files once more.
            return self._engine.run(table, self._views(table))

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
        raise EngineMissing(f"There is no engine {engine!r}. Choose 'duckdb' or 'spark'.")

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
