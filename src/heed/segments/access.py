"""The only doors to segments. Everybody sees all of them; who made one may change it, and who may share."""

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from heed.people.models import User
from heed.people.permissions import Permission, allows, demand
from heed.segments.models import Segment


def segments_for(user: User) -> QuerySet[Segment]:
    if not user.is_active:
        raise PermissionDenied
    return Segment.objects.order_by("name")


def segment_for(user: User, pk: int) -> Segment:
    segment = segments_for(user).select_related("made_by").filter(pk=pk).first()
    if segment is None:
        raise Http404(_("There is no such segment; it may have been deleted."))
    return segment


def may_change(user: User, segment: Segment) -> bool:
    own = segment.made_by_id == user.pk
    return allows(user, Permission.SAVE_SEGMENTS if own else Permission.SHARE_SEGMENTS)


def segment_to_change(user: User, pk: int) -> Segment:
    segment = segment_for(user, pk)
    if not may_change(user, segment):
        demand(user, Permission.SHARE_SEGMENTS)
    return segment
