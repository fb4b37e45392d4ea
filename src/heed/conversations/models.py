from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from heed.customers.models import Account, Contact

OWN_SOURCE = "heed"
"""The source of what people record in Heed itself."""


class InteractionKind(models.TextChoices):
    CALL = "call", _("Call")
    MEETING = "meeting", _("Meeting")
    EMAIL = "email", _("E-mail")
    MESSAGE = "message", _("Message")
    NOTE = "note", _("Note")
    OBSERVATION = "observation", _("Observation")
    MENTION = "mention", _("Public mention")


class Direction(models.TextChoices):
    INBOUND = "inbound", _("From the customer")
    OUTBOUND = "outbound", _("From us")
    INTERNAL = "internal", _("Internal")


class Motion(models.TextChoices):
    REACTIVE = "reactive", _("Reactive")
    TRIGGERED = "triggered", _("Triggered")
    PLANNED = "planned", _("Planned")


class InteractionState(models.TextChoices):
    """A plan is not a conversation: only what was held counts as one."""

    PLANNED = "planned", _("Planned")
    HELD = "held", _("Held")
    CANCELLED = "cancelled", _("Not held")


class Interaction(models.Model):
    """What was said, or is to be said. `outcome_recorded_at`: when a person told here what came of a plan."""

    key = models.CharField(max_length=200, unique=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="interactions")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.SET_NULL, related_name="interactions")
    kind = models.CharField(max_length=12, choices=InteractionKind.choices)
    direction = models.CharField(max_length=8, choices=Direction.choices)
    motion = models.CharField(max_length=9, choices=Motion.choices, blank=True)
    state = models.CharField(
        max_length=9, choices=InteractionState.choices, default=InteractionState.HELD, db_default="held"
    )
    purpose = models.CharField(max_length=200, blank=True)
    agenda = models.TextField(blank=True)
    goal = models.TextField(blank=True)
    goal_met = models.BooleanField(null=True)
    words = models.TextField(blank=True)
    minutes = models.PositiveIntegerField(null=True)
    at = models.DateTimeField()
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="interactions"
    )
    source = models.CharField(max_length=100)
    recorded_at = models.DateTimeField()
    outcome_recorded_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="planned_outbound_has_agenda_and_goal",
                condition=~models.Q(motion="planned", direction="outbound")
                | (~models.Q(agenda="") & ~models.Q(goal="")),
            ),
            models.CheckConstraint(
                name="only_a_plan_can_be_open_or_cancelled",
                condition=models.Q(state="held") | models.Q(motion="planned"),
            ),
        ]
        indexes = [models.Index(fields=["account", "-at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Case(models.Model):
    """A request for help or a complaint, with its clocks."""

    key = models.CharField(max_length=200, unique=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="cases")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.SET_NULL, related_name="cases")
    subject = models.CharField(max_length=500, blank=True)
    kind = models.CharField(max_length=50, blank=True)
    severity = models.CharField(max_length=50, blank=True)
    opened_at = models.DateTimeField()
    first_reply_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    times_reopened = models.PositiveIntegerField(default=0)
    attributes = models.JSONField(default=dict)
    source = models.CharField(max_length=100)
    recorded_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["account", "-opened_at"])]

    def __str__(self) -> str:
        return self.subject or self.key
