"""The checks of a file set as SQL: one query a file reads, types and judges every row in one pass.

The answer keeps the order of the file. `_problem` is NULL for a good row, else `column<US>code`; `_original`
then holds the row's texts as JSON by target column, so that it can be shown, corrected and replayed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from glob import escape

from heed.sources.entities import ACTIVITIES, CURRENCIES, NOTHING, SCORES, Target
from heed.sources.mapping import NAMED_FORMATS, Block, Column, Formats
from heed.stream.files import MALFORMED, FileColumn, literal, quoted

SEPARATOR = "\x1f"
BLANK_ROW = "blank"
MALFORMED_ROW = f"{SEPARATOR}malformed"
EARLIEST, LATEST = "1900-01-01", "2200-01-01"
WHOLE_TYPES = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
FLOAT_TYPES = {"FLOAT", "DOUBLE"}
SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP"}
DECORATION = r"[\s\x{A0}\x{202F}$€£¥]|^[A-Za-z]{3}\s|\s[A-Za-z]{3}$"


@dataclass(frozen=True)
class Setting:
    """What the rows are checked against: the moment of the import, its batch, and defaults."""

    now: datetime
    source: str
    batch: str
    currency: str


@dataclass(frozen=True)
class Mapped:
    """A mapped column: the raw expression under its alias, and the type that it has in the file."""

    name: str
    alias: str
    expression: str
    type: str
    column: Column


class Checked:
    """The query that types and judges one block's rows from `source` (a query with `columns`)."""

    def __init__(
        self, block: Block, columns: tuple[FileColumn, ...], source: str, setting: Setting, *, keep: bool
    ) -> None:
        self.block, self.setting, self.source, self._keep = block, setting, source, keep
        types = {column.name.casefold(): column for column in columns}
        self.mapped = [
            _mapped(number, name, column, types)
            for number, (name, column) in enumerate(block.columns.items())
        ]

    @cached_property
    def targets(self) -> list[tuple[Target, Mapped]]:
        kind = self.block.kind
        pairs = [(kind.target(mapped.name), mapped) for mapped in self.mapped]
        return [(target, mapped) for target, mapped in pairs if target is not None]

    def sql(self) -> str:
        raw = ", ".join(f"{mapped.expression} AS {mapped.alias}" for mapped in self.mapped)
        typed = ", ".join(
            f"{typed_value(target, mapped, self.block.formats)} AS {quoted(target.name)}"
            for target, mapped in self.targets
        )
        judged = f"CASE {' '.join(self._branches())} END"
        keep = "true" if self._keep else "_problem IS NOT NULL"
        return (
            f"SELECT {', '.join(self._output())}, _problem, CASE WHEN {keep} THEN {self._original()} END "
            f"AS _original FROM (SELECT *, {judged} AS _problem FROM (SELECT *, {typed} FROM "
            f"(SELECT {raw}, {MALFORMED} FROM ({self.source}))))"
        )

    def _output(self) -> Iterator[str]:
        if self.block.kind is ACTIVITIES:
            yield from self._activity()
            return
        for target, _ in self.targets:
            if target.name not in ("key", "id", "currency", "recorded_at"):
                yield quoted(target.name)
        has = {target.name for target, _ in self.targets}
        yield from self._identity(has)
        if any(target.name == "recorded_at" for target in self.block.kind.targets):
            yield from self._recorded()
        yield f"{self._extras()} AS _extras"

    def _identity(self, has: set[str]) -> Iterator[str]:
        """The key of a row, made up where the file has none, and the currency where it says none."""
        entity = self.block.entity
        if entity == "subscriptions":
            made = "subscription || '@' || strftime(starts_on, '%Y-%m-%d')"
            yield f"{_or_else('key', made, has)} AS key"
            yield f"{_or_else('currency', literal(self.setting.currency), has)} AS currency"
        elif entity == "survey_responses":
            yield f"{_or_else('id', _digest(_RESPONSE, has), has)} AS id"
        else:
            yield quoted("key")

    def _activity(self) -> Iterator[str]:
        has = {target.name for target, _ in self.targets}
        for name, kind in (("contact", "VARCHAR"), ("value", "DOUBLE")):
            yield quoted(name) if name in has else f"NULL::{kind} AS {quoted(name)}"
        properties = self._properties(has)
        yield 'account, name, "at"'
        yield f"{properties} AS properties"
        yield f"{_or_else('id', _digest(_ACTIVITY, has, properties), has)} AS id"
        yield f"{'id IS NULL' if 'id' in has else 'true'} AS _made"
        yield f"{literal(self.setting.source)} AS source, {literal(self.setting.batch)} AS batch"
        yield from self._recorded()

    def _properties(self, has: set[str]) -> str:
        extras = self._extras() if self.block.extras() else None
        if "properties" not in has:
            return (
                f"nullif(json_merge_patch('{{}}', {extras})::VARCHAR, '{{}}')" if extras else "NULL::VARCHAR"
            )
        given = "coalesce(properties, '{}')"
        return f"nullif(json_merge_patch({given}, {extras or literal('{}')})::VARCHAR, '{{}}')"

    def _recorded(self) -> Iterator[str]:
        """When the company learnt of it, and whether that is assumed."""
        given = any(target.name == "recorded_at" for target, _ in self.targets)
        at = {"tickets": "opened_at", "subscriptions": "NULL"}.get(self.block.entity, '"at"')
        fallback = _instant_literal(self.setting.now) if self.block.recorded_at == "now" else at
        assumed = "false" if self.block.recorded_at == "now" else "true"
        if given:
            yield f"coalesce(recorded_at, {fallback}) AS recorded_at"
            yield f"recorded_at IS NULL AND {assumed} AS recorded_assumed"
        elif self.block.entity == "activities" and self.block.recorded_at != "now":
            # The stream takes the instant itself for what does not say, and marks it.
            yield "NULL::TIMESTAMPTZ AS recorded_at, true AS recorded_assumed"
        else:
            yield f"{fallback}::TIMESTAMPTZ AS recorded_at, {assumed} AS recorded_assumed"

    def _extras(self) -> str:
        pairs = [
            f"{literal(mapped.name)}, {extra_value(mapped, self.block.formats)}"
            for mapped in self.mapped
            if self.block.kind.target(mapped.name) is None
        ]
        return f"json_object({', '.join(pairs)})"

    def _original(self) -> str:
        pairs = [f"{literal(mapped.name)}, {raw_text(mapped, self.block.formats)}" for mapped in self.mapped]
        return f"json_object({', '.join(pairs)})::VARCHAR"

    def _branches(self) -> Iterator[str]:
        yield f"WHEN {MALFORMED} THEN {literal(MALFORMED_ROW)}"
        files = [mapped for mapped in self.mapped if mapped.column.value is None]
        required = [target for target, _ in self.targets if target.required]
        if files and required:
            nothing = " AND ".join(f"{mapped.alias} IS NULL" for mapped in files)
            yield f"WHEN {quoted(required[0].name)} IS NULL AND {nothing} THEN {literal(BLANK_ROW)}"
        for target, mapped in self.targets:
            for condition, code in judgements(target, mapped, self.block.formats, self.setting.now):
                yield f"WHEN {condition} THEN {_problem(target.name, code)}"
        yield from self._together()

    def _together(self) -> Iterator[str]:
        """Checks of columns against each other."""
        has = {target.name for target, _ in self.targets}
        if {"starts_on", "ends_on"} <= has:
            yield f"WHEN ends_on <= starts_on THEN {_problem('ends_on', 'ends_before_start')}"
        if {"survey", "score"} <= has:
            for survey, (least, most) in SCORES.items():
                outside = f"score NOT BETWEEN {least} AND {most}"
                yield (
                    f"WHEN lower(survey) = {literal(survey)} AND {outside} "
                    f"THEN {_problem('score', f'outside_{survey}')}"
                )
        if {"motion", "direction"} <= has:
            missing = " OR ".join(
                f"{quoted(name)} IS NULL" if name in has else "true" for name in ("agenda", "goal")
            )
            yield (
                f"WHEN motion = 'planned' AND direction = 'outbound' AND ({missing}) "
                f"THEN {_problem('agenda', 'no_agenda')}"
            )


