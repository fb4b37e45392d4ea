"""The only doors to people, their invitations and their links."""

from typing import cast

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest

from heed.people.actions import is_open, open_invitations
from heed.people.models import Invitation, SignInLink, User
from heed.people.permissions import Permission, demand
from heed.people.tokens import digest_of


def signed_in(request: HttpRequest) -> User:
    """The person who makes this request; for views that `may` guards."""
    return cast(User, request.user)


def user_for(user: User | AnonymousUser, pk: int) -> User:
    """The person with this number, for whoever manages people."""
    demand(user, Permission.MANAGE_PEOPLE)
    found = User.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def invitation_for(user: User | AnonymousUser, pk: int) -> Invitation:
    """The invitation with this number, for whoever manages people."""
    demand(user, Permission.MANAGE_PEOPLE)
    found = Invitation.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def open_invitation(token: str) -> Invitation | None:
    """The invitation that a link opens, or None where it is used, withdrawn, late or unknown."""
    return open_invitations().select_related("invited_by").filter(token_digest=digest_of(token)).first()


def open_sign_in_link(token: str) -> SignInLink | None:
    """The link behind a token, or None where it opens nothing."""
    link = SignInLink.objects.filter(token_digest=digest_of(token), user__is_active=True).first()
    return link if link is not None and is_open(link) else None
