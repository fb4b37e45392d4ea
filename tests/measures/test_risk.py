from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from heed.customers.actions import erase_account, save_accounts, save_periods
from heed.customers.models import Account, ExchangeRate
from heed.customers.rows import AccountRow, PeriodRow
from heed.evidence.clock import Curve, Stay
from heed.ledger import clock
from heed.ledger.models import AuditEntry
from heed.measures.actions import estimate_risk
from heed.measures.models import ClockVersion, Risk
from heed.measures.risk import TENURE, TERM, Clocks, answer_for
from heed.measures.staying import behind
from heed.measures.stays import contracts, tallied, tenure_stays, term_stays
from heed.stream import Stream

pytestmark = pytest.mark.django_db

DAY = date(2026, 7, 1)


def year(key: str, account: str, start: int, *, renewed: bool | None = None, money: str = "EUR") -> PeriodRow:
    """A term from 1 January to 1 January of the next year."""
    return PeriodRow(
        f"{key}-{account}",
        account=account,
        starts_on=date(start, 1, 1),
        ends_on=date(start + 1, 1, 1),
        renews_on=date(start + 1, 1, 1),
        monthly_amount=Decimal(100),
        currency=money,
        plan="Pro",
    )


def fill(accounts: int, leaving: int) -> None:
    """Accounts with a term in 2025, of which the first `leaving` did not renew into 2026."""
    keys = [f"A{number:03d}" for number in range(accounts)]
    save_accounts([AccountRow(key) for key in keys], by="import:1", source="crm")
    rows = [year("first", key, 2025) for key in keys] + [year("second", key, 2026) for key in keys[leaving:]]
    save_periods(rows, by="import:1", source="billing")


def risk(key: str) -> Risk:
    return Risk.objects.get(account__key=key)


def test_the_share_that_left_at_the_last_renewal_is_the_risk_of_the_next() -> None:
    fill(100, 25)
    done = estimate_risk(DAY, by="daily round")
    assert (done.known, done.unknown) == (75, 25)
    staying = risk("A099")
    assert staying.probability == pytest.approx(0.25)
    assert staying.low is not None
    assert staying.high is not None
    assert staying.low < 0.25 < staying.high
    assert (staying.horizon_on, staying.events, staying.group) == (date(2027, 1, 1), 25, "12-month terms")
    assert (staying.yearly_amount, staying.currency) == (Decimal(1200), "EUR")
    gone = risk("A000")
    assert (gone.probability, gone.reason) == (None, "no paid subscription is in force")
    assert (gone.yearly_amount, gone.horizon_on) == (None, None)


def test_too_few_that_left_make_the_risk_unknown_with_the_reason_and_never_zero() -> None:
    fill(20, 3)
    estimate_risk(DAY, by="daily round")
    unknown = risk("A019")
    assert unknown.probability is None
    assert unknown.reason == "only 3 left so far, at least 10 are needed"
    assert unknown.yearly_amount == Decimal(1200)


def test_the_same_date_again_writes_nothing_and_a_later_one_keeps_the_earlier_figure() -> None:
    fill(100, 25)
    estimate_risk(DAY, by="daily round")
    before, entries = list(Risk.objects.order_by("pk").values()), AuditEntry.objects.count()
    estimate_risk(DAY, by="daily round")
    assert (list(Risk.objects.order_by("pk").values()), AuditEntry.objects.count()) == (before, entries)
    estimate_risk(date(2026, 7, 2), by="daily round")
    assert risk("A099").earlier_probability == pytest.approx(0.25)
    estimate_risk(date(2026, 6, 1), by="person:1")
    assert risk("A099").as_of == date(2026, 7, 2)


def test_an_amount_in_parts_of_a_cent_is_no_change_the_next_time() -> None:
    save_accounts([AccountRow("A1")], by="import:1", source="crm")
    save_periods(
        [replace(year("first", "A1", 2026), monthly_amount=Decimal("33.3333"))],
        by="import:1",
        source="billing",
    )
    estimate_risk(DAY, by="daily round")
    entries = AuditEntry.objects.count()
    estimate_risk(DAY, by="daily round")
    assert risk("A1").yearly_amount == Decimal("400.00")
    assert AuditEntry.objects.count() == entries


def test_any_figure_can_be_made_again_from_the_curves_that_were_kept() -> None:
    fill(100, 25)
    estimate_risk(DAY, by="daily round")
    version = ClockVersion.objects.get(as_of=DAY)
    account = Account.objects.get(key="A050")
    contract = next(each for each in contracts(DAY) if each.account == account.pk)
    answer, until, axis = answer_for(contract, Clocks.of(version.curves), DAY)
    kept = risk("A050")
    assert (answer.estimate.value, answer.estimate.low, answer.estimate.high) == (
        kept.probability,
        kept.low,
        kept.high,
    )
    assert (until, axis, kept.clock) == (kept.horizon_on, TERM, version)


