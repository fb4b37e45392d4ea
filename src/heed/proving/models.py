from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from heed.customers.models import Account
from heed.measures.models import LandmarkPanel, MetricDefinition
from heed.segments.models import Segment


class Watching(models.TextChoices):
    """How an experiment may be read on its way; each has a guarantee of its own."""

    OBRIEN_FLEMING = "obrien_fleming", _("Planned looks (O'Brien-Fleming)")
    POCOCK = "pocock", _("Planned looks, stops sooner (Pocock)")
    ANY_TIME = "any_time", _("Any time (confidence sequence)")


class Experiment(models.Model):
    """A play with a holdout drawn by chance: designed, then started, then decided.

    `metric` "" for "renewed within `days` of assignment", else the key of the metric that is read after
    `days`. `smallest_effect` is a share (0.05: five points) or in the metric's unit. The planned numbers are
    of accounts whose outcome will be known; they are set when it starts, and looks are measured against them.
    """

    name = models.CharField(max_length=80, unique=True)
    purpose = models.TextField(max_length=2_000)
    metric = models.SlugField(max_length=60, blank=True)
    days = models.PositiveIntegerField()
    held_share = models.FloatField()
    smallest_effect = models.FloatField()
    watching = models.CharField(max_length=14, choices=Watching.choices)
    looks = models.PositiveIntegerField()
    segment = models.ForeignKey(Segment, null=True, on_delete=models.SET_NULL, related_name="+")
    audience = models.CharField(max_length=120, blank=True)
    weeks = models.PositiveIntegerField()
    salt = models.CharField(max_length=80)
    designed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    designed_at = models.DateTimeField()
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    started_on = models.DateField(null=True)
    planned_treated = models.PositiveIntegerField(default=0)
    planned_held = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(held_share__gt=0) & Q(held_share__lt=1), name="some_held_out_not_all"
            ),
            models.CheckConstraint(
                condition=Q(days__gt=0) & Q(looks__gt=0) & Q(weeks__gt=0), name="an_experiment_has_an_end"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ExperimentArm(models.Model):
    """Which arm an account was drawn into, once and for good, and what became of it.

    `due_on` is when its outcome is due (None: none is due within the experiment's days); `before` the metric
    at assignment. `value` is read once, on `known_on`; None then means unknown, for the `reason`.
    """

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="arms")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    arm = models.CharField(max_length=8, choices=[("treated", _("treated")), ("holdout", _("holdout"))])
    on = models.DateField()
    due_on = models.DateField(null=True)
    before = models.FloatField(null=True)
    value = models.FloatField(null=True)
    known_on = models.DateField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["experiment", "account"], name="one_arm_an_account")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.arm}"


class ExperimentLook(models.Model):
    """What a look saw: all accounts whose outcome was known by then. Rows are only ever added."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="seen")
    as_of = models.DateField()
    treated = models.PositiveIntegerField()
    held = models.PositiveIntegerField()
    contrast = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["experiment", "as_of"], name="one_look_a_day")]

    def __str__(self) -> str:
        return f"look of {self.as_of}"


class DecisionKind(models.TextChoices):
    ADOPT = "adopt", _("Give it to everyone")
    DROP = "drop", _("Do not go on with it")
    STOP = "stop", _("Stop without a verdict")
    CHANGE = "change", _("Change it and test again")


class ExperimentDecision(models.Model):
    """What was done after an experiment and why, with the numbers as they were. The first one ends it;
    thinking better of it is another one."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=6, choices=DecisionKind.choices)
    reason = models.TextField(max_length=2_000)
    numbers = models.JSONField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind}: {self.experiment_id}"


class PlayEffect(models.Model):
    """What a play whose assignments are in the stream did, as known on a day.

    `table` is Parquet of the rows it was computed from, kept for the latest day only; accounts are their
    numbers here, so that what is erased leaves no name in it.
    """

    derived = True

    play = models.CharField(max_length=200)
    as_of = models.DateField()
    made_at = models.DateTimeField()
    record = models.JSONField()
    table = models.BinaryField(default=bytes)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["play", "as_of"], name="one_effect_a_day")]

    def __str__(self) -> str:
        return f"effect of {self.play} as of {self.as_of}"


class TouchRate(models.Model):
    """How often deliveries of a touchpoint were implemented, as known on a day: the latest day only."""

    derived = True

    touchpoint = models.CharField(max_length=200, unique=True)
    as_of = models.DateField()
    made_at = models.DateTimeField()
    record = models.JSONField()

    def __str__(self) -> str:
        return f"success of {self.touchpoint}"


class RevenueForecast(models.Model):
    """What the model said of the quarters ahead on a day: kept, so that it is scored when they close."""

    derived = True

    as_of = models.DateField(unique=True)
    made_at = models.DateTimeField()
    model_version = models.PositiveIntegerField(null=True)
    record = models.JSONField()

    def __str__(self) -> str:
        return f"forecast as of {self.as_of}"


class CalledFigure(models.TextChoices):
    GRR = "grr", _("GRR")
    NRR = "nrr", _("NRR")
    CLOSING_MRR = "closing_mrr", _("Monthly revenue at its end")


