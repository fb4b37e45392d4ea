"""Lawful erasure of what imports keep of their files: refused and waiting rows, samples and examples."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from heed.customers.erasure import erased_among
from heed.customers.models import Account, Contact
from heed.ledger.actions import forget
from heed.ledger.models import AuditEntry
from heed.sources.models import LINE_VALUES, Import, ParkedRow, RejectedRow
from heed.sources.staging import DELIMITER, LINE, Refused

SHOWN_IN = ("files", "findings", "notes", "expected")
"""Where an import shows some rows of its files, which are lost without harm."""
KINDS = ("account", "contact")
REJECTED = "rejected row"
CHUNK = 2_000
BETWEEN = (r"[\r\n\"]", r"[,;\t|\r\n\"{}\[\]]", r"[,;:\t|\r\n\"{}\[\]]")
"""What may stand between the values of a line; a value may itself hold a colon or, in quotes, a delimiter."""

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Named:
    """How rows name what is erased, by folded texts: keys by kind, addresses and names.

    A person's name counts only beside the key of the person's account.
    """

    keys: Mapping[str, frozenset[str]]
    addresses: frozenset[str]
    account_name: str = ""
    person_name: str = ""
    person_at: str = ""

    @classmethod
    def of(cls, subject: Account | Contact) -> "Named":
        if isinstance(subject, Contact):
            keys = {"contact": frozenset({folded(subject.key)})}
            addresses = _addresses([(subject.key, subject.email)])
            return cls(keys, addresses, "", folded(subject.name), folded(subject.account.key))
        people = list(subject.contacts.filter(erased_at=None).values_list("key", "email"))
        periods = subject.subscription_periods.values_list("key", flat=True)
        named = {"account": [subject.key], "contact": [key for key, _ in people], "period": periods}
        keys = {kind: frozenset(map(folded, those)) for kind, those in named.items()}
        return cls(keys, _addresses(people), folded(subject.name))

    def in_row(self, entity: str, values: Values) -> bool:
        """Whether a row (texts by target column, or a line that is no record) names it.

        A key counts only where a key of its kind stands: elsewhere it may be an everyday word or number.
        """
        if is_line(values):
            return self.in_any(parts_of(values))
        if any(self.keys.get(kind, frozenset()) & _folded(keys_in(kind, entity, values)) for kind in KINDS):
            return True
        texts = set(texts_of(values)) - {""}
        is_it = entity == "accounts" and bool({self.account_name} & _folded([values.get("name")]))
        beside = self.person_at in _folded(keys_in("account", entity, values))
        return is_it or bool(texts & self.addresses) or (beside and self.person_name in texts)

    def in_any(self, texts: Collection[str]) -> bool:
        """Whether any of the texts names it, wherever it stands."""
        folded_texts = _folded(texts)
        names = self.addresses.union(*(self.keys.get(kind, ()) for kind in KINDS), {self.account_name} - {""})
        return bool(folded_texts & names) or {self.person_at, self.person_name} <= folded_texts


def folded(text: str) -> str:
    return text.strip().casefold()


def _folded(texts: Collection[Any]) -> set[str]:
    return {folded(str(text)) for text in texts if text is not None} - {""}


def _addresses(people: Collection[tuple[str, str]]) -> frozenset[str]:
    """The e-mail addresses of people, by key and address: a key may be one too."""
    keys = [key for key, _ in people if "@" in key]
    return frozenset(_folded([*keys, *(address for _, address in people)]))


def is_line(values: Values) -> bool:
    return LINE in values and values.keys() <= LINE_VALUES


def keys_in(kind: str, entity: str, values: Values) -> set[str]:
    """What may be keys of accounts (or contacts) in a row: the row's own, and those that it names."""
    if is_line(values):
        return parts_of(values)
    columns = [kind, "parent"] if kind == "account" else [kind]
    columns += ["key"] if entity == f"{kind}s" else []
    return {str(values[column]) for column in columns if values.get(column)}


def parts_of(values: Values) -> set[str]:
    """What may be values of a line that is no record."""
    delimiter = values.get(DELIMITER)
    found = set(pieces_of(values[LINE]))
    return found | set(values[LINE].split(delimiter)) if delimiter else found


