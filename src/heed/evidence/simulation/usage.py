"""The activities: what people do in the product, month by month, in bounded memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from heed.evidence.simulation import words
from heed.evidence.simulation.calendar import Real, Whole
from heed.evidence.simulation.company import Accounts, Draws
from heed.evidence.simulation.facts import SPECIAL, Facts, dated_facts
from heed.evidence.simulation.lives import Lives
from heed.evidence.simulation.truth import Effects

NAMES: Final = {
    "signed_in": 0.22,
    "report_opened": 0.18,
    "invoice_matched": 0.16,
    "dashboard_viewed": 0.11,
    "comment_added": 0.08,
    "approval_given": 0.08,
    "report_exported": 0.06,
    "import_run": 0.04,
    "rule_edited": 0.03,
    "api_called": 0.02,
    "close_finished": 0.015,
    "person_invited": 0.005,
}
VALUES: Final = {"invoice_matched": 14.0, "import_run": 900.0, "report_exported": 3.0}
SURFACES: Final = ("web", "mobile", "api")
LATE_SHARE: Final = 0.01
FADE: Final = (0.3, 0.5, 0.7)
PROPERTIES: Final = ("surface", "play", "arm", "measure", "unit", "baseline", "target")
SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("account", pa.string()),
        ("contact", pa.string()),
        ("name", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("recorded_at", pa.timestamp("us", "UTC")),
        ("value", pa.float64()),
        *((name, pa.float64() if name in ("baseline", "target") else pa.string()) for name in PROPERTIES),
    ]
)


def write_activities(
    file: Path,
    accounts: Accounts,
    lives: Lives,
    effects: Effects,
    draws: Draws,
    planted: pa.Table,
    wanted: int,
    progress: Callable[[int], None],
) -> int:
    """Write about `wanted` activities in time order, one calendar month at a time, and those `planted`
    beside them; return how many."""
    facts = dated_facts(accounts, lives, draws)
    rates = monthly_rates(accounts, lives, draws)
    rates *= max(0.0, wanted - len(facts.account)) / max(
        1e-9, float((rates * exposure(accounts, lives)).sum())
    )
    written = 0
    with pq.ParquetWriter(
        file,
        SCHEMA,
        compression="zstd",
        compression_level=1,
        use_dictionary=[*SCHEMA.names[1:4], *PROPERTIES],
    ) as writer:
        for month in range(accounts.window.months):
            table = month_table(accounts, lives, facts, rates[:, month], effects, draws, month, written)
            writer.write_table(with_planted(table, planted, accounts, month))
            written += len(table)
            progress(written)
    return written + len(planted)


def with_planted(rows: pa.Table, planted: pa.Table, accounts: Accounts, month: int) -> pa.Table:
    """The rows of a month with those planted in it, in time order."""
    start, stop = (
        accounts.window.instants(day, np.zeros(1, np.int64)).astype(np.int64)
        for day in accounts.window.month_starts[month : month + 2]
    )
    at = planted["at"].to_numpy().astype(np.int64)
    here = planted.filter(pa.array((start <= at) & (at < stop)))
    if not len(here):
        return rows
    both = pa.concat_tables([rows, here])
    return both.take(pa.array(np.argsort(both["at"].to_numpy().astype(np.int64), kind="stable")))


def exposure(accounts: Accounts, lives: Lives) -> Real:
    """Working days (weighted) on which each account is a customer: accounts × months."""
    starts = accounts.window.month_starts
    first, second = (
        weight_between(accounts, begin[:, None], end[:, None], starts[None, :-1], starts[None, 1:])
        for begin, end in zip(lives.begins, lives.ends, strict=True)
    )
    return np.asarray(first + second)


def weight_between(accounts: Accounts, begin: Whole, end: Whole, start: Whole, stop: Whole) -> Real:
    low, high = np.maximum(begin, start), np.minimum(end, stop)
    before, last = accounts.window.busy_before, accounts.window.days
    return np.asarray(before[np.clip(np.maximum(high, low), 0, last)] - before[np.clip(low, 0, last)])


def monthly_rates(accounts: Accounts, lives: Lives, draws: Draws) -> Real:
    """Activities a working day by account and month: size first, attainment a little, some fading away."""
    random, (n, months) = draws.of("rates"), lives.outcome.shape
    size = lives.seats**0.6 * np.exp(random.normal(0, 0.6, n))
    rates = size[:, None] * np.exp(0.25 * lives.outcome + random.normal(0, 0.15, (n, months)))
    for months_before, factor in enumerate(FADE):
        month = np.searchsorted(accounts.window.month_starts, lives.ends[0], side="right") - 1 - months_before
        fading = lives.fades & (lives.ends[0] < accounts.window.days) & (month >= 0)
        rates[np.nonzero(fading)[0], month[fading]] *= factor
    pauses = random.random((n, months)) < 0.02
    rates[pauses] *= 0.4
    return np.asarray(rates)


def month_table(
    accounts: Accounts,
    lives: Lives,
    facts: Facts,
    rates: Real,
    effects: Effects,
    draws: Draws,
    month: int,
    written: int,
) -> pa.Table:
    random = draws.of("usage", month)
    start, stop = accounts.window.month_starts[month : month + 2]
    account, day = usage_days(accounts, lives, rates, int(start), int(stop), random)
    second = day * 86_400 + seconds_of_day(len(day), random)
    special = facts.within(int(start), int(stop))
    order = np.argsort(np.concatenate([second, special.second]), kind="stable")
    usage = usage_columns(accounts, account, second, random)
    rows = pa.concat_tables([usage, fact_columns(accounts, special, effects)])
    return finish(rows.take(pa.array(order)), accounts, effects, random, written)


def usage_days(
    accounts: Accounts, lives: Lives, rate: Real, start: int, stop: int, random: np.random.Generator
) -> tuple[Whole, Whole]:
    """Account and day of each activity: counts by rate and busy days, days by how busy they are."""
    before, parts = accounts.window.busy_before, []
    for begin, end in zip(lives.begins, lives.ends, strict=True):
        low, high = np.clip(begin, start, stop), np.clip(end, start, stop)
        weight = before[np.maximum(low, high)] - before[low]
        count = random.poisson(rate * weight)
        account = np.repeat(np.arange(len(rate), dtype=np.int32), count)
        point = before[low][account] + random.random(len(account)) * weight[account]
        days = np.interp(point, before[start : stop + 1], np.arange(start, stop + 1))
        parts.append((account, np.minimum(days.astype(np.int64), stop - 1)))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def seconds_of_day(n: int, random: np.random.Generator) -> Whole:
    """Working hours with a dip at noon and a few late evenings."""
    hour = np.arange(1440) / 60
    weight = np.exp(-(((hour - 10) / 1.6) ** 2)) + 0.9 * np.exp(-(((hour - 14.7) / 1.8) ** 2)) + 0.01
    cumulated = np.cumsum(weight) / weight.sum()
    minutes = np.searchsorted(cumulated, (np.arange(4096) + 0.5) / 4096).astype(np.int64)
    drawn = random.integers(0, 1 << 24, n, dtype=np.int64)
    return np.asarray(minutes[drawn & 4095] * 60 + (drawn >> 12) % 60)


def quick_choice(weights: dict[str, float], n: int, random: np.random.Generator) -> NDArray[np.int32]:
    """A choice by weight, as exact as a table of 4096 cells."""
    cumulated = np.cumsum(list(weights.values()))
    cells = np.searchsorted(cumulated / cumulated[-1], (np.arange(4096) + 0.5) / 4096).astype(np.int32)
    return cells[random.integers(0, 4096, n, dtype=np.uint16)]


def people_of(accounts: Accounts, account: Whole, random: np.random.Generator) -> Whole:
    """One contact of each account; the first of them do most of the work."""
    first = accounts.people_from[account]
    count = accounts.people_from[account.astype(np.int64) + 1] - first
    draw = random.random(len(account), dtype=np.float32)
    return np.asarray(first + (draw * draw * count).astype(np.int64))


def usage_columns(accounts: Accounts, account: Whole, second: Whole, random: np.random.Generator) -> pa.Table:
    n = len(account)
    name = quick_choice(NAMES, n, random)
    scale = np.array([VALUES.get(key, np.nan) for key in NAMES])[name]
    with_value = np.nonzero(~np.isnan(scale))[0]
    value = np.full(n, np.nan)
    value[with_value] = np.ceil(scale[with_value] * random.standard_exponential(len(with_value)))
    contact = people_of(accounts, account, random)
    surface = quick_choice({"web": 0.82, "mobile": 0.14, "api": 0.04}, n, random)
    nothing = pa.nulls(n)
    return pa.table(
        {
            "account": pa.array(account, pa.int32()),
            "contact": pa.array(contact, pa.int64()),
            "name": pa.array(name, pa.int32()),
            "second": pa.array(second, pa.int64()),
            "value": pa.array(value, pa.float64(), from_pandas=True),
            "surface": pa.array(surface, pa.int32()),
            **{key: nothing.cast(pa.int32()) for key in ("play", "arm", "outcome")},
        }
    )


def fact_columns(accounts: Accounts, facts: Facts, effects: Effects) -> pa.Table:
    measured = facts.kind == SPECIAL.index("outcome.measured")
    outcome = np.where(measured, accounts.outcome_kind[facts.account], -1)
    return pa.table(
        {
            "account": pa.array(facts.account, pa.int32()),
            "contact": pa.nulls(len(facts.account), pa.int64()),
            "name": pa.array(facts.kind + len(NAMES), pa.int32()),
            "second": pa.array(facts.second, pa.int64()),
            "value": pa.array(facts.value, pa.float64(), from_pandas=True),
            "surface": pa.nulls(len(facts.account), pa.int32()),
            "play": pa.array(facts.play, pa.int32(), mask=facts.play < 0),
            "arm": pa.array(facts.arm, pa.int32(), mask=facts.arm < 0),
            "outcome": pa.array(outcome, pa.int32(), mask=outcome < 0),
        }
    )


def finish(
    rows: pa.Table, accounts: Accounts, effects: Effects, random: np.random.Generator, written: int
) -> pa.Table:
    """Names instead of numbers, ids in time order, and the few rows that were learnt late."""
    window = accounts.window
    second = rows["second"].to_numpy()
    delay = np.where(
        random.random(len(second), dtype=np.float32) < LATE_SHARE,
        random.integers(3_600, 3 * 86_400, len(second)),
        random.integers(1, 90, len(second)),
    )
    known = second + delay < window.days * 86_400
    start = np.datetime64(window.start, "us")
    rows = rows.append_column(
        "at", pa.array(start + second.astype("timedelta64[s]"), SCHEMA.field("at").type)
    )
    recorded = start + (second + delay).astype("timedelta64[s]")
    rows = rows.append_column("recorded_at", pa.array(recorded, SCHEMA.field("at").type))
    if not known.all():
        rows = rows.filter(pa.array(known))
    number = pc.cast(pa.array(np.arange(written + 1, written + len(rows) + 1)), pa.string())
    return pa.table(
        {
            "id": pc.binary_join_element_wise("u", number, ""),
            "account": accounts.keys.take(rows["account"]),
            "contact": pc.binary_join_element_wise(
                "CON-", pc.utf8_lpad(pc.cast(pc.add(rows["contact"], 1), pa.string()), 7, "0"), ""
            ),
            "name": pa.array([*NAMES, *SPECIAL]).take(rows["name"]),
            "at": rows["at"],
            "recorded_at": rows["recorded_at"],
            "value": rows["value"],
            **property_columns(rows, effects),
        },
        schema=SCHEMA,
    )


def property_columns(rows: pa.Table, effects: Effects) -> dict[str, pa.ChunkedArray]:
    outcomes = list(zip(*words.OUTCOMES, strict=True))
    measures = {
        key: pa.array(list(column)).take(rows["outcome"])
        for key, column in zip(("measure", "unit", "baseline", "target"), outcomes, strict=True)
    }
    return {
        "surface": pa.array(SURFACES).take(rows["surface"]),
        "play": pa.array(list(effects.plays)).take(rows["play"]),
        "arm": pa.array(["holdout", "treated"]).take(rows["arm"]),
        **measures,
    }
