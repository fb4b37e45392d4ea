"""Conditions that only the activities can answer, over a real stream."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from heed.measures.actions import ensure_starter_metrics, measure_accounts
from heed.people.models import User
from heed.segments.grammar import FilterError, parse
from heed.segments.reads import accounts_matching
from heed.stream import Activity, AppTransaction, Stream, as_table
from tests.segments.world import NOON, TODAY, make_account

ANSWERS: dict[str, set[str]] = {
    "did report_exported in the last 28 days": {"falling", "steady"},
    "did report_exported at least 10 times in the last 28 days": {"steady"},
    "did report_exported at most 10 times in the last 28 days": {"falling", "quiet"},
    "did not report_exported for 28 days": {"quiet"},
    "not did report_exported in the last 28 days": {"quiet"},
    "did case.opened exactly 1 times in the last 90 days": {"quiet"},
    "did not anything for 30 days": {"quiet"},
    "active_people >= 2": {"steady"},
    "active_people fell by 50% in 20 days": {"falling"},
    "active_people fell by more than 75% in 20 days": set(),
    "not active_people fell by 50% in 20 days": {"steady"},
    "active_people changed by at least 1 in 20 days": {"falling"},
    "active_people >= 1 for at least 14 days": {"falling", "steady"},
    "active_people >= 2 for at least 14 days": {"steady"},
    "active_people >= 4 as of 2026-10-12": {"falling"},
    "active_people is unknown": {"quiet"},
    "active_people is unknown as of 2026-10-12": {"quiet"},
}


def used(account: str, person: str, day: date, name: str = "report_exported") -> Activity:
    at = datetime.combine(day, time(9), tzinfo=UTC)
    return Activity(
        source="product",
        id=f"{account}.{person}.{day}.{name}",
        account=account,
        contact=person,
        name=name,
        at=at,
    )


@pytest.fixture
def used_product(stream: Stream, monkeypatch: pytest.MonkeyPatch, alice: User) -> User:
    """`falling` had four people until 40 days ago and one since; `steady` had two all along; `quiet` none."""
    monkeypatch.setenv("HEED_NOW", NOON.isoformat())
    for key in ("falling", "steady", "quiet"):
        make_account(key, since=date(2025, 1, 1))
    rows = [
        used("steady", person, TODAY - timedelta(days=back)) for person in ("a", "b") for back in range(90)
    ]
    rows += [used("falling", f"p{n}", TODAY - timedelta(days=40 + n)) for n in range(1, 4)]
    rows += [used("falling", "p0", TODAY - timedelta(days=back)) for back in range(0, 90, 5)]
    late = replace(used("quiet", "q", TODAY - timedelta(days=60), "case.opened"), recorded_at=NOON)
    stream.append(as_table(rows), transaction=AppTransaction("test", 1), recorded_at=rows[-1].at)
    stream.append(as_table([late]), transaction=AppTransaction("test", 2), recorded_at=NOON)
    stream.roll_up()
    ensure_starter_metrics()
    measure_accounts(TODAY, by="daily round")
    return alice


def test_the_activities_answer(used_product: User) -> None:
    def found(text: str) -> set[str]:
        return set(accounts_matching(parse(text), used_product).values_list("key", flat=True))

    assert {text: found(text) for text in ANSWERS} == ANSWERS


def test_a_past_day_knows_only_what_was_known_then(used_product: User) -> None:
    """The case of 60 days ago was learnt today."""
    text = "did case.opened in the last 90 days"
    then, now = parse(f"{text} as of 2026-11-21"), parse(text)
    assert set(accounts_matching(then, used_product).values_list("key", flat=True)) == set()
    assert set(accounts_matching(now, used_product).values_list("key", flat=True)) == {"quiet"}


def test_a_name_that_never_happened_is_a_slip(used_product: User) -> None:
    with pytest.raises(FilterError) as caught:
        accounts_matching(parse("did not report_exprted for 30 days"), used_product)
    assert str(caught.value) == (
        "No activity is called report_exprted (character 1)\n"
        "  did not report_exprted for 30 days\n"
        "  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "Did you mean report_exported?"
    )
