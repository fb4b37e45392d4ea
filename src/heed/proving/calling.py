"""What people say beside the numbers: calls on a quarter, and the log of decisions."""

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.people.models import User
from heed.proving.models import CalledFigure, LoggedDecision, RevenueCall

MOST_SHARE = 3.0
"""300 %: an NRR beyond is a slip of the pen."""


class CallRefused(ValueError):  # noqa: N818
    """A call that cannot be taken; the message says why and what to do."""


@transaction.atomic
def call_quarter(
    quarter_ends_on: date, figure: str, value: float, note: str = "", *, user: User, by: str
) -> RevenueCall:
    """Keep a person's call on a figure of a quarter that has not closed. `value`: a share for GRR and NRR
    (0.95), else a monthly amount in the reporting currency."""
    if quarter_ends_on < clock.today():
        raise CallRefused(
            _("The quarter to %(day)s has closed: call one that is open.") % {"day": quarter_ends_on}
        )
    most = 1.0 if figure == CalledFigure.GRR else MOST_SHARE if figure == CalledFigure.NRR else 1e12
    if not 0 <= value <= most:
        raise CallRefused(_("A call on this figure lies between 0 and %(most)s.") % {"most": f"{most:,g}"})
    made = RevenueCall.objects.create(
        quarter_ends_on=quarter_ends_on, figure=figure, value=value, note=note.strip()[:500],
        by=user, on=clock.today(), at=clock.now(),
    )  # fmt: skip
    told = {"quarter": quarter_ends_on.isoformat(), "figure": figure, "value": value, "note": made.note}
    record(Change("call quarter", "revenue call", str(made.pk), None, told), by=by)
    return made


@transaction.atomic
def log_decision(
    decision: str, numbers: str, voices: str, page: str, *, user: User, by: str
) -> LoggedDecision:
    """Keep what was decided, on which numbers, after hearing whom."""
    made = LoggedDecision.objects.create(
        decision=decision.strip(), numbers=numbers.strip(), voices=voices.strip(), page=page.strip(),
        by=user, at=clock.now(),
    )  # fmt: skip
    told = {"decision": made.decision, "numbers": made.numbers, "voices": made.voices, "page": made.page}
    record(Change("log decision", "decision", str(made.pk), None, told), by=by)
    return made
