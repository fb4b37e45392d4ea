"""What people say beside the numbers: calls on a quarter, and the log of decisions."""

from collections.abc import Mapping
from datetime import date

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.people.models import User
from heed.proving.models import CalledFigure, LoggedDecision, RevenueCall

MOST_SHARE = 3.0
"""300 %: an NRR beyond is a slip of the pen."""
MOST_AMOUNT = 1e12


class CallRefused(ValueError):  # noqa: N818
    """A call that cannot be taken; the message says why and what to do."""


@transaction.atomic
def call_quarter(
    quarter_ends_on: date, figure: str, value: float, note: str = "", *, user: User, by: str
) -> RevenueCall:
    """Keep a person's call on a figure of a quarter that has not closed. `value`: a share for GRR and NRR
    (0.95), else a monthly amount in the reporting currency. The same again on a day is the call there is."""
    if quarter_ends_on < clock.today():
        raise CallRefused(
            _("The quarter to %(day)s has closed: call one that is open.") % {"day": quarter_ends_on}
        )
    _check_value(figure, value)
    User.objects.select_for_update().get(pk=user.pk)
    about = {"quarter_ends_on": quarter_ends_on, "figure": figure, "by": user}
    said = {"value": value, "note": note.strip()[:500], "on": clock.today()}
    last = RevenueCall.objects.filter(**about).order_by("-pk").first()
    if last is not None and _says(last, said):
        return last
    made = RevenueCall.objects.create(**about, **said, at=clock.now())
    told = {"quarter": quarter_ends_on.isoformat(), "figure": figure, "value": value, "note": made.note}
    record(Change("call quarter", "revenue call", str(made.pk), None, told), by=by)
    return made


@transaction.atomic
def log_decision(
    decision: str, numbers: str, voices: str, page: str, *, user: User, by: str
) -> LoggedDecision:
    """Keep what was decided, on which numbers, after hearing whom. A person's last one again is that one."""
    User.objects.select_for_update().get(pk=user.pk)
    texts = {"decision": decision, "numbers": numbers, "voices": voices, "page": page}
    said = {name: text.strip() for name, text in texts.items()}
    last = LoggedDecision.objects.filter(by=user).order_by("-pk").first()
    if last is not None and _says(last, said):
        return last
    made = LoggedDecision.objects.create(**said, by=user, at=clock.now())
    told = {"decision": made.decision, "numbers": made.numbers, "voices": made.voices, "page": made.page}
    record(Change("log decision", "decision", str(made.pk), None, told), by=by)
    return made


def _check_value(figure: str, value: float) -> None:
    if figure == CalledFigure.CLOSING_MRR:
        if not 0 <= value <= MOST_AMOUNT:
            raise CallRefused(
                _("A call on this figure lies between 0 and %(most)s.") % {"most": f"{MOST_AMOUNT:,.0f}"}
            )
        return
    most = 1.0 if figure == CalledFigure.GRR else MOST_SHARE
    if not 0 <= value <= most:
        told = _("A call on this figure lies between 0 and %(most)s per cent.") % {
            "most": f"{most * 100:.0f}"
        }
        raise CallRefused(told)


def _says(kept: Model, said: Mapping[str, object]) -> bool:
    """Whether what is kept is what is said again, as a button pressed twice does."""
    return all(getattr(kept, name) == held for name, held in said.items())
