"""One-time links: they open once, within their hours, and only to whoever presses the button."""

import io
import logging
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from heed.ledger import clock
from heed.ledger.models import AuditEntry
from heed.people import actions
from heed.people.models import SignInLink, User
from heed.people.redaction import SECRET_PATH
from heed.people.tokens import digest_of, new_token

pytestmark = pytest.mark.django_db


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_a_link_signs_in_once(client: Client, alice: User) -> None:
    address = f"/sign-in/link/{actions.make_sign_in_link(alice, by='person:1')}/"
    response = client.post(address)
    assert (response.status_code, response["Location"]) == (302, "/today/")
    assert client.session["_auth_user_id"] == str(alice.pk)
    second = Client()
    assert second.post(address).status_code == 410
    assert not is_signed_in(second)


@pytest.mark.django_db(transaction=True)
def test_a_link_that_is_used_twice_at_once_signs_in_once(alice: User) -> None:
    token = actions.make_sign_in_link(alice, by="person:1")
    came: list[str] = []

    def use() -> None:
        try:
            came.append(actions.use_sign_in_link(token).email)
        except actions.LinkError:
            came.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == ["alice@heed.test", "refused", "refused", "refused"]


def test_looking_at_a_link_does_not_spend_it(client: Client, alice: User) -> None:
    address = f"/sign-in/link/{actions.make_sign_in_link(alice, by='person:1')}/"
    assert client.get(address).status_code == 200
    assert client.head(address).status_code == 200
    assert not is_signed_in(client)
    assert SignInLink.objects.get().used_at is None
    assert client.post(address).status_code == 302


def test_a_late_link_opens_nothing(client: Client, alice: User) -> None:
    token = actions.make_sign_in_link(alice, by="person:1")
    SignInLink.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    assert client.get(f"/sign-in/link/{token}/").status_code == 410
    assert client.post(f"/sign-in/link/{token}/").status_code == 410
    assert not is_signed_in(client)
    assert SignInLink.objects.get().used_at is None


def test_a_link_lasts_a_day(alice: User) -> None:
    actions.make_sign_in_link(alice, by="person:1")
    link = SignInLink.objects.get()
    assert link.expires_at - link.created_at == timedelta(hours=24)


def test_the_database_keeps_the_digest_only(alice: User) -> None:
    token = actions.make_sign_in_link(alice, by="person:1")
    link = SignInLink.objects.get()
    assert link.token_digest == digest_of(token)
    assert token not in str(list(SignInLink.objects.values())) + str(list(AuditEntry.objects.values()))


def test_a_digest_opens_nothing(client: Client, alice: User) -> None:
    actions.make_sign_in_link(alice, by="person:1")
    assert client.post(f"/sign-in/link/{SignInLink.objects.get().token_digest}/").status_code == 410


def test_tokens_are_long_and_never_alike() -> None:
    tokens = {new_token()[0] for _ in range(100)}
    assert len(tokens) == 100
    assert min(len(token) for token in tokens) == 43


def test_a_deactivated_person_gets_no_link_and_can_use_none(client: Client, alice: User, dora: User) -> None:
    token = actions.make_sign_in_link(alice, by=dora.actor)
    actions.deactivate(alice, by=dora.actor)
    assert client.post(f"/sign-in/link/{token}/").status_code == 410
    alice.refresh_from_db()
    with pytest.raises(actions.PeopleError, match="deactivated"):
        actions.make_sign_in_link(alice, by=dora.actor)


def test_a_link_needs_the_form_of_its_own_page(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    token = actions.make_sign_in_link(alice, by="person:1")
    assert client.post(f"/sign-in/link/{token}/").status_code == 403
    assert SignInLink.objects.get().used_at is None


def test_making_and_using_a_link_is_recorded(client: Client, alice: User) -> None:
    client.post(f"/sign-in/link/{actions.make_sign_in_link(alice, by='command line')}/")
    assert list(AuditEntry.objects.order_by("id").values_list("action", "subject", "by")) == [
        ("make sign-in link", str(alice.pk), "command line"),
        ("use sign-in link", str(alice.pk), alice.actor),
    ]


@pytest.mark.parametrize(
    "path",
    ["/sign-in/link/{}/", "/invitations/{}/"],
)
def test_logs_hold_no_secret_of_a_link(path: str) -> None:
    token = new_token()[0]
    [handler] = [each for each in logging.root.handlers if type(each) is logging.StreamHandler]
    written = io.StringIO()
    stderr = handler.setStream(written)
    try:
        Client(enforce_csrf_checks=True).post(path.format(token))
    finally:
        handler.setStream(stderr)
    assert "Forbidden" in written.getvalue()
    assert token not in written.getvalue()


@pytest.mark.parametrize("path", ["/sign-in/link/", "/invitations/", "/account/password/reset/key/"])
def test_what_is_logged_of_a_link_is_its_path_without_the_secret(path: str) -> None:
    assert SECRET_PATH.sub(r"\1…", f"GET {path}{new_token()[0]}/?x=1") == f"GET {path}…/?x=1"
