"""What is drawn on the pages of Prove, and what stands above each of them."""

import re

import pytest

from heed.proving.charts import Bar, intervals
from heed.proving.risk_pages import Reason
from heed.proving.tabs import tabs


def test_the_figures_along_an_axis_leave_room_between_them() -> None:
    bars = [Bar("Outcome progress", 0.7, 0.64, 0.75), Bar("Last effort answer", 0.51, 0.4, 0.84)]
    drawn = intervals(bars, axis="AUC", percent=False, reference=0.5)
    shown = [float(text) for text in re.findall(r"<text[^>]*>(0\.\d+)</text>", drawn)]
    assert shown == [0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85][: len(shown)]
    assert 5 <= len(shown) <= 10


@pytest.mark.parametrize(
    ("adds", "words"),
    [
        (0.0005001, "raises it"),
        (-0.0005001, "lowers it"),
        (0.0004, "adds nothing"),
        (-0.0004, "adds nothing"),
        (0.0, "adds nothing"),
    ],
)
def test_a_reason_says_that_it_adds_nothing_where_its_figure_is_nought(adds: float, words: str) -> None:
    assert Reason("last_nps", 1, "Last NPS answer", None, adds).words == words


def test_the_tab_of_a_page_within_a_page_is_that_page() -> None:
    here = {
        path: [tab.label for tab in tabs(path) if tab.here] for path in ("/prove/", "/prove/scores/7/rows/")
    }
    assert here == {"/prove/": ["What predicts"], "/prove/scores/7/rows/": ["Scores"]}
