"""Spark answers as DuckDB does: the stream, and the measures on it. Spark starts once, in this file."""

import datetime as dt
from typing import Any

import ibis
import pytest

from heed.stream import Stream
from heed.stream.engines import SparkEngine
from tests.evidence.test_measure import FEW, MONTHS, answers, company
from tests.evidence.test_measure import expression as measured
from tests.stream.making import NOW, Writer, activity, on

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def test_the_stream_reads_alike(stream: Stream, spark: Any) -> None:
    writer = Writer(stream)
    names = ["login", "case.opened", "survey.nps"]
    days = [f"2026-{month:02}-{day:02}" for month in (8, 9, 10) for day in range(1, 20)]
    writer.append(
        *[
            activity(
                f"{day} {turn}",
                account=f"account {turn % 5}",
                contact=f"person {turn % 3}" if turn % 4 else None,
                name=names[turn % 3],
                at=on(day) + dt.timedelta(hours=turn - 12),
                value=turn / 4 if turn % 2 else None,
                recorded_at=on("2026-10-25") if turn % 7 == 0 else None,
            )
            for day in days
            for turn in range(24)
        ],
        batch="import:1",
    )
    writer.append(activity("2026-09-01 3", "2026-09-02", value=9.0), batch="import:2")
    stream.withdraw(batch="import:2", recorded_at=NOW, by="person:1")
    stream.roll_up()
    on_spark = Stream(stream.location, engine=SparkEngine(spark))
    for expression in expressions(stream):
        ours, theirs = stream.run(expression), on_spark.run(expression)
        assert ours.num_rows > 0
        # The engines disagree on where an unknown stands in an order, and only on that.
        assert sorted(map(str, theirs.to_pylist())) == sorted(map(str, ours.to_pylist()))


def test_measures_come_out_alike(spark: Any) -> None:
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    duck, engine = ibis.duckdb.connect(), ibis.pyspark.connect(spark)
    days, signed = company(8, rows=300)
    for dates in ([MONTHS[8]], MONTHS[7:9]):
        expected = answers(duck, measured(days, signed, dates, FEW))
        assert answers(engine, measured(days, signed, dates, FEW)) == expected


def expressions(stream: Stream) -> list[ibis.Table]:
    """A metric over a window, what stands by month, a pruned read, and a join with a table from elsewhere."""
    daily, rows = stream.daily(), stream.activities()
    as_of = ibis.date(2026, 10, 19)
    known = daily.filter(
        daily.known_on <= as_of,
        daily.unknown_on.isnull() | (daily.unknown_on > as_of),
        daily.day > "2026-09-10",
    )
    owners = ibis.memtable({"account": ["account 1", "account 2"], "owner": ["kim", "lee"]})
    return [
        known.group_by("account")
        .agg(
            n=known.n.sum(), people=known.contact.nunique(), total=known.total.sum(), last=known.last_at.max()
        )
        .order_by("account"),
        rows.group_by("month", "name").agg(n=rows.sign.sum()).order_by("month", "name"),
        stream.activities(dt.date(2026, 8, 19), dt.date(2026, 9, 1)).order_by("id", "sign", "recorded_at"),
        stream.daily(dt.date(2026, 8, 19), dt.date(2026, 9, 1)).order_by(
            "account", "contact", "name", "day", "known_on"
        ),
        daily.join(owners, "account").group_by("owner").agg(n=daily.n.sum()).order_by("owner"),
    ]
