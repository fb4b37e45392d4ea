"""What stands around every page: the areas, a person's own pages, and how fresh the data is."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from heed.people.models import User
from heed.people.permissions import allows

logger = logging.getLogger(__name__)
FRESH_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    path: str
    icon: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    label: str
    path: str
    icon: str
    here: bool = False
    count: int = 0


@dataclass(frozen=True, slots=True)
class Freshness:
    """`activities_to`: the latest activity known; `measured_at`: end of the last daily round."""

    activities_to: datetime | None
    measured_at: datetime | None


def exists(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def areas(request: HttpRequest | None) -> list[Area]:
    """The areas that have pages so far; the others join with their first page."""
    path = request.path if request is not None else ""
    known = [
        (_("Today"), "/today/", "list-checks"),
        (_("Customers"), "/customers/", "building-2"),
        (_("Settings"), "/settings/", "settings"),
    ]
    return [
        Area(label, prefix, icon, here=path.startswith(prefix))
        for label, prefix, icon in known
        if exists(prefix)
    ]


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


def freshness() -> Freshness:
    """Read at most every half minute, because every page shows it."""
    found: Freshness | None = cache.get("freshness")
    if found is None:
        found = Freshness(None, None)
        cache.set("freshness", found, FRESH_SECONDS)
    return found
