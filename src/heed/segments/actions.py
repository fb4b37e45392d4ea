"""The verbs of segments: save, change, delete; and the record of an export."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.people.models import User
from heed.segments.checking import check
from heed.segments.fields import Catalogue
from heed.segments.grammar import parse
from heed.segments.mistakes import FilterError
from heed.segments.models import Segment, SegmentKind
from heed.segments.tree import InSegment, leaves, renamed
from heed.segments.wording import to_text

LONGEST_NAME = 120


class SegmentError(ValueError):
    """A segment that cannot be saved or deleted as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Wanted:
    """What a segment shall be: its name, its kind, its filter's text and its list's settings."""

    name: str
    kind: str
    filter: str
    columns: Sequence[str]
    sort: str


@transaction.atomic
def save_segment(wanted: Wanted, *, owner: User, by: str) -> Segment:
    """A new segment; raises SegmentError or FilterError, and then nothing is saved."""
    wanted = _checked(wanted)
    segment = Segment(made_by=owner, made_at=clock.now())
    _fill(segment, wanted)
    segment.save()
    record(Change("save segment", "segment", str(segment.pk), None, state(segment)), by=by)
    return segment


@transaction.atomic
def change_segment(segment: Segment, wanted: Wanted, *, by: str) -> Segment:
    """Other settings or another name; segments that mention it by name follow."""
    segment = Segment.objects.select_for_update().get(pk=segment.pk)
    wanted = _checked(wanted, segment)
    before, old_name = state(segment), segment.name
    _fill(segment, wanted)
    segment.save()
    if state(segment) != before:
        record(Change("change segment", "segment", str(segment.pk), before, state(segment)), by=by)
    if old_name != segment.name:
        _rename_mentions(old_name, segment.name, by=by)
    return segment


@transaction.atomic
def delete_segment(segment: Segment, *, by: str) -> None:
    """Refused while another segment mentions it."""
    users = [other.name for other in mentioning(segment.name)]
    if users:
        raise SegmentError(
            _("%(name)s is used by: %(users)s. Change those first.")
            % {"name": segment.name, "users": ", ".join(users)}
        )
    record(Change("delete segment", "segment", str(segment.pk), state(segment), None), by=by)
    segment.delete()


@transaction.atomic
def record_export(filter: str, columns: Sequence[str], rows: int, *, by: str) -> None:
    """That somebody took a list out of Heed, and which."""
    taken = {"filter": filter, "columns": list(columns), "rows": rows}
    record(Change("export list", "list", "accounts", None, taken), by=by)


def mentioning(name: str) -> list[Segment]:
    """The segments whose filter asks whether an account is in the one of this name."""
    return [segment for segment in Segment.objects.order_by("name") if name in _mentions(segment)]


def state(segment: Segment) -> dict[str, Any]:
    return {
        "name": segment.name,
        "kind": segment.kind,
        "filter": segment.filter,
        "columns": list(segment.columns),
        "sort": segment.sort,
    }


def _checked(wanted: Wanted, segment: Segment | None = None) -> Wanted:
    name = " ".join(wanted.name.split())
    if not name:
        raise SegmentError(_("Give the segment a name."))
    if len(name) > LONGEST_NAME:
        raise SegmentError(_("A name has at most %(n)s characters.") % {"n": LONGEST_NAME})
    others = Segment.objects.exclude(pk=segment.pk) if segment else Segment.objects.all()
    if others.filter(name__iexact=name).exists():
        raise SegmentError(_("There is a segment %(name)s already. Choose another name.") % {"name": name})
    if wanted.kind not in SegmentKind.values:
        raise SegmentError(_("Choose what the segment is for."))
    filter = parse(wanted.filter)
    check(filter, Catalogue(), open_segments=(segment.name,) if segment else ())
    return replace(wanted, name=name, filter=to_text(filter))


def _fill(segment: Segment, wanted: Wanted) -> None:
    segment.name, segment.kind, segment.filter = wanted.name, wanted.kind, wanted.filter
    segment.columns, segment.sort = list(wanted.columns), wanted.sort


def _mentions(segment: Segment) -> set[str]:
    try:
        filter = parse(segment.filter)
    except FilterError:
        return set()
    return {leaf.name for leaf in leaves(filter.condition) if isinstance(leaf, InSegment)}


def _rename_mentions(old: str, new: str, *, by: str) -> None:
    for segment in mentioning(old):
        before = state(segment)
        segment.filter = to_text(renamed(parse(segment.filter), old, new))
        segment.save(update_fields=["filter"])
        record(Change("change segment", "segment", str(segment.pk), before, state(segment)), by=by)
