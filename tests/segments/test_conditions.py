from decimal import Decimal

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heed.segments.fields import Catalogue
from heed.segments.reads import accounts_matching
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
    Within,
)
from tests.segments.world import TODAY, World


def attribute(name: str) -> FieldName:
    return FieldName(name, "attribute")


IS = st.sampled_from([Comparison.IS, Comparison.IS_NOT])
TEXTUAL = st.sampled_from([*Comparison])
ORDER = st.sampled_from(
    [c for c in Comparison if c not in (Comparison.CONTAINS, Comparison.LACKS, Comparison.STARTS)]
)
WORDS = st.sampled_from([c for c in Comparison if c not in (">", ">=", "<", "<=")])
numbers = st.sampled_from(["0", "4", "5", "6", "10", "200.5"]).map(Decimal).map(Number)
shares = st.sampled_from(["0", "5", "20", "50", "100"]).map(Decimal).map(Percent)
amounts = st.builds(
    Amount, st.sampled_from(["0", "100.10", "1000", "2000"]).map(Decimal), st.sampled_from(["EUR", "USD"])
)
texts = st.sampled_from(["Pro", "Free", "pro", "o", "nothing"]).map(Text)
days = st.sampled_from([TODAY, TODAY.replace(month=12, day=31), TODAY.replace(month=1, day=1)]).map(Day)
counts = st.integers(1, 30)
metric = st.just(FieldName("active_people"))
compares = st.one_of(
    st.builds(Compare, st.just(attribute("plan")), WORDS, texts),
    st.builds(Compare, st.just(attribute("Company size")), ORDER, numbers),
    st.builds(Compare, st.just(attribute("paying")), IS, st.booleans().map(Flag)),
    st.builds(Compare, st.just(attribute("signed")), ORDER, days),
    st.builds(Compare, metric, ORDER, numbers),
    st.builds(Compare, st.just(FieldName("seats_used", "metric")), ORDER, shares),
    st.builds(Compare, st.sampled_from(["mrr", "arr"]).map(FieldName), ORDER, amounts),
    st.builds(Compare, st.just(FieldName("seats")), ORDER, numbers),
    st.builds(Compare, st.just(FieldName("risk")), ORDER, shares),
    st.builds(Compare, st.just(FieldName("plan")), WORDS, texts),
    st.builds(Compare, st.sampled_from(["renewal", "since"]).map(FieldName), ORDER, days),
    st.builds(Compare, st.just(FieldName("owner")), IS, st.just(Me()) | st.just(Text("frank@heed.test"))),
    st.builds(Compare, st.just(FieldName("parent")), IS, st.just(Text("parent"))),
    st.builds(Compare, st.just(FieldName("kind")), IS, st.just(Text("customer"))),
    st.builds(Compare, st.just(FieldName("name")), WORDS, st.just(Text("acme"))),
)
known_fields = st.sampled_from(
    [
        attribute("plan"),
        *map(FieldName, ["mrr", "renewal", "seats", "plan", "risk", "active_people", "owner"]),
    ]
)
leaves: st.SearchStrategy[Condition] = st.one_of(
    compares,
    st.builds(Known, known_fields, st.booleans()),
    st.builds(
        OneOf, st.just(attribute("plan")), st.lists(texts, min_size=1, max_size=3).map(tuple), st.booleans()
    ),
    st.builds(Within, st.just(FieldName("renewal")), st.sampled_from([10, 39, 400])),
    st.builds(Within, st.just(attribute("signed")), st.sampled_from([10, 400]), st.just(True)),
    st.builds(
        Changed,
        metric,
        st.sampled_from(Direction),
        st.sampled_from([Bound.AT_LEAST, Bound.MORE_THAN]),
        st.sampled_from(["1", "20"]).map(Decimal),
        st.booleans(),
        counts.filter(lambda n: n < 30),
    ),
    st.builds(Held, st.builds(Compare, metric, ORDER, numbers), st.integers(1, 4)),
    st.builds(
        Did,
        st.sampled_from([None, "report_exported", "case.opened"]),
        counts,
        st.sampled_from(Bound),
        st.integers(0, 5),
        st.booleans(),
    ),
    st.just(InSegment("Large")),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(And),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(Or),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=conditions)
@example(condition=Not(Within(FieldName("renewal"), 39)))
def test_it_finds_the_accounts_that_a_slow_reading_finds(world: World, condition: Condition) -> None:
    found = accounts_matching(Filter(condition), world.user, catalogue=Catalogue(), history=world)
    assert set(found.values_list("key", flat=True)) == world.matching(condition)