def pieces_of(text: str) -> Iterator[str]:
    yield text.strip()
    for between in BETWEEN:
        yield from filter(None, (piece.strip() for piece in re.split(between, text)))


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a JSON value, and its pieces, as they are compared."""
    if isinstance(value, str):
        yield from map(folded, pieces_of(value))
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_of(item)


def erase_rows(subject: Account | Contact, *, by: str, reason: str) -> None:
    """Delete rows that name the account or contact; the caller's transaction erases the subject itself."""
    named = Named.of(subject)
    rejected = _naming(RejectedRow, named)
    forget(REJECTED, sorted({*map(str, rejected), *_told_of(named)}), by=by, reason=reason)
    for model, found in ((RejectedRow, rejected), (ParkedRow, _naming(ParkedRow, named))):
        for start in range(0, len(found), CHUNK):
            model._default_manager.filter(pk__in=found[start : start + CHUNK]).delete()
    for import_ in Import.objects.iterator():
        kept = {name: without(getattr(import_, name), named) for name in SHOWN_IN}
        kept["undone"] = _less_kept(import_.undone, named)
        if any(value != getattr(import_, name) for name, value in kept.items()):
            Import.objects.filter(pk=import_.pk).update(**kept)


def _naming(model: type[RejectedRow] | type[ParkedRow], named: Named) -> list[int]:
    rows = model._default_manager.values_list("pk", "entity", "values").iterator(chunk_size=CHUNK)
    return [pk for pk, entity, values in rows if named.in_row(entity, values)]


def _told_of(named: Named) -> Iterator[str]:
    """The rejected rows of which the trail says what is erased: a correction keeps what it replaced."""
    entries = AuditEntry.objects.filter(kind=REJECTED, action="replay").order_by("pk")
    states = entries.values_list("subject", "before", "after").iterator(chunk_size=CHUNK)
    while batch := list(islice(states, CHUNK)):
        numbers = [int(subject) for subject, *_ in batch if subject.isdecimal()]
        rows = RejectedRow.objects.filter(pk__in=numbers)
        entities = {str(pk): entity for pk, entity in rows.values_list("pk", "entity")}
        for subject, *said in batch:
            kept = [state["values"] for state in said if state]
            if any(named.in_row(entities.get(subject, ""), values) for values in kept):
                yield subject


def without(value: Any, named: Named) -> Any:
    """A JSON value less the rows in it (lists or objects of plain values) that name what is erased."""
    if isinstance(value, dict):
        # The header of a sample stays as wide as its rows.
        return {name: item if name == "columns" else without(item, named) for name, item in value.items()}
    if isinstance(value, list):
        return [without(item, named) for item in value if not (is_row(item) and _shows(item, named))]
    return value


def _shows(row: Any, named: Named) -> bool:
    return named.in_any(set(texts_of(row)))


def is_row(value: Any) -> bool:
    """Whether it is a row, plain or (of those refused) with its `values` and where it stood."""
    if not isinstance(value, dict | list):
        return isinstance(value, str)
    is_refused = isinstance(value, dict) and "values" in value
    items = value.values() if isinstance(value, dict) else value
    return is_refused or not any(isinstance(item, dict | list) for item in items)


def _less_kept(undone: Any, named: Named) -> Any:
    """What an undo came to, less what it kept of what is erased."""
    if not undone or "kept" not in undone:
        return undone
    kept = [one for one in undone["kept"] if folded(one["key"]) not in named.keys.get(one["kind"], ())]
    return {**undone, "kept": kept}


def without_erased(entity: str, rows: Sequence[Refused]) -> list[Refused]:
    """Refused rows less those that name an account or a contact that was erased: these are not kept."""
    gone = {
        kind: _erased(kind, {key for row in rows for key in keys_in(kind, entity, row.values)})
        for kind in KINDS
    }
    return [row for row in rows if not any(keys_in(kind, entity, row.values) & gone[kind] for kind in KINDS)]


def _erased(kind: str, keys: set[str]) -> set[str]:
    """As `erased_among`, for the many words that lines may hold."""
    asked, found = sorted(keys), set[str]()
    for start in range(0, len(asked), CHUNK):
        found |= erased_among(kind, asked[start : start + CHUNK])
    return found
