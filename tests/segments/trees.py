"""Filters of every shape, for properties that must hold of all of them."""

from datetime import date

from hypothesis import strategies as st

from heed.segments import tree

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).map(lambda name: f"x{name}")
numbers = st.decimals(-1_000_000, 1_000_000, places=3, allow_nan=False, allow_infinity=False)
days = st.integers(1, 3650)
dates = st.dates(date(1000, 1, 1), date(9999, 12, 31))
fields = st.one_of(
    names.map(tree.FieldName),
    st.builds(tree.FieldName, texts, st.sampled_from(["attribute", "metric"])),
)
values: st.SearchStrategy[tree.Value] = st.one_of(
    texts.map(tree.Text),
    numbers.map(tree.Number),
    numbers.map(tree.Percent),
    st.builds(tree.Amount, numbers, st.sampled_from(["EUR", "USD", "JPY"])),
    dates.map(tree.Day),
    st.booleans().map(tree.Flag),
    st.just(tree.Me()),
)
compares = st.builds(tree.Compare, fields, st.sampled_from(tree.Comparison), values)
plain_compares = st.builds(
    tree.Compare,
    fields,
    st.sampled_from([tree.Comparison.IS, tree.Comparison.IS_NOT, tree.Comparison.ABOVE]),
    values,
)
leaves: st.SearchStrategy[tree.Condition] = st.one_of(
    compares,
    st.builds(tree.OneOf, fields, st.lists(values, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(tree.Known, fields, st.booleans()),
    st.builds(tree.Within, fields, days, st.booleans()),
    st.builds(
        tree.Changed,
        fields,
        st.sampled_from(tree.Direction),
        st.sampled_from([tree.Bound.AT_LEAST, tree.Bound.MORE_THAN]),
        st.decimals(0, 1000, places=2),
        st.booleans(),
        days,
    ),
    st.builds(tree.Held, plain_compares, days),
    st.builds(
        tree.Did, st.none() | texts, days, st.sampled_from(tree.Bound), st.integers(0, 99), st.booleans()
    ),
    st.builds(tree.InSegment, texts),
)
conditions: st.SearchStrategy[tree.Condition] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(tree.Not),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(tree.And),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(tree.Or),
    ),
    max_leaves=8,
)
filters = st.builds(
    lambda condition, as_of: tree.Filter(condition, as_of), st.none() | conditions, st.none() | dates
)

__all__ = ["conditions", "filters"]
