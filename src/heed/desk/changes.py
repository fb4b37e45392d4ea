"""What changed on a row since the list before: told from what stood there then."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from heed.desk.models import WorklistRow
from heed.ledger import words

NOTICEABLE = 0.005
"""A smaller step of a probability does not show in whole per cent."""
LONGEST = 300


def snapshot(row: WorklistRow) -> dict[str, Any]:
    """What a row says of its day: as_of, probability, and the chips of all findings by key."""
    return {"as_of": row.as_of.isoformat(), "probability": row.probability, "found": row.found}


def change_since(earlier: Mapping[str, Any], row: WorklistRow) -> str:
    """`risk was 18 %; new: silent 95 days; no longer: case open 41 days`; empty when all is as it was.

    What holds still is neither, told on the row or not; findings without a chip are told by a stronger one.
    Names the day where the list before was not yesterday's.
    """
    now, before = snapshot(row), earlier["found"]
    parts = [_risk(earlier["probability"], row.probability)]
    parts += [_("new: %(what)s") % {"what": text} for text in _only_in(now["found"], before)]
    parts += [_("no longer: %(what)s") % {"what": text} for text in _only_in(before, now["found"])]
    told = "; ".join(part for part in parts if part)
    on = date.fromisoformat(earlier["as_of"])
    if told and on != row.as_of - timedelta(days=1):
        told = _("since %(day)s: %(change)s") % {"day": words.day(on, row.as_of), "change": told}
    return Truncator(told).chars(LONGEST)


def _only_in(found: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    return [text for key, text in found.items() if text and key not in others]


def back_from(decided: WorklistRow, as_of: date) -> str:
    """`back: done on 8 November`: it was decided on before and stands on the list again."""
    said = {"state": decided.get_state_display().lower()}
    if decided.decided_at is None:
        return _("back: %(state)s") % said
    said |= {"day": words.day(decided.decided_at.date(), as_of)}
    return _("back: %(state)s on %(day)s") % said


def _risk(then: float | None, now: float | None) -> str:
    if then is None or now is None or abs(now - then) < NOTICEABLE:
        return ""
    return _("risk was %(share)s") % {"share": words.percent(then)}
