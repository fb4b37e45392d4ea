"""The engines that answer Ibis expressions over the stream: DuckDB here, Spark when one machine is small.

An expression names its tables without saying where they are (unbound tables); an engine lays the files of
this moment under these names and runs it. So one expression serves every engine, thread and version.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import duckdb
import ibis
import pyarrow as pa

from heed.stream.errors import EngineMissingError
from heed.stream.tables import Table
from heed.stream.workbench import connect, quoted, scan_paths

READ_MEMORY = "3GB"


@dataclass(frozen=True, slots=True)
class View:
    """A table of an expression: the name it is known by, the files it stands for, and which of their rows."""

    name: str
    table: Table
    version: int
    paths: tuple[str, ...]
    where: str


class Engine(Protocol):
    """Runs an Ibis expression over views."""

    def run(self, expression: ibis.Table, views: Sequence[View]) -> pa.Table: ...

    def close(self) -> None: ...


class DuckDBEngine:
    """DuckDB inside the process: one database, one cursor per thread, so that readers never wait.

    The first question opens it: most commands and pages ask the tables' logs only.
    """

    def __init__(self, spill: Path, memory: str = READ_MEMORY, threads: int | None = None) -> None:
        self._connect = partial(connect, memory, threads, spill)
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._opening = threading.Lock()
        self._own = threading.local()

    def run(self, expression: ibis.Table, views: Sequence[View]) -> pa.Table:
        backend = self._backend()
        for view in views:
            self._lay(view)
        return backend.to_pyarrow(expression)

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.cursor().execute(sql, list(parameters)).fetchall()

    def table(self, sql: str) -> pa.Table:
        return self.cursor().sql(sql).to_arrow_table()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's connection."""
        if not hasattr(self._own, "cursor"):
            self._own.cursor = self._database().cursor()
            self._own.laid = {}
        cursor: duckdb.DuckDBPyConnection = self._own.cursor
        return cursor

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _database(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._opened is None:
                self._opened = self._connect()
            return self._opened

    def _backend(self) -> Any:
        if not hasattr(self._own, "backend"):
            self._own.backend = ibis.duckdb.from_connection(self.cursor())
        return self._own.backend

    def _lay(self, view: View) -> None:
        if self._own.laid.get(view.name) == view.version:
            return
        rows = scan_paths(list(view.paths), view.table)
        self.cursor().execute(
            f"CREATE OR REPLACE TEMP VIEW {quoted(view.name)} AS SELECT * FROM {rows} WHERE {view.where}"
        )
        self._own.laid[view.name] = view.version


class SparkEngine:
    """Apache Spark, for what one machine cannot hold. Needs the extra `heed[spark]` and Java 17 or newer."""

    def __init__(self, session: Any = None) -> None:
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise EngineMissingError(
                "The engine 'spark' needs pyspark, which is not installed. Run: pip install 'heed[spark]'"
            ) from error
        self._session = session or (
            SparkSession.builder.appName("heed").config("spark.ui.enabled", "false").getOrCreate()
        )
        self._session.conf.set("spark.sql.session.timeZone", "UTC")
        self._session.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        self._backend = ibis.pyspark.connect(self._session)
        self._guard = threading.Lock()

    def run(self, expression: ibis.Table, views: Sequence[View]) -> pa.Table:
        with self._guard:
            for view in views:
                self._lay(view)
            return self._backend.to_pyarrow(expression)

    def close(self) -> None:
        self._session.stop()

    def _lay(self, view: View) -> None:
        schema = ibis.Schema.from_pyarrow(view.table.schema)
        wanted = ibis.backends.pyspark.datatypes.PySparkSchema.from_ibis(schema)
        if view.paths:
            reader = self._session.read.schema(wanted).option("basePath", str(view.table.folder))
            rows = reader.parquet(*view.paths)
        else:
            rows = self._session.createDataFrame([], wanted)
        rows.where(view.where.replace('"', "`")).createOrReplaceTempView(view.name)
