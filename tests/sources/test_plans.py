"""A file tells of conversations that were held, and of plans that may not have been."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from heed.conversations.actions import Outcome, mark_held, mark_not_held
from heed.conversations.models import Interaction
from heed.ledger import outbox
from heed.stream import Stream
from tests.sources.test_importing import bring, standing

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "key,account,kind,direction,motion,agenda,goal,notes,minutes,at,recorded_at\n"
PLAN = "{key},a1,call,outbound,{motion},Rollout,Week two agreed,{words},{minutes},{at},{recorded}\n"
BEFORE, AFTER = "2025-03-01T09:00:00Z", "2025-03-05T10:00:00Z"


def write(
    folder: Path, minutes_of_first: str = "", words_of_first: str = "", motion: str = "planned"
) -> list[Path]:
    folder.mkdir(exist_ok=True)
    rows = [
        ("i1", words_of_first, minutes_of_first, BEFORE),
        ("i2", "", "20", BEFORE),
        ("i3", "", "", AFTER),
        ("i4", "", "", ""),
    ]
    names = ("key", "words", "minutes", "recorded")
    same = {"motion": motion, "at": "2025-03-05T09:00:00Z"}
    told = [PLAN.format(**same, **dict(zip(names, row, strict=True))) for row in rows]
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


def kept(key: str) -> tuple[str, str, int | None, datetime]:
    return Interaction.objects.values_list("state", "words", "minutes", "at").get(key=key)


def test_what_a_person_told_of_a_plan_outlives_the_next_export_that_tells_nothing(
    tmp_path: Path, stream: Stream
) -> None:
    files = write(tmp_path / "set")
    bring(files)
    at = datetime(2025, 3, 5, 9, 40, tzinfo=UTC)
    mark_held(
        Interaction.objects.get(key="i1"), Outcome("Nine days, still.", minutes=20, at=at), by="person:2"
    )
    outbox.drain()
    bring(files)
    assert kept("i1") == ("held", "Nine days, still.", 20, at)
    assert standing(stream) == {"interaction.call": 4, "interaction.planned": 1}
    bring(write(tmp_path / "set", minutes_of_first="15"))
    assert kept("i1") == ("held", "Nine days, still.", 15, datetime(2025, 3, 5, 9, tzinfo=UTC))
    assert standing(stream) == {"interaction.call": 4, "interaction.planned": 1}


def test_a_plan_that_was_called_off_here_stays_so_until_its_source_tells_what_was_said(
    tmp_path: Path, stream: Stream
) -> None:
    files = write(tmp_path / "set")
    bring(files)
    planned = kept("i1")
    mark_not_held(Interaction.objects.get(key="i1"), reason="They were ill", by="person:2")
    bring(files)
    assert kept("i1") == ("cancelled", *planned[1:])
    row = Interaction.objects.get(key="i1")
    assert row.outcome_recorded_at is not None
    bring(write(tmp_path / "set", words_of_first="We spoke after all."))
    assert kept("i1") == ("held", "We spoke after all.", *planned[2:])
    row.refresh_from_db()
    assert row.outcome_recorded_at is None


@pytest.mark.parametrize("called_off", [False, True])
def test_a_plan_that_its_source_calls_something_else_later_is_a_conversation(
    called_off: bool, tmp_path: Path, stream: Stream
) -> None:
    bring(write(tmp_path / "set"))
    if called_off:
        mark_not_held(Interaction.objects.get(key="i1"), reason="They were ill", by="person:2")
    report = bring(write(tmp_path / "set", motion="reactive"))
    assert report.counts["interactions"]["changed"] == 4
    assert kept("i1")[0] == "held"
    assert standing(stream)["interaction.call"] == 4
