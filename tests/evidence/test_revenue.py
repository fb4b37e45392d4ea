from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heed.evidence.revenue import (
    Form,
    Movement,
    MovementKind,
    Period,
    converted,
    movements,
    mrr,
    retention,
    retention_of_sums,
)

START = date(2025, 1, 1)
D = Decimal


def day(number: int) -> date:
    return START + timedelta(days=number)


@st.composite
def periods(draw: st.DrawFn, currencies: tuple[str, ...] = ("EUR",)) -> Period:
    first = draw(st.integers(0, 60))
    length = draw(st.none() | st.integers(1, 40))
    return Period(
        account=draw(st.sampled_from(["a", "b", "c", "d"])),
        starts_on=day(first),
        ends_on=None if length is None else day(first + length),
        monthly_amount=D(draw(st.integers(0, 400))) / 4,
        currency=draw(st.sampled_from(currencies)),
    )


def paid(rows: list[Period], on: date, account: str | None = None) -> Decimal:
    return sum(
        (
            row.monthly_amount
            for row in rows
            if row.starts_on <= on
            and (row.ends_on is None or on < row.ends_on)
            and account in (None, row.account)
        ),
        D(0),
    )


def kinds(rows: list[Period]) -> list[tuple[int, str, float]]:
    return [((each.on - START).days, each.kind.value, float(each.change)) for each in movements(rows)]


def period(first: int, last: int | None, amount: int, currency: str = "EUR") -> Period:
    return Period("a", day(first), None if last is None else day(last), D(amount), currency)


def test_a_stay_with_ups_downs_a_gap_and_a_return_has_each_kind() -> None:
    rows = [period(0, 10, 100), period(10, 20, 150), period(20, 30, 80), period(40, None, 90)]
    assert kinds(rows) == [
        (0, "new", 100),
        (10, "expansion", 50),
        (20, "contraction", -70),
        (30, "churn", -80),
        (40, "reactivation", 90),
    ]


def test_a_cancellation_beside_another_subscription_is_a_contraction() -> None:
    assert kinds([period(0, None, 100), period(0, 20, 40)]) == [(0, "new", 140), (20, "contraction", -40)]


def test_a_renewal_at_the_same_price_is_no_movement() -> None:
    assert kinds([period(0, 365, 100), period(365, None, 100)]) == [(0, "new", 100)]


def test_a_change_of_currency_is_neither_churn_nor_new() -> None:
    rows = [period(0, 10, 100), period(10, None, 110, "USD")]
    assert kinds(rows) == [(0, "new", 100), (10, "contraction", -100), (10, "expansion", 110)]
    assert mrr(movements(rows), day(10)) == {"EUR": 0, "USD": 110}


def test_a_free_stretch_is_not_yet_a_customer() -> None:
    assert kinds([period(0, 10, 0), period(10, None, 50)]) == [(10, "new", 50)]


@settings(max_examples=150, deadline=None)
@given(st.lists(periods(("EUR", "USD")), max_size=15), st.integers(-5, 110), st.integers(-5, 110))
def test_movements_sum_to_the_difference_of_mrr(rows: list[Period], one: int, other: int) -> None:
    first, last = sorted([day(one), day(other)])
    found = movements(rows)
    for currency in ("EUR", "USD"):
        own = [row for row in rows if row.currency == currency]
        moved = sum(
            (each.change for each in found if each.currency == currency and first < each.on <= last), D(0)
        )
        assert moved == paid(own, last) - paid(own, first)
        assert mrr(found, last).get(currency, 0) == paid(own, last)


@settings(max_examples=150, deadline=None)
@given(st.lists(periods(), max_size=15))
def test_an_account_begins_with_new_and_returns_only_after_churn(rows: list[Period]) -> None:
    for account in {row.account for row in rows}:
        own = [each.kind for each in movements(rows) if each.account == account]
        assert own.count(MovementKind.NEW) == bool(own)
        assert own[:1] in ([], [MovementKind.NEW])
        for before, after in pairwise(own):
            assert (before is MovementKind.CHURN) == (after is MovementKind.REACTIVATION)


@settings(max_examples=100, deadline=None)
@given(st.lists(periods(), max_size=12), st.lists(periods(), max_size=6))
def test_periods_of_another_account_change_nothing_for_this_one(
    rows: list[Period], more: list[Period]
) -> None:
    others = [Period("other", p.starts_on, p.ends_on, p.monthly_amount, p.currency) for p in more]
    assert [each for each in movements([*others, *rows]) if each.account != "other"] == movements(rows)


