"""Lawful erasure, asked for by an admin and carried out by a worker: of an account or a contact, everywhere.

Each package erases what it keeps; here they are called, lowest last, so that keys are known until the end.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from heed.conversations.erasing import conversations_of, erase_conversations, mentions_of
from heed.customers.erasure import erase_account, erase_contact, erased_key, forget_named
from heed.customers.models import Account, Contact
from heed.desk.models import WorklistRow
from heed.ledger.actions import Change, forget, record
from heed.ledger.durable import JobRun, enqueue, find_job
from heed.ledger.models import AuditEntry
from heed.segments.models import Segment
from heed.sources.erasing import erase_rows

JOB = "erase on request"
ASKED = "ask to erase"


class ErasureRefused(ValueError):  # noqa: N818 - not an error of the program
    """An erasure is not started; the message says why."""


def kind_of(subject: Account | Contact) -> str:
    return "account" if isinstance(subject, Account) else "contact"


@dataclass(frozen=True, slots=True)
class Reach:
    """What an erasure removes (counts of rows), and what it does not reach."""

    contacts: int
    periods: int
    cases: int
    interactions: int
    worklist: int
    mentions: int
    segments: tuple[str, ...]


def reach_of(subject: Account | Contact) -> Reach:
    cases, interactions = conversations_of(subject)
    is_account = isinstance(subject, Account)
    return Reach(
        contacts=subject.contacts.filter(erased_at=None).count() if isinstance(subject, Account) else 0,
        periods=subject.subscription_periods.count() if isinstance(subject, Account) else 0,
        cases=cases.count(),
        interactions=interactions.count(),
        worklist=WorklistRow.objects.filter(account=subject.pk).count() if is_account else 0,
        mentions=0 if isinstance(subject, Account) else mentions_of(subject),
        segments=tuple(_segments_naming(subject)),
    )


def _segments_naming(subject: Account | Contact) -> list[str]:
    texts = (subject.key, subject.name, "" if isinstance(subject, Account) else subject.email)
    said = [text.casefold() for text in texts if text]
    filters = Segment.objects.order_by("name").values_list("name", "filter")
    return [name for name, filter in filters if any(text in filter.casefold() for text in said)]


@transaction.atomic
def ask_to_erase(subject: Account | Contact, *, typed: str, by: str, reason: str) -> None:
    """Have a worker erase it, once. Raises ErasureRefused unless the key is typed and a reason given."""
    if subject.erased_at is not None:
        raise ErasureRefused(_("This was erased already."))
    if typed.strip() != subject.key:
        raise ErasureRefused(_("The id typed is not %(key)s. Nothing was erased.") % {"key": subject.key})
    if not reason.strip():
        raise ErasureRefused(_("Say why: the reason is part of the record that stays."))
    kind = kind_of(subject)
    # The record that stays names nobody: neither the key nor the name.
    change = Change(ASKED, kind, erased_key(kind, subject.key), reason=reason.strip())
    entry = record(change, by=by)
    enqueue(JOB, kind, subject.pk, by, reason.strip(), key=str(entry.pk))


def carry_out(kind: str, pk: int, *, by: str, reason: str) -> None:
    """Erase an account or a contact from every package, in rows and stream. Safe to repeat."""
    if kind == "account":
        account = Account.objects.get(pk=pk)
        if account.erased_at is None:
            erase_account(account, by=by, reason=reason, also=partial(_above, account, by, reason))
        return
    contact = Contact.objects.select_related("account").get(pk=pk)
    if contact.erased_at is None:
        erase_contact(contact, by=by, reason=reason, also=partial(_above, contact, by, reason))


def _above(subject: Account | Contact, by: str, reason: str) -> None:
    """What the packages above customers keep of it."""
    _erase_worklist(subject, by=by, reason=reason)
    erase_rows(subject, by=by, reason=reason)
    erase_conversations(subject, by=by, reason=reason)


def _erase_worklist(subject: Account | Contact, *, by: str, reason: str) -> None:
    """An account's rows go. From those that may tell of the subject, and stay, every text goes."""
    telling = _accounts_telling_of(subject)
    if isinstance(subject, Account):
        telling = telling.exclude(pk=subject.pk)
        forget_named("worklist row", _decisions_on(subject), by=by, reason=reason)
        WorklistRow.objects.filter(account=subject).delete()
    for account in telling:
        forget("worklist row", _decisions_on(account), by=by, reason=reason)
    _blank_rows(WorklistRow.objects.filter(account__in=telling), _evidence_of(subject))


def _accounts_telling_of(subject: Account | Contact) -> QuerySet[Account]:
    """The subject's own account, and those where it has a case or a conversation."""
    own = subject if isinstance(subject, Account) else subject.account
    places = [rows.values_list("account", flat=True) for rows in conversations_of(subject)]
    return Account.objects.filter(pk__in={own.pk, *chain(*places)})


def _decisions_on(account: Account) -> list[str]:
    """The subjects in the trail of what was decided on the account's rows: key, kind and number."""
    beginning = AuditEntry.objects.filter(kind="worklist row", subject__startswith=f"{account.key}:")
    subjects = beginning.order_by().values_list("subject", flat=True).distinct()
    # SQLite compares without case, and a key may hold a colon: what begins alike may be of another account.
    return [subject for subject in subjects if subject.rsplit(":", 2)[0] == account.key]


def _evidence_of(subject: Account | Contact) -> set[str]:
    """The keys of evidence that tells of the subject's cases, conversations or words."""
    cases, interactions = (rows.values_list("key", flat=True) for rows in conversations_of(subject))
    return {"words", *(f"case:{key}" for key in cases), *(f"interaction:{key}" for key in interactions)}


def _blank_rows(rows: QuerySet[WorklistRow], evidence: Collection[str]) -> None:
    """Take the texts from rows, and the evidence of these keys; open ones are told anew by the next round.

    The rest of the evidence stays: what was decided on does not come back because somebody was erased.
    """
    blanked = list(rows.select_for_update())
    for row in blanked:
        row.why = _("What stood here was erased on request; the next round tells it anew.")
        row.quote, row.change, row.state_reason = None, "", ""
        row.evidence = [item for item in row.evidence if item["key"] not in evidence]
        row.found = _without(row.found, evidence)
        if row.earlier:
            row.earlier = {**row.earlier, "found": _without(row.earlier["found"], evidence)}
    fields = ["why", "quote", "change", "state_reason", "evidence", "found", "earlier"]
    WorklistRow.objects.bulk_update(blanked, fields, batch_size=100)


def _without(found: Mapping[str, str], evidence: Collection[str]) -> dict[str, str]:
    return {key: text for key, text in found.items() if key not in evidence}


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an erasure is: asked for by whom and why; its job, where the queue still knows it."""

    at: datetime
    by: str
    reason: str
    job: JobRun | None


def standing_of(subject: Account | Contact) -> Standing | None:
    """The last time that somebody asked for it; None: nobody did."""
    kind = kind_of(subject)
    key = subject.key if subject.erased_at is not None else erased_key(kind, subject.key)
    asked = AuditEntry.objects.filter(action=ASKED, kind=kind, subject=key).order_by("-id").first()
    if asked is None:
        return None
    return Standing(asked.at, asked.by, asked.reason, find_job(f"{JOB}:{asked.pk}"))
