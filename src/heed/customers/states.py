"""An entity's state as plain JSON values: what the audit trail keeps, compares and can bring back."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from heed.customers.rows import Blank

State = dict[str, Any]

AMOUNT = Decimal("0.0001")


def plain(value: Any) -> Any:
    """A value as JSON holds it: dates as ISO 8601 text, decimals as numbers, not-a-number as None.

    A NUL character, which PostgreSQL cannot store, becomes the sign for a character that is none.
    """
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and value not in (float("inf"), float("-inf")) else None
    if isinstance(value, Decimal):
        return plain_decimal(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def plain_decimal(value: Decimal) -> int | float | None:
    if not value.is_finite():
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def amount_text(value: Decimal) -> str:
    """An amount as text with four decimals, so that equal amounts are equal texts."""
    return str(value.quantize(AMOUNT))


def given(state: State, name: str, value: Any, *, empty: Any) -> None:
    """Take a row's value into a state: None keeps, BLANK and empty text clear to `empty`."""
    if value is None:
        return
    state[name] = empty if value == "" or isinstance(value, Blank) else plain(value)


def with_attributes(present: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes after a row: named ones replace, those named with None or BLANK go, the others stay."""
    if not told:
        return dict(present)
    merged = dict(present)
    for name, value in told.items():
        if value is None or isinstance(value, Blank):
            merged.pop(name, None)
        else:
            merged[name] = plain(value)
    return merged


def day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def day_text(value: date | None) -> str | None:
    return value.isoformat() if value else None