@settings(max_examples=150, deadline=None)
@given(st.lists(periods(), max_size=15), st.integers(0, 50), st.integers(1, 60), st.sampled_from(Form))
def test_grr_never_passes_100_percent_nor_nrr(
    rows: list[Period], first: int, length: int, form: Form
) -> None:
    for found in retention(movements(rows), day(first), day(first + length), form=form).values():
        start = sum((paid(rows, day(first), account) for account in "abcd"), D(0))
        assert found.start == start
        if found.grr.value is None or found.nrr.value is None:
            assert start == 0
            assert found.grr.reason == "no recurring revenue at the start"
            continue
        assert found.grr.value <= 1
        assert found.grr.value <= found.nrr.value
        cohort = [account for account in "abcd" if paid(rows, day(first), account)]
        assert found.grr.n == len(cohort)
        assert found.end == sum((paid(rows, day(first + length), account) for account in cohort), D(0))


def test_the_golden_retention_holds_in_both_forms() -> None:
    sums = retention_of_sums(D(100_000), expansion=D(15_000), contraction=D(4_000), churn=D(8_000), n=40)
    assert (sums.grr.value, sums.nrr.value) == (0.88, 1.03)
    rows = [Period("gone", day(0), day(50), D(8_000), "EUR")]
    rows += [
        Period("less", day(0), day(50), D(20_000), "EUR"),
        Period("less", day(50), None, D(16_000), "EUR"),
    ]
    rows += [Period("more", day(0), None, D(72_000), "EUR"), Period("more", day(30), None, D(15_000), "EUR")]
    for form in Form:
        found = retention(movements(rows), day(1), day(90), form=form)["EUR"]
        assert (found.start, found.end) == (D(100_000), D(103_000))
        assert (found.grr.value, found.nrr.value, found.grr.n) == (0.88, 1.03, 3)
        assert form.value in found.grr.method


def test_the_two_forms_differ_where_one_account_grows_and_shrinks() -> None:
    rows = [period(0, 10, 100), period(10, 20, 150), period(20, None, 100)]
    point = retention(movements(rows), day(1), day(90))["EUR"]
    sums = retention(movements(rows), day(1), day(90), form=Form.MOVEMENT_SUMS)["EUR"]
    assert (point.grr.value, point.nrr.value) == (1, 1)
    assert (sums.grr.value, sums.nrr.value) == (0.5, 1)


def test_who_came_back_counts_for_nrr_point_to_point_and_not_by_sums() -> None:
    rows = [Period("b", day(0), None, D(300), "EUR"), period(0, 15, 100), period(60, None, 120)]
    for form, grr, nrr in ((Form.POINT_TO_POINT, 1, 1.05), (Form.MOVEMENT_SUMS, 0.75, 0.75)):
        found = retention(movements(rows), day(1), day(90), form=form)["EUR"]
        assert (found.churn, found.reactivation, found.end) == (D(100), D(120), D(420))
        assert (found.grr.value, found.nrr.value, found.nrr.n) == (grr, nrr, 2)


def test_new_customers_are_not_in_the_cohort() -> None:
    rows = [period(0, None, 100), Period("b", day(20), None, D(900), "EUR")]
    found = retention(movements(rows), day(1), day(90))["EUR"]
    assert (found.start, found.nrr.value, found.nrr.n) == (D(100), 1, 1)


def test_currencies_are_converted_by_the_stated_rates_only() -> None:
    rows = [period(0, None, 100), period(0, None, 50, "USD")]
    assert mrr(movements(converted(rows, {"USD": D("0.9")}, "EUR")), day(1)) == {"EUR": D("145.0")}
    with pytest.raises(ValueError, match="No rate is stated for USD: state what one unit is worth in EUR"):
        converted(rows, {}, "EUR")


@pytest.mark.parametrize(("last", "amount", "words"), [(0, 1, "not after"), (5, -1, "negative amount")])
def test_impossible_periods_are_refused(last: int, amount: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        movements([period(0, last, amount)])


def test_retention_refuses_an_end_before_its_start() -> None:
    found = [Movement("a", START, MovementKind.NEW, D(0), D(1), "EUR")]
    with pytest.raises(ValueError, match="end after its start"):
        retention(found, day(5), day(5))
