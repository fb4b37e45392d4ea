from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class AuditEntry(models.Model):
    """One change of state: who, what, when, before, after. Rows are only ever added."""

    at = models.DateTimeField(db_index=True)
    by = models.CharField(max_length=200)
    action = models.CharField(max_length=100)
    kind = models.CharField(max_length=50)
    subject = models.CharField(max_length=255)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    reason = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "subject", "id"], name="audit_of_subject"),
            models.Index(fields=["by", "id"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.subject}"


class OutboxEntry(models.Model):
    """An activity that a change of state makes, waiting to be drained into the stream exactly once.

    `chunk` is the number of the one stream transaction that carries it, given before the stream is touched.
    """

    activity = models.JSONField(encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField()
    chunk = models.BigIntegerField(null=True)
    drained_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="outbox_waiting", condition=models.Q(drained_at__isnull=True)),
            models.Index(fields=["drained_at"], name="outbox_drained"),
            models.Index(fields=["chunk"], name="outbox_chunk"),
        ]

    def __str__(self) -> str:
        return f"outbox {self.pk}"


class Drain(models.Model):
    """The one row that two drains take turns on; `chunk` is the last number given."""

    chunk = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"chunk {self.chunk}"


class Worker(models.Model):
    """A process that runs jobs; a row whose heart has stopped says whose jobs must be taken over."""

    name = models.CharField(max_length=200, unique=True)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
