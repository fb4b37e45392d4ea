"""What is cut off between two writes of an action leaves nothing of the first."""

from collections.abc import Callable
from datetime import date

import pytest

from heed.customers.models import Account
from heed.ledger import clock
from heed.ledger.models import AuditEntry
from heed.measures.actions import ensure_starter_metrics
from heed.measures.models import MetricDefinition
from heed.people.models import User
from heed.proving import calling, hand_scores
from heed.proving.models import HandScore, HandScoreVersion, LoggedDecision, RevenueCall, ScoreOverride

pytestmark = pytest.mark.django_db
BY = "test"
PART = {"metric": "days_active", "weight": 1, "curve": {"kind": "bounded", "worst": 0, "best": 20}}
OTHER = {**PART, "weight": 2, "metric": "breadth"}


class CutOffError(Exception):
    """Stands for the end of the process."""


def kept() -> list[int]:
    kinds = (HandScore, HandScoreVersion, ScoreOverride, RevenueCall, LoggedDecision, MetricDefinition)
    return [kind.objects.count() for kind in (*kinds, AuditEntry)]


@pytest.mark.parametrize("name", ["make", "from template", "change", "override", "call", "decide"])
def test_an_action_is_whole_or_was_not(name: str, admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_starter_metrics()
    now = clock.now()
    account = Account.objects.create(key="A1", name="One", source="test", created_at=now, changed_at=now)
    score = hand_scores.make_score("Ours", {"parts": [PART]}, by=BY)
    later = date(clock.today().year, 12, 31)
    actions: dict[str, Callable[[], object]] = {
        "make": lambda: hand_scores.make_score("Theirs", {"parts": [PART]}, by=BY),
        "from template": lambda: hand_scores.make_from_template("Drop", 2, by=BY),
        "change": lambda: hand_scores.change_score(score, {"parts": [PART, OTHER]}, by=BY),
        "override": lambda: hand_scores.override_score(score, account, 5.0, "why", later, user=admin, by=BY),
        "call": lambda: calling.call_quarter(later, "grr", 0.9, user=admin, by=BY),
        "decide": lambda: calling.log_decision("d", "n", "", "", user=admin, by=BY),
    }
    before = kept()

    def cut_off(*_told: object, **_named: object) -> None:
        raise CutOffError

    for module in (hand_scores, calling):
        monkeypatch.setattr(module, "record", cut_off)
    with pytest.raises(CutOffError):
        actions[name]()
    assert kept() == before
    assert score.versions.get(is_current=True).version == 1
    monkeypatch.undo()
    actions[name]()
    assert kept() != before
