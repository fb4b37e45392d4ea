import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heed.evidence.money.captive import HOLDING, captive_revenue

COLUMNS = ["account", "amount", "renewed", "attitude", "reasons"]


def table(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


COMPANY = table(
    ("held", 100.0, True, 3, {"switching effort", "value"}),
    ("likes it", 400.0, True, 9, {"contract"}),
    ("stays for value", 200.0, True, 2, {"value"}),
    ("never asked", 150.0, True, None, None),
    ("low, no reason", 50.0, True, 4, None),
    ("not up yet", 100.0, False, 1, {"habit"}),
)


def test_each_account_is_in_the_bucket_of_what_is_known_of_it() -> None:
    found = captive_revenue(COMPANY)
    assert found.captive.accounts == ("held",)
    assert found.not_captive.accounts == ("likes it", "stays for value")
    assert found.unknown.accounts == ("low, no reason", "never asked")
    assert found.not_renewed.accounts == ("not up yet",)
    assert (found.captive.amount.value, found.unknown.amount.value) == (100.0, 200.0)


def test_one_condition_that_fails_is_enough_even_where_another_is_unknown() -> None:
    found = captive_revenue(
        table(("no reason asked", 1.0, True, 8, None), ("no attitude", 1.0, True, None, {"value"}))
    )
    assert found.not_captive.n == 2
    unsure = captive_revenue(table(("renewal not known", 1.0, None, 1, {"habit"})))
    assert unsure.unknown.n == 1


def test_the_cut_and_the_reasons_are_parameters() -> None:
    assert captive_revenue(COMPANY, cut=2).captive.n == 0
    assert captive_revenue(COMPANY, cut=3).captive.n == 0
    assert captive_revenue(COMPANY, cut=9.5).captive.n == 2
    assert captive_revenue(COMPANY, holding=frozenset({"value"})).captive.accounts == (
        "held",
        "stays for value",
    )


def test_nps_is_never_taken_for_the_attitude() -> None:
    assert captive_revenue(COMPANY.assign(nps=0)) == captive_revenue(COMPANY)


def test_a_scenario_says_what_retention_loses_and_how_much_the_unknown_may_add() -> None:
    loss = captive_revenue(COMPANY).if_leaves(0.5)
    assert loss.grr.value == pytest.approx(-0.05)
    assert loss.grr.low == pytest.approx(-0.15)
    assert loss.grr == loss.nrr
    assert "assumption" in loss.grr.method
    assert captive_revenue(COMPANY).if_leaves(0).nrr.value == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        captive_revenue(COMPANY).if_leaves(50)


def test_amounts_that_are_missing_make_their_bucket_unknown() -> None:
    found = captive_revenue(table(("a", None, True, 1, {"habit"}), ("b", 1.0, True, 9, {"value"})))
    assert found.captive.amount.value is None
    assert "not known of a" in found.captive.amount.reason
    assert found.not_captive.amount.value == 1.0
    assert found.if_leaves(0.2).grr.value is None


def test_impossible_tables_are_refused_with_a_reason() -> None:
    assert captive_revenue(COMPANY.iloc[:0]).reason == "there are no accounts"
    assert "not between 0 and 10: a" in captive_revenue(table(("a", 1.0, True, 11, None))).reason
    assert "infinite" in captive_revenue(table(("a", float("inf"), True, 1, None))).reason
    two = COMPANY.assign(currency=["EUR"] * 5 + ["USD"])
    assert captive_revenue(two, rates={"EUR": 1.0}).reason == "no rate is stated for USD"
    assert captive_revenue(two, rates={"EUR": 1.0, "USD": 0.9}).not_renewed.amount.value == pytest.approx(90)
    with pytest.raises(ValueError, match="lacks the column attitude"):
        captive_revenue(COMPANY.drop(columns="attitude"))
    with pytest.raises(ValueError, match="sets of words"):
        captive_revenue(table(("a", 1.0, True, 1, "habit")))


ROWS = st.tuples(
    st.sampled_from([0.0, 10.0, 25.0]),
    st.sampled_from([True, False, None]),
    st.none() | st.integers(0, 10),
    st.none() | st.sets(st.sampled_from([*sorted(HOLDING), "value"])),
)


@given(st.lists(ROWS, min_size=1, max_size=12))
def test_the_buckets_hold_every_account_once(rows: list[tuple[object, ...]]) -> None:
    accounts = table(*((f"a{at}", *row) for at, row in enumerate(rows)))
    found = captive_revenue(accounts)
    buckets = (found.captive, found.not_captive, found.unknown, found.not_renewed)
    assert sorted(name for bucket in buckets for name in bucket.accounts) == sorted(accounts["account"])
    assert sum(bucket.amount.value or 0 for bucket in buckets) == accounts["amount"].sum()
