"""What pages read of conversations."""

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower, Trim

from heed.conversations.models import (
    OWN_SOURCE,
    Case,
    Direction,
    Interaction,
    InteractionKind,
    InteractionState,
)
from heed.customers.models import Account

SPOKEN = (InteractionKind.CALL, InteractionKind.MEETING, InteractionKind.EMAIL, InteractionKind.MESSAGE)
"""In which we and the customer speak or write with each other, as the starter metrics have it."""
VOICED = (*SPOKEN, InteractionKind.MENTION)
"""In which what comes from the customer is in their words; an observation or a note is in ours."""
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


def cases_of(account: Account) -> QuerySet[Case]:
    """All cases of an account, the newest first."""
    return account.cases.filter(withdrawn_at=None).select_related("contact").order_by("-opened_at")


def held() -> Q:
    """Interactions that took place: a plan whose day has passed is none of them."""
    return Q(state=InteractionState.HELD, withdrawn_at=None)


def their_words() -> Q:
    """Held interactions whose words are the customer's: what they wrote or said to us of their own accord,
    and what a person who held a conversation recorded here as said by them. An observation is ours."""
    inbound = Q(direction=Direction.INBOUND, kind__in=VOICED)
    here = Q(source=OWN_SOURCE) | Q(outcome_recorded_at__isnull=False)
    recorded_here = here & Q(direction=Direction.OUTBOUND, kind__in=SPOKEN)
    return held() & (inbound | recorded_here) & ~Q(words="")


def open_plans() -> QuerySet[Interaction]:
    """Planned conversations of which nobody has said whether they were held, the first due first."""
    planned = Interaction.objects.filter(state=InteractionState.PLANNED, withdrawn_at=None)
    return planned.order_by("at", "id")