_ACTIVITY = ("account", "contact", "name", "at", "value")
_RESPONSE = ("account", "contact", "survey", "at", "score", "comment")


def _or_else(name: str, made: str, has: set[str]) -> str:
    return f"coalesce({quoted(name)}, {made})" if name in has else made


def _digest(names: tuple[str, ...], has: set[str], *more: str) -> str:
    """An id made of a row's content (96 bits of it), for sources that give none."""
    texts = [f"epoch_us({quoted(name)})" if name == "at" else quoted(name) for name in names if name in has]
    parts = ", ".join(f"coalesce(({text})::VARCHAR, '')" for text in (*texts, *more))
    return f"left(md5(concat_ws(chr(31), {parts})), 24)"


def replay_block(block: Block, name: str) -> Block:
    """The block that reads rows kept by target column (`_original`), in a table of this name."""
    columns = {name: Column(source=name, type=column.type) for name, column in block.columns.items()}
    return replace(block, columns=columns, file=escape(name), sql=None, delimiter=None, encoding=None)


def _mapped(number: int, name: str, column: Column, types: Mapping[str, FileColumn]) -> Mapped:
    alias = f"r{number}"
    if column.value is not None:
        return Mapped(name, alias, literal(column.value), "VARCHAR", column)
    # An SQL expression was evaluated before, in the sandbox, under the name of its target.
    wanted = sql_column(name) if column.sql is not None else str(column.source)
    found = types.get(wanted.casefold())
    if found is None:
        raise KeyError(wanted)
    return Mapped(name, alias, quoted(found.name), _type(found.type), column)


