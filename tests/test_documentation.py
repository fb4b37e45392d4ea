"""The documentation is tested: what a user can set, type or send is described where they would look."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def read(name: str) -> str:
    return (DOCS / "reference" / name).read_text()


def settings_in_code() -> set[str]:
    code = "\n".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    return set(re.findall(r'"(HEED_[A-Z_]+)"', code))


@pytest.mark.parametrize("name", sorted(settings_in_code()))
def test_every_setting_is_described(name: str) -> None:
    assert f"`{name}`" in read("settings.md")


def test_no_setting_is_described_that_is_gone() -> None:
    assert set(re.findall(r"^\| `(HEED_[A-Z_]+)`", read("settings.md"), re.M)) == settings_in_code()


def commands() -> dict[str, Any]:
    from heed.site.commands import app

    return dict(get_command(app).commands)  # type: ignore[attr-defined]


def manual_of(command: str) -> str:
    """The section of a command in the manual; the table of all commands where it has no section."""
    page = read("commands.md")
    sections = re.findall(rf"^## `heed {command}\b.*?(?=^## |\Z)", page, re.M | re.S)
    return str(sections[0]) if sections else page.split("\n## ")[0]


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_described(name: str) -> None:
    assert f"| `heed {name}" in read("commands.md")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (name, option)
        for name, command in sorted(commands().items())
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    ],
)
def test_every_option_is_described(command: str, option: str) -> None:
    # `--serve` only says what happens anyway.
    assert option == "--serve" or f"`{option}" in manual_of(command)


def test_no_option_is_described_that_is_gone() -> None:
    gone = [
        (name, option)
        for name, command in commands().items()
        for option in re.findall(r"^\| `(--[a-z-]+)", manual_of(name), re.M)
        if not any(option in (*each.opts, *each.secondary_opts) for each in command.params)
    ]
    assert gone == []


def test_every_step_of_the_daily_round_is_described_in_its_order() -> None:
    from heed.daily.round import STEPS

    told = " ".join(manual_of("refresh").split())
    assert f"The daily round: {', '.join(step.name for step in STEPS)}." in told


def activity_names() -> set[str]:
    """Every name of a reserved family: from the kinds that the program knows, or written in its code."""
    from heed.conversations.models import InteractionKind
    from heed.evidence.revenue import MovementKind

    code = "\n".join(file.read_text() for file in (ROOT / "src" / "heed").rglob("*.py"))
    families = "|".join(("case", "interaction", "survey", "subscription", "play", "outcome"))
    return (
        set(re.findall(rf"""["']((?:{families})\.[a-z]+)["']""", code))
        | {f"interaction.{kind}" for kind in InteractionKind.values}
        | {f"subscription.{kind}" for kind in MovementKind}
        | {f"case.{moment}" for moment in ("opened", "replied", "resolved", "reopened", "closed")}
    )


@pytest.mark.parametrize("name", sorted(activity_names()))
def test_every_activity_name_is_described(name: str) -> None:
    assert f"`{name}`" in read("activities.md")


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(page.name[:4]) for page in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_page_links_to_a_missing_file() -> None:
    missing = [
        (str(page.relative_to(ROOT)), target)
        for page in [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert missing == []
