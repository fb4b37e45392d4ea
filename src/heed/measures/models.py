from django.db import models

from heed.customers.models import Account


class MetricDefinition(models.Model):
    """One version of a metric: data, not code. A change of the definition is a new version."""

    key = models.SlugField(max_length=60)
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    definition = models.JSONField()
    is_current = models.BooleanField()
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="metric_version"),
            models.UniqueConstraint(
                fields=["key"], name="one_current_version", condition=models.Q(is_current=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class MetricValue(models.Model):
    """An account's latest value of a metric. `value` None means unknown, and `reason` says why.

    `n` is how many observations stand behind it; the earlier value is the one of the date measured before.
    """

    derived = True

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="metric_values")
    metric = models.ForeignKey(MetricDefinition, on_delete=models.CASCADE, related_name="values")
    as_of = models.DateField()
    value = models.FloatField(null=True)
    n = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=100, blank=True)
    earlier_value = models.FloatField(null=True)
    earlier_as_of = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "metric"], name="one_value_a_metric")]
        indexes = [models.Index(fields=["metric", "value", "account"], name="accounts_by_metric")]

    def __str__(self) -> str:
        return f"{self.metric_id} of {self.account_id}"


class ClockVersion(models.Model):
    """The curves of one estimate of the clock: what was observed up to `as_of`, and what followed from it.

    Kept while a stored risk was read from it; those of an older date are made again by `estimate_risk`.
    """

    as_of = models.DateField(unique=True)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    contracts = models.PositiveIntegerField()
    events = models.PositiveIntegerField()
    curves = models.JSONField()

    def __str__(self) -> str:
        return f"clock as of {self.as_of}"


class Risk(models.Model):
    """The probability that an account leaves by its renewal (or within the horizon), as an estimate.

    `clock` holds the curves it was read from, so that the figure can be made again.
    """

    derived = True

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="risk")
    as_of = models.DateField()
    horizon_on = models.DateField(null=True)
    probability = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    n = models.PositiveIntegerField(default=0)
    events = models.PositiveIntegerField(default=0)
    method = models.CharField(max_length=200)
    reason = models.CharField(max_length=200, blank=True)
    earlier_probability = models.FloatField(null=True)
    yearly_amount = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)
    clock = models.ForeignKey("ClockVersion", null=True, on_delete=models.PROTECT, related_name="risks")
    group = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"risk of {self.account_id}"
