"""`heed serve`: the web server."""

import os
import socket
from typing import Annotated

import typer

from heed.site.cli import prepare, stop


def serve(
    port: Annotated[int, typer.Option(envvar="PORT", help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(envvar="HEED_HOST", help="Address to listen on.")] = "127.0.0.1",
    threads: Annotated[int, typer.Option(help="Requests a process serves at once; 0: two per core.")] = 0,
    processes: Annotated[int, typer.Option(help="Server processes.")] = 1,
) -> None:
    """Serve the pages until stopped (Ctrl-C)."""
    # The settings take the address that people use from the port, where HEED_BASE_URL does not say.
    os.environ["PORT"] = str(port)
    prepare()
    from django.conf import settings
    from django.core.management import call_command
    from granian import Granian
    from granian.constants import Interfaces

    demand_free(host, port)
    call_command("collectstatic", interactive=False, verbosity=0)
    typer.echo(f"Heed answers at {settings.HEED_BASE_URL} (listening on {place(host, port)})")
    Granian(
        "heed.site.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=threads or 2 * (os.cpu_count() or 1),
        respawn_failed_workers=True,
        websockets=False,
        log_access=False,
    ).serve()


def demand_free(host: str, port: int) -> None:
    """Stop where nothing can listen at the address; the server itself would say so in a hundred lines."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        # Python adds the address once more, in brackets.
        why = str(error.strerror).partition(" (")[0]
        stop(f"{place(host, port)} cannot be listened on: {why}. Choose another with --port.")


def place(host: str, port: int) -> str:
    """An address as it is written: one of version 6 in brackets, as its colons are not the port's."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
