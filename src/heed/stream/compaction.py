"""Compaction: many small files of a month become one, in the same order, so that reading stays cheap."""

from heed.stream.activity import Compacted
from heed.stream.removal import Sorted
from heed.stream.tables import DataFile, Written
from heed.stream.workbench import Workbench, scan

READERS_HOURS = 1
"""How long replaced files stay for queries that already named them."""


def compact_table(bench: Workbench, place: Sorted, most: int, newest: int | None) -> Compacted:
    """Merge the files of each month that has more than `most`; files with a number above `newest` stay.

    A merged file keeps the number of its newest part, so the roll-up does not take it for news.
    """
    table = place.table
    snapshot = table.snapshot()
    removed: list[DataFile] = []
    added: list[Written] = []
    for month in sorted({file.month for file in snapshot.files}):
        files = snapshot.of_months([month])
        files = [file for file in files if newest is None or file.number <= newest]
        if len(files) <= most:
            continue
        number = max(file.number for file in files)
        written = bench.save(table, month, number, f"SELECT * FROM {scan(table, files)}", place.order)
        added += [written] if written else []
        removed += files
    if removed:
        table.commit(added, removed, notes={"app": "compaction"}, data_change=False)
    table.vacuum(READERS_HOURS)
    return Compacted(len(snapshot.files), len(snapshot.files) - len(removed) + len(added))
