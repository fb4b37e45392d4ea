"""The only doors to conversations: those of an account that the person may see."""

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from heed.conversations.models import Case, Interaction
from heed.customers.access import accounts_for
from heed.people.models import User


def cases_for(user: User) -> QuerySet[Case]:
    return Case.objects.filter(withdrawn_at=None, account__in=accounts_for(user))


def case_for(user: User, key: str) -> Case:
    case = cases_for(user).select_related("account", "contact").filter(key=key).first()
    if case is None:
        raise Http404(_("There is no case with the id %(key)s.") % {"key": key})
    return case


def interactions_for(user: User) -> QuerySet[Interaction]:
    return Interaction.objects.filter(withdrawn_at=None, account__in=accounts_for(user))


def interaction_for(user: User, key: str) -> Interaction:
    found = interactions_for(user).select_related("account", "contact", "held_by").filter(key=key).first()
    if found is None:
        raise Http404(_("There is no interaction with the id %(key)s.") % {"key": key})
    return found
