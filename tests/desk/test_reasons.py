"""What a row says: the sentence, its evidence, what is unknown, and the first step."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from heed.desk.candidates import Candidate, Stake
from heed.desk.findings import Facts, OpenCases, Reading, finding, findings
from heed.desk.models import WorkKind
from heed.desk.reasons import reason_for, unknowns_of
from heed.desk.voices import Words
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
    (found,) = findings(facts, DAY)
    assert found.text == "active people fell from their usual 41 to 17 in 28 days"
    assert found.chip == "Active people 17, usually 41"
    assert found.weight == pytest.approx(1 - 17 / 41)


def test_a_small_fall_within_chance_is_not_told() -> None:
    facts = Facts("k", "K", [reading("active_people", 2.0), reading("people_trend", 0.5)])
    assert findings(facts, DAY) == []  # from 4 to 2: less than two standard deviations of a count of 4


def test_use_that_stopped_is_told() -> None:
    assert finding(reading("days_since_usage", 13.0)) is None
    found = finding(reading("days_since_usage", 23.0))
    assert found is not None
    assert found.text == "nobody has used it for 23 days"
    assert found.step == "See in the timeline who stopped and when, then ask them what changed"


def test_silence_counts_from_ninety_days_on() -> None:
    assert finding(reading("days_since_conversation", 89.0)) is None
    found = finding(reading("days_since_conversation", 90.0))
    assert found is not None
    assert (found.chip, found.tone) == ("silent 90 days", "unknown")


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
    assert [clause.key for clause in findings(facts, DAY)] == [
        "metric:days_since_usage",
        "metric:days_since_conversation",
    ]


def test_the_sentence_of_a_risk_says_what_is_known_and_when_it_renews() -> None:
    opened = datetime(2026, 10, 12, 9, tzinfo=UTC)
    facts = Facts(
        "k", "K", [reading("days_since_conversation", 96.0)], OpenCases(2, opened, "C-1", "Export is empty.")
    )
    reason = reason_for(at_risk(horizon_on=date(2027, 1, 24)), facts, DAY)
    assert reason.why == (
        "Their case “Export is empty” is open for 41 days (2 are open); "
        "nobody has spoken with them for 96 days; the contract renews in 63 days."
    )
    assert [(item["key"], item["text"], item["href"]) for item in reason.evidence] == [
        ("case:C-1", "case open 41 days", "/customers/accounts/k/#cases"),
        (
            "metric:days_since_conversation",
            "silent 96 days",
            "/customers/accounts/k/metrics/days_since_conversation/",
        ),
        ("risk", "the clock, n = 412, 58 left", "/customers/accounts/k/risk/"),
        ("usual:renewal:near", "renewal 24 Jan 2027", "/customers/accounts/k/#subscriptions"),
    ]
    assert reason.first_step == "See that their open case is solved, and tell them when it will be"


def test_harm_that_is_not_put_right_comes_before_what_is_merely_unusual() -> None:
    opened = datetime(2026, 10, 19, 9, tzinfo=UTC)
    cases = OpenCases(1, opened, "C-1", "Postings of two days are missing", True, False, 2)
    facts = Facts("k", "K", [reading("active_people", 17.0), reading("people_trend", 17 / 41)], cases)
    reason = reason_for(at_risk(), facts, DAY)
    assert reason.why == (
        "Their severe case “Postings of two days are missing” is open for 34 days without a reply, "
        "opened again 2 times; active people fell from their usual 41 to 17 in 28 days."
    )
    assert reason.strength == pytest.approx(0.6 + 0.35 * 34 / 90 + 0.04 + 1 - 17 / 41, abs=1e-6)


def test_a_young_case_that_harms_nobody_is_no_reason() -> None:
    young = OpenCases(1, datetime(2026, 11, 16, 9, tzinfo=UTC), "C-1", "How do I export?")
    assert findings(Facts("k", "K", cases=young), DAY) == []
    old = OpenCases(1, datetime(2026, 11, 15, 9, tzinfo=UTC), "C-1", "How do I export?")
    assert [found.chip for found in findings(Facts("k", "K", cases=old), DAY)] == ["case open 7 days"]


def test_usage_that_fell_is_told_as_a_share_of_its_usual_and_only_beyond_chance() -> None:
    (found,) = findings(Facts("k", "K", [reading("usage_trend", 0.5, n=350)]), DAY)
    assert found.text == "usage of the last 28 days is 50 % of their usual"
    assert findings(Facts("k", "K", [reading("usage_trend", 0.5, n=120)]), DAY) == []  # 17 of 34


def test_cases_that_were_opened_again_are_told_from_two_on() -> None:
    assert finding(reading("cases_reopened", 1.0)) is None
    found = finding(reading("cases_reopened", 3.0))
    assert found is not None
    assert found.text == "cases were opened again 3 times in 90 days"


def test_words_with_a_low_mark_are_a_reason_and_are_quoted() -> None:
    at = datetime(2026, 11, 2, 9, tzinfo=UTC)
    said = Words("Too many clicks.", at, "controller", "NPS 3 of 10", "survey", "NPS 3 of 10", low=True)
    reason = reason_for(at_risk(), Facts("k", "K", said=said), DAY)
    assert reason.why == "Their last words, of 2 November, came with NPS 3 of 10."
    assert reason.quote == {
        "words": "Too many clicks.", "speaker": "controller", "at": "2026-11-02T09:00:00+00:00",
        "source": "NPS 3 of 10", "href": "/customers/accounts/k/?kind=survey#timeline",
    }  # fmt: skip


def test_the_subject_of_a_case_is_not_said_twice() -> None:
    opened = datetime(2026, 10, 12, 9, tzinfo=UTC)
    said = Words("Export is empty.", opened, "", "case", "case")
    told = Facts("k", "K", cases=OpenCases(1, opened, "C-1", "Export is empty."), said=said)
    assert reason_for(at_risk(), told, DAY).quote is None
    quoted = reason_for(at_risk(), Facts("k", "K", said=said), DAY).quote
    assert quoted is not None
    assert (quoted["words"], quoted["speaker"]) == ("Export is empty.", "role not recorded")


def test_what_is_on_the_list_for_its_amount_only_says_so_with_what_is_known_and_unknown() -> None:
    facts = Facts(
        "k", "K",
        [reading("active_people", 17.0), reading("days_since_conversation", 12.0), reading("last_nps", None)],
    )  # fmt: skip
    reason = reason_for(at_risk(), facts, DAY)
    assert reason.why == (
        "On the list for its amount: nothing unusual in what we measure; "
        "17 people active in the last 28 days; last spoken with 12 days ago; never answered a survey."
    )
    assert (reason.unknowns, reason.strength) == (["never answered a survey"], 0)
    assert [(item["key"], item["text"]) for item in reason.evidence] == [
        ("risk", "the clock, n = 412, 58 left"),
        ("usual:metric:active_people", "Active people 17"),
        ("usual:metric:days_since_conversation", "last spoken with 12 days ago"),
    ]
    assert reason.keys == {"risk"}


def test_an_unknown_is_told_once_a_family_and_only_when_nothing_of_it_is_known() -> None:
    partly = Facts("k", "K", [reading("last_nps", None), reading("last_csat", 3.0)])
    assert unknowns_of(partly) == []
    never = Facts("k", "K", [reading("last_nps", None), reading("active_people", None)])
    assert unknowns_of(never) == ["usage unknown", "never answered a survey"]
