"""Everything an installation holds, in a form that two installations can be compared in, row for row.

Numbers that the database hands out (primary keys) are replaced by what they stand for; when the clock stands
still, nothing else may differ.
"""

import json
from collections.abc import Iterator
from typing import Any

ROUNDS = "daily.round"
PROGRESS = {"sources.import": {"rows_done", "rows_expected"}}
"""How often a run was interrupted, and what it had left to do then, is its own history."""


def contents() -> list[str]:
    """All rows as text, sorted."""
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in [*database(), *stream()])


def database() -> Iterator[dict[str, Any]]:
    """Every row of every table of Heed's, by what it says."""
    from django.apps import apps

    for model in apps.get_models():
        label = model._meta.label_lower
        if not model.__module__.startswith("heed.") or label == ROUNDS:
            continue
        fields = [f for f in model._meta.concrete_fields if f.name not in PROGRESS.get(label, ())]
        related = [field.name for field in fields if field.is_relation]
        for row in model._default_manager.select_related(*related):
            if getattr(row, "kind", None) != "round":  # the trail's word of a round
                yield {"table": label, **{field.attname: plain(row, field) for field in fields}}


def plain(row: Any, field: Any) -> Any:
    if field.primary_key:
        return None
    if field.is_relation:
        related = getattr(row, field.name)
        return None if related is None else named(related)
    value = getattr(row, field.attname)
    return value if value is None or isinstance(value, bool | int | float | list | dict) else str(value)


def named(row: Any) -> str:
    """A row by what a person would call it, not by its number."""
    for name in ("key", "email", "name"):
        if hasattr(row, name):
            version = getattr(row, "version", "")
            return f"{getattr(row, name)}{version}"
    return type(row).__name__


def stream() -> Iterator[dict[str, Any]]:
    """Every row of the stream's tables, of `seen` what is known today."""
    from heed.ledger import clock
    from heed.ledger.home import open_stream

    held = open_stream()
    tables = {
        "activities": held.activities(),
        "daily": held.daily(),
        "parked": held.parked(),
        "erasures": held.erasures(),
        "seen": held.seen(clock.today()),
    }
    for name, table in tables.items():
        if table is None:  # `seen`, where it is behind
            yield {"table": name, "rows": None}
            continue
        for row in held.run(table).to_pylist():
            yield {"table": name, **{column: str(value) for column, value in row.items()}}
