"""Opening files of every kind, and saying clearly what is wrong with those that cannot be opened."""

import csv
import gzip
import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from heed.sources import encodings, spreadsheets
from heed.sources.mapping import parse_mapping
from heed.sources.reading import FileSet, open_set, sniff_delimiter, unique_names
from heed.stream.files import FileBench, reader

LIMIT = 1_000_000_000


def opened(folder: Path, **more: Any) -> FileSet:
    paths = [path for path in folder.iterdir() if path.is_file()]
    return open_set(paths, folder / "scratch", **{"limit_bytes": LIMIT, **more})


def rows_of(files: FileSet, name: str, folder: Path) -> list[tuple[Any, ...]]:
    table = files.named(name)
    assert table is not None, files
    with FileBench([table.path], folder / "bench") as bench:
        return bench.rows(f"SELECT * EXCLUDE (_malformed) FROM ({reader(table)})")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
def test_text_is_read_in_every_usual_encoding(tmp_path: Path, encoding: str, packed: bool) -> None:
    data = "key;name\na1;Müller & Söhne – “groß”\n".encode(encoding)
    name = "a.csv.gz" if packed else "a.csv"
    (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
    files = opened(tmp_path)
    assert [column.name for column in files.tables[0].columns] == ["key", "name"]
    assert rows_of(files, name, tmp_path) == [("a1", "Müller & Söhne – “groß”")]


def test_mixed_encodings_are_refused_with_the_byte_and_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("key,name\n1,Müller\n".encode() + "2,Jäger\n".encode("cp1252"))
    files = opened(tmp_path)
    assert files.tables == ()
    assert files.problems["a.csv"].startswith(
        "a.csv mixes encodings: it is UTF-8 in places, but not at byte 22 in line 3."
    )


def test_a_stated_encoding_settles_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"key,name\n1,\xc3\xbc\xe9\n")
    mapping = parse_mapping(
        '[[accounts]]\nfile = "a.csv"\nencoding = "windows-1252"\n[accounts.columns]\nkey = "key"\n'
    )
    assert rows_of(opened(tmp_path, mapping=mapping), "a.csv", tmp_path) == [("1", "Ã¼é")]


def test_a_file_that_is_not_in_its_stated_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"key,name\n1,\xe9\n")
    mapping = parse_mapping(
        '[[accounts]]\nfile = "a.csv"\nencoding = "utf-8"\n[accounts.columns]\nkey = "key"'
    )
    assert "not UTF-8 at byte 11 in line 2" in opened(tmp_path, mapping=mapping).problems["a.csv"]


def test_a_character_may_lie_across_two_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "CHUNK", 7)
    text = "key,name\n" + "".join(f"{n},aäöü€𝄞\n" for n in range(20))
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    assert len(rows_of(opened(tmp_path), "a.csv", tmp_path)) == 20


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00\ufeff"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(",;\t|"),
    st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=3, max_size=12)
    ),
)
def test_the_delimiter_of_any_quoted_table_is_found(delimiter: str, rows: list[list[str]]) -> None:
    header = [f"column{n}" for n in range(len(rows[0]))]
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    assert sniff_delimiter(written.getvalue()) == delimiter


@given(st.lists(st.text(max_size=5), min_size=1, max_size=8))
def test_header_names_become_distinct_and_not_empty(header: list[str]) -> None:
    names = unique_names(header)
    assert len({name.casefold() for name in names}) == len(header)
    assert all(names)


def test_a_workbook_gives_a_table_a_sheet_with_dates_and_numbers_as_texts(tmp_path: Path) -> None:
    book = Workbook()
    first = book.active
    assert first is not None
    first.append([])
    first.append(["key", "since", "seen", "seats", "share", "live"])
    seen = datetime(2024, 2, 3, 10, 30)  # noqa: DTZ001 - as workbooks hold it
    first.append(["a1", date(2024, 2, 3), seen, 12.0, 0.5, True])
    second = book.create_sheet("Users")
    second.append(["id", "account"])
    second.append([7, "a1"])
    book.create_sheet("Empty")
    book.save(tmp_path / "crm.xlsx")
    files = opened(tmp_path)
    assert [table.name for table in files.tables] == ["crm.xlsx", "crm.xlsx/Users"]
    assert rows_of(files, "crm.xlsx", tmp_path) == [
        ("a1", "2024-02-03", "2024-02-03T10:30:00", "12", "0.5", "true")
    ]
    assert rows_of(files, "crm.xlsx/Users", tmp_path) == [("7", "a1")]
    assert files.tables[0].first_row == 3


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.xlsx", b"not a workbook"),
        ("a.xlsx", b"PK\x03\x04 torn"),
        ("a.parquet", b"PAR1 torn"),
        ("a.csv", b""),
        ("a.csv.gz", b"\x1f\x8b torn"),
        ("a.csv.gz", gzip.compress(b"key,name\n1,2\n" * 1000, mtime=0)[:60]),
        ("a.json", b'[{"a": 1}]'),
        ("a.jsonl", b"no objects here\n"),
    ],
)
def test_what_cannot_be_opened_is_named_with_a_reason(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    files = opened(tmp_path)
    assert files.tables == ()
    assert list(files.problems) == [name]
    assert len(files.problems[name]) > 10


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "not a readable XLSX workbook" in opened(tmp_path).problems["a.xlsx"]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (spreadsheets.RATIO_FROM + 1_000_000))
    assert (tmp_path / "bomb.xlsx").stat().st_size < 100_000
    files = opened(tmp_path)
    assert "more than Heed opens from a workbook" in files.problems["bomb.xlsx"]


def test_a_gzip_bomb_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "RATIO_FROM", 1_000_000)
    monkeypatch.setattr(encodings, "CHUNK", 500_000)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"0" * 5_000_000))
    files = opened(tmp_path)
    assert "unpacks to more than 250 times its size" in files.problems["a.csv.gz"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n * n}\n" for n in range(50_000))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(f"a,b\n{rows}".encode()))
    files = opened(tmp_path, limit_bytes=100_000)
    assert "HEED_UPLOAD_LIMIT_MB" in files.problems["a.csv.gz"]


def test_parquet_keeps_its_types_and_other_files_are_passed_over(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1], "at": pa.array([0], pa.timestamp("us"))}), tmp_path / "a.parquet")
    (tmp_path / "README.md").write_text("hello", encoding="utf-8")
    files = opened(tmp_path)
    assert [column.type for column in files.tables[0].columns] == ["BIGINT", "TIMESTAMP"]
    assert files.passed_over == ("README.md",)
