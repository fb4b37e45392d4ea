"""Invitations: through a real mail server, accepted once, withdrawn, late, and for one address only."""

import email
import email.policy
import re
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from django.test import Client
from pytest_django.fixtures import Settings

from heed.ledger import clock
from heed.ledger.models import AuditEntry
from heed.people import actions
from heed.people.models import Invitation, User
from tests.conftest import PASSWORD, signed_in

pytestmark = pytest.mark.django_db


class Mailbox(Message):
    """Keeps what a real SMTP server took."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[email.message.Message] = []

    def handle_message(self, message: email.message.Message) -> None:
        self.letters.append(message)

    def link(self) -> str:
        body = self.letters[-1].get_payload(decode=True)
        assert isinstance(body, bytes)
        found = re.search(r"http://\S+(/invitations/\S+/)", body.decode())
        assert found is not None
        return found[1]


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = port
    yield box
    controller.stop()


def test_an_invited_person_comes_in_by_the_link_in_the_letter(
    mailbox: Mailbox, admin: User, admin_client: Client, client: Client
) -> None:
    admin_client.post("/settings/people/invite/", {"email": "Erin@Heed.test", "role": "lead"})
    [letter] = mailbox.letters
    assert letter["To"] == "erin@heed.test"
    assert letter["Subject"] == "Ada invites you to Heed"
    link = mailbox.link()
    assert client.get(link).status_code == 200
    response = client.post(link, {"name": "Erin", "password": PASSWORD})
    assert (response.status_code, response["Location"]) == (302, "/today/")
    erin = User.objects.get(email="erin@heed.test")
    assert (erin.name, erin.role, erin.check_password(PASSWORD)) == ("Erin", "lead", True)
    assert client.session["_auth_user_id"] == str(erin.pk)
    actors = list(AuditEntry.objects.order_by("id").values_list("action", "by"))
    invitation = Invitation.objects.get()
    assert actors == [
        ("invite", admin.actor),
        ("create", f"invitation:{invitation.pk}"),
        ("accept", erin.actor),
    ]


def test_an_invitation_is_accepted_once(admin: User, client: Client) -> None:
    _, token = actions.invite("erin@heed.test", "member", invited_by=admin)
    assert client.post(f"/invitations/{token}/", {"name": "Erin", "password": PASSWORD}).status_code == 302
    assert Client().get(f"/invitations/{token}/").status_code == 410
    again = Client().post(f"/invitations/{token}/", {"name": "Eve", "password": PASSWORD})
    assert again.status_code == 410
    assert User.objects.filter(email="erin@heed.test").count() == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda invitation, by: actions.withdraw(invitation, by=by),
        lambda invitation, by: actions.renew_invitation(invitation, by=by),
        lambda invitation, by: Invitation.objects.update(expires_at=clock.now() - timedelta(minutes=1)),
    ],
    ids=["withdrawn", "sent again with a new link", "late"],
)
def test_a_link_that_is_void_opens_nothing(spoil, admin: User, client: Client) -> None:  # type: ignore[no-untyped-def]
    invitation, token = actions.invite("erin@heed.test", "member", invited_by=admin)
    spoil(invitation, admin.actor)
    assert client.get(f"/invitations/{token}/").status_code == 410
    assert client.post(f"/invitations/{token}/", {"name": "E", "password": PASSWORD}).status_code == 410
    assert not User.objects.filter(email="erin@heed.test").exists()


def test_the_role_cannot_be_chosen_by_whoever_accepts(admin: User, client: Client) -> None:
    _, token = actions.invite("erin@heed.test", "viewer", invited_by=admin)
    client.post(
        f"/invitations/{token}/", {"name": "Erin", "password": PASSWORD, "role": "admin", "email": "x@y.z"}
    )
    assert User.objects.get(name="Erin").role == "viewer"
    assert User.objects.get(name="Erin").email == "erin@heed.test"


@pytest.mark.parametrize("password", ["short", "password1234", "erin@heed.test"])
def test_a_weak_password_is_refused_and_the_invitation_stays_open(
    password: str, admin: User, client: Client
) -> None:
    _, token = actions.invite("erin@heed.test", "member", invited_by=admin)
    response = client.post(f"/invitations/{token}/", {"name": "Erin", "password": password})
    assert response.status_code == 200
    assert not User.objects.filter(email="erin@heed.test").exists()
    assert Invitation.objects.get().accepted_at is None


def test_nobody_is_invited_twice(mailbox: Mailbox, admin_client: Client, alice: User) -> None:
    response = admin_client.post("/settings/people/invite/", {"email": "ALICE@heed.test", "role": "admin"})
    assert "already has an account" in response.content.decode()
    assert (Invitation.objects.count(), mailbox.letters) == (0, [])


def test_inviting_an_address_again_voids_the_first_link(admin: User, client: Client) -> None:
    _, first = actions.invite("erin@heed.test", "member", invited_by=admin)
    _, second = actions.invite("erin@heed.test", "lead", invited_by=admin)
    assert client.get(f"/invitations/{first}/").status_code == 410
    assert client.get(f"/invitations/{second}/").status_code == 200


def test_without_mail_the_link_is_shown_once_to_the_admin(admin_client: Client, settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    page = admin_client.post("/settings/people/invite/", {"email": "erin@heed.test", "role": "member"})
    link = re.search(r"/invitations/[^/]+/", page.content.decode())
    assert link is not None
    assert Client().get(link[0]).status_code == 200
    assert "/invitations/" not in re.sub(
        r"/settings/people/invitations/", "", admin_client.get("/settings/people/").content.decode()
    )


def test_when_the_mail_server_refuses_the_invitation_stands_and_the_link_is_shown(
    admin_client: Client, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    page = admin_client.post("/settings/people/invite/", {"email": "erin@heed.test", "role": "member"})
    assert "did not take the invitation" in page.content.decode()
    assert re.search(r"/invitations/[^/]+/", page.content.decode())
    assert Invitation.objects.count() == 1


def test_sending_again_mails_a_new_link(mailbox: Mailbox, admin: User, client: Client) -> None:
    invitation, _ = actions.invite("erin@heed.test", "member", invited_by=admin)
    signed_in(admin).post(f"/settings/people/invitations/{invitation.pk}/resend/")
    assert client.get(mailbox.link()).status_code == 200


def test_the_invitations_of_whoever_is_put_out_are_void(admin: User, dora: User, client: Client) -> None:
    _, kept = actions.invite("erin@heed.test", "member", invited_by=dora)
    for put_out in ("deactivate", "demote"):
        _, token = actions.invite("myself@heed.test", "admin", invited_by=admin)
        if put_out == "deactivate":
            actions.deactivate(admin, by=dora.actor)
        else:
            actions.change_role(admin, "lead", by=dora.actor)
        assert client.post(f"/invitations/{token}/", {"name": "M", "password": PASSWORD}).status_code == 410
        actions.reactivate(admin, by=dora.actor)
    assert not User.objects.filter(email="myself@heed.test").exists()
    assert client.get(f"/invitations/{kept}/").status_code == 200


def test_a_name_of_several_lines_is_one_line_in_letters(mailbox: Mailbox, admin: User) -> None:
    writer = actions.create_user("w@heed.test", "Eve\r\nBcc: all@heed.test" + "x" * 300, "admin", by="test")
    signed_in(writer).post("/settings/people/invite/", {"email": "erin@heed.test", "role": "member"})
    [letter] = mailbox.letters
    assert " ".join(str(letter["Subject"]).split()).startswith("Eve Bcc: all@heed.test")
    assert (letter["To"], letter["Bcc"], len(writer.name)) == ("erin@heed.test", None, 200)
