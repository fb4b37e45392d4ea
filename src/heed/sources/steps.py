"""One entity of an import: staged, judged, saved, and what became of each row.

The same step serves a whole file, a corrected row that is replayed, and a parked row whose account came.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import pyarrow as pa
from django.db import transaction

from heed.customers.rows import Saved
from heed.ledger.actions import Change, record_many
from heed.ledger.models import AuditEntry
from heed.sources.checking import originals
from heed.sources.context import Context
from heed.sources.erasing import without_erased
from heed.sources.models import ParkedRow, RejectedRow
from heed.sources.reasons import reason_of, sentence
from heed.sources.saving import KEEPERS
from heed.sources.staging import Refused, Staged, Staging, accepted_rows, by_block
from heed.sources.streaming import PARTS, Streaming
from heed.sources.tally import EXAMPLES, Counts

ORDER = (
    *("accounts", "contacts", "subscriptions", "tickets", "interactions", "survey_responses", "activities"),
)
KINDS = {
    "accounts": "account",
    "contacts": "contact",
    "subscriptions": "period",
    "tickets": "case",
    "interactions": "interaction",
}
"""What the audit trail calls an entity."""
MOST_REJECTED = 100_000
BATCH = 2_000


class ImportStopped(Exception):  # noqa: N818 - not an error of the program
    """An import stops before anything of this entity is stored; the message says why and what to do."""


class EntityStep:
    """Brings one entity's staged rows into Heed."""

    def __init__(self, context: Context, staging: Staging, entity: str) -> None:
        self.context, self.staging, self.entity = context, staging, entity
        self.staged: list[Staged] = []
        self.counts = Counts()
        self._versions: dict[str, int] = {}
        self._unsaved: set[str] = set()

    def stage(self) -> None:
        """Type and judge every row; stops when nearly all of a large file is refused."""
        for staged in self.staging.entity(self.entity):
            self._demand_mostly_good(staged)
            self.staged.append(staged)
            self.counts.rows += staged.accepted + staged.refused
            self.counts.rejected += staged.refused

    def _demand_mostly_good(self, staged: Staged) -> None:
        if staged.refused <= MOST_REJECTED or staged.refused * 2 <= staged.rows:
            return
        worst = next(staged.refusals())
        why = reason_of(self.entity, worst.column, worst.code)
        raise ImportStopped(
            f"{staged.refused:,} of {staged.rows:,} rows of {staged.table.name} cannot be read, the first in "
            f"row {worst.row}: {why} Nothing of it was stored. Check the mapping and its formats."
        )

    def keep(self) -> Counts:
        """Save the rows that go into tables, with the rejected and parked ones, in one transaction."""
        with transaction.atomic():
            for staged in self.staged:
                self._reject(staged.refusals())
            if self.entity in KEEPERS:
                for parts in by_block(self.staged):
                    self._save(parts)
            if not self.context.dry:
                self._note_counts()
        return self.counts

    def replay(self, *, whole: bool) -> None:
        """Save and append rows that came in again; what is refused is told, and not kept a second time.

        `whole`: where one row is refused nothing is appended, and the caller takes back what was saved.
        """
        for staged in self.staged:
            self._reject(staged.refusals())
        if whole and self.context.rejected:
            return
        if self.entity in KEEPERS:
            for parts in by_block(self.staged):
                self._save(parts)
        # Saving refuses rows too.
        if not (whole and self.context.rejected):
            self.append()

    def _note_counts(self) -> None:
        record = self.context.record
        record.counts = {**record.counts, self.entity: vars(self.counts)}
        record.save(update_fields=["counts"])

    def _save(self, parts: list[Staged]) -> None:
        rows = self._rows(parts)
        saved = KEEPERS[self.entity](
            self._counted(rows), by=self.context.record.actor, source=self.staging.setting.source
        )
        self.counts.new += saved.new
        self.counts.changed += saved.changed
        self.counts.unchanged += saved.unchanged
        self._keep_versions(parts, saved)
        self._sort_out(parts, saved)

    def recall(self) -> None:
        """Learn which rows an earlier run, killed since, had refused on saving: those beyond the checks'."""
        kept = RejectedRow.objects.filter(of_import=self.context.record, entity=self.entity)
        keys = Counter(values.get("key") for values in kept.values_list("values", flat=True).iterator())
        keys -= Counter(one.values.get("key") for staged in self.staged for one in staged.refusals())
        self._unsaved = {key for key in keys if key}

    def _counted(self, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for number, row in enumerate(rows, start=1):
            if number % BATCH == 0:
                self.context.told(BATCH)
            yield row

    def _rows(self, parts: list[Staged]) -> Iterator[dict[str, Any]]:
        """The accepted rows of a block in order; of rows with one key the last."""
        bench = parts[0].bench
        source = accepted_rows(parts)
        repeated = bench.rows(
            f"SELECT key, count(*), count(DISTINCT _original) FROM {source} GROUP BY key HAVING count(*) > 1"
        )
        self._versions = {key: count for key, count, versions in repeated if versions > 1}
        last = ""
        if repeated:
            last = "QUALIFY row_number() OVER (PARTITION BY key ORDER BY _file DESC, _index DESC) = 1 "
            last += "ORDER BY _file, _index"
            self.counts.unchanged += sum(count - 1 for _, count, versions in repeated if versions == 1)
        query = f"SELECT * EXCLUDE (_original, _problem) FROM {source} {last}"
        for batch in bench.batches(query, 10_000):
            yield from batch.to_pylist()

    def _keep_versions(self, parts: list[Staged], saved: Saved) -> None:
        """Keep the earlier rows of an id in the audit trail, unless the last one changed nothing."""
        # Of what was erased not even the trail keeps a version.
        gone = {finding.key for finding in saved.findings if finding.code == "erased"}
        self.counts.rejected += sum(self._versions.pop(key, 1) - 1 for key in gone)
        if not self._versions:
            return
        self.context.findings.add(
            f"{self.entity}: one id, different content",
            "These ids stand in the file more than once with different content. The last row counts; the "
            "audit trail keeps the others.",
            len(self._versions),
            [{"id": key, "rows": count} for key, count in islice(self._versions.items(), EXAMPLES)],
        )
        told = {finding.key for finding in saved.findings if finding.refused}
        told |= set(touched(self.context.record.actor, self.entity, list(self._versions)))
        record_many(self._superseded(parts, told & set(self._versions)), by=self.context.record.actor)
        for key, count in self._versions.items():
            if key in told:
                self.counts.changed += count - 1
            else:
                self.counts.unchanged += count - 1

    def _superseded(self, parts: list[Staged], keys: set[str]) -> Iterator[Change]:
        """Each row of these keys that a later one replaces, as a change from one to the other."""
        rows = self._named(parts, sorted(keys), every=True)
        for (staged, index, key, values), (_, _, next_key, later) in pairwise(rows):
            if key == next_key and values != later:
                place = f"row {staged.place(index)} of {staged.table.name}, replaced by a later one"
                yield Change("supersede", KINDS[self.entity], key, values, later, place)

    def _sort_out(self, parts: list[Staged], saved: Saved) -> None:
        """Rows that were refused on saving: parked where only their account is missing, else rejected."""
        parked = [finding.key for finding in saved.findings if finding.code == "unknown_account"]
        if parked:
            self.counts.parked += len(parked)
            self._park(parts, parked)
        why = {f.key: f for f in saved.findings if f.refused and f.code != "unknown_account"}
        self._unsaved |= why.keys()
        refused = []
        for staged, index, key, values in self._named(parts, list(why)):
            row = staged.place(index)
            column, reason = why[key].field, why[key].reason
            refused.append(Refused(staged.number, staged.table.name, row, column, reason, values))
        self.counts.rejected += len(refused)
        self._reject(iter(refused))
        self.context.findings.add(
            f"{self.entity}: erased rows",
            "These rows are of accounts or contacts that were erased on request, and were not kept.",
            sum(finding.code == "erased" for finding in saved.findings),
        )
        for finding in saved.findings:
            if not finding.refused:
                example = {"id": finding.key, finding.field: finding.value}
                self.context.findings.add(
                    f"{self.entity}: {finding.code}", _general(finding.code, finding.reason), 1, [example]
                )

    def _named(
        self, parts: list[Staged], keys: list[str], *, every: bool = False
    ) -> Iterator[tuple[Staged, int, str, dict[str, str | None]]]:
        """Where rows of these keys stand, and their texts; the last of a key, or every one, key by key."""
        if not keys:
            return
        bench = parts[0].bench
        bench.register("wanted", pa.table({"key": pa.array(keys, pa.string())}))
        last = "QUALIFY row_number() OVER (PARTITION BY key ORDER BY _file DESC, _index DESC) = 1"
        order = "ORDER BY key, _file, _index" if every else f"{last} ORDER BY _file, _index"
        wanted = f"{accepted_rows(parts)} SEMI JOIN wanted USING (key)"
        query = f"SELECT _file, _index, key, _original FROM {wanted} {order}"
        for batch in bench.batches(query):
            for row in batch.to_pylist():
                yield parts[row["_file"]], row["_index"], row["key"], originals(row["_original"])

    def _park(self, parts: list[Staged], keys: list[str]) -> None:
        if self.context.dry:
            return
        waiting = (
            ParkedRow(
                of_import=self.context.record,
                entity=self.entity,
                block=staged.number,
                waits_for=values.get("account") or "",
                file=staged.table.name,
                row=staged.place(index),
                values=values,
            )
            for staged, index, _, values in self._named(parts, keys)
        )
        while batch := list(islice(waiting, BATCH)):
            ParkedRow.objects.bulk_create(batch)

    def _reject(self, refusals: Iterator[Refused]) -> None:
        if self.context.dry:
            self.context.rejected.extend(
                replace(one, code=sentence(self.entity, one.column, one.code))
                for one in islice(refusals, EXAMPLES)
            )
            return
        if self.context.app != self.context.record.actor:
            self.context.rejected.extend(refusals)
            return
        while batch := list(islice(refusals, BATCH)):
            RejectedRow.objects.bulk_create(
                [
                    RejectedRow(
                        of_import=self.context.record,
                        entity=self.entity,
                        block=refused.block,
                        file=refused.file[:300],
                        row=refused.row,
                        column=refused.column[:200],
                        reason=sentence(self.entity, refused.column, refused.code)[:300],
                        values=refused.values,
                    )
                    for refused in without_erased(self.entity, batch)
                ]
            )

    def append(self, known: pa.Table | None = None) -> None:
        """Append the activities of the rows, and park those of accounts that are not `known`.

        Safe to repeat. Without `known` all that stand are.
        """
        if self.entity not in PARTS or not self.staged:
            return
        place = self.context, self.staging.setting, self.entity, self.staged, self.counts
        Streaming(*place, self._unsaved).append(known)


def touched(actor: str, entity: str, keys: Sequence[str]) -> Iterator[str]:
    """Those of the keys that the actor made or changed."""
    for start in range(0, len(keys), BATCH):
        entries = AuditEntry.objects.filter(
            by=actor, kind=KINDS[entity], subject__in=keys[start : start + BATCH]
        )
        yield from entries.values_list("subject", flat=True)


GENERAL = {
    "unknown_parent": "The parent is not among the accounts, so these accounts stand without one.",
    "cycle": "The parent would close a circle, so these accounts stand without one.",
    "unknown_owner": "Nobody in Heed has this address, so the owner stays as it was. Invite them first.",
}


def _general(code: str, reason: str) -> str:
    return GENERAL.get(code, reason)
