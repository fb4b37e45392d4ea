"""A sample of every address that carries arguments, for the walk over all addresses.

An address joins by its route name (`namespace:name`). Its sample makes what the address needs, as it would
be found in use, and returns the arguments. An action that a role may do is not carried out by the walk: it
only shows who is turned away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from heed.people import actions
from heed.people.models import User

Sample = Callable[["World"], dict[str, Any]]


@dataclass
class World:
    """What samples may build on: the admin of the cast."""

    admin: User


def invitation(world: World) -> dict[str, Any]:
    return {"pk": actions.invite("new@heed.test", "member", invited_by=world.admin)[0].pk}


def person(world: World) -> dict[str, Any]:
    return {"pk": actions.create_user("other@heed.test", "Other", "member", by="test").pk}


SAMPLES: dict[str, Sample] = {
    "people:link": lambda world: {"token": actions.make_sign_in_link(world.admin, by="test")},
    "people:accept": lambda world: {
        "token": actions.invite("new@heed.test", "member", invited_by=world.admin)[1]
    },
    "people:resend": invitation,
    "people:withdraw": invitation,
    "people:role": person,
    "people:deactivate": person,
    "people:reactivate": person,
    "account_confirm_email": lambda world: {"key": "none"},
    "account_reset_password_from_key": lambda world: {"uidb36": "1", "key": "none"},
    "mfa_remove_webauthn": lambda world: {"pk": 1},
    "mfa_edit_webauthn": lambda world: {"pk": 1},
    "openid_connect_login": lambda world: {"provider_id": "company"},
    "openid_connect_callback": lambda world: {"provider_id": "company"},
}