def test_what_happens_after_the_date_does_not_change_its_curve() -> None:
    fill(40, 12)
    before = sorted(term_stays(contracts(date(2025, 12, 1)), date(2025, 12, 1)), key=repr)
    assert all(not stay.left for stay in before)
    assert len(before) == 40


def terms_of_curve(as_of: date) -> list[list[int | str]]:
    return tallied(term_stays(contracts(as_of), as_of))


def test_a_past_date_is_estimated_from_what_was_known_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:00:00+00:00")
    fill(40, 12)
    then = terms_of_curve(DAY)
    monkeypatch.setenv("HEED_NOW", "2026-08-01T08:00:00+00:00")
    late = replace(year("second", "A020", 2026), ends_on=date(2026, 3, 1))
    save_periods([late, year("second", "A000", 2026)], by="import:2", source="billing")
    assert ["12-month terms", 0, 59, 1, 1] in terms_of_curve(date(2026, 8, 1))
    assert ["12-month terms", 0, 59, 1, 1] not in terms_of_curve(date(2026, 7, 31))
    # A new period that says no date was known from its start on: A000 returned. A020 is as it was.
    changed = [row for row in terms_of_curve(DAY) if row not in then]
    assert changed == [
        ["12-month terms", 0, 181, 0, 29],
        ["12-month terms", 0, 365, 0, 29],
        ["12-month terms", 0, 365, 1, 11],
    ]


def test_the_leap_day_does_not_part_terms_of_a_year() -> None:
    keys = [f"A{number:03d}" for number in range(100)]
    save_accounts([AccountRow(key) for key in keys], by="import:1", source="crm")
    leap = [year("leap", key, 2024) for key in keys[:50]] + [year("next", key, 2025) for key in keys[:40]]
    save_periods([*leap, *(year("first", key, 2025) for key in keys[50:])], by="import:1", source="billing")
    save_periods([year("last", key, 2026) for key in keys[:72]], by="import:1", source="billing")
    estimate_risk(DAY, by="daily round")
    # 10 of 50 left after 366 days, 28 of 90 after 365: at the end of a year they are 38 of 140.
    assert risk("A000").probability == pytest.approx(38 / 140)


def test_a_change_of_seats_within_a_term_leaves_the_term_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_NOW", "2026-04-01T08:00:00+00:00")
    fill(100, 25)
    whole = year("second", "A099", 2026)
    changed = [
        replace(whole, ends_on=date(2026, 4, 1)),
        replace(whole, key="more", starts_on=date(2026, 4, 1), monthly_amount=Decimal(150)),
    ]
    before = terms_of_curve(DAY)
    save_periods(changed, by="import:1", source="billing")
    estimate_risk(DAY, by="daily round")
    assert terms_of_curve(DAY) == before
    assert risk("A099").group == "12-month terms"
    assert risk("A099").probability == pytest.approx(0.25)
    assert risk("A099").yearly_amount == Decimal(1800)


def test_that_an_account_left_stays_true_when_it_is_erased(stream: Stream) -> None:
    fill(100, 25)
    before = terms_of_curve(DAY)
    erase_account(Account.objects.get(key="A000"), by="person:1", reason="asked for it")
    estimate_risk(DAY, by="daily round")
    assert terms_of_curve(DAY) == before
    assert risk("A099").probability == pytest.approx(0.25)
    assert Risk.objects.count() == 99


def test_only_the_curves_that_a_stored_figure_was_read_from_are_kept() -> None:
    fill(100, 25)
    for day in (DAY, date(2026, 7, 2), date(2026, 6, 1)):
        estimate_risk(day, by="daily round")
    assert [version.as_of for version in ClockVersion.objects.all()] == [date(2026, 7, 2)]


def test_an_account_without_a_renewal_date_is_read_from_its_days_as_a_customer() -> None:
    fill(100, 25)
    save_accounts([AccountRow("open", since=date(2025, 9, 1))], by="import:2", source="crm")
    row = PeriodRow(
        "open",
        account="open",
        starts_on=date(2025, 9, 1),
        monthly_amount=Decimal(50),
        currency="EUR",
        plan="Pro",
    )
    save_periods([row], by="import:2", source="billing")
    estimate_risk(DAY, by="daily round")
    found = risk("open")
    assert found.horizon_on == date(2026, 9, 29)
    assert "days as a customer" in found.method
    assert found.probability is not None
    assert found.probability == pytest.approx(0.25)


