"""Append: check the rows, drop what is known, keep each change as withdrawal and new version, commit once.

Nothing here grows with the rows but files on disk and a few narrow columns: rows are sorted into months
first, then each month is compared, ordered and written alone.
"""

import datetime as dt

from heed.stream.activity import Appended, AppTransaction
from heed.stream.staging import IDENTITY, Rows, Staged, stage
from heed.stream.standing import same_content, standing, standing_rows
from heed.stream.tables import DataFile, Snapshot, Table, Written
from heed.stream.workbench import Workbench, instant, scan, text

ORDER = 'account, "at", source, id, sign, recorded_at'


def append_rows(
    bench: Workbench,
    activities: Table,
    erasures: Table,
    rows: Rows,
    *,
    transaction: AppTransaction,
    recorded_at: dt.datetime,
) -> Appended:
    """Append within the writer's lock; see `Stream.append`."""
    repeated = recorded_before(activities, transaction)
    if repeated is not None:
        return repeated
    staged = stage(bench, rows, transaction, erasures)
    counts = compare(bench, activities, staged, recorded_at)
    written = write(bench, activities, staged)
    activities.commit(
        written,
        transactions=[(transaction.app, transaction.version)],
        notes={"app": transaction.app, "app_version": transaction.version, **count_notes(counts)},
    )
    return counts


def compare_rows(
    bench: Workbench, activities: Table, erasures: Table, rows: Rows, *, recorded_at: dt.datetime
) -> Appended:
    """What an append of these rows would count; see `Stream.compare`."""
    staged = stage(bench, rows, AppTransaction("compare", 0), erasures)
    return compare(bench, activities, staged, recorded_at)


def recorded_before(activities: Table, transaction: AppTransaction) -> Appended | None:
    """The counts of this transaction when it was committed before (zeros once the log has forgotten them)."""
    last = activities.last_transaction(transaction.app)
    if last is None or last < transaction.version:
        return None
    notes = activities.notes(transaction.app, transaction.version) or {}
    return Appended(**{name: int(notes.get(name, 0)) for name in count_notes(Appended())})


def count_notes(counts: Appended) -> dict[str, int]:
    return {
        "new": counts.new,
        "unchanged": counts.unchanged,
        "corrected": counts.corrected,
        "erased": counts.erased,
    }


# Comparing with the store


def compare(bench: Workbench, activities: Table, staged: Staged, recorded_at: dt.datetime) -> Appended:
    """Find what is new and what is another version of a known id, and count it.

    Leaves its findings in tables: `fresh` (line, key, month) are the rows to write; `adjusted` (line,
    recorded_at, corrects) those of them recorded at another instant than they say; `beside` are whole
    rows to write beside them: withdrawals of stored versions, and versions that a later row replaces.
    """
    snapshot = activities.snapshot()
    bench.run("CREATE TABLE fresh (line BIGINT, key UBIGINT, month VARCHAR)")
    bench.run("CREATE TABLE adjusted (line BIGINT, recorded_at TIMESTAMPTZ, corrects BOOLEAN)")
    bench.run(f"CREATE TABLE beside AS SELECT * FROM {scan(activities, [])}")
    for month in staged.months:
        find_fresh(bench, activities, snapshot.of_months([month]), staged, month)
    if snapshot.files and find_hits(bench, activities, snapshot, staged):
        find_outdated(bench, activities, snapshot, staged, instant(recorded_at))
    past = keep_past(bench, staged, instant(recorded_at)) if staged.repeated else 0
    fresh, corrects = bench.rows(
        "SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM adjusted WHERE corrects)"
    )[0]
    unchanged = staged.rows - staged.erased - fresh - past
    return Appended(fresh - corrects, unchanged, corrects + past, staged.erased)


def find_fresh(
    bench: Workbench, activities: Table, files: list[DataFile], staged: Staged, month: str
) -> None:
    """Keep the lines of a month that do not stand in the store word for word."""
    known = ""
    if files:
        known = (
            f"WHERE NOT EXISTS (SELECT 1 FROM {standing(activities, files)} AS t WHERE t.source = s.source "
            f"AND t.id = s.id AND {same_content('s', 't')} AND {same_record('s', 't')})"
        )
    bench.run(f"INSERT INTO fresh SELECT s.line, s.key, s.month FROM {staged.current(month)} AS s {known}")


def same_record(offered: str, stored: str) -> str:
    """SQL that holds unless a row says that it was learnt later than the store believes.

    A correction is stored at the instant when it came, which is later than what its source says ever after.
    """
    return (
        f"({offered}.recorded_assumed OR {stored}.recorded_assumed "
        f"OR {offered}.recorded_at <= {stored}.recorded_at)"
    )


def find_hits(bench: Workbench, activities: Table, snapshot: Snapshot, staged: Staged) -> int:
    """Which fresh keys the store may know. Reads identities only, and of them what lies in their range."""
    bench.run("CREATE TABLE hits (key UBIGINT)")
    low, high = bench.rows(
        f"SELECT min(id), max(id) FROM {staged.everything} WHERE line IN (SELECT line FROM fresh)"
    )[0]
    bench.run(
        f"INSERT INTO hits SELECT DISTINCT hash({IDENTITY}) FROM {scan(activities, snapshot.files)} "
        f"WHERE id >= ? AND id <= ? AND hash({IDENTITY}) IN (SELECT key FROM fresh)",
        [low, high],
    )
    return int(bench.value("SELECT count(*) FROM hits"))


