"""The only door to planned conversations: those of an account that the person may see."""

from django.http import Http404
from django.utils.translation import gettext as _

from heed.conversations.models import Interaction
from heed.customers.access import account_for
from heed.people.models import User


def plan_for(user: User, key: str, pk: int) -> Interaction:
    """A planned conversation of an account, closed or not; else Http404 or PermissionDenied."""
    account = account_for(user, key)
    found = account.interactions.filter(pk=pk, motion="planned", withdrawn_at=None)
    planned = found.select_related("account", "contact").first()
    if planned is None:
        raise Http404(_("There is no such planned conversation of %(account)s.") % {"account": account})
    return planned
