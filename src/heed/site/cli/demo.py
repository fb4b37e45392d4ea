"""`heed demo`: a company to look at, with the server and the worker, in one command that asks nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import typer

from heed.site.cli import prepare, stop

if TYPE_CHECKING:
    from rich.progress import Progress

BY = "command line"
SOURCE = "demo company"
START = "import sys; from heed.site.commands import main; main()"
KEY_ACTIVITIES = """
[activities_options]
key = ["approval_given", "close_finished", "invoice_matched", "report_exported"]
"""
"""What the people of the demo company came for, as its mapping says it; the rest is on the way there."""
OUTCOMES_AND_HARM = """
[[activities]]
sql = '''
select 'p' || id as id, account, contact, "at", recorded_at,
    (value - baseline) / (target - baseline) as progress
from "activities.parquet" where name = 'outcome.measured' and target <> baseline
'''
[activities.columns]
id = "id"
account = "account"
contact = "contact"
at = "at"
recorded_at = "recorded_at"
value = "progress"
name = { value = "outcome.progress" }

[[activities]]
sql = '''
select key || '-' || n as id, account, contact, opened + n * interval 28 day as told_at
from (
    select key, account, contact, cast(opened_at as timestamp) as opened,
        coalesce(try_cast(resolved_at as timestamp), today) as until
    from "tickets.csv", (select max(cast(opened_at as timestamp)) as today from "tickets.csv")
    where kind = 'complaint'
), range(0, 40) as each(n)
where opened + n * interval 28 day <= until
'''
[activities.columns]
id = "id"
account = "account"
contact = "contact"
at = "told_at"
recorded_at = "told_at"
name = { value = "complaint.waiting" }
"""
"""How far each customer is on the way from its baseline to its target, and what waits to be put right."""
OFFBOARDING: dict[str, Any] = {
    "key": "offboarding_calls",
    "name": "Offboarding calls",
    "sentence": "offboarding calls in the last 90 days",
    "activities": ["offboarding_call"],
    "known_by": ["usage"],
    "aggregate": "count",
    "window": 90,
    "unit": "calls",
    "direction": "down_is_good",
    "caveat": "Held when an account has decided to leave: it tells what is known already.",
    "owner": "customer success",
}
MONTHS = 30
"""The two years that risk is learnt from, and half a year before, so that surveys were answered by then."""
SEED = 2
"""A company in which chance does not hide what was planted."""
WEIGHTS = """
last_nps, 3, linear 0 10
days_active, 2, linear 0 20
cases_opened, 1, step 3 down
""".strip()
PATIENCE = 60.0
GRACE = 25.0


def demo(
    port: Annotated[int, typer.Option(envvar="PORT", help="Port to listen on.")] = 8000,
    accounts: Annotated[int, typer.Option(help="Accounts of the company, when it is made.")] = 800,
    activities: Annotated[int, typer.Option(help="About how many activities it has.")] = 2_000_000,
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Start the server and the worker at the end.")
    ] = True,
) -> None:
    """Set up a home with a demo company, run the daily round, serve it, and print a sign-in link.

    Safe to repeat: what is done already is skipped, and it says so. Ctrl-C ends server and worker.
    """
    os.environ["PORT"] = str(port)
    prepare(migrated=False)
    set_up()
    make_company(accounts, activities)
    make_people()
    import_company()
    define_metrics()
    make_score()
    make_triggers()
    run_round()
    replay_triggers()
    if serve:
        keep_serving(port)


def say(text: str) -> None:
    typer.echo(f"Heed: {text}")
    # Whoever reads us through a pipe should not wait for a buffer to fill.
    sys.stdout.flush()


def set_up() -> None:
    from django.conf import settings
    from django.core.management import call_command

    from heed.ledger import durable

    call_command("migrate", interactive=False, verbosity=0)
    durable.client()
    say(f"the home is {settings.HEED_HOME}")


def folder() -> Path:
    from django.conf import settings

    return Path(settings.HEED_HOME) / "demo-company"


def make_company(accounts: int, activities: int) -> None:
    """Write the file set of the simulated company up to yesterday, unless it is there."""
    from heed.evidence.simulation import simulate
    from heed.ledger import clock

    done = folder() / "complete"
    if done.exists():
        say(f"the demo company is there already, with data until {done.read_text().strip()}")
        return
    with bar("making the demo company") as (progress, task):
        truth = simulate(
            folder(),
            end=clock.today(),
            accounts=accounts,
            months=MONTHS,
            seed=SEED,
            activities=activities,
            progress=lambda what, rows, of: progress.update(
                task, description=f"making {what.replace('_', ' ')}", completed=rows, total=of
            ),
        )
    done.write_text(clock.today().isoformat())
    say(f"made a company of {accounts:,} accounts and {truth.activities:,} activities in {folder()}")


def make_people() -> None:
    """The people whose e-mail addresses own the accounts; the first of them is the admin who signs in."""
    from heed.evidence.simulation import csm_emails
    from heed.people.actions import create_user
    from heed.people.models import Role, User

    known = set(User.objects.values_list("email", flat=True))
    roles = [Role.ADMIN, Role.LEAD]
    new = [email for email in csm_emails(6) if email not in known]
    for email in new:
        position = csm_emails(6).index(email)
        name = email.partition("@")[0].replace(".", " ").title()
        create_user(email, name, roles[position] if position < len(roles) else Role.MEMBER, by=BY)
    say(f"made {len(new)} people" if new else "its people are there already")


def import_company() -> None:
    """Import the file set as a user would: its mapping guessed from the headers, its key activities named."""
    from heed.evidence.simulation import FILES
    from heed.sources import actions
    from heed.sources.models import Import, ImportState

    if Import.objects.filter(source__name=SOURCE, state=ImportState.DONE).exists():
        say("the demo company is imported already")
        return
    paths = [folder() / name for name in FILES]
    mapping = actions.preview(paths).mapping + KEY_ACTIVITIES + OUTCOMES_AND_HARM
    prepared = actions.prepare(paths, mapping, source=SOURCE, by=BY)
    with bar("importing") as (progress, task):
        try:
            report = actions.run_import(
                prepared,
                paths,
                by=BY,
                progress=lambda step, done, expected: progress.update(
                    task, description=step.lower(), completed=done, total=expected
                ),
            )
        except actions.ImportFailed as error:
            stop(f"The demo company could not be imported: {error} Run heed demo again to go on.")
    counts = ", ".join(f"{each['new']:,} {entity}" for entity, each in report.counts.items())
    say(f"imported {counts.replace('_', ' ')}")


def define_metrics() -> None:
    """A metric that somebody of the company thought of, written when an account has decided to leave."""
    from heed.measures.actions import new_version
    from heed.measures.models import MetricDefinition

    if not MetricDefinition.objects.filter(key=OFFBOARDING["key"]).exists():
        new_version(OFFBOARDING, by=BY)


def make_score() -> None:
    """A score as teams make them by hand, with what customers say weighing most."""
    from heed.proving import hand_scores
    from heed.proving.hand_score_forms import read_weights
    from heed.proving.models import HandScore

    if not HandScore.objects.exists():
        hand_scores.make_score("Health score", read_weights(WEIGHTS), by=BY)


def make_triggers() -> None:
    """The alerts that most begin with, as they are published; they are off."""
    from heed.proving.models import Trigger
    from heed.proving.triggering import make_from_template, templates

    if Trigger.objects.exists():
        return
    named = {"usage_14_days": "Usage drop", "usage_trend": "Half of usual"}
    for number, rule in enumerate(templates()):
        make_from_template(named[rule.metric], number, by=BY)


def replay_triggers() -> None:
    """What each trigger would have done in the past 12 months, unless it was replayed."""
    from heed.ledger import clock
    from heed.proving.models import TriggerVersion
    from heed.proving.trigger_replays import replay_version

    for version in TriggerVersion.objects.filter(is_current=True, replays=None).select_related("trigger"):
        replay_version(version, clock.today(), by=BY)
        say(f"replayed the trigger “{version.trigger}” over the past 12 months")


def run_round() -> None:
    """The daily round of today, unless it is done."""
    from heed.daily.lock import RoundBusyError
    from heed.daily.models import Round, RoundState
    from heed.daily.round import RoundFailedError
    from heed.ledger import clock
    from heed.site.cli.refresh import run

    if Round.objects.filter(as_of=clock.today(), state=RoundState.DONE).exists():
        say("the daily round of today is done already")
        return
    try:
        done = run(clock.today(), shown=sys.stderr.isatty())
    except (RoundBusyError, RoundFailedError) as error:
        stop(f"{error} Run heed demo again to go on.")
    say(f"ran the daily round in {sum(step['seconds'] for step in done.steps):.1f} s")


def sign_in_link() -> str:
    from heed.evidence.simulation import csm_emails
    from heed.people import actions, mail
    from heed.people.models import User

    admin = User.objects.get(email=csm_emails(6)[0])
    return mail.sign_in_link(actions.make_sign_in_link(admin, by=BY))


def keep_serving(port: int) -> None:
    """Server and worker as child processes until Ctrl-C, or until one of them ends by itself."""
    signal.signal(signal.SIGTERM, interrupt)
    children = {name: start(name) for name in ("serve", "worker")}
    try:
        wait_until_it_answers(port, children["serve"])
        say("this link signs you in, once; press Ctrl-C to end")
        say(sign_in_link())
        ended = first_to_end(children)
        stop(f"heed {ended} ended by itself; its message stands above.")
    except KeyboardInterrupt:
        say("ending the server and the worker")
    finally:
        end(children)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def start(command: str) -> "subprocess.Popen[bytes]":
    # A session of its own, so that Ctrl-C reaches the children through us and in order.
    return subprocess.Popen([sys.executable, "-c", START, command], start_new_session=True)  # noqa: S603


def wait_until_it_answers(port: int, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            stop(f"The server could not start. Is port {port} in use? Choose another one: PORT=8001")
        try:
            with urlopen(f"http://127.0.0.1:{port}/sign-in/", timeout=5):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.2)
    stop(f"The server did not answer on port {port} within {PATIENCE:.0f} s.")


def first_to_end(children: "dict[str, subprocess.Popen[bytes]]") -> str:
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                return name
        time.sleep(0.5)


def end(children: "dict[str, subprocess.Popen[bytes]]") -> None:
    """Ask them to end, wait a while, and only then insist."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    for child in children.values():
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def bar(what: str) -> "Iterator[tuple[Progress, Any]]":
    """A progress bar on stderr; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        yield progress, progress.add_task(what, total=None)
