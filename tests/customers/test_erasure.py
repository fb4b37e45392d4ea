from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from heed.customers.actions import erase_account, erase_contact, save_accounts, save_contacts, save_periods
from heed.customers.models import Account, Contact, Movement, SubscriptionPeriod
from heed.customers.rows import AccountRow, ContactRow, PeriodRow
from heed.ledger.models import AuditEntry, OutboxEntry
from heed.stream import Activity, AppTransaction, Stream, as_table

pytestmark = pytest.mark.django_db

ACCOUNT = AccountRow("anna@alfa.example", name="Anna Alfa", attributes={"phone": "123"})
CONTACT = ContactRow("cleo@alfa.example", account="anna@alfa.example", name="Cleo", email="cleo@alfa.example")


@pytest.fixture(autouse=True)
def customers(stream: Stream) -> None:
    save_accounts([ACCOUNT, AccountRow("other")], by="import:1", source="crm")
    save_contacts([CONTACT], by="import:1", source="crm")
    save_periods(
        [
            PeriodRow(
                "p1",
                account=ACCOUNT.key,
                starts_on=date(2025, 1, 1),
                monthly_amount=Decimal(50),
                currency="EUR",
                attributes={"note": "for Anna"},
            )
        ],
        by="import:1",
        source="billing",
    )
    at = datetime(2026, 3, 1, tzinfo=UTC)
    activities = [
        Activity("crm", "1", ACCOUNT.key, "login", at, contact=CONTACT.key),
        Activity("crm", "2", "other", "login", at),
    ]
    stream.append(as_table(activities), transaction=AppTransaction("test", 1), recorded_at=at)


def everything_kept() -> str:
    rows = [
        *AuditEntry.objects.values_list("subject", "before", "after", "reason"),
        *OutboxEntry.objects.values_list("activity"),
        *Account.objects.values_list("key", "name", "attributes"),
        *Contact.objects.values_list("key", "name", "email", "role", "attributes"),
    ]
    return repr(rows)


def test_an_erased_account_leaves_no_name_anywhere_and_a_record_that_it_went(stream: Stream) -> None:
    assert "Anna" in everything_kept()
    erase_account(Account.objects.get(key=ACCOUNT.key), by="person:1", reason="request 17")
    kept = everything_kept()
    for word in ("Anna", "Alfa", "alfa.example", "Cleo", "123"):
        assert word not in kept
    assert stream.count() == 1
    assert sorted(stream.run(stream.erasures()).column("kind").to_pylist()) == ["account", "contact"]
    assert "request 17" in kept
    assert Movement.objects.get().after == 50


def test_what_was_erased_does_not_come_back_with_the_next_file(stream: Stream) -> None:
    erase_account(Account.objects.get(key=ACCOUNT.key), by="person:1", reason="request 17")
    before = everything_kept()
    saved = save_accounts([ACCOUNT, AccountRow("other")], by="import:2", source="crm")
    assert [(f.code, f.refused) for f in saved.findings] == [("erased", True)]
    contacts = save_contacts(
        [ContactRow(CONTACT.key, account="other", name="Cleo")], by="import:2", source="crm"
    )
    assert [f.code for f in contacts.findings] == ["erased"]
    of_the_account = save_contacts(
        [ContactRow("new", account=ACCOUNT.key, name="Cleo")], by="import:2", source="crm"
    )
    assert [f.code for f in of_the_account.findings] == ["erased"]
    paid = PeriodRow(
        "p9", account=ACCOUNT.key, starts_on=date(2026, 1, 1), monthly_amount=Decimal(9), currency="EUR"
    )
    assert [f.code for f in save_periods([paid], by="import:2", source="billing").findings] == ["erased"]
    assert everything_kept() == before


def test_a_period_of_an_erased_account_keeps_its_amount_and_not_its_ids(stream: Stream) -> None:
    erase_account(Account.objects.get(key=ACCOUNT.key), by="person:1", reason="request 17")
    period = SubscriptionPeriod.objects.get()
    assert (period.monthly_amount, period.starts_on) == (Decimal(50), date(2025, 1, 1))
    assert period.attributes == {}
    assert period.key.startswith("erased:")
    assert period.subscription.startswith("erased:")
    assert not AuditEntry.objects.filter(subject="p1").exists()


def test_an_erased_contact_leaves_its_account_as_it_is(stream: Stream) -> None:
    erase_contact(Contact.objects.get(key=CONTACT.key), by="person:1", reason="request 18")
    kept = everything_kept()
    assert "Cleo" not in kept
    assert "cleo" not in kept
    assert Account.objects.get(key=ACCOUNT.key).name == "Anna Alfa"
    assert stream.count() == 1
