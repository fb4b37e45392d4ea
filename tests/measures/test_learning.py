"""Landmarks, the risk model and the verdicts: what is known then, learnt once a week, and made again."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from heed.customers.actions import derive_due_movements, erase_account, save_accounts, save_periods
from heed.customers.models import Account
from heed.customers.rows import AccountRow, PeriodRow
from heed.evidence.risk import Panel, outcome
from heed.measures import learning
from heed.measures.actions import estimate_risk
from heed.measures.definitions import new_version
from heed.measures.landmarks import endings, features_at, landmarks, landmarks_before, stays
from heed.measures.learning import (
    Learnt,
    as_known_on,
    due,
    judge,
    learn,
    left_within,
    panel_of,
    spaced,
)
from heed.measures.models import LandmarkPanel, MetricDefinition, MetricVerdict, Risk, RiskModel, RiskScore
from heed.measures.panels import rows_of
from heed.measures.scoring import reopened, same
from tests.measures.starting import start_with

pytestmark = pytest.mark.django_db

DAY = date(2026, 7, 1)
BY = "daily round"
METRICS = ("days_active", "days_since_usage", "cases_opened", "days_to_renewal", "tenure_days")


def known_from(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def quarter(account: str, number: int) -> PeriodRow:
    starts = date(2024, 10, 1) + timedelta(days=91 * number)
    ends = starts + timedelta(days=91)
    return PeriodRow(
        f"{account}-{number}", account=account, starts_on=starts, ends_on=ends, renews_on=ends,
        monthly_amount=Decimal(100), currency="EUR", recorded_at=known_from(starts),
    )  # fmt: skip


def fill(log: Callable[..., None], accounts: int = 60, leaving: int = 20) -> None:
    """Accounts on terms of 91 days. Those that leave do so at their third renewal or a later one, and use the
    product no more in the eight weeks before."""
    start_with(METRICS)
    keys = [f"A{number:03d}" for number in range(accounts)]
    save_accounts([AccountRow(key, since=date(2024, 10, 1)) for key in keys], by="import:1", source="crm")
    terms = {key: 3 + number % 4 if number < leaving else 8 for number, key in enumerate(keys)}
    save_periods(
        [quarter(key, number) for key in keys for number in range(terms[key])], by="import:1", source="crm"
    )
    first = date(2024, 10, 1)
    rows: list[tuple[Any, ...]] = []
    for number, key in enumerate(keys):
        last = first + timedelta(days=91 * terms[key] - (56 if number < leaving else 0))
        day = first + timedelta(days=number % 7)
        while day < min(last, DAY):
            rows.append((key, f"P-{key}", "signed_in", day.isoformat()))
            day += timedelta(days=7)
    log(*rows)


def test_landmarks_go_back_every_thirty_days_but_not_before_the_first_day_known() -> None:
    assert landmarks_before(DAY, None) == []
    found = landmarks_before(DAY, date(2026, 4, 10))
    assert found == [date(2026, 5, 2), date(2026, 6, 1)]
    # On the first day itself nobody has a past yet.
    assert landmarks_before(DAY, date(2026, 5, 2)) == [date(2026, 6, 1)]
    assert len(landmarks_before(DAY, date(2000, 1, 1))) == 24


def test_a_landmark_knows_what_one_date_knows(log: Callable[..., None]) -> None:
    fill(log, 8, 3)
    found = landmarks(DAY)
    grid, metrics = found.features, list(found.metrics.values())
    for landmark in sorted(set(grid["landmark"]))[-3:]:
        alone = features_at(landmark, metrics)
        pd.testing.assert_frame_equal(
            grid[grid["landmark"] == landmark].reset_index(drop=True), alone, check_dtype=False
        )


def test_only_accounts_that_paid_then_are_in_and_what_became_of_them(log: Callable[..., None]) -> None:
    fill(log, 8, 3)
    found = landmarks(DAY)
    left = {row.account: row.on for row in found.events.itertuples() if row.kind == "churn"}
    assert left == {
        "A000": date(2024, 10, 1) + timedelta(days=3 * 91),
        "A001": date(2024, 10, 1) + timedelta(days=4 * 91),
        "A002": date(2024, 10, 1) + timedelta(days=5 * 91),
    }
    for account, on in left.items():
        own = found.features[found.features["account"] == account]
        assert max(own["landmark"]) < on
    assert set(found.features["term_days"]) == {91}


def test_a_metric_with_a_leak_alarm_is_not_given_to_the_model_but_the_clock_is(
    log: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(log, 30, 10)
    found = landmarks(DAY)
    alarms = [SimpleNamespace(name=key, verdict="leak alarm") for key in ("days_active", "days_to_renewal")]
    monkeypatch.setattr("heed.measures.learning.metric_verdicts", lambda *_told: tuple(alarms))
    given = set(judge(found, panel_of(found)).model.feature_names_in_)
    assert given == {*METRICS, "term_days"} - {"days_active"}


def panel_at(days: list[int], event: list[bool], time: list[float], ahead: list[float]) -> Panel:
    """Rows of accounts at landmarks, so many days after the first of them."""
    landmarks = np.datetime64("2026-01-01") + np.array(days)
    nothing = np.full(len(days), "none")
    return Panel(
        pd.DataFrame({"days_to_renewal": ahead}), outcome(event, time), nothing, np.zeros(len(days), bool),
        np.arange(len(days)).astype(object), landmarks, 365, ("churn",),
    )  # fmt: skip


def test_every_third_landmark_counts_from_the_latest() -> None:
    days = np.datetime64("2026-01-01") + np.array([0, 30, 30, 60, 90, 120])
    assert spaced(days).tolist() == [False, True, True, False, False, True]


def test_by_a_day_is_known_what_was_told_by_then_and_no_more(log: Callable[..., None]) -> None:
    """A000 left on 1 July 2025; that A001 left on 1 October 2025 is told three weeks late."""
    fill(log, 6, 2)
    late = replace(quarter("A001", 4), recorded_at=known_from(date(2025, 9, 30)))
    save_periods([late], by="import:2", source="crm")
    gone = replace(late, ends_on=date(2025, 10, 1), recorded_at=known_from(date(2025, 10, 21)))
    save_periods([gone], by="import:3", source="crm")
    found = landmarks(DAY)

    def left(day: date) -> set[str]:
        past = as_known_on(found, day)
        assert max(past.landmarks) < np.datetime64(day)
        assert past.y["time"].max() <= (day - min(found.features["landmark"])).days
        return set(past.accounts[past.y["event"]])

    assert left(date(2025, 6, 30)) == set()
    assert left(date(2025, 7, 1)) == left(date(2025, 10, 20)) == {"A000"}
    assert left(date(2025, 10, 21)) == left(DAY) == {"A000", "A001"}


def test_each_test_of_the_model_is_told_only_what_had_happened_when_its_rows_begin(
    log: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(log, 12, 4)
    found = landmarks(DAY)
    panel = panel_of(found)
    told: list[tuple[tuple[str, ...], int, float]] = []

    class Told:
        """Notes what it is told: of which columns, how many left, and how long rows were watched."""

        reason_, longest_ = "", 365.0

        def fit(self, X: pd.DataFrame, y: Any, _accounts: Any) -> Any:  # noqa: N803
            told.append((tuple(X.columns), int(y["event"].sum()), float(y["time"].max())))
            return self

        def predict_proba(self, X: pd.DataFrame, _horizon: int) -> Any:  # noqa: N803
            return np.zeros(len(X))

    monkeypatch.setattr("heed.measures.learning.hazard", Told)
    sound = replace(panel, X=panel.X.drop(columns="days_active"))
    first_days = [panel.landmarks[rows].min() for rows, _said, _alone in learning.tested(found, sound)]
    assert list(map(str, first_days)) == ["2025-05-07", "2025-09-04", "2026-01-02", "2026-04-02"]
    # Once for the model and once for the clock alone; of every third landmark before the first row of a test.
    columns, alone = {each[0] for each in told[::2]}, {each[0] for each in told[1::2]}
    assert columns == {("days_since_usage", "cases_opened", "days_to_renewal", "tenure_days", "term_days")}
    assert alone == {("tenure_days", "days_to_renewal", "term_days")}
    # They left on 1 July, 30 September and 30 December 2025 and on 31 March 2026.
    events = [each[1:] for each in told]
    assert events[::2] == events[1::2] == [(0, 210.0), (3, 300.0), (11, 365.0), (15, 365.0)]


def test_left_within_is_unknown_where_it_was_not_watched_for_so_long() -> None:
    panel = panel_at(
        [0] * 5, [True, True, False, False, True], [90, 91, 90, 89, 10], [0, 90, 91, math.nan, -1]
    )
    assert left_within(panel, 90).tolist() == pytest.approx([1, 0, 0, math.nan, 1], nan_ok=True)
    # Decided are rows with a renewal within the horizon, and those without a date for one.
    assert due(panel).tolist() == [True, True, False, True, True]


def test_who_ends_on_the_day_has_left_and_who_ends_the_day_after_has_not(log: Callable[..., None]) -> None:
    fill(log, 2, 0)
    ends = {"A000": DAY, "A001": DAY + timedelta(days=1)}
    save_periods(
        [replace(quarter(key, 7), ends_on=on, recorded_at=known_from(DAY)) for key, on in ends.items()],
        by="import:2",
        source="crm",
    )
    known = stays(DAY)
    first = date(2024, 10, 1)
    assert known.to_numpy().tolist() == [["A000", first, DAY], ["A001", first, None]]
    left = endings(DAY, known)
    assert left[left["kind"] == "churn"][["account", "on"]].to_numpy().tolist() == [["A000", DAY]]


def test_who_came_back_has_two_stays_and_was_no_customer_between(log: Callable[..., None]) -> None:
    fill(log, 6, 1)
    back = [quarter("A000", number) for number in (5, 6, 7)]
    save_periods(back, by="import:2", source="crm")
    found = landmarks(DAY)
    left, returned = quarter("A000", 2).ends_on, quarter("A000", 5).starts_on
    own = found.stays[found.stays["account"] == "A000"][["from", "to"]]
    assert own.to_numpy().tolist() == [[date(2024, 10, 1), left], [returned, None]]
    rows = found.features[found.features["account"] == "A000"]
    assert left is not None
    assert not any(left <= day < returned for day in rows["landmark"])
    panel = panel_of(found)
    mine = panel.accounts == "A000"
    days = panel.landmarks[mine].astype(object)
    assert [bool(event) for event in panel.y["event"][mine]] == [day < left for day in days]
    assert {day < left for day in days} == {True, False}


def test_one_of_two_subscriptions_that_ends_is_no_leaving(log: Callable[..., None]) -> None:
    fill(log, 6, 1)
    beside = PeriodRow(
        "A000-x", account="A000", starts_on=date(2025, 1, 1), renews_on=date(2027, 1, 1),
        monthly_amount=Decimal(10), currency="EUR", recorded_at=known_from(date(2025, 1, 1)),
    )  # fmt: skip
    save_periods([beside], by="import:2", source="crm")
    derive_due_movements(DAY, by=BY)
    known = stays(DAY)
    assert known[known["account"] == "A000"]["to"].isna().tolist() == [True]
    events = endings(DAY, known)
    assert events[events["account"] == "A000"]["kind"].tolist() == ["expansion", "contraction"]


def test_nothing_recorded_after_a_landmark_is_in_its_row(log: Callable[..., None]) -> None:
    fill(log, 6, 2)
    before = landmarks(DAY).features
    learnt = DAY - timedelta(days=100)
    log(
        ("A000", "P-A000", "signed_in", "2025-03-01"),
        ("A004", None, "case.opened", "2025-05-01"),
        recorded_at=known_from(learnt),
    )
    corrected = replace(quarter("A005", 0), monthly_amount=Decimal(90), recorded_at=known_from(learnt))
    save_periods([corrected], by="import:2", source="crm")
    after = landmarks(DAY).features
    earlier = before["landmark"] < learnt
    pd.testing.assert_frame_equal(before[earlier], after[after["landmark"] < learnt])
    assert not before.equals(after)


def test_with_four_that_left_nothing_is_learnt_and_it_says_so(log: Callable[..., None]) -> None:
    fill(log, 10, 4)
    assert learn(DAY, by=BY).rows == 0
    version = RiskModel.objects.get()
    assert version.reason == "4 accounts have left so far: at least 5 are needed to learn who leaves"
    assert version.record is None
    assert not LandmarkPanel.objects.exists()
    estimate_risk(DAY, by=BY)
    assert not RiskScore.objects.exists()
    assert not Risk.objects.exclude(score=None).exists()
    # No second version that says the same; and no week to wait once enough have left.
    learn(DAY, by=BY)
    assert RiskModel.objects.count() == 1
    save_accounts([AccountRow("A010", since=date(2024, 10, 1))], by="import:2", source="crm")
    save_periods([quarter("A010", number) for number in range(3)], by="import:2", source="crm")
    learn(DAY, by=BY)
    latest = RiskModel.objects.get(version=2)
    assert latest.panel is not None
    assert latest.panel.left == 5


def test_where_all_was_told_today_nothing_is_learnt_and_one_version_says_so(
    log: Callable[..., None],
) -> None:
    """The past of a company that imported its files today is no past that anybody knew."""
    start_with(METRICS)
    keys = [f"A{number:03d}" for number in range(9)]
    save_accounts([AccountRow(key, since=date(2024, 10, 1)) for key in keys], by="import:1", source="crm")
    terms = {key: 3 if number < 6 else 8 for number, key in enumerate(keys)}
    told = [replace(quarter(key, n), recorded_at=known_from(DAY)) for key in keys for n in range(terms[key])]
    save_periods(told, by="import:1", source="crm")
    log(("A000", None, "signed_in", "2025-03-01"))
    for later in range(3):
        assert learn(DAY + timedelta(days=later), by=BY) == Learnt()
    version = RiskModel.objects.get()
    assert version.record is None
    assert version.reason.startswith("6 accounts have left so far, but of none was anything known")
    assert not LandmarkPanel.objects.exists()


@pytest.fixture
def learnt(log: Callable[..., None]) -> RiskModel:
    fill(log)
    learn(DAY, by=BY)
    return RiskModel.objects.get()


def test_what_is_learnt_is_kept_with_its_rows_and_only_once_a_week(learnt: RiskModel) -> None:
    assert learnt.panel is not None
    assert (learnt.version, learnt.panel.accounts, learnt.panel.left) == (1, 60, 20)
    found = MetricVerdict.objects.get(metric__key="days_active")
    assert (found.verdict, found.record["more_leave"], found.record["left"]) == ("predicts", "lower", 20)
    assert learn(DAY + timedelta(days=6), by=BY) == Learnt()
    assert RiskModel.objects.count() == 1
    # The same day anew is a version of its own, of the same rows and with the same parameters.
    learn(DAY, by=BY, due_only=False)
    again = RiskModel.objects.get(version=2)
    assert (again.panel, again.record, again.card) == (learnt.panel, learnt.record, learnt.card)


def test_a_score_of_a_past_day_is_made_again_to_the_last_bit(
    learnt: RiskModel, log: Callable[..., None]
) -> None:
    estimate_risk(DAY, by=BY)
    stored = RiskScore.objects.select_related("model", "account").get(account__key="A050")
    risk = Risk.objects.get(account__key="A050")
    assert (risk.probability, risk.score_id) == (stored.probability, stored.pk)
    first = list(RiskScore.objects.order_by("account").values())
    assert len(first) == 40
    estimate_risk(DAY, by=BY)
    assert list(RiskScore.objects.order_by("account").values()) == first

    # Later versions of the model and of a metric, and what came in after the round, change nothing of it.
    current = MetricDefinition.objects.get(key="days_active", is_current=True)
    new_version({**current.definition, "window": 7}, by="person:1")
    log(("A050", "P-A050", "signed_in", (DAY - timedelta(days=1)).isoformat()))
    learn(DAY + timedelta(days=7), by=BY)
    estimate_risk(DAY + timedelta(days=7), by=BY)
    assert RiskScore.objects.get(account__key="A050", as_of=DAY + timedelta(days=7)).model.version == 2
    found = reopened(RiskScore.objects.get(pk=stored.pk))
    assert found is not None
    assert same(stored, found.again)
    assert found.changed == ("days_active", "days_since_usage")
    assert found.why.base + found.why.table.iloc[0].sum() == pytest.approx(found.why.log_odds[0], abs=1e-9)
    assert 1 / (1 + np.exp(-found.why.log_odds[0])) == pytest.approx(stored.probability, abs=1e-12)
    untouched = reopened(RiskScore.objects.get(account__key="A051", as_of=DAY))
    assert untouched is not None
    assert untouched.changed == ()

    erase_account(Account.objects.get(key="A050"), by="person:1", reason="asked for it")
    estimate_risk(DAY + timedelta(days=7), by=BY)
    assert not RiskScore.objects.filter(account__erased_at__isnull=False).exists()
    assert learnt.panel is not None
    assert "A050" not in set(rows_of(learnt.panel)["account"])


def test_an_account_that_turns_out_to_have_left_has_no_score_of_the_day_any_more(learnt: RiskModel) -> None:
    estimate_risk(DAY, by=BY)
    kept = {score.account.key: score.pk for score in RiskScore.objects.select_related("account")}
    assert len(kept) == 40
    ended = replace(quarter("A050", 7), ends_on=DAY, recorded_at=known_from(DAY))
    save_periods([ended], by="import:2", source="crm")
    estimate_risk(DAY, by=BY)
    scores = RiskScore.objects.select_related("account", "model")
    del kept["A050"]
    assert {score.account.key: score.pk for score in scores} == kept
    again = [reopened(score) for score in scores]
    assert all(found and same(score, found.again) for score, found in zip(scores, again, strict=True))


def test_each_kind_of_ending_and_change_is_kept_apart(log: Callable[..., None]) -> None:
    fill(log, 30, 10)
    by = {"by": "import:2", "source": "crm"}
    failed = replace(quarter("A000", 2), attributes={"ended_because": "Payment failed"})
    less = replace(quarter("A020", 4), monthly_amount=Decimal(60))
    more = replace(quarter("A021", 4), monthly_amount=Decimal(160))
    save_periods([failed, less, more], **by)
    derive_due_movements(DAY, by=BY)
    learn(DAY, by=BY)
    panel = RiskModel.objects.get().panel
    assert panel is not None
    assert panel.left == 9
    rows = rows_of(panel, ["landmark", "became", "event"])
    assert not rows.loc[rows["account"] == "A000", "event"].any()
    told = rows[rows["became"].isin(["churn", "involuntary", "contraction", "expansion"])]
    kinds = told.groupby("account")["became"].agg(set)
    assert kinds["A000"] == {"involuntary"}
    assert kinds["A001"] == {"churn"}
    # It goes back to what it was a quarter later.
    assert kinds["A020"] == kinds["A021"] == {"contraction", "expansion"}
    changed = date(2024, 10, 1) + timedelta(days=4 * 91)
    before = rows[(rows["account"] == "A020") & (rows["became"] == "contraction")]["landmark"].dt.date
    assert all(changed - timedelta(days=90) <= day < changed for day in before)
    # The last 90 days before today are not known to the end.
    assert set(rows.loc[rows["landmark"].dt.date > DAY - timedelta(days=90), "became"]) <= {"", "churn"}
