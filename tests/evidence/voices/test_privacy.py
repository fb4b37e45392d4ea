import pytest
from hypothesis import given
from hypothesis import strategies as st

from heed.evidence.voices import ees, employee_effort, employee_effort_of_all, hidden_groups


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"sales": 12, "support": 8, "product": 30}, set()),
        ({"sales": 12, "support": 3, "product": 30}, {"support", "sales"}),
        ({"sales": 4, "support": 3, "product": 30}, {"sales", "support", "product"}),
        ({"sales": 5, "support": 5, "product": 4}, {"product", "sales"}),
        ({"sales": 5, "support": 0}, set()),
        ({"sales": 2}, {"sales"}),
        ({}, set()),
    ],
)
def test_groups_of_few_are_hidden_with_the_next_smallest(sizes: dict[str, int], hidden: set[str]) -> None:
    assert hidden_groups(sizes) == hidden


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 20)), st.integers(2, 8))
def test_what_is_left_of_the_total_is_never_one_group_of_few(sizes: dict[str, int], least: int) -> None:
    hidden = hidden_groups(sizes, least=least)
    shown = {group: n for group, n in sizes.items() if group not in hidden}
    assert all(n == 0 or n >= least for n in shown.values())
    rest = [n for group, n in sizes.items() if group in hidden]
    if rest and any(n >= least for n in sizes.values()):
        assert len(rest) > 1
        assert sum(rest) > least


def test_hidden_groups_say_why_and_never_how_many() -> None:
    found = employee_effort({"sales": [7, 6, 5, 4, 2], "support": [1, 2], "product": [6] * 20})
    assert found["support"].reason == "fewer than 5 answered: hidden so that nobody can be recognised"
    assert found["sales"].reason == "hidden so that a smaller group cannot be worked out from the total"
    assert found["product"] == ees([6] * 20)
    assert {found[group].n for group in ("sales", "support")} == {0}


def test_the_total_of_few_is_hidden_too() -> None:
    assert employee_effort_of_all({"sales": [7, 6], "support": [5, 4, 2]}).value == 4.8
    assert employee_effort_of_all({"sales": [7, 6]}).reason.startswith("fewer than 5 answered")
    assert employee_effort_of_all({}).reason == "no answers yet"
    assert employee_effort({"sales": []})["sales"].reason == "no answers yet"
