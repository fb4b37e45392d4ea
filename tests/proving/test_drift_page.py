"""What the page of risk says of drift: how far metrics moved, who left where fewer were expected, and why."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from heed.measures.actions import ensure_starter_metrics
from heed.measures.definitions import current_metrics
from heed.measures.drift import Drift, Outcomes
from heed.measures.models import RiskModel, ScoredDay
from tests.measures.test_learning import BY, known_from

pytestmark = pytest.mark.django_db
SINCE, DAY = date(2026, 6, 28), date(2026, 7, 1)


@pytest.fixture
def version(monkeypatch: pytest.MonkeyPatch) -> RiskModel:
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:00:00+00:00")
    ensure_starter_metrics()
    return RiskModel.objects.create(
        version=1, as_of=SINCE, made_by=BY, made_at=known_from(SINCE), seed=1, record={},
        definitions=sorted(current_metrics()), because="Active days has moved (stability index 0.31)",
    )  # fmt: skip


def seen(version: RiskModel, drift: Drift, on: date = DAY) -> None:
    ScoredDay.objects.create(as_of=on, model=version, table=b"", drift=drift.to_record())


def test_the_page_tells_what_moved_who_left_and_why_it_was_learnt_again(
    version: RiskModel, member_client: Client
) -> None:
    shifts = {"days_active": 0.31, "breadth": 0.25, "last_nps": None, "last_csat": 0.4}
    seen(version, Drift({"days_active": 0.05, "last_csat": 0.26}, None), SINCE)
    seen(version, Drift(shifts, Outcomes(SINCE, 1_200, 7, 2.0, 0, 6)))
    answer = member_client.get(reverse("proving:risk"))
    drift = answer.context["found"].drift
    assert [(each.metric, each.words) for each in drift.shifts] == [
        ("last_csat", "away, much as on its first day"),
        ("days_active", "moved since"),
        ("breadth", "as learnt"),
        ("last_nps", "too few to compare"),
    ]
    page = answer.content.decode()
    assert "Of 1,200 accounts scored on 28 June, 7 have left since; it expected 2 (0 to 6" in page
    assert "not as it said" in page
    assert "Learnt again because Active days has moved (stability index 0.31)." in page


def test_a_version_that_has_scored_no_day_shows_no_drift(version: RiskModel, member_client: Client) -> None:
    assert member_client.get(reverse("proving:risk")).context["found"].drift is None
    seen(version, Drift({}, None))
    page = member_client.get(reverse("proving:risk")).content.decode()
    assert "No day has passed since it was learnt" in page
    assert "It uses the clock of the contract alone" in page
