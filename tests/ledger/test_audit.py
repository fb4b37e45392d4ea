"""Every change of state leaves its audit row and its activities, in its own transaction."""

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from heed.ledger.actions import Change, OutsideTransactionError, forget, record, record_many
from heed.ledger.models import AuditEntry, OutboxEntry


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_record_outside_a_transaction() -> None:
    with pytest.raises(OutsideTransactionError):
        record(Change("save", "account", "acme"), by="person:1")
    with pytest.raises(OutsideTransactionError):
        record_many([Change("save", "account", "acme")], by="person:1")
    assert AuditEntry.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_change_that_fails_leaves_no_record() -> None:
    def save_and_fail() -> None:
        with transaction.atomic():
            record(Change("save", "account", "acme"), by="person:1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_and_fail()
    assert (AuditEntry.objects.count(), OutboxEntry.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_a_record_says_who_what_when_before_and_after() -> None:
    entry = record(
        Change(
            "rename", "account", "acme", before={"name": "Acme"}, after={"name": "Acme AG"}, reason="merger"
        ),
        by="person:7",
    )
    kept = AuditEntry.objects.get()
    assert (kept.by, kept.action, kept.kind, kept.subject) == ("person:7", "rename", "account", "acme")
    assert (kept.before, kept.after, kept.reason) == ({"name": "Acme"}, {"name": "Acme AG"}, "merger")
    assert kept.at == entry.at


@pytest.mark.django_db
def test_many_changes_are_recorded_in_bulk(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    changes = (Change("save", "account", f"a{number}", after={"name": number}) for number in range(20_001))
    with django_assert_max_num_queries(200):
        assert record_many(changes, by="import:1") == 20_001
    assert AuditEntry.objects.count() == 20_001
    assert AuditEntry.objects.order_by("-id")[0].subject == "a20000"


@pytest.mark.django_db
def test_forgetting_blanks_what_was_said_of_a_subject_and_records_that_it_was_done() -> None:
    record(Change("save", "contact", "c1", after={"email": "a@b.test"}), by="import:1")
    record(Change("save", "contact", "c2", after={"email": "c@d.test"}), by="import:1")
    assert forget("contact", ["c1"], by="person:1", reason="asked by the person") == 1
    assert [(entry.subject, entry.action, entry.after) for entry in AuditEntry.objects.order_by("id")] == [
        ("c1", "save", None),
        ("c2", "save", {"email": "c@d.test"}),
        ("c1", "erase from trail", None),
    ]
