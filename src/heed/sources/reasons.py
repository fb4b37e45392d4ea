"""Why a row was refused, in words: each code with what is wrong and what would be right."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from heed.sources.entities import ENTITIES, SCORES
from heed.stream.files import LONGEST_LINE


def sentence(entity: str, column: str, code: str) -> str:
    """Why, in words. A package that refuses a row on saving says it in a sentence; the checks in a code."""
    return code if " " in code else reason_of(entity, column, code)


def reason_of(entity: str, column: str, code: str) -> str:
    """The sentence for a code of `heed.sources.checking` (or of the packages that save rows)."""
    target = ENTITIES[entity].target(column)
    most = "" if target is None or target.most is None else f"{target.most:,.0f}"
    if code.startswith("outside_"):
        least, greatest = SCORES[code.removeprefix("outside_")]
        return _("The score lies outside its scale of %(least)s to %(most)s.") % {
            "least": least,
            "most": greatest,
        }
    if code == "not_choice" and target is not None:
        kinds = ", ".join(dict.fromkeys(meant for _said, meant in target.choices))
        return _("%(column)s is none of: %(kinds)s.") % {"column": column, "kinds": kinds}
    said = _SENTENCES.get(code, _("The row cannot be read."))
    return _(said) % {"column": column, "most": most, "longest": f"{LONGEST_LINE:,}"}


_SENTENCES = {
    "missing": noop("%(column)s is missing."),
    "not_instant": noop("%(column)s is no date that exists, or not in a stated date format."),
    "not_day": noop("%(column)s is no date that exists, or not in a stated date format."),
    "impossible": noop("%(column)s lies before 1900 or after 2200."),
    "future": noop("%(column)s lies in the future."),
    "not_number": noop("%(column)s is not a number."),
    "not_amount": noop("%(column)s is not an amount."),
    "not_count": noop("%(column)s is not a whole number."),
    "not_currency": noop("%(column)s is not a currency code such as EUR."),
    "not_json": noop("%(column)s is not a JSON object."),
    "negative": noop("%(column)s is negative."),
    "too_small": noop("%(column)s is too small."),
    "too_large": noop("%(column)s is larger than %(most)s."),
    "too_long": noop("%(column)s is longer than %(most)s characters."),
    "nul": noop("%(column)s holds a NUL character."),
    "ends_before_start": noop("It ends on or before the day it starts; the end is the first day after it."),
    "no_agenda": noop("A planned outreach needs an agenda and a goal."),
    "malformed": noop("The line is not a JSON object."),
    "torn_quotes": noop(
        "A quote is not closed, or stands within a value without being doubled. The lines after it that are "
        "shown here were read as a part of it."
    ),
    "wrong_width": noop("The line has more or fewer values than the header, or is over %(longest)s bytes."),
}
