"""Landmark panels and folds: what was known, who stood, what came, and nothing from the future."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heed.evidence.risk import account_bootstrap, forward_folds, landmark_panel
from heed.evidence.risk.folds import account_folds
from heed.evidence.risk.panel import Panel

FEATURES = pd.DataFrame(
    [
        ("A", "2026-01-01", 5.0), ("A", "2026-02-01", 6.0), ("A", "2026-03-01", 7.0),
        ("B", "2026-01-01", 1.0), ("B", "2026-02-01", 2.0),
        ("C", "2026-01-01", 3.0), ("D", "2026-01-01", 4.0),
    ],
    columns=["account", "landmark", "usage"],
)  # fmt: skip
EVENTS = pd.DataFrame(
    [
        ("A", "2026-02-20", "churn", "2026-02-21"),
        ("B", "2026-01-15", "contraction", "2026-01-15"),
        ("B", "2026-02-10", "involuntary", "2026-02-10"),
        ("C", "2026-01-20", "churn", "2026-05-01"),
        ("D", "2026-01-31", "expansion", "2026-01-31"),
    ],
    columns=["account", "on", "kind", "recorded_on"],
)


def panel(horizon: int = 30, **changes: object) -> Panel:
    options = {"observed_until": date(2026, 3, 15), **changes}
    return landmark_panel(FEATURES, EVENTS, horizon=horizon, **options)  # type: ignore[arg-type]


def told(made: Panel) -> list[tuple[str, str, bool, float, str, bool]]:
    return [
        (str(account), str(at)[5:], bool(event), float(time), str(kind), bool(cut))
        for account, at, (event, time), kind, cut in zip(
            made.accounts, made.landmarks, made.y, made.kind, made.censored, strict=True
        )
    ]


def test_each_row_says_what_came_within_the_horizon() -> None:
    # A is gone by March; C's churn was recorded only after the observation ended.
    assert told(panel()) == [
        ("A", "01-01", False, 30.0, "none", False),
        ("A", "02-01", True, 19.0, "churn", False),
        ("B", "01-01", False, 30.0, "none", False),
        ("B", "02-01", False, 9.0, "involuntary", True),
        ("C", "01-01", False, 30.0, "none", False),
        ("D", "01-01", False, 30.0, "none", False),
    ]
    assert list(panel().X.columns) == ["usage"]


def test_other_kinds_can_be_the_target() -> None:
    made = panel(target=("contraction", "expansion"))
    assert [row[:5] for row in told(made) if row[2]] == [
        ("B", "01-01", True, 14.0, "contraction"),
        ("D", "01-01", True, 30.0, "expansion"),
    ]


def test_the_end_of_observation_cuts_the_horizon_short() -> None:
    made = panel(horizon=90)
    assert ("D", "01-01", False, 73.0, "none", True) in told(made)
    assert not made.complete[told(made).index(("D", "01-01", False, 73.0, "none", True))]


def test_who_returned_stands_again() -> None:
    stays = pd.DataFrame(
        [("A", "2025-01-01", "2026-01-20"), ("A", "2026-02-25", None)], columns=["account", "from", "to"]
    )
    made = panel(standing=stays)
    assert [(row[0], row[1]) for row in told(made)] == [("A", "01-01"), ("A", "03-01")]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_nothing_recorded_after_a_landmark_changes_its_features(data: st.DataObject) -> None:
    when = data.draw(st.dates(date(2026, 1, 1), date(2026, 3, 10)))
    changed = EVENTS.copy()
    later = changed["recorded_on"] > str(when)
    changed.loc[later, "kind"] = data.draw(
        st.lists(
            st.sampled_from(["churn", "expansion"]), min_size=int(later.sum()), max_size=int(later.sum())
        )
    )

    def known(events: pd.DataFrame) -> list[tuple[str, str, float]]:
        made = landmark_panel(FEATURES, events, observed_until=when, horizon=30)
        return [
            (str(account), str(at), float(usage))
            for account, at, usage in zip(made.accounts, made.landmarks, made.X["usage"], strict=True)
        ]

    # As observed until that day, rows and features are the same whatever was recorded later.
    assert known(changed) == known(EVENTS)


@pytest.mark.parametrize(
    ("features", "events", "message"),
    [
        (FEATURES.drop(columns="landmark"), EVENTS, "The table of features has no column 'landmark'"),
        (FEATURES, EVENTS.drop(columns="recorded_on"), "The table of events has no column 'recorded_on'"),
        (FEATURES, EVENTS.replace("churn", "left"), "There is no kind of event 'left'"),
    ],
)
def test_wrong_tables_are_named(features: pd.DataFrame, events: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        landmark_panel(features, events, observed_until=date(2026, 3, 1), horizon=30)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=80), st.integers(0, 120), st.integers(1, 6))
def test_forward_folds_learn_only_from_outcomes_known_when_the_test_begins(
    days: list[int], horizon: int, folds: int
) -> None:
    when = np.datetime64("2025-01-01") + np.array(days)
    tested: list[int] = []
    for train, test in forward_folds(when, horizon, folds):
        assert when[train].max() + horizon <= when[test].min()
        tested += test.tolist()
    assert len(tested) == len(set(tested))


def test_forward_folds_walk_through_all_but_the_first_block() -> None:
    found = list(forward_folds(np.arange(60) // 10 * 30, 30, 5))
    assert [(len(train), test.min(), test.max()) for train, test in found] == [
        (10, 10, 19), (20, 20, 29), (30, 30, 39), (40, 40, 49), (50, 50, 59),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="Forward folds need folds >= 1"):
        list(forward_folds([1, 2], 5, 0))


def test_accounts_are_never_on_both_sides_and_leavers_are_spread() -> None:
    groups = np.repeat(np.arange(20), 3)
    left = np.isin(groups, [0, 1, 2, 3, 4]) & (np.arange(60) % 3 == 0)
    for train, test in account_folds(groups, left, 5, seed=1):
        assert not set(groups[train]) & set(groups[test])
        assert left[test].sum() == 1


def test_a_bootstrap_draws_whole_accounts() -> None:
    groups = np.array(["b", "a", "a", "c", "b", "b"])
    draws = list(account_bootstrap(groups, 20, seed=3))
    for rows in draws:
        names, counts = np.unique(groups[rows], return_counts=True)
        sizes = {"a": 2, "b": 3, "c": 1}
        assert all(count % sizes[str(name)] == 0 for name, count in zip(names, counts, strict=True))
    assert [rows.tolist() for rows in draws] == [r.tolist() for r in account_bootstrap(groups, 20, seed=3)]
