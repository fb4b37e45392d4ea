"""`heed today`: the worklist, as the page Today shows it."""

import json
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heed.site.cli import UNUSABLE, prepare, stop

if TYPE_CHECKING:
    from heed.desk.reads import Row, Today
    from heed.people.models import User


def today(
    person: Annotated[str, typer.Option(help="E-mail address of one person; everybody if left out.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print who needs whom today, and why: the rows of the last ranking, as on the page Today."""
    prepare()
    from heed.desk import reads
    from heed.ledger import clock

    as_of = clock.today()
    lists = [reads.today(user, as_of) for user in people(person)]
    if as_json:
        document = {"as_of": as_of.isoformat(), "people": [as_document(each) for each in lists]}
        typer.echo(json.dumps(document, indent=2, default=as_json_text, ensure_ascii=False))
    else:
        typer.echo("\n\n".join(as_text(each) for each in lists))


def people(email: str) -> "list[User]":
    from heed.people.models import User

    active = User.objects.filter(is_active=True).order_by("name", "email")
    if not email:
        return list(active)
    found = list(active.filter(email__iexact=email))
    if not found:
        stop(f"Nobody active has the e-mail address {email}. See Settings, People.", code=UNUSABLE)
    return found


def as_json_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def as_document(today: "Today") -> dict[str, Any]:
    """Every field as it is; days as ISO 8601, amounts as decimal text; unknown is null."""
    return {**asdict(today), "count": today.count, "new": today.new, "snoozed": today.snoozed}


def as_text(today: "Today") -> str:
    lines = [f"{today.person} <{today.email}>: {today.count} of at most {today.capacity}"]
    for section in today.sections:
        lines += ["", f"{section.title} ({section.note})"]
        lines += [line for row in section.rows for line in row_lines(row)]
    return "\n".join(lines)


def row_lines(row: "Row") -> list[str]:
    from heed.ledger import words

    stake = f" · {words.money(row.stake, row.currency)} a year" if row.stake is not None else ""
    chance = f" × {words.percent(row.probability)} {row.interval}" if row.probability is not None else ""
    change = f" · {row.change}" if row.change else ""
    return [
        f"{row.rank:3}. {row.name}{stake}{chance}{change}",
        f"     {row.why}",
        *([f"     “{row.quote.words}” ({row.quote.speaker}, {row.quote.source})"] if row.quote else []),
        f"     → {row.first_step}",
    ]
