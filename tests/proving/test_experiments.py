"""Experiments and plays on record: what is drawn, what may be said of it, and what is never said."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.test import Client

from heed.customers.models import Account, SubscriptionPeriod
from heed.evidence.estimate import Estimate
from heed.ledger import outbox
from heed.ledger.models import AuditEntry, OutboxEntry
from heed.measures.actions import ensure_starter_metrics
from heed.people.models import User
from heed.proving import experimenting
from heed.proving.experimenting import (
    ExperimentRefused,
    decide_experiment,
    design_experiment,
    follow_experiments,
    start_experiment,
)
from heed.proving.experiments import experiments_page, look_chart, standing_of
from heed.proving.fates import Spells, due_dates, renewals_lately, still_pays
from heed.proving.models import Experiment, ExperimentArm, ExperimentDecision, PlayEffect, TouchRate
from heed.proving.planning import planned
from heed.proving.play_effects import MeasuredPlay, OutcomeEffect, measure_plays, rows_of
from heed.proving.plays import PlayRow, Told, play_row, plays_on_record
from heed.proving.touches import measure_touches, touches_page
from heed.stream import Activity, AppTransaction, Stream, as_table

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 22)
MORNING = datetime(2026, 11, 22, 8, tzinfo=UTC)
EFFECT = 0.2


@pytest.fixture(autouse=True)
def _morning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_NOW", MORNING.isoformat())


Later = Callable[[int], date]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """So many days later it is that day."""

    def go(days: int) -> date:
        monkeypatch.setenv("HEED_NOW", (MORNING + timedelta(days=days)).isoformat())
        return DAY + timedelta(days=days)

    return go


def make_accounts(count: int, *, left: Sequence[int] = (), left_on: date = date(2026, 6, 1)) -> list[str]:
    """Accounts on one-year terms that renew ten days from now; those `left` stopped paying."""
    given = {"source": "test", "created_at": MORNING, "changed_at": MORNING}
    accounts = Account.objects.bulk_create(
        Account(
            key=f"A{n:04}",
            name=f"Account {n}",
            attributes={"segment": "small" if n % 2 else "large"},
            **given,
        )
        for n in range(count)
    )
    told = {"currency": "EUR", "source": "test", "recorded_at": datetime(2024, 1, 1, tzinfo=UTC)}
    SubscriptionPeriod.objects.bulk_create(
        SubscriptionPeriod(
            account=account, key=f"P{n}-{year}", subscription=account.key, monthly_amount=Decimal(100),
            starts_on=date(year, 12, 2), renews_on=date(year + 1, 12, 2),
            ends_on=(left_on if n in left else None) if year == 2025 else date(year + 1, 12, 2), **told,
        )
        for n, account in enumerate(accounts)
        for year in (2024, 2025)
    )  # fmt: skip
    return [account.key for account in accounts]


def tell(stream: Stream, rows: Sequence[tuple[str, str, date, float | None, dict[str, Any] | None]]) -> None:
    """Append activities (account, name, day, value, properties), recorded on their day."""
    activities = [
        Activity(
            source="test", id=f"{name}-{account}-{day}-{number}", account=account, name=name,
            at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC), value=value,
            properties=None if said is None else json.dumps(said), batch="import:1",
        )
        for number, (account, name, day, value, said) in enumerate(rows)
    ]  # fmt: skip
    stream.append(as_table(activities), transaction=AppTransaction("test", 1), recorded_at=MORNING)
    stream.roll_up()


ASSIGNED_ON = date(2025, 10, 1)


@pytest.fixture
def company(stream: Stream) -> dict[str, Any]:
    """280 accounts with three plays: one that lifts the outcome by 0.2, one that does nothing, and a dinner
    that went to those who did well already; of the leavers nearly all were left without the good play."""
    ensure_starter_metrics()
    random = np.random.default_rng(4)
    n = 280
    level = random.normal(0.5, 0.15, n)
    good, null = random.random(n) < 0.5, random.random(n) < 0.5
    seen = level + random.normal(0, 0.03, n)
    chosen = random.random(n) < 1 / (1 + np.exp(-(seen - 0.5) / 0.15 * 1.5))
    left = np.flatnonzero(random.random(n) < np.where(good, 0.05, 0.2))
    keys = make_accounts(n, left=left.tolist())
    rows: list[tuple[str, str, date, float | None, dict[str, Any] | None]] = []
    for number, key in enumerate(keys):
        after = level[number] + EFFECT * good[number] + random.normal(0, 0.05)
        rows.append((key, "outcome.progress", date(2025, 9, 1), seen[number], None))
        for play, arms in (("good play", good), ("null play", null)):
            arm = "treated" if arms[number] else "holdout"
            rows.append((key, "play.assigned", ASSIGNED_ON, None, {"play": play, "arm": arm}))
        if chosen[number]:
            rows.append((key, "play.assigned", ASSIGNED_ON, None, {"play": "dinner", "arm": "chosen"}))
        rows.append((key, "outcome.progress", date(2026, 3, 1), after, None))
    tell(stream, rows)
    return {"good": int(good.sum()), "chosen": int(chosen.sum()), "left": len(left), "keys": keys}


def measured(play: str) -> MeasuredPlay:
    return MeasuredPlay.from_record(PlayEffect.objects.get(play=play).record)


def test_plays_on_record_are_found_for_what_they_are(company: dict[str, Any], lead_client: Client) -> None:
    done = measure_plays(DAY, by="test")
    assert (done.plays, done.written) == (3, 3)

    good = measured("good play")
    assert good.arms == {"treated": company["good"], "holdout": 280 - company["good"]}
    effect = good.outcome("progress").estimate
    assert effect.low is not None
    assert effect.high is not None
    assert 0 < effect.low < EFFECT < effect.high
    assert effect.high - effect.low < 0.05, "the value before takes the spread out"
    assert play_row("good play").leading.words == "works"
    stayed = good.outcome("stayed").estimate
    assert stayed.low is not None
    assert stayed.low > 0
    assert good.outcome("stayed").known == good.arms

    null = play_row("null play")
    assert null.progress.words == "no effect shown"
    assert null.measured.outcome("progress").least is not None
    assert "success" not in null.progress.words
    assert null.progress.tone == ""

    dinner = measured("dinner").outcome("progress")
    assert measured("dinner").randomised is False
    assert dinner.naive is not None
    assert dinner.naive.low is not None
    assert dinner.naive.low > 0.05
    corrected = dinner.estimate
    assert corrected.low is not None
    assert corrected.high is not None
    assert corrected.low < 0 < corrected.high
    assert dinner.in_common is not None
    assert 0.1 < dinner.in_common < 0.9
    assert dinner.e_value is not None
    assert dinner.e_limit == 1

    page = lead_client.get("/prove/experiments/").content.decode()
    assert "Good play works; null play shows no effect; dinner was not randomised" in page
    assert "would have seen ±" in page
    assert "not randomised, corrected; raw difference +0.1" in page
    own = lead_client.get("/prove/experiments/plays/dinner/").content.decode()
    assert "not randomised" in own
    assert "E-value" in own
    assert "raw difference, misleading" in own
    rows = lead_client.get("/prove/experiments/play-rows/dinner/?arm=chosen").content.decode()
    assert f"{company['chosen']} accounts" in rows
    touches = lead_client.get("/prove/touches/").content.decode()
    assert "dinner (not randomised)" in touches
    assert "No delivery has a verdict yet" in touches
    told = lead_client.get("/prove/experiments/plays/dinner/?format=csv").content.decode()
    raw = next(line for line in told.splitlines() if line.startswith('"raw difference'))
    assert re.fullmatch(r'"raw difference, misleading",0\.1\d?,\[0\.\d+–0\.\d+\],.* given it', raw), raw
    told = lead_client.get("/prove/touches/?format=csv").content.decode()
    assert "\ngood play,0." in told


def test_every_account_given_a_play_is_among_its_rows(stream: Stream, lead_client: Client) -> None:
    """Account 0 left before it was given: nobody compares with it, and it is counted among the given."""
    ensure_starter_metrics()
    keys = make_accounts(60, left=[0], left_on=date(2025, 12, 10))
    on, said = date(2026, 2, 1), {"play": "dinner", "arm": "chosen"}
    tell(stream, [(key, "play.assigned", on, None, said) for key in keys[:30]])
    measure_plays(DAY, by="test")
    assert measured("dinner").arms == {"chosen": 30, "not given": 30}
    assert measured("dinner").outcome("stayed").known["given"] == 29
    for arm, rows in (("chosen", 30), ("not given", 30), ("", 60)):
        page = lead_client.get("/prove/experiments/play-rows/dinner/", {"arm": arm})
        assert page.context["rows"].paginator.count == rows


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        (date(2024, 9, 19), date(2026, 9, 28), "from 19 September 2024 to 28 September 2026"),
        (date(2025, 8, 22), date(2025, 9, 20), "from 22 August 2025 to 20 September 2025"),
        (date(2026, 8, 22), date(2026, 9, 20), "from 22 August to 20 September"),
    ],
)
def test_the_last_day_of_a_play_has_its_year_beside_one_of_another(
    first: date, last: date, told: str
) -> None:
    found = MeasuredPlay("dinner", False, {}, first, last, None, False, None, ())
    assert PlayRow("dinner", found, DAY).between_days == told


def test_what_nobody_randomised_is_never_said_to_work() -> None:
    clear = Estimate(0.2, 0.1, 0.3, 100)
    effect = OutcomeEffect("progress", clear, {}, naive=Estimate(0.4, 0.3, 0.5, 100))
    assert (Told(effect, True).verdict, Told(effect, True).words) == ("works", "works")
    loose = Told(effect, False)
    assert (loose.verdict, loose.tone) == ("left", "warn")
    assert loose.words == "not randomised; a difference is left after correction"
    assert loose.note == "not randomised, corrected; raw difference +0.4 [0.3–0.5]"


def test_measuring_again_writes_nothing_and_rows_are_kept_for_the_latest_day(
    company: dict[str, Any], later: Later
) -> None:
    measure_plays(DAY, by="test")
    assert measure_plays(DAY, by="test").written == 0
    assert measure_plays(later(1), by="test").written == 2, "the dinner is measured once a week"
    first, second = PlayEffect.objects.filter(play="good play").order_by("as_of")
    assert rows_of(first).empty
    assert len(rows_of(second)) == 280
    assert PlayEffect.objects.get(play="dinner").as_of == DAY


def test_figures_of_a_day_see_only_what_was_recorded_by_then(company: dict[str, Any]) -> None:
    measure_plays(date(2025, 12, 1), by="test")
    good = measured("good play").outcome("progress")
    assert good.estimate.value is None
    assert good.known == {"treated": 0, "holdout": 0}


def test_a_broken_ratio_makes_the_effect_unknown_with_its_reason(stream: Stream, lead_client: Client) -> None:
    keys = make_accounts(200)
    said = [{"play": "tilted", "arm": "treated" if n < 140 else "holdout"} for n in range(200)]
    tell(stream, [
        *((key, "play.assigned", ASSIGNED_ON, None, each) for key, each in zip(keys, said, strict=True)),
        *((key, "outcome.progress", date(2026, 3, 1), 0.4 + n % 5 / 10, None) for n, key in enumerate(keys)),
    ])  # fmt: skip
    measure_plays(DAY, by="test")
    found = measured("tilted")
    assert found.ratio is not None
    assert found.ratio.broken
    for outcome in found.outcomes:
        assert outcome.estimate.value is None
        assert outcome.estimate.reason == (
            "the arms are not filled as planned (treated 140 instead of 100, holdout 60 instead of 100), "
            "so something decides besides chance"
        )
    assert "treated 140 instead of 100" in lead_client.get("/prove/experiments/").content.decode()


def test_a_planned_share_that_the_assignments_tell_is_what_the_ratio_is_held_against(stream: Stream) -> None:
    keys = make_accounts(200)
    said = [{"play": "few", "arm": "treated" if n < 140 else "holdout", "share": 0.7} for n in range(200)]
    tell(
        stream,
        [(key, "play.assigned", ASSIGNED_ON, None, each) for key, each in zip(keys, said, strict=True)],
    )
    measure_plays(DAY, by="test")
    found = measured("few")
    assert found.ratio is not None
    assert not found.ratio.broken
    assert found.share == pytest.approx(0.7)
    assert found.share_told
    assert found.outcome("progress").estimate.reason == "no outcome is known yet"
    assert found.outcome("stayed").estimate.value == 0


@pytest.mark.parametrize("metrics", [True, False])
def test_a_play_that_held_nobody_out_is_not_taken_for_randomised(stream: Stream, metrics: bool) -> None:
    if metrics:
        ensure_starter_metrics()
    keys = make_accounts(60)
    tell(
        stream, [(key, "play.assigned", ASSIGNED_ON, None, {"play": "all", "arm": "treated"}) for key in keys]
    )
    measure_plays(DAY, by="test")
    found = play_row("all")
    assert found.measured.randomised is False
    assert found.progress.verdict == "unknown"
    assert "nobody to compare" in found.progress.effect.estimate.reason


# Experiments of our own


def a_design(**other: Any) -> Experiment:
    given: dict[str, Any] = {
        "name": "guided first report", "purpose": "They see their own figures in week one.", "metric": "",
        "days": 30, "held_share": 0.5, "smallest_effect": -0.1, "watching": "obrien_fleming", "looks": 2,
        "weeks": 1, "segment": None,
    }  # fmt: skip
    return Experiment(**(given | other))


@pytest.fixture
def running(lead: User, stream: Stream) -> Experiment:
    make_accounts(200)
    made = design_experiment(a_design(), user=lead, by=lead.actor)
    start_experiment(made, user=lead, by=lead.actor)
    return made


TYPED = {
    "name": "guided first report", "purpose": "They see their own figures.", "outcome": "renewed",
    "days": "30", "held_percent": "40", "smallest": "-10", "watching": "obrien_fleming", "looks": "2",
    "segment": "", "weeks": "1",
}  # fmt: skip


def test_the_planner_answers_before_anything_is_saved(lead_client: Client, stream: Stream) -> None:
    ensure_starter_metrics()
    make_accounts(300, left=range(20), left_on=date(2026, 11, 10))
    page = lead_client.post("/prove/experiments/new/", TYPED | {"do": "plan"}).content.decode()
    assert "What the planner says" in page
    assert "Accounts needed" in page
    assert "guided first report" in page
    assert "They see their own figures." in page
    assert Experiment.objects.count() == 0

    answer = lead_client.post("/prove/experiments/new/", TYPED | {"do": "save"})
    made = Experiment.objects.get()
    assert answer["Location"] == f"/prove/experiments/{made.pk}/"
    assert (made.held_share, made.smallest_effect, made.started_on) == (0.4, -0.1, None)
    assert ExperimentArm.objects.count() == 0
    assert "designed, not started" in lead_client.get(answer["Location"]).content.decode()

    again = lead_client.post("/prove/experiments/new/", TYPED | {"do": "save"})
    assert again["Location"] == answer["Location"]
    other = lead_client.post("/prove/experiments/new/", TYPED | {"do": "save", "days": "31"})
    assert "There is an experiment of this name" in other.content.decode()
    assert Experiment.objects.count() == 1
    assert AuditEntry.objects.filter(action="design experiment").count() == 1


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"name": ""}, "This field is required"),
        ({"smallest": "0"}, "An effect of 0 cannot be found"),
        ({"smallest": "nan"}, "id_smallest"),
        ({"smallest": "1e-300"}, "too small or too large to plan for"),
        ({"outcome": "outcome_progress", "smallest": "-1e300"}, "too small or too large to plan for"),
        ({"smallest": "100"}, "cannot change by 100 points"),
        ({"held_percent": "100"}, "less than or equal to 90"),
        ({"looks": ""}, "Say how many looks"),
        ({"outcome": "no_such_metric"}, "no_such_metric"),
    ],
)
def test_a_design_that_cannot_be_is_refused_and_nothing_is_lost(
    lead_client: Client, stream: Stream, typed: dict[str, str], says: str
) -> None:
    page = lead_client.post("/prove/experiments/new/", TYPED | typed | {"do": "save"}).content.decode()
    assert says in page
    assert "They see their own figures." in page
    assert Experiment.objects.count() == 0
    assert AuditEntry.objects.count() == 0


def test_a_name_that_is_on_record_is_refused(lead: User) -> None:
    PlayEffect.objects.create(play="good play", as_of=DAY, made_at=MORNING, record={})
    with pytest.raises(ExperimentRefused, match="on record") as refused:
        design_experiment(a_design(name="Good Play"), user=lead, by=lead.actor)
    assert refused.value.field == "name"
    assert Experiment.objects.count() == 0


def test_what_the_planner_says_follows_from_the_past(lead: User, stream: Stream) -> None:
    """300 pay, all have a renewal within 30 days; of the renewals of the last weeks none was due, 0 known."""
    make_accounts(300)
    none = planned(a_design(), lead, DAY)
    assert (none.audience, none.expected) == (300, 300)
    assert none.base.value is None
    assert none.plan.treated_n is None

    year = planned(a_design(days=340), lead, DAY)
    # 347 days ago all 300 had just begun a term that ends in ten days from now, beyond the 340.
    assert year.base.value is None
    whole = planned(a_design(days=360, smallest_effect=-0.1), lead, DAY)
    assert whole.base.value == 1.0
    assert whole.base.n == 300
    assert whole.plan.treated_n is not None
    assert whole.weeks == -(-367 // 7)


def test_fates_are_read_from_contracts(stream: Stream) -> None:
    keys = make_accounts(3, left=[1], left_on=date(2026, 12, 2))
    due = due_dates(keys, DAY, 30)
    assert due["A0000"] == date(2026, 12, 2)
    assert due_dates(keys, DAY, 9)["A0000"] is None
    paid: Spells = {"a": [(date(2025, 1, 1), date(2026, 1, 1))], "b": [(date(2025, 1, 1), None)]}
    assert still_pays(paid, "a", date(2025, 6, 1), date(2025, 12, 31)) == 1.0
    assert still_pays(paid, "a", date(2025, 6, 1), date(2026, 1, 1)) == 0.0
    assert still_pays(paid, "a", date(2026, 2, 1), date(2026, 3, 1)) is None
    assert still_pays(paid, "b", date(2025, 6, 1), date(2030, 1, 1)) == 1.0
    lately = renewals_lately(date(2026, 12, 20), 30)
    assert lately.value == pytest.approx(2 / 3)
    assert lately.n == 3


def test_starting_draws_once_and_tells_the_stream(running: Experiment, lead: User, stream: Stream) -> None:
    arms = dict(running.arms.values_list("account__key", "arm"))
    assert len(arms) == 200
    assert set(arms.values()) == {"treated", "holdout"}
    assert start_experiment(running, user=lead, by=lead.actor) == 0
    assert dict(running.arms.values_list("account__key", "arm")) == arms
    assert OutboxEntry.objects.count() == 200
    outbox.drain()
    told = stream.activities_named(["play.assigned"], known_on=DAY).to_pylist()
    said = {row["account"]: json.loads(row["properties"]) for row in told}
    assert {key: each["arm"] for key, each in said.items()} == arms
    assert said["A0000"] == {
        "play": "guided first report", "arm": arms["A0000"], "share": 0.5, "experiment": running.pk,
    }  # fmt: skip


def test_starting_twice_over_the_page_assigns_once(lead_client: Client, lead: User, stream: Stream) -> None:
    make_accounts(40)
    made = design_experiment(a_design(), user=lead, by=lead.actor)
    for _ in range(2):
        lead_client.post(f"/prove/experiments/{made.pk}/start/")
    assert made.arms.count() == 40
    assert OutboxEntry.objects.count() == 40


def test_nobody_to_draw_is_refused(lead: User, stream: Stream) -> None:
    made = design_experiment(a_design(), user=lead, by=lead.actor)
    with pytest.raises(ExperimentRefused, match="Nobody in its audience pays now"):
        start_experiment(made, user=lead, by=lead.actor)
    made.refresh_from_db()
    assert made.started_on is None
    assert made.arms.count() == 0


def test_nothing_is_read_between_planned_looks(
    running: Experiment, later: Later, lead_client: Client
) -> None:
    assert follow_experiments(later(16), by="test").outcomes == 0, (
        "renewals of the 10th day settle for a week"
    )
    done = follow_experiments(later(17), by="test")
    assert (done.outcomes, done.looks) == (200, 1)
    found = standing_of(running)
    assert found.finding == "no effect shown"
    assert found.decision.look == 1
    assert found.estimate.value == 0
    assert "at most 5% raise a false alarm" in found.guarantee
    page = lead_client.get(f"/prove/experiments/{running.pk}/").content.decode()
    assert "Which guarantee holds" in page
    assert "no effect shown" in page
    rows = lead_client.get(f"/prove/experiments/{running.pk}/rows/?arm=holdout&known=1").content.decode()
    assert f"{running.arms.filter(arm='holdout').count()} accounts" in rows
    assert look_chart(found) is not None
    assert follow_experiments(later(18), by="test") == experimenting.Followed()


def test_a_running_experiment_is_not_read_on_the_side(
    running: Experiment, lead: User, lead_client: Client, stream: Stream
) -> None:
    outbox.drain()
    assert measure_plays(DAY, by="test").plays == 0
    assert plays_on_record() == ()
    assert lead_client.get("/prove/experiments/plays/guided%20first%20report/").status_code == 404
    assert [each.experiment for each in experiments_page().running] == [running]

    decide_experiment(running, "stop", "The product changed under it.", user=lead, by=lead.actor)
    assert measure_plays(DAY, by="test").plays == 1
    assert measured("guided first report").share == 0.5


def test_looks_are_taken_at_the_planned_parts_and_not_between(running: Experiment, later: Later) -> None:
    """Of two looks the first is at half of the 200: with 49 and 50 known it is too early, with 50 and 50
    it is time, with 80 and 80 nothing is read again, and with all it is the last."""
    assert (running.planned_treated, running.planned_held) == (100, 100)
    by_arm = {arm: list(running.arms.filter(arm=arm).order_by("pk")) for arm in ("treated", "holdout")}

    def known(treated: int, held: int) -> None:
        for arm, count in (("treated", treated), ("holdout", held)):
            first = [each.pk for each in by_arm[arm][:count]]
            running.arms.filter(pk__in=first).update(due_on=date(2026, 12, 2))
            running.arms.filter(arm=arm).exclude(pk__in=first).update(due_on=date(2027, 3, 1))

    looks = []
    for day, treated, held in ((17, 49, 50), (18, 50, 50), (19, 80, 80)):
        known(treated, held)
        looks.append(follow_experiments(later(day), by="test").looks)
        if day == 17:
            found = standing_of(running)
            assert found.estimate.value is None
            assert "look 1 of 2 is at about 100 known outcomes, 99 are known" in found.unknown
    assert looks == [0, 1, 0]
    assert standing_of(running).decision.estimate.n == 100
    assert follow_experiments(later(120), by="test").looks == 1
    assert standing_of(running).over


def test_everyone_in_one_arm_is_unknown(running: Experiment, later: Later) -> None:
    running.arms.filter(arm="holdout").delete()
    running.arms.filter(pk__in=running.arms.values("pk")[6:]).delete()
    follow_experiments(later(17), by="test")
    found = standing_of(running)
    assert found.estimate.value is None
    assert found.unknown == "everyone is in one arm, so there is nobody to compare with"
    assert found.finding == "nothing can be read yet"
    assert found.tone == "unknown"


def test_a_broken_ratio_of_an_experiment_makes_its_effect_unknown(running: Experiment, later: Later) -> None:
    running.arms.filter(pk__in=running.arms.filter(arm="holdout").values("pk")[60:]).delete()
    running.arms.filter(arm="holdout").exclude(pk__in=running.arms.filter(arm="holdout")[:20]).delete()
    follow_experiments(later(17), by="test")
    found = standing_of(running)
    assert found.ratio.broken
    assert found.estimate.value is None
    assert "not filled as planned" in found.unknown
    assert found.finding == "cannot be read: the arms are not filled as planned"
    assert look_chart(found) is None


def test_a_play_that_keeps_everyone_is_shown_to_work(running: Experiment, lead: User, later: Later) -> None:
    """Of the held out every second leaves at the renewal, of the treated nobody."""
    held = list(running.arms.filter(arm="holdout").order_by("pk").values_list("account", flat=True))
    gone = SubscriptionPeriod.objects.filter(account__in=held[::2], starts_on=date(2025, 12, 2))
    gone.update(ends_on=date(2026, 12, 2))
    follow_experiments(later(17), by="test")
    found = standing_of(running)
    share = len(held[::2]) / len(held)
    assert found.estimate.value == pytest.approx(share)
    assert found.estimate.low is not None
    assert found.estimate.low > 0.2
    assert found.finding == "works: the treated did better, beyond chance"


def test_a_metric_read_at_any_time(lead: User, stream: Stream, later: Later) -> None:
    ensure_starter_metrics()
    keys = make_accounts(100)
    made = design_experiment(
        a_design(metric="outcome_progress", watching="any_time", looks=1, smallest_effect=0.1),
        user=lead, by=lead.actor,
    )  # fmt: skip
    start_experiment(made, user=lead, by=lead.actor)
    arms = dict(made.arms.values_list("account__key", "arm"))
    random = np.random.default_rng(3)
    tell(stream, [
        (key, "outcome.progress", DAY + timedelta(days=20),
         0.4 + 0.3 * (arms[key] == "treated") + random.normal(0, 0.05), None)
        for key in keys
    ])  # fmt: skip
    done = follow_experiments(later(30), by="test")
    assert (done.outcomes, done.looks) == (100, 1)
    found = standing_of(made)
    assert found.finding == "works: the treated did better, beyond chance"
    assert found.estimate.low is not None
    assert found.estimate.high is not None
    assert 0.2 < found.estimate.low < 0.3 < found.estimate.high < 0.4
    assert "however often" in found.guarantee


def test_accounts_that_come_later_join_for_the_weeks_planned(
    lead: User, stream: Stream, later: Later
) -> None:
    make_accounts(50)
    late = SubscriptionPeriod.objects.filter(account__key="A0049")
    late.filter(starts_on=date(2024, 12, 2)).delete()
    late.update(starts_on=date(2026, 11, 25))
    made = design_experiment(a_design(weeks=2), user=lead, by=lead.actor)
    assert start_experiment(made, user=lead, by=lead.actor) == 49
    before = dict(made.arms.values_list("account__key", "arm"))
    assert follow_experiments(later(5), by="test").joined == 1
    after = dict(made.arms.values_list("account__key", "arm"))
    assert after.keys() - before.keys() == {"A0049"}
    assert before.items() <= after.items()
    assert OutboxEntry.objects.count() == 50


def test_a_decision_needs_a_reason_and_freezes_the_numbers(
    running: Experiment, lead_client: Client, later: Later
) -> None:
    address = f"/prove/experiments/{running.pk}/decide/"
    for reason in ("", "   ", "no"):
        page = lead_client.post(address, {"kind": "stop", "reason": reason}).content.decode()
        assert "Say why" in page
    with pytest.raises(ExperimentRefused, match="Say why"):
        decide_experiment(running, "stop", " no ", user=running.designed_by, by="test")
    assert ExperimentDecision.objects.count() == 0
    assert standing_of(running).state == "running"

    lead_client.post(address, {"kind": "stop", "reason": "The product changed under it."})
    made = ExperimentDecision.objects.get()
    assert made.numbers["unknown"].startswith("no look was taken yet")
    assert sum(made.numbers["drawn"].values()) == 200
    assert follow_experiments(later(17), by="test") == experimenting.Followed(), "it is over"

    lead_client.post(address, {"kind": "drop", "reason": "Nobody wants it any more, we hear."})
    first, second = ExperimentDecision.objects.order_by("pk")
    assert (first.kind, first.reason, first.numbers) == (made.kind, made.reason, made.numbers)
    assert second.kind == "drop"
    page = lead_client.get(f"/prove/experiments/{running.pk}/").content.decode()
    assert "guided first report: do not go on with it; nothing can be read yet</h1>" in page
    assert "it is decided; no look is taken any more" in page
    assert "nothing is read between" not in page.replace(made.numbers["unknown"], "")
    assert "The product changed under it." in page
    assert "Nobody wants it any more" in page
    decided = AuditEntry.objects.filter(action="decide experiment")
    assert [each.reason for each in decided] == [first.reason, second.reason]


def test_what_was_not_started_cannot_be_decided(lead: User, lead_client: Client, stream: Stream) -> None:
    made = design_experiment(a_design(), user=lead, by=lead.actor)
    address = f"/prove/experiments/{made.pk}/decide/"
    assert lead_client.post(address, {"kind": "adopt", "reason": "It is nice enough."}).status_code == 404
    with pytest.raises(ExperimentRefused, match="was not started"):
        decide_experiment(made, "adopt", "It is nice enough.", user=lead, by=lead.actor)
    assert ExperimentDecision.objects.count() == 0


def test_a_member_sees_and_does_not_start(member_client: Client, lead: User, stream: Stream) -> None:
    make_accounts(10)
    made = design_experiment(a_design(), user=lead, by=lead.actor)
    assert member_client.post(f"/prove/experiments/{made.pk}/start/").status_code == 403
    assert member_client.get("/prove/experiments/new/").status_code == 403
    page = member_client.get(f"/prove/experiments/{made.pk}/").content.decode()
    assert "Start the experiment" not in page
    assert made.arms.count() == 0


def test_no_experiments_and_no_plays_say_what_would_be_here(viewer_client: Client, stream: Stream) -> None:
    assert "Nothing was tested yet" in viewer_client.get("/prove/experiments/").content.decode()
    page = viewer_client.get("/prove/touches/").content.decode()
    assert "No play is on record" in page
    assert "No delivery has a verdict yet" in page


def test_deliveries_give_success_rates_with_partial_pooling(stream: Stream, viewer_client: Client) -> None:
    """12 of 24 in large accounts, 5 of 5 in small ones: 17 of 29, and 5 of 5 is not "100 %"."""
    keys = make_accounts(60)
    large, small = keys[::2][:24], keys[1::2][:5]
    verdicts = ["implemented"] * 12 + ["partly"] * 6 + ["not"] * 6 + ["implemented"] * 5
    said = {"touchpoint": "group training", "version": "1"}
    tell(stream, [
        *((key, "delivery.given", ASSIGNED_ON, None, said) for key in [*large, *small]),
        *((key, "delivery.verdict", ASSIGNED_ON, None, said | {"verdict": verdict})
          for key, verdict in zip([*large, *small], verdicts, strict=True)),
        (keys[59], "delivery.verdict", ASSIGNED_ON, None, said | {"verdict": "not_applicable"}),
    ])  # fmt: skip
    assert measure_touches(DAY) == 1
    (touch,) = touches_page().touches
    assert (touch.given, touch.not_applicable) == (29, 1)
    assert touch.rate.estimate.value == pytest.approx(17 / 29)
    assert touch.rate.estimate.n == 29
    assert touch.rate.verdict == "undecided"
    assert touch.segments["large"].value == pytest.approx(0.5, abs=0.08)
    few = touch.segments["small"]
    assert few.value is not None
    assert few.value < 0.95
    assert few.n == 5
    page = viewer_client.get("/prove/touches/").content.decode()
    assert "group training" in page
    assert "not decided yet" in page
    stream.withdraw(batch="import:1", recorded_at=MORNING, by="test")
    assert measure_touches(DAY) == 0
    assert TouchRate.objects.count() == 0
