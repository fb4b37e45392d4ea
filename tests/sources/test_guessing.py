"""A mapping is guessed by what most values say; what does not fit is told, and does not hide the rest."""

from pathlib import Path

import pytest

from heed.sources.guessing import Guess, date_formats, guess
from heed.sources.reading import open_set


def guessed(folder: Path, **texts: str) -> Guess:
    for stem, text in texts.items():
        (folder / f"{stem}.csv").write_text(text, encoding="utf-8")
    files = open_set(sorted(folder.glob("*.csv")), folder / "scratch", limit_bytes=10**9)
    return guess(files, folder / "bench")


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["31.02.2026", "28.02.2026", "14.01.2026"], ["%d.%m.%Y"]),
        (["13/02/2026", "01/02/2026", "02/02/2026"], ["%d/%m/%Y"]),
        (["2026-01-01", "soon", "2026-01-03"], ["iso"]),
        (["2026-01-01", "14.01.2026", "15.01.2026"], ["%d.%m.%Y"]),
        (["1700000000", "never", "1700000001"], ["epoch"]),
        (["1700000000000", "1700000000001"], ["epoch_ms"]),
        (["20260101", "20261399", "20260103"], ["%Y%m%d"]),
        (["yes", "no", "2026-01-03"], []),
        (["12", "13"], []),
        (["14.01.2026", "later"], []),
    ],
)
def test_the_format_that_most_values_have_is_taken(values: list[str], formats: list[str]) -> None:
    assert date_formats(values) == formats


def test_one_date_that_does_not_exist_keeps_its_column_and_is_told(tmp_path: Path) -> None:
    found = guessed(
        tmp_path,
        activities="id;account;name;at\n1;a;x;31.02.2026\n2;a;x;28.02.2026\n3;a;x;14.01.2026\n",
    )
    assert found.mapping is not None
    (block,) = found.mapping.blocks
    assert (block.entity, block.columns["at"].source) == ("activities", "at")
    assert block.formats.date_format == ("%d.%m.%Y",)
    assert found.notes == [
        "activities.csv: 1 of the first 3 values of at are not read as a date, such as '31.02.2026'. "
        "Their rows will be rejected, to be corrected."
    ]


def test_one_amount_that_is_none_keeps_its_column_and_is_told(tmp_path: Path) -> None:
    found = guessed(
        tmp_path,
        subscriptions='subscription,account,start,mrr\ns1,a,2026-01-01,"1.234,50"\n'
        's2,a,2026-01-01,"12,5"\ns3,a,2026-01-01,ten\n',
    )
    assert found.mapping is not None
    (block,) = found.mapping.blocks
    assert block.columns["amount"].source == "mrr"
    assert block.formats.decimal == ","
    assert "1 of the first 3 values of mrr are not read as a number, such as 'ten'" in found.notes[0]


def test_columns_that_heed_does_not_know_are_named_with_what_becomes_of_them(tmp_path: Path) -> None:
    found = guessed(
        tmp_path, accounts="key,name,industry\na,A,Steel\n", contacts="key,account,x,y\nu,a,1,2\n"
    )
    assert found.notes == [
        "accounts.csv: kept as attributes of accounts: industry.",
        "contacts.csv: kept as attributes of contacts: x, y.",
    ]
