"""Triggers: made, replayed on what was known then, refused without a fresh replay, firing once on."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.utils.html import strip_tags

from heed.customers.actions import save_accounts, save_periods
from heed.customers.models import Account
from heed.customers.rows import AccountRow
from heed.ledger.models import AuditEntry
from heed.measures.definitions import new_version, starter_definitions
from heed.measures.models import MetricDefinition, MetricValue
from heed.proving import triggering
from heed.proving.jobs import replay_trigger
from heed.proving.models import Trigger, TriggerFiring, TriggerReplay, TriggerVersion
from heed.proving.trigger_pages import rows_behind, standing_of
from heed.proving.trigger_replays import (
    Looked,
    Told,
    grid_before,
    live,
    look_at_triggers,
    past_of,
    replay_version,
)
from heed.proving.triggering import Rule, TriggerRefused, make_trigger
from tests.measures.conftest import log as log
from tests.measures.starting import start_with
from tests.measures.test_learning import BY, DAY, fill, quarter

pytestmark = pytest.mark.django_db
TRIGGERS, NEW = "/prove/triggers/", "/prove/triggers/new/"
SILENT = Rule("days_since_usage", "above", 20)
OWN = {"name": "Silence", "metric": "days_since_usage", "condition": "above", "value": "20", "quiet": "14"}


@pytest.fixture
def company(log: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """20 accounts that use the product weekly; 8 of them stopped eight weeks before they left: on 1 July,
    30 September and 30 December 2025 and on 31 March 2026, two each."""
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:00:00+00:00")
    fill(log, 20, 8)


@pytest.fixture
def metrics(db: None) -> None:
    """Two of the metrics that Heed starts with."""
    keys = ("days_active", "days_since_usage")
    start_with(keys)


@pytest.fixture
def silence(company: None) -> Trigger:
    return make_trigger("Silence", SILENT, by=BY)


def version_of(trigger: Trigger) -> TriggerVersion:
    return triggering.current_version(trigger)


def replayed(trigger: Trigger, as_of: date = DAY) -> Told:
    replay = replay_version(version_of(trigger), as_of, by=BY)
    assert replay.record is not None, replay.reason
    return Told.from_record(replay.record)


def test_it_is_looked_at_every_week_of_twelve_months_and_of_the_horizon_before() -> None:
    grid = grid_before(DAY)
    assert grid[-1] == DAY
    assert {later - earlier for earlier, later in pairwise(grid)} == {timedelta(days=7)}
    assert 365 + 90 <= (DAY - grid[0]).days < 365 + 90 + 14


def test_the_replay_counts_who_was_caught_and_who_left_while_green(silence: Trigger) -> None:
    told = replayed(silence)
    replay = told.replay
    assert (replay.since, replay.until, told.months) == ("2025-07-02", "2026-07-01", 12)
    assert (replay.alerts, replay.right, replay.wrong, replay.open, replay.left) == (6, 6, 0, 0, 6)
    assert (replay.recall.value, replay.recall.n, replay.missed_accounts) == (1.0, 6, ())
    assert (replay.precision.value, replay.f1.value) == (1.0, 1.0)
    # A002: left on day 455, last used it on day 394, the first day of the grid past 414 is day 421.
    assert (replay.lead_days.value, replay.lead_days.high) == (34, 41)
    assert told.chance.precision.value is not None
    assert told.chance.precision.value < 0.2
    assert replay.false_alarms.reason == "how many managers share the alarms was not stated"
    kept = TriggerReplay.objects.get()
    assert {row.key for row in rows_behind(kept, "caught")} == {
        "A001",
        "A002",
        "A003",
        "A005",
        "A006",
        "A007",
    }
    assert {row.other for row in rows_behind(kept, "right")} == {
        date(2025, 9, 30), date(2025, 12, 30), date(2026, 3, 31),
    }  # fmt: skip
    assert rows_behind(kept, "missed") == []
    assert standing_of(silence).finding.startswith(
        "Silence: recall 100 % (3 % by chance), nobody left while green; right "
    )
    # Those that left are silent for good; whoever stays never was.
    keys = dict(Account.objects.values_list("pk", "key"))
    assert [keys[pk] for pk in past_of(kept)] == [f"A00{number}" for number in range(8)]


def fail_payment(account: str, number: int) -> None:
    failed = replace(quarter(account, number), attributes={"ended_because": "payment failed"})
    save_periods([failed], by="import:2", source="crm")


def test_an_alert_before_a_failed_payment_is_neither_right_nor_wrong(
    silence: Trigger, member_client: Client
) -> None:
    before = replayed(silence)
    fail_payment("A002", 4)
    told = replayed(silence)
    replay = told.replay
    assert (replay.alerts, replay.right, replay.wrong, replay.censored, replay.left) == (6, 5, 0, 1, 5)
    assert (replay.precision.value, replay.precision.n, replay.recall.n) == (1.0, 5, 5)
    # It was looked at on 13 of the 90 days before 30 December 2025: by chance too, these decide nothing.
    assert told.chance.precision.n == before.chance.precision.n - 13
    row = rows_behind(TriggerReplay.objects.get(), "censored")[0]
    assert (row.key, row.other) == ("A002", date(2025, 12, 30))
    page = member_client.get(f"{TRIGGERS}{silence.pk}/")
    assert ("censored", 1) in [(each.what, each.n) for each in page.context["counts"]]
    assert "Alerts neither right nor wrong: a payment failed within 90 days" in page.content.decode()
    rows = member_client.get(f"{TRIGGERS}{silence.pk}/rows/?what=censored").content.decode()
    assert "its payment failed on 30 Dec 2025, 34 days later: neither right nor wrong" in rows
    fail_payment("A010", 7)
    TriggerFiring.objects.create(
        version=version_of(silence), account=Account.objects.get(key="A010"), on=DAY + timedelta(days=7),
        value=30, repeated=False,
    )  # fmt: skip
    since = live(version_of(silence), DAY + timedelta(days=120))
    assert since is not None
    assert (since.replay.censored, since.replay.wrong, list(since.fates.values())) == (1, 0, ["censored"])


def test_a_figure_opens_the_rows_that_it_was_computed_from(
    silence: Trigger, member_client: Client, log: Callable[..., None]
) -> None:
    """One stays that was silent for six weeks, and one left whose payment had failed."""
    fail_payment("A002", 4)
    save_accounts([AccountRow("B", since=date(2024, 10, 1))], by="import:2", source="crm")
    save_periods([quarter("B", number) for number in range(8)], by="import:2", source="crm")
    weeks = [date(2024, 10, 1) + timedelta(days=7 * week) for week in range(90)]
    silent = date(2025, 10, 1), date(2025, 11, 12)
    log(*(("B", "P-B", "signed_in", day.isoformat()) for day in weeks if not silent[0] <= day < silent[1]))
    replay = replayed(silence).replay
    assert (replay.alerts, replay.right, replay.wrong, replay.censored, replay.left) == (7, 5, 1, 1, 5)
    page = member_client.get(f"{TRIGGERS}{silence.pk}/")
    opened = {}
    for each in page.context["figures"]:
        if each.estimate.value is not None:
            rows = member_client.get(f"{TRIGGERS}{silence.pk}/rows/{each.rows}")
            opened[each.label] = (rows.context["rows"].paginator.count, each.estimate.n)
            assert f'href="{TRIGGERS}{silence.pk}/rows/{each.rows}"' in page.content.decode()
    assert set(opened) == {
        "Caught of those that left (recall)",
        "Right of its alerts (precision)",
        "Lead time",
    }
    assert all(rows == n > 0 for rows, n in opened.values())
    assert opened["Right of its alerts (precision)"] == (6, 6)


def test_a_replay_that_an_earlier_version_kept_is_made_again_before_it_counts(
    silence: Trigger, lead_client: Client
) -> None:
    replayed(silence)
    kept = TriggerReplay.objects.get()
    assert kept.record is not None
    del kept.record["replay"]["censored"]
    kept.save()
    for address in (TRIGGERS, f"{TRIGGERS}{silence.pk}/"):
        assert "replayed by an earlier version of Heed" in lead_client.get(address).content.decode()
    lead_client.post(f"{TRIGGERS}{silence.pk}/switch/", {"do": "on"})
    silence.refresh_from_db()
    assert not silence.is_on


def test_a_rule_that_sees_only_part_of_them_names_who_it_missed(silence: Trigger) -> None:
    triggering.change_trigger(silence, Rule("cases_opened", "above", 0), by=BY)
    assert replay_version(version_of(silence), DAY, by=BY).reason.startswith(
        "Its metric was known of no account"
    )
    triggering.change_trigger(silence, Rule("days_since_usage", "above", 1000), by=BY)
    told = replayed(silence)
    assert (told.replay.alerts, len(told.replay.missed_accounts), told.replay.recall.value) == (0, 6, 0.0)
    assert told.replay.precision.reason == "it would not have fired, or nothing is decided yet"
    nearest = [row.value for row in rows_behind(TriggerReplay.objects.latest("pk"), "missed")]
    assert all(value is not None and 50 <= value <= 63 for value in nearest)
    assert standing_of(silence).finding == "Silence would not have fired once; 6 accounts left"


def test_what_is_recorded_later_changes_nothing_of_a_past_day(
    silence: Trigger, log: Callable[..., None]
) -> None:
    before = replayed(silence)
    rows = [(f"A{n:03d}", None, "signed_in", (date(2025, 11, 1) + timedelta(days=7 * week)).isoformat())
            for n in range(8) for week in range(20)]  # fmt: skip
    log(*rows, recorded_at=datetime(2026, 7, 1, 20, tzinfo=UTC))
    after = replayed(silence)
    assert after.replay == before.replay
    log(*rows, recorded_at=datetime(2025, 7, 1, tzinfo=UTC))
    assert replayed(silence).replay != before.replay


def test_bad_pasts_are_told_in_words(company: None, admin_client: Client) -> None:
    made = make_trigger("Silence", SILENT, by=BY)
    early = replay_version(version_of(made), date(2024, 10, 20), by=BY)
    assert early.reason.startswith("Its metric has been known for less than a month")
    half = replayed(made, date(2025, 5, 1))
    assert (half.months, half.replay.left) == (6, 0)
    assert half.replay.recall.reason == "no account left in these 6 months"
    TriggerReplay.objects.exclude(reason="").delete()
    TriggerReplay.objects.update(as_of=DAY - timedelta(days=400))
    page = admin_client.get(f"{TRIGGERS}{made.pk}/").content.decode()
    assert "no account left in these 6 months, so it could catch none" in page
    assert "known for 6 months only" in page
    assert "older than 7 days" in page
    MetricDefinition.objects.filter(key="days_since_usage").update(is_current=False)
    gone = replay_version(version_of(made), DAY, by=BY)
    assert gone.reason == "Its metric is not measured any more. Change the trigger to another one."
    page = admin_client.get(f"{TRIGGERS}{made.pk}/").content.decode()
    assert "not measured any more" in page
    assert "Switch it on" not in page
    assert "not measured any more" in admin_client.get(TRIGGERS).content.decode()


def test_it_stays_off_until_this_very_version_was_replayed_lately(
    silence: Trigger, lead_client: Client, member_client: Client
) -> None:
    switch = f"{TRIGGERS}{silence.pk}/switch/"

    def switched() -> str:
        answer = lead_client.post(switch, {"do": "on"}, follow=True)
        silence.refresh_from_db()
        return "on" if silence.is_on else str(next(iter(answer.context["messages"])))

    assert switched() == (
        "It stays off. This version was not replayed yet: see first what it would have caught and missed."
    )
    replayed(silence)
    TriggerReplay.objects.update(as_of=DAY - timedelta(days=8))
    assert switched() == "It stays off. Its last replay is older than 7 days. Replay it again."
    TriggerReplay.objects.update(as_of=DAY)
    given = next(each for each in starter_definitions() if each["key"] == "days_since_usage")
    new_version({**given, "activities": ["case.opened"]}, by=BY)
    assert switched() == "It stays off. Its metric was changed since it was replayed. Replay it again."
    new_version(given, by=BY)
    assert "Replay it again" in switched()
    triggering.change_trigger(silence, Rule("days_since_usage", "above", 25), by=BY)
    assert "was not replayed yet" in switched()
    assert AuditEntry.objects.filter(action="switch trigger").count() == 0
    replayed(silence)
    assert member_client.post(switch, {"do": "on"}).status_code == 403
    assert switched() == "on"
    entry = AuditEntry.objects.get(action="switch trigger")
    assert entry.after == {"is_on": True, "version": 2, "replayed_on": "2026-07-01"}
    assert (silence.looked_on, len(silence.past)) == (DAY, 8)
    triggering.change_trigger(silence, SILENT, by=BY)
    assert not silence.is_on
    assert version_of(silence).version == 3


def test_a_switch_is_of_the_version_that_was_in_sight(silence: Trigger, lead_client: Client) -> None:
    """Somebody else changes the rule while the page is open."""
    address, switch = f"{TRIGGERS}{silence.pk}/", f"{TRIGGERS}{silence.pk}/switch/"

    def said(do: str) -> tuple[str, bool]:
        answer = lead_client.post(switch, {"do": do, "version": "1"}, follow=True)
        silence.refresh_from_db()
        return str(next(iter(answer.context["messages"]))), silence.is_on

    replayed(silence)
    assert '<input type="hidden" name="version" value="1">' in lead_client.get(address).content.decode()
    triggering.change_trigger(silence, Rule("days_since_usage", "above", 25), by=BY)
    replayed(silence)
    refused = (
        "Nothing was switched. Its rule was changed meanwhile: version 2 is in force. Look at that first."
    )
    assert said("on") == (refused, False)
    assert not AuditEntry.objects.filter(action="switch trigger").exists()
    triggering.switch_on(silence, by=BY, version=2)
    assert said("on") == (refused, True)
    assert lead_client.post(switch, {"do": "on", "version": "2" * 5_000}).status_code == 302
    assert AuditEntry.objects.filter(action="switch trigger").count() == 1
    assert '<input type="hidden" name="version" value="2">' in lead_client.get(address).content.decode()
    # Who wants it to stop is not asked which rule they had in sight.
    assert said("off") == ("It is off: it fires no more.", False)


def measured(values: dict[str, float], as_of: date) -> None:
    row = MetricDefinition.objects.get(key="days_since_usage", is_current=True)
    for key, value in values.items():
        account = Account.objects.get(key=key)
        told = {"as_of": as_of, "value": value}
        MetricValue.objects.update_or_create(account=account, metric=row, defaults=told)


def test_once_on_it_fires_once_at_who_comes_to_be_past_it(
    silence: Trigger, member_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed(silence)
    triggering.switch_on(silence, by=BY)
    first = DAY + timedelta(days=7)
    # A001 has left and was past it before; A010 comes to be; A011 is as ever.
    measured({"A001": 300, "A010": 30, "A011": 3}, first)
    assert look_at_triggers(DAY + timedelta(days=6), by=BY) == Looked()
    assert look_at_triggers(first, by=BY) == Looked(1, 1)
    assert look_at_triggers(first, by=BY) == Looked()
    fired = TriggerFiring.objects.get()
    assert (fired.account.key, fired.on, fired.value, fired.repeated) == ("A010", first, 30, False)
    measured({"A001": 307, "A010": 3, "A011": 3}, DAY + timedelta(days=14))
    measured_none = look_at_triggers(DAY + timedelta(days=15), by=BY)
    assert measured_none == Looked(), "nothing was measured that day, so it waits"
    assert look_at_triggers(DAY + timedelta(days=14), by=BY) == Looked(1, 0)
    measured({"A001": 314, "A010": 22, "A011": 22}, DAY + timedelta(days=21))
    assert look_at_triggers(DAY + timedelta(days=21), by=BY) == Looked(1, 2)
    again = {each.account.key: each.repeated for each in TriggerFiring.objects.filter(on__gt=first)}
    assert again == {"A010": True, "A011": False}
    measured({"A010": 29, "A011": 29}, DAY + timedelta(days=28))
    assert look_at_triggers(DAY + timedelta(days=28), by=BY) == Looked(1, 0), "they were past it already"
    found = live(version_of(silence), DAY + timedelta(days=21))
    assert found is not None
    assert (found.replay.alerts, found.replay.open) == (2, 2)
    # All of them reach the end of their last term on 29 September: 84 days after the first alert.
    later = live(version_of(silence), DAY + timedelta(days=120))
    assert later is not None
    assert (later.replay.right, later.replay.wrong, later.replay.precision.value) == (2, 0, 1.0)
    # On the metric as it was replayed, or not at all.
    given = next(each for each in starter_definitions() if each["key"] == "days_since_usage")
    new_version({**given, "activities": ["case.opened"]}, by=BY)
    measured({"A012": 30}, DAY + timedelta(days=35))
    assert look_at_triggers(DAY + timedelta(days=35), by=BY) == Looked()
    assert TriggerFiring.objects.count() == 3
    monkeypatch.setenv("HEED_NOW", "2026-11-01T08:00:00+00:00")
    page = member_client.get(f"{TRIGGERS}{silence.pk}/").content.decode()
    assert "Switch it off" not in page
    assert "Right since it was switched on" in page
    assert "Fired since this version was switched on" in page


def test_a_replay_is_asked_for_once_and_made_by_the_worker(
    silence: Trigger, lead_client: Client, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    before = lead_client.get(f"{TRIGGERS}{silence.pk}/rows/?what=others")
    assert before.status_code == 404, "also where none was kept"
    asked: list[tuple[Any, ...]] = []

    class Waits:
        state = "waiting"

    monkeypatch.setattr("heed.ledger.durable._enqueue", lambda options, args: asked.append(args))
    monkeypatch.setattr("heed.ledger.durable.find_job", lambda job_id: Waits())
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            assert lead_client.post(f"{TRIGGERS}{silence.pk}/replay/").status_code == 302
    assert [args[0] for args in asked] == [version_of(silence).pk]
    page = lead_client.get(f"{TRIGGERS}{silence.pk}/").content.decode()
    assert f"{TRIGGERS}{silence.pk}/progress/" in page
    assert "HX-Refresh" not in lead_client.get(f"{TRIGGERS}{silence.pk}/progress/").headers
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:01:00+00:00")
    replay_trigger(*asked[0])
    assert lead_client.get(f"{TRIGGERS}{silence.pk}/progress/").headers["HX-Refresh"] == "true"
    page = lead_client.get(f"{TRIGGERS}{silence.pk}/").content.decode()
    assert "Silence: recall 100 % " in page
    assert "Switch it on" in page
    assert f"{TRIGGERS}{silence.pk}/rows/?what=missed" in page
    rows = lead_client.get(f"{TRIGGERS}{silence.pk}/rows/?what=caught").content.decode()
    assert "6 rows" in rows
    assert lead_client.get(f"{TRIGGERS}{silence.pk}/rows/?what=others").status_code == 404
    assert re.search(r"F1: \d+ % \[\d+–\d+\] · 12 months · n = 6 ", strip_tags(page))
    told = lead_client.get(f"{TRIGGERS}{silence.pk}/?format=csv").content.decode()
    assert '"right, of its alerts",100 %' in told or "right, of its alerts,100 %" in told
    assert lead_client.get(f"{TRIGGERS}{silence.pk}/?format=pdf").content[:4] == b"%PDF"
    found = lead_client.get(TRIGGERS)
    assert "1 of 1 triggers is right more often than alerts at random" in found.content.decode()


def test_one_is_made_from_a_published_rule_or_typed(metrics: None, lead_client: Client) -> None:
    assert "No trigger yet" in lead_client.get(TRIGGERS).content.decode()
    number = [each.metric for each in triggering.templates()].index("usage_14_days")
    told = {"name": "Usage drop", "template": str(number), "condition": "below", "quiet": "14"}
    assert lead_client.post(NEW, told).status_code == 302
    made = version_of(Trigger.objects.get(name="Usage drop"))
    assert (made.metric, made.side, made.threshold, made.quiet) == ("usage_14_days", "below", 0.8, 14)
    assert MetricDefinition.objects.get(key="usage_14_days").is_current
    falls = OWN | {"name": "Fewer days", "metric": "days_active", "condition": "falls", "value": "40"}
    assert lead_client.post(NEW, falls).status_code == 302
    made = version_of(Trigger.objects.get(name="Fewer days"))
    assert (made.metric, made.side, made.threshold) == ("days_active_to_usual", "below", 0.6)
    usual = MetricDefinition.objects.get(key="days_active_to_usual").definition
    assert usual["comparison"] == {"against": "own_baseline", "windows": 3, "result": "ratio"}
    change = f"{TRIGGERS}{Trigger.objects.get(name='Fewer days').pk}/change/"
    assert lead_client.post(change, {k: v for k, v in OWN.items() if k != "name"}).status_code == 302
    assert Trigger.objects.get(name="Fewer days").versions.count() == 2


def test_a_change_over_a_version_that_was_replaced_meanwhile_is_refused_until_that_is_seen(
    metrics: None, lead_client: Client
) -> None:
    """Two tabs of the same form: the second would undo the first unseen."""
    made = make_trigger("Silence", SILENT, by=BY)
    change = f"{TRIGGERS}{made.pk}/change/"
    opened = str(lead_client.get(change).context["form"]["based_on"].value())
    own = {key: value for key, value in OWN.items() if key != "name"} | {"based_on": opened}
    first = own | {"value": "25"}
    for _ in range(2):  # the same again is no change
        assert lead_client.post(change, first).status_code == 302
    entries, metrics_kept = AuditEntry.objects.count(), MetricDefinition.objects.count()
    falls = own | {"metric": "days_active", "condition": "falls", "value": "40"}
    refused = lead_client.post(change, falls)
    said = refused.context["form"].non_field_errors()[0]
    assert said.startswith("Version 2 was put in force since you opened this page")
    assert "Version 2 is in force: fires when Days since last use comes to be above 25" in (
        refused.content.decode()
    )
    again = {name: str(refused.context["form"][name].value()) for name in own}
    assert again == falls | {"based_on": "2"}, "what was typed stands, over the version in sight"
    assert version_of(made).version == 2
    assert (AuditEntry.objects.count(), MetricDefinition.objects.count()) == (entries, metrics_kept)
    assert lead_client.post(change, again).status_code == 302
    assert (version_of(made).version, version_of(made).threshold) == (3, 0.6)


@pytest.mark.parametrize(
    ("told", "field", "says"),
    [
        (OWN | {"name": ""}, "name", "required"),
        (OWN | {"metric": "moon_phase"}, "metric", "not one of the available choices"),
        (OWN | {"metric": ""}, "metric", "Your own rule needs this"),
        (OWN | {"value": ""}, "value", "Your own rule needs this"),
        (OWN | {"value": "nan"}, "value", "number"),
        (OWN | {"value": "many"}, "value", "number"),
        (OWN | {"quiet": "-1"}, "quiet", "greater than or equal to 0"),
        (OWN | {"condition": "falls", "value": "120"}, "value", "from 1 to 100"),
        (OWN | {"condition": "falls"}, "condition", "no baseline of its own"),
        (OWN | {"template": "0"}, "template", "Choose one"),
    ],
)
def test_bad_rules_are_refused_and_nothing_is_kept(
    told: dict[str, str], field: str, says: str, metrics: None, lead_client: Client
) -> None:
    answer = lead_client.post(NEW, told)
    assert answer.status_code == 200
    assert says in " ".join(answer.context["form"].errors[field])
    assert not Trigger.objects.exists()
    assert not MetricDefinition.objects.filter(key__endswith="_to_usual").exists()


def test_a_button_pressed_twice_keeps_one(metrics: None, lead_client: Client) -> None:
    number = [each.metric for each in triggering.templates()].index("usage_14_days")
    template = {"name": "Usage drop", "template": str(number), "condition": "below", "quiet": "14"}
    falls = OWN | {"name": "Fewer days", "metric": "days_active", "condition": "falls", "value": "40"}
    for told in (OWN, template, falls):
        said = [lead_client.post(NEW, told, follow=True) for _ in range(2)]
        address = f"{TRIGGERS}{Trigger.objects.get(name=told['name']).pk}/"
        assert [each.redirect_chain for each in said] == [[(address, 302)]] * 2
        assert [str(next(iter(each.context["messages"]))).split(",")[0] for each in said] == [
            "The trigger is kept", "There is this trigger already",
        ]  # fmt: skip
    silence = Trigger.objects.get(name="Silence")
    triggering.change_trigger(silence, Rule("days_since_usage", "above", 25), by=BY)
    entries = AuditEntry.objects.count()
    assert lead_client.post(NEW, OWN).headers["Location"] == f"{TRIGGERS}{silence.pk}/"
    for other in ({"value": "25"}, {"quiet": "7"}, {"name": "silence"}):
        refused = lead_client.post(NEW, OWN | other)
        assert "trigger of this name" in refused.context["form"].errors["name"][0]
    assert (Trigger.objects.count(), TriggerVersion.objects.count()) == (3, 4)
    assert AuditEntry.objects.count() == entries


def test_a_name_is_taken_once(metrics: None, lead_client: Client) -> None:
    make_trigger("Silence", SILENT, by=BY)
    answer = lead_client.post(NEW, OWN | {"name": "silence"})
    assert "trigger of this name" in " ".join(answer.context["form"].errors["name"])
    assert Trigger.objects.count() == 1
    with pytest.raises(TriggerRefused):
        make_trigger("Other", Rule("days_since_usage", "beside", 20), by=BY)
