"""Whether a filter makes sense: the fields exist, the values fit them, and the past can be known."""

import re
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from heed.customers.models import ExchangeRate
from heed.ledger.clock import today
from heed.segments.fields import Catalogue, Family, Field, Kind
from heed.segments.grammar import parse
from heed.segments.mistakes import FilterError, nearest
from heed.segments.models import Segment
from heed.segments.tokens import quoted
from heed.segments.tree import (
    ORDERED,
    PARTIAL,
    Amount,
    Changed,
    Compare,
    Day,
    Did,
    FieldName,
    Filter,
    Flag,
    Held,
    InSegment,
    Known,
    Leaf,
    Me,
    Number,
    OneOf,
    Percent,
    Span,
    Text,
    Value,
    Within,
    leaves,
)
from heed.segments.wording import count, field_text, number_text, value_text

LONGEST_HOLD = 92
EARLIEST = date(1900, 1, 1)
LAST_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?=\s*$)")

NAMES = {
    Text: "text",
    Number: "a number",
    Percent: "a share",
    Amount: "an amount",
    Day: "a date",
    Flag: "yes or no",
    Me: "a person",
}
FITTING: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (Text,),
    Kind.CHOICE: (Text,),
    Kind.ACCOUNT: (Text,),
    Kind.PERSON: (Text, Me),
    Kind.NUMBER: (Number,),
    Kind.MONEY: (Amount, Number),
    Kind.SHARE: (Percent, Number),
    Kind.DAY: (Day,),
    Kind.FLAG: (Flag,),
    Kind.MIXED: (Text, Number, Day, Flag),
}
TEXTUAL = frozenset({Kind.TEXT, Kind.PERSON, Kind.ACCOUNT, Kind.MIXED})
SORTABLE = frozenset({Kind.NUMBER, Kind.MONEY, Kind.SHARE, Kind.DAY, Kind.MIXED})
EXAMPLES = {
    Kind.TEXT: '{field} is "…"',
    Kind.CHOICE: '{field} is "{choice}"',
    Kind.ACCOUNT: '{field} is "its name"',
    Kind.PERSON: '{field} is me, or: {field} is "name@example.com"',
    Kind.NUMBER: "{field} > 5",
    Kind.MONEY: "{field} >= 1000 EUR",
    Kind.SHARE: "{field} >= 20%",
    Kind.DAY: "{field} >= 2026-09-01, or: {field} within 90 days",
    Kind.FLAG: "{field} is yes",
    Kind.MIXED: '{field} is "…", or: {field} > 5',
}


@dataclass
class _Check:
    text: str
    catalogue: Catalogue
    past: bool
    open_segments: tuple[str, ...] = ()

    def error(self, message: str, span: Span, suggestion: str = "") -> FilterError:
        return FilterError(message, self.text, span, suggestion)


def check(
    filter: Filter,
    catalogue: Catalogue,
    *,
    past: bool = False,
    open_segments: tuple[str, ...] = (),
) -> None:
    """Raise FilterError at the first condition that cannot be answered.

    `past` True asks as of an earlier day even where the filter itself does not say so.
    """
    asked = _Check(filter.text, catalogue, past or filter.as_of is not None, open_segments)
    if filter.as_of is not None:
        _check_day(filter.as_of, asked)
    for leaf in leaves(filter.condition):
        _check_leaf(leaf, asked)


def _check_day(day: date, asked: _Check) -> None:
    """A day to ask about lies in the past, and where windows can still reach back from it."""
    found = LAST_DAY.search(asked.text)
    span = found.span() if found else (0, 1)
    if day > today():
        raise asked.error(f"{day} is still to come", span, f"Nothing is known beyond {today()}.")
    if day < EARLIEST:
        raise asked.error(f"{day} lies before all that Heed can know", span, f"Ask from {EARLIEST} on.")


def _check_leaf(leaf: Leaf, asked: _Check) -> None:
    if isinstance(leaf, InSegment):
        return _check_segment(leaf, asked)
    if isinstance(leaf, Did):
        return _check_activity(leaf, asked)
    if isinstance(leaf, Held):
        found = _known_field(leaf.condition.field, asked)
        _demand_metric(found, leaf.condition.field, "held for days", asked)
        if leaf.days > LONGEST_HOLD:
            raise asked.error(f"At most {LONGEST_HOLD} days can be asked for", leaf.span)
        return _check_leaf(leaf.condition, asked)
    found = _known_field(leaf.field, asked)
    if isinstance(leaf, Changed):
        return _demand_metric(found, leaf.field, "compared with an earlier day", asked)
    return _check_predicate(leaf, found, asked)


def _check_predicate(leaf: Compare | OneOf | Known | Within, found: Field, asked: _Check) -> None:
    if isinstance(leaf, Compare):
        _check_comparison(leaf, found, asked)
    elif isinstance(leaf, OneOf):
        for value in leaf.values:
            _check_value(value, found, leaf.field, asked)
    elif isinstance(leaf, Within) and found.kind not in (Kind.DAY, Kind.MIXED):
        raise asked.error(
            f"'within {count(leaf.days, 'day')}' asks for a date, and {found.key} is {found.kind}",
            leaf.span,
            _example(found),
        )


def _known_field(name: FieldName, asked: _Check) -> Field:
    found = asked.catalogue.find(name)
    if found is None:
        raise asked.error(
            f"There is no field {field_text(name)}", name.span, asked.catalogue.suggestion(name)
        )
    if asked.past and not found.has_history:
        raise asked.error(
            f"Heed keeps no history of {found.key}, so it cannot be asked as of an earlier day",
            name.span,
            "Remove this condition, or the 'as of'.",
        )
    return found