def find_outdated(bench: Workbench, activities: Table, snapshot: Snapshot, staged: Staged, now: str) -> None:
    """Withdraw the stored versions of fresh ids; ids that were withdrawn before stand again from then on."""
    bench.run(
        f"CREATE TABLE again AS SELECT line, {IDENTITY}, batch FROM {staged.everything} "
        "WHERE line IN (SELECT line FROM fresh WHERE key IN (SELECT key FROM hits))"
    )
    bench.run(
        f"CREATE TABLE known AS SELECT * FROM {scan(activities, snapshot.files)} "
        f"WHERE hash({IDENTITY}) IN (SELECT key FROM hits)"
    )
    bench.run(
        f"""
        INSERT INTO beside BY NAME
        SELECT known.* REPLACE (again.batch AS batch, -1 AS sign,
            {now} AS recorded_at, false AS recorded_assumed)
        FROM {standing_rows("known")} AS known JOIN again USING ({IDENTITY})
        """
    )
    bench.run(f"INSERT INTO adjusted SELECT line, {now}, true FROM again SEMI JOIN beside USING ({IDENTITY})")
    # Counted from its first record on, an id that was withdrawn and came back would count twice before.
    bench.run(
        f"""
        INSERT INTO adjusted
        SELECT line, withdrawn_at, false FROM (SELECT * FROM again ANTI JOIN beside USING ({IDENTITY}))
        JOIN (
            SELECT {IDENTITY}, max(recorded_at) AS withdrawn_at FROM known
            WHERE sign < 0 AND NOT recorded_assumed GROUP BY {IDENTITY}
        ) USING ({IDENTITY})
        """
    )


def keep_past(bench: Workbench, staged: Staged, now: str) -> int:
    """Keep the versions that a later row of this append replaces, unless the last one stands already."""
    bench.run(
        f"""
        CREATE TABLE past AS
        SELECT s.*, replaced_by, CASE WHEN first AND NOT coalesce(a.corrects, false)
            THEN greatest(s.recorded_at, a.recorded_at) ELSE {now} END AS known_at
        FROM decided JOIN {staged.everything} AS s USING (line)
        LEFT JOIN adjusted AS a ON a.line = replaced_by
        WHERE replaced_by IN (SELECT line FROM fresh)
        """
    )
    plain = (
        "SELECT * EXCLUDE (line, key, replaced_by, known_at) REPLACE (known_at AS recorded_at), 1 AS sign "
        "FROM past"
    )
    bench.run(f"INSERT INTO beside BY NAME {plain}")
    bench.run(
        "INSERT INTO beside BY NAME SELECT * REPLACE (-1 AS sign, false AS recorded_assumed, "
        f"{now} AS recorded_at) FROM ({plain})"
    )
    bench.run(f"UPDATE adjusted SET recorded_at = {now} WHERE line IN (SELECT replaced_by FROM past)")
    bench.run(
        f"INSERT INTO adjusted SELECT DISTINCT replaced_by, {now}, false FROM past "
        "WHERE replaced_by NOT IN (SELECT line FROM adjusted)"
    )
    return int(bench.value("SELECT count(*) FROM past"))


# Writing


def write(bench: Workbench, activities: Table, staged: Staged) -> list[Written]:
    """Write one file per month that gains rows, ordered by account and time."""
    gains = dict(bench.rows("SELECT month, count(*) FROM fresh GROUP BY month"))
    beside = {month for (month,) in bench.rows("SELECT DISTINCT month FROM beside")}
    adjusted = bool(bench.value("SELECT count(*) > 0 FROM adjusted"))
    queries = {}
    for month in sorted(gains.keys() | beside):
        parts = [fresh_rows(bench, staged, month, gains[month], adjusted)] if month in gains else []
        parts += [f"SELECT * FROM beside WHERE month = {text(month)}"] if month in beside else []
        queries[month] = " UNION ALL BY NAME ".join(parts)
    return bench.save_months(activities, activities.next_number(), queries, ORDER)


def fresh_rows(bench: Workbench, staged: Staged, month: str, gain: int, adjusted: bool) -> str:
    """SQL for the new rows of a month, as they are to be stored."""
    rows = staged.current(month)
    if gain < bench.value(f"SELECT count(*) FROM {rows}"):
        rows = f"(SELECT * FROM {rows} WHERE line IN (SELECT line FROM fresh WHERE month = {text(month)}))"
    if not adjusted:
        return f"SELECT * EXCLUDE (line, key), 1 AS sign FROM {rows}"
    return (
        "SELECT s.* EXCLUDE (line, key) REPLACE (coalesce(a.recorded_at, s.recorded_at) AS recorded_at, "
        "s.recorded_assumed AND a.line IS NULL AS recorded_assumed), 1 AS sign "
        f"FROM {rows} AS s LEFT JOIN adjusted AS a USING (line)"
    )
