"""What changes who may come in: links, invitations, roles. Each is one transaction with its audit row."""

from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.people.models import Invitation, Role, SignInLink, User
from heed.people.tokens import digest_of, new_token


class PeopleError(Exception):
    """A change to people that cannot be made; the message says why and what to do."""


class LinkError(PeopleError):
    """A one-time link that no longer opens anything."""


@transaction.atomic
def create_user(email: str, name: str, role: str, *, by: str, password: str | None = None) -> User:
    """A new person, whose address counts as shown to be theirs; refuses an address that is taken."""
    address = email.strip().lower()
    if User.objects.filter(email__iexact=address).exists():
        raise PeopleError(_("%(email)s already has an account here.") % {"email": address})
    # A name stands in the subject of letters, so it is one line; a provider may send any length.
    named = " ".join(name.split())[:200] or address
    user = User(email=address, name=named, role=Role(role), created_at=clock.now())
    user.set_password(password)
    user.save()
    EmailAddress.objects.create(user=user, email=address, verified=True, primary=True)
    after = {"email": address, "name": user.name, "role": user.role}
    record(Change("create", "user", str(user.pk), after=after), by=by)
    return user


@transaction.atomic
def make_sign_in_link(user: User, *, by: str) -> str:
    """The token of a link that signs this person in once, within `HEED_SIGN_IN_LINK_HOURS`."""
    if not user.is_active:
        raise PeopleError(_("%(email)s is deactivated. Reactivate them first.") % {"email": user.email})
    token, digest = new_token()
    now = clock.now()
    expires = now + settings.HEED_SIGN_IN_LINK_LASTS
    SignInLink.objects.create(user=user, token_digest=digest, created_at=now, expires_at=expires)
    record(Change("make sign-in link", "user", str(user.pk), after={"expires_at": expires}), by=by)
    return token


@transaction.atomic
def use_sign_in_link(token: str) -> User:
    """Spend the link and return whom it signs in; LinkError where it is spent, late or unknown."""
    link = (
        SignInLink.objects.select_for_update()
        .select_related("user")
        .filter(token_digest=digest_of(token))
        .first()
    )
    if link is None or not is_open(link) or not link.user.is_active:
        raise LinkError(_("This sign-in link is used, expired or not complete. Ask an admin for a new one."))
    link.used_at = clock.now()
    link.save(update_fields=["used_at"])
    record(Change("use sign-in link", "user", str(link.user_id)), by=link.user.actor)
    return link.user


def is_open(link: SignInLink) -> bool:
    return link.used_at is None and link.expires_at > clock.now()


@transaction.atomic
def invite(email: str, role: str, *, invited_by: User) -> tuple[Invitation, str]:
    """An invitation and the token of its link; an open one to the same address is withdrawn."""
    address = email.strip().lower()
    if User.objects.filter(email__iexact=address).exists():
        raise PeopleError(_("%(email)s already has an account here.") % {"email": address})
    for earlier in open_invitations().filter(email__iexact=address):
        withdraw(earlier, by=invited_by.actor)
    token, digest = new_token()
    now = clock.now()
    invitation = Invitation.objects.create(
        email=address,
        role=Role(role),
        token_digest=digest,
        invited_by=invited_by,
        created_at=now,
        expires_at=now + settings.HEED_INVITATION_LASTS,
    )
    after = {"email": address, "role": role, "expires_at": invitation.expires_at}
    record(Change("invite", "invitation", str(invitation.pk), after=after), by=invited_by.actor)
    return invitation, token


@transaction.atomic
def renew_invitation(invitation: Invitation, *, by: str) -> str:
    """A new token and a new expiry for an invitation that nobody accepted; the old link is void."""
    held = _held_invitation(invitation)
    token, held.token_digest = new_token()
    before = {"expires_at": held.expires_at}
    held.expires_at = clock.now() + settings.HEED_INVITATION_LASTS
    held.save(update_fields=["token_digest", "expires_at"])
    after = {"expires_at": held.expires_at}
    record(Change("renew", "invitation", str(held.pk), before=before, after=after), by=by)
    return token