def sql_column(name: str) -> str:
    """The column that holds the value of a target's SQL expression."""
    return f"sql: {name}"


def _type(given: str) -> str:
    return "DECIMAL" if given.startswith("DECIMAL") else given


def _problem(column: str, code: str) -> str:
    return literal(f"{column}{SEPARATOR}{code}")


def _instant_literal(at: datetime) -> str:
    return f"TIMESTAMPTZ {literal(at.isoformat())}"


def typed_value(target: Target, mapped: Mapped, formats: Formats) -> str:
    """SQL that reads a target's value from its raw column: NULL where there is none or it is unreadable."""
    text = raw_text(mapped, formats)
    match target.kind:
        case "text":
            return text
        case "instant":
            return _instant(mapped, formats)
        case "day":
            return _day(mapped, formats)
        case "number":
            return _number(mapped, formats)
        case "amount":
            return _number(mapped, formats, "DECIMAL(18, 4)")
        case "count":
            number = _number(mapped, formats)
            return f"CASE WHEN {number} = trunc({number}) THEN try_cast({number} AS BIGINT) END"
        case "choice":
            branches = " ".join(
                f"WHEN {literal(said)} THEN {literal(meant)}" for said, meant in target.choices
            )
            return f"CASE lower({text}) {branches} END"
        case "currency":
            symbols = " ".join(f"WHEN {literal(sign)} THEN {literal(code)}" for sign, code in SYMBOLS.items())
            known = ", ".join(literal(code) for code in sorted(CURRENCIES))
            return (
                f"CASE {text} {symbols} ELSE CASE WHEN upper({text}) IN ({known}) THEN upper({text}) END END"
            )
        case "json":
            return _json_object(mapped, text)


def _branches(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"WHEN {literal(said)} THEN {literal(meant)}" for said, meant in pairs)


