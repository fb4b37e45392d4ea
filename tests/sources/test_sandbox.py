"""A user's SQL reaches the files of its set and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heed.stream.files import (
    FileBench,
    FileColumn,
    FileQueryError,
    FileTable,
    Sandbox,
    check_expression,
    parquet_table,
    reader,
)


@pytest.fixture
def table(tmp_path: Path) -> FileTable:
    path = tmp_path / "a.csv"
    path.write_text("id,name\n1,Ann\n2,Bob\n", encoding="utf-8")
    return FileTable("a.csv", path, "csv", (FileColumn("id"), FileColumn("name")))


@pytest.fixture
def sandbox(table: FileTable, tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox([table], tmp_path / "scratch") as opened:
        yield opened


def test_it_answers_a_select_over_the_files_by_their_names(sandbox: Sandbox) -> None:
    assert sandbox.rows("select name from \"a.csv\" where id = '2'", 10) == [{"name": "Bob"}]
    assert sandbox.count('select * from "A.CSV"') == 2
    assert [column.name for column in sandbox.columns('select id, 1 as one from "a.csv"')] == ["id", "one"]


@pytest.mark.parametrize(
    "sql",
    [
        'with x as (select * from "a.csv") select count(*) as n from x',
        "with recursive r as (select 1 n union all select n + 1 from r where n < 3) select count(*) n from r",
        'select count(*) as n from (unpivot "a.csv" on id, name into name k value v)',
        'select count(*) as n from range(3), "a.csv"',
    ],
)
def test_it_lets_ordinary_queries_through(sandbox: Sandbox, sql: str) -> None:
    assert sandbox.rows(sql, 1)[0]["n"] > 0


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from glob('/etc/*')",
        "select * from read_csv('https://example.com/x.csv')",
        "select (select count(*) from read_text('/etc/passwd'))",
        "select * from \"a.csv\" a, lateral (select * from read_text('/etc/passwd')) b",
        "with x as (select * from read_text('/etc/passwd')) select * from x",
        "select 1 union all select count(*) from read_text('/etc/passwd')",
        "select * from \"a.csv\" where exists (from read_text('/etc/passwd'))",
        "copy (select 1) to '/tmp/heed-escape.csv'",
        "attach '/tmp/heed-escape.db'",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '100GB'",
        "pragma database_list",
        "export database '/tmp/heed-escape'",
        "create table x as select 1",
        'drop view "a.csv"',
        'insert into "a.csv" values (1, 2)',
        "with x as (insert into y values (1) returning 1) select * from x",
        "select 1; select 2",
        "select getenv('HOME')",
        "select current_setting('temp_directory')",
        "select * from duckdb_settings()",
        "select * from duckdb_secrets()",
        "select * from python_arrow_scan(1, 2, 3)",
        "select * from information_schema.tables",
        "select * from query('select 1')",
        "select * from query_table('a.csv')",
        'describe "a.csv"',
        'summarize "a.csv"',
        "explain select 1",
        "call pragma_version()",
        "select * from nowhere",
    ],
)
def test_it_refuses_whatever_is_not_a_select_over_the_files(sandbox: Sandbox, sql: str) -> None:
    for run in (lambda: sandbox.rows(sql, 1), lambda: sandbox.count(sql), lambda: sandbox.columns(sql)):
        with pytest.raises(FileQueryError):
            run()
    assert not Path("/tmp/heed-escape.csv").exists()  # noqa: S108
    assert sandbox.count('select * from "a.csv"') == 2


def test_the_lock_holds_even_for_what_the_inspection_would_let_through(
    sandbox: Sandbox, table: FileTable, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("x\n1\n", encoding="utf-8")
    for sql in (
        f"select * from read_csv('{other}')",
        f"copy (select 1) to '{tmp_path / 'out.csv'}'",
        f"copy (select 1) to '{table.path}'",
        f"attach '{tmp_path / 'out.db'}'",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "install httpfs",
    ):
        with pytest.raises(FileQueryError):
            sandbox._run(sql).fetchall()
    assert not (tmp_path / "out.csv").exists()
    assert table.path.read_text(encoding="utf-8") == "id,name\n1,Ann\n2,Bob\n"


def test_an_expression_cannot_end_its_place_in_a_query() -> None:
    check_expression("a || '-' || b")
    check_expression("case when a then b end")
    for sql in ("a) from x; --", "1 from x", "select 1; drop table x", "(1", ""):
        with pytest.raises(FileQueryError):
            check_expression(sql)


def test_heeds_own_bench_reads_the_given_files_and_writes_in_its_folder_only(
    table: FileTable, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("x\n1\n", encoding="utf-8")
    with FileBench([table.path], tmp_path / "bench") as bench:
        assert bench.write(reader(table), tmp_path / "bench" / "out.parquet") == 2
        for refused in (
            lambda: bench.write(reader(table), tmp_path / "out.parquet"),
            lambda: bench.rows(f"select * from read_csv('{other}')"),
            lambda: bench.rows("set threads = 8"),
        ):
            with pytest.raises(FileQueryError):
                refused()
    assert not (tmp_path / "out.parquet").exists()


def test_lines_that_are_no_records_are_kept_aside_with_their_number(tmp_path: Path) -> None:
    path = tmp_path / "torn.csv"
    path.write_text('id,name\n1,"a, ""b"""\n2\n3,c,4\n4,"two\nlines"\n', encoding="utf-8")
    table = FileTable("torn.csv", path, "csv", (FileColumn("id"), FileColumn("name")))
    with FileBench([path], tmp_path / "bench") as bench:
        bench.write(reader(table), tmp_path / "bench" / "out.parquet")
        kept = bench.rows(f"select id, name from read_parquet('{tmp_path / 'bench' / 'out.parquet'}')")
        assert kept == [("1", 'a, "b"'), ("4", "two\nlines")]
        assert [(one.line, one.text) for one in bench.structural(path)] == [(3, "2"), (4, "3,c,4")]


def test_a_line_of_json_that_is_none_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1, "b": {"c": 2}}\nnot json\n[1]\n{"a": null}\n', encoding="utf-8")
    table = FileTable("a.jsonl", path, "jsonl", (FileColumn("a"), FileColumn("b")))
    with FileBench([path], tmp_path / "bench") as bench:
        assert bench.rows(reader(table)) == [
            ("1", '{"c":2}', False),
            (None, None, True),
            (None, None, True),
            (None, None, False),
        ]


def test_what_is_no_parquet_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(FileQueryError):
        parquet_table("a.parquet", path)
    pq.write_table(pa.table({"x": [1]}), path)
    assert parquet_table("a.parquet", path).columns == (FileColumn("x", "BIGINT"),)