@transaction.atomic
def withdraw(invitation: Invitation, *, by: str) -> None:
    """Make the link of an invitation that nobody accepted open nothing."""
    held = _held_invitation(invitation)
    held.withdrawn_at = clock.now()
    held.save(update_fields=["withdrawn_at"])
    record(Change("withdraw", "invitation", str(held.pk)), by=by)


def _held_invitation(invitation: Invitation) -> Invitation:
    held = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if held.accepted_at or held.withdrawn_at:
        raise PeopleError(_("This invitation was accepted or withdrawn meanwhile."))
    return held


@transaction.atomic
def accept(invitation: Invitation, name: str, password: str | None) -> User:
    """The person who was invited, from now on with an account; LinkError where it is not open any more."""
    held = open_invitations().select_for_update().filter(pk=invitation.pk).first()
    if held is None:
        raise LinkError(_("This invitation is used, withdrawn or expired. Ask for a new one."))
    held.accepted_at = clock.now()
    held.save(update_fields=["accepted_at"])
    user = create_user(held.email, name, held.role, by=f"invitation:{held.pk}", password=password)
    record(Change("accept", "invitation", str(held.pk), after={"user": user.pk}), by=user.actor)
    return user


def open_invitations() -> QuerySet[Invitation]:
    """Invitations that can still be accepted."""
    return Invitation.objects.filter(
        accepted_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=clock.now()
    )


@transaction.atomic
def change_role(user: User, role: str, *, by: str) -> None:
    """Give a person another role; the last active admin stays one.

    Who was an admin no longer lets others in: their open invitations are withdrawn.
    """
    held = _held_user(user)
    if held.role == role:
        return
    if held.role == Role.ADMIN:
        _demand_another_admin(held)
        _withdraw_all_of(held, by)
    before = held.role
    held.role = Role(role)
    held.save(update_fields=["role"])
    change = Change("change role", "user", str(held.pk), before={"role": before}, after={"role": role})
    record(change, by=by)


@transaction.atomic
def deactivate(user: User, *, by: str) -> None:
    """Close every way in for a person and for those they invited, at once; what they did stays.

    The last active admin stays.
    """
    held = _held_user(user)
    if not held.is_active:
        return
    if held.role == Role.ADMIN:
        _demand_another_admin(held)
    held.is_active = False
    held.save(update_fields=["is_active"])
    _spend_links(held, clock.now())
    _withdraw_all_of(held, by)
    end_sessions(held)
    change = Change("deactivate", "user", str(held.pk), before={"active": True}, after={"active": False})
    record(change, by=by)


@transaction.atomic
def reactivate(user: User, *, by: str) -> None:
    """Let a deactivated person in again, with their password and role as they were."""
    held = _held_user(user)
    if held.is_active:
        return
    held.is_active = True
    held.save(update_fields=["is_active"])
    change = Change("reactivate", "user", str(held.pk), before={"active": False}, after={"active": True})
    record(change, by=by)


@transaction.atomic
def note_security_change(user: User, what: str) -> None:
    """Record that a person changed how they sign in; never what the secret is."""
    record(Change(what, "user", str(user.pk)), by=user.actor)


def end_sessions(user: User) -> None:
    """Sign a person out everywhere. Sessions do not name their person, so each has to be looked into."""
    for session in Session.objects.filter(expire_date__gt=clock.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
    UserSession.objects.filter(user=user).delete()


def _spend_links(user: User, at: datetime) -> None:
    SignInLink.objects.filter(user=user, used_at__isnull=True).update(used_at=at)


def _withdraw_all_of(user: User, by: str) -> None:
    """An invitation to an address of their own would let whoever is put out come back in."""
    for invitation in open_invitations().filter(invited_by=user):
        withdraw(invitation, by=by)


def _held_user(user: User) -> User:
    # Admins first and in one order: two admins who demote each other at once must not both succeed.
    list(User.objects.select_for_update().filter(role=Role.ADMIN).order_by("pk"))
    return User.objects.select_for_update().get(pk=user.pk)


def _demand_another_admin(user: User) -> None:
    if not User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=user.pk).exists():
        raise PeopleError(_("%(name)s is the last admin. Make someone else an admin first.") % {"name": user})
