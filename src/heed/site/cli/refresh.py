"""`heed refresh`: the daily round, now."""

import json
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heed.site.cli import UNUSABLE, prepare, stop

if TYPE_CHECKING:
    from heed.daily.models import Round
    from heed.daily.round import Progress

BY = "command line"


def refresh(
    as_of: Annotated[str, typer.Option(help="Day to run it for, like 2026-11-22; today if left out.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the daily round: movements, activities, roll up, measure, estimate risk, rank today.

    Safe to repeat: each step does only what is new. An interrupted round goes on where it stopped.
    """
    prepare()
    from heed.daily.lock import RoundBusyError
    from heed.daily.round import RoundFailedError

    day = day_of(as_of)
    try:
        done = run(day, shown=not as_json)
    except (RoundBusyError, RoundFailedError) as error:
        stop(str(error))
    if as_json:
        typer.echo(json.dumps(as_document(done), indent=2))
    else:
        for step in done.steps:
            typer.echo(f"{step['seconds']:7.2f} s  {step['name']}: {told(step['result'])}")


def day_of(given: str) -> date:
    from heed.ledger import clock

    try:
        day = date.fromisoformat(given) if given else clock.today()
    except ValueError:
        stop(f"'{given}' is not a day. Write it like 2026-11-22.", code=UNUSABLE)
    if day > clock.today():
        stop(f"{day} is in the future. A round can be run for today or an earlier day.", code=UNUSABLE)
    return day


def run(as_of: date, *, shown: bool) -> "Round":
    """The round with a progress bar on stderr."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    from heed.daily.round import refresh as run_round

    with Bar(console=Console(stderr=True), disable=not shown, transient=True) as bar:
        return run_round(as_of, by=BY, progress=onto(bar))


def onto(bar: Any) -> "Progress":
    """Progress of a round as one line of a Rich progress bar."""
    task = bar.add_task("daily round", total=None)

    def show(step: str, number: int, of: int) -> None:
        bar.update(task, description=step, completed=number - 1, total=of)

    return show


def as_document(done: "Round") -> dict[str, Any]:
    seconds = round(sum(step["seconds"] for step in done.steps), 3)
    return {
        "round": done.pk,
        "as_of": done.as_of.isoformat(),
        "state": str(done.state),
        "seconds": seconds,
        "steps": done.steps,
    }


def told(result: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in result.items()) or "nothing new"
