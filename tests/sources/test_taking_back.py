"""What an export no longer says of its rows is taken back, and nothing of other rows is read."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from heed.sources import streaming
from heed.stream import Stream
from heed.stream.files import FileBench
from tests.sources.test_importing import bring, standing

pytestmark = pytest.mark.django_db(transaction=True)
HEADER = "key,account,subject,opened_at,closed_at\n"
CLOSED = "t1,a1,Slow,2025-03-01T10:00:00Z,2025-03-02T10:00:00Z\n"
OTHERS = "t1:x,a2,Late,2025-03-01T10:00:00Z,2025-03-03T10:00:00Z\n" + CLOSED.replace("t1", "t2")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """The first column of each table that was read into memory, by the name under which the bench sees it."""
    found: dict[str, list[Any]] = {}
    register = FileBench.register

    def noted(bench: FileBench, name: str, table: pa.Table) -> None:
        found[name] = table.column(0).to_pylist()
        register(bench, name, table)

    monkeypatch.setattr(FileBench, "register", noted)
    return found


def tickets(folder: Path, text: str) -> list[Path]:
    (folder / "tickets.csv").write_text(HEADER + text, encoding="utf-8")
    return [folder / "tickets.csv"]


@pytest.mark.parametrize(("few", "known"), [(streaming.FEW_ROWS, ["a1"]), (0, ["a1", "a2"])])
def test_of_a_source_only_what_the_rows_speak_of_is_read(
    few: int,
    known: list[str],
    tmp_path: Path,
    stream: Stream,
    read: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "accounts.csv").write_text("key,name\na1,Acme\na2,Beta\n", encoding="utf-8")
    bring([tmp_path / "accounts.csv", *tickets(tmp_path, CLOSED + OTHERS)])
    monkeypatch.setattr(streaming, "FEW_ROWS", few)
    report = bring(tickets(tmp_path, "t1,a1,Slow,2025-03-01T10:00:00Z,\n"))
    assert sorted(read["known"]) == known
    assert read["standing"] == ["case:t1:closed"]
    assert [found["examples"] for found in report.findings] == [[{"id": "case:t1:closed"}]]
    assert standing(stream) == {"case.opened": 3, "case.closed": 2}
