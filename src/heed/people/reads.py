"""What pages show of people."""

from collections.abc import Iterable
from dataclasses import dataclass

from heed.people.actions import open_invitations
from heed.people.models import Invitation, Role, User
from heed.people.permissions import PERMISSIONS, Permission


@dataclass(frozen=True, slots=True)
class Team:
    """Everybody with an account, active ones first, and the invitations that wait."""

    users: list[User]
    invitations: list[Invitation]


def team() -> Team:
    waiting = Invitation.objects.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)
    return Team(
        users=list(User.objects.order_by("-is_active", "name", "pk")),
        invitations=list(waiting.select_related("invited_by").order_by("-created_at")),
    )


def has_admin() -> bool:
    """Whether anybody can manage people."""
    return User.objects.filter(role=Role.ADMIN, is_active=True).exists()


def invited(email: str) -> Invitation | None:
    """The open invitation to an address, if there is one."""
    return open_invitations().filter(email__iexact=email).first()


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """What to call those of the actors ("person:7", "import:3") that are people."""
    ids = {actor.removeprefix("person:") for actor in actors if actor.startswith("person:")}
    found = User.objects.filter(pk__in=[pk for pk in ids if pk.isdecimal()])
    return {user.actor: str(user) for user in found}


def role_table() -> list[tuple[Permission, list[tuple[Role, bool]]]]:
    """Each permission with every role, in the order of `Role`, and whether it holds it."""
    return [(each, [(role, each in PERMISSIONS[role]) for role in Role]) for each in Permission]
