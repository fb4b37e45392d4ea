"""Which rows stand: an activity stands while it was added once more often than it was withdrawn."""

from collections.abc import Iterable

from heed.stream.activity import ACTIVITIES, CONTENT
from heed.stream.tables import DataFile, Table
from heed.stream.workbench import quoted, scan

VERSION = ", ".join(quoted(name) for name in ("source", "id", *CONTENT))
COLUMNS = ", ".join(quoted(name) for name in ACTIVITIES.names)


def standing(table: Table, files: Iterable[DataFile], where: str = "") -> str:
    """SQL for the standing activities in these files, which must hold all rows of each id's version.

    A withdrawal repeats the content of what it withdraws, so it lies in the same month; whole months will do.
    """
    files = list(files)
    rows = scan(table, files)
    rows = f"(SELECT * FROM {rows} WHERE {where})" if where else rows
    return standing_rows(rows) if any(file.withdraws for file in files) else rows


def standing_rows(rows: str) -> str:
    """SQL for the standing activities of a relation with the columns of an activity."""
    kept = ", ".join(f"arg_max({quoted(name)}, recorded_at) AS {quoted(name)}" for name in RECORD)
    return f"""(
        WITH given AS (SELECT * FROM {rows}),
        doubted AS (SELECT DISTINCT source, id FROM given WHERE sign < 0)
        SELECT {COLUMNS} FROM given ANTI JOIN doubted USING (source, id)
        UNION ALL
        SELECT {COLUMNS} FROM (
            SELECT {VERSION}, month, 1::TINYINT AS sign,
                max(recorded_at) FILTER (WHERE sign > 0) AS recorded_at,
                {kept.replace(", recorded_at)", ", recorded_at) FILTER (WHERE sign > 0)")}
            FROM given SEMI JOIN doubted USING (source, id)
            GROUP BY {VERSION}, month HAVING sum(sign) > 0
        )
    )"""


RECORD = ("recorded_assumed", "batch")
"""What a row says about its record, beside when: taken from the latest record of the version that stands."""


def same_content(one: str, other: str) -> str:
    """SQL that holds when two rows say that the same thing happened."""
    return " AND ".join(
        f"{one}.{quoted(name)} {'=' if name in FILLED else 'IS NOT DISTINCT FROM'} {other}.{quoted(name)}"
        for name in CONTENT
    )


FILLED = ("account", "name", "at")
