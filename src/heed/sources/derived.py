"""Activities that follow from staged tickets, interactions and survey responses, as SQL over their Parquet.

Each query answers with the columns of the stream. Ids follow from the row's key, so that the same row
again is the same activity, and a changed row is its correction.
"""

from dataclasses import dataclass

from heed.stream.files import literal

MOST_REOPENINGS = 100


@dataclass(frozen=True)
class Origin:
    """What every derived activity carries: the source's name and the import's batch."""

    source: str
    batch: str


def derived_query(entity: str, rows: str, columns: set[str], origin: Origin) -> str:
    """The activities of staged rows; `rows` is SQL with the columns named in `columns` among others."""
    full = f"(SELECT *{_absent(entity, columns)} FROM {rows})"
    parts = {
        "tickets": _ticket_parts,
        "interactions": _interaction_parts,
        "survey_responses": _survey_parts,
    }[entity]()
    return " UNION ALL ".join(_activity(full, part, origin) for part in parts)


@dataclass(frozen=True)
class _Part:
    """One kind of activity: SQL for its id, name, instant, value and properties, and where it applies."""

    id: str
    name: str
    at: str
    value: str = "NULL"
    properties: str = "NULL"
    where: str = "true"
    source: str = "{rows}"
    recorded_at: str = ""


def _activity(rows: str, part: _Part, origin: Origin) -> str:
    known = part.recorded_at or f"greatest({part.at}, recorded_at)"
    recorded = f"CASE WHEN recorded_assumed THEN {part.at} ELSE {known} END"
    return (
        f"SELECT {literal(origin.source)} AS source, {part.id} AS id, account, contact, {part.name} AS name, "
        f'{part.at} AS "at", {recorded} AS recorded_at, recorded_assumed, ({part.value})::DOUBLE AS value, '
        f"({part.properties})::VARCHAR AS properties, {literal(origin.batch)} AS batch "
        f"FROM {part.source.format(rows=rows)} WHERE {part.where}"
    )


_OPTIONAL = {
    "tickets": {
        "contact": "VARCHAR",
        "kind": "VARCHAR",
        "severity": "VARCHAR",
        "first_reply_at": "TIMESTAMPTZ",
        "resolved_at": "TIMESTAMPTZ",
        "closed_at": "TIMESTAMPTZ",
        "times_reopened": "BIGINT",
        "satisfaction": "DOUBLE",
    },
    "interactions": {
        "contact": "VARCHAR",
        "direction": "VARCHAR",
        "motion": "VARCHAR",
        "purpose": "VARCHAR",
        "words": "VARCHAR",
        "minutes": "BIGINT",
    },
    "survey_responses": {
        "contact": "VARCHAR",
        "score": "DOUBLE",
        "comment": "VARCHAR",
        "invited_at": "TIMESTAMPTZ",
    },
}


def _absent(entity: str, columns: set[str]) -> str:
    missing = {name: kind for name, kind in _OPTIONAL[entity].items() if name not in columns}
    return "".join(f", NULL::{kind} AS {name}" for name, kind in missing.items())


def ids_that_follow(kind: str, key: str) -> list[str]:
    """The ids of all activities that may follow from a ticket (a `case`) or an interaction."""
    if kind == "interaction":
        return [f"interaction:{key}", f"interaction:{key}:planned"]
    reopened = [f"reopened:{nth}" for nth in range(1, MOST_REOPENINGS + 1)]
    events = ["opened", "replied", "resolved", "closed", "csat", *reopened]
    return [f"case:{key}:{event}" for event in events]


def _hours(until: str) -> str:
    """Hours from the opening; unknown where the file has them the wrong way round."""
    hours = f"date_diff('second', opened_at, {until}) / 3600.0"
    return f"CASE WHEN {until} >= opened_at THEN {hours} END"


def _kept(pairs: str) -> str:
    return f"nullif(json_merge_patch('{{}}', json_object({pairs}))::VARCHAR, '{{}}')"


