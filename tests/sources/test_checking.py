"""Every row is typed and judged: what is taken, what is refused, and why."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heed.sources.checking import Setting
from heed.sources.guessing import date_formats
from heed.sources.mapping import parse_mapping
from heed.sources.reading import open_set
from heed.sources.staging import Refused, Staged, Staging, StagingError, json_lines, rows_of
from heed.stream.files import FileBench, FileColumn, FileTable, reader

MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2026, 5, 31))  # noqa: DTZ001 - files hold naive times
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SETTING = Setting(NOW, "crm", "import:1", "EUR")


def stage(folder: Path, mapping: str, entity: str) -> Iterator[Staged]:
    parsed = parse_mapping(mapping)
    paths = [path for path in folder.iterdir() if path.is_file()]
    files = open_set(paths, folder / "scratch", mapping=parsed, limit_bytes=10**9)
    staging = Staging(files, parsed, folder / "staged", SETTING)
    try:
        yield from staging.entity(entity)
    finally:
        staging.close()


def judge(
    folder: Path, entity: str, header: str, *lines: str, more: str = ""
) -> tuple[list[dict[str, Any]], list[Refused]]:
    """The taken and the refused rows of a CSV whose columns are named like the targets."""
    (folder / "a.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    columns = "\n".join(f'{name} = "{name}"' for name in header.replace(";", ",").split(","))
    mapping = f'[[{entity}]]\nfile = "a.csv"\n{more}\n[{entity}.columns]\n{columns}\n'
    taken: list[dict[str, Any]] = []
    refused: list[Refused] = []
    for staged in stage(folder, mapping, entity):
        taken += rows_of(staged)
        refused += staged.refusals()
        assert staged.accepted == len(taken)
        assert staged.refused == len(refused)
    return taken, refused


def refusals(refused: list[Refused]) -> list[tuple[int, str, str]]:
    return [(one.row, one.column, one.code) for one in refused]


def test_activities_are_refused_row_by_row_with_the_column_and_the_reason(tmp_path: Path) -> None:
    taken, refused = judge(
        tmp_path,
        "activities",
        "id,account,name,at,value",
        "1,a1,login,2026-01-02T03:04:05Z,1.5",
        "2,,login,2026-01-02,",
        "3,a1,,2026-01-02,",
        "4,a1,login,,",
        "5,a1,login,2026-02-30,",
        "6,a1,login,2026-06-03,",
        "7,a1,login,1812-06-24,",
        "8,a1,login,2026-01-02,many",
        "9,a1,login,2026-01-02,nan",
        f"10,{'a' * 201},login,2026-01-02,",
        "11,a\x00b,login,2026-01-02,",
        ",,,,",
        "12,a1,login,2026-06-02 11:59,",
        "13,a1,login,2026-01-02,1e16",
        "14,a1,login,2026-01-02,-1e16",
    )
    assert [row["id"] for row in taken] == ["1", "9", "12"]
    assert refusals(refused) == [
        (3, "account", "missing"),
        (4, "name", "missing"),
        (5, "at", "missing"),
        (6, "at", "not_instant"),
        (7, "at", "future"),
        (8, "at", "impossible"),
        (9, "value", "not_number"),
        (11, "account", "too_long"),
        (12, "account", "nul"),
        (15, "value", "too_large"),
        (16, "value", "too_small"),
    ]
    assert taken[0]["at"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert taken[0]["value"] == 1.5
    assert refused[3].values == {
        "id": "5",
        "account": "a1",
        "name": "login",
        "at": "2026-02-30",
        "value": None,
    }
    assert refused[-3].values["account"] == "a␀b"


def test_subscriptions_are_refused_for_what_cannot_be(tmp_path: Path) -> None:
    taken, refused = judge(
        tmp_path,
        "subscriptions",
        "subscription,account,starts_on,ends_on,amount,currency,seats,amount_per",
        "s1,a1,2024-01-01,2025-01-01,1200,USD,5,year",
        "s2,a1,2024-01-01,2024-01-01,10,,,",
        "s3,a1,2024-01-01,2023-01-01,10,,,",
        "s4,a1,2024-01-01,,-10,,,",
        "s5,a1,2024-01-01,,ten,,,",
        "s6,a1,2024-01-01,,10,XXX,,",
        "s7,a1,2024-01-01,,10,EUR,2.5,",
        "s8,a1,2024-01-01,,10,EUR,-1,",
        "s9,a1,2024-01-01,,10,€,,fortnight",
        "s10,a1,2024-01-01,,,€,,",
        "s11,a1,2024-01-01,,10,€,,monthly",
    )
    assert [(row["key"], row["currency"], row["amount_per"]) for row in taken] == [
        ("s1@2024-01-01", "USD", "year"),
        ("s11@2024-01-01", "EUR", "month"),
    ]
    assert taken[0]["amount"] == Decimal(1200)
    assert (taken[0]["starts_on"], taken[0]["ends_on"]) == (date(2024, 1, 1), date(2025, 1, 1))
    assert refusals(refused) == [
        (3, "ends_on", "ends_before_start"),
        (4, "ends_on", "ends_before_start"),
        (5, "amount", "negative"),
        (6, "amount", "not_amount"),
        (7, "currency", "not_currency"),
        (8, "seats", "not_count"),
        (9, "seats", "negative"),
        (10, "amount_per", "not_choice"),
        (11, "amount", "missing"),
    ]


def test_scores_lie_on_the_scale_of_their_survey(tmp_path: Path) -> None:
    taken, refused = judge(
        tmp_path,
        "survey_responses",
        "account,survey,score,at",
        "a1,nps,0,2026-01-01",
        "a1,NPS,11,2026-01-01",
        "a1,csat,0,2026-01-01",
        "a1,ces,8,2026-01-01",
        "a1,ees,70,2026-01-01",
        "a1,nps,,2026-01-01",
    )
    assert [row["score"] for row in taken] == [0, 70, None]
    assert [code for _, _, code in refusals(refused)] == ["outside_nps", "outside_csat", "outside_ces"]
    assert len({row["id"] for row in taken}) == 3


def test_a_planned_outreach_without_agenda_is_refused(tmp_path: Path) -> None:
    taken, refused = judge(
        tmp_path,
        "interactions",
        "key,account,kind,direction,motion,agenda,goal,at",
        "1,a1,Call,outbound,planned,Rollout,Week two,2026-01-01",
        "2,a1,call,outbound,planned,,Week two,2026-01-01",
        "3,a1,call,inbound,planned,,,2026-01-01",
        "4,a1,fax,inbound,,,,2026-01-01",
    )
    assert [row["key"] for row in taken] == ["1", "3"]
    assert refusals(refused) == [(3, "agenda", "no_agenda"), (5, "kind", "not_choice")]


def test_torn_lines_do_not_shift_the_numbers_of_the_rows_after_them(tmp_path: Path) -> None:
    _, refused = judge(
        tmp_path, "accounts", "key,kind", "1,customer", "2", "3,alien", "4,customer,x", "5,alien"
    )
    assert sorted(refusals(refused)) == [
        (3, "", "wrong_width"),
        (4, "kind", "not_choice"),
        (5, "", "wrong_width"),
        (6, "kind", "not_choice"),
    ]


def test_attributes_keep_the_type_that_the_mapping_states(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;n;on;ok;t\n1;1.234,5;3.2.2024;Yes;x\n2;~50;;no;\n", encoding="utf-8")
    mapping = """
