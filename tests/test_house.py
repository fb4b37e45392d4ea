"""What must not be anywhere in the tree."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_lock_names_hashes_and_no_host() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    assert "--hash=sha256:" in lock
    assert not re.search(r"https?://|--index|--find-links|--extra-index", lock)


def test_no_path_of_a_machine_is_committed() -> None:
    found = [
        str(file.relative_to(ROOT))
        for file in tracked_files()
        if file.suffix in {".py", ".md", ".toml", ".html", ".css", ".js", ".txt", ""}
        and re.search(r"/(?:work|home|root)/\w", file.read_text(errors="ignore"))
    ]
    assert found == []


def test_templates_obey_the_content_policy() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match.group(0)}"
        for file in (ROOT / "src").rglob("*.html")
        for match in re.finditer(r"""\s(?:style|on[a-z]+)\s*=\s*["']|<style|javascript:""", file.read_text())
    ]
    assert found == []


def test_there_are_no_signals() -> None:
    found = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "src").rglob("*.py")
        if re.search(r"django\.db\.models\.signals|django\.dispatch", file.read_text())
    ]
    assert found == []


def test_no_model_hides_logic_in_save() -> None:
    models = [file for file in (ROOT / "src").rglob("models.py") if "def save(" in file.read_text()]
    assert models == []
