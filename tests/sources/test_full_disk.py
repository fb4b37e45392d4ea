"""A disk that is really full in the middle of an import: a small file system of its own, in memory."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heed.customers.models import Account
from heed.ledger.home import open_stream
from heed.sources import actions
from heed.sources.models import Import, ImportState

pytestmark = pytest.mark.django_db(transaction=True)
BY = "person:1"
ROWS = 80_000


def mount(folder: Path, *options: str) -> bool:
    told = ("mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder))
    return subprocess.run(told, capture_output=True, check=False).returncode == 0


def noise(number: int) -> str:
    """A text that does not compress."""
    return hashlib.sha256(str(number).encode()).hexdigest()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if not mount(folder, "size=1m"):
        pytest.skip("Only root may mount the small disk that this test fills.")
    try:
        yield folder
    finally:
        subprocess.run(("umount", "-l", str(folder)), check=True)


@pytest.mark.parametrize("full_is", ["home", "stream"])
def test_a_full_disk_stops_the_import_clearly_and_the_same_import_goes_on_once_there_is_room(
    tmp_path: Path, small: Path, settings: Any, full_is: str
) -> None:
    if full_is == "home":
        settings.HEED_HOME = small / "home"
        settings.HEED_HOME.mkdir()
    else:
        settings.HEED_STREAM_URL = str(small / "stream")
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "accounts.csv").write_text("key,name\na1,Acme\n", encoding="utf-8")
    lines = (f"e{n},a1,login,2026-01-{n % 28 + 1:02d},{noise(n)}\n" for n in range(ROWS))
    (folder / "activities.csv").write_text("id,account,name,at,note\n" + "".join(lines), encoding="utf-8")
    paths = sorted(folder.iterdir())
    mapping = actions.preview(paths).mapping
    with pytest.raises(actions.ImportFailed, match=r"disk of .* is full. Free some space and do the same"):
        actions.run_import(actions.prepare(paths, mapping, source="crm", by=BY), paths, by=BY)
    failed = Import.objects.get()
    assert failed.state == ImportState.FAILED
    assert "activities" not in failed.counts
    assert open_stream().count() == 0
    assert not list((settings.HEED_HOME / "imports").iterdir())
    assert mount(small, "remount", "size=300m")
    report = actions.run_import(actions.prepare(paths, mapping, source="crm", by=BY), paths, by=BY)
    assert report.import_id == failed.pk
    assert {entity: counts["new"] for entity, counts in report.counts.items()} == {
        "accounts": 1,
        "activities": ROWS,
    }
    assert open_stream().count() == ROWS
    assert Account.objects.count() == 1