def raw_text(mapped: Mapped, formats: Formats) -> str:
    """The trimmed text of a raw column, NULL where it is empty."""
    alias = mapped.alias
    if mapped.type in FLOAT_TYPES:
        whole = f"{alias} = trunc({alias}) AND abs({alias}) < 1e15"
        text = f"CASE WHEN {whole} THEN ({alias}::BIGINT)::VARCHAR ELSE {alias}::VARCHAR END"
        return f"replace({text}, '.', ',')" if formats.decimal == "," else text
    if mapped.type == "DECIMAL" and formats.decimal == ",":
        return f"replace({alias}::VARCHAR, '.', ',')"
    if mapped.type.startswith(("STRUCT", "MAP")) or mapped.type.endswith("[]"):
        return f"to_json({alias})::VARCHAR"
    text = alias if mapped.type == "VARCHAR" else f"{alias}::VARCHAR"
    trimmed = f"nullif(trim({text}), '')"
    if not formats.empty:
        return trimmed
    empties = ", ".join(literal(one) for one in formats.empty)
    return f"CASE WHEN {trimmed} NOT IN ({empties}) THEN {trimmed} END"


def _something(mapped: Mapped, formats: Formats) -> str:
    """Whether a date or number column says anything at all."""
    nothing = ", ".join(literal(one) for one in (*NOTHING, *formats.empty))
    return f"{raw_text(mapped, formats)} NOT IN ({nothing})"


def _instant(mapped: Mapped, formats: Formats) -> str:
    alias, kind = mapped.alias, mapped.type
    if kind == "TIMESTAMP WITH TIME ZONE":
        return alias
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"({alias}::TIMESTAMP)::TIMESTAMPTZ"
    return f"coalesce({', '.join([*_stated(mapped, formats), _iso(mapped, formats)])})"


def _iso(mapped: Mapped, formats: Formats) -> str:
    """ISO 8601; a time without an offset is in the file's zone, which the connection is in."""
    text = raw_text(mapped, formats)
    looks = f"{text} LIKE '____-__-__%' OR {text} LIKE '________T%'"
    return f"CASE WHEN {looks} THEN try_cast({text} AS TIMESTAMPTZ) END"


def _stated(mapped: Mapped, formats: Formats) -> Iterator[str]:
    text = raw_text(mapped, formats)
    patterns = [literal(one) for one in formats.date_format if one not in NAMED_FORMATS]
    if patterns:
        yield f"try_strptime({text}, [{', '.join(patterns)}])::TIMESTAMPTZ"
    number = f"try_cast({text} AS DOUBLE)"
    if "epoch" in formats.date_format:
        yield f"to_timestamp(CASE WHEN abs({number}) < 1e11 THEN {number} END)"
    if "epoch_ms" in formats.date_format:
        yield f"to_timestamp(CASE WHEN abs({number}) < 1e14 THEN {number} / 1000 END)"
    if "excel" in formats.date_format:
        seconds = f"CASE WHEN {number} BETWEEN 1 AND 110000 THEN round({number} * 86400)::BIGINT END"
        yield f"(TIMESTAMP '1899-12-30' + to_seconds({seconds}))::TIMESTAMPTZ"


def _day(mapped: Mapped, formats: Formats) -> str:
    if mapped.type == "DATE":
        return mapped.alias
    return f"({_instant(mapped, formats)})::TIMESTAMP::DATE"


def _number(mapped: Mapped, formats: Formats, kind: str = "DOUBLE") -> str:
    if mapped.type in WHOLE_TYPES | FLOAT_TYPES | {"DECIMAL", "BOOLEAN", "HUGEINT"}:
        return _finite(f"try_cast({mapped.alias} AS {kind})", kind)
    text = raw_text(mapped, formats)
    bare = f"regexp_replace({text}, {literal(DECORATION)}, '', 'g')"
    if formats.decimal == ",":
        grouped = r"^[+-]?\d{1,3}([.'’]\d{3})+(,\d+)?$"
        plain = f"CASE WHEN NOT contains({text}, '.') THEN try_cast(replace({text}, ',', '.') AS {kind}) END"
        strip, mark = "[.''’]", ","
        single = f"CASE WHEN NOT contains({bare}, '.') THEN try_cast(replace({bare}, ',', '.') AS {kind}) END"
    else:
        grouped = r"^[+-]?\d{1,3}([,'’]\d{3})+(\.\d+)?$"
        plain = f"try_cast({text} AS {kind})"
        strip, mark = "[,''’]", "."
        single = f"try_cast({bare} AS {kind})"
    ungrouped = f"replace(regexp_replace({bare}, '{strip}', '', 'g'), '{mark}', '.')"
    many = f"CASE WHEN regexp_matches({bare}, {literal(grouped)}) THEN try_cast({ungrouped} AS {kind}) END"
    return _finite(f"coalesce({plain}, {single}, {many})", kind)


