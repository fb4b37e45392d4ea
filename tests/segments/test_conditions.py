from decimal import Decimal

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heed.segments import tree
from heed.segments.fields import Catalogue
from heed.segments.reads import accounts_matching
from tests.segments.world import TODAY, World


def attribute(name: str) -> tree.FieldName:
    return tree.FieldName(name, "attribute")


IS = st.sampled_from([tree.Comparison.IS, tree.Comparison.IS_NOT])
TEXTUAL = st.sampled_from([*tree.Comparison])
ORDER = st.sampled_from(
    [
        c
        for c in tree.Comparison
        if c not in (tree.Comparison.CONTAINS, tree.Comparison.LACKS, tree.Comparison.STARTS)
    ]
)
WORDS = st.sampled_from([c for c in tree.Comparison if c not in (">", ">=", "<", "<=")])
numbers = st.sampled_from(["0", "4", "5", "6", "10", "200.5"]).map(Decimal).map(tree.Number)
shares = st.sampled_from(["0", "5", "20", "50", "100"]).map(Decimal).map(tree.Percent)
amounts = st.builds(
    tree.Amount,
    st.sampled_from(["0", "100.10", "1000", "2000"]).map(Decimal),
    st.sampled_from(["EUR", "USD"]),
)
texts = st.sampled_from(["Pro", "Free", "pro", "o", "nothing"]).map(tree.Text)
days = st.sampled_from([TODAY, TODAY.replace(month=12, day=31), TODAY.replace(month=1, day=1)]).map(tree.Day)
counts = st.integers(1, 30)
metric = st.just(tree.FieldName("active_people"))
compares = st.one_of(
    st.builds(tree.Compare, st.just(attribute("plan")), WORDS, texts),
    st.builds(tree.Compare, st.just(attribute("Company size")), ORDER, numbers),
    st.builds(tree.Compare, st.just(attribute("paying")), IS, st.booleans().map(tree.Flag)),
    st.builds(tree.Compare, st.just(attribute("signed")), ORDER, days),
    st.builds(tree.Compare, metric, ORDER, numbers),
    st.builds(tree.Compare, st.just(tree.FieldName("seats_used", "metric")), ORDER, shares),
    st.builds(tree.Compare, st.sampled_from(["mrr", "arr"]).map(tree.FieldName), ORDER, amounts),
    st.builds(tree.Compare, st.just(tree.FieldName("seats")), ORDER, numbers),
    st.builds(tree.Compare, st.just(tree.FieldName("risk")), ORDER, shares),
    st.builds(tree.Compare, st.just(tree.FieldName("plan")), WORDS, texts),
    st.builds(tree.Compare, st.sampled_from(["renewal", "since"]).map(tree.FieldName), ORDER, days),
    st.builds(
        tree.Compare,
        st.just(tree.FieldName("owner")),
        IS,
        st.just(tree.Me()) | st.just(tree.Text("frank@heed.test")),
    ),
    st.builds(tree.Compare, st.just(tree.FieldName("parent")), IS, st.just(tree.Text("parent"))),
    st.builds(tree.Compare, st.just(tree.FieldName("kind")), IS, st.just(tree.Text("customer"))),
    st.builds(tree.Compare, st.just(tree.FieldName("name")), WORDS, st.just(tree.Text("acme"))),
)
known_fields = st.sampled_from(
    [
        attribute("plan"),
        *map(tree.FieldName, ["mrr", "renewal", "seats", "plan", "risk", "active_people", "owner"]),
    ]
)
leaves: st.SearchStrategy[tree.Condition] = st.one_of(
    compares,
    st.builds(tree.Known, known_fields, st.booleans()),
    st.builds(
        tree.OneOf,
        st.just(attribute("plan")),
        st.lists(texts, min_size=1, max_size=3).map(tuple),
        st.booleans(),
    ),
    st.builds(tree.Within, st.just(tree.FieldName("renewal")), st.sampled_from([10, 39, 400])),
    st.builds(tree.Within, st.just(attribute("signed")), st.sampled_from([10, 400]), st.just(True)),
    st.builds(
        tree.Changed,
        metric,
        st.sampled_from(tree.Direction),
        st.sampled_from([tree.Bound.AT_LEAST, tree.Bound.MORE_THAN]),
        st.sampled_from(["1", "20"]).map(Decimal),
        st.booleans(),
        counts.filter(lambda n: n < 30),
    ),
    st.builds(tree.Held, st.builds(tree.Compare, metric, ORDER, numbers), st.integers(1, 4)),
    st.builds(
        tree.Did,
        st.sampled_from([None, "report_exported", "case.opened"]),
        counts,
        st.sampled_from(tree.Bound),
        st.integers(0, 5),
        st.booleans(),
    ),
    st.just(tree.InSegment("Large")),
)
conditions: st.SearchStrategy[tree.Condition] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(tree.Not),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(tree.And),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(tree.Or),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=conditions)
@example(condition=tree.Not(tree.Within(tree.FieldName("renewal"), 39)))
def test_it_finds_the_accounts_that_a_slow_reading_finds(world: World, condition: tree.Condition) -> None:
    found = accounts_matching(tree.Filter(condition), world.user, catalogue=Catalogue(), history=world)
    assert set(found.values_list("key", flat=True)) == world.matching(condition)
