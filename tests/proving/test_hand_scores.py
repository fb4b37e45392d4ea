"""Scores by hand: made, changed by version, overridden; their worth here and their parts down to the rows."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from unittest import mock

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from heed.customers.models import Account
from heed.evidence import metric_verdict
from heed.evidence.cards import ReportCard, report_card
from heed.evidence.estimate import Estimate
from heed.ledger import clock
from heed.ledger.models import AuditEntry
from heed.measures.actions import ensure_starter_metrics
from heed.measures.learning import learn
from heed.measures.models import LandmarkPanel, MetricDefinition, MetricValue, MetricVerdict
from heed.measures.panels import rows_of
from heed.people.models import User
from heed.proving import cards, hand_scores
from heed.proving.hand_score_pages import Kept, scores_chart, scores_finding
from heed.proving.hand_scores import JudgedScores, Worth, judge_scores
from heed.proving.models import HandScore, HandScoreVersion, ScoreCard, ScoreOverride
from tests.measures.conftest import log as log
from tests.measures.starting import start_with
from tests.measures.test_learning import BY, DAY, fill

pytestmark = pytest.mark.django_db
SCORES, NEW = "/prove/scores/", "/prove/scores/new/"
LINES = "days_active, 3, linear 0 20\ndays_since_usage, 1, step 31 down"


@pytest.fixture
def company(log: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """60 accounts of which 20 left, and the values of two that pay still."""
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:00:00+00:00")
    fill(log)
    for key, active, since in (("A050", 10.0, 3.0), ("A051", 5.0, None)):
        account = Account.objects.get(key=key)
        for metric, value in (("days_active", active), ("days_since_usage", since)):
            row = MetricDefinition.objects.get(key=metric, is_current=True)
            MetricValue.objects.create(
                account=account, metric=row, as_of=DAY, value=value, reason="" if value else "never used",
                earlier_value=20.0 if metric == "days_active" else value, earlier_as_of=date(2026, 6, 30),
            )  # fmt: skip


@pytest.fixture
def score(company: None, admin_client: Client) -> HandScore:
    answer = admin_client.post(NEW, {"name": "Health of ours", "template": "", "weights": LINES})
    assert answer.status_code == 302, answer.context["form"].errors
    return HandScore.objects.get()


def test_before_there_is_a_score_the_page_says_what_would_be_here(
    member_client: Client, admin_client: Client
) -> None:
    page = member_client.get(SCORES).content.decode()
    assert "No score by hand yet" in page
    assert "Make a score" not in page
    assert "Make a score" in admin_client.get(SCORES).content.decode()
    assert member_client.get(NEW).status_code == 403
    assert member_client.get(f"{SCORES}1/").status_code == 404


def test_typed_weights_become_the_first_version(score: HandScore, admin: User) -> None:
    version = score.versions.get()
    assert (version.version, version.is_current, version.made_by) == (1, True, admin.actor)
    assert version.record == {
        "name": "Health of ours", "version": "1", "caps": [], "segments": {}, "missing": "unknown",
        "floor": 0.5, "note": "",
        "parts": [
            {
                "metric": "days_active", "weight": 3.0,
                "curve": {"kind": "bounded", "worst": 0.0, "best": 20.0},
            },
            {
                "metric": "days_since_usage", "weight": 1.0,
                "curve": {"kind": "step", "knots": [31.0], "points": [100.0, 0.0]},
            },
        ],
    }  # fmt: skip
    assert AuditEntry.objects.filter(action="make hand score", by=admin.actor).count() == 1


def test_a_change_is_another_version_and_none_is_edited(score: HandScore, admin_client: Client) -> None:
    address = reverse("proving:hand_score", args=[score.pk])
    assert LINES in admin_client.get(address).content.decode()
    first = score.versions.get().record
    assert admin_client.post(address, {"weights": LINES}).status_code == 302
    assert score.versions.count() == 1
    assert admin_client.post(address, {"weights": "days_active, 1, step 4"}).status_code == 302
    assert list(score.versions.order_by("version").values_list("version", "is_current")) == [
        (1, False), (2, True),
    ]  # fmt: skip
    assert score.versions.get(version=1).record == first
    assert "days_active, 1, step 4" in admin_client.get(address).content.decode()
    refused = admin_client.post(address, {"weights": "days_active, 1, step many"})
    assert "“many” is no number" in refused.content.decode()
    assert "days_active, 1, step many" in refused.content.decode()
    assert score.versions.count() == 2


def test_a_change_over_a_version_that_was_replaced_meanwhile_is_refused_until_that_is_seen(
    score: HandScore, admin_client: Client
) -> None:
    """Two tabs of the same page: the second would undo the first unseen."""
    address = reverse("proving:hand_score", args=[score.pk])
    opened = str(admin_client.get(address).context["form"]["based_on"].value())
    first = {"weights": "days_active, 1, step 4", "based_on": opened}
    assert admin_client.post(address, first).status_code == 302
    assert admin_client.post(address, first).status_code == 302  # the same again is no change
    second = {"weights": "days_active, 1, step 9", "based_on": opened}
    refused = admin_client.post(address, second)
    assert "Version 2 was put in force" in refused.context["form"].errors["weights"][0]
    assert "days_active, 1, step 9" in refused.content.decode()
    assert score.versions.count() == 2
    again = {name: refused.context["form"][name].value() for name in ("weights", "based_on")}
    assert admin_client.post(address, again).status_code == 302
    assert score.versions.get(is_current=True).record["parts"][0]["curve"]["knots"] == [9.0]


def test_a_metric_out_of_force_keeps_its_name_and_is_no_choice(
    score: HandScore, admin_client: Client
) -> None:
    address = reverse("proving:hand_score", args=[score.pk])
    row = MetricDefinition.objects.get(key="days_active", is_current=True)
    assert "<code>days_active</code>" in admin_client.get(NEW).content.decode()
    MetricDefinition.objects.filter(pk=row.pk).update(is_current=False)
    assert "<code>days_active</code>" not in admin_client.get(NEW).content.decode()
    parts = admin_client.get(address).context["parts"]
    assert row.name in str(parts)


def test_a_button_pressed_twice_keeps_one(score: HandScore, admin_client: Client) -> None:
    entries = AuditEntry.objects.count()
    same = {"name": "Health of ours", "template": "", "weights": LINES}
    answer = admin_client.post(NEW, same)
    assert answer.headers["Location"] == reverse("proving:hand_score", args=[score.pk])
    other = admin_client.post(NEW, same | {"weights": "days_active, 1, step 4"})
    assert "score of this name" in other.context["form"].errors["name"][0]
    assert (HandScoreVersion.objects.count(), AuditEntry.objects.count()) == (1, entries)
    address = reverse("proving:hand_score_account", args=[score.pk, "A051"])
    told = {"value": "15", "reason": "Their sponsor resigned.", "expires_on": "2026-07-31"}
    for _ in range(2):
        assert admin_client.post(address, told).status_code == 302
    assert ScoreOverride.objects.count() == 1
    assert admin_client.post(address, told | {"value": "20"}).status_code == 302
    assert admin_client.post(address, told).status_code == 302
    assert list(ScoreOverride.objects.order_by("pk").values_list("value", flat=True)) == [15, 20, 15]
    assert AuditEntry.objects.filter(action="override hand score").count() == 3


@pytest.mark.parametrize(
    ("told", "field", "says"),
    [
        ({"name": "x", "weights": ""}, "weights", "a metric at least"),
        ({"name": "", "weights": LINES}, "name", "required"),
        ({"name": "x", "weights": "days_active, 2"}, "weights", "line 1"),
        ({"name": "x", "weights": "days_active, two, step 4"}, "weights", "no number"),
        ({"name": "x", "weights": "days_active, nan, step 4"}, "weights", "finite"),
        ({"name": "x", "weights": "days_active, -2, step 4"}, "weights", "negative"),
        ({"name": "x", "weights": f"{LINES}\n\nbreadth, -2, step 4"}, "weights", "line 4, weight: -2 is"),
        ({"name": "x", "weights": "breadth, 1, linear 0 1e400"}, "weights", "line 1, curve best: inf is"),
        ({"name": "x", "weights": "days_active, 0, step 4"}, "weights", "add up to nothing"),
        ({"name": "x", "weights": "days_active, 1e300, step 4"}, "weights", "beyond all measure"),
        ({"name": "x", "weights": "days_active, 2, bell 4"}, "weights", "a curve is"),
        ({"name": "x", "weights": "days_active, 2, linear 4 4"}, "weights", "either may be the higher"),
        ({"name": "x", "weights": "moon_phase, 2, step 4"}, "weights", "no such metric"),
        ({"name": "x", "weights": f"{LINES}\n{LINES}"}, "weights", "named twice"),
        ({"name": "x", "weights": "{"}, "weights", "cannot be read"),
        ({"name": "x", "weights": "[" * 15_000}, "weights", "JSON"),
        ({"name": "x", "weights": "[1]"}, "weights", "no record of a score"),
        ({"name": "x", "weights": '{"days_active": "2"}'}, "weights", "no number"),
        ({"name": "x", "weights": '{"days_active": %s}' % ("9" * 400)}, "weights", "finite"),
        ({"name": "x", "weights": '{"weights": {"days_active": 2}, "ranges": [1]}'}, "weights", "the worst"),
        ({"name": "x", "weights": '{"parts": 3}'}, "weights", "is no list"),
        ({"name": "x", "weights": LINES, "template": "0"}, "template", "Choose one"),
        ({"name": "x", "template": "7"}, "template", "valid choice"),
    ],
)
def test_what_cannot_be_a_score_is_refused_with_its_place_and_nothing_is_lost(
    admin_client: Client, told: dict[str, str], field: str, says: str
) -> None:
    ensure_starter_metrics()
    entries, metrics = AuditEntry.objects.count(), MetricDefinition.objects.count()
    page = admin_client.post(NEW, told)
    assert page.status_code == 200
    form = page.context["form"]
    assert says in " ".join(form.errors[field])
    assert form["weights"].value() == told.get("weights")
    assert not HandScoreVersion.objects.exists()
    assert (AuditEntry.objects.count(), MetricDefinition.objects.count()) == (entries, metrics)


def test_segments_and_signs_that_are_no_text_are_refused(admin_client: Client) -> None:
    ensure_starter_metrics()
    part = {"metric": "days_active", "weight": 1, "curve": {"kind": "bounded", "worst": 0, "best": 9}}
    for more, says in (
        ({"segments": {"small": {"parts": [part]}}}, "make a score for each segment"),
        ({"note": "\0"}, "no text"),
        ({"note": "\ud800"}, "no text"),
    ):
        page = admin_client.post(NEW, {"name": "x", "weights": json.dumps({"parts": [part], **more})})
        assert says in " ".join(page.context["form"].errors["weights"])
    assert not HandScore.objects.exists()


def test_an_old_score_is_pasted_as_its_weights(admin_client: Client) -> None:
    ensure_starter_metrics()
    told = {"weights": {"days_active": 70, "complaints_open": 30}, "ranges": {"complaints_open": [10, 0]}}
    admin_client.post(NEW, {"name": "Old", "weights": json.dumps(told)})
    parts = HandScoreVersion.objects.get().record["parts"]
    assert [(each["metric"], each["weight"], each["curve"]) for each in parts] == [
        ("days_active", 70.0, {"kind": "bounded", "worst": 0.0, "best": 100.0}),
        ("complaints_open", 30.0, {"kind": "bounded", "worst": 10.0, "best": 0.0}),
    ]
    again = admin_client.post(NEW, {"name": "OLD", "weights": json.dumps(told)})
    assert "score of this name" in again.context["form"].errors["name"][0]
    assert HandScore.objects.count() == 1


def test_a_published_score_brings_the_metrics_it_needs(admin_client: Client) -> None:
    ensure_starter_metrics()
    assert not MetricDefinition.objects.filter(key="usage_14_days").exists()
    admin_client.post(NEW, {"name": "Taken", "weights": "days_active, 1, step 4"})
    refused = admin_client.post(NEW, {"name": "Taken", "template": "2"})
    assert refused.context["form"].errors["name"]
    assert not MetricDefinition.objects.filter(key="usage_14_days").exists()
    HandScore.objects.all().delete()
    for number in range(3):
        told = {"name": f"Published {number}", "template": str(number), "weights": ""}
        assert admin_client.post(NEW, told).status_code == 302
    assert MetricDefinition.objects.filter(key="usage_14_days", is_current=True).count() == 1
    assert MetricDefinition.objects.filter(key="days_active").count() == 1
    assert HandScore.objects.count() == 3
    page = admin_client.get(SCORES)
    assert page.context["finding"] == "What the scores by hand are worth is not known yet"
    assert "keeps past landmarks once a week" in page.content.decode()


def test_every_account_stands_with_its_score_and_unknown_is_last(
    score: HandScore, member_client: Client
) -> None:
    page = member_client.get(reverse("proving:hand_score", args=[score.pk]))
    rows = page.context["rows"].object_list
    assert (rows[0].key, rows[0].score) == ("A050", 62.5)
    assert rows[1].score is None
    assert page.context["known"] == "known of 1 of 40 accounts that pay; the lowest first"
    told = {row.key: row.reason for row in rows}
    assert told["A051"] == "Days since last use is not known"
    assert "Another version" not in page.content.decode()


def test_a_score_opens_its_parts_which_add_up_and_why_it_moved(
    score: HandScore, member_client: Client
) -> None:
    page = member_client.get(reverse("proving:hand_score_account", args=[score.pk, "A050"]))
    found = page.context["found"]
    assert [(label, part.points, part.contribution) for _key, label, part in found.parts] == [
        ("Days active", 50.0, 37.5), ("Days since last use", 100.0, 25.0),
    ]  # fmt: skip
    assert sum(part.contribution for _key, _label, part in found.parts) == found.explanation.score == 62.5
    assert (found.move.change, [each.change for _name, each in found.moved]) == (-37.5, [-37.5])
    assert reverse("measures:behind", args=["A050", "days_active"]) in page.content.decode()
    assert "Why it moved since 30 June 2026" in page.content.decode()
    active = MetricValue.objects.filter(account__key="A050", metric__key="days_active")
    active.update(value=25.0, earlier_value=22.0)
    still = member_client.get(reverse("proving:hand_score_account", args=[score.pk, "A050"]))
    assert still.context["found"].move.change == 0
    assert "What changed since 30 June 2026 and moved the score by nothing" in still.content.decode()
    unknown = member_client.get(reverse("proving:hand_score_account", args=[score.pk, "A051"]))
    assert unknown.context["found"].explanation.score is None
    assert "Days since last use is not known" in unknown.content.decode()
    assert unknown.context["found"].why_unmoved == (
        "the score was not known before: Days since last use is not known;"
        " the score is not known now: Days since last use is not known"
    )
    assert (
        "days_since_usage" not in unknown.content.decode().partition("Why it moved")[2].partition("<form")[0]
    )


def test_an_override_holds_until_its_day_with_its_reason(
    score: HandScore, admin_client: Client, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = reverse("proving:hand_score_account", args=[score.pk, "A051"])
    told = {"value": "15", "reason": "Their sponsor resigned.", "expires_on": "2026-07-31"}
    assert admin_client.post(address, told).status_code == 302
    kept = ScoreOverride.objects.get()
    assert (kept.value, kept.since, kept.expires_on, kept.by) == (15, DAY, date(2026, 7, 31), admin)
    rows = admin_client.get(reverse("proving:hand_score", args=[score.pk])).context["rows"].object_list
    assert [(row.key, row.score) for row in rows[:2]] == [("A051", 15.0), ("A050", 62.5)]
    assert rows[0].reason == "Their sponsor resigned."
    found = admin_client.get(address).context["found"]
    assert found.explanation.score == sum(part.contribution for *_rest, part in found.parts) == 15
    monkeypatch.setenv("HEED_NOW", "2026-08-01T08:00:00+00:00")
    assert admin_client.get(address).context["found"].explanation.score is None


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"value": "101"}, "value"),
        ({"value": "nan"}, "value"),
        ({"value": ""}, "value"),
        ({"reason": " "}, "reason"),
        ({"expires_on": "2026-06-30"}, "expires_on"),
        ({"expires_on": "2036-06-30"}, "expires_on"),
        ({"expires_on": "soon"}, "expires_on"),
    ],
)
def test_an_override_that_cannot_be_is_refused(
    score: HandScore, admin_client: Client, told: dict[str, str], field: str
) -> None:
    whole = {"value": "15", "reason": "Their sponsor resigned.", "expires_on": "2026-07-31"} | told
    page = admin_client.post(reverse("proving:hand_score_account", args=[score.pk, "A051"]), whole)
    assert page.status_code == 200
    assert set(page.context["form"].errors) == {field}
    assert not ScoreOverride.objects.exists()


def test_only_an_admin_changes_and_overrides(score: HandScore, lead_client: Client) -> None:
    assert lead_client.post(NEW, {"name": "x", "weights": LINES}).status_code == 403
    address = reverse("proving:hand_score", args=[score.pk])
    assert lead_client.post(address, {"weights": "days_active, 1, step 4"}).status_code == 403
    told = {"value": "15", "reason": "no", "expires_on": "2026-07-31"}
    own = reverse("proving:hand_score_account", args=[score.pk, "A051"])
    assert lead_client.post(own, told).status_code == 403
    assert score.versions.count() == 1
    assert not ScoreOverride.objects.exists()


def test_the_report_card_says_what_it_was_worth(
    score: HandScore, admin_client: Client, member_client: Client
) -> None:
    """One company for all that is learnt from: to learn takes seconds."""
    learn(DAY, by=BY)
    address = reverse("proving:hand_score", args=[score.pk])
    page = member_client.get(address)
    card = page.context["worth"].card
    the_round_makes_the_same_card_once(score, card)
    assert card.left == 20
    judged = hand_scores.rows_behind(score.versions.get(), None)
    left, stayed = ([row.score or 0.0 for row in judged if row.left is told] for told in (True, False))
    pairs = [(mine < other) + (mine == other) / 2 for mine in left for other in stayed]
    assert card.auc.value == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)
    assert card.auc.low > 0.5
    assert page.context["finding"] == "Health of ours: accounts with low scores leave more"
    beside = [each for each, _told in page.context["beside"]]
    names = ["renewal date only", "the risk model", page.context["worth"].best]
    assert [each.name for each in beside] == names
    table = page.content.decode().partition("What the weights cost")[2].partition("</table>")[0]
    assert f"n = {beside[0].auc.n:,}" in table
    said = rows_of(page.context["worth"].panel, ["landmark", "said"])
    # Only later dates: the first ones were learnt from before anything could be said.
    first = said.loc[said["said"].notna(), "landmark"].min()
    assert said["landmark"].min() < first
    known = cards.judged_rows(rows_of(page.context["worth"].panel))["said"].notna().sum()
    assert beside[1].more_auc.reason == "only 5 left so far, at least 10 are needed"
    assert beside[1].more_auc.n == known < card.n
    rows = reverse("proving:hand_score_rows", args=[score.pk])
    assert member_client.get(rows).context["rows"].paginator.count == card.n
    assert member_client.get(rows, {"known": 1}).context["rows"].paginator.count == card.auc.n
    for each in page.context["figures"]:
        if each.rows is not None and each.estimate.value is not None:
            assert member_client.get(rows + each.rows).context["rows"].paginator.count == each.estimate.n
    assert f'<a href="{rows}?known=1">{card.auc.n:,}</a> of' in member_client.get(SCORES).content.decode()
    for number, _label, band in page.context["bands"]:
        inside = member_client.get(rows, {"band": number}).context["rows"].paginator
        assert (inside.count, sum(row.left for row in inside.object_list)) == (band.n, band.left)
    assert member_client.get(rows, {"band": 99}).status_code == 404
    for form in ("csv", "pdf"):
        assert member_client.get(address, {"format": form}).status_code == 200
        assert member_client.get(SCORES, {"format": form}).status_code == 200
    admin_client.post(NEW, {"name": "Upside down", "weights": "days_active, 1, linear 20 0"})
    turned = HandScore.objects.get(name="Upside down")
    told = member_client.get(reverse("proving:hand_score", args=[turned.pk])).context["finding"]
    assert told == "Upside down: accounts with low scores leave less, it points the wrong way"
    assert (
        member_client.get(SCORES).context["finding"]
        == "“Health of ours” ranks who leaves best of the scores by hand"
    )
    admin_client.post(NEW, {"name": "Twin", "weights": LINES})
    none_is_best = member_client.get(SCORES).context["finding"]
    assert none_is_best == "“Health of ours” ranks who leaves better than chance"
    admin_client.post(NEW, {"name": "Drop", "template": "2"})
    drop = HandScore.objects.get(name="Drop")
    page = member_client.get(reverse("proving:hand_score", args=[drop.pk]))
    assert page.context["worth"].lacking == ("usage_14_days",)
    assert "Usage in 14 days not measured at the past landmarks yet" in page.content.decode()
    another_version_is_another_card_and_the_one_before_goes(score)


def the_round_makes_the_same_card_once(score: HandScore, card: ReportCard) -> None:
    assert judge_scores(DAY, by=BY) == JudgedScores(1, 1)
    with mock.patch.object(hand_scores, "_card", side_effect=AssertionError("made again")):
        assert judge_scores(DAY, by=BY) == JudgedScores(1, 0)
        found = hand_scores.worth_of(hand_scores.current_version(score))
    assert (found.card, found.lacking) == (card, ())
    entry = AuditEntry.objects.get(action="judge hand scores")
    assert (entry.by, entry.after) == (BY, {"cards": 1})


def another_version_is_another_card_and_the_one_before_goes(score: HandScore) -> None:
    hand_scores.change_score(score, score.versions.get().record | {"note": "as agreed"}, by=BY)
    assert judge_scores(DAY, by=BY).cards > 0
    assert [card.version.version for card in ScoreCard.objects.filter(version__score=score)] == [2]


def test_a_metric_that_tells_only_by_being_missing_is_not_the_best_to_rank_by() -> None:
    random = np.random.default_rng(4)
    y = (random.random(600) < 0.2).astype(float)
    told = {
        "height": y + random.normal(size=600),
        "silence": np.where(random.random(600) < 0.2 + 0.6 * y, np.nan, 1),
    }
    start_with(("breadth", "last_nps"))
    panel = LandmarkPanel.objects.create(
        as_of=DAY, made_by=BY, made_at=clock.now(), digest="x", rows=1, accounts=1, left=1, table=b""
    )

    def keep(key: str, name: str) -> None:
        found = metric_verdict(told[name], y, accounts=np.arange(600), horizon=90)
        assert found.verdict == "predicts"
        metric = MetricDefinition.objects.get(key=key)
        MetricVerdict.objects.create(
            metric=metric, panel=panel, verdict=found.verdict, record=found.to_record()
        )

    keep("last_nps", "silence")
    assert hand_scores.ground() == hand_scores.Ground(panel)
    keep("breadth", "height")
    assert (hand_scores.ground().key, hand_scores.ground().sign) == ("breadth", 1.0)


def test_without_landmarks_there_is_no_card_to_make(score: HandScore) -> None:
    assert judge_scores(DAY, by=BY) == JudgedScores(1, 0)
    assert not ScoreCard.objects.exists()


def of_worth(name: str, auc: Estimate) -> Kept:
    left = np.arange(40) < 10
    card = replace(report_card(left, np.arange(40.0), accounts=np.arange(40), probability=False), auc=auc)
    return Kept(HandScore(name=name), HandScoreVersion(), Worth(card, LandmarkPanel(as_of=DAY)), "")


@pytest.mark.parametrize(
    ("told", "finding"),
    [
        ([Estimate(0.8, 0.4, 0.95, 20)], "No score by hand is shown to rank who leaves better than chance"),
        ([Estimate(0.7, 0.6, 0.8, 40)], "“0” ranks who leaves better than chance"),
        # The one of the highest AUC is of few rows: what is shown of the other stays true.
        (
            [Estimate(0.8, 0.4, 0.95, 20), Estimate(0.7, 0.6, 0.8, 40)],
            "“1” ranks who leaves better than chance",
        ),
        (
            [Estimate(0.9, 0.8, 0.95, 40), Estimate(0.7, 0.6, 0.75, 40), Estimate.unknown("too few")],
            "“0” ranks who leaves best of the scores by hand",
        ),
        ([Estimate.unknown("too few")], "What the scores by hand are worth is not known yet"),
    ],
)
def test_the_headline_holds_for_every_score_that_is_shown(told: list[Estimate], finding: str) -> None:
    assert scores_finding([of_worth(str(place), auc) for place, auc in enumerate(told)]) == finding


def test_a_score_that_ranks_all_wrongly_is_drawn_too() -> None:
    chart = scores_chart(
        [of_worth("upside down", Estimate(0.0, 0.0, 0.1, 40)), of_worth("unknown", Estimate.unknown("few"))]
    )
    assert chart is not None
    assert chart.rows == (("upside down", "0.000", "0.000–0.100", "40", "10"),)
