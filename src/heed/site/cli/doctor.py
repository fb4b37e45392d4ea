"""`heed doctor`: checks what this installation needs, and says what to do."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from heed.site.cli import prepare, unapplied

LOW_DISK = 2 * 1024**3
NO_DISK = 200 * 1024**2


@dataclass(frozen=True)
class Finding:
    """What a check found: `state` is ok, warning or failed; `todo` says what to do unless ok."""

    check: str
    state: str
    found: str
    todo: str = ""


Check = Callable[[], Finding]


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check settings, home, disk, database, stream, jobs, mail and sign-in; exit 1 where one has failed."""
    prepare(migrated=False)
    findings = [examine(name, check) for name, check in CHECKS.items()]
    failed = any(finding.state == "failed" for finding in findings)
    if as_json:
        typer.echo(json.dumps({"ok": not failed, "checks": [asdict(each) for each in findings]}, indent=2))
    else:
        for each in findings:
            typer.echo(f"{each.state:8} {each.check}: {each.found}")
            if each.todo:
                typer.echo(f"{'':8} {each.todo}")
    raise typer.Exit(1 if failed else 0)


def examine(name: str, check: Check) -> Finding:
    """Run one check; whatever it raises is its finding, because a doctor must not faint."""
    try:
        return check()
    except Exception as error:
        return Finding(
            name, "failed", f"{type(error).__name__}: {error}", "See the message; docs/how-to/operate.md"
        )


def settings() -> Finding:
    from django.conf import settings

    host = settings.BASE_HOST
    if not settings.SECURE and host not in ("127.0.0.1", "localhost"):
        todo = "Put https in front and set HEED_BASE_URL=https://…, or passwords travel in the clear."
        return Finding("settings", "warning", f"{settings.HEED_BASE_URL} is not https", todo)
    return Finding("settings", "ok", f"people reach Heed at {settings.HEED_BASE_URL}")


def home() -> Finding:
    from django.conf import settings

    folder = Path(settings.HEED_HOME)
    if folder.stat().st_mode & 0o077:
        todo = f"It holds the database and the secret key. Run: chmod 700 {folder}"
        return Finding("home", "warning", f"others on this machine may look into {folder}", todo)
    return Finding("home", "ok", f"only its owner may look into {folder}")


def disk() -> Finding:
    from django.conf import settings

    home = Path(settings.HEED_HOME)
    with tempfile.TemporaryFile(dir=home):
        free = shutil.disk_usage(home).free
    found = f"{home} is writable, {free / 1024**3:.1f} GB free"
    if free < NO_DISK:
        return Finding(
            "disk", "failed", found, "Free space now: imports are refused before the disk is full."
        )
    if free < LOW_DISK:
        return Finding("disk", "warning", found, "Free space soon.")
    return Finding("disk", "ok", found)


def database() -> Finding:
    from django.db import connection

    behind = unapplied()
    if behind:
        return Finding("database", "failed", f"{behind} migrations behind", "Run: heed migrate")
    return Finding("database", "ok", f"{connection.vendor}, up to date")


def stream() -> Finding:
    from django.conf import settings

    from heed.ledger.home import open_stream

    opened = open_stream()
    n = opened.count()
    location = str(settings.HEED_STREAM_URL)
    if "://" not in location:
        Path(location).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=location):
            pass
    return Finding("stream", "ok", f"{location} is readable and writable by {settings.HEED_ENGINE}, {n} rows")


def outbox() -> Finding:
    from heed.ledger import outbox

    waiting = outbox.waiting()
    if waiting > 100_000:
        return Finding(
            "outbox", "warning", f"{waiting} activities wait for the stream", "Is `heed worker` running?"
        )
    return Finding("outbox", "ok", f"{waiting} activities wait for the stream")


def jobs() -> Finding:
    from heed.ledger import durable, heartbeat

    dead = durable.count_dead()
    alive = heartbeat.count_alive()
    found = f"{alive} workers run, {dead} jobs have given up"
    if not alive:
        return Finding("jobs", "warning", found, "Start one: heed worker")
    if dead:
        return Finding("jobs", "warning", found, "Look at Settings, Jobs: each shows its error and a button.")
    return Finding("jobs", "ok", found)


def mail() -> Finding:
    from django.conf import settings
    from django.core.mail import get_connection

    if not settings.EMAIL_HOST:
        return Finding("mail", "ok", "not set up: invitations are shown as links to pass on")
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        connection = get_connection()
        connection.open()
        connection.close()
    except OSError as error:
        return Finding("mail", "failed", f"{where}: {error}", "Check the HEED_MAIL_… settings.")
    return Finding("mail", "ok", f"{where} answers")


def sign_in() -> Finding:
    from django.conf import settings

    from heed.people import reads

    if not reads.has_admin():
        return Finding("sign-in", "warning", "there is no admin yet", "Run: heed link you@example.com")
    if settings.SINGLE_SIGN_ON is None:
        return Finding("sign-in", "ok", "by link, password and passkey")
    return _provider(settings.HEED_OIDC_ISSUER)


def _provider(issuer: str) -> Finding:
    import requests

    address = f"{issuer}/.well-known/openid-configuration"
    try:
        answer = requests.get(address, timeout=5)
        answer.raise_for_status()
    except requests.RequestException as error:
        return Finding("sign-in", "failed", f"{address}: {error}", "Check HEED_OIDC_ISSUER.")
    return Finding("sign-in", "ok", f"by link, password, passkey and {issuer}")


CHECKS: dict[str, Check] = {
    "settings": settings,
    "home": home,
    "disk": disk,
    "database": database,
    "stream": stream,
    "outbox": outbox,
    "jobs": jobs,
    "mail": mail,
    "sign-in": sign_in,
}
