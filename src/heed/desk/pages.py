"""The pages that exist and that a person may open: for navigation, Settings, and search."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from heed.people.models import User
from heed.people.permissions import allows
from heed.proving.tabs import tabs


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    path: str
    icon: str
    help: str = ""


def exists(path: str) -> bool:
    """Whether a view answers at the path; its query does not matter."""
    try:
        resolve(path.partition("?")[0])
    except Resolver404:
        return False
    return True


def area_pages() -> list[Link]:
    """The areas that have pages so far; the others join with their first page."""
    known = [
        Link(_("Today"), "/today/", "list-checks", _("What needs you now, and why")),
        Link(_("Customers"), "/customers/", "building-2", _("All accounts, filtered and sorted")),
        Link(_("Prove"), "/prove/", "flask-conical", _("What predicts, what works, what will happen")),
        Link(_("Settings"), "/settings/", "settings", _("Sources, people, metrics, jobs")),
    ]
    return [link for link in known if exists(link.path)]


def prove_pages() -> list[Link]:
    return [Link(tab.label, tab.path, "flask-conical", _("Prove")) for tab in tabs("")]


def own_pages() -> list[Link]:
    links = [
        Link(_("Your sign-in"), "/account/", "key-round", _("Password, second factor and passkeys")),
        Link(_("Your devices"), "/account/sessions/", "monitor-smartphone", _("Where you are signed in")),
    ]
    return [link for link in links if exists(link.path)]


def settings_pages(user: User | AnonymousUser) -> list[Link]:
    """The pages under Settings that exist and that this person's role may open."""
    known = [
        Link(_("People"), "/settings/people/", "users", _("Who works here, their roles and invitations")),
        Link(_("Sources"), "/settings/sources/", "folder-input", _("Where the data comes from")),
        Link(_("Rejected rows"), "/settings/rejected/", "file-x", _("What could not be taken in, and why")),
        Link(_("Jobs"), "/settings/jobs/", "list-restart", _("Work in the background, and what failed")),
        Link(_("Metrics"), "/settings/metrics/", "gauge", _("What is measured, and how it is defined")),
        Link(_("Daily round"), "/settings/round/", "refresh-cw", _("The work of each morning, step by step")),
        Link(_("Audit trail"), "/settings/audit/", "scroll-text", _("Who changed what, and when")),
        Link(_("Style"), "/settings/style/", "palette", _("The components of the pages and their rules")),
        *own_pages(),
    ]
    return [link for link in known if may_open(user, link.path)]


def may_open(user: User | AnonymousUser, path: str) -> bool:
    """Whether a page exists at the path and its view's permission is held by this person."""
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    permission = getattr(view, "permission", None)
    return permission is None or allows(user, permission)


def all_pages(user: User) -> list[Link]:
    known = [*area_pages(), *settings_pages(user), *prove_pages()]
    return [link for link in known if may_open(user, link.path)]
