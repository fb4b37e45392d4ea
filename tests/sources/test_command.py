"""`heed import`: what it prints and with which code it ends, for whoever reads it and for programs."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from heed.customers.models import Account
from heed.site.commands import app
from heed.sources.models import Import

pytestmark = pytest.mark.django_db(transaction=True)


def run(folder: Path, *more: str, **files: str | bytes) -> Any:
    for name, content in files.items():
        given = content.encode() if isinstance(content, str) else content
        (folder / name.replace("__", ".")).write_bytes(given)
    return CliRunner().invoke(app, ["import", str(folder), "--source", "crm", *more])


def test_the_first_rejected_rows_are_printed_with_what_to_do(tmp_path: Path) -> None:
    told = run(tmp_path, accounts__csv="key,name\na1,Acme\n,Nobody\n")
    assert told.exit_code == 3
    said = " ".join(told.stdout.split())
    assert "accounts.csv, row 3, key: key is missing." in said
    assert "Correct them under Settings, Rejected rows" in said
    answer = json.loads(run(tmp_path, "--json").stdout)
    assert answer["counts"]["accounts"]["unchanged"] == 1
    assert answer["rejected"] == [
        {
            "file": "accounts.csv",
            "row": 3,
            "column": "key",
            "reason": "key is missing.",
            "values": {"key": None, "name": "Nobody"},
        }
    ]


def test_a_dry_run_says_the_same_of_rejected_rows_and_stores_nothing(tmp_path: Path) -> None:
    told = run(tmp_path, "--dry-run", accounts__csv="key,name\na1,Acme\n,Nobody\n")
    assert told.exit_code == 3
    assert "accounts.csv, row 3, key: key is missing." in " ".join(told.stdout.split())
    assert "Settings, Rejected rows" not in told.stdout
    assert not Import.objects.exists()


def test_a_file_that_cannot_be_read_is_named_while_the_others_go_through(tmp_path: Path) -> None:
    mixed = "key,account,name\nu1,a1,Müller\n".encode() + "u2,a1,Jäger\n".encode("cp1252")
    told = run(tmp_path, "--json", accounts__csv="key,name\na1,Acme\n", contacts__csv=mixed)
    assert told.exit_code == 3
    answer = json.loads(told.stdout)
    assert answer["unread"]["contacts.csv"].startswith("contacts.csv mixes encodings")
    assert [row.key for row in Account.objects.all()] == ["a1"]


def test_everything_taken_ends_with_zero(tmp_path: Path) -> None:
    assert run(tmp_path, accounts__csv="key,name\na1,Acme\n").exit_code == 0


def test_a_set_of_which_nothing_fits_says_why(tmp_path: Path) -> None:
    told = run(tmp_path, "--json", accounts__csv="name,city\nAcme,Bonn\n", old__xls=b"\xd0\xcf")
    assert told.exit_code == 1
    said = json.loads(told.stdout)["error"]
    assert "accounts.csv is not mapped: as accounts it has no column for key." in said
    assert "old.xls is no kind of file that Heed reads." in said
    assert not Import.objects.exists()
