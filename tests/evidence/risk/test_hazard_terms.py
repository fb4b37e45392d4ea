"""A month's renewal is another decision than a year's: the clock knows the length of the term."""

import numpy as np
import pandas as pd
import pytest

from heed.evidence.risk import HazardModel, outcome

CHANCE = {30.0: 0.01, 365.0: 0.12}


def rows(accounts: int, seed: int) -> tuple[pd.DataFrame, "np.ndarray[tuple[int], np.dtype[np.void]]"]:
    """Accounts that can leave at renewals only, those of a year far more often than those of a month."""
    random = np.random.default_rng(seed)
    term = np.where(random.random(accounts) < 0.5, 30.0, 365.0)
    first = np.ceil(random.random(accounts) * term)
    event, time = np.zeros(accounts, dtype=bool), np.full(accounts, 365.0)
    for place in range(13):
        on = first + place * term
        leaves = (
            ~event
            & (on <= 365)
            & (random.random(accounts) < np.where(term == 30, CHANCE[30.0], CHANCE[365.0]))
        )
        time, event = np.where(leaves, on, time), event | leaves
    return pd.DataFrame({"renews_in": first, "term": term}), outcome(event, time)


def test_each_length_of_term_has_its_own_chance_at_a_renewal() -> None:
    X, y = rows(3_000, 5)  # noqa: N806
    model = HazardModel(renewal="renews_in", term="term", random_state=1).fit(X, y)
    at_once = pd.DataFrame({"renews_in": [10.0, 10.0], "term": [30.0, 365.0]})
    month, year = model.predict_proba(at_once, 20)
    assert month == pytest.approx(CHANCE[30.0], abs=0.006)
    assert year == pytest.approx(CHANCE[365.0], abs=0.025)
    again = HazardModel.from_record(model.to_record())
    assert list(again.predict_proba(at_once, 20)) == [month, year]
