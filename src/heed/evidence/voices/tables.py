"""What a table must have before it is computed with."""

import pandas as pd


def require_columns(table: pd.DataFrame, *names: str) -> None:
    """Refuse a table without these columns."""
    if missing := [name for name in names if name not in table]:
        raise ValueError(
            f"The table has no column {', '.join(map(repr, missing))}; it has {', '.join(map(repr, table))}."
        )


def require_unique_index(table: pd.DataFrame, what: str) -> None:
    """Refuse a table whose index names something twice."""
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise ValueError(f"The table has the {what} {twice!r} twice: one row each is needed.")
