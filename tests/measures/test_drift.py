"""Drift: seen against the rows that a version learnt from, kept with the day, and a reason to learn again."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import log as ln
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from heed.customers.actions import save_periods
from heed.ledger.models import AuditEntry
from heed.measures.actions import estimate_risk
from heed.measures.drift import Drift, Outcomes, drift_of, drift_on, used_by, why_learn_again
from heed.measures.learning import Learnt, learn
from heed.measures.models import RiskModel, ScoredDay
from heed.measures.packing import packed
from heed.measures.panels import keep_panel
from heed.measures.stays import Contract, Term
from tests.measures.conftest import log as log
from tests.measures.test_learning import BY, DAY, fill, known_from, quarter

pytestmark = pytest.mark.django_db

SUNDAY, MONDAY = date(2026, 6, 28), date(2026, 6, 29)


@dataclass
class SaysOneInFifty:
    """A model that uses two metrics beside its clock and gives every account the same chance to leave."""

    longest_: float = 365.0
    learnt_: Any = field(
        default_factory=lambda: SimpleNamespace(
            needed=["tenure_days", "days_to_renewal", "term_days", "logins", "cases"]
        )
    )

    def predict_proba(self, told: pd.DataFrame, days: int) -> Any:
        return np.full(len(told), 0.02)


def version_of(panel: pd.DataFrame) -> RiskModel:
    kept = keep_panel(panel.assign(event=False, time=1.0), DAY, by=BY)
    return RiskModel.objects.create(
        version=1, panel=kept, as_of=SUNDAY, made_by=BY, made_at=known_from(SUNDAY), seed=1
    )


def rows(landmark: date, logins: Any, cases: Any) -> pd.DataFrame:
    many = len(logins)
    return pd.DataFrame(
        {"account": "A", "landmark": landmark, "logins": logins, "cases": cases}, index=range(many)
    )


def test_a_metric_is_compared_with_the_rows_of_the_same_day_of_the_week() -> None:
    spread, nothing = np.arange(100.0), np.full(100, np.nan)
    version = version_of(
        pd.concat([rows(SUNDAY, spread, nothing), rows(MONDAY - timedelta(days=7), spread + 1_000, nothing)])
    )
    model: Any = SaysOneInFifty()
    assert used_by(model) == ["cases", "logins"]
    told = rows(MONDAY, np.full(100, 1_099.0), nothing)
    on_monday = drift_on(MONDAY, version, model, told, [])
    # All hundred in the last of ten groups; an empty one counts as half an account.
    shifted = 9 * (0.005 - 0.1) * ln(0.005 / 0.1) + (1 - 0.1) * ln(1 / 0.1)
    assert on_monday.shifts == {"cases": None, "logins": pytest.approx(shifted)}
    assert on_monday.moved == {"logins"}
    calm = drift_on(MONDAY, version, model, rows(MONDAY, spread + 1_000, nothing), [])
    assert calm.shifts["logins"] == pytest.approx(0, abs=1e-12)
    assert calm.moved == set()
    # There is no Tuesday among the rows.
    assert drift_on(MONDAY + timedelta(days=1), version, model, told, []).shifts["logins"] is None


def contract(account: int, stops: date | None) -> Contract:
    starts = date(2025, 1, 1)
    return Contract(account, None, terms=[Term(starts, starts, stops, stops, 100, "EUR", "")])  # type: ignore[arg-type]


def test_who_left_since_is_held_against_what_was_expected() -> None:
    version = version_of(rows(SUNDAY, np.arange(5.0), np.arange(5.0)))
    told = pd.DataFrame({"account": range(1, 101), "landmark": SUNDAY})
    ScoredDay.objects.create(as_of=SUNDAY, model=version, table=packed(told))
    model: Any = SaysOneInFifty()
    assert drift_on(SUNDAY, version, model, told, []).outcomes is None
    four_days_on = SUNDAY + timedelta(days=4)

    def left(*stops: date) -> Outcomes:
        known = [contract(number, stop) for number, stop in enumerate(stops, start=1)]
        found = drift_on(four_days_on, version, model, told, [*known, contract(999, MONDAY)]).outcomes
        assert found is not None
        return found

    # Poisson of mean 2: below 0 never, above 6 less than one time in two hundred.
    found = left(SUNDAY, MONDAY, four_days_on, four_days_on + timedelta(days=1))
    assert found == Outcomes(SUNDAY, 100, 2, found.expected, 0, 6)
    assert found.expected == pytest.approx(2.0)
    assert not found.outside
    assert not left(*[MONDAY] * 6).outside
    assert left(*[MONDAY] * 7).outside
    # A model that was watched for three days only says nothing of four.
    assert drift_on(four_days_on, version, replace(model, longest_=3.0), told, []).outcomes is None
    assert drift_on(four_days_on, version, replace(model, longest_=4.0), told, []).outcomes is not None
    # The news that somebody left comes late: fewer than expected is no drift.
    assert not replace(found, left=0, expected=9.8, low=3, high=19).outside


def test_what_had_moved_when_it_was_learnt_is_no_reason_and_an_early_version_waits() -> None:
    version = version_of(rows(SUNDAY, np.arange(5.0), np.arange(5.0)))
    outcomes = Outcomes(SUNDAY, 100, 7, 2.0, 0, 6)

    def keep(day: date, drift: Drift | None) -> None:
        told = drift.to_record() if drift else None
        ScoredDay.objects.update_or_create(
            as_of=day, defaults={"model": version, "table": b"", "drift": told}
        )

    assert why_learn_again(version, MONDAY) == ""
    keep(SUNDAY, Drift({"logins": 0.3, "cases": 0.1}, None))
    assert why_learn_again(version, MONDAY) == ""
    keep(MONDAY, Drift({"logins": 0.9, "cases": 0.35}, replace(outcomes, left=6)))
    assert why_learn_again(version, MONDAY) == ""
    keep(MONDAY, Drift({"logins": 0.9, "cases": 0.36}, outcomes))
    assert why_learn_again(version, SUNDAY) == ""
    assert why_learn_again(version, MONDAY) == (
        "since 2026-06-28 7 of 100 accounts left where 2.0 were expected (0 to 6); "
        "cases has moved since it was learnt (stability index 0.36)"
    )
    version.because = "cases has moved"
    assert why_learn_again(version, MONDAY) == ""


@pytest.mark.one_database
def test_the_round_learns_again_before_the_week_is_over_when_more_left_than_expected(
    log: Callable[..., None],
) -> None:
    fill(log)
    learn(DAY, by=BY)
    estimate_risk(DAY, by=BY)
    first = drift_of(ScoredDay.objects.get(as_of=DAY))
    assert first.outcomes is None
    # Forty accounts are too few to compare; the clock, which moves by itself, is not looked at.
    assert set(first.shifts) <= {"cases_opened", "days_active", "days_since_usage"}
    assert not any(first.shifts.values())
    assert learn(DAY + timedelta(days=1), by=BY) == Learnt()
    # Ten leave in the middle of their term, which nobody did before.
    gone = [f"A{number:03d}" for number in range(50, 60)]
    told = known_from(DAY + timedelta(days=1))
    ended = [replace(quarter(key, 7), ends_on=DAY + timedelta(days=1), recorded_at=told) for key in gone]
    save_periods(ended, by="import:2", source="crm")
    estimate_risk(DAY + timedelta(days=2), by=BY)
    kept = drift_of(ScoredDay.objects.get(as_of=DAY + timedelta(days=2)))
    assert kept.outcomes is not None
    assert (kept.outcomes.since, kept.outcomes.scored, kept.outcomes.left) == (DAY, 40, 10)
    assert kept.outcomes.high < 10

    learn(DAY + timedelta(days=3), by=BY)
    early = RiskModel.objects.get(version=2)
    assert early.because.startswith("since 2026-07-01 10 of 40 accounts left where ")
    entry = AuditEntry.objects.filter(action="learn what predicts").order_by("pk").last()
    assert entry is not None
    assert entry.after is not None
    assert entry.after["because"] == early.because
    estimate_risk(DAY + timedelta(days=3), by=BY)
    assert learn(DAY + timedelta(days=9), by=BY) == Learnt()
    learn(DAY + timedelta(days=10), by=BY)
    assert RiskModel.objects.get(version=3).because == ""
