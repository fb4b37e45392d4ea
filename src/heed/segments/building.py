"""The filter as chips, and a condition added to it by choosing from menus."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.segments.fields import Catalogue, Field, Kind
from heed.segments.grammar import parse
from heed.segments.mistakes import FilterError
from heed.segments.tokens import quoted
from heed.segments.tree import And, Condition, FieldName, Filter, Or
from heed.segments.wording import condition_text, day_text, field_text, name_text, to_text

ACTIVITY = "did"
SEGMENT = "segment"

PREDICATES = [
    ("is", gettext_lazy("is")),
    ("is not", gettext_lazy("is not")),
    (">", gettext_lazy("above, or after")),
    (">=", gettext_lazy("at least")),
    ("<", gettext_lazy("below, or before")),
    ("<=", gettext_lazy("at most")),
    ("contains", gettext_lazy("contains")),
    ("does not contain", gettext_lazy("does not contain")),
    ("starts with", gettext_lazy("starts with")),
    ("is known", gettext_lazy("is known")),
    ("is unknown", gettext_lazy("is unknown")),
    ("within", gettext_lazy("within the next … days")),
    ("within the last", gettext_lazy("within the last … days")),
    ("fell by", gettext_lazy("fell, in those days, by")),
    ("rose by", gettext_lazy("rose, in those days, by")),
    ("changed by", gettext_lazy("changed, in those days, by")),
    ("did", gettext_lazy("done in those days")),
    ("did not", gettext_lazy("not done in those days")),
]
"""What a menu offers, in the grammar's words; "those days" stand in a box of their own. How often something
was done is written in the text."""

WITHOUT_VALUE = {"is known", "is unknown"}
CHANGES = ("fell by", "rose by", "changed by")
BACK = "28"


@dataclass(frozen=True)
class Chip:
    """One part of the filter in words, and the filter's text without it."""

    words: str
    without: str


def chips(filter: Filter, catalogue: Catalogue) -> tuple[str, list[Chip]]:
    """The word that joins the parts ("and" or "or"), and the parts."""
    parts = _parts(filter.condition)
    joiner = "or" if isinstance(filter.condition, Or) else "and"

    def label(name: FieldName) -> str:
        found = catalogue.find(name)
        return found.label if found else field_text(name)

    made = []
    for place, part in enumerate(parts):
        words = condition_text(part, label)
        inside = isinstance(part, And | Or)
        left = _joined(parts[:place] + parts[place + 1 :], joiner)
        made.append(Chip(f"({words})" if inside else words, to_text(replace(filter, condition=left))))
    if filter.as_of:
        words = _("as of %(day)s") % {"day": day_text(filter.as_of)}
        made.append(Chip(words, to_text(replace(filter, as_of=None))))
    return joiner, made


def _parts(condition: Condition | None) -> tuple[Condition, ...]:
    if condition is None:
        return ()
    return condition.parts if isinstance(condition, And | Or) else (condition,)


def _joined(parts: tuple[Condition, ...], joiner: str) -> Condition | None:
    if len(parts) <= 1:
        return parts[0] if parts else None
    return Or(parts) if joiner == "or" else And(parts)


def added(text: str, asked: Mapping[str, str], catalogue: Catalogue) -> str:
    """The filter's text with the condition of the menus: `field`, `predicate`, `value`, `days`, `join`.

    Raises FilterError where the result cannot be read; its text is then that of the new condition.
    """
    filter = parse(text)
    new = parse(_composed(asked, catalogue)).condition
    if new is None:
        return to_text(filter)
    join = "or" if asked.get("join") == "or" else "and"
    whole = Or if join == "or" else And
    old = filter.condition
    parts = old.parts if isinstance(old, whole) else () if old is None else (old,)
    return to_text(replace(filter, condition=_joined((*parts, new), join)))


def _composed(asked: Mapping[str, str], catalogue: Catalogue) -> str:
    """The new condition as a person would write it."""
    key, predicate = asked.get("field", ""), asked.get("predicate", "is")
    value, days = asked.get("value", "").strip(), asked.get("days", "").strip() or BACK
    if key == SEGMENT:
        inside = f"in segment {quoted(value)}"
        return f"not {inside}" if predicate == "is not" else inside
    if key == ACTIVITY:
        return _activity(predicate, value, days)
    found = catalogue.by_key(key)
    if found is None:
        raise FilterError(_("Choose a field"), key or " ", (0, max(1, len(key))))
    if predicate in WITHOUT_VALUE:
        return f"{found.key} {predicate}"
    if predicate in ("within", "within the last"):
        return f"{found.key} {predicate} {value.removesuffix('days').strip() or '…'} days"
    if predicate in CHANGES:
        return f"{found.key} {predicate} {value} in {days} days"
    return f"{found.key} {predicate} {as_value(value, found)}"


def _activity(predicate: str, value: str, days: str) -> str:
    """`report_exported`, or with its own days: `report_exported 28`."""
    name, _space, own = value.rpartition(" ")
    name, days = (name, own) if own.isdigit() and name else (value, days)
    said = "did not" if predicate in ("did not", "is not") else "did"
    name = "anything" if name == "anything" else name_text(name)
    return f"{said} {name} {'for' if said == 'did not' else 'in the last'} {days} days"


def as_value(typed: str, field: Field) -> str:
    """What was typed into the box, as the grammar writes a value of the field's type."""
    bare = typed.strip('"“”')
    if field.kind is Kind.PERSON:
        return "me" if bare.lower() == "me" else quoted(bare)
    if field.kind in (Kind.TEXT, Kind.CHOICE, Kind.ACCOUNT):
        return quoted(bare)
    if field.kind is Kind.SHARE:
        return bare if bare.endswith("%") else f"{bare}%"
    if field.kind is Kind.MIXED:
        return bare if _is_plain(bare) and typed == bare else quoted(bare)
    return bare


def _is_plain(text: str) -> bool:
    """Whether a text reads as a number, a day, yes or no without quotes."""
    if text.lower() in ("yes", "no", "true", "false"):
        return True
    try:
        float(text)
    except ValueError:
        return _is_day(text)
    return True


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