class RevenueCall(models.Model):
    """A person's call on a figure of a quarter; a later call of the same person is another one."""

    quarter_ends_on = models.DateField()
    figure = models.CharField(max_length=12, choices=CalledFigure.choices)
    value = models.FloatField()
    note = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    on = models.DateField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.figure} of the quarter to {self.quarter_ends_on}"


class LoggedDecision(models.Model):
    """What was decided, on which numbers, after hearing whom. "Numbers only" where nobody was heard."""

    decision = models.CharField(max_length=500)
    numbers = models.TextField(max_length=2_000)
    voices = models.TextField(max_length=2_000, blank=True)
    page = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.decision

    @property
    def numbers_only(self) -> bool:
        return not self.voices.strip()


class HandScore(models.Model):
    """A team's own health score, kept beside the model; what it is made of stands in its versions."""

    key = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80, unique=True)

    def __str__(self) -> str:
        return self.name


class HandScoreVersion(models.Model):
    """What a score was made of from a moment on. A change is another version; none is ever edited."""

    score = models.ForeignKey(HandScore, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    record = models.JSONField()
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    is_current = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["score", "version"], name="hand_score_version"),
            models.UniqueConstraint(
                fields=["score"], name="one_current_hand_score", condition=Q(is_current=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.score_id} v{self.version}"


class ScoreCard(models.Model):
    """What a version of a score by hand was worth on a panel of landmarks, beside the metric (`best`, its
    key) that ranks best alone. Of the latest panel only: any other can be made again from both."""

    derived = True

    version = models.ForeignKey(HandScoreVersion, on_delete=models.CASCADE, related_name="cards")
    panel = models.ForeignKey(LandmarkPanel, on_delete=models.CASCADE, related_name="+")
    best = models.SlugField(max_length=60, blank=True)
    record = models.JSONField()
    lacking = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "panel"], name="one_card_a_panel")]

    def __str__(self) -> str:
        return f"card of {self.version_id}"


class ScoreOverride(models.Model):
    """A person's own figure for an account, up to and including `expires_on`; of several the last holds."""

    score = models.ForeignKey(HandScore, on_delete=models.CASCADE, related_name="overrides")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    value = models.FloatField()
    reason = models.CharField(max_length=500)
    since = models.DateField()
    expires_on = models.DateField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(value__gte=0) & Q(value__lte=100), name="an_override_is_0_to_100"
            ),
            models.CheckConstraint(
                condition=Q(expires_on__gte=models.F("since")), name="an_override_ends_after_it_began"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.score_id} of {self.account_id}"


class Trigger(models.Model):
    """A rule on a metric that fires at accounts. Off until its version in force was replayed.

    `looked_on` is the last day of the weekly grid that it was looked at, `past` the accounts (ids) whose
    metric was past the threshold then: it fires where one comes to be.
    """

    name = models.CharField(max_length=80, unique=True)
    is_on = models.BooleanField(default=False)
    switched_by = models.CharField(max_length=200, blank=True)
    switched_at = models.DateTimeField(null=True)
    looked_on = models.DateField(null=True)
    past = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name


class Side(models.TextChoices):
    BELOW = "below", _("comes to be below")
    ABOVE = "above", _("comes to be above")


class TriggerVersion(models.Model):
    """The rule of a trigger from a moment on. A change is another version; none is ever edited.

    Firings within `quiet` days of the one before belong to the same alert. `asked_at`: when a replay was
    asked for.
    """

    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    metric = models.SlugField(max_length=60)
    side = models.CharField(max_length=5, choices=Side.choices)
    threshold = models.FloatField()
    quiet = models.PositiveIntegerField()
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    is_current = models.BooleanField()
    asked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trigger", "version"], name="trigger_version"),
            models.UniqueConstraint(
                fields=["trigger"], name="one_current_trigger", condition=Q(is_current=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trigger_id} v{self.version}"


class TriggerReplay(models.Model):
    """What a version would have done in the 12 months before a day, from what was known at each of its days.

    `record` None: it could not be replayed, for the `reason`. `definition` is the version of the metric that
    was measured. `table` is Parquet of the alerts and of those that left, accounts by number.
    """

    version = models.ForeignKey(TriggerVersion, on_delete=models.CASCADE, related_name="replays")
    as_of = models.DateField()
    definition = models.ForeignKey(MetricDefinition, null=True, on_delete=models.PROTECT, related_name="+")
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    record = models.JSONField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    table = models.BinaryField(default=bytes)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "as_of"], name="one_replay_a_day")]

    def __str__(self) -> str:
        return f"{self.version_id} as of {self.as_of}"


class TriggerFiring(models.Model):
    """A trigger that is on fired at an account. `repeated`: within the quiet days of the firing before, so
    that it belongs to the same alert."""

    version = models.ForeignKey(TriggerVersion, on_delete=models.CASCADE, related_name="firings")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="trigger_firings")
    on = models.DateField()
    value = models.FloatField()
    repeated = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "account", "on"], name="one_firing_a_day")]

    def __str__(self) -> str:
        return f"{self.version_id} at {self.account_id}"
