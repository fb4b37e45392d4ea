"""Lawful erasure: the rows of an account or a contact leave the disk, and a record stays that they did.

The record holds a digest of the key, not the key, so that what was erased cannot come back unnoticed.
"""

import datetime as dt
import hashlib
from typing import Literal

import pyarrow as pa
from deltalake import write_deltalake

from heed.stream.activity import ERASURES, Erased
from heed.stream.removal import Sorted, files_with, remove_rows
from heed.stream.tables import Table
from heed.stream.workbench import Workbench, quoted, scan, text

Kind = Literal["account", "contact"]


def erase_key(
    bench: Workbench, places: list[Sorted], erasures: Table, *, kind: Kind, key: str, by: str, at: dt.datetime
) -> Erased:
    """Erase from each place. The record comes first, so that nothing of the key is let in meanwhile."""
    condition = f"{quoted(kind)} = {text(key)}"
    found = {place.table.folder.name: files_with(bench, place.table, condition) for place in places}
    counts = {name: sum(files.values()) for name, files in found.items()}
    row = {"at": at, "by": by, "kind": kind, "digest": digest(erasures.salt, kind, key), **counts}
    write_deltalake(str(erasures.folder), pa.Table.from_pylist([row], schema=ERASURES), mode="append")
    for place in places:
        remove_rows(bench, place, found[place.table.folder.name], condition, reason="erasure")
        place.table.vacuum(0)
    return Erased(**counts)


def digest(salt: str, kind: str, key: str) -> str:
    """What stands for a key after it is gone, salted with the store's own salt."""
    return hashlib.sha256(f"{salt}:{kind}:{key}".encode()).hexdigest()


def erased_among(bench: Workbench, erasures: Table, rows: str) -> list[tuple[str, str]]:
    """The (kind, key) among these rows that were erased before."""
    known = set(bench.rows(f"SELECT kind, digest FROM {scan(erasures, erasures.snapshot().files)}"))
    if not known:
        return []
    salt = erasures.salt
    return [
        (kind, key)
        for kind in sorted({kind for kind, _ in known})
        for (key,) in bench.rows(f"SELECT DISTINCT {quoted(kind)} FROM {rows}")
        if key is not None and (kind, digest(salt, kind, key)) in known
    ]
