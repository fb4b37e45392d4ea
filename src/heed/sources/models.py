from django.db import models
from django.utils.translation import gettext_lazy as _


class Source(models.Model):
    """A place that data comes from, remembered with its mapping, so that its next export is one click."""

    name = models.CharField(max_length=100, unique=True)
    mapping = models.TextField()
    shape = models.JSONField(default=dict)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class ImportState(models.TextChoices):
    UPLOADED = "uploaded", _("Waiting for confirmation")
    COUNTING = "counting", _("Counting what would change")
    WAITING = "waiting", _("Waiting for a worker")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    UNDOING = "undoing", _("Being taken back")
    HALFWAY = "halfway", _("Taken back in part")
    UNDONE = "undone", _("Undone")


BUSY = (ImportState.COUNTING, ImportState.WAITING, ImportState.RUNNING, ImportState.UNDOING)
"""A worker is at it, or will be."""


class Import(models.Model):
    """One run of a file set through a mapping. Its counts, its rejected rows and its undo hang on it."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="imports")
    mapping = models.TextField()
    files = models.JSONField(default=list)
    digest = models.CharField(max_length=64, db_index=True)
    state = models.CharField(max_length=10, choices=ImportState.choices)
    has_stored = models.BooleanField(default=False)
    counts = models.JSONField(default=dict)
    expected = models.JSONField(null=True)
    notes = models.JSONField(default=list)
    findings = models.JSONField(default=list)
    step = models.CharField(max_length=200, blank=True)
    rows_done = models.BigIntegerField(default=0)
    rows_expected = models.BigIntegerField(null=True)
    error = models.TextField(blank=True)
    by = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    undone = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"import {self.pk}"

    @property
    def is_busy(self) -> bool:
        return self.state in BUSY

    @property
    def actor(self) -> str:
        """How the audit trail names changes that this import made."""
        return f"import:{self.pk}"


class RejectedState(models.TextChoices):
    OPEN = "open", _("Rejected")
    REPLAYED = "replayed", _("Corrected and replayed")
    DISMISSED = "dismissed", _("Dismissed")


LINE_VALUES = {"line", "header", "delimiter"}


class RejectedRow(models.Model):
    """A row that was refused: where it stood, why, and its values, so that it can be corrected."""

    of_import = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rejected_rows")
    entity = models.CharField(max_length=30)
    file = models.CharField(max_length=300)
    row = models.BigIntegerField()
    block = models.PositiveSmallIntegerField(default=0)
    column = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300)
    values = models.JSONField()
    state = models.CharField(max_length=10, choices=RejectedState.choices, default=RejectedState.OPEN)

    class Meta:
        indexes = [models.Index(fields=["state", "id"])]

    def __str__(self) -> str:
        return f"{self.file} row {self.row}"

    @property
    def is_line(self) -> bool:
        """Whether it was no record at all: its values are then the line itself, not texts by column."""
        return self.column == "" and "line" in self.values and self.values.keys() <= LINE_VALUES


class ParkedRow(models.Model):
    """A good row that waits for its account or contact to arrive."""

    of_import = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="parked_rows")
    entity = models.CharField(max_length=30)
    waits_for = models.CharField(max_length=200, db_index=True)
    file = models.CharField(max_length=300)
    row = models.BigIntegerField()
    block = models.PositiveSmallIntegerField(default=0)
    values = models.JSONField()
    released_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.entity} waits for {self.waits_for}"
