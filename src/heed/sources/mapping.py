"""`mapping.toml`: which file and column each target column comes from. See docs/reference/mapping.md."""

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from heed.sources.entities import ENTITIES, Entity
from heed.stream.files import FileQueryError, check_expression

ENCODINGS = ("utf-8", "windows-1252", "utf-16")
EXTRA_TYPES = ("text", "number", "day", "instant", "yes_no")
NAMED_FORMATS = ("epoch", "epoch_ms", "excel")
BLOCK_WORDS = (
    *("file", "sql", "columns", "date_format", "decimal", "delimiter", "encoding", "time_zone", "empty"),
    "recorded_at",
)
TOP_WORDS = (*ENTITIES, "files", "activities_options", "checks")


class MappingError(ValueError):
    """The mapping cannot be used; the message says where and what to write instead."""


@dataclass(frozen=True)
class Column:
    """Where one target column comes from: a column of the file, an SQL expression, or a constant.

    `type` says how a further column (an attribute or property) is kept: text unless stated.
    """

    source: str | None = None
    sql: str | None = None
    value: str | None = None
    type: str = "text"


@dataclass(frozen=True)
class Formats:
    """How a file writes times and numbers. No `date_format`: ISO 8601."""

    date_format: tuple[str, ...] = ()
    decimal: str = "."
    time_zone: str = "UTC"
    empty: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """One entity's rows from one file (or several of one shape), or from a query over the files."""

    entity: str
    columns: Mapping[str, Column]
    file: str | None = None
    sql: str | None = None
    formats: Formats = field(default_factory=Formats)
    delimiter: str | None = None
    encoding: str | None = None
    recorded_at: str = "assumed"

    @property
    def kind(self) -> Entity:
        return ENTITIES[self.entity]

    @property
    def holds_sql(self) -> bool:
        return self.sql is not None or any(column.sql is not None for column in self.columns.values())

    def reads(self, name: str) -> bool:
        return self.file is not None and fnmatchcase(name.casefold(), self.file.casefold())

    def extras(self) -> dict[str, Column]:
        """The mapped columns that are no targets: attributes or properties."""
        return {name: column for name, column in self.columns.items() if self.kind.target(name) is None}


@dataclass(frozen=True)
class FileOptions:
    file: str
    delimiter: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class Check:
    """A query that answers with rows which contradict themselves, and the sentence that says so."""

    name: str
    sentence: str
    sql: str


@dataclass(frozen=True)
class FileMapping:
    blocks: tuple[Block, ...]
    files: tuple[FileOptions, ...] = ()
    checks: tuple[Check, ...] = ()
    key_activities: tuple[str, ...] = ()

    @property
    def holds_sql(self) -> bool:
        return bool(self.checks) or any(block.holds_sql for block in self.blocks)

    def mentions(self, name: str) -> bool:
        """Whether a block reads this file, or some SQL names it."""
        texts = [block.sql for block in self.blocks] + [check.sql for check in self.checks]
        texts += [column.sql for block in self.blocks for column in block.columns.values()]
        named = any(name.casefold() in text.casefold() for text in texts if text)
        return named or any(block.reads(name) for block in self.blocks)

    def options_for(self, name: str) -> FileOptions:
        """Delimiter and encoding stated for a file, by its block or by [[files]]."""
        stated = [FileOptions(block.file or "", block.delimiter, block.encoding) for block in self.blocks]
        fitting = [
            options
            for options in (*self.files, *stated)
            if fnmatchcase(name.casefold(), options.file.casefold())
        ]
        return FileOptions(
            name,
            next((options.delimiter for options in fitting if options.delimiter), None),
            next((options.encoding for options in fitting if options.encoding), None),
        )


