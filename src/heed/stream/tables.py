"""A Delta table as a list of Parquet files: which files stand now, and one transaction to change that.

DuckDB writes the files; Delta's log decides which of them count. A file that no transaction
names is not data.
"""

import datetime as dt
import json
import os
import secrets
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

LOG_KEPT = "interval 90 days"
SALT = "heed.salt"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table. `number` is the table version that brought its newest row."""

    path: str
    month: str
    number: int
    rows: int
    size: int
    first: dt.date | None
    last: dt.date | None
    latest: dt.datetime | None
    withdraws: bool

    def overlaps(self, since: dt.date | None, until: dt.date | None) -> bool:
        """Whether the file may hold rows of these days, both included."""
        before = until is not None and self.first is not None and self.first > until
        after = since is not None and self.last is not None and self.last < since
        return not (before or after)


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written and waits for its transaction."""

    path: str
    month: str
    size: int
    rows: int
    low: dict[str, Any]
    high: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of one version of a table."""

    version: int
    files: tuple[DataFile, ...]

    def within(self, since: dt.date | None = None, until: dt.date | None = None) -> list[DataFile]:
        return [file for file in self.files if file.overlaps(since, until)]

    def of_months(self, months: Iterable[str]) -> list[DataFile]:
        wanted = set(months)
        return [file for file in self.files if file.month in wanted]


class Table:
    """A Delta table under `folder`, each file covering a span of `span` (a column).

    Partitioned by month, where it has a month; else the month of its files is "".
    """

    def __init__(self, folder: Path, schema: pa.Schema, span: str | None) -> None:
        self.folder = folder
        self.schema = schema
        self.span = span
        self._guard = threading.Lock()
        self._delta: DeltaTable | None = None
        self._snapshot: Snapshot | None = None

    @property
    def partition(self) -> list[str]:
        return ["month"] if "month" in self.schema.names else []

    @property
    def columns(self) -> list[str]:
        """The columns inside the files (the month is in their path)."""
        return [name for name in self.schema.names if name != "month"]

    def open(self) -> Self:
        """Open the table, making it when it is not there. Only the writer may make it."""
        if not DeltaTable.is_deltatable(str(self.folder)):
            DeltaTable.create(
                str(self.folder),
                schema=self.schema,
                mode="ignore",
                partition_by=self.partition or None,
                configuration={"delta.logRetentionDuration": LOG_KEPT, SALT: secrets.token_hex(16)},
                raise_if_key_not_exists=False,
            )
        return self

    def snapshot(self) -> Snapshot:
        """The files that stand now."""
        with self._guard:
            delta = self._fresh()
            if delta is None:
                return Snapshot(-1, ())
            if self._snapshot is None or self._snapshot.version != delta.version():
                self._snapshot = Snapshot(delta.version(), tuple(self._read(delta)))
            return self._snapshot

    def paths(self, files: Iterable[DataFile]) -> list[str]:
        return [str(self.folder / file.path) for file in files]

    def last_transaction(self, app: str) -> int | None:
        with self._guard:
            delta = self._fresh()
            return None if delta is None else delta.transaction_version(app)

    def notes(self, app: str, version: int) -> dict[str, str] | None:
        """What the transaction of this application wrote beside its commit, while the log still has it."""
        for entry in DeltaTable(str(self.folder)).history():
            if entry.get("app") == app and entry.get("app_version") == str(version):
                return {name: str(value) for name, value in entry.items()}
        return None

    @property
    def salt(self) -> str:
        return str(DeltaTable(str(self.folder)).metadata().configuration[SALT])

    def new_path(self, month: str, number: int) -> str:
        folder = f"month={month}/" if self.partition else ""
        return f"{folder}{number:012d}-{uuid.uuid4().hex}.parquet"

    def commit(
        self,
        add: Sequence[Written],
        remove: Sequence[DataFile] = (),
        *,
        transactions: Sequence[tuple[str, int]] = (),
        notes: dict[str, object] | None = None,
        data_change: bool = True,
    ) -> None:
        """Make the files count, and the removed ones not, in one transaction that is on disk on return."""
        for file in add:
            flush(self.folder / file.path)
        now = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
        actions: list[AddAction | RemoveAction] = [
            AddAction(file.path, file.size, self._place(file), now, data_change, statistics(file))
            for file in add
        ]
        actions += [
            RemoveAction(file.path, data_change, now, file.size, self._place(file)) for file in remove
        ]
        delta = DeltaTable(str(self.folder))
        delta.create_write_transaction(
            actions,
            mode="append",
            schema=delta.schema(),
            partition_by=self.partition,
            commit_properties=CommitProperties(
                custom_metadata={name: str(value) for name, value in (notes or {}).items()},
                app_transactions=[Transaction(app, version) for app, version in transactions],
            ),
        )
        flush(self.folder / "_delta_log")

    def _place(self, file: Written | DataFile) -> dict[str, str | None]:
        return {"month": file.month} if self.partition else {}

    def next_number(self) -> int:
        """The version that the next transaction will make."""
        return self.snapshot().version + 1

    def vacuum(self, hours: int) -> int:
        """Delete files that no version of the last `hours` names; how many they were."""
        if not DeltaTable.is_deltatable(str(self.folder)):
            return 0
        gone = DeltaTable(str(self.folder)).vacuum(
            retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=True
        )
        return len(gone)

    def _fresh(self) -> DeltaTable | None:
        try:
            if self._delta is None:
                self._delta = DeltaTable(str(self.folder))
            else:
                self._delta.update_incremental()
        except TableNotFoundError:
            return None
        return self._delta

    def _read(self, delta: DeltaTable) -> Iterable[DataFile]:
        for action in pa.table(delta.get_add_actions(flatten=True)).to_pylist():
            name = action["path"].rsplit("/", 1)[-1]
            yield DataFile(
                path=action["path"],
                month=action.get("partition.month") or "",
                number=int(name.split("-", 1)[0]) if name[:12].isdigit() else 0,
                rows=action["num_records"],
                size=action["size_bytes"],
                first=as_day(action.get(f"min.{self.span}")),
                last=as_day(action.get(f"max.{self.span}")),
                latest=as_instant(action.get(f"max.{self.span}")),
                withdraws=(action.get("min.sign") or 1) < 0,
            )


def as_day(value: object) -> dt.date | None:
    """The UTC day of a statistic."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).date()
    return value if isinstance(value, dt.date) else None


def as_instant(value: object) -> dt.datetime | None:
    return value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else None


def statistics(file: Written) -> str:
    """Delta's statistics of a file: counts and spans of time, never a key of a customer."""
    return json.dumps(
        {
            "numRecords": file.rows,
            "minValues": {name: as_statistic(value) for name, value in file.low.items()},
            "maxValues": {name: as_statistic(value) for name, value in file.high.items()},
            "nullCount": {},
        }
    )


def as_statistic(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, dt.date) else value


def flush(path: Path) -> None:
    """Put a file, or the newest file of a folder and its name, on the disk for good."""
    if path.is_dir():
        newest = max(path.glob("*.json"), default=None)
        if newest is not None:
            flush(newest)
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
