"""Search: accounts, people, pages and things to do, what begins with the words first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.translation import gettext as _

from heed.customers.access import accounts_for
from heed.customers.models import Contact
from heed.desk.pages import Link, all_pages, exists
from heed.desk.reads import silent_url
from heed.people.models import User
from heed.people.permissions import Permission, allows

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Result:
    label: str
    path: str
    icon: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    results: Sequence[Result]


def search(user: User, asked: str) -> list[Group]:
    """At most eight of each kind, those that begin with what was asked before those that contain it.

    Nothing asked: the pages and what can be done, so that the palette is a menu at first.
    """
    text = asked.strip()
    groups = [Group(_("Go to"), pages(user, text)), Group(_("Do"), deeds(user, text))]
    if text:
        found = [Group(_("Accounts"), accounts(user, text)), Group(_("People"), people(user, text))]
        groups = [*found, *groups]
    return [group for group in groups if group.results]


def accounts(user: User, text: str) -> list[Result]:
    found = nearest(accounts_for(user).filter(erased_at=None), text, ("name", "key"))
    return [
        Result(name, reverse("desk:account", kwargs={"key": key}), "building-2", key if key != name else "")
        for key, name in found.values_list("key", "name")
    ]


def people(user: User, text: str) -> list[Result]:
    """Contacts lead to their account, at its people."""
    standing = Contact.objects.filter(withdrawn_at=None, erased_at=None, account__withdrawn_at=None)
    found = nearest(standing, text, ("name", "email", "key"))
    return [
        Result(name or email or key, reverse("desk:account", kwargs={"key": account}) + "#people", "user", at)
        for key, name, email, account, at in found.values_list(
            "key", "name", "email", "account__key", "account__name"
        )
    ]


def nearest(rows: QuerySet[Any], text: str, fields: Sequence[str]) -> QuerySet[Any]:
    """The first few whose fields begin with the text, filled up with those that contain it.

    The scan for what contains the text runs only when beginnings alone do not fill the list.
    """
    begins, contains = Q(), Q()
    for field in fields:
        begins |= Q(**{f"{field}__istartswith": text})
        contains |= Q(**{f"{field}__icontains": text})
    order = (f"{fields[0]}", "pk")
    first = list(rows.filter(begins).order_by(*order).values_list("pk", flat=True)[:SHOWN])
    if len(first) < SHOWN and len(text) > 1:
        more = rows.filter(contains).exclude(pk__in=first).order_by(*order).values_list("pk", flat=True)
        first += more[: SHOWN - len(first)]
    place = Case(*(When(pk=pk, then=Value(at)) for at, pk in enumerate(first)), output_field=IntegerField())
    return rows.filter(pk__in=first).order_by(place)


def pages(user: User, text: str) -> list[Result]:
    return [as_result(link) for link in matching(all_pages(user), text)]


def deeds(user: User, text: str) -> list[Result]:
    """What can be done from anywhere, for who may do it."""
    silent = silent_url(user)
    known = [
        (Permission.IMPORT, Link(_("Import files"), "/settings/sources/import/", "file-up")),
        (Permission.MANAGE_PEOPLE, Link(_("Invite a person"), "/settings/people/", "user-plus")),
        (Permission.MANAGE_JOBS, Link(_("See failed jobs"), "/settings/jobs/", "list-restart")),
        (
            Permission.SEE_CUSTOMERS,
            Link(_("See whom nobody has heard"), silent, "ear-off"),
        ),
    ]
    held = [
        link for permission, link in known if allows(user, permission) and exists(link.path.split("?")[0])
    ]
    return [as_result(link) for link in matching(held, text)]


def matching(links: Sequence[Link], text: str) -> list[Link]:
    wanted = text.lower()
    found = [link for link in links if wanted in link.label.lower()]
    return sorted(found, key=lambda link: not link.label.lower().startswith(wanted))[:SHOWN]


def as_result(link: Link) -> Result:
    return Result(link.label, link.path, link.icon, link.help)
