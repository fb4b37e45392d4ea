"""What an activity is, and the exact shape of every table of the stream."""

import datetime as dt
from dataclasses import dataclass, field

import pyarrow as pa

INSTANT = pa.timestamp("us", tz="UTC")

CONTENT = ("account", "contact", "name", "at", "value", "properties")
"""The columns that say what happened: two rows of one id with other content are two versions of it."""

ACTIVITIES = pa.schema(
    [
        ("source", pa.string()),
        ("id", pa.string()),
        ("account", pa.string()),
        ("contact", pa.string()),
        ("name", pa.string()),
        ("at", INSTANT),
        ("recorded_at", INSTANT),
        ("recorded_assumed", pa.bool_()),
        ("value", pa.float64()),
        ("properties", pa.string()),
        ("batch", pa.string()),
        ("sign", pa.int8()),
        ("month", pa.string()),
    ]
)

DAILY = pa.schema(
    [
        ("account", pa.string()),
        ("contact", pa.string()),
        ("name", pa.string()),
        ("day", pa.date32()),
        ("known_on", pa.date32()),
        ("unknown_on", pa.date32()),
        ("n", pa.int64()),
        ("total", pa.float64()),
        ("value_n", pa.int64()),
        ("last_at", INSTANT),
        ("last_value", pa.float64()),
        ("month", pa.string()),
    ]
)

PARKED = pa.schema(
    [column for column in ACTIVITIES if column.name not in ("sign", "month")]
    + [pa.field("parked_at", INSTANT), pa.field("line", pa.int64()), pa.field("month", pa.string())]
)

SEEN = pa.schema(
    [
        ("account", pa.string()),
        ("name", pa.string()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("settled_on", pa.date32()),
    ]
)

ERASURES = pa.schema(
    [
        ("at", INSTANT),
        ("by", pa.string()),
        ("kind", pa.string()),
        ("digest", pa.string()),
        ("activities", pa.int64()),
        ("daily", pa.int64()),
        ("parked", pa.int64()),
    ]
)

REQUIRED = ("source", "id", "account", "name", "at")
"""The columns that every appended row must fill; `contact`, `value`, `properties`, `recorded_at`,
`recorded_assumed` and `batch` may be null or absent."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that happened to a customer. Instants are UTC; `properties` is a JSON object as text.

    `recorded_at` is when the company learnt of it; None stands for "the source does not say": the store
    then takes `at` itself and marks the row as assumed.
    """

    source: str
    id: str
    account: str
    name: str
    at: dt.datetime
    contact: str | None = None
    recorded_at: dt.datetime | None = None
    recorded_assumed: bool = False
    value: float | None = None
    properties: str | None = None
    batch: str | None = None


INCOMING = pa.schema([column for column in ACTIVITIES if column.name not in ("sign", "month")])
"""The columns that an append reads; others are ignored."""


def as_table(activities: "list[Activity]") -> pa.Table:
    """Turn activities into the table that `Stream.append` takes."""
    columns = {name: [getattr(each, name) for each in activities] for name in INCOMING.names}
    return pa.table(columns, schema=INCOMING)


@dataclass(frozen=True, slots=True)
class UsageDay:
    """The product usage of one account on one UTC day: how many activities by how many people, and of each
    name how many, the most frequent first. It stands at its last activity: `at`, `source`, `id`."""

    on: dt.date
    at: dt.datetime
    source: str
    id: str
    n: int
    people: int
    names: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class AppTransaction:
    """Names one append of one application, so that repeating it changes nothing.

    Versions of one `app` only grow: an append whose version is not above the last one is a repetition.
    """

    app: str
    version: int


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did with its rows: the four counts add up to the rows that were offered.

    `corrected` counts new versions of ids already known; `erased` counts rows of accounts and contacts that
    were erased for good, which are kept out.
    """

    new: int = 0
    unchanged: int = 0
    corrected: int = 0
    erased: int = 0

    @property
    def rows(self) -> int:
        return self.new + self.unchanged + self.corrected + self.erased


@dataclass(frozen=True, slots=True)
class RolledUp:
    """The days whose figures were made again, and how many daily rows they hold now."""

    days: tuple[dt.date, ...] = ()
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each table were removed for good."""

    activities: int = 0
    daily: int = 0
    parked: int = 0


@dataclass(frozen=True, slots=True)
class Compacted:
    """How many files became how many, over all tables."""

    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page of a timeline starts: after this activity, going back in time."""

    at: dt.datetime
    source: str
    id: str


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """One page of an account's activities, newest first.

    `days` holds product usage folded by day, where that was asked for; `rows` then holds all else.
    `totals` counts all standing activities of the account by name, whatever the page shows; `next` is None
    on the last page.
    """

    rows: tuple[Activity, ...]
    totals: dict[str, int] = field(default_factory=dict)
    next: Cursor | None = None
    days: tuple[UsageDay, ...] = ()
