"""Results as plain mappings that JSON holds exactly, and back."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Self, TypeVar, get_args, get_origin, get_type_hints

Result = TypeVar("Result")


def to_record(result: Any) -> Any:
    """A frozen dataclass of numbers, words, estimates and tuples of these, as mappings and lists."""
    if is_dataclass(result) and not isinstance(result, type):
        return {field.name: to_record(getattr(result, field.name)) for field in fields(result)}
    if isinstance(result, tuple):
        return [to_record(each) for each in result]
    return result


def from_record(kind: type[Result], record: Any) -> Result:
    """The result of this kind. ValueError where the record lacks a field or has one too many."""
    hints = _hints(kind)
    if set(record) != set(hints):
        wrong = sorted(set(record) ^ set(hints))
        raise ValueError(
            f"This is no record of a {kind.__name__}: '{wrong[0]}' is missing or unknown. "
            "Keep records as they were written."
        )
    return kind(**{name: _read(hint, record[name]) for name, hint in hints.items()})


def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _read(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(hint, UnionType):
        return _read(next(each for each in get_args(hint) if each is not type(None)), value)
    if get_origin(hint) is tuple:
        return tuple(_read(get_args(hint)[0], each) for each in value)
    return from_record(hint, value) if is_dataclass(hint) and isinstance(hint, type) else value


class Recorded:
    """A result that can be kept: what it becomes for JSON, and back."""

    __slots__ = ()

    def to_record(self) -> dict[str, Any]:
        """For JSON; `from_record` gives an equal result back."""
        record: dict[str, Any] = to_record(self)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        return from_record(cls, record)
