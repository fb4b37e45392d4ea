"""The only doors to imports and rejected rows: for whoever may import."""

from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.utils.translation import gettext as _

from heed.people.models import User
from heed.people.permissions import Permission, demand
from heed.sources.models import Import, RejectedRow, Source


def import_for(user: User | AnonymousUser, pk: int) -> Import:
    demand(user, Permission.IMPORT)
    found = Import.objects.select_related("source").filter(pk=pk).first()
    if found is None:
        raise Http404(_("There is no import %(pk)s.") % {"pk": pk})
    return found


def rejected_for(user: User | AnonymousUser, pk: int) -> RejectedRow:
    demand(user, Permission.IMPORT)
    found = RejectedRow.objects.select_related("of_import__source").filter(pk=pk).first()
    if found is None:
        raise Http404(_("There is no rejected row %(pk)s.") % {"pk": pk})
    return found


def source_for(user: User | AnonymousUser, pk: int) -> Source:
    demand(user, Permission.IMPORT)
    found = Source.objects.filter(pk=pk).first()
    if found is None:
        raise Http404(_("There is no source %(pk)s.") % {"pk": pk})
    return found
