"""`heed link`: a one-time sign-in link, and with it the first admin."""

from typing import TYPE_CHECKING, Annotated

import typer

from heed.site.cli import prepare, stop

if TYPE_CHECKING:
    from heed.people.models import User

BY = "command line"


def link(
    email: Annotated[str, typer.Argument(help="Whose link it is.")],
    name: Annotated[str, typer.Option(help="Name, for a person who is new.")] = "",
    role: Annotated[
        str, typer.Option(help="Role, for a person who is new: viewer, member, lead, admin.")
    ] = "",
) -> None:
    """Print a link that signs EMAIL in once. A person who is new is created; the first one as admin."""
    prepare()
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_email

    from heed.people import actions, mail
    from heed.people.models import Role, User

    try:
        validate_email(email)
    except ValidationError:
        stop(f"'{email}' is not an e-mail address. Use one like ada@example.com.")
    if role and role not in Role.values:
        stop(f"'{role}' is not a role. Use one of: {', '.join(Role.values)}.")
    user = User.objects.filter(email__iexact=email.strip()).first() or _newcomer(email, name, role)
    try:
        token = actions.make_sign_in_link(user, by=BY)
    except actions.PeopleError as error:
        stop(str(error))
    typer.echo(mail.sign_in_link(token))


def _newcomer(email: str, name: str, role: str) -> "User":
    from heed.people import actions, reads
    from heed.people.models import Role

    if not reads.has_admin() and role not in ("", Role.ADMIN):
        stop("The first person must be an admin, or nobody could invite others. Leave --role out.")
    wanted = role or (Role.MEMBER if reads.has_admin() else Role.ADMIN)
    return actions.create_user(email, name, wanted, by=BY)
