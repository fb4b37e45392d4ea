import re
from datetime import date
from decimal import Decimal
from html import unescape

import pytest
from django.test import Client

from heed.customers import reads, views
from heed.customers.actions import save_accounts, save_periods, state_rate
from heed.customers.models import ExchangeRate
from heed.customers.rates import RateError
from heed.customers.rows import AccountRow, PeriodRow
from heed.ledger.models import AuditEntry

pytestmark = pytest.mark.django_db

START, END = date(2025, 12, 31), date(2026, 3, 31)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_NOW", "2026-06-15T08:00:00+00:00")


def pay(
    account: str,
    amount: int,
    start: str,
    end: str | None = None,
    money: str = "EUR",
    seats: int | None = None,
) -> PeriodRow:
    return PeriodRow(
        f"{account}-{money}-{start}",
        account=account,
        starts_on=date.fromisoformat(start),
        ends_on=date.fromisoformat(end) if end else None,
        renews_on=date(2027, 1, 1),
        monthly_amount=Decimal(amount),
        currency=money,
        seats=seats,
    )


def save(*rows: PeriodRow) -> None:
    save_accounts([AccountRow(row.account or "") for row in rows], by="import:1", source="crm")
    assert save_periods(rows, by="import:1", source="billing").findings == ()


def practices() -> None:
    """A cohort of 100,000 with 15,000 expansion, 4,000 contraction and 8,000 churn."""
    save(
        pay("grows", 40_000, "2025-01-01", "2026-02-01"),
        pay("grows", 55_000, "2026-02-01"),
        pay("shrinks", 30_000, "2025-01-01", "2026-02-01"),
        pay("shrinks", 26_000, "2026-02-01"),
        pay("leaves", 8_000, "2025-01-01", "2026-03-01"),
        pay("stays", 22_000, "2025-01-01"),
        pay("comes", 9_000, "2026-02-01"),
    )


def test_retention_is_88_and_103_per_cent_as_defined() -> None:
    practices()
    for form in reads.Form:
        (figure,) = reads.retention_figures(START, END, form=form)
        assert (figure.currency, figure.grr, figure.nrr) == ("EUR", "88.0 %", "103.0 %")
        assert figure.retention.start == 100_000
        assert figure.retention.grr.n == 4
        assert "start" in figure.retention.grr.method


def test_without_anybody_at_the_start_retention_is_unknown_and_not_zero() -> None:
    practices()
    found = reads.retention_figures(date(2024, 1, 1), date(2025, 6, 1))
    assert [(each.grr, each.retention.grr.value) for each in found] == [("", None)]
    assert found[0].retention.grr.reason == "no recurring revenue at the start"


def test_currencies_are_apart_or_converted_by_a_stated_rate() -> None:
    practices()
    save(pay("dollars", 50_000, "2025-01-01", "2026-02-01", money="USD"))
    apart = reads.retention_figures(START, END)
    assert [(figure.currency, figure.grr) for figure in apart] == [("EUR", "88.0 %"), ("USD", "0.0 %")]
    with pytest.raises(ValueError, match="USD"):
        reads.retention_figures(START, END, into="EUR")
    state_rate("usd", Decimal("0.5"), by="person:1")
    (together,) = reads.retention_figures(START, END, into="EUR")
    assert (together.retention.start, together.grr) == (Decimal(125_000), "70.4 %")
    assert [rate.currency for rate in together.rates] == ["USD"]


def test_a_rate_is_stated_with_a_record_and_the_same_again_is_none() -> None:
    state_rate("USD", Decimal("0.9"), by="person:1")
    state_rate("USD", Decimal("0.9"), by="person:2")
    state_rate("USD", Decimal("0.8"), by="person:2")
    entries = AuditEntry.objects.filter(kind="exchange rate").order_by("id")
    assert [(entry.by, entry.before, entry.after) for entry in entries] == [
        ("person:1", None, {"rate": "0.90000000"}),
        ("person:2", {"rate": "0.90000000"}, {"rate": "0.80000000"}),
    ]


@pytest.mark.parametrize(
    ("currency", "rate"), [("dollar", "1"), ("EUR", "1"), ("USD", "0"), ("USD", "-1"), ("USD", "NaN")]
)
def test_a_rate_that_cannot_be_is_refused_and_nothing_is_stored(currency: str, rate: str) -> None:
    with pytest.raises(RateError):
        state_rate(currency, Decimal(rate), by="person:1")
    assert (ExchangeRate.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_the_page_shows_retention_with_definition_and_months_that_open_their_movements(
    viewer_client: Client,
) -> None:
    practices()
    page = viewer_client.get("/customers/revenue/?start=2025-12-31&end=2026-03-31")
    text = page.content.decode()
    assert page.status_code == 200
    for part in ("88.0 %", "103.0 %", "GRR point to point", "n = 4", "February 2026"):
        assert part in text
    rows = viewer_client.get(
        "/customers/revenue/movements/?kind=churn&currency=EUR&start=2026-02-28&end=2026-03-31"
    )
    text = rows.content.decode()
    assert "/customers/accounts/leaves/" in text
    assert "1 movement" in text


COHORT = "/customers/revenue/accounts/?start=2025-12-31&end=2026-03-31&currency=EUR&figure="


def shown(client: Client, address: str) -> str:
    page = client.get(address)
    assert page.status_code == 200, address
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode().split("<main")[1]).split())


