from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class AccountKind(models.TextChoices):
    CUSTOMER = "customer", _("Customer")
    PROSPECT = "prospect", _("Prospect")
    PARTNER = "partner", _("Partner")
    INTERNAL = "internal", _("Internal customer")


class Account(models.Model):
    """A customer company. `key` is the company's own id for it, and the stream's name for it."""

    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=300)
    kind = models.CharField(max_length=10, choices=AccountKind.choices, default=AccountKind.CUSTOMER)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="accounts"
    )
    since = models.DateField(null=True)
    attributes = models.JSONField(default=dict)
    source = models.CharField(max_length=100)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["name"]),
            models.Index(fields=["owner", "name"]),
            models.Index(fields=["parent", "name"]),
        ]

    def __str__(self) -> str:
        return self.name


class Ownership(models.Model):
    """Who looked after an account, from when to when (`until` is the first day they no longer did)."""

    derived = True

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="ownerships")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ownerships")
    since = models.DateField()
    until = models.DateField(null=True)

    def __str__(self) -> str:
        return f"{self.owner_id} owns {self.account_id} since {self.since}"


class Contact(models.Model):
    """A person at an account."""

    key = models.CharField(max_length=200, unique=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=300, blank=True)
    email = models.CharField(max_length=320, blank=True)
    role = models.CharField(max_length=200, blank=True)
    attributes = models.JSONField(default=dict)
    source = models.CharField(max_length=100)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name or self.key


class SubscriptionPeriod(models.Model):
    """What an account pays per month in one stretch of time; a subscription is its periods in order.

    `starts_on` is the first day that counts, `ends_on` the first day that no longer does (None: open).
    """

    key = models.CharField(max_length=200, unique=True)
    subscription = models.CharField(max_length=200, db_index=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="subscription_periods")
    plan = models.CharField(max_length=200, blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)
    renews_on = models.DateField(null=True)
    monthly_amount = models.DecimalField(max_digits=16, decimal_places=4)
    currency = models.CharField(max_length=3)
    seats = models.PositiveIntegerField(null=True)
    attributes = models.JSONField(default=dict)
    source = models.CharField(max_length=100)
    recorded_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="period_ends_after_it_starts",
                condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gt=models.F("starts_on")),
            ),
            models.CheckConstraint(
                name="period_amount_not_negative", condition=models.Q(monthly_amount__gte=0)
            ),
        ]
        indexes = [models.Index(fields=["account", "starts_on"])]

    def __str__(self) -> str:
        return self.key


class MovementKind(models.TextChoices):
    NEW = "new", _("New")
    EXPANSION = "expansion", _("Expansion")
    CONTRACTION = "contraction", _("Contraction")
    CHURN = "churn", _("Churn")
    REACTIVATION = "reactivation", _("Reactivation")


class Movement(models.Model):
    """A change of an account's monthly recurring revenue on a day, derived from its periods."""

    derived = True

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="movements")
    on = models.DateField()
    kind = models.CharField(max_length=12, choices=MovementKind.choices)
    before = models.DecimalField(max_digits=16, decimal_places=4)
    after = models.DecimalField(max_digits=16, decimal_places=4)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "currency", "on"], name="one_movement_a_day"),
        ]
        indexes = [models.Index(fields=["on", "kind"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.change} {self.currency} on {self.on}"

    @property
    def change(self) -> Decimal:
        return self.after - self.before


class ExchangeRate(models.Model):
    """One unit of `currency` in units of the reporting currency, as stated by a person."""

    currency = models.CharField(max_length=3, unique=True)
    rate = models.DecimalField(max_digits=18, decimal_places=8)
    stated_by = models.CharField(max_length=200)
    stated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.currency} {self.rate}"
