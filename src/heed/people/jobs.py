"""What the ways in leave behind."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from heed.ledger import clock
from heed.ledger.durable import job


@job("forget sessions that are over", cron="41 * * * *")
def forget_sessions() -> int:
    """Delete the sessions that nobody can use any more; returns how many."""
    over = Session.objects.filter(expire_date__lt=clock.now())
    UserSession.objects.filter(session_key__in=over.values("session_key")).delete()
    return over.delete()[0]
