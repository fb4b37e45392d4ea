"""Lawful erasure of what was said: the words of an account or a contact go with it."""

from django.db.models import Q, QuerySet

from heed.conversations.models import Case, Interaction
from heed.customers.erasure import forget_named
from heed.customers.models import Account, Contact
from heed.ledger.actions import forget
from heed.ledger.models import AuditEntry


def conversations_of(subject: Account | Contact) -> tuple[QuerySet[Case], QuerySet[Interaction]]:
    """The cases and interactions of an account and its people, or of a contact, withdrawn ones too."""
    if isinstance(subject, Account):
        whose = Q(account=subject) | Q(contact__account=subject)
        return Case.objects.filter(whose), Interaction.objects.filter(whose)
    return Case.objects.filter(contact=subject), Interaction.objects.filter(contact=subject)


def erase_conversations(subject: Account | Contact, *, by: str, reason: str) -> None:
    """Delete them with what the trail says of them; the caller's transaction erases the subject itself."""
    for kind, rows in zip(("case", "interaction"), conversations_of(subject), strict=True):
        keys = list(rows.values_list("key", flat=True))
        forget_named(kind, keys, by=by, reason=reason)
        rows.delete()
        forget(kind, _once_of(kind, subject), by=by, reason=reason)


def _once_of(kind: str, subject: Account | Contact) -> list[str]:
    """Those that were the subject's before they became another's: the trail still says so."""
    people = [subject.key]
    said = Q()
    if isinstance(subject, Account):
        people = list(subject.contacts.filter(erased_at=None).values_list("key", flat=True))
        said = Q(before__account=subject.key) | Q(after__account=subject.key)
    if people:
        said |= Q(before__contact__in=people) | Q(after__contact__in=people)
    entries = AuditEntry.objects.filter(said, kind=kind)
    return list(entries.order_by().values_list("subject", flat=True).distinct())


def mentions_of(contact: Contact) -> int:
    """How many texts of others at the account hold the contact's name or address; erasure leaves them."""
    cases, interactions = conversations_of(contact.account)
    said = [text for text in (contact.name, contact.email) if text]
    if not said:
        return 0
    in_cases, in_interactions = Q(), Q()
    for text in said:
        in_cases |= Q(subject__icontains=text)
        for field in ("words", "agenda", "goal", "purpose"):
            in_interactions |= Q(**{f"{field}__icontains": text})
    others = ~Q(contact=contact) | Q(contact=None)
    return cases.filter(others & in_cases).count() + interactions.filter(others & in_interactions).count()
