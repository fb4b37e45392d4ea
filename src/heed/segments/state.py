"""What a list shows, as its address says it: filter, columns, order and page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from heed.segments.fields import Catalogue, Field
from heed.segments.models import Segment
from heed.segments.ordering import Sort

PAGE = 50
DEFAULT_COLUMNS = ("owner", "mrr", "renewal", "risk", "active_people", "usage_trend", "last_nps")
MOST_COLUMNS = 30


@dataclass(frozen=True)
class State:
    """A list's settings; `columns` are field keys, `sort` a field key with `-` in front for descending."""

    q: str = ""
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    sort: str = "name"
    page: int = 1

    @classmethod
    def of(cls, query: QueryDict, segment: Segment | None = None) -> "State":
        """The address's own settings, and the segment's where it is silent."""
        start = state_of(segment) if segment else cls()
        columns = tuple(dict.fromkeys(key for key in query.getlist("columns") if key))[:MOST_COLUMNS]
        return cls(
            q=query.get("q", start.q).strip(),
            columns=columns or start.columns,
            sort=query.get("sort", start.sort) or "name",
            page=_page(query.get("page", "1")),
        )

    def query(self) -> str:
        """The address's query that leads to this state again, without what goes without saying."""
        pairs: list[tuple[str, str]] = [("q", self.q)] if self.q else []
        if self.columns != DEFAULT_COLUMNS:
            pairs += [("columns", key) for key in self.columns]
        if self.sort != "name":
            pairs.append(("sort", self.sort))
        if self.page > 1:
            pairs.append(("page", str(self.page)))
        return urlencode(pairs)

    def full_query(self) -> str:
        """As `query`, saying everything: a segment's own settings are replaced, also by defaults."""
        pairs = [("q", self.q), *(("columns", key) for key in self.columns), ("sort", self.sort)]
        if self.page > 1:
            pairs.append(("page", str(self.page)))
        return urlencode(pairs)

    def fields(self, catalogue: Catalogue) -> list[Field]:
        """The columns that exist; the name always stands first and is not among them."""
        found = (catalogue.by_key(key) for key in self.columns)
        return [field for field in found if field is not None and field.key != "name"]

    def order(self, catalogue: Catalogue) -> Sort:
        field = catalogue.by_key(self.sort.removeprefix("-"))
        if field is None:
            return Sort(catalogue.own["name"])
        return Sort(field, self.sort.startswith("-"))

    def sorted_by(self, field: Field) -> "State":
        """By this field; numbers and days first time highest first, the second time the other way."""
        first, second = (f"-{field.key}", field.key) if field.is_numeric else (field.key, f"-{field.key}")
        return replace(self, sort=second if self.sort == first else first, page=1)

    def with_filter(self, text: str) -> "State":
        return replace(self, q=text, page=1)

    def same_settings(self, other: "State") -> bool:
        return replace(self, page=1) == replace(other, page=1)


def state_of(segment: Segment) -> State:
    columns: Sequence[str] = segment.columns or DEFAULT_COLUMNS
    return State(segment.filter, tuple(columns), segment.sort or "name")


def _page(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1
