"""The activities of one entity's staged rows into the stream: appended, parked, or taken back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
import pyarrow as pa

from heed.customers.models import Account
from heed.ledger.home import open_stream
from heed.sources.checking import Setting
from heed.sources.context import Context
from heed.sources.derived import FOLLOWING, Origin, derived_query, key_pattern, outlived_query
from heed.sources.staging import Staged, accepted_rows, by_block
from heed.sources.tally import EXAMPLES, Counts
from heed.stream import AppTransaction, Stream
from heed.stream.activity import INCOMING
from heed.stream.files import quoted

PARTS = {"tickets": 1, "interactions": 2, "survey_responses": 3, "activities": 4}
"""The number of an entity's append within the import, rising, as the stream wants it."""
FEW_ROWS = 2_000
STREAM_COLUMNS = ", ".join(quoted(name) for name in INCOMING.names)


@dataclass
class Streaming:
    """Brings the activities of an entity's rows into the stream, and counts what became of them."""

    context: Context
    setting: Setting
    entity: str
    staged: Sequence[Staged]
    counts: Counts
    unsaved: Collection[str] = ()
    """The keys of rows that were refused on saving: nothing follows from them."""

    def append(self, known: pa.Table | None = None) -> None:
        """Append the activities, and park those of accounts that are not `known`. Safe to repeat.

        Without `known` the accounts that stand are.
        """
        known = known_accounts(self._accounts()) if known is None else known
        accepted, waiting = [], []
        bare = pa.table({"key": pa.array(sorted(self.unsaved), pa.string())})
        for staged in self.staged:
            staged.bench.register("known", known)
            staged.bench.register("unsaved", bare)
            good, parked = self._split(staged)
            accepted += good
            waiting += parked
        self._append(accepted)
        if waiting:
            self._park_activities(waiting)
        if self.entity in FOLLOWING:
            self._take_back_outlived()

    def _accounts(self) -> set[str] | None:
        """The accounts that the rows name, where they are few; else None."""
        if sum(staged.accepted for staged in self.staged) > FEW_ROWS:
            return None
        return {
            account
            for staged in self.staged
            for (account,) in staged.bench.rows(
                f"SELECT DISTINCT account FROM {staged.source} WHERE _problem IS NULL AND account IS NOT NULL"
            )
        }

    def _split(self, staged: Staged) -> tuple[list[Path], list[Path]]:
        """Parquet of the activities of known accounts, and of the others."""
        missing = "account IS NOT NULL AND account NOT IN (SELECT account FROM known)"
        rows = f"(SELECT * FROM {staged.source} WHERE _problem IS NULL)"
        unknown = int(staged.bench.rows(f"SELECT count(*) FROM {rows} WHERE {missing}")[0][0])
        if self.entity in ("activities", "survey_responses"):
            self.counts.parked += unknown
        if self.entity == "activities":
            staged = _numbered(staged)
            if not unknown and not staged.refused and not staged.blank:
                return [staged.path], []
        query = self._query(staged)
        good = staged.path.with_suffix(".good.parquet")
        written = staged.bench.write(f"SELECT * FROM ({query}) SEMI JOIN known USING (account)", good)
        # What waits for its account as a row is parked as a row; only pure activities are parked as such.
        parkable = unknown and self.entity in ("activities", "survey_responses")
        if not parkable:
            return ([good] if written else []), []
        parked = staged.path.with_suffix(".parked.parquet")
        staged.bench.write(f"SELECT * FROM ({query}) ANTI JOIN known USING (account)", parked)
        return ([good] if written else []), [parked]

    def _query(self, staged: Staged) -> str:
        rows = f"(SELECT * FROM {staged.source} WHERE _problem IS NULL)"
        if self.entity == "activities":
            return f"SELECT {STREAM_COLUMNS} FROM {rows}"
        if self.unsaved:
            rows = f"(SELECT * FROM {rows} ANTI JOIN unsaved USING (key))"
        setting = self.setting
        columns = {name for name, *_ in staged.bench.rows(f"DESCRIBE {rows}")}
        return derived_query(self.entity, rows, columns, Origin(setting.source, setting.batch))

    def _append(self, paths: list[Path]) -> None:
        if not paths:
            return
        stream = open_stream()
        if self.context.dry:
            done = stream.compare(paths, recorded_at=self.context.now)
        else:
            transaction_id = AppTransaction(self.context.app, PARTS[self.entity])
            done = stream.append(paths, transaction=transaction_id, recorded_at=self.context.now)
        if self.entity in ("activities", "survey_responses"):
            self.counts.new += done.new
            self.counts.changed += done.corrected
            self.counts.unchanged += done.unchanged
        if done.erased:
            self.context.findings.add(
                f"{self.entity}: erased",
                "These activities are of accounts or contacts that were erased, and were kept out.",
                done.erased,
            )
        self.context.told(done.rows)

    def _take_back_outlived(self) -> None:
        """Withdraw what followed from an earlier version of these rows, and no longer does."""
        source, bench = self.setting.source, self.staged[0].bench
        latest = [_latest(parts, FOLLOWING[self.entity][1]) for parts in by_block(self.staged)]
        columns = [{name for name, *_ in bench.rows(f"DESCRIBE {rows}")} for rows in latest]
        standing = self._standing(latest, columns)
        if not standing.num_rows:
            return
        bench.register("standing", standing)
        origin = Origin(source, self.setting.batch)
        derived = " UNION ALL ".join(
            derived_query(self.entity, rows, there, origin)
            for rows, there in zip(latest, columns, strict=True)
        )
        queries = (
            outlived_query(self.entity, "standing", rows, there, f"({derived})")
            for rows, there in zip(latest, columns, strict=True)
        )
        ids = bench.table(" UNION ".join(queries))
        if ids.num_rows:
            self._withdraw(ids.append_column("source", pa.array([source] * ids.num_rows, pa.string())))

    def _standing(self, latest: Sequence[str], columns: Sequence[set[str]]) -> pa.Table:
        """The ids that stand of the rows' keys: of a source's others none is read into memory."""
        stream, bench = open_stream(), self.staged[0].bench
        found = [
            stream.run(
                standing_ids(
                    stream,
                    self.entity,
                    self.setting.source,
                    key_pattern(self.entity, there),
                    bench.table(f"SELECT {FOLLOWING[self.entity][1]} AS key FROM {rows}"),
                )
            )
            for rows, there in zip(latest, columns, strict=True)
        ]
        return pa.concat_tables(found)

    def _withdraw(self, ids: pa.Table) -> None:
        self.context.findings.add(
            f"{self.entity}: taken back",
            "These activities followed from an earlier export, and this one no longer has what they followed "
            "from. They are withdrawn, and still show for the days on which they were believed.",
            ids.num_rows,
            [{"id": one} for one in ids["id"].to_pylist()[:EXAMPLES]],
        )
        if not self.context.dry:
            transaction_id = AppTransaction(f"{self.context.app}:taken back", PARTS[self.entity])
            open_stream().withdraw_ids(
                ids, transaction=transaction_id, recorded_at=self.context.now, by=self.context.record.actor
            )

    def _park_activities(self, paths: list[Path]) -> None:
        if not self.context.dry:
            transaction_id = AppTransaction(self.context.app, PARTS[self.entity])
            open_stream().park(paths, transaction=transaction_id, recorded_at=self.context.now)