def test_every_figure_of_the_revenue_page_opens_accounts_that_add_up_to_it(viewer_client: Client) -> None:
    practices()
    page = viewer_client.get("/customers/revenue/?start=2025-12-31&end=2026-03-31").content.decode()
    opened = [unescape(href) for href in re.findall(r'href="(/customers/revenue/accounts/[^"]+)"', page)]
    assert len(opened) == 8
    expected = {
        "grr": "€ 88,000 / € 100,000 = 88.0 %",
        "nrr": "€ 103,000 / € 100,000 = 103.0 %",
        "start": "€ 100,000 4 accounts",
        "end": "€ 103,000 4 accounts",
        "expansion": "€ 15,000 1 account ",
        "contraction": "€ 4,000 1 account ",
        "churn": "€ 8,000 1 account ",
        "reactivation": "€ 0 0 accounts",
    }
    for href in opened:
        figure = href.rpartition("figure=")[2]
        text = shown(viewer_client, href)
        assert expected.pop(figure) in text, figure
        assert "/customers/revenue/?start=2025-12-31&amp;end=2026-03-31" in (
            viewer_client.get(href).content.decode()
        )
    assert expected == {}


def test_the_accounts_behind_a_figure_show_what_counts_those_that_move_it_most_first(
    viewer_client: Client,
) -> None:
    practices()
    text = shown(viewer_client, COHORT + "grr")
    # Account, MRR at the start and the end, what counts for GRR and NRR; the four sums.
    lines = [
        "leaves € 8,000 € 0 € 0 € 0 € 0 € 0 € 8,000 € 0",
        "shrinks € 30,000 € 26,000 € 26,000 € 26,000 € 0 € 4,000 € 0 € 0",
        "grows € 40,000 € 55,000 € 40,000 € 55,000 € 15,000 € 0 € 0 € 0",
        "stays € 22,000 € 22,000 € 22,000 € 22,000 € 0 € 0 € 0 € 0",
        "All of them € 100,000 € 103,000 € 88,000 € 103,000 € 15,000 € 4,000 € 8,000 € 0",
    ]
    assert " ".join(lines) in text
    assert "comes" not in text
    named = COHORT.replace("currency=EUR&", "").replace("&figure=", "&")
    assert " ".join(lines) in shown(viewer_client, named)
    sums = shown(viewer_client, COHORT + "nrr&form=by+movement+sums")
    assert "NRR by movement sums" in sums
    assert "= 103.0 %" in sums


@pytest.mark.parametrize(
    ("figure", "order"),
    [("grr", ["leaves", "shrinks", "grows", "stays"]), ("nrr", ["grows", "leaves", "shrinks", "stays"])],
)
def test_every_page_of_the_accounts_has_the_sums_of_all(
    viewer_client: Client, monkeypatch: pytest.MonkeyPatch, figure: str, order: list[str]
) -> None:
    practices()
    monkeypatch.setattr(views, "PAGE", 2)
    sums = "All of them € 100,000 € 103,000 € 88,000 € 103,000 € 15,000 € 4,000 € 8,000 € 0"
    for number, names in ((1, order[:2]), (2, order[2:])):
        text = shown(viewer_client, f"{COHORT}{figure}&page={number}")
        assert re.findall(r"\b(grows|leaves|shrinks|stays)\b", text) == names
        assert sums in text


def test_who_came_back_is_reactivation_and_counts_for_nrr_only_point_to_point(viewer_client: Client) -> None:
    save(
        pay("returns", 10_000, "2025-01-01", "2026-01-15"),
        pay("returns", 12_000, "2026-03-01"),
        pay("stays", 30_000, "2025-01-01"),
    )
    expected = {reads.Form.POINT_TO_POINT: ("100.0 %", "105.0 %"), reads.Form.MOVEMENT_SUMS: ("75.0 %",) * 2}
    for form, shares in expected.items():
        (figure,) = reads.retention_figures(START, END, form=form)
        assert (figure.grr, figure.nrr) == shares
        assert figure.retention.churn == 10_000
        assert figure.retention.reactivation == 12_000
        assert figure.retention.end == 42_000
    assert "€ 12,000 1 account " in shown(viewer_client, COHORT + "reactivation")
    sums = shown(viewer_client, COHORT + "nrr&form=by+movement+sums")
    assert "€ 30,000 / € 40,000 = 75.0 %" in sums
    # Account, MRR at the start and the end, what counts for GRR and NRR; the four sums.
    assert "returns € 10,000 € 12,000 € 0 € 0 € 0 € 0 € 10,000 € 12,000" in sums


