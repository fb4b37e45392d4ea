from dataclasses import replace

import pytest

from heed.evidence.voices import ASSUMPTIONS, Assumption, word_of_mouth


def test_the_default_assumptions_are_labelled_as_unverified() -> None:
    assert [assumption.value for assumption in ASSUMPTIONS] == [0.86, 0.72, 6, 0.13, 15]
    for assumption in ASSUMPTIONS:
        assert assumption.status == "cited by article, primary not verified"
        assert assumption.source
        assert assumption.low < assumption.high


def test_reach_is_the_product_of_its_assumptions_with_their_range() -> None:
    found = word_of_mouth(100, 50)
    assert (found.praise.value, found.praise.low, found.praise.high) == pytest.approx((432, 30, 432))
    assert (found.complaints.value, found.complaints.low, found.complaints.high) == pytest.approx(
        (97.5, 16, 1_000)
    )
    assert found.would_pay_more.value == pytest.approx(129)
    assert "not a measurement" in found.praise.method


def test_another_assumption_gives_another_answer_and_stands_beside_it() -> None:
    ours = [
        replace(each, low=10, value=10, high=10, status="counted by us")
        if each.name == "told by each unhappy"
        else each
        for each in ASSUMPTIONS
    ]
    found = word_of_mouth(0, 100, ours)
    assert found.complaints.value == pytest.approx(130)
    assert found.praise.reason == "no such customers"
    assert found.assumptions == tuple(ours)


def test_wrong_assumptions_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 0 <= low <= value <= high"):
        Assumption("told", 5, 6, 7, "nobody")
    with pytest.raises(ValueError, match="needs the assumption 'told by each unhappy'"):
        word_of_mouth(1, 1, ASSUMPTIONS[:-1])
    with pytest.raises(ValueError, match="counted from 0"):
        word_of_mouth(-1, 1)
