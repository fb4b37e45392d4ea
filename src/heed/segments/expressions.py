"""Small SQL pieces that read the same on SQLite and PostgreSQL."""

import json
from collections.abc import Collection
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, CharField, F, FloatField, Func, IntegerField
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, Any]


class _Attribute(Func):
    """An account's attribute as one type of value; None where it is missing or of another type.

    Comparing JSON by the database's own order would call the text "abc" greater than 5.
    """

    sqlite: str
    postgresql: str

    def __init__(self, name: str, *, path: str = "attributes") -> None:
        self.name = name
        super().__init__(F(path))

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_extra: Any) -> Sql:
        return self._filled(compiler, self.sqlite, "$." + json.dumps(self.name))

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_extra: Any) -> Sql:
        return self._filled(compiler, self.postgresql, self.name)

    def _filled(self, compiler: SQLCompiler, template: str, name: str) -> Sql:
        column, params = compiler.compile(self.source_expressions[0])
        if params:
            raise ValueError("An attribute is read from a column, not from an expression with parameters.")
        return template.format(column=column), (name,) * template.count("%s")


class AttributeText(_Attribute):
    output_field = CharField()
    sqlite = "CASE WHEN JSON_TYPE({column}, %s) = 'text' THEN JSON_EXTRACT({column}, %s) END"
    postgresql = "CASE WHEN jsonb_typeof({column} -> %s) = 'string' THEN {column} ->> %s END"


class AttributeNumber(_Attribute):
    output_field = FloatField()
    sqlite = "CASE WHEN JSON_TYPE({column}, %s) IN ('integer', 'real') THEN JSON_EXTRACT({column}, %s) END"
    postgresql = (
        "CASE WHEN jsonb_typeof({column} -> %s) = 'number' THEN ({column} ->> %s)::double precision END"
    )


class AttributeFlag(_Attribute):
    """Yes is 1, no is 0."""

    output_field = IntegerField()
    sqlite = "CASE JSON_TYPE({column}, %s) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
    postgresql = "CASE {column} -> %s WHEN 'true'::jsonb THEN 1 WHEN 'false'::jsonb THEN 0 END"


class AttributeDay(_Attribute):
    """The first ten characters of a text that starts like 2026-09-01, which compare as days do."""

    output_field = CharField()
    sqlite = (
        "CASE WHEN JSON_TYPE({column}, %s) = 'text' AND JSON_EXTRACT({column}, %s) "
        "GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' "
        "THEN SUBSTR(JSON_EXTRACT({column}, %s), 1, 10) END"
    )
    postgresql = (
        "CASE WHEN jsonb_typeof({column} -> %s) = 'string' AND ({column} ->> %s) "
        "~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}' THEN SUBSTR({column} ->> %s, 1, 10) END"
    )


class AttributeKnown(_Attribute):
    """1 where the attribute is there and not null."""

    output_field = IntegerField()
    sqlite = "CASE WHEN COALESCE(JSON_TYPE({column}, %s), 'null') <> 'null' THEN 1 ELSE 0 END"
    postgresql = "CASE WHEN COALESCE(jsonb_typeof({column} -> %s), 'null') <> 'null' THEN 1 ELSE 0 END"


class Among(Func):
    """Whether a column is one of many texts or numbers, given as one parameter however many they are."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, column: str, keys: Collection[str] | Collection[int]) -> None:
        self.keys: list[Any] = sorted(keys)
        super().__init__(F(column))

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_extra: Any) -> Sql:
        column, params = compiler.compile(self.source_expressions[0])
        return f"{column} IN (SELECT value FROM JSON_EACH(%s))", (*params, json.dumps(self.keys))

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_extra: Any) -> Sql:
        column, params = compiler.compile(self.source_expressions[0])
        return f"{column} = ANY(%s)", (*params, self.keys)
