"""What changed on a row since the list before: told from what stood there then."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from heed.desk import words
from heed.desk.models import WorklistRow
from heed.desk.reasons import is_finding

NOTICEABLE = 0.005
"""A smaller step of a probability does not show in whole per cent."""
LONGEST = 300


def snapshot(row: WorklistRow) -> dict[str, Any]:
    """What a row says of its day: as_of, probability, and the chips of its findings by key."""
    found = {item["key"]: item["text"] for item in row.evidence if is_finding(item["key"])}
    return {"as_of": row.as_of.isoformat(), "probability": row.probability, "found": found}


def change_since(earlier: Mapping[str, Any], row: WorklistRow) -> str:
    """`risk was 18 %; new: silent 95 days; no longer: case open 41 days`; empty when all is as it was.

    Names the day where the list before was not yesterday's.
    """
    now, before = snapshot(row), earlier["found"]
    parts = [_risk(earlier["probability"], row.probability)]
    parts += [_("new: %(what)s") % {"what": text} for key, text in now["found"].items() if key not in before]
    parts += [
        _("no longer: %(what)s") % {"what": text} for key, text in before.items() if key not in now["found"]
    ]
    told = "; ".join(part for part in parts if part)
    on = date.fromisoformat(earlier["as_of"])
    if told and on != row.as_of - timedelta(days=1):
        told = _("since %(day)s: %(change)s") % {"day": words.day(on, row.as_of), "change": told}
    return Truncator(told).chars(LONGEST)


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