@pytest.mark.parametrize(
    ("form", "kept", "grr"), [("point to point", 100, "100.0 %"), ("by movement sums", 50, "50.0 %")]
)
def test_up_and_down_again_is_kept_or_lost_as_the_form_says(
    viewer_client: Client, form: str, kept: int, grr: str
) -> None:
    save(
        pay("swings", 100, "2025-01-01", "2026-02-01"),
        pay("swings", 150, "2026-02-01", "2026-03-01"),
        pay("swings", 100, "2026-03-01"),
    )
    asked = f"form={form.replace(' ', '+')}"
    page = shown(viewer_client, f"/customers/revenue/?start=2025-12-31&end=2026-03-31&{asked}")
    assert f"GRR {form}" in page
    assert grr in page
    text = shown(viewer_client, f"{COHORT}grr&{asked}")
    assert f"€ {kept} / € 100 = {grr}" in text
    assert f"swings € 100 € 100 € {kept} € 100 € 50 € 50 € 0 € 0" in text


@pytest.mark.parametrize("wrong", ["currency=EUR&figure=x", "currency=XXX&figure=grr", "currency=XXX"])
def test_a_figure_that_is_not_on_the_page_has_no_rows(viewer_client: Client, wrong: str) -> None:
    practices()
    assert viewer_client.get(f"/customers/revenue/accounts/?{wrong}").status_code == 404


def test_converted_figures_open_converted_accounts_and_without_a_rate_there_are_none(
    viewer_client: Client,
) -> None:
    practices()
    save(pay("dollars", 50_000, "2025-01-01", "2026-02-01", money="USD"))
    refused = viewer_client.get(COHORT + "grr&into=EUR", follow=True)
    assert "No rate is stated for USD." in refused.content.decode()
    state_rate("usd", Decimal("0.5"), by="person:1")
    text = shown(viewer_client, COHORT + "grr&into=EUR")
    assert "€ 88,000 / € 125,000 = 70.4 %" in text
    assert "1 USD = 0.5 EUR" in text
    assert "dollars € 25,000" in text


def test_a_month_that_the_span_cuts_opens_only_the_movements_that_it_counts(viewer_client: Client) -> None:
    practices()
    page = viewer_client.get("/customers/revenue/?start=2026-02-01&end=2026-03-15").content.decode()
    assert "March 2026 <span" in page
    assert ">February 2026" not in page
    (href,) = set(re.findall(r'href="([^"]+kind=churn[^"]+)"', page))
    assert "−€ 8,000" in page
    assert "start=2026-02-28" in href
    assert "end=2026-03-15" in href
    assert "1 movement " in shown(viewer_client, unescape(href))


def test_the_form_says_which_span_is_in_force(viewer_client: Client) -> None:
    page = viewer_client.get("/customers/revenue/").content.decode()
    assert 'name="start" value="2025-06-15"' in page
    assert 'name="end" value="2026-06-15"' in page
    early = viewer_client.get("/customers/revenue/?end=0001-01-01")
    assert early.status_code == 200
    assert "Ensure this value is greater than or equal to" in early.content.decode()


def test_movements_of_one_account_are_those_of_an_account_that_one_may_see(viewer_client: Client) -> None:
    practices()
    span = "start=2025-12-31&end=2026-03-31"
    text = shown(viewer_client, f"/customers/revenue/movements/?{span}&account=shrinks")
    assert "shrinks 1 February 2026 Contraction € 30,000 € 26,000 −€ 4,000" in text
    assert "grows" not in text
    assert viewer_client.get(f"/customers/revenue/movements/?{span}&account=none").status_code == 404


def test_a_span_that_ends_before_it_starts_is_answered_with_what_is_wrong(viewer_client: Client) -> None:
    page = viewer_client.get("/customers/revenue/?start=2026-03-31&end=2025-12-31")
    assert "The end must come after the start." in page.content.decode()


def test_a_viewer_may_not_state_a_rate_and_an_admin_may(viewer_client: Client, admin_client: Client) -> None:
    data = {"currency": "USD", "rate": "0.9"}
    assert viewer_client.post("/customers/revenue/rates/", data).status_code == 403
    assert ExchangeRate.objects.count() == 0
    assert admin_client.post("/customers/revenue/rates/", data).status_code == 302
    assert ExchangeRate.objects.get().rate == Decimal("0.9")
    assert admin_client.post("/customers/revenue/rates/", data | {"rate": "-1"}).status_code == 400