def _latest(parts: Sequence[Staged], key: str) -> str:
    """The last row of each key, of accounts that are known."""
    return (
        f"(SELECT * FROM {accepted_rows(parts)} SEMI JOIN known USING (account) "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _file DESC, _index DESC) = 1)"
    )


def standing_ids(stream: Stream, entity: str, source: str, pattern: str, keys: pa.Table) -> ibis.Table:
    """The ids of a source's standing activities that follow from rows of the entity with these keys, which
    are the first group of the pattern.
    """
    begins, _, _ = FOLLOWING[entity]
    rows = stream.activities().filter(ibis._.source == source, ibis._.id.startswith(begins))
    rows = rows.mutate(key=rows.id.re_extract(pattern, 1)).semi_join(ibis.memtable(keys), "key")
    return rows.group_by("id").having(ibis._.sign.sum() > 0).agg(n=ibis._.count()).select("id")


def _numbered(staged: Staged) -> Staged:
    """Tell apart rows whose id was made of their content and that are word for word the same."""
    made = f"(SELECT hash(id) AS h FROM {staged.source} WHERE _made AND _problem IS NULL)"
    again = f"SELECT h FROM {made} GROUP BY h HAVING count(*) > 1"
    if not staged.bench.rows(f"SELECT 1 FROM {staged.source} WHERE _made LIMIT 1"):
        return staged
    if not staged.bench.rows(f"{again} LIMIT 1"):
        return staged
    target = staged.path.with_suffix(".numbered.parquet")
    nth = "row_number() OVER (PARTITION BY id)"
    told_apart = f"id || CASE WHEN {nth} > 1 THEN '-' || {nth} ELSE '' END"
    staged.bench.write(
        f"SELECT * EXCLUDE (file_row_number) FROM {staged.source} WHERE NOT coalesce(_made, false) "
        f"OR hash(id) NOT IN ({again}) UNION ALL "
        f"SELECT * EXCLUDE (file_row_number) REPLACE ({told_apart} AS id) "
        f"FROM {staged.source} WHERE _made AND hash(id) IN ({again})",
        target,
    )
    return replace(staged, path=target)


def known_accounts(among: Collection[str] | None = None) -> pa.Table:
    """The keys of the accounts that stand, of all or of those named, as the column `account`."""
    standing = Account.objects.filter(withdrawn_at=None)
    keys = (standing if among is None else standing.filter(key__in=among)).values_list("key", flat=True)
    return pa.table({"account": pa.array(list(keys.iterator(chunk_size=20_000)), pa.string())})
