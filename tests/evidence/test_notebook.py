"""The notebook in the documentation: it runs from top to bottom, and shows what it showed."""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebooks" / "evidence.ipynb"
DATA = Path(os.environ.get("HEED_DATA") or ROOT.parent / "shared" / "data")
SAMPLE = "ROWS = 1_500"


def notebook() -> Any:
    read: Any = nbformat.read
    return read(NOTEBOOK, as_version=4)


def code(of: Any) -> list[Any]:
    return [cell for cell in of.cells if cell.cell_type == "code"]


def test_it_is_kept_as_it_ran_from_top_to_bottom_and_names_no_machine() -> None:
    cells = code(notebook())
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"execute_result", "stream"}
    assert all(output.get("name", "stdout") == "stdout" for output in outputs)
    for folder in {str(Path.home()), str(ROOT.parent), "/tmp", "/home", "/usr"}:  # noqa: S108
        assert folder not in NOTEBOOK.read_text(encoding="utf-8").replace('"/"', "")


@pytest.mark.real_data
def test_it_runs_on_the_public_data_and_finds_the_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent. Name the folder of the public data sets by HEED_DATA.")
    monkeypatch.setenv("HEED_DATA", str(DATA.resolve()))
    sample = notebook()
    code(sample)[0].source = code(sample)[0].source.replace("ROWS = None", SAMPLE)
    assert SAMPLE in code(sample)[0].source
    NotebookClient(sample, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    shown = "\n".join(
        output.get("text") or output.data["text/plain"] for cell in code(sample) for output in cell.outputs
    )
    assert "leak alarm" in shown
    assert "calibration slope" in shown
    assert "only" in shown, "twenty customers are too few"
    assert "Womens E-Mail: " in shown
