"""A replay counted by hand, and what always holds of one."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from heed.evidence.cards import (
    PUBLISHED_RULES,
    Chance,
    Replay,
    TriggerRule,
    by_chance,
    judge_alerts,
    replay_trigger,
)

UNTIL = date(2026, 12, 31)


def days(*rows: tuple[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=["account", "on"])
    return table.assign(on=pd.to_datetime(table["on"]))


def alive(*accounts: str) -> pd.DataFrame:
    return pd.DataFrame({"account": list(accounts), "since": pd.Timestamp("2020-01-01"), "until": pd.NaT})


FIRED = days(
    ("a", "2026-03-01"), ("a", "2026-03-05"),  # one alert, right
    ("b", "2026-05-01"),                       # wrong
    ("c", "2026-11-20"),                       # open: its 90 days are not over
    ("d", "2025-12-20"),                       # before the window, catches who left early in it
    ("e", "2026-02-01"),                       # on the day it left: no warning
    ("g", "2026-04-01"),                       # no customer any more
)  # fmt: skip
LEFT = days(("a", "2026-04-15"), ("d", "2026-01-20"), ("e", "2026-02-01"), ("f", "2026-06-06"))
ALIVE = alive(*"abcdefg")
ALIVE["until"] = pd.to_datetime(ALIVE["until"]).where(ALIVE["account"] != "g", pd.Timestamp("2021-01-01"))


def replayed(**changes: Any) -> Replay:
    given: dict[str, Any] = {"fired": FIRED, "outcomes": LEFT, "alive": ALIVE, "until": UNTIL, "csms": 2}
    return replay_trigger(**(given | changes))


def test_the_replay_is_the_one_counted_by_hand() -> None:
    found = replayed()
    assert (found.since, found.until) == ("2026-01-01", "2026-12-31")
    assert (found.alerts, found.right, found.wrong, found.open, found.left) == (4, 1, 2, 1, 4)
    assert found.precision.value == pytest.approx(1 / 3)
    assert (found.recall.value, found.missed_accounts) == (0.5, ("e", "f"))
    assert found.lead_days.value == (45 + 31) / 2
    weeks = (365 - 90) / 7
    assert found.false_alarms.value == pytest.approx(2 / (2 * weeks))
    assert found.false_alarms.high == pytest.approx(chi2.ppf(0.975, 6) / 2 / (2 * weeks))
    assert found.notes == ("firings left out, repeated or when the account was no customer: 1",)


def test_a_usage_drop_that_catches_8_of_21_has_a_recall_of_38_percent() -> None:
    gone = [f"g{number}" for number in range(21)]
    left = days(*((account, "2026-06-30") for account in gone))
    fired = days(*((account, "2026-05-31") for account in gone[:8]))
    found = replayed(fired=fired, outcomes=left, alive=alive(*gone))
    assert found.recall.value == pytest.approx(0.381, abs=5e-4)
    assert (found.recall.low, found.recall.high) == pytest.approx((0.208, 0.591), abs=1e-3)
    assert found.missed_accounts == tuple(sorted(gone[8:]))
    assert found.lead_days.value == 30


def test_each_alert_and_each_leaver_has_its_fate() -> None:
    judged = judge_alerts(FIRED, LEFT, ALIVE, until=UNTIL)
    assert judged.alerts["account"].tolist() == ["a", "b", "c", "e"]
    assert judged.alerts["fate"].tolist() == ["right", "wrong", "open", "wrong"]
    assert judged.alerts["left"].iloc[0] == pd.Timestamp("2026-04-15")
    first = judged.leavers.set_index("account")["first"]
    assert first["a"] == pd.Timestamp("2026-03-01")
    assert first["d"] == pd.Timestamp("2025-12-20")
    assert first[["e", "f"]].isna().all()
    assert (judged.since, judged.days, judged.dropped) == (date(2026, 1, 1), 365, 1)


FAILED = days(
    ("b", "2026-06-01"),  # within 90 days after its alert: neither right nor wrong
    ("a", "2026-05-01"),  # after it left: right all the same
    ("c", "2026-11-25"),  # decides what was open
    ("d", "2026-09-01"),  # nothing fired before
    ("e", "2027-01-15"),  # after the last day
)


def test_an_alert_before_a_failed_payment_is_neither_right_nor_wrong() -> None:
    found = replayed(ended=FAILED)
    assert (found.alerts, found.right, found.wrong, found.open, found.censored) == (4, 1, 1, 0, 2)
    assert (found.precision.value, found.precision.n) == (0.5, 2)
    weeks = (365 - 90) / 7
    assert found.false_alarms.value == pytest.approx(1 / (2 * weeks))
    plain = replayed()
    assert plain.censored == 0
    assert (found.left, found.recall, found.lead_days) == (plain.left, plain.recall, plain.lead_days)
    judged = judge_alerts(FIRED, LEFT, ALIVE, until=UNTIL, ended=FAILED).alerts.set_index("account")
    assert judged["fate"].to_dict() == {"a": "right", "b": "censored", "c": "censored", "e": "wrong"}
    assert judged.loc["b", "ended"] == pd.Timestamp("2026-06-01")
    assert replayed(ended=FAILED[:0]) == plain


def test_the_ending_that_came_first_decides() -> None:
    fired, left = days(("a", "2026-03-01")), days(("a", "2026-04-15"))

    def fate(on: str) -> str:
        judged = judge_alerts(fired, left, ALIVE, until=UNTIL, ended=days(("a", on)))
        return str(judged.alerts["fate"].item())

    # Before the alert, on its day, before it left, on that day, after.
    ends = ("2026-02-01", "2026-03-01", "2026-04-14", "2026-04-15", "2026-04-16")
    assert [fate(each) for each in ends] == ["right", "right", "censored", "right", "right"]
    nobody = replayed(fired=fired, outcomes=days(), ended=days(("a", "2026-05-30")))
    assert (nobody.censored, nobody.wrong) == (1, 0)
    assert nobody.precision.reason == "it would not have fired, or nothing is decided yet"
    late = replayed(fired=fired, outcomes=days(), ended=days(("a", "2026-05-31")))
    assert (late.censored, late.wrong) == (0, 1)


def test_moments_before_a_failed_payment_decide_nothing_by_chance_either() -> None:
    moments = days(("a", "2026-03-01"), ("b", "2026-04-01"), ("b", "2026-09-01"), ("f", "2026-09-01"))
    plain = by_chance(moments, FIRED, LEFT, ALIVE, until=UNTIL)
    found = by_chance(moments, FIRED, LEFT, ALIVE, until=UNTIL, ended=FAILED)
    assert (plain.precision.value, plain.precision.n) == (0.25, 4)
    assert found.precision.value == pytest.approx(1 / 3)
    assert found.precision.n == 3
    assert found.recall == plain.recall


def test_f1_lies_between_precision_and_recall_and_knows_when_it_is_unknown() -> None:
    found = replayed()
    assert found.f1.value == pytest.approx(2 * (1 / 3) * 0.5 / (1 / 3 + 0.5))
    assert found.f1.level == pytest.approx(0.9)
    assert replayed(outcomes=days()).f1.reason == "no account left in these 12 months"


def test_alerts_at_random_are_right_and_catch_as_often_as_counted() -> None:
    moments = days(
        ("a", "2026-02-20"),  # a leaves within 90 days: right; no alert before it
        ("a", "2026-03-01"),  # right; the alert is of the same day, so none before
        ("b", "2026-06-01"),  # stays; the alert of 1 May is within 90 days before
        ("b", "2026-09-01"),  # stays; the alert is too long ago
        ("c", "2026-12-01"),  # not decided yet; the alert of 20 November is before it
    )
    found = by_chance(moments, FIRED, LEFT, ALIVE, until=UNTIL)
    assert (found.precision.value, found.precision.n) == (0.5, 4)
    assert (found.recall.value, found.recall.n) == (0.4, 3)
    assert Chance.from_record(found.to_record()) == found
    nobody = by_chance(days(), FIRED, LEFT, ALIVE, until=UNTIL)
    assert nobody.recall.reason == "nobody was a customer"


def test_a_replay_comes_back_from_its_record() -> None:
    assert Replay.from_record(replayed().to_record()) == replayed()


def test_what_happens_after_the_last_day_changes_nothing() -> None:
    later_fired = pd.concat([FIRED, days(("b", "2027-01-05"))])
    later_left = pd.concat([LEFT, days(("c", "2027-01-20"), ("b", "2027-01-01"))])
    assert replayed(fired=later_fired, outcomes=later_left) == replayed()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 500)), max_size=25),
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 500)), max_size=4),
)
def test_every_alert_is_right_wrong_or_open(
    fired: list[tuple[str, int]], left: list[tuple[str, int]]
) -> None:
    start = pd.Timestamp("2025-09-01")

    def table(rows: list[tuple[str, int]]) -> pd.DataFrame:
        return days(*((account, str(start + day * pd.Timedelta(days=1))) for account, day in rows))

    found = replayed(fired=table(fired), outcomes=table(left), alive=alive(*"abcd"))
    assert found.right + found.wrong + found.open + found.censored == found.alerts
    assert (found.recall.value is None) == (found.left == 0)
    if found.recall.value is not None:
        assert found.recall.value + (found.missed.value or 0) == pytest.approx(1)
    if found.precision.value is not None:
        assert 0 <= (found.precision.low or 0) <= found.precision.value <= (found.precision.high or 0) <= 1


def test_nothing_fired_and_nobody_left_is_unknown_with_reasons() -> None:
    found = replayed(fired=FIRED[:0], outcomes=LEFT[:0], csms=None)
    assert "would not have fired" in found.precision.reason
    assert found.recall.reason == "no account left in these 12 months"
    assert "alert before" in found.lead_days.reason
    assert "managers" in found.false_alarms.reason


def test_a_horizon_as_long_as_the_window_judges_no_alarm_wrong() -> None:
    assert "nothing can be judged" in replayed(horizon=365).false_alarms.reason


def test_several_alerts_of_one_account_count_for_less() -> None:
    months = [f"2026-{month:02d}-01" for month in range(1, 10)]
    one = replayed(fired=days(*(("a", each) for each in months)), outcomes=days(("a", "2026-04-01")))
    many = replayed(
        fired=days(*((account, each) for account, each in zip("abcdefghi", months, strict=True))),
        outcomes=days(("a", "2026-01-20"), ("b", "2026-02-20"), ("c", "2026-03-20")),
        alive=alive(*"abcdefghi"),
    )
    assert one.precision.value == many.precision.value == pytest.approx(1 / 3)
    assert (one.precision.low or 0) <= (many.precision.low or 0)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="fired lacks the column on"):
        replayed(fired=FIRED[["account"]])
    with pytest.raises(ValueError, match="1 or more"):
        replayed(horizon=0)


def test_a_rule_fires_when_it_comes_to_be_past_its_threshold_and_not_while_it_stays() -> None:
    values = pd.DataFrame(
        {
            "account": ["a"] * 6 + ["b"],
            "on": [*pd.date_range("2026-01-01", periods=6), pd.Timestamp("2026-01-03")],
            "value": [1.0, 0.7, 0.6, 0.9, None, 0.5, 0.1],
        }
    )
    drop = next(rule for rule in PUBLISHED_RULES if rule.metric == "usage_14_days")
    found = drop.fires(values)
    assert list(zip(found["account"], found["on"].dt.day, strict=True)) == [("a", 2), ("a", 6), ("b", 3)]
    rising = TriggerRule("many cases", "cases", "above", 0.8).fires(values)
    assert rising["on"].dt.day.tolist() == [1, 4]
    with pytest.raises(ValueError, match="values lacks the column value"):
        drop.fires(values[["account", "on"]])
