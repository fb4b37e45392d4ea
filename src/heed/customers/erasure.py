"""Lawful erasure: what is personal goes for good, and that it went is recorded."""

from collections.abc import Callable, Collection, Sequence

from django.db import transaction
from django.db.models import Model, Q
from django.utils.crypto import salted_hmac

from heed.customers.models import Account, Contact, SubscriptionPeriod
from heed.ledger import clock, outbox
from heed.ledger.actions import forget
from heed.ledger.home import open_stream
from heed.ledger.models import AuditEntry

ERASED = "erased:"
MODELS: dict[str, type[Model]] = {"account": Account, "contact": Contact}


def erased_key(kind: str, key: str) -> str:
    """What stands in place of an erased key: the same for the same key, and no way back."""
    return ERASED + salted_hmac(f"heed.customers.{kind}", key, algorithm="sha256").hexdigest()[:40]


def erased_among(kind: str, keys: Collection[str]) -> set[str]:
    """Those of the keys whose account or contact was erased."""
    everything = MODELS[kind]._default_manager
    if not keys or not everything.filter(erased_at__isnull=False).exists():
        return set()
    named = {erased_key(kind, key): key for key in keys}
    return {named[gone] for gone in everything.filter(key__in=named).values_list("key", flat=True)}


def nothing_more() -> None:
    """Where no package above keeps anything of what is erased."""


def erase_account(account: Account, *, by: str, reason: str, also: Callable[[], None] = nothing_more) -> None:
    """Erase an account and its contacts: names, attributes, activities, and what the trail says of them.

    Its subscription periods and movements stay as amounts without a name, so that past revenue still adds
    up. A file that names it later brings nothing back. Safe to repeat when it was interrupted. `also` erases
    what packages above keep of it, in the same transaction, while its key is still known.
    """
    # The stream first: it is safe to repeat, and the key is still known until the rows below commit.
    open_stream().erase(account=account.key, by=by, at=clock.now())
    # Its people may be named in activities of another account, now or in a file to come.
    for key in account.contacts.filter(erased_at=None).values_list("key", flat=True):
        open_stream().erase(contact=key, by=by, at=clock.now())
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        also()
        contacts = list(account.contacts.select_for_update().filter(erased_at=None))
        _blank_contacts(contacts, by=by, reason=reason)
        forget_named("account", [account.key], by=by, reason=reason)
        _forget_as_parent(account.key)
        _blank_periods(account, by=by, reason=reason)
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


def erase_contact(contact: Contact, *, by: str, reason: str, also: Callable[[], None] = nothing_more) -> None:
    """Erase a contact: name, address, role, attributes, activities, and what the trail says of them.

    `also` as for an account.
    """
    open_stream().erase(contact=contact.key, by=by, at=clock.now())
    with transaction.atomic():
        Contact.objects.select_for_update().get(pk=contact.pk)
        also()
        _blank_contacts([contact], by=by, reason=reason)
    contact.refresh_from_db()


def _blank_contacts(contacts: Sequence[Contact], *, by: str, reason: str) -> None:
    now = clock.now()
    for contact in contacts:
        forget_named("contact", [contact.key], by=by, reason=reason)
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


def _blank_periods(account: Account, *, by: str, reason: str) -> None:
    periods = list(account.subscription_periods.select_for_update())
    forget_named("period", [period.key for period in periods], by=by, reason=reason)
    for period in periods:
        period.key = erased_key("period", period.key)
        period.subscription = erased_key("subscription", period.subscription)
        period.attributes = {}
    SubscriptionPeriod.objects.bulk_update(periods, ["key", "subscription", "attributes"], batch_size=500)


def _forget_as_parent(key: str) -> None:
    """The trail of the accounts beneath it names it: its digest takes the place of its key there too."""
    named = AuditEntry.objects.filter(Q(before__parent=key) | Q(after__parent=key), kind="account")
    for entry in named.iterator():
        for state in (entry.before, entry.after):
            if state and state.get("parent") == key:
                state["parent"] = erased_key("account", key)
        entry.save(update_fields=["before", "after"])


def forget_named(kind: str, keys: Sequence[str], *, by: str, reason: str) -> None:
    """Blank what the trail says of these, their keys included, for a key may name a person."""
    forget(kind, keys, by=by, reason=reason)
    for key in keys:
        AuditEntry.objects.filter(kind=kind, subject=key).update(subject=erased_key(kind, key))
