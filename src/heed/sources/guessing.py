"""A mapping guessed from a file set: from the names of files and headers, and from what the columns hold."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from heed.sources.entities import ENTITIES, NOTHING, Entity, Target
from heed.sources.mapping import Block, Column, FileMapping, Formats
from heed.sources.reading import FileSet
from heed.stream.files import FileBench, FileTable, reader

SAMPLE = 2_000
LOOKED_AT = 200
DATES = (
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d %b %Y",
)
TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
DATE_FORMATS = tuple(day + time for day in DATES for time in TIMES)
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?")
POINT = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?")
COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")
PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
DECORATION = re.compile(r"[\s\u00a0\u202f€$£%'’]")
YES_NO = {"yes", "no", "true", "false", "y", "n", "t", "f"}
EPOCHS = {"epoch": (1e8, 4.2e9), "epoch_ms": (1e11, 4.2e12)}


@dataclass(frozen=True)
class Guess:
    """The mapping that was guessed (None: nothing fits), and what a person should look at."""

    mapping: FileMapping | None
    notes: list[str]


@dataclass(frozen=True)
class Sampled:
    """A table with the first values of each column, as texts without the empty ones."""

    table: FileTable
    values: dict[str, list[str]]

    def typed(self, column: str) -> str:
        return next(one.type for one in self.table.columns if one.name == column)


def guess(files: FileSet, scratch: Path) -> Guess:
    """Guess which entity each table holds, and what its columns mean."""
    blocks: list[Block] = []
    notes: list[str] = []
    with FileBench([table.path for table in files.tables], scratch / "guess") as bench:
        for table in files.tables:
            found, said = guess_table(sample(bench, table))
            notes += said
            if found is not None:
                blocks.append(found)
    order = list(ENTITIES)
    blocks.sort(key=lambda block: order.index(block.entity))
    return Guess(FileMapping(tuple(blocks)) if blocks else None, notes)


def sample(bench: FileBench, table: FileTable) -> Sampled:
    rows = bench.table(f"SELECT * FROM ({reader(table)}) LIMIT {SAMPLE}")
    return Sampled(table, {column.name: _texts(rows[column.name].to_pylist()) for column in table.columns})


def _texts(values: Iterable[object]) -> list[str]:
    texts = (str(value).strip() for value in values if value is not None)
    return [text for text in texts if text and text not in NOTHING]


def plain(name: str) -> str:
    """A name as letters and digits only, for comparing."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def guess_table(sampled: Sampled) -> tuple[Block | None, list[str]]:
    """The block for a table, and notes: what it lacks, what is uncertain, what goes to attributes."""
    table = sampled.table
    tried = [(entity, match(entity, sampled)) for entity in ENTITIES.values()]
    fitting = [(entity, columns) for entity, columns in tried if not _lacks(entity, columns)]
    if not fitting:
        return None, [_why_not(sampled, tried)]
    entity, columns = max(fitting, key=lambda pair: _score(table, *pair))
    extra = _rest(table, entity, columns)
    formats, notes = _formats(sampled, entity, columns)
    mapped = {name: Column(source=header) for name, header in columns.items()}
    for name, header in extra.items():
        mapped[name] = Column(source=header, type=_kind(sampled, header, formats))
    if extra:
        notes.append(f"{table.name}: kept as {entity.extra} of {entity.name}: {', '.join(extra.values())}.")
    return Block(entity.name, mapped, file=table.name, formats=formats), notes


def match(entity: Entity, sampled: Sampled) -> dict[str, str]:
    """Which header each target takes: the first of its synonyms whose contents fit. A header serves once."""
    headers = {plain(name): name for name in reversed(list(sampled.values))}
    stem = _stem(sampled.table.name)
    taken: dict[str, str] = {}
    for target in sorted(entity.targets, key=lambda target: not target.required):
        for synonym in _synonyms(target, stem):
            header = headers.get(synonym)
            if header is not None and header not in taken.values() and _fits(target, sampled, header):
                taken[target.name] = header
                break
    return {target.name: taken[target.name] for target in entity.targets if target.name in taken}


def _synonyms(target: Target, stem: str) -> Sequence[str]:
    own = plain(target.name)
    singular = stem.removesuffix("s")
    if target.name in ("key", "id"):
        return (own, *target.synonyms, f"{singular}id", f"{singular}key")
    return (own, *target.synonyms)


def _fits(target: Target, sampled: Sampled, header: str) -> bool:
    values, kind = sampled.values[header], sampled.typed(header)
    if target.kind in ("instant", "day"):
        return kind.startswith(("TIMESTAMP", "DATE")) or not values or bool(date_formats(values))
    if target.kind in ("number", "amount", "count"):
        return not values or _mark(values) is not None
    if target.kind == "choice":
        known = {said for said, _ in target.choices}
        return all(value.casefold() in known for value in values)
    if target.kind == "json":
        return all(value.startswith("{") for value in values)
    if target.kind == "currency":
        return all((len(value) == 3 and value.isalpha()) or value in "€$£" for value in values)
    return True


def _lacks(entity: Entity, columns: dict[str, str]) -> list[str]:
    return [target.name for target in entity.targets if target.required and target.name not in columns]


def _score(table: FileTable, entity: Entity, columns: dict[str, str]) -> tuple[int, int, int]:
    """The file's name decides before the columns, and what is required before what is not."""
    named = _named(table, entity)
    required = sum(target.required for target in entity.targets)
    return (named, required, len(columns))


