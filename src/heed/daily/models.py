from django.db import models
from django.utils.translation import gettext_lazy as _


class RoundState(models.TextChoices):
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Round(models.Model):
    """One daily round, for one date: its steps in order, each with what it did and how long it took.

    `step` is the step that runs, or the one that failed. `steps` holds, for every step that was done, its
    `name`, `result` (numbers by word) and `seconds`.
    """

    as_of = models.DateField(db_index=True)
    state = models.CharField(max_length=8, choices=RoundState.choices)
    step = models.CharField(max_length=100, blank=True)
    steps = models.JSONField(default=list)
    error = models.TextField(blank=True)
    by = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"round of {self.as_of}"
