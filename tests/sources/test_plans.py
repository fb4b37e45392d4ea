"""A file tells of conversations that were held, and of plans that may not have been."""

from pathlib import Path

import pytest

from heed.conversations.models import Interaction
from heed.stream import Stream
from tests.sources.test_importing import bring, standing

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "key,account,kind,direction,motion,agenda,goal,minutes,at,recorded_at\n"
PLAN = "{key},a1,call,outbound,planned,Rollout,Week two agreed,{minutes},2025-03-05T09:00:00Z,{recorded}\n"
BEFORE, AFTER = "2025-03-01T09:00:00Z", "2025-03-05T10:00:00Z"


def write(folder: Path, minutes_of_first: str = "") -> list[Path]:
    folder.mkdir(exist_ok=True)
    rows = [("i1", minutes_of_first, BEFORE), ("i2", "20", BEFORE), ("i3", "", AFTER), ("i4", "", "")]
    told = [PLAN.format(key=key, minutes=minutes, recorded=recorded) for key, minutes, recorded in rows]
    (folder / "accounts.csv").write_text("key,name\na1,Acme\n", encoding="utf-8")
    (folder / "interactions.csv").write_text(HEAD + "".join(told), encoding="utf-8")
    return sorted(folder.glob("*.csv"))


def test_an_imported_plan_counts_once_its_file_tells_that_it_was_held(tmp_path: Path, stream: Stream) -> None:
    bring(write(tmp_path / "set"))
    states = dict(Interaction.objects.values_list("key", "state"))
    assert states == {"i1": "planned", "i2": "held", "i3": "held", "i4": "held"}
    assert standing(stream) == {"interaction.call": 3, "interaction.planned": 1}
    bring(write(tmp_path / "set", minutes_of_first="15"))
    assert Interaction.objects.get(key="i1").state == "held"
    assert standing(stream) == {"interaction.call": 4, "interaction.planned": 1}
