from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SegmentKind(models.TextChoices):
    TARGET = "target", _("Target")
    NOT_FOR = "not_for", _("Not for")
    PLAIN = "plain", _("Plain")


class Segment(models.Model):
    """A saved filter over accounts, in the readable text form of the grammar, with its list settings."""

    name = models.CharField(max_length=120, unique=True)
    filter = models.TextField(blank=True)
    kind = models.CharField(max_length=8, choices=SegmentKind.choices, default=SegmentKind.PLAIN)
    columns = models.JSONField(default=list)
    sort = models.CharField(max_length=120, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="segments")
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
