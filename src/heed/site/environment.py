"""Typed settings from the environment, with a loud error that names the setting and what it wants."""

import os
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit


class SettingError(Exception):
    """A setting is missing or has a value that cannot be used."""


class Environment:
    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str, default: str = "") -> str:
        return self._variables.get(name, "") or default

    def flag(self, name: str, *, default: bool) -> bool:
        given = self.text(name)
        if given in ("", "true", "false"):
            return default if given == "" else given == "true"
        raise SettingError(f"{name} is '{given}'. Use 'true' or 'false'.")

    def number(self, name: str, *, default: int) -> int:
        given = self.text(name)
        if not given:
            return default
        try:
            return int(given)
        except ValueError:
            raise SettingError(f"{name} is '{given}'. Use a whole number, like {default}.") from None

    def hours(self, name: str, *, default: int) -> timedelta:
        hours = self.number(name, default=default)
        if hours < 1:
            raise SettingError(f"{name} is '{hours}'. Use a number of hours from 1, like {default}.")
        return timedelta(hours=hours)

    def time_of_day(self, name: str, *, default: str) -> str:
        given = self.text(name, default)
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", given):
            raise SettingError(f"{name} is '{given}'. Use hours and minutes in UTC, like {default}.")
        return given

    def web_address(self, name: str, *, default: str) -> str:
        given = self.text(name, default).rstrip("/")
        if urlsplit(given).scheme not in ("http", "https") or not urlsplit(given).hostname:
            raise SettingError(f"{name} is '{given}'. Use an address like https://heed.example.com.")
        return given

    def web_origin(self, name: str, *, default: str) -> str:
        """An address without a path: Heed's own pages stand at the root."""
        given = self.web_address(name, default=default)
        if given != origin(given):
            raise SettingError(f"{name} is '{given}'. Use it without a path, like {origin(given)}.")
        return given

    def instant(self, name: str) -> datetime | None:
        given = self.text(name)
        try:
            found = datetime.fromisoformat(given) if given else None
        except ValueError:
            found = None
        if given and (found is None or found.tzinfo is None):
            raise SettingError(f"{name} is '{given}'. Use an instant like 2026-11-22T08:00:00+00:00.")
        return found

    def words(self, name: str) -> list[str]:
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def home(self, name: str, default: str) -> Path:
        """A folder of our own, made where it is missing; only its owner may look into it."""
        folder = Path(self.text(name, default)).expanduser().resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingError(f"{name} is '{folder}', which cannot be made: {error.strerror}.") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise SettingError(f"{name} is '{folder}', which this user may not write to.")
        return folder

    def choice(self, name: str, options: tuple[str, ...]) -> str:
        given = self.text(name, options[0])
        if given not in options:
            raise SettingError(f"{name} is '{given}'. Use one of: {', '.join(options)}.")
        return given

    def database(self, name: str, sqlite_file: Path) -> dict[str, object]:
        """Django's description of a database from `postgresql://user:password@host:port/name`."""
        given = self.text(name)
        if not given:
            return sqlite(sqlite_file)
        parts = urlsplit(given)
        if parts.scheme not in ("postgresql", "postgres"):
            raise SettingError(
                f"{name} starts with '{parts.scheme}'. Use postgresql://user:password@host:port/name, "
                "or leave it empty for SQLite in HEED_HOME."
            )
        return postgresql(given)


def sqlite(file: Path) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
            "PRAGMA mmap_size=268435456; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY;",
        },
    }


def origin(address: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def jobs_database(url: str, sqlite_file: Path) -> str:
    """Where the queue of jobs lives, as SQLAlchemy names it: beside the tables, or a file of its own."""
    if not url:
        return f"sqlite:///{sqlite_file}"
    return "postgresql+psycopg://" + url.split("://", 1)[1]


def postgresql(url: str) -> dict[str, object]:
    """Django's description of a PostgreSQL; parameters like `sslmode` reach the driver."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "OPTIONS": options,
    }
