"""What is sent twice at the same time is kept once: the second has looked before the first has written."""

import uuid
from typing import Any

import pytest

from heed.ledger.models import AuditEntry
from heed.people.models import User
from heed.proving.experimenting import ExperimentRefused, design_experiment
from heed.proving.models import Experiment, Watching

pytestmark = pytest.mark.django_db


def design(**changes: Any) -> Experiment:
    told = {"name": "guided first report", "purpose": "They see their value sooner.", "days": 90, "looks": 3}
    told |= {"held_share": 0.5, "smallest_effect": 0.1, "watching": Watching.ANY_TIME, "weeks": 1}
    return Experiment(**(told | changes))


def other_first(monkeypatch: pytest.MonkeyPatch, lead: User, days: int) -> None:
    """Another request saves a design of this name after the first has looked whether there is one."""

    def saved_meanwhile() -> uuid.UUID:
        monkeypatch.undo()
        design_experiment(design(days=days), user=lead, by="test")
        return uuid.uuid4()

    monkeypatch.setattr("heed.proving.experimenting.uuid.uuid4", saved_meanwhile)


def test_a_design_sent_twice_at_once_is_kept_once(lead: User, monkeypatch: pytest.MonkeyPatch) -> None:
    other_first(monkeypatch, lead, 90)
    assert design_experiment(design(), user=lead, by="test") == Experiment.objects.get()
    assert AuditEntry.objects.filter(action="design experiment").count() == 1


def test_another_design_of_the_name_at_once_is_refused(lead: User, monkeypatch: pytest.MonkeyPatch) -> None:
    other_first(monkeypatch, lead, 60)
    with pytest.raises(ExperimentRefused, match="experiment of this name"):
        design_experiment(design(), user=lead, by="test")
