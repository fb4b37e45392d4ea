"""Lawful erasure of what imports keep of their files: refused and waiting rows, samples and examples."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from heed.customers.erasure import erased_among, forget_named
from heed.customers.models import Account, Contact
from heed.sources.models import Import, ParkedRow, RejectedRow
from heed.sources.staging import Refused

SAID_IN = ("files", "findings", "notes", "expected")
CHUNK = 2_000
BETWEEN = re.compile(r"[,;\t|\r\n\"{}\[\]]|: ?")
"""What may stand between the values of a line, whatever its delimiter."""


@dataclass(frozen=True)
class Named:
    """How rows name what is erased: `anywhere` by itself, `here` only in a row that names the account too."""

    anywhere: frozenset[str]
    here: frozenset[str]
    account: str

    @classmethod
    def of(cls, subject: Account | Contact) -> "Named":
        if isinstance(subject, Contact):
            keys = {folded(subject.key), folded(subject.email)} - {""}
            return cls(frozenset(keys), frozenset({folded(subject.name)} - {""}), folded(subject.account.key))
        people = subject.contacts.filter(erased_at=None).values_list("key", "email")
        keys = {folded(text) for person in people for text in person} - {""}
        return cls(frozenset({folded(subject.key), folded(subject.name), *keys}), frozenset(), "")

    def in_row(self, values: Any) -> bool:
        texts = set(texts_of(values))
        return bool(texts & self.anywhere) or (self.account in texts and bool(texts & self.here))


def folded(text: str) -> str:
    return text.strip().casefold()


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a JSON value, as it is compared; of a line that is no record, its parts too."""
    if isinstance(value, str):
        yield folded(value)
        yield from filter(None, map(folded, BETWEEN.split(value)))
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_of(item)


def erase_rows(subject: Account | Contact, *, by: str, reason: str) -> None:
    """Delete rows that name the account or contact; the caller's transaction erases the subject itself."""
    named = Named.of(subject)
    rejected = _naming(RejectedRow, named)
    forget_named("rejected row", [str(pk) for pk in rejected], by=by, reason=reason)
    for model, found in ((RejectedRow, rejected), (ParkedRow, _naming(ParkedRow, named))):
        for start in range(0, len(found), CHUNK):
            model._default_manager.filter(pk__in=found[start : start + CHUNK]).delete()
    for import_ in Import.objects.iterator():
        kept = {name: without(getattr(import_, name), named) for name in SAID_IN}
        if kept != {name: getattr(import_, name) for name in SAID_IN}:
            Import.objects.filter(pk=import_.pk).update(**kept)


def _naming(model: type[RejectedRow] | type[ParkedRow], named: Named) -> list[int]:
    rows = model._default_manager.values_list("pk", "values").iterator(chunk_size=CHUNK)
    return [pk for pk, values in rows if named.in_row(values)]


def without(value: Any, named: Named) -> Any:
    """A JSON value less the rows in it (lists or objects of plain values) that name what is erased."""
    if isinstance(value, dict):
        return {name: without(item, named) for name, item in value.items()}
    if isinstance(value, list):
        return [without(item, named) for item in value if not (is_row(item) and named.in_row(item))]
    return value


def is_row(value: Any) -> bool:
    if not isinstance(value, dict | list):
        return isinstance(value, str)
    items = value.values() if isinstance(value, dict) else value
    return not any(isinstance(item, dict | list) for item in items)


def without_erased(entity: str, rows: Sequence[Refused]) -> list[Refused]:
    """Refused rows less those that name an account or a contact that was erased: these are not kept."""
    gone = {
        kind: erased_among(kind, {key for row in rows if (key := _key_of(kind, entity, row))})
        for kind in ("account", "contact")
    }
    return [row for row in rows if not any(_key_of(kind, entity, row) in keys for kind, keys in gone.items())]


def _key_of(kind: str, entity: str, row: Refused) -> str:
    """The key of the account (or contact) that a row is or names."""
    return row.values.get("key" if entity == f"{kind}s" else kind) or ""