def _ticket_parts() -> list[_Part]:
    facets = _kept("'kind', kind, 'severity', severity")
    times = f"least(coalesce(times_reopened, 0), {MOST_REOPENINGS})"
    last = "greatest(opened_at, coalesce(closed_at, resolved_at, first_reply_at, opened_at))"
    return [
        _Part(_case("opened"), "'case.opened'", "opened_at", properties=facets),
        _Part(
            *(_case("replied"), "'case.replied'", "first_reply_at"),
            value=_hours("first_reply_at"),
            where="first_reply_at IS NOT NULL",
        ),
        _Part(
            *(_case("resolved"), "'case.resolved'", "resolved_at"),
            value=_hours("resolved_at"),
            where="resolved_at IS NOT NULL",
        ),
        _Part(_case("closed"), "'case.closed'", "closed_at", where="closed_at IS NOT NULL"),
        _Part(
            "'case:' || key || ':reopened:' || nth",
            "'case.reopened'",
            last,
            source=f"(SELECT *, unnest(range(1, {times} + 1)) AS nth FROM {{rows}})",
        ),
        _Part(_case("csat"), "'survey.csat'", last, value="satisfaction", where="satisfaction IS NOT NULL"),
    ]


def _case(event: str) -> str:
    return f"'case:' || key || ':{event}'"


def _interaction_parts() -> list[_Part]:
    """Conversations, and plans of which the file does not tell that they were held.

    `conversations.checks` takes the same rows for plans.
    """
    names = ("direction", "motion", "purpose", "words", "minutes")
    said = ", ".join(f"'{name}', {name}" for name in names)
    untold = "coalesce(words, '') = '' AND minutes IS NULL"
    known_before = 'NOT recorded_assumed AND recorded_at < "at"'
    plan = f"coalesce(motion, '') = 'planned' AND {untold} AND {known_before}"
    planned = "'kind', kind, 'direction', direction, 'purpose', purpose, 'for', \"at\""
    return [
        _Part(
            *("'interaction:' || key", "'interaction.' || kind", '"at"'),
            value="minutes",
            properties=_kept(said),
            where=f"NOT ({plan})",
        ),
        _Part(
            *("'interaction:' || key || ':planned'", "'interaction.planned'", "recorded_at"),
            properties=_kept(planned),
            where=plan,
        ),
    ]


def _survey_parts() -> list[_Part]:
    answered = "score IS NOT NULL OR comment IS NOT NULL"
    return [
        _Part(
            *("'survey:' || id", "'survey.' || lower(survey)", '"at"'),
            value="score",
            properties=_kept("'comment', comment"),
            where=answered,
        ),
        _Part(
            "'survey:' || id || ':invited'",
            "'survey.invited'",
            'coalesce(invited_at, "at")',
            properties="json_object('survey', lower(survey))::VARCHAR",
            where=f"invited_at IS NOT NULL OR NOT ({answered})",
            # Who invites knows it at once: dated by its answer, an invitation would be missing from the past.
            recorded_at='coalesce(invited_at, greatest("at", recorded_at))',
        ),
    ]


# What followed from an earlier version of a row, and follows from its newest no more

FOLLOWING = {
    "tickets": ("case:", "key", {
        "replied": "first_reply_at",
        "resolved": "resolved_at",
        "closed": "closed_at",
        r"reopened:\d+": "times_reopened",
        "csat": "satisfaction",
    }),
    "survey_responses": ("survey:", "id", {"": "score", "invited": "invited_at"}),
}  # fmt: skip
"""Of each entity: how its ids begin, its key, and by the end of an id the column that it follows from."""


def key_pattern(entity: str, columns: set[str]) -> str:
    """The ids that follow from what these columns tell, as a pattern whose first group is the key."""
    begins, _, ends = FOLLOWING[entity]
    told = "|".join(f":{end}" if end else "" for end, column in ends.items() if column in columns)
    return f"^{begins}(.*?)(?:{told})$"


def outlived_query(entity: str, standing: str, latest: str, columns: set[str], derived: str) -> str:
    """SQL for the ids in `standing` that the `latest` row of their key no longer gives; `derived` has those
    that it does. A column that is not among `columns` says nothing, so what follows from it stays.
    """
    key, pattern = FOLLOWING[entity][1], literal(key_pattern(entity, columns))
    return (
        f"SELECT id FROM {standing} WHERE regexp_matches(id, {pattern}) AND regexp_extract(id, {pattern}, 1) "
        f"IN (SELECT {key} FROM {latest}) AND id NOT IN (SELECT id FROM {derived})"
    )
