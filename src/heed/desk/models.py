from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from heed.customers.models import Account


class WorkKind(models.TextChoices):
    RISK = "risk", _("At risk")
    RENEWAL = "renewal", _("Renewal due")
    FOLLOW_UP = "follow_up", _("Follow-up due")
    CASE = "case", _("Case waiting")
    HARM = "harm", _("Harm not put right")


class WorkState(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    SNOOZED = "snoozed", _("Snoozed")
    NOT_USEFUL = "not_useful", _("Not useful")
    GONE = "gone", _("No longer needed")


class WorklistRow(models.Model):
    """One reason why a customer needs a person, with its evidence, until it is done or no longer true.

    `found` has the chips of all findings by key, also of those that the row does not tell; `earlier` is what
    stood here on the list before the one of `as_of`, for `change` to compare with.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="worklist")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="worklist")
    kind = models.CharField(max_length=10, choices=WorkKind.choices)
    why = models.TextField()
    evidence = models.JSONField(default=list)
    found = models.JSONField(default=dict)
    unknowns = models.JSONField(default=list)
    quote = models.JSONField(null=True)
    change = models.CharField(max_length=300, blank=True)
    earlier = models.JSONField(null=True)
    first_step = models.CharField(max_length=300)
    due_on = models.DateField(null=True)
    since = models.DateField(null=True)
    stake = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)
    probability = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    rank = models.PositiveIntegerField(null=True)
    as_of = models.DateField()
    first_shown_on = models.DateField()
    state = models.CharField(max_length=10, choices=WorkState.choices, default=WorkState.OPEN)
    state_reason = models.TextField(blank=True)
    snoozed_until = models.DateField(null=True)
    returned_on = models.DateField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "account", "kind"],
                name="one_live_row_a_reason",
                condition=models.Q(state__in=["open", "snoozed"]),
            ),
        ]
        indexes = [models.Index(fields=["person", "state", "rank"])]

    def __str__(self) -> str:
        return self.why
