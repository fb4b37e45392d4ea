"""The doors to the desk: whose worklist a person may open, and which rows they may decide on."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from heed.desk.models import WorklistRow
from heed.people.models import User
from heed.people.permissions import Permission, allows


def person_for(user: User, asked: str) -> User:
    """Whose Today to show: one's own, or that of the person with this id for who may see the team's work."""
    if not asked or asked == str(user.pk):
        return user
    if not allows(user, Permission.SEE_TEAM_WORK):
        raise PermissionDenied(_("You may open your own Today. Leads may open those of others."))
    person = User.objects.filter(pk=int(asked), is_active=True).first() if asked.isdecimal() else None
    if person is None:
        raise Http404(_("There is no active person with the id %(id)s.") % {"id": asked})
    return person


def worklist_row_for(user: User, pk: int) -> WorklistRow:
    """A row of one's own list, or of anybody's for who may see the team's work."""
    row = WorklistRow.objects.select_related("account", "person").filter(pk=pk).first()
    if row is None:
        raise Http404(_("There is no such row on any worklist."))
    if row.person_id != user.pk and not allows(user, Permission.SEE_TEAM_WORK):
        raise PermissionDenied(_("This row is on the list of somebody else."))
    return row
