"""Blind spots, captive revenue and the gears of growth: what each says, opens, hands out and refuses."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import nan
from typing import Any

import pandas as pd
import pytest
from django.test import Client

from heed.customers.actions import erase_account, save_accounts, save_periods
from heed.customers.models import Account
from heed.customers.rows import AccountRow, PeriodRow
from heed.evidence.estimate import Estimate
from heed.evidence.money.captive import HOLDING
from heed.measures.models import MetricDefinition, MetricValue
from heed.measures.panels import keep_panel
from heed.proving.captive_page import attitude_of, captive_page, reasons_of
from heed.proving.gears_page import gears_page, quarter_ends
from tests.measures.starting import start_with

pytestmark = pytest.mark.django_db
SPOTS, CAPTIVE, GEARS = "/prove/blind-spots/", "/prove/captive/", "/prove/gears/"
BY = "import:1"
TODAY = date(2026, 7, 1)


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:00:00+00:00")


def paying(
    key: str,
    starts: date,
    ends: date | None = None,
    *,
    amount: int = 100,
    currency: str = "EUR",
    seats: int | None = None,
    renews: date | None = None,
    told: dict[str, Any] | None = None,
) -> None:
    """An account with one more period that is paid for, known from its first day."""
    if not Account.objects.filter(key=key).exists():
        save_accounts([AccountRow(key, attributes=told or {})], by=BY, source="crm")
    known = datetime(starts.year, starts.month, starts.day, tzinfo=UTC)
    period = PeriodRow(
        f"{key}-{starts}", account=key, starts_on=starts, ends_on=ends, renews_on=renews,
        monthly_amount=Decimal(amount), currency=currency, seats=seats, recorded_at=known,
    )  # fmt: skip
    save_periods([period], by=BY, source="crm")


def watched(
    account: str, landmark: str, time: int, left: bool, trend: float, days: float, **others: float
) -> dict[str, Any]:
    told = {"last_nps": nan, "response_rate": nan, "active_people": nan, **others}
    return {
        "account": account, "landmark": pd.Timestamp(landmark), "time": float(time), "event": left,
        "usage_trend": trend, "days_active": days, **told,
    }  # fmt: skip


@pytest.fixture
def landmarks() -> None:
    """A0 looked well, A1 did not and had left once before, A2 left too soon to be judged, A3 has no trend; A4
    and A5 pay."""
    save_accounts([AccountRow(f"A{number}") for number in range(4)], by=BY, source="crm")
    paying("A4", date(2026, 1, 1))
    paying("A5", date(2026, 1, 1))
    rows = [
        watched("A0", "2026-01-01", 100, True, 0.9, 18),
        watched("A0", "2026-01-31", 70, True, 1.0, 20, last_nps=9, response_rate=0.5),
        watched("A0", "2026-03-02", 40, True, 0.5, 4),
        watched("A1", "2025-03-01", 60, True, 0.4, 20),
        watched("A1", "2026-01-01", 90, True, 0.7, 9, response_rate=0.0),
        watched("A2", "2026-03-02", 30, True, 0.9, 9),
        watched("A3", "2026-01-01", 61, True, nan, 5),
        watched("A4", "2026-03-02", 121, False, 0.5, 3, last_nps=6, response_rate=1.0),
        watched("A4", "2026-05-01", 61, False, 0.9, 20),
        watched("A5", "2026-03-02", 121, False, 0.8, 8),
    ]
    keep_panel(pd.DataFrame(rows), TODAY, by=BY)
    start_with(["last_nps"])
    metric = MetricDefinition.objects.get(key="last_nps")
    for key, value in (("A0", 0.0), ("A4", 9.0)):
        MetricValue.objects.create(
            account=Account.objects.get(key=key), metric=metric, as_of=TODAY, value=value, n=1
        )


def keys_of(client: Client, rows: str) -> list[str]:
    return [row.key for row in client.get(SPOTS, {"rows": rows}).context["rows"]]


@pytest.mark.parametrize("path", [SPOTS, CAPTIVE, GEARS])
def test_a_company_without_a_past_is_told_why_nothing_is_known(member_client: Client, path: str) -> None:
    for asked in ("", "?format=csv", "?format=pdf"):
        assert member_client.get(path + asked).status_code == 200
    assert member_client.get(path, {"format": "xlsx"}).status_code == 400
    handed = member_client.get(path, {"format": "csv"}).content.decode("utf-8-sig")
    assert handed == "There are no numbers to hand out yet; the page says why.\r\n"
    told = {SPOTS: "no landmarks are kept yet", CAPTIVE: "There are no accounts", GEARS: "no quarter has"}
    assert told[path].lower() in member_client.get(path).content.decode().lower()


@pytest.mark.usefixtures("landmarks")
def test_who_left_unseen_is_counted_at_the_last_landmark_sixty_days_before(member_client: Client) -> None:
    found = member_client.get(SPOTS).context["found"]
    assert found.finding == "1 of 2 that left looked well 60 days before"
    assert found.spots.unseen == ("A0",)
    assert found.spots.without_score == ("A3",)
    assert found.without_landmark == 1
    assert [(band.band, band.accounts, band.left.value) for band in found.spots.bands] == [(1, 5, 0.6)]
    first = next(row for row in found.rows if row.key == "A0")
    assert (first.landmark, first.left_on) == (date(2026, 1, 31), date(2026, 4, 11))
    stayed = next(row for row in found.rows if row.key == "A4")
    assert (stayed.landmark, stayed.left_on, stayed.trend) == (date(2026, 3, 2), None, 0.5)


@pytest.mark.usefixtures("landmarks")
def test_silence_and_scores_stand_beside_what_became_of_them(member_client: Client) -> None:
    found = member_client.get(SPOTS).context["found"]
    rates = {group.slug: (group.of.renewed, group.of.rate.n) for group in found.groups}
    assert rates == {
        "answered": (1, 2), "silent": (0, 1), "not-asked": (1, 2),
        "promoters": (0, 1), "passives": (0, 0), "detractors": (1, 1),
    }  # fmt: skip
    # A0 pays no more: of the two that pay, one answered 9 and the other is silent.
    assert (found.now.value, found.now.n) == (100, 1)
    assert (found.bounds.low, found.bounds.high, found.bounds.silent) == (0, 100, 1)
    assert found.bounds_words == "0 to 100"
    lower = replace(found, now=Estimate(-2.4, -12.75, 15.5, 283), bounds=replace(found.bounds, low=-49.2))
    assert (lower.now_words, lower.now_between, lower.bounds_words) == ("−2", "[−13–16]", "−49 to 100")


@pytest.mark.usefixtures("landmarks")
def test_the_first_signal_is_that_before_the_last_time_an_account_left(member_client: Client) -> None:
    found = member_client.get(SPOTS).context["found"]
    assert (found.lead.missed.value, found.lead.late.value) == (0.5, 0.75)
    assert found.lead.median.reason.startswith("2 of those who left had a signal")
    assert keys_of(member_client, "signalled") == ["A0", "A1"]
    again = next(row for row in found.rows if row.key == "A1")
    assert (again.first_signal_on, again.left_on) == (date(2026, 1, 1), date(2026, 4, 1))
    assert keys_of(member_client, "late") == ["A0", "A2", "A3"]
    assert keys_of(member_client, "missed") == ["A2", "A3"]


@pytest.mark.usefixtures("landmarks")
def test_every_count_opens_its_accounts(member_client: Client) -> None:
    page = member_client.get(SPOTS)
    found = page.context["found"]
    assert [row.key for row in page.context["rows"]] == ["A0"]
    assert "/customers/accounts/A0/" in page.content.decode()
    for group in found.groups:
        assert len(keys_of(member_client, group.slug)) == group.of.rate.n
    for band in found.spots.bands:
        assert len(keys_of(member_client, f"band-{band.band}")) == band.accounts
        assert keys_of(member_client, f"unseen-{band.band}") == list(band.unseen)
    assert keys_of(member_client, "without-score") == ["A3"]
    # The search box above keeps what was searched for, not what was opened.
    assert 'value="late"' not in member_client.get(SPOTS, {"rows": "late"}).content.decode()
    for wrong in ("band-9", "unseen-x", "nobody"):
        assert member_client.get(SPOTS, {"rows": wrong}).status_code == 404
    told = member_client.get(SPOTS, {"format": "csv"}).content.decode()
    assert "band 1,5,60 %" in told


def test_landmarks_without_the_metrics_say_which_are_missing(member_client: Client) -> None:
    paying("A0", date(2026, 1, 1))
    rows = pd.DataFrame([watched("A0", "2026-01-31", 70, True, 1.0, 20)]).drop(columns="usage_trend")
    keep_panel(rows, TODAY, by=BY)
    assert "the metrics usage_trend were not in force" in member_client.get(SPOTS).context["found"].reason


@pytest.fixture
def stays() -> None:
    """Four that renewed in January, one in its first term, one in a currency without a rate."""
    past, now = (date(2025, 1, 1), date(2026, 1, 1)), (date(2026, 1, 1), date(2027, 1, 1))
    told: dict[str, dict[str, Any]] = {
        "held": {"stay_attitude": "3", "stay_reasons": "Contract; price"},
        "glad": {"stay_attitude": 9, "stay_reasons": "contract"},
        "mute": {},
        "odd": {"stay_attitude": "eleven", "stay_reasons": "habit"},
    }
    for number, (key, attributes) in enumerate(told.items()):
        paying(key, *past, amount=100, renews=past[1], told=attributes)
        paying(key, *now, amount=100 * (number + 1), renews=now[1])
    paying("new", *now, amount=1000, renews=now[1], told={"stay_attitude": 1, "stay_reasons": "habit"})
    paying("abroad", *now, currency="GBP", renews=now[1])


@pytest.mark.usefixtures("stays")
def test_captive_revenue_stands_in_buckets_with_what_is_unknown_apart(member_client: Client) -> None:
    found = member_client.get(CAPTIVE).context["found"]
    buckets = {part.name: (part.bucket.accounts, part.bucket.amount.value) for part in found.parts}
    assert buckets == {
        "captive": (("held",), 100.0),
        "not_captive": (("glad",), 200.0),
        "unknown": (("mute", "odd"), 700.0),
        "not_renewed": (("new",), 1000.0),
    }
    assert found.finding == "5 % of revenue is captive; of 35 % it is not known"
    assert (found.asked, found.unreadable) == (4, 1)
    assert found.left_out == ("1 account that pays in GBP is left out: no rate is stated for it.",)
    assert found.scenario == "between 1.2 and 10 points of GRR, and as many of NRR"
    rows = member_client.get(CAPTIVE, {"bucket": "unknown"}).context["rows"]
    assert [row.key for row in rows] == ["odd", "mute"]
    assert member_client.get(CAPTIVE, {"bucket": "others"}).status_code == 404
    assert "Captive,1,€ 100,5 %" in member_client.get(CAPTIVE, {"format": "csv"}).content.decode()


@pytest.mark.usefixtures("stays")
def test_the_cut_and_the_share_that_leaves_are_in_the_address(member_client: Client) -> None:
    page = member_client.get(CAPTIVE, {"cut": "3", "leaves": "50"})
    assert page.context["found"].found.captive.accounts == ()
    assert page.context["found"].loss.grr.low == -0.175
    for wrong in ({"cut": "11"}, {"cut": "nan"}, {"leaves": "120"}, {"leaves": "x"}):
        page = member_client.get(CAPTIVE, wrong)
        assert page.status_code == 200
        assert list(page.context["form"].errors) == list(wrong)
        assert page.context["found"].found.cut == 7


def test_while_nobody_was_asked_the_page_says_what_to_ask(member_client: Client) -> None:
    paying("A0", date(2025, 1, 1), renews=date(2026, 1, 1))
    page = member_client.get(CAPTIVE).content.decode()
    assert "how likely would you stay?" in page
    assert all(reason in page for reason in HOLDING)
    assert captive_page().parts[2].share == 1


def test_answers_are_read_as_they_are_and_never_guessed() -> None:
    assert [attitude_of(told) for told in ("7.5", 0, "", None, "11", "nan", [1])] == [7.5, 0, *[None] * 5]
    assert reasons_of(" Contract ;; Habit") == frozenset({"contract", "habit"})
    assert [reasons_of(told) for told in (None, "", " ; ")] == [None, None, None]


def test_quarters_end_before_today() -> None:
    assert quarter_ends(date(2026, 2, 3), 3) == [date(2025, 6, 30), date(2025, 9, 30), date(2025, 12, 31)]
    assert quarter_ends(date(2026, 4, 1), 1) == [date(2026, 3, 31)]


@pytest.fixture
def growing() -> None:
    """The quarters begin with 8, 12, 18, 27, 40, 44 customers of 10 seats; of two of them the usage is known:
    at the end of June 4 people on 10 seats, and 25 on 10."""
    first, had = date(2025, 1, 1), 0
    for number, customers in enumerate((8, 12, 18, 27, 40, 44)):
        starts = date(2025 + number // 4, number % 4 * 3 + 1, 1) if number else first
        for key in range(had, customers):
            paying(f"A{key:02d}", starts, seats=10)
        had = customers
    rows = [
        watched("A00", "2026-06-01", 30, False, 1, 9, active_people=1),
        watched("A00", "2026-06-15", 16, False, 1, 9, active_people=4),
        watched("A01", "2026-06-15", 16, False, 1, 9, active_people=25),
        watched("A02", "2026-06-15", 16, False, 1, 9),
    ]
    keep_panel(pd.DataFrame(rows), TODAY, by=BY)


@pytest.mark.usefixtures("growing")
def test_each_gear_is_held_against_its_own_year_and_the_weakest_is_named(member_client: Client) -> None:
    found = member_client.get(GEARS).context["found"]
    lines = {line.gear.name: line for line in found.lines}
    acquire = lines["acquire"].gear
    assert acquire.now.value == pytest.approx(0.1)
    assert acquire.trailing.value == pytest.approx((0.5 + 0.5 + 0.5 + 40 / 27 - 1) / 4)
    assert lines["acquire"].beside == ("seats: 10.0 %",)
    assert (lines["engage"].gear.now.value, lines["engage"].gear.now.n) == (0.7, 20)
    assert lines["monetize"].now == "100.0 %"
    assert lines["monetize"].n == 40
    assert lines["enlist"].why == "no referrals, references or public praise are recorded"
    assert found.finding == "Acquire is the weakest gear: 80 % below its own year in Q2 2026"
    assert len(found.charts) == 2
    moved = member_client.get(lines["acquire"].rows).context["page"].object_list
    assert [(row.kind, row.on) for row in moved] == [("new", date(2026, 4, 1))] * 4
    assert member_client.get(lines["monetize"].rows).context["figure"].retention.nrr.n == 40
    assert "Q2 2026,10.0 %,49.5 %" in member_client.get(GEARS, {"format": "csv"}).content.decode()


@pytest.mark.usefixtures("growing")
def test_seats_that_one_customer_does_not_state_are_unknown_of_all(member_client: Client) -> None:
    paying("B00", TODAY - timedelta(days=20))
    found = gears_page()
    assert found.lines[0].beside == ()
    assert member_client.get(GEARS).status_code == 200


def fed_back(**values: float | None) -> None:
    start_with(["feedback"])
    metric = MetricDefinition.objects.get(key="feedback")
    for key, value in values.items():
        account = Account.objects.get(key=key)
        MetricValue.objects.create(account=account, metric=metric, as_of=TODAY, value=value)


def test_revenue_without_feedback_is_told_with_the_accounts_behind_it(member_client: Client) -> None:
    for key, amount in (("A0", 100), ("A1", 200), ("A2", 700), ("A3", 1000)):
        paying(key, date(2026, 1, 1), amount=amount)
    paying("A4", date(2026, 1, 1), amount=50, currency="USD")
    paying("A5", date(2025, 1, 1), date(2026, 1, 1), amount=900)
    # Of A3 nothing was ever recorded; it is not heard, and not left out.
    fed_back(A0=2.0, A1=0.0, A2=1.0, A4=3.0, A5=0.0)
    answer = member_client.get(SPOTS)
    told = answer.context["coverage"]
    assert told.found.revenue.value == 0.4
    assert (told.found.revenue.n, told.found.accounts.value, told.found.accounts.n) == (4, 0.5, 4)
    assert [(row.key, row.amount) for row in told.unheard] == [("A3", 1000.0), ("A1", 200.0)]
    assert told.finding == "60 % of revenue gave no feedback in 90 days"
    assert told.left_out == ("1 account that pays in USD is left out: no rate is stated for it.",)
    words = answer.content.decode()
    assert told.finding in words
    assert "€ 1,200" in words
    assert "/customers/accounts/A3/" in words


@pytest.mark.parametrize(
    ("paid", "reason"),
    [(True, "the daily round has not counted any feedback yet"), (False, "no account pays")],
)
def test_before_feedback_is_counted_nobody_is_called_silent(
    member_client: Client, paid: bool, reason: str
) -> None:
    paying("A0", date(2025, 1, 1), None if paid else date(2026, 1, 1))
    if not paid:
        fed_back(A0=0.0)
    told = member_client.get(SPOTS).context["coverage"]
    assert (told.reason, told.unheard, told.found) == (reason, (), None)
    assert told.finding == "Who gives feedback is not known yet"


def test_an_account_that_was_erased_is_counted_and_opens_nothing(member_client: Client) -> None:
    paying("A0", date(2026, 1, 1))
    paying("A1", date(2026, 1, 1), amount=200)
    fed_back(A0=0.0, A1=0.0)
    erase_account(Account.objects.get(key="A0"), by="person:1", reason="asked for it")
    gone = Account.objects.exclude(key="A1").get().key
    for address, counted in ((CAPTIVE, "rows"), (SPOTS, "unheard")):
        answer = member_client.get(address)
        words = answer.content.decode()
        assert answer.context[counted].paginator.count == 2
        assert words.count("erased or withdrawn since") == 1
        assert "/customers/accounts/A1/" in words
        assert gone not in words