def test_amounts_in_several_currencies_are_converted_by_stated_rates_or_unknown() -> None:
    fill(1, 0)
    save_periods([year("dollars", "A000", 2026, money="USD")], by="import:2", source="billing")
    estimate_risk(DAY, by="daily round")
    assert (risk("A000").yearly_amount, risk("A000").currency) == (None, "")
    ExchangeRate.objects.create(
        currency="USD", rate=Decimal("0.5"), stated_by="person:1", stated_at=clock.now()
    )
    estimate_risk(DAY, by="daily round")
    assert (risk("A000").yearly_amount, risk("A000").currency) == (Decimal(1800), "EUR")


def test_the_rows_behind_a_risk_are_as_many_as_it_was_read_from() -> None:
    fill(100, 25)
    estimate_risk(DAY, by="daily round")
    found = risk("A099")
    rows = behind(found)
    assert rows is not None
    # Half a year into their terms: of 175 terms those of 2026 are seen to this day only.
    assert (rows.axis, rows.given, rows.watched, rows.left) == (TERM, 181, 175, 25)
    assert (rows.n, rows.left_within) == (found.n, 25) == (100, 25)
    assert [(row.until, row.left, row.stays) for row in rows.rows] == [(365, True, 25), (365, False, 75)]
    assert behind(risk("A000")) is None


def stay(key: str, since: date | None, starts: date, ends: date | None) -> PeriodRow:
    save_accounts([AccountRow(key, since=since)], by="import:1", source="crm")
    return PeriodRow(
        key, account=key, starts_on=starts, ends_on=ends, monthly_amount=Decimal(10), currency="EUR"
    )


def test_those_first_seen_while_the_risk_looks_ahead_are_among_its_rows() -> None:
    """They are at risk from then on, so the figure is read from them too."""
    old = date(2025, 12, 1)
    rows = [
        stay(f"late{n}", old, date(2026, 1, 15), date(2026, 2, 20) if n < 10 else None) for n in range(20)
    ]
    rows += [stay(f"early{n}", date(2026, 1, 1), date(2026, 1, 1), None) for n in range(10)]
    rows += [stay("me", date(2026, 6, 1), date(2026, 6, 1), None)]
    save_periods(rows, by="import:1", source="billing")
    estimate_risk(DAY, by="daily round")
    found = risk("me")
    read = behind(found)
    assert read is not None
    assert (read.given, read.within, read.n, read.joined, read.left_within) == (30, 90, 10, 20, 10)
    again = Curve.fit([Stay(r.until, r.left, r.entered) for r in read.rows for _ in range(r.stays)])
    assert found.probability == again.leaving(read.within, given=read.given).value == pytest.approx(10 / 30)


def test_an_end_that_is_still_to_come_is_no_leaving_and_a_free_stretch_no_stay() -> None:
    save_accounts([AccountRow("A1")], by="import:1", source="crm")
    free = replace(
        stay("A1", None, date(2026, 1, 1), date(2026, 3, 1)), key="free", monthly_amount=Decimal(0)
    )
    paid = stay("A1", None, date(2026, 3, 1), date(2026, 12, 1))
    save_periods([free, paid], by="import:1", source="billing")
    assert list(tenure_stays(contracts(DAY), DAY)) == [Stay(122, left=False)]
    ended = date(2026, 12, 1)
    assert list(tenure_stays(contracts(ended), ended)) == [Stay(275, left=True)]


def test_terms_of_another_length_do_not_answer_for_a_term_with_too_few() -> None:
    fill(100, 25)
    save_accounts([AccountRow("quarterly")], by="import:1", source="crm")
    quarter = year("q", "quarterly", 2026)
    quarter = replace(quarter, starts_on=date(2026, 6, 1), ends_on=None, renews_on=date(2026, 9, 1))
    save_periods([quarter], by="import:1", source="billing")
    estimate_risk(DAY, by="daily round")
    found = risk("quarterly")
    assert (found.horizon_on, found.group) == (date(2026, 9, 1), "plan Pro")
    assert TENURE in found.method
    assert TERM not in found.method


def test_the_page_of_a_risk_lists_its_stays(viewer_client: Client) -> None:
    fill(100, 25)
    estimate_risk(DAY, by="daily round")
    page = viewer_client.get("/customers/accounts/A099/risk/").content.decode()
    assert "100 stays were watched past day 181" in page
    assert "25 of them ended within the next 184 days." in page
    unknown = viewer_client.get("/customers/accounts/A000/risk/").content.decode()
    assert "no paid subscription is in force" in unknown
