"""What a row says: the sentence, its evidence, what is unknown, and the first step."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from heed.desk.candidates import Candidate, Stake
from heed.desk.models import WorkKind
from heed.desk.reasons import Facts, OpenCases, Reading, finding, findings, reason_for, unknowns_of
from heed.measures.definitions import starter_definitions

DAY = date(2026, 11, 22)
DEFINITIONS = {definition["key"]: definition for definition in starter_definitions()}


def reading(key: str, value: float | None, **fields: Any) -> Reading:
    given = {"n": 284, "reason": "" if value is not None else "no such activity so far"} | fields
    definition = DEFINITIONS[key]
    return Reading(
        key, definition["name"], definition, value, given["n"], given["reason"],
        given.get("earlier"), given.get("earlier_on"),
    )  # fmt: skip


def at_risk(**stake: Any) -> Candidate:
    given: dict[str, Any] = {
        "amount": Decimal(48_000),
        "currency": "EUR",
        "probability": 0.31,
        "n": 412,
        "events": 58,
    } | stake
    return Candidate(1, 1, WorkKind.RISK, Stake(**given, method="the clock"))


def test_a_fall_below_the_own_usual_is_told_with_both_figures() -> None:
    facts = Facts("k", "K", [reading("active_people", 17.0), reading("people_trend", 17 / 41)])
    (found,) = findings(facts)
    assert found.text == "17 people active in the last 28 days, usually 41"
    assert found.chip == "Active people 17, usually 41"
    assert found.weight == pytest.approx(1 - 17 / 41)


def test_a_small_fall_within_chance_is_not_told() -> None:
    facts = Facts("k", "K", [reading("active_people", 2.0), reading("people_trend", 0.5)])
    assert findings(facts) == []  # from 4 to 2: less than two standard deviations of a count of 4


def test_use_that_stopped_is_told() -> None:
    assert finding(reading("days_since_usage", 13.0)) is None
    found = finding(reading("days_since_usage", 23.0))
    assert found is not None
    assert found.text == "23 days since anybody last used the product"
    assert found.step == "See in the timeline who stopped and when, then ask them what changed"


def test_silence_counts_from_ninety_days_on() -> None:
    assert finding(reading("days_since_conversation", 89.0)) is None
    found = finding(reading("days_since_conversation", 96.0))
    assert found is not None
    assert (found.chip, found.tone) == ("silent 96 days", "unknown")


def test_no_conversation_on_record_is_a_finding_and_not_zero_days() -> None:
    found = finding(reading("days_since_conversation", None))
    assert found is not None
    assert found.text == "no conversation with them is on record"


def test_a_metric_whose_rise_is_bad_is_told_when_it_rose() -> None:
    rose = finding(reading("errors_seen", 90.0, earlier=20.0, earlier_on=date(2026, 11, 21)))
    assert rose is not None
    assert rose.text == "90 errors people ran into in the last 28 days, up from 20 on 21 November"
    assert finding(reading("errors_seen", 20.0, earlier=90.0)) is None
    assert finding(reading("errors_seen", 90.0)) is None


@pytest.mark.parametrize("key", ["cases_opened", "last_nps", "tenure_days", "days_to_renewal"])
def test_what_is_neither_good_nor_bad_or_one_answer_is_no_reason(key: str) -> None:
    assert finding(reading(key, 3.0, earlier=900.0)) is None


def test_one_family_tells_one_story_the_strongest() -> None:
    facts = Facts(
        "k", "K",
        [
            reading("active_people", 17.0), reading("people_trend", 0.5), reading("days_since_usage", 55.0),
            reading("days_since_conversation", 96.0),
        ],
    )  # fmt: skip
    assert [clause.key for clause in findings(facts)] == [
        "metric:days_since_usage",
        "metric:days_since_conversation",
    ]


def test_the_sentence_of_a_risk_says_what_is_known_and_when_it_renews() -> None:
    opened = datetime(2026, 10, 12, 9, tzinfo=UTC)
    facts = Facts(
        "k", "K", [reading("days_since_conversation", 96.0)], OpenCases(2, opened, "C-1", "Export is empty")
    )
    reason = reason_for(at_risk(horizon_on=date(2027, 1, 24)), facts, DAY)
    assert reason.why == (
        "96 days since a human last talked or wrote with them; 2 cases are open, the oldest for 41 days; "
        "the contract renews in 63 days."
    )
    assert [item["text"] for item in reason.evidence] == ["silent 96 days", "the clock, n = 412, 58 left"]
    assert reason.evidence[0]["href"] == "/customers/accounts/k/metrics/days_since_conversation/"
    assert reason.first_step == "Call to hear them: what did they come for, and what is in the way?"


def test_where_nothing_is_unusual_it_says_so_with_what_is_known() -> None:
    facts = Facts("k", "K", [reading("active_people", 17.0), reading("days_since_conversation", 12.0)])
    reason = reason_for(at_risk(), facts, DAY)
    assert reason.why == (
        "Nothing unusual is known of them; 17 people active in the last 28 days; "
        "12 days since a human last talked or wrote with them."
    )


def test_an_unknown_is_told_once_a_family_and_only_when_nothing_of_it_is_known() -> None:
    partly = Facts("k", "K", [reading("last_nps", None), reading("last_csat", 3.0)])
    assert unknowns_of(partly) == []
    never = Facts("k", "K", [reading("last_nps", None), reading("active_people", None)])
    assert unknowns_of(never) == ["usage unknown", "never answered a survey"]


def test_an_open_case_is_the_first_step_where_nothing_else_stands_out() -> None:
    facts = Facts("k", "K", cases=OpenCases(1, datetime(2026, 11, 20, 9, tzinfo=UTC)))
    reason = reason_for(at_risk(), facts, DAY)
    assert reason.why == "1 case is open, for 2 days."
    assert reason.first_step == "See that their open case is solved, and tell them when it will be"
