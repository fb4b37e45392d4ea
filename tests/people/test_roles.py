"""Roles: one table, the same in the program and in the manual; the last admin stays."""

import re
import threading
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from heed.ledger import clock
from heed.ledger.models import AuditEntry
from heed.people import actions
from heed.people.jobs import forget_sessions
from heed.people.models import Role, User
from heed.people.permissions import PERMISSIONS, Permission, allows
from tests.conftest import signed_in

ROW = re.compile(r"^\| ([^|]+) \| (yes|no) \| (yes|no) \| (yes|no) \| (yes|no) \|$", re.M)
MANUAL = Path(__file__).parents[2] / "docs" / "reference" / "roles.md"


def test_the_manual_shows_the_table_of_the_program() -> None:
    rows = ROW.findall(MANUAL.read_text())
    expected = [
        (each.value, *("yes" if each in PERMISSIONS[Role(role)] else "no" for role in Role.values))
        for each in Permission
    ]
    assert rows == expected


def test_each_role_may_do_all_that_the_one_before_it_may() -> None:
    sets = [PERMISSIONS[Role(role)] for role in Role.values]
    assert all(lower < higher for lower, higher in pairwise(sets))
    assert sets[-1] == frozenset(Permission)


@pytest.mark.django_db
def test_an_inactive_person_may_do_nothing(admin: User) -> None:
    admin.is_active = False
    assert not any(allows(admin, permission) for permission in Permission)


@pytest.mark.django_db
def test_the_last_admin_keeps_the_role_and_the_access(admin: User, admin_client: Client) -> None:
    for address, fields in (("role", {"role": "member"}), ("deactivate", {})):
        page = admin_client.post(f"/settings/people/{admin.pk}/{address}/", fields, follow=True)
        assert "is the last admin" in page.content.decode()
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("admin", True)
    assert AuditEntry.objects.count() == 0


@pytest.mark.django_db
def test_an_inactive_admin_does_not_count_as_another(admin: User, dora: User) -> None:
    actions.deactivate(dora, by=admin.actor)
    with pytest.raises(actions.PeopleError, match="last admin"):
        actions.change_role(admin, "lead", by=admin.actor)


@pytest.mark.django_db
def test_a_change_of_role_is_recorded_and_works_at_once(admin_client: Client, alice: User) -> None:
    browser = signed_in(alice)
    assert browser.get("/settings/people/").status_code == 403
    admin_client.post(f"/settings/people/{alice.pk}/role/", {"role": "admin"})
    assert browser.get("/settings/people/").status_code == 200
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after) == ("change role", {"role": "member"}, {"role": "admin"})


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["owner", "", "ADMIN"])
def test_a_role_that_does_not_exist_is_refused(role: str, admin_client: Client, alice: User) -> None:
    admin_client.post(f"/settings/people/{alice.pk}/role/", {"role": role})
    alice.refresh_from_db()
    assert alice.role == "member"


@pytest.mark.django_db
def test_deactivating_signs_a_person_out_everywhere(admin_client: Client, alice: User) -> None:
    browser = signed_in(alice)
    assert browser.get("/account/").status_code == 200
    admin_client.post(f"/settings/people/{alice.pk}/deactivate/")
    assert browser.get("/account/").status_code == 302
    admin_client.post(f"/settings/people/{alice.pk}/reactivate/")
    assert browser.get("/account/").status_code == 302, "an old session must not come back to life"
    assert signed_in(alice).get("/account/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_at_once_do_not_both_succeed(admin: User, dora: User) -> None:
    refused: list[str] = []

    def demote(whom: User, by: User) -> None:
        try:
            actions.change_role(whom, "member", by=by.actor)
        except actions.PeopleError as error:
            refused.append(str(error))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=demote, args=(admin, dora)),
        threading.Thread(target=demote, args=(dora, admin)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.filter(role="admin").count() == 1
    assert len(refused) == 1


@pytest.mark.django_db
def test_sessions_that_are_over_are_forgotten_and_others_stay(alice: User, bob: User) -> None:
    over, stays = signed_in(alice), signed_in(bob)
    Session.objects.filter(session_key=over.session.session_key).update(
        expire_date=clock.now() - timedelta(minutes=1)
    )
    assert forget_sessions() == 1
    assert stays.get("/account/").status_code == 200
    assert Session.objects.count() == 1