[[accounts]]
file = "a.csv"
decimal = ","
date_format = "%d.%m.%Y"
[accounts.columns]
key = "id"
employees = { column = "n", type = "number" }
signed = { column = "on", type = "day" }
live = { column = "ok", type = "yes_no" }
tier = { value = "gold" }
note = "t"
"""
    (staged,) = stage(tmp_path, mapping, "accounts")
    del staged
    for staged in stage(tmp_path, mapping, "accounts"):
        kept = [row["_extras"] for row in rows_of(staged)]
    assert kept == [
        '{"employees":1234.5,"signed":"2024-02-03","live":true,"tier":"gold","note":"x"}',
        '{"employees":"~50","signed":null,"live":false,"tier":"gold","note":null}',
    ]


def test_sql_expressions_and_queries_join_files_and_shift_days(tmp_path: Path) -> None:
    (tmp_path / "use.csv").write_text("sub,day,what\ns1,3,login\ns2,x,login\n", encoding="utf-8")
    (tmp_path / "subs.csv").write_text("sub,acc\ns1,a1\ns2,a2\n", encoding="utf-8")
    mapping = """
[[activities]]
sql = 'select u.*, s.acc from "use.csv" u join "subs.csv" s using (sub) order by sub'
[activities.columns]
account = "acc"
name = "what"
at = { sql = "date '2024-01-01' + try_cast(day as int)" }
"""
    for staged in stage(tmp_path, mapping, "activities"):
        taken, refused = list(rows_of(staged)), list(staged.refusals())
    assert [(row["account"], row["at"]) for row in taken] == [("a1", datetime(2024, 1, 4, tzinfo=UTC))]
    assert [(one.column, one.code, one.values["account"]) for one in refused] == [("at", "missing", "a2")]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('key = "nowhere"', "wants the column 'nowhere' of a.csv, which has: id"),
        ("key = { sql = \"(select content from read_text('/etc/passwd'))\" }", "may not be used"),
        ('key = { sql = "nowhere" }', "nowhere"),
    ],
)
def test_a_mapping_that_does_not_fit_the_files_is_refused_with_what_there_is(
    tmp_path: Path, line: str, says: str
) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    with pytest.raises(StagingError) as refused:
        list(stage(tmp_path, f'[[accounts]]\nfile = "a.csv"\n[accounts.columns]\n{line}\n', "accounts"))
    assert says in str(refused.value)


def test_a_file_that_is_not_in_the_set_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    with pytest.raises(StagingError, match=r"reads 'b.csv', which is not in the set. Files: a.csv"):
        list(stage(tmp_path, '[[accounts]]\nfile = "b.csv"\n[accounts.columns]\nkey = "id"\n', "accounts"))


def test_parquet_types_are_taken_as_they_are(tmp_path: Path) -> None:
    table = pa.table(
        {
            "acc": pa.array([1.0, 2.5]),
            "ev": ["login", "login"],
            "ts": pa.array([1_704_103_200 * 10**9, 1_719_828_000 * 10**9], pa.timestamp("ns")),
            "n": pa.array([3, None], pa.int32()),
            "props": pa.array([{"a": 1}, None]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    mapping = """
