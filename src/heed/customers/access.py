"""The only doors to customers: an object, or no answer at all for who may not have it."""

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from heed.customers.models import Account, Contact
from heed.people.models import User
from heed.people.permissions import Permission, demand


def accounts_for(user: User) -> QuerySet[Account]:
    """The accounts a person may see: all that stand. Roles limit what a person may do, not whom they see."""
    if not user.is_active:
        raise PermissionDenied
    return Account.objects.filter(withdrawn_at=None, erased_at=None)


def account_for(user: User, key: str) -> Account:
    account = accounts_for(user).select_related("owner", "parent").filter(key=key).first()
    if account is None:
        raise Http404(_("There is no account with the id %(key)s.") % {"key": key})
    return account


def contact_to_erase(user: User, key: str) -> Contact:
    """A contact for whoever may erase it, also one that an undo withdrew: its name and address are kept."""
    demand(user, Permission.ERASE)
    contact = Contact.objects.select_related("account").filter(key=key, erased_at=None).first()
    if contact is None:
        raise Http404(_("There is no contact with the id %(key)s.") % {"key": key})
    return contact


def erasure_of(user: User, kind: str, pk: int) -> Account | Contact:
    """An account or a contact for whoever may erase it, erased already or not: by number, as its key goes."""
    demand(user, Permission.ERASE)
    subjects: dict[str, QuerySet[Account] | QuerySet[Contact]] = {
        "account": Account.objects.all(),
        "contact": Contact.objects.select_related("account"),
    }
    found = subjects[kind].filter(pk=pk).first() if kind in subjects else None
    if found is None:
        raise Http404(_("There is no such account or contact."))
    return found
