from django.db import models


class AuditEntry(models.Model):
    """One change of state: who, what, when, before, after. Rows are only ever added."""

    at = models.DateTimeField(db_index=True)
    by = models.CharField(max_length=200)
    action = models.CharField(max_length=100)
    kind = models.CharField(max_length=50)
    subject = models.CharField(max_length=255)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "subject", "id"], name="audit_of_subject"),
            models.Index(fields=["by", "id"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.subject}"


class OutboxEntry(models.Model):
    """An activity that a change of state makes, waiting to be drained into the stream exactly once."""

    activity = models.JSONField()
    created_at = models.DateTimeField()
    drained_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="outbox_waiting", condition=models.Q(drained_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"outbox {self.pk}"