def _named(table: FileTable, entity: Entity) -> int:
    stem = _stem(table.name)
    if stem in entity.synonyms or stem == plain(entity.name):
        return 2
    return int(any(len(word) > 4 and word in stem for word in entity.synonyms))


def _stem(name: str) -> str:
    last = name.rsplit("/", 1)[-1]
    return plain(last.split(".", 1)[0])


def _why_not(sampled: Sampled, tried: list[tuple[Entity, dict[str, str]]]) -> str:
    table = sampled.table
    named = [(entity, columns) for entity, columns in tried if _named(table, entity)]
    entity, columns = min(named or tried, key=lambda pair: len(_lacks(*pair)))
    lacks = ", ".join(_lacks(entity, columns))
    return f"{table.name} is not mapped: as {entity.name} it has no column for {lacks}. Map it by hand."


def _rest(table: FileTable, entity: Entity, columns: dict[str, str]) -> dict[str, str]:
    """The other headers, under names for attributes."""
    used = set(columns.values())
    names: dict[str, str] = {}
    for column in table.columns:
        if column.name in used:
            continue
        name = re.sub(r"\W+", "_", column.name).strip("_").lower() or "column"
        while name in names or entity.target(name) is not None:
            name += "_"
        names[name] = column.name
    return names


def _formats(sampled: Sampled, entity: Entity, columns: dict[str, str]) -> tuple[Formats, list[str]]:
    dates: list[str] = []
    marks: set[str] = set()
    notes: list[str] = []
    for target in entity.targets:
        header = columns.get(target.name)
        if header is None or sampled.typed(header) != "VARCHAR":
            continue
        values = sampled.values[header]
        if target.kind in ("instant", "day") and values:
            fitting = date_formats(values)
            if {"%d", "%m"} <= {one[:2] for one in fitting}:
                notes.append(
                    f"{sampled.table.name}: {header} may be day or month first; read as {fitting[0]}."
                )
            dates += [one for one in fitting[:1] if one != "iso" and one not in dates]
            notes += _odd(sampled, header, [one for one in values if not _reads(one, fitting[0])], "date")
        if target.kind in ("number", "amount", "count") and values:
            mark = _mark(values) or "."
            marks.add(mark)
            notes += _odd(sampled, header, [one for one in values if not _is_number(one, mark)], "number")
    decimal = "," if "," in marks else "."
    return Formats(date_format=tuple(dates), decimal=decimal), notes


def _odd(sampled: Sampled, header: str, odd: Sequence[str], kind: str) -> list[str]:
    """A note on values that the others of their column say nothing like; their rows will be rejected."""
    if not odd:
        return []
    many = f"{len(odd)} of the first {len(sampled.values[header])} values"
    return [
        f"{sampled.table.name}: {many} of {header} are not read as a {kind}, such as '{odd[0]}'. "
        "Their rows will be rejected, to be corrected."
    ]


def date_formats(values: Sequence[str]) -> list[str]:
    """The formats under which the most values are dates, and more than half are; else none.

    `iso` alone where they are ISO 8601. One date that does not exist does not hide what the others say.
    """
    some = values[:: max(1, len(values) // LOOKED_AT)]
    counts = {one: sum(_reads(text, one) for text in some) for one in _candidates(some)}
    best = max(counts.values())
    if best * 2 <= len(some):
        return []
    # ISO 8601 is read under every format, so another one has to read more than it.
    return ["iso"] if counts.get("iso") == best else [one for one, count in counts.items() if count == best]


def _candidates(values: Sequence[str]) -> Sequence[str]:
    if len(_numbers(values)) * 2 > len(values):
        return ("epoch", "epoch_ms", "%Y%m%d")
    return ("iso",) if all(_reads(value, "iso") for value in values) else ("iso", *DATE_FORMATS)


def _reads(text: str, date_format: str) -> bool:
    if date_format == "iso":
        return ISO.fullmatch(text) is not None
    if date_format in EPOCHS:
        least, most = EPOCHS[date_format]
        return any(least < number < most for number in _numbers([text]))
    return _parses(text, date_format) or ISO.fullmatch(text) is not None


def _numbers(values: Sequence[str]) -> list[float]:
    return [float(value) for value in values if PLAIN_NUMBER.fullmatch(value)]


def _parses(value: str, date_format: str) -> bool:
    try:
        found = datetime.strptime(value, date_format)  # noqa: DTZ007 - only whether it parses
    except ValueError:
        return False
    return 1900 <= found.year < 2200


def _mark(values: Sequence[str]) -> str | None:
    """The decimal mark under which the most values are numbers; None where half of them are not."""
    point, comma = (sum(_is_number(value, mark) for value in values) for mark in ".,")
    if max(point, comma) * 2 <= len(values):
        return None
    # 1.234 alone could be either: with a point it is the commoner reading.
    return "." if point >= comma else ","


def _is_number(text: str, mark: str) -> bool:
    bare = DECORATION.sub("", text)
    return (POINT if mark == "." else COMMA).fullmatch(bare) is not None


def _kind(sampled: Sampled, header: str, formats: Formats) -> str:
    """The type in which an attribute is kept."""
    values = sampled.values[header]
    if sampled.typed(header) != "VARCHAR" or not values:
        return "text"
    if all(value.casefold() in YES_NO for value in values):
        return "yes_no"
    if all(len(value) == 10 for value in values) and date_formats(values) == ["iso"]:
        return "day"
    digits = all(not (value.startswith("0") and value.isdigit() and len(value) > 1) for value in values)
    numbers = all(_is_number(value, formats.decimal) for value in values)
    return "number" if digits and numbers and _mark(values) == formats.decimal else "text"
