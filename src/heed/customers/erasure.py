"""Lawful erasure: what is personal goes for good, and that it went is recorded."""

from collections.abc import Collection, Sequence

from django.db import transaction
from django.utils.crypto import salted_hmac

from heed.customers.models import Account, Contact
from heed.customers.shelves import Shelf
from heed.ledger import clock, outbox
from heed.ledger.actions import forget
from heed.ledger.home import open_stream
from heed.ledger.models import AuditEntry

ERASED = "erased:"


def erased_key(kind: str, key: str) -> str:
    """What stands in place of an erased key: the same for the same key, and no way back."""
    return ERASED + salted_hmac(f"heed.customers.{kind}", key, algorithm="sha256").hexdigest()[:40]


def erased_among(shelf: Shelf, keys: Collection[str]) -> set[str]:
    """Those of the keys whose account or contact was erased."""
    everything = shelf.model._default_manager
    if shelf.kind not in ("account", "contact") or not everything.filter(erased_at__isnull=False).exists():
        return set()
    named = {erased_key(shelf.kind, key): key for key in keys}
    return {named[gone] for gone in everything.filter(key__in=named).values_list("key", flat=True)}


def erase_account(account: Account, *, by: str, reason: str) -> None:
    """Erase an account and its contacts: names, attributes, activities, and what the trail says of them.

    Its subscription periods and movements stay as amounts without a name, so that past revenue still adds
    up. A file that names it later brings nothing back. Safe to repeat when it was interrupted.
    """
    # The stream first: it is safe to repeat, and the key is still known until the rows below commit.
    open_stream().erase(account=account.key, by=by, at=clock.now())
    with transaction.atomic():
        contacts = list(account.contacts.select_for_update().filter(erased_at=None))
        _blank_contacts(contacts, by=by, reason=reason)
        _forget("account", account.key, by=by, reason=reason)
        _forget_periods(account, by=by, reason=reason)
        outbox.forget(account=account.key)
        now = clock.now()
        Account.objects.filter(pk=account.pk).update(
            key=erased_key("account", account.key),
            name=ERASED.rstrip(":"),
            attributes={},
            erased_at=now,
            changed_at=now,
        )
    account.refresh_from_db()


def erase_contact(contact: Contact, *, by: str, reason: str) -> None:
    """Erase a contact: name, address, role, attributes, activities, and what the trail says of them."""
    open_stream().erase(contact=contact.key, by=by, at=clock.now())
    with transaction.atomic():
        _blank_contacts([contact], by=by, reason=reason)
    contact.refresh_from_db()


def _blank_contacts(contacts: Sequence[Contact], *, by: str, reason: str) -> None:
    now = clock.now()
    for contact in contacts:
        _forget("contact", contact.key, by=by, reason=reason)
        outbox.forget(contact=contact.key)
        Contact.objects.filter(pk=contact.pk).update(
            key=erased_key("contact", contact.key),
            name="",
            email="",
            role="",
            attributes={},
            erased_at=now,
            changed_at=now,
        )


def _forget_periods(account: Account, *, by: str, reason: str) -> None:
    keys = list(account.subscription_periods.values_list("key", flat=True))
    if keys:
        forget("period", keys, by=by, reason=reason)
    account.subscription_periods.update(attributes={})


def _forget(kind: str, key: str, *, by: str, reason: str) -> None:
    """Blank what the trail says of it, its key included, for a key may name a person."""
    forget(kind, [key], by=by, reason=reason)
    AuditEntry.objects.filter(kind=kind, subject=key).update(subject=erased_key(kind, key))
