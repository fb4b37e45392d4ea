"""Conditions that only the activities can answer, over a real stream."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from heed.customers.actions import revert, save_periods
from heed.customers.models import Account
from heed.customers.rows import PeriodRow
from heed.ledger import clock
from heed.measures import frames, known
from heed.measures.actions import measure_accounts
from heed.people.models import User
from heed.segments import contracts
from heed.segments.grammar import FilterError, parse
from heed.segments.reads import accounts_matching
from heed.stream import Activity, AppTransaction, Stream, as_table
from tests.measures.starting import start_with
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
    start_with(["active_people"])
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


def shown(client: Client, **asked: Any) -> dict[str, list[object]]:
    """Account by account, in order: what the cells show (the reason where it is unknown)."""
    page = client.get("/customers/", asked).context["page"]
    assert page.error is None, page.error
    return {row.account.key: [cell.unknown or cell.value for cell in row.cells] for row in page.rows}


def test_a_list_of_a_past_day_shows_its_figures_and_is_sorted_by_them(
    used_product: User, alice: User, bob: User, alice_client: Client
) -> None:
    """`falling` had four active people on 12 October and one today; bob looked after it then, alice now."""
    for owner, since, until in ((bob, date(2026, 1, 1), date(2026, 11, 1)), (alice, date(2026, 11, 1), None)):
        account = Account.objects.get(key="falling")
        account.ownerships.create(owner=owner, since=since, until=until)
        Account.objects.filter(pk=account.pk).update(owner=owner)
    columns = ["active_people", "owner", "risk", "mrr"]
    now = shown(alice_client, columns=columns, sort="-active_people")
    assert list(now) == ["steady", "falling", "quiet"]
    assert now["falling"][:2] == [1, "Alice"]
    asked: dict[str, Any] = {"q": "as of 2026-10-12", "columns": columns, "sort": "-active_people"}
    then = shown(alice_client, **asked)
    assert list(then) == ["falling", "steady", "quiet"]
    assert then["falling"] == [4, "Bob", "Heed keeps no history of it", "no subscription known"]
    assert then["quiet"][0] == "no such activity so far"
    assert list(shown(alice_client, **{**asked, "sort": "active_people"})) == ["steady", "falling", "quiet"]
    assert next(iter(shown(alice_client, **{**asked, "sort": "-owner"}))) == "falling"
    assert list(shown(alice_client, **{**asked, "sort": "-risk"})) == ["falling", "steady", "quiet"]
    page = alice_client.get("/customers/", asked)
    text = page.content.decode()
    assert 'href="/customers/accounts/falling/metrics/active_people/?as_of=2026-10-12"' in text
    assert "Everything here is as it was known on 12 October 2026" in text
    export: Any = alice_client.get(page.context["export"])
    rows = b"".join(export.streaming_content).decode().splitlines()
    assert [row.split(",")[:4] for row in rows[1:3]] == [
        ["falling", "falling", "4", "Bob"],
        ["steady", "steady", "2", ""],
    ]


def test_a_past_day_reads_only_the_days_of_its_window(
    used_product: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[date | None, date | None]] = []
    whole = Stream.daily

    def daily(self: Stream, since: date | None = None, until: date | None = None) -> object:
        read.append((since, until))
        return whole(self, since, until)

    monkeypatch.setattr(Stream, "daily", daily)
    found = accounts_matching(parse("active_people >= 2 as of 2026-11-22"), used_product)
    assert set(found.values_list("key", flat=True)) == {"steady"}
    assert read == [(date(2026, 10, 26), TODAY)]


def test_a_name_that_never_happened_is_a_slip(used_product: User) -> None:
    with pytest.raises(FilterError) as caught:
        accounts_matching(parse("did not report_exprted for 30 days"), used_product)
    assert str(caught.value) == (
        "No activity is called report_exprted (character 1)\n"
        "  did not report_exprted for 30 days\n"
        "  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "Did you mean report_exported?"
    )


def test_a_past_day_reads_the_contracts_of_the_accounts_shown_only(
    used_product: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    whole = known.known_periods

    def noted(only: Any = None) -> Any:
        asked.append(None if only is None else sorted(only))
        return whole(only)

    monkeypatch.setattr(frames, "known_periods", noted)
    monkeypatch.setattr(contracts, "known_periods", noted)
    often = "did report_exported at least 20 times in the last 28 days as of 2026-10-12"
    found = shown(alice_client, q=often, columns=["active_people", "mrr"])
    assert found == {"steady": [2, "no subscription known"]}
    assert asked == [["steady"], ["steady"]]


PAID = ("mrr", "arr", "plan", "seats", "renewal")


@pytest.fixture
def corrected(monkeypatch: pytest.MonkeyPatch, alice: User) -> User:
    """`small` was told in January as Basic for 50, and in March as Pro for 80; `large` pays 60 all along."""

    def tell(day: date, account: str, plan: str, amount: int, seats: int, renews: date) -> None:
        monkeypatch.setenv("HEED_NOW", f"{day}T08:00:00+00:00")
        row = PeriodRow(
            f"p-{account}", account=account, starts_on=date(2026, 1, 1), renews_on=renews, plan=plan,
            monthly_amount=Decimal(amount), currency="EUR", seats=seats, recorded_at=clock.now(),
        )  # fmt: skip
        save_periods([row], by=f"import:{day:%m}", source="billing")

    for key in ("small", "large"):
        make_account(key)
    january, march = date(2026, 1, 2), date(2026, 3, 15)
    tell(january, "small", "Basic", 50, 5, date(2026, 6, 1))
    tell(january, "large", "Basic", 60, 6, date(2026, 7, 1))
    tell(march, "small", "Pro", 80, 9, date(2027, 1, 1))
    monkeypatch.setenv("HEED_NOW", NOON.isoformat())
    return alice


def test_a_subscription_of_a_past_day_is_what_was_known_of_it_then(
    corrected: User, alice_client: Client
) -> None:
    def on(day: str) -> dict[str, list[object]]:
        return shown(alice_client, q=f"as of {day}", columns=list(PAID), sort="-mrr")

    basic = {
        "large": [60, 720, "Basic", 6, date(2026, 7, 1)],
        "small": [50, 600, "Basic", 5, date(2026, 6, 1)],
    }
    assert on("2026-03-14") == basic
    assert list(on("2026-03-14")) == ["large", "small"]
    assert on("2026-03-15") == basic | {"small": [80, 960, "Pro", 9, date(2027, 1, 1)]}
    assert list(on("2026-03-15")) == ["small", "large"]
    assert on("2026-01-01")["small"][0] == "no subscription known"
    revert("import:03", by="person:1")
    assert on("2026-03-15")["small"][:3] == [80, 960, "Pro"]


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("mrr < 60", {"small"}, set()),
        ("not mrr >= 60", {"small"}, set()),
        ("arr >= 720 EUR", {"large"}, {"large", "small"}),
        ('plan is "Basic"', {"large", "small"}, {"large"}),
        ('plan is not "Basic"', set(), {"small"}),
        ('plan contains "PR"', set(), {"small"}),
        ('plan starts with "bas"', {"large", "small"}, {"large"}),
        ("seats > 5", {"large"}, {"large", "small"}),
        ("renewal within 90 days", {"small"}, set()),
        ("plan is unknown", set(), set()),
    ],
)
def test_a_condition_on_subscriptions_asks_what_was_known_then(
    text: str, before: set[str], after: set[str], corrected: User
) -> None:
    def found(day: str) -> set[str]:
        return set(accounts_matching(parse(f"{text} as of {day}"), corrected).values_list("key", flat=True))

    assert (found("2026-03-14"), found("2026-03-15")) == (before, after)
    assert found("2026-01-01") == ({"large", "small"} if text == "plan is unknown" else set())
