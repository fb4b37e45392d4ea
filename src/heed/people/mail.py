"""The letters that let people in."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from heed.people.models import Invitation


def is_set_up() -> bool:
    """Whether this installation can send mail."""
    return bool(settings.EMAIL_HOST)


def invitation_link(token: str) -> str:
    return f"{settings.HEED_BASE_URL}/invitations/{token}/"


def sign_in_link(token: str) -> str:
    return f"{settings.HEED_BASE_URL}/sign-in/link/{token}/"


def send_invitation(invitation: Invitation, token: str) -> None:
    """Send the link of an invitation; raises OSError (SMTP errors are such) where the server refuses."""
    context = {"invitation": invitation, "link": invitation_link(token)}
    EmailMessage(
        subject=_("%(name)s invites you to Heed") % {"name": invitation.invited_by},
        body=render_to_string("people/mail/invitation.txt", context),
        to=[invitation.email],
    ).send()
