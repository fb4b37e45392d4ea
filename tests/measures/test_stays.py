"""Terms, stretches of paying and what ends them: the edges of a contract, without a database."""

from datetime import date
from decimal import Decimal
from math import isnan
from typing import Any

import pytest

from heed.evidence.clock import Stay
from heed.measures.known import KnownPeriod
from heed.measures.landmarks import term_days
from heed.measures.stays import Contract, next_term, tenure_stays, term_stays, terms_known

NEW_YEAR, AS_OF = date(2024, 1, 1), date(2026, 7, 1)


def period(**changes: Any) -> KnownPeriod:
    told: dict[str, Any] = {
        "account": "A1", "key": "p", "plan": "", "starts_on": NEW_YEAR, "ends_on": None, "renews_on": None,
        "monthly_amount": Decimal(10), "currency": "EUR", "seats": None, "source": "crm",
        "known_on": NEW_YEAR, "unknown_on": None,
    }  # fmt: skip
    return KnownPeriod(**told | changes)


def contract(*periods: KnownPeriod, as_of: date = AS_OF, since: date | None = None) -> Contract:
    return Contract(1, since, terms=terms_known(periods, as_of).get("A1", []))


@pytest.mark.parametrize(
    ("ends", "months", "days"),
    [
        (date(2024, 1, 11), 1, 30),
        (date(2024, 2, 29), 2, 61),
        (date(2025, 1, 1), 12, 365),
        (date(2027, 1, 3), 36, 1096),
        (date(2027, 1, 4), 0, 0),
    ],
)
def test_a_term_is_as_many_months_as_it_is_nearest_to_and_one_at_least(
    ends: date, months: int, days: int
) -> None:
    (term,) = contract(period(ends_on=ends)).terms
    assert (term.months, term.days) == (months, days)


def test_a_renewal_date_that_lies_before_the_start_is_none() -> None:
    (term,) = contract(period(renews_on=NEW_YEAR, ends_on=date(2025, 1, 1))).terms
    assert term.ends == date(2025, 1, 1)
    (open_ended,) = contract(period(renews_on=date(2023, 6, 1))).terms
    assert (open_ended.ends, open_ended.months, open_ended.length) == (None, 0, "")


def test_what_renews_on_the_day_itself_has_no_renewal_to_come() -> None:
    terms = contract(period(renews_on=AS_OF)).terms
    assert next_term(terms, date(2026, 6, 30)) == terms[0]
    assert next_term(terms, AS_OF) is None
    length = term_days(terms, AS_OF)
    assert length is not None
    assert isnan(length)
    assert term_days(contract(period(ends_on=AS_OF)).terms, AS_OF) is None


def test_stretches_without_a_gap_are_one_and_one_that_goes_on_beside_keeps_it_open() -> None:
    first = period(ends_on=date(2025, 1, 1))
    assert contract(first, period(starts_on=date(2025, 1, 1), ends_on=date(2025, 6, 1))).spells() == [
        (NEW_YEAR, date(2025, 6, 1))
    ]
    assert contract(first, period(starts_on=date(2025, 1, 2))).spells() == [
        (NEW_YEAR, date(2025, 1, 1)), (date(2025, 1, 2), None),
    ]  # fmt: skip
    # It ends while another that began before still runs.
    inside = period(starts_on=date(2024, 6, 1), ends_on=date(2024, 9, 1))
    assert contract(first, inside).spells() == [(NEW_YEAR, date(2025, 1, 1))]
    assert contract(period(), inside).spells() == [(NEW_YEAR, None)]


def test_who_comes_back_is_a_new_customer_of_whom_the_first_day_is_not_asked_again() -> None:
    back = contract(
        period(ends_on=date(2025, 1, 1)), period(starts_on=date(2026, 1, 1)), since=date(2023, 1, 1)
    )
    assert back.started(date(2024, 6, 1)) == date(2023, 1, 1)
    assert back.started(date(2025, 1, 1)) is None
    assert back.started(AS_OF) == date(2026, 1, 1)
    # Watched from the first period that is known, counted from the day it became a customer.
    assert list(tenure_stays([back], AS_OF)) == [
        Stay(731, True, 365, ""), Stay(181, False, 0, ""),
    ]  # fmt: skip


def test_what_is_free_not_begun_or_not_known_yet_is_no_term() -> None:
    assert contract(period(monthly_amount=Decimal(0))).terms == []
    assert contract(period(starts_on=date(2026, 7, 2))).terms == []
    assert contract(period(known_on=date(2026, 7, 2))).terms == []
    assert contract(period(unknown_on=AS_OF)).terms == []
    assert len(contract(period(unknown_on=date(2026, 7, 2))).terms) == 1


def test_a_change_within_a_term_goes_on_with_it_and_is_one_stay() -> None:
    changed = date(2024, 7, 1)
    renews = date(2025, 1, 1)
    two = contract(
        period(ends_on=changed, renews_on=renews),
        period(starts_on=changed, ends_on=renews, renews_on=renews),
    )
    assert [term.began for term in two.terms] == [NEW_YEAR, NEW_YEAR]
    # The term of a year ends on day 365, leap year or not; it left on that day.
    assert list(term_stays([two], AS_OF)) == [Stay(365, True, 0, "12-month terms")]