def _finite(number: str, kind: str) -> str:
    return f"CASE WHEN isfinite({number}) THEN {number} END" if kind == "DOUBLE" else number


def _json_object(mapped: Mapped, text: str) -> str:
    if mapped.type.startswith(("STRUCT", "MAP")):
        return f"to_json({mapped.alias})::VARCHAR"
    return f"CASE WHEN json_valid({text}) AND json_type({text}) = 'OBJECT' THEN {text} END"


def extra_value(mapped: Mapped, formats: Formats) -> str:
    """An attribute or property as JSON: typed where the mapping says so and the text allows it."""
    text = raw_text(mapped, formats)
    if mapped.type in WHOLE_TYPES | FLOAT_TYPES | {"DECIMAL", "BOOLEAN"} and mapped.column.type == "text":
        return f"to_json({mapped.alias})"
    nothing = f"CASE WHEN {_something(mapped, formats)} THEN to_json({text}) END"
    match mapped.column.type:
        case "number":
            number = _number(mapped, formats)
            whole = f"CASE WHEN {number} = trunc({number}) AND abs({number}) < 1e15 THEN {number}::BIGINT END"
            return f"coalesce(to_json({whole}), to_json({number}), {nothing})"
        case "day":
            return f"coalesce(to_json({_day(mapped, formats)}::VARCHAR), {nothing})"
        case "instant":
            return f"coalesce(to_json({_iso_text(_instant(mapped, formats))}), {nothing})"
        case "yes_no":
            return f"coalesce(to_json({_yes_no(text)}), {nothing})"
        case _:
            return text


def _iso_text(instant: str) -> str:
    return f"strftime(({instant}) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"


def _yes_no(text: str) -> str:
    return (
        f"CASE WHEN lower({text}) IN ('yes', 'true', 'y', 't', '1') THEN true "
        f"WHEN lower({text}) IN ('no', 'false', 'n', 'f', '0') THEN false END"
    )


def judgements(target: Target, mapped: Mapped, formats: Formats, now: datetime) -> Iterator[tuple[str, str]]:
    """Conditions under which a target's value is refused, each with its code; the first that holds counts."""
    name = quoted(target.name)
    if target.kind != "text":
        yield f"{name} IS NULL AND {_something(mapped, formats)}", f"not_{target.kind}"
    if target.required:
        yield f"{name} IS NULL", "missing"
    match target.kind:
        case "text":
            most = int(target.most or 200)
            # Counting bytes is cheap, counting characters is not.
            yield f"strlen({name}) > {most} AND length({name}) > {most}", "too_long"
            yield f"contains({name}, chr(0))", "nul"
        case "instant" | "day":
            yield f"{name} < '{EARLIEST}' OR {name} >= '{LATEST}'", "impossible"
            if target.past:
                yield f"{name} > {_instant_literal(now + timedelta(days=1))}", "future"
        case "number" | "amount" | "count":
            if target.least is not None:
                yield f"{name} < {target.least}", "negative" if target.least == 0 else "too_small"
            if target.most is not None:
                yield f"{name} > {target.most}", "too_large"
        case "json":
            yield f"length({name}) > 100000", "too_long"
        case _:
            pass


def problem_parts(problem: str) -> tuple[str, str]:
    """The column and the code of a `_problem`."""
    column, _, code = problem.partition(SEPARATOR)
    return (column, code) if code else ("", column)


def originals(text: str) -> dict[str, str | None]:
    """The kept texts of a row."""
    kept = json.loads(text)
    return {name: None if value is None else visible(str(value)) for name, value in kept.items()}


def visible(text: str) -> str:
    """NUL, which PostgreSQL cannot hold, as its visible sign."""
    return text.replace("\x00", "␀")
