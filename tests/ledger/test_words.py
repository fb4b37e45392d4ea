"""How figures read."""

from decimal import Decimal

import pytest

from heed.ledger import words


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (Decimal("-183"), "EUR", "−€ 183"),
        (Decimal("-78.25"), "EUR", "−€ 78.25"),
        (-8_626.4, "GBP", "−£ 8,626"),
        (Decimal("0"), "EUR", "€ 0"),
        (Decimal("99.5"), "CHF", "CHF 99.50"),
        (36_000, "", "36,000"),
    ],
)
def test_an_amount_reads_with_its_sign_first(amount: Decimal, currency: str, text: str) -> None:
    assert words.money(amount, currency) == text


@pytest.mark.parametrize(
    ("value", "text"), [(-12.5, "−12.5"), (-1_234, "−1,234"), (-0.001, "0"), (0, "0"), (7.25, "7.25")]
)
def test_a_number_below_zero_has_a_true_minus_and_zero_has_none(value: float, text: str) -> None:
    assert words.number(value) == text


def test_a_share_below_zero_has_a_true_minus() -> None:
    assert words.percent(-0.2) == "−20 %"
