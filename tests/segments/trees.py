"""Filters of every shape, for properties that must hold of all of them."""

from datetime import date

from hypothesis import strategies as st

from heed.segments.tree import (
    Amount,
    And,
    Bound,
    Changed,
    Compare,
    Comparison,
    Condition,
    Day,
    Did,
    Direction,
    FieldName,
    Filter,
    Flag,
    Held,
    InSegment,
    Known,
    Me,
    Not,
    Number,
    OneOf,
    Or,
    Percent,
    Text,
    Value,
    Within,
)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).map(lambda name: f"x{name}")
numbers = st.decimals(-1_000_000, 1_000_000, places=3, allow_nan=False, allow_infinity=False)
days = st.integers(1, 3650)
dates = st.dates(date(1000, 1, 1), date(9999, 12, 31))
fields = st.one_of(
    names.map(FieldName),
    st.builds(FieldName, texts, st.sampled_from(["attribute", "metric"])),
)
values: st.SearchStrategy[Value] = st.one_of(
    texts.map(Text),
    numbers.map(Number),
    numbers.map(Percent),
    st.builds(Amount, numbers, st.sampled_from(["EUR", "USD", "JPY"])),
    dates.map(Day),
    st.booleans().map(Flag),
    st.just(Me()),
)
compares = st.builds(Compare, fields, st.sampled_from(Comparison), values)
plain_compares = st.builds(
    Compare, fields, st.sampled_from([Comparison.IS, Comparison.IS_NOT, Comparison.ABOVE]), values
)
leaves: st.SearchStrategy[Condition] = st.one_of(
    compares,
    st.builds(OneOf, fields, st.lists(values, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(Known, fields, st.booleans()),
    st.builds(Within, fields, days, st.booleans()),
    st.builds(
        Changed,
        fields,
        st.sampled_from(Direction),
        st.sampled_from([Bound.AT_LEAST, Bound.MORE_THAN]),
        st.decimals(0, 1000, places=2),
        st.booleans(),
        days,
    ),
    st.builds(Held, plain_compares, days),
    st.builds(Did, st.none() | texts, days, st.sampled_from(Bound), st.integers(0, 99), st.booleans()),
    st.builds(InSegment, texts),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(And),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(Or),
    ),
    max_leaves=8,
)
filters = st.builds(
    lambda condition, as_of: Filter(condition, as_of), st.none() | conditions, st.none() | dates
)

__all__ = ["conditions", "filters"]
