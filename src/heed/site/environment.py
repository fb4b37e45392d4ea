"""Typed settings from the environment, with a loud error that names the setting and what it wants."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit


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

    def words(self, name: str) -> list[str]:
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def path(self, name: str, default: str) -> Path:
        return Path(self.text(name, default)).expanduser().resolve()

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


def postgresql(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": query.get("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
    }
