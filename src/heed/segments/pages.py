"""The list as a page shows it: a stretch of rows, the filter in words, and where every part of it leads."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _

from heed.customers.access import accounts_for
from heed.people.models import User
from heed.segments.building import PREDICATES, Chip, chips
from heed.segments.cells import Row, rows_of
from heed.segments.checking import check
from heed.segments.conditions import condition_q
from heed.segments.exporting import heading
from heed.segments.fields import Catalogue, Family, Field
from heed.segments.grammar import parse
from heed.segments.mistakes import FilterError
from heed.segments.models import Segment
from heed.segments.ordering import Arranged
from heed.segments.probes import Asking
from heed.segments.reads import asking_of
from heed.segments.state import PAGE, State
from heed.segments.tree import Filter

Address = Callable[[State], str]


@dataclass(frozen=True)
class Listing:
    """The accounts of a state, arranged; not yet read."""

    filter: Filter
    arranged: Arranged
    columns: list[Field]
    asking: Asking


def listing(state: State, user: User, catalogue: Catalogue) -> Listing:
    """Raises FilterError where the filter cannot be read or answered."""
    filter = parse(state.q)
    check(filter, catalogue)
    asking = asking_of(filter, user, catalogue=catalogue)
    matching = accounts_for(user).filter(condition_q(filter.condition, asking))
    everyone = filter.condition is None
    arranged = Arranged(matching, state.order(catalogue), asking, everyone=everyone)
    return Listing(filter, arranged, state.fields(catalogue), asking)


@dataclass(frozen=True)
class Heading:
    field: Field
    text: str
    href: str
    sorted: str


@dataclass(frozen=True)
class Page:
    """What the template writes. `error` set: the filter cannot be answered, and there are no rows."""

    state: State
    total: int = 0
    rows: tuple[Row, ...] = ()
    name: Heading | None = None
    headings: tuple[Heading, ...] = ()
    joiner: str = "and"
    chip_links: tuple[tuple[Chip, str], ...] = ()
    first: int = 0
    last: int = 0
    previous: str = ""
    next: str = ""
    as_of: Any = None
    error: FilterError | None = None


def page_of(state: State, user: User, catalogue: Catalogue, address: Address) -> Page:
    try:
        found = listing(state, user, catalogue)
    except FilterError as error:
        return Page(state, error=error)
    total = found.arranged.total()
    pages = max(1, -(-total // PAGE))
    state = replace(state, page=min(state.page, pages))
    start = (state.page - 1) * PAGE
    rows = rows_of(found.arranged.stretch(start, start + PAGE), found.columns, found.asking)
    joiner, parts = chips(found.filter, catalogue)
    name, *headings = (_heading(field, state, address) for field in [catalogue.own["name"], *found.columns])
    return Page(
        state=state,
        total=total,
        rows=tuple(rows),
        name=name,
        headings=tuple(headings),
        joiner=_("or") if joiner == "or" else _("and"),
        chip_links=tuple((chip, address(state.with_filter(chip.without))) for chip in parts),
        first=start + 1 if rows else 0,
        last=start + len(rows),
        previous=address(replace(state, page=state.page - 1)) if state.page > 1 else "",
        next=address(replace(state, page=state.page + 1)) if state.page < pages else "",
        as_of=found.filter.as_of,
    )


def _heading(field: Field, state: State, address: Address) -> Heading:
    by = state.sort.removeprefix("-") == field.key
    direction = ("descending" if state.sort.startswith("-") else "ascending") if by else ""
    return Heading(field, heading(field), address(state.sorted_by(field)), direction)


@dataclass(frozen=True)
class Group:
    label: str
    fields: list[Field]


def field_groups(catalogue: Catalogue) -> list[Group]:
    """All fields under the words that menus and the column chooser put them."""
    labels = {
        Family.ACCOUNT: _("Account"),
        Family.SUBSCRIPTION: _("Subscription"),
        Family.RISK: _("Risk"),
        Family.METRIC: _("Metrics"),
        Family.ATTRIBUTE: _("Attributes"),
    }
    grouped = groupby(catalogue.every(), key=lambda field: field.family)
    return [Group(labels[family], list(fields)) for family, fields in grouped]


def menus(catalogue: Catalogue, segments: list[Segment]) -> dict[str, Any]:
    """What the builder and the column chooser offer."""
    return {"groups": field_groups(catalogue), "predicates": PREDICATES, "segments": segments}
