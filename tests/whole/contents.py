"""Everything an installation holds, in a form that two installations can be compared in, row for row.

    python -m tests.whole.contents

prints one JSON line per row. Numbers that the database hands out (primary keys) are replaced by what
they stand for; when the clock stands still, nothing else may differ.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

LEFT_OUT = {
    # How often a run was interrupted is its own history, not what it made.
    "sources.import",
    "daily.round",
    "sessions.session",
    "contenttypes.contenttype",
    "auth.permission",
}


def database() -> Iterator[dict[str, Any]]:
    """Every row of every table of Heed's, by what it says."""
    from django.apps import apps

    for model in apps.get_models():
        label = model._meta.label_lower
        if model.__module__.startswith("heed.") and label not in LEFT_OUT:
            for row in model._default_manager.all():
                if getattr(row, "kind", None) == "round":
                    continue  # the trail's word of a round: see above
                yield {"table": label, **{f.attname: plain(row, f) for f in model._meta.concrete_fields}}


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
    """Every row of the stream's tables."""
    from heed.ledger.home import open_stream

    held = open_stream()
    for name, table in (("activities", held.activities()), ("daily", held.daily())):
        for row in held.run(table).to_pylist():
            yield {"table": name, **{column: str(value) for column, value in row.items()}}


def contents() -> list[str]:
    """All rows as text, sorted."""
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in [*database(), *stream()])


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.site.settings")
    import django

    django.setup()
    for line in contents():
        print(line)  # noqa: T201


if __name__ == "__main__":
    main()