def parse_mapping(text: str) -> FileMapping:
    """Read a mapping; MappingError says where it is wrong and what would be right."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"The mapping is not TOML: {error}.") from error
    _known("The mapping", document, TOP_WORDS)
    blocks = tuple(
        _block(entity, number, block)
        for entity in ENTITIES
        for number, block in enumerate(_list(document, entity), start=1)
    )
    if not blocks:
        raise MappingError(f"The mapping maps nothing. Start with one of [[{']], [['.join(ENTITIES)}]].")
    return FileMapping(
        blocks,
        tuple(_file_options(options) for options in _list(document, "files")),
        tuple(_check(name, check) for name, check in _table(document, "checks").items()),
        tuple(_key_activities(_table(document, "activities_options"))),
    )


def write_mapping(mapping: FileMapping) -> str:
    """The mapping as TOML that `parse_mapping` reads back to an equal value."""
    return "\n".join(_lines(mapping)).strip() + "\n"


def _block(entity: str, number: int, given: Any) -> Block:
    place = f"[[{entity}]] number {number}"
    if not isinstance(given, dict):
        raise MappingError(f"{place}: write it as a table, [[{entity}]].")
    _known(place, given, BLOCK_WORDS)
    file, sql = _text(place, given, "file"), _text(place, given, "sql")
    if (file is None) == (sql is None):
        raise MappingError(f'{place}: say either file = "…" or sql = "select …", one of the two.')
    columns = {
        name: _column(f"{place}, column {name}", column) for name, column in _table(given, "columns").items()
    }
    _required(place, ENTITIES[entity], columns)
    return Block(
        entity,
        columns,
        file,
        sql,
        _formats(place, given),
        _text(place, given, "delimiter"),
        _one_of(place, "encoding", _text(place, given, "encoding"), ENCODINGS),
        _one_of(place, "recorded_at", _text(place, given, "recorded_at"), ("assumed", "now")) or "assumed",
    )


def _required(place: str, entity: Entity, columns: Mapping[str, Column]) -> None:
    missing = [target.name for target in entity.targets if target.required and target.name not in columns]
    if missing:
        raise MappingError(f"{place}: {entity.name} need a column for {', '.join(missing)}.")


def _column(place: str, given: Any) -> Column:
    if isinstance(given, str):
        return Column(source=given)
    if not isinstance(given, dict):
        raise MappingError(f'{place}: write "Header", {{ sql = "…" }} or {{ value = "…" }}.')
    _known(place, given, ("column", "sql", "value", "type"))
    if sum(word in given for word in ("column", "sql", "value")) != 1:
        raise MappingError(f"{place}: say one of column, sql and value.")
    sql = _text(place, given, "sql")
    if sql is not None:
        _checked_expression(place, sql)
    value = given.get("value")
    kind = _one_of(place, "type", _text(place, given, "type"), EXTRA_TYPES) or "text"
    return Column(_text(place, given, "column"), sql, None if value is None else str(value), kind)


def _checked_expression(place: str, sql: str) -> None:
    try:
        check_expression(sql)
    except FileQueryError as error:
        raise MappingError(f"{place}: {error}") from error


def _formats(place: str, given: Mapping[str, Any]) -> Formats:
    zone = _text(place, given, "time_zone") or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MappingError(f"{place}: time_zone '{zone}' is unknown. Use one like Europe/Berlin.") from error
    decimal = _one_of(place, "decimal", _text(place, given, "decimal"), (".", ",")) or "."
    return Formats(
        tuple(_date_format(place, one) for one in _texts(place, given, "date_format")),
        decimal,
        zone,
        tuple(_texts(place, given, "empty")),
    )


def _date_format(place: str, given: str) -> str:
    if given not in NAMED_FORMATS and "%" not in given:
        raise MappingError(
            f"{place}: date_format '{given}' is not one. Write it like %d.%m.%Y %H:%M, or one of: "
            f"{', '.join(NAMED_FORMATS)}."
        )
    return given


def _file_options(given: Any) -> FileOptions:
    if not isinstance(given, dict) or not isinstance(given.get("file"), str):
        raise MappingError('[[files]]: each needs file = "…".')
    _known("[[files]]", given, ("file", "delimiter", "encoding"))
    encoding = _one_of("[[files]]", "encoding", _text("[[files]]", given, "encoding"), ENCODINGS)
    return FileOptions(given["file"], _text("[[files]]", given, "delimiter"), encoding)


def _check(name: str, given: Any) -> Check:
    place = f"[checks.{name}]"
    if not isinstance(given, dict):
        raise MappingError(f"{place}: write it as a table with sentence and sql.")
    _known(place, given, ("sentence", "sql"))
    sentence, sql = _text(place, given, "sentence"), _text(place, given, "sql")
    if not sentence or not sql:
        raise MappingError(f"{place}: needs a sentence and an sql that answers with the offending rows.")
    return Check(name, sentence, sql)


def _key_activities(given: Mapping[str, Any]) -> list[str]:
    _known("[activities_options]", given, ("key",))
    return _texts("[activities_options]", given, "key")


def _known(place: str, given: Iterable[str], words: Iterable[str]) -> None:
    known = list(words)
    for word in given:
        if word not in known:
            near = difflib.get_close_matches(word, known, 1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."
            raise MappingError(f"{place}: '{word}' is not known. {hint}")


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name, [])
    if not isinstance(found, list):
        raise MappingError(f"[{name}]: write it with two brackets, [[{name}]].")
    return found


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise MappingError(f"'{name}' is a table: write it as [{name}].")
    return found


def _text(place: str, given: Mapping[str, Any], name: str) -> str | None:
    found = given.get(name)
    if found is not None and not isinstance(found, str):
        raise MappingError(f"{place}: {name} is a text.")
    return found


def _texts(place: str, given: Mapping[str, Any], name: str) -> list[str]:
    found = given.get(name, [])
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise MappingError(f"{place}: {name} is a text or a list of texts.")
    return found


def _one_of(place: str, name: str, given: str | None, options: tuple[str, ...]) -> str | None:
    if given is not None and given not in options:
        raise MappingError(f"{place}: {name} is '{given}'. Use one of: {', '.join(options)}.")
    return given


def _lines(mapping: FileMapping) -> Iterator[str]:
    for options in mapping.files:
        yield "[[files]]"
        yield from _settings(file=options.file, delimiter=options.delimiter, encoding=options.encoding)
        yield ""
    for entity in ENTITIES:
        for block in mapping.blocks:
            if block.entity == entity:
                yield from _block_lines(block)
    if mapping.key_activities:
        yield "[activities_options]"
        yield f"key = [{', '.join(map(_toml, mapping.key_activities))}]"
        yield ""
    for check in mapping.checks:
        yield f"[checks.{_toml_key(check.name)}]"
        yield from _settings(sentence=check.sentence, sql=check.sql)
        yield ""


def _block_lines(block: Block) -> Iterator[str]:
    formats, default = block.formats, Formats()
    yield f"[[{block.entity}]]"
    yield from _settings(
        file=block.file,
        sql=block.sql,
        delimiter=block.delimiter,
        encoding=block.encoding,
        date_format=formats.date_format or None,
        decimal=None if formats.decimal == default.decimal else formats.decimal,
        time_zone=None if formats.time_zone == default.time_zone else formats.time_zone,
        empty=formats.empty or None,
        recorded_at=None if block.recorded_at == "assumed" else block.recorded_at,
    )
    yield f"[{block.entity}.columns]"
    for name, column in block.columns.items():
        yield f"{_toml_key(name)} = {_column_toml(column)}"
    yield ""


def _column_toml(column: Column) -> str:
    if column.source is not None and column.type == "text":
        return _toml(column.source)
    said = {"column": column.source, "sql": column.sql, "value": column.value}
    parts = [f"{word} = {_toml(text)}" for word, text in said.items() if text is not None]
    if column.type != "text":
        parts.append(f"type = {_toml(column.type)}")
    return "{ " + ", ".join(parts) + " }"


def _settings(**settings: str | tuple[str, ...] | None) -> Iterator[str]:
    for name, value in settings.items():
        if isinstance(value, tuple):
            yield f"{name} = [{', '.join(map(_toml, value))}]"
        elif value is not None:
            yield f"{name} = {_toml(value)}"


def _toml(text: str) -> str:
    # A TOML basic string is a JSON string, but for DEL, which it wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _toml_key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else _toml(name)
