"""`mapping.toml`: read, written, and refused with a hint."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heed.sources.entities import ENTITIES
from heed.sources.mapping import (
    Block,
    Check,
    Column,
    FileMapping,
    FileOptions,
    Formats,
    MappingError,
    parse_mapping,
    write_mapping,
)

texts = st.text(min_size=1, max_size=12)
columns = st.one_of(
    st.builds(Column, source=texts, type=st.sampled_from(["text", "number", "yes_no"])),
    st.builds(Column, value=texts),
    st.just(Column(sql="a || 'b'")),
)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    entity = ENTITIES[draw(st.sampled_from(sorted(ENTITIES)))]
    required = {target.name: draw(columns) for target in entity.targets if target.required}
    more = draw(st.dictionaries(texts, columns, max_size=3))
    formats = Formats(
        tuple(draw(st.lists(st.sampled_from(["%d.%m.%Y", "epoch"]), max_size=2))),
        draw(st.sampled_from([".", ","])),
        draw(st.sampled_from(["UTC", "Europe/Berlin"])),
        tuple(draw(st.lists(texts, max_size=2))),
    )
    return Block(
        entity.name,
        {**required, **more},
        file=draw(texts),
        formats=formats,
        delimiter=draw(st.none() | st.just(";")),
        encoding=draw(st.none() | st.just("windows-1252")),
        recorded_at=draw(st.sampled_from(["assumed", "now"])),
    )


@st.composite
def mappings(draw: st.DrawFn) -> FileMapping:
    order = list(ENTITIES)
    found = draw(st.lists(blocks(), min_size=1, max_size=3))
    return FileMapping(
        tuple(sorted(found, key=lambda block: order.index(block.entity))),
        tuple(draw(st.lists(st.builds(FileOptions, texts, st.just("|")), max_size=2))),
        tuple(draw(st.lists(st.builds(Check, texts, texts, texts), max_size=2, unique_by=lambda c: c.name))),
        tuple(draw(st.lists(texts, max_size=2))),
    )


@settings(deadline=None)
@given(mappings())
def test_a_mapping_that_was_written_reads_back_the_same(mapping: FileMapping) -> None:
    assert parse_mapping(write_mapping(mapping)) == mapping


ACCOUNTS = '[[accounts]]\nfile = "a.csv"\n[accounts.columns]\nkey = "Id"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "maps nothing"),
        ("[[accounts", "not TOML"),
        ('[[acounts]]\nfile = "a"', "Did you mean 'accounts'"),
        ('[accounts]\nfile = "a"', "two brackets"),
        ('[[accounts]]\nfile = "a"\n', "need a column for key"),
        ('[[accounts]]\n[accounts.columns]\nkey = "a"\n', "one of the two"),
        ('[[accounts]]\nfile = "a"\nsql = "select 1"\n[accounts.columns]\nkey = "a"\n', "one of the two"),
        (
            '[[accounts]]\nfile = "a"\ndecimals = ","\n[accounts.columns]\nkey = "a"\n',
            "Did you mean 'decimal'",
        ),
        ('[[accounts]]\nfile = "a"\ndecimal = "x"\n[accounts.columns]\nkey = "a"\n', "Use one of: ., ,"),
        ('[[accounts]]\nfile = "a"\ndate_format = "dd.mm"\n[accounts.columns]\nkey = "a"\n', "%d.%m.%Y"),
        ('[[accounts]]\nfile = "a"\ntime_zone = "Mars"\n[accounts.columns]\nkey = "a"\n', "Europe/Berlin"),
        ('[[accounts]]\nfile = "a"\nencoding = "x"\n[accounts.columns]\nkey = "a"\n', "windows-1252"),
        ('[[accounts]]\nfile = "a"\n[accounts.columns]\nkey = 3\n', 'write "Header"'),
        ('[[accounts]]\nfile = "a"\n[accounts.columns]\nkey = { sql = "a) from b" }\n', "SQL expression"),
        ('[[accounts]]\nfile = "a"\n[accounts.columns]\nkey = { value = "a", sql = "b" }\n', "say one of"),
        (ACCOUNTS + '[checks.x]\nsql = "select 1"\n', "needs a sentence"),
        (ACCOUNTS + "[activities_options]\nkey = 3\n", "a list of texts"),
    ],
)
def test_a_wrong_mapping_is_refused_with_what_would_be_right(text: str, says: str) -> None:
    with pytest.raises(MappingError) as refused:
        parse_mapping(text)
    assert says in str(refused.value)


def test_only_mappings_with_sql_count_as_holding_sql() -> None:
    assert not parse_mapping(ACCOUNTS).holds_sql
    assert parse_mapping(ACCOUNTS + 'x = { sql = "a" }\n').holds_sql
    assert parse_mapping(ACCOUNTS + '[checks.x]\nsentence = "s"\nsql = "select 1"\n').holds_sql