def _demand_metric(found: Field, name: FieldName, what: str, asked: _Check) -> None:
    if found.family is not Family.METRIC:
        some = ", ".join(list(asked.catalogue.metrics)[:4])
        raise asked.error(
            f"Only a metric can be {what}, and {found.key} is none",
            name.span,
            f"Metrics are: {some}, …" if some else "No metric is defined yet.",
        )


def _check_comparison(leaf: Compare, found: Field, asked: _Check) -> None:
    place = (leaf.field.span[1], leaf.value.span[0])
    sign = _sign_span(asked.text, place)
    unordered = found.kind not in SORTABLE or isinstance(leaf.value, Text | Flag | Me)
    if leaf.comparison in ORDERED and unordered:
        kind = NAMES[type(leaf.value)] if found.kind in SORTABLE else found.kind
        raise asked.error(
            f"{leaf.comparison} compares numbers, amounts and dates; {_subject(leaf, found)} is {kind}",
            sign,
            _instead(leaf, found),
        )
    if leaf.comparison in PARTIAL and found.kind not in TEXTUAL:
        raise asked.error(
            f"'{leaf.comparison}' looks into text, and {found.key} is {found.kind}", sign, _example(found)
        )
    if leaf.comparison in PARTIAL and not isinstance(leaf.value, Text):
        raise asked.error(
            f"'{leaf.comparison}' looks for text",
            leaf.value.span,
            f"Put it in quotes: {quoted(value_text(leaf.value))}",
        )
    _check_value(leaf.value, found, leaf.field, asked)


def _sign_span(text: str, between: Span) -> Span:
    """Where the comparison itself stands, between the field and the value."""
    piece = text[slice(*between)]
    start = between[0] + len(piece) - len(piece.lstrip())
    return start, start + len(piece.strip())


def _subject(leaf: Compare, found: Field) -> str:
    return value_text(leaf.value) if found.kind in SORTABLE else found.key


def _instead(leaf: Compare, found: Field) -> str:
    if found.kind in SORTABLE and found.kind is not Kind.MIXED:
        return _example(found)
    value = leaf.value if isinstance(leaf.value, FITTING[found.kind]) else None
    said = f"{found.key} is {value_text(value)}" if value is not None else ""
    return f"Try: {said}" if said else _example(found)


def _example(found: Field) -> str:
    choice = found.choices[0] if found.choices else "…"
    return "For example: " + EXAMPLES[found.kind].format(field=found.key, choice=choice)


def _check_value(value: Value, found: Field, name: FieldName, asked: _Check) -> None:
    if not isinstance(value, FITTING[found.kind]):
        raise asked.error(
            f"{found.key} is {found.kind}, and {value_text(value)} is {NAMES[type(value)]}",
            value.span,
            _closest(value, found),
        )
    if isinstance(value, Text) and found.choices and value.text not in found.choices:
        near = nearest(value.text, list(found.choices))
        raise asked.error(
            f"{found.key} is never {value_text(value)}",
            value.span,
            near or f"It is one of: {', '.join(found.choices)}",
        )
    if isinstance(value, Number) and found.family is Family.RISK:
        raise asked.error(
            "A risk is a share of 100%",
            value.span,
            f"Write: {number_text(value.number * 100 if value.number <= 1 else value.number)}%",
        )
    if isinstance(value, Amount):
        _check_currency(value, asked)


def _closest(value: Value, found: Field) -> str:
    """The same value, as this field would want it."""
    if found.kind is Kind.TEXT and not isinstance(value, Me):
        return f"Put it in quotes: {quoted(value_text(value))}"
    if isinstance(value, Amount | Percent) and Number in FITTING[found.kind]:
        number = value.amount if isinstance(value, Amount) else value.percent
        return f"Write: {number_text(number)}"
    return _example(found)


def _check_currency(value: Amount, asked: _Check) -> None:
    if value.currency == settings.HEED_CURRENCY:
        return
    stated = ExchangeRate.objects.values_list("currency", flat=True)
    if value.currency not in stated:
        known = ", ".join(sorted({settings.HEED_CURRENCY, *stated}))
        raise asked.error(
            f"No rate is stated for {value.currency}", value.span, f"Amounts can be asked in: {known}"
        )


def _check_activity(leaf: Did, asked: _Check) -> None:
    """A name that never happened is a slip, and "did not" would find every account."""
    known = asked.catalogue.activities if leaf.activity is not None else []
    if leaf.activity is not None and known and leaf.activity not in known:
        some = f"Known are: {', '.join(known[:6])}{', …' if len(known) > 6 else ''}"
        raise asked.error(
            f"No activity is called {leaf.activity}", leaf.span, nearest(leaf.activity, known) or some
        )


def _check_segment(leaf: InSegment, asked: _Check) -> None:
    segment = Segment.objects.filter(name=leaf.name).first()
    if segment is None:
        names = {name.lower(): name for name in Segment.objects.values_list("name", flat=True)}
        near = nearest(leaf.name, list(names)).removeprefix("Did you mean ").removesuffix("?")
        hint = f'Did you mean "{names[near]}"?' if near else "Save it first, or choose another."
        raise asked.error(f"There is no segment {quoted(leaf.name)}", leaf.span, hint)
    if leaf.name in asked.open_segments:
        raise asked.error(
            f"Segment {quoted(leaf.name)} would contain itself", leaf.span, "Remove one of the two mentions."
        )
    try:
        inner = parse(segment.filter)
        check(inner, asked.catalogue, past=asked.past, open_segments=(*asked.open_segments, leaf.name))
    except FilterError as error:
        raise asked.error(
            f"Segment {quoted(leaf.name)} cannot be asked: {error.message}", leaf.span, error.suggestion
        ) from error
