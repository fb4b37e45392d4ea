"""The documentation is tested: what a user can set, type or send is described where they would look."""

import re
from pathlib import Path

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


def test_every_command_is_described() -> None:
    import heed.site.commands as commands

    described = read("commands.md")
    group = get_command(commands.app)
    names = group.list_commands(None)  # type: ignore[attr-defined]
    assert names
    assert [name for name in names if f"`heed {name}" not in described] == []


def activity_names_in_code() -> set[str]:
    code = "\n".join(file.read_text() for file in (ROOT / "src" / "heed").rglob("*.py"))
    families = ("case", "interaction", "survey", "subscription")
    return set(re.findall(rf'"((?:{"|".join(families)})\.[a-z]+)"', code))


@pytest.mark.parametrize("name", sorted(activity_names_in_code()))
def test_every_activity_name_is_described(name: str) -> None:
    assert f"`{name}`" in read("activities.md")


def test_no_page_links_to_a_missing_file() -> None:
    missing = [
        (str(page.relative_to(ROOT)), target)
        for page in [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert missing == []
