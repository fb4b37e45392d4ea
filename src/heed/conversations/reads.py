"""What pages read of conversations."""

from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Lower, Trim

from heed.conversations.models import Case, Direction, Interaction, InteractionKind
from heed.customers.models import Account

HUMAN = (InteractionKind.CALL, InteractionKind.MEETING)
SEVERE = frozenset(
    {
        *("blocker", "critical", "emergency", "high", "highest", "major", "severe", "urgent"),
        *("p0", "p1", "s0", "s1", "sev0", "sev1", "sev-0", "sev-1"),
    }
)
"""What help desks call a case in which somebody is harmed, in small letters."""


def is_severe(severity: str) -> bool:
    return severity.strip().lower() in SEVERE


def telling_sources() -> list[str]:
    """Sources that record first replies at all: where none does, waiting is unknown, not endless."""
    telling = Case.objects.filter(first_reply_at__isnull=False).order_by()
    return list(telling.values_list("source", flat=True).distinct())


def unresolved_harm() -> QuerySet[Case]:
    """Severe cases that are neither resolved nor closed, the longest open first."""
    graded = Case.objects.annotate(grade=Lower(Trim("severity"))).filter(grade__in=SEVERE)
    open_still = graded.filter(withdrawn_at=None, resolved_at=None, closed_at=None)
    return open_still.order_by("opened_at", "id")


def open_cases(account: Account) -> QuerySet[Case]:
    """Cases of an account that are neither resolved nor closed, the oldest first."""
    return account.cases.filter(withdrawn_at=None, resolved_at=None, closed_at=None).order_by("opened_at")


def cases_of(account: Account) -> QuerySet[Case]:
    """All cases of an account, the newest first."""
    return account.cases.filter(withdrawn_at=None).select_related("contact").order_by("-opened_at")


def interactions_of(account: Account) -> QuerySet[Interaction]:
    """All interactions of an account, the newest first; planned ones in the future come on top."""
    standing = account.interactions.filter(withdrawn_at=None)
    return standing.select_related("contact", "held_by").order_by("-at")


def last_human_conversation(account: Account, *, before: datetime) -> Interaction | None:
    """The last call or meeting that was held before an instant."""
    return interactions_of(account).filter(kind__in=HUMAN, at__lte=before).first()


def last_words(account: Account, *, before: datetime) -> Interaction | None:
    """The newest interaction from the customer that holds their words."""
    from_them = interactions_of(account).filter(direction=Direction.INBOUND, at__lte=before)
    return from_them.exclude(words="").first()
