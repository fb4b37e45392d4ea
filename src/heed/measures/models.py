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


class LandmarkPanel(models.Model):
    """What models and verdicts were learnt from: every account at every landmark, and what became of it.

    `table` is Parquet, its accounts are their numbers here: what is erased leaves no name in it.
    """

    as_of = models.DateField()
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    digest = models.CharField(max_length=64, unique=True)
    rows = models.PositiveIntegerField()
    accounts = models.PositiveIntegerField()
    left = models.PositiveIntegerField()
    table = models.BinaryField()

    def __str__(self) -> str:
        return f"landmarks as of {self.as_of}"


class RiskModel(models.Model):
    """A version of the risk model: its parameters, what it learnt from, its report card.

    `record` None: it abstains, and `reason` says why. `definitions` are the ids of the metric definitions
    that it learnt from: it is asked about these, whatever is in force by then. `because` says what drift it
    was learnt for before the week was over.
    """

    version = models.PositiveIntegerField(unique=True)
    panel = models.ForeignKey(LandmarkPanel, null=True, on_delete=models.PROTECT, related_name="models")
    as_of = models.DateField()
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    seed = models.PositiveIntegerField()
    definitions = models.JSONField(default=list)
    record = models.JSONField(null=True)
    card = models.JSONField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    because = models.CharField(max_length=1_000, blank=True)

    def __str__(self) -> str:
        return f"risk model v{self.version}"


class ScoredDay(models.Model):
    """What the model was told of every account on a day: `table` is Parquet, accounts by number.

    Kept, because what is known of a day goes on growing: later imports tell of it, and the day itself was not
    over when it was scored. `drift` is how far the day had moved from what the version learnt.
    """

    derived = True

    as_of = models.DateField(unique=True)
    model = models.ForeignKey(RiskModel, on_delete=models.PROTECT, related_name="days")
    table = models.BinaryField()
    drift = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"scored on {self.as_of}"


class RiskScore(models.Model):
    """What a version of the model said of an account on a day: kept, so that any past score reopens.

    `probabilities` by the days they look ahead; `probability` is the one by the renewal, or within 90 days.
    """

    derived = True

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="risk_scores")
    model = models.ForeignKey(RiskModel, on_delete=models.PROTECT, related_name="scores")
    as_of = models.DateField()
    horizon_on = models.DateField()
    probability = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    probabilities = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "as_of"], name="one_score_a_day")]
        indexes = [models.Index(fields=["as_of"], name="scores_by_day")]

    def __str__(self) -> str:
        return f"score of {self.account_id} on {self.as_of}"


class MetricVerdict(models.Model):
    """Whether a version of a metric predicted who left, as judged on one panel of landmarks."""

    metric = models.ForeignKey(MetricDefinition, on_delete=models.CASCADE, related_name="verdicts")
    panel = models.ForeignKey(LandmarkPanel, on_delete=models.PROTECT, related_name="verdicts")
    verdict = models.CharField(max_length=20)
    record = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["metric", "panel"], name="one_verdict_a_panel")]

    def __str__(self) -> str:
        return f"{self.metric_id}: {self.verdict}"


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
    score = models.ForeignKey(RiskScore, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return f"risk of {self.account_id}"