[[activities]]
file = "a.parquet"
time_zone = "Europe/Berlin"
[activities.columns]
account = "acc"
name = "ev"
at = "ts"
value = "n"
properties = "props"
"""
    for staged in stage(tmp_path, mapping, "activities"):
        taken = list(rows_of(staged))
    assert [(row["account"], row["value"], row["properties"]) for row in taken] == [
        ("1", 3.0, '{"a":1}'),
        ("2.5", None, None),
    ]
    assert [row["at"].astimezone(UTC).hour for row in taken] == [9, 8]


def one_value(folder: Path, name: str, text: str, more: str) -> Any:
    """What a single quoted text becomes as a value of an activity; 'refused' where it does."""
    quoted = '"' + text.replace('"', '""') + '"'
    lines = {"value": f"a1;x;2026-01-01;{quoted}", "at": f"a1;x;{quoted};"}
    taken, refused = judge(folder, "activities", "account;name;at;value", lines[name], more=more)
    return "refused" if refused else taken[0][name]


shared = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@shared
@given(
    number=st.decimals(-10_000_000, 10_000_000, places=2),
    mark=st.sampled_from([(".", ","), (",", "."), (",", " "), (",", "\u00a0"), (".", "'")]),
    sign=st.sampled_from(["", "€ ", "$"]),
)
def test_numbers_are_read_with_any_mark_and_grouping(
    tmp_path: Path, number: Decimal, mark: tuple[str, str], sign: str
) -> None:
    decimal, group = mark
    written = f"{number:,.2f}".replace(",", "G").replace(".", decimal).replace("G", group)
    found = one_value(tmp_path, "value", sign + written, f'decimal = "{decimal}"')
    assert found == float(number)


@pytest.mark.parametrize(
    ("text", "decimal"),
    [("12.50", ","), ("1.23.4", "."), ("1,23", "."), ("inf", "."), ("1 2 3x", "."), ("--1", ".")],
)
def test_a_number_that_could_be_misread_is_refused(tmp_path: Path, text: str, decimal: str) -> None:
    assert one_value(tmp_path, "value", text, f'decimal = "{decimal}"') == "refused"


@shared
@given(
    at=MOMENTS.map(lambda at: at.replace(microsecond=0)),
    form=st.sampled_from(
        ["%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%Y/%m/%d %H:%M:%S", "%d %b %Y %H:%M:%S"]
    ),
)
def test_instants_are_read_in_their_stated_format(tmp_path: Path, at: datetime, form: str) -> None:
    found = one_value(tmp_path, "at", at.strftime(form), f'date_format = "{form}"')
    assert found == at.replace(tzinfo=UTC)


@shared
@given(
    at=MOMENTS.map(lambda at: at.replace(microsecond=0)),
    hours=st.integers(-11, 11),
)
def test_iso_instants_honour_their_offset(tmp_path: Path, at: datetime, hours: int) -> None:
    written = at.isoformat() + f"{hours:+03d}:00"
    assert one_value(tmp_path, "at", written, "") == (at - timedelta(hours=hours)).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("1700000000", "epoch", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000500", "epoch_ms", datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)),
        ("45000.5", "excel", datetime(2023, 3, 15, 12, tzinfo=UTC)),
        ("2024-01-02", "%d.%m.%Y", datetime(2024, 1, 2, tzinfo=UTC)),
        ("31.02.2024", "%d.%m.%Y", "refused"),
        ("12", "", "refused"),
        ("yesterday", "", "refused"),
    ],
)
def test_epochs_excel_days_and_nonsense(tmp_path: Path, text: str, form: str, expected: Any) -> None:
    assert one_value(tmp_path, "at", text, f'date_format = "{form}"' if form else "") == expected


@settings(deadline=None)
@given(
    st.lists(MOMENTS, min_size=1, max_size=20),
    st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%Y/%m/%d", "%d %b %Y %I:%M %p"]),
)
def test_the_format_of_a_column_is_among_those_guessed(found: list[datetime], form: str) -> None:
    assert form in date_formats([at.strftime(form) for at in found])


JSON_LINES = (
    '{"key": "a1", "name": "One"}\n\u00a0\n\x0b\nx\ry\n[1]\n\r\n \t\n{"key": "a2"}\n'
    '\u2028\n{"key": "a\rb"}\n{"key": "a3",\n{"key": "a4"}'
)
MALFORMED = [
    *((2, "\u00a0"), (3, "x\ry"), (4, "[1]"), (6, "\u2028"), (7, '{"key": "a\rb"}'), (8, '{"key": "a3",')),
]


@pytest.mark.parametrize("key", ['"key"', '{ sql = "lower(key)" }'], ids=["plain", "with SQL"])
def test_lines_that_are_no_json_object_are_kept_each_with_its_own_text(tmp_path: Path, key: str) -> None:
    (tmp_path / "a.jsonl").write_text(JSON_LINES, encoding="utf-8", newline="")
    mapping = f'[[accounts]]\nfile = "a.jsonl"\n[accounts.columns]\nname = "name"\nkey = {key}\n'
    for staged in stage(tmp_path, mapping, "accounts"):
        assert [row["key"] for row in rows_of(staged)] == ["a1", "a2", "a4"]
        refused = list(staged.refusals())
        assert [(one.row, one.values["line"]) for one in refused] == MALFORMED
        assert {one.code for one in refused} == {"malformed"}
        assert (staged.accepted, staged.refused, staged.blank) == (3, 6, 0)


@given(
    st.lists(
        st.sampled_from(
            ['{"key": "k"}', "x", "", " ", "\t\v\f", "\u00a0", "\x1c", "\x85", "a\rb", "null", "\r"]
        ),
        max_size=12,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_lines_are_counted_as_duckdb_counts_them(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], ending: str
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_text(ending.join(['{"key": "k"}', *lines, ""]), encoding="utf-8", newline="")
    table = FileTable("a.jsonl", path, "jsonl", (FileColumn("key"),))
    with FileBench([path], path.parent / "bench") as bench:
        malformed = [mark for _, mark in bench.rows(reader(table))]
    assert [line.text.strip() != '{"key": "k"}' for line in json_lines(path)] == malformed


def test_json_lines_that_only_sql_reads_are_told_and_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(JSON_LINES, encoding="utf-8", newline="")
    (tmp_path / "b.csv").write_text("key\nb1\n", encoding="utf-8")
    count = """{ sql = "(select count(*) from \\"a.jsonl\\")" }"""
    parsed = parse_mapping(
        """[[accounts]]\nsql = 'select * from "a.jsonl"'\n[accounts.columns]\nkey = "key"\n"""
        f'[[accounts]]\nfile = "b.csv"\n[accounts.columns]\nkey = "key"\nrows = {count}\n'
    )
    files = open_set(tmp_path.iterdir(), tmp_path / "scratch", mapping=parsed, limit_bytes=10**9)
    staging = Staging(files, parsed, tmp_path / "staged", SETTING)
    by_sql, by_file = staging.entity("accounts")
    assert [row["key"] for row in rows_of(by_sql)] == ["a1", "a2", "a4"]
    assert (by_sql.refused, by_sql.blank) == (0, 0)
    assert [row["_extras"] for row in rows_of(by_file)] == ['{"rows":3}']
    ((table, told),) = staging.torn()
    staging.close()
    assert table.name == "a.jsonl"
    assert [one.text for one in told] == [text for _, text in MALFORMED]
    assert [one.line for one in told] == [2, 4, 5, 9, 10, 11]
