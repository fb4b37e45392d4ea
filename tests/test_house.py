"""What must not be anywhere in the tree."""

import re
import subprocess
from pathlib import Path

from django.template.base import Lexer, TokenType

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


READ = re.compile(r'\b(?:aria-label|title|placeholder|alt|data-label)\s*=\s*"([^"]*)"')
# Names: the program's, and those of the invented companies on the style page.
NAMES = {"Heed", "heed", "Lindqvist Wholesale", "Calder", "Sons"}


def texts_of(template: Path) -> list[str]:
    """What a reader sees or hears of a template that no translation touches."""
    seen, apart = [], ""
    for token in Lexer(template.read_text()).tokenize():
        tag = token.contents.split() if token.token_type is TokenType.BLOCK else []
        if apart:
            apart = "" if tag[:1] == [apart] else apart
        elif tag[:1] == ["blocktranslate"]:
            apart = "endblocktranslate"
        elif tag[:1] == ["block"] and tag[1].endswith("_class"):
            apart = "endblock"
        else:
            seen.append(token.contents if token.token_type is TokenType.TEXT else "\n")
    page = re.sub(r"<(script|svg|code|kbd)\b.*?</\1>", "", "".join(seen), flags=re.S)
    words = re.sub(r"<[^>]*>|&\w+;|·", "\n", page).split("\n")
    return [text.strip() for text in (*words, *READ.findall(page)) if re.search(r"[^\W\d_]{2}", text)]


def test_every_text_of_a_template_is_translated() -> None:
    templates = [file for file in (ROOT / "src").rglob("templates/**/*") if file.is_file()]
    assert len(templates) > 50
    found = [
        (str(file.relative_to(ROOT)), text)
        for file in templates
        for text in texts_of(file)
        if text not in NAMES
    ]
    assert found == []


def test_a_text_that_is_not_translated_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<p title="Told">Bare {{ name }}</p>{% translate "Sound" %}'
        "<b aria-label=\"{% translate 'Sound' %}\"></b>"
        "{% blocktranslate %}Sound{% endblocktranslate %}{% block page_class %}narrow{% endblock %}"
    )
    assert texts_of(page) == ["Bare", "Told"]
