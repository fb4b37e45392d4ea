"""How allauth serves this house: nobody signs up by themselves, and security changes are recorded."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from heed.ledger import clock
from heed.people import actions, reads
from heed.people.models import User

SECURITY_CHANGES = {
    "account/email/password_reset": "reset password",
    "account/email/password_changed": "change password",
    "account/email/password_set": "set password",
    "mfa/email/totp_activated": "add authenticator app",
    "mfa/email/totp_deactivated": "remove authenticator app",
    "mfa/email/recovery_codes_generated": "make recovery codes",
    "mfa/email/webauthn_added": "add passkey",
    "mfa/email/webauthn_removed": "remove passkey",
    "socialaccount/email/account_connected": "connect company account",
    "socialaccount/email/account_disconnected": "disconnect company account",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_notification_mail(
        self, template_prefix: str, user: User, context: Any = None, email: str | None = None
    ) -> None:
        """allauth calls this after each change to how a person signs in, whether or not mail goes out."""
        actions.note_security_change(user, SECURITY_CHANGES.get(template_prefix, template_prefix))
        super().send_notification_mail(template_prefix, user, context, email)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Nothing: axes counts wrong passwords for one address from one place, for all processes together.

        allauth would count them for the address alone, so that a stranger could lock a person out.
        """

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The link of the letter, at the address that people use and not at the host of the request."""
        link = str(super().get_reset_password_from_key_url(key))
        return f"{settings.HEED_BASE_URL}{urlsplit(link).path}"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("people:security")

    def new_user(self, request: HttpRequest) -> User:
        return User(created_at=clock.now())


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Lets in whom the company's provider vouches for, when they have an account here or an invitation."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return verified_invitation(sociallogin) is not None

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        invitation = verified_invitation(sociallogin)
        if invitation is None:
            raise actions.LinkError("The invitation was withdrawn or used meanwhile.")
        name = str(sociallogin.account.extra_data.get("userinfo", {}).get("name", "")) or invitation.email
        user = actions.accept(invitation, name, None)
        sociallogin.connect(request, user)
        return user


def verified_invitation(sociallogin: SocialLogin) -> Any:
    """The open invitation to an address that the provider has verified, or None."""
    for address in sociallogin.email_addresses:
        if address.verified and (found := reads.invited(address.email)) is not None:
            return found
    return None
