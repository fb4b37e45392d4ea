"""What predicts, the card of a metric, the risk model and a score: what each page says and what it opens."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
from django.test import Client
from django.urls import reverse

from heed.customers.actions import erase_account
from heed.customers.models import Account
from heed.evidence.cards import ReportCard
from heed.evidence.estimate import Estimate
from heed.ledger import clock
from heed.measures.actions import estimate_risk
from heed.measures.learning import learn
from heed.measures.models import LandmarkPanel, MetricVerdict, Risk, RiskModel, RiskScore
from heed.measures.packing import packed, unpacked
from heed.proving.cards import seldom
from heed.proving.hand_scores import make_score
from heed.proving.risk_pages import ReopenedScore, calibration_words, finding
from tests.measures.conftest import log as log
from tests.measures.test_learning import BY, DAY, fill

pytestmark = pytest.mark.django_db
PREDICTS = "/prove/"
PART = {"metric": "days_active", "weight": 1, "curve": {"kind": "bounded", "worst": 0, "best": 20}}


@pytest.fixture
def learnt(log: Callable[..., None]) -> None:
    fill(log)
    learn(DAY, by=BY)
    estimate_risk(DAY, by=BY)


def test_before_anything_is_judged_the_pages_say_why(member_client: Client) -> None:
    for name in ("proving:predicts", "proving:risk"):
        answer = member_client.get(reverse(name))
        assert answer.status_code == 200
        assert "once a week" in answer.content.decode()
    assert member_client.get(reverse("proving:metric_card", args=["no_such_metric"])).status_code == 404


@pytest.mark.usefixtures("learnt")
def test_the_pages_of_a_company_that_was_learnt_from(member_client: Client) -> None:
    """One company for all of them: to learn from it takes seconds."""
    every_metric_stands_with_its_verdict_and_opens_its_card_and_rows(member_client)
    the_pages_are_handed_out_as_csv_and_pdf(member_client)
    the_model_shows_its_card_and_any_score_its_reasons(member_client)
    what_becomes_of_accounts_is_told_by_kind_and_opens_its_rows(member_client)
    a_score_that_cannot_be_made_again_says_so(member_client)
    the_rows_of_an_account_that_is_gone_stay_without_its_name(member_client)
    an_account_that_is_gone_is_not_among_those_that_moved(member_client)
    what_an_earlier_version_of_heed_wrote_is_unknown(member_client)
    a_model_that_could_not_be_tested_says_that_its_worth_is_unknown(member_client)


def every_metric_stands_with_its_verdict_and_opens_its_card_and_rows(member_client: Client) -> None:
    found = member_client.get(PREDICTS).context["found"]
    assert found.judged[0].verdict.verdict == "predicts"
    assert len(found.judged) == MetricVerdict.objects.count() == 5
    assert found.left == 20
    card = member_client.get(reverse("proving:metric_card", args=["days_active"])).context["card"]
    assert sum(band.n for _number, _label, band in card.bands) == card.verdict.n
    rows = member_client.get(reverse("proving:metric_rows", args=["days_active"])).context["rows"]
    assert rows.paginator.count == card.verdict.n
    for number, _label, band in card.bands:
        page = member_client.get(reverse("proving:metric_rows", args=["days_active"]), {"band": number})
        inside = page.context["rows"].paginator
        assert (inside.count, sum(row.left for row in inside.object_list)) == (band.n, band.left)
    for each in found.judged:
        known = member_client.get(
            reverse("proving:metric_rows", args=[each.definition.metric.key]), {"known": 1}
        )
        assert known.context["rows"].paginator.count == each.verdict.known
        assert "left after 1 days" not in known.content.decode()
        own = member_client.get(reverse("proving:metric_card", args=[each.definition.metric.key]))
        assert own.context["card"].auc == each.auc, "the card tells the same as the list"
        if each.auc.value is not None:
            assert (
                f"{each.auc.value:.2f}<i>[{each.auc.low:.2f}–{each.auc.high:.2f}]</i>" in own.content.decode()
            )
        assert ".." not in own.context["card"].why
        title = own.context["card"].chart.title
        assert title.startswith(each.name)
        assert each.verdict_words in title
        assert all(row.value is not None for row in known.context["rows"].object_list)
    for wrong in ("?band=99", "?band=x"):
        assert (
            member_client.get(reverse("proving:metric_rows", args=["days_active"]) + wrong).status_code == 404
        )


def the_pages_are_handed_out_as_csv_and_pdf(member_client: Client) -> None:
    table = member_client.get(PREDICTS, {"format": "csv"})
    assert table["Content-Type"] == "text/csv; charset=utf-8"
    lines = table.content.decode("utf-8-sig").splitlines()
    assert lines[2] == 'Metric,AUC,95 % interval,Verdict,"Rows, known","Left, known"'
    assert len(lines) == 3 + len(member_client.get(PREDICTS).context["chart"].rows)
    for address in (PREDICTS, reverse("proving:risk"), reverse("proving:metric_card", args=["days_active"])):
        paper = member_client.get(address, {"format": "pdf"})
        assert paper["Content-Type"] == "application/pdf"
        assert paper.content.startswith(b"%PDF-")
    assert member_client.get(PREDICTS, {"format": "xls"}).status_code == 400


def the_model_shows_its_card_and_any_score_its_reasons(member_client: Client) -> None:
    risk = member_client.get(reverse("proving:risk"))
    found = risk.context["found"]
    assert f"<h1>{found.finding}</h1>" in risk.content.decode()
    assert found.model.version == 1
    assert found.card.left > 0
    assert {each.name for each in found.card.baselines} == {"renewal date only"}
    address = reverse("proving:score", args=["A050"])
    page = member_client.get(address)
    told = page.context["found"]
    assert told.alike
    assert told.base + sum(each.adds for each in told.reasons) == pytest.approx(told.log_odds, abs=1e-9)
    assert "the same to the last bit" in page.content.decode()
    behind = reverse("measures:behind", args=["A050", "days_active"])
    assert f"{behind}?as_of={DAY}&amp;version=1" in page.content.decode()
    assert member_client.get(address, {"on": DAY.isoformat()}).status_code == 200
    assert member_client.get(address, {"on": "2020-01-01"}).status_code == 404
    assert member_client.get(address, {"on": "yesterday"}).status_code == 404


def what_becomes_of_accounts_is_told_by_kind_and_opens_its_rows(member_client: Client) -> None:
    told = member_client.get(reverse("proving:risk")).context["becoming"]
    rows = {each.kind: each.rows for each in told.kinds}
    assert sum(rows.values()) == told.n
    shares = {each.kind: each.share for each in told.kinds}
    assert shares["churn"].value == rows["churn"] / told.n
    assert "ended_because" in shares["involuntary"].reason
    for kind, count in rows.items():
        page = member_client.get(reverse("proving:became", args=[kind]))
        assert page.context["rows"].paginator.count == count
    assert member_client.get(reverse("proving:became", args=["boredom"])).status_code == 404
    # An earlier version of Heed kept panels without the kind.
    panel = LandmarkPanel.objects.get()
    older = packed(unpacked(panel.table).drop(columns="became"))
    LandmarkPanel.objects.filter(pk=panel.pk).update(table=older)
    assert member_client.get(reverse("proving:risk")).context["becoming"] is None
    assert not member_client.get(reverse("proving:became", args=["churn"])).context["rows"].object_list
    panel.save(update_fields=["table"])


def a_score_that_cannot_be_made_again_says_so(member_client: Client) -> None:
    score = RiskScore.objects.get(account__key="A050")
    RiskScore.objects.filter(pk=score.pk).update(probability=score.probability / 2)
    page = member_client.get(reverse("proving:score", args=["A050"]))
    assert not page.context["found"].alike
    assert "not the same" in page.content.decode()


@pytest.mark.parametrize(
    ("auc", "missed", "told"),
    [
        (
            (0.65, 0.75),
            0.67,
            "ranks who leaves better than chance; 67 % leave unseen by a team that looks at 10 %",
        ),
        ((0.65, 0.75), None, "ranks who leaves better than chance"),
        ((0.45, 0.75), 0.67, "is not shown to rank who leaves"),
        ((0.25, 0.45), 0.67, "ranks who leaves worse than chance"),
    ],
)
def test_the_headline_of_risk_is_what_its_card_shows(
    auc: tuple[float, float], missed: float | None, told: str
) -> None:
    card = SimpleNamespace(
        auc=Estimate(sum(auc) / 2, *auc, 100),
        missed=Estimate.unknown("few") if missed is None else Estimate(missed, n=100),
        capacity=0.1,
    )
    assert finding(cast(ReportCard, card)) == f"The risk model {told}"
    assert finding(None) == "What the risk model is worth here is not known yet"


@pytest.mark.parametrize(
    ("slope", "told"),
    [
        ((0.9, 1.5), "is what came"),
        ((0.4, 0.9), "too sure of itself"),
        ((1.1, 1.9), "too cautious"),
        (None, "What the model said, and what came"),
    ],
)
def test_the_headline_of_calibration_follows_its_slope(slope: tuple[float, float] | None, told: str) -> None:
    found = Estimate(sum(slope) / 2, *slope, 100) if slope else Estimate.unknown("few")
    assert told in calibration_words(found)


def test_an_interval_of_a_small_risk_is_not_told_as_certain() -> None:
    score = RiskScore(low=0.0004, high=0.0041)
    assert ReopenedScore(score, True, 0.0, 0.0, (), ()).between == "[0–1]"


@pytest.mark.parametrize(
    ("p", "told"), [(0.0, "under 0.0001"), (0.00009, "under 0.0001"), (0.0321, "= 0.0321")]
)
def test_no_chance_is_told_as_nought(p: float, told: str) -> None:
    assert seldom(p) == told


def the_rows_of_an_account_that_is_gone_stay_without_its_name(member_client: Client) -> None:
    """Of who is erased and who is withdrawn: both left, so that they stand on the first page."""
    score = make_score("Ours", {"parts": [PART]}, by=BY)
    addresses = (reverse("proving:metric_rows", args=["days_active"]), f"/prove/scores/{score.pk}/rows/")
    before = [member_client.get(address).context["rows"] for address in addresses]
    assert {"A003", "A004"} <= {row.key for row in before[0].object_list}
    erase_account(Account.objects.get(key="A003"), by=BY, reason="asked")
    Account.objects.filter(key="A004").update(withdrawn_at=clock.now())
    for address, held in zip(addresses, before, strict=True):
        page = member_client.get(address)
        rows = page.context["rows"]
        assert rows.paginator.count == held.paginator.count
        gone = [row for row in rows.object_list if not row.key]
        assert {row.name for row in gone} == {"erased or withdrawn since"}
        assert len(gone) == sum(row.key in ("A003", "A004") for row in held.object_list)
        assert not re.search("erased(:|%3A)", page.content.decode())


def an_account_that_is_gone_is_not_among_those_that_moved(member_client: Client) -> None:
    keys = ["A050", "A051"]
    Risk.objects.filter(account__key__in=keys).update(earlier_probability=0.9)
    for kept in (keys, keys[:1]):
        found = member_client.get(reverse("proving:risk")).context["found"]
        assert {each.account.key for each in found.moved} == set(kept)
        Account.objects.filter(key="A051").update(withdrawn_at=clock.now())


def what_an_earlier_version_of_heed_wrote_is_unknown(member_client: Client) -> None:
    panel = LandmarkPanel.objects.get()
    panel.table = packed(unpacked(panel.table).drop(columns="became"))
    panel.save(update_fields=["table"])
    for kept in MetricVerdict.objects.all():
        kept.record.pop("known")
        kept.save(update_fields=["record"])
    model = RiskModel.objects.get()
    assert model.card is not None
    model.card.pop("lead_days")
    model.save(update_fields=["card"])
    for address in (PREDICTS, reverse("proving:risk")):
        page = member_client.get(address)
        assert "An earlier version of Heed judged this" in page.content.decode()
    card = member_client.get(reverse("proving:metric_card", args=["days_active"])).context["card"]
    assert (card.verdict, card.chart) == (None, None)


def a_model_that_could_not_be_tested_says_that_its_worth_is_unknown(member_client: Client) -> None:
    RiskModel.objects.update(card=None)
    page = member_client.get(reverse("proving:risk")).content.decode()
    assert "What the model is worth is not known yet" in page
    assert "too few have left to test it" in page
    assert "No model yet" not in page
