"""What a filter may ask about: the account's own fields, attributes, subscriptions, risk and metrics."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from heed.customers.models import Account, AccountKind
from heed.measures.models import MetricDefinition
from heed.segments.history import known_activities
from heed.segments.mistakes import nearest
from heed.segments.tree import FieldName
from heed.segments.wording import field_text

SAMPLE = 1_000
"""How many of the oldest and of the newest accounts are read to learn attribute names and types."""
REMEMBERED_SECONDS = 60


class Kind(StrEnum):
    """What a field's values are."""

    TEXT = "text"
    NUMBER = "a number"
    MONEY = "an amount"
    SHARE = "a share"
    DAY = "a date"
    FLAG = "yes or no"
    CHOICE = "one of a few"
    PERSON = "a person"
    ACCOUNT = "an account"
    MIXED = "of several types"


class Family(Enum):
    """Where a field's values are kept."""

    ACCOUNT = "account"
    ATTRIBUTE = "attribute"
    SUBSCRIPTION = "subscription"
    RISK = "risk"
    METRIC = "metric"


@dataclass(frozen=True)
class Field:
    """One thing to ask about or to show. `key` is how the grammar writes it."""

    key: str
    label: str
    kind: Kind
    family: Family
    name: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    metric: MetricDefinition | None = None
    sentence: str = ""
    has_history: bool = True

    @property
    def is_numeric(self) -> bool:
        return self.kind in (Kind.NUMBER, Kind.MONEY, Kind.SHARE)


def _own_fields() -> list[Field]:
    account, paid = Family.ACCOUNT, Family.SUBSCRIPTION
    kinds = tuple(AccountKind.values)
    return [
        Field("name", _("Name"), Kind.TEXT, account, "name", has_history=False),
        Field("key", _("Id"), Kind.TEXT, account, "key"),
        Field("kind", _("Kind"), Kind.CHOICE, account, "kind", choices=kinds, has_history=False),
        Field("owner", _("Owner"), Kind.PERSON, account, "owner"),
        Field("since", _("Customer since"), Kind.DAY, account, "since"),
        Field("parent", _("Parent"), Kind.ACCOUNT, account, "parent", has_history=False),
        Field("mrr", _("Monthly revenue"), Kind.MONEY, paid, "mrr"),
        Field("arr", _("Yearly revenue"), Kind.MONEY, paid, "arr"),
        Field("renewal", _("Renewal"), Kind.DAY, paid, "renewal"),
        Field("seats", _("Seats"), Kind.NUMBER, paid, "seats"),
        Field("plan", _("Plan"), Kind.TEXT, paid, "plan"),
        Field("risk", _("Risk"), Kind.SHARE, Family.RISK, "risk", has_history=False),
    ]


def _metric_field(metric: MetricDefinition, taken: set[str]) -> Field:
    unit = str(metric.definition.get("unit", ""))
    return Field(
        f"metric.{metric.key}" if metric.key in taken else metric.key,
        metric.name,
        Kind.SHARE if unit == "share" else Kind.NUMBER,
        Family.METRIC,
        metric.key,
        unit="" if unit == "share" else unit,
        metric=metric,
        sentence=str(metric.definition.get("sentence", "")),
    )


def _attribute_field(name: str, kind: Kind) -> Field:
    key = field_text(FieldName(name, "attribute"))
    return Field(key, name, kind, Family.ATTRIBUTE, name, has_history=False)


class Catalogue:
    """All fields as they are now, for one request or one round."""

    @cached_property
    def own(self) -> dict[str, Field]:
        return {field.key: field for field in _own_fields()}

    @cached_property
    def metrics(self) -> dict[str, Field]:
        current = MetricDefinition.objects.filter(is_current=True).order_by("name", "key")
        return {metric.key: _metric_field(metric, set(self.own)) for metric in current}

    @cached_property
    def attributes(self) -> dict[str, Field]:
        kinds = attribute_kinds()
        return {name: _attribute_field(name, kinds[name]) for name in sorted(kinds)}

    @cached_property
    def activities(self) -> list[str]:
        """The names of all activities that ever happened; kept a minute."""
        remembered = f"segments.activities.{settings.HEED_STREAM_URL}"
        names: list[str] | None = cache.get(remembered)
        if names is None:
            names = known_activities()
            cache.set(remembered, names, REMEMBERED_SECONDS)
        return names

    def every(self) -> list[Field]:
        return [*self.own.values(), *self.metrics.values(), *self.attributes.values()]

    def find(self, name: FieldName) -> Field | None:
        """The field of this name; an attribute that the sample missed is looked for among all accounts."""
        if name.family == "metric":
            return self.metrics.get(name.name)
        if name.family == "attribute":
            return self.attributes.get(name.name) or _rare_attribute(name.name)
        return self.own.get(name.name) or self.metrics.get(name.name)

    def by_key(self, key: str) -> Field | None:
        """The field that the grammar writes as `key`."""
        if key.startswith("attribute."):
            return next((field for field in self.attributes.values() if field.key == key), None)
        return self.own.get(key) or self.metrics.get(key.removeprefix("metric."))

    def suggestion(self, name: FieldName) -> str:
        """What the writer may have meant by a name that no field has."""
        if not name.family and name.name in self.attributes:
            return _("Did you mean %(field)s?") % {"field": self.attributes[name.name].key}
        pool = self.attributes if name.family == "attribute" else {**self.own, **self.metrics}
        near = nearest(name.name, list(pool))
        if near:
            found = near.removeprefix("Did you mean ").removesuffix("?")
            return _("Did you mean %(field)s?") % {"field": pool[found].key}
        if not name.family:
            return _("Attributes are written attribute.%(name)s") % {"name": name.name}
        some = ", ".join(field.key for field in list(pool.values())[:6])
        return _("Known are: %(fields)s") % {"fields": some} if some else _("No account has attributes yet.")


def attribute_kinds() -> dict[str, Kind]:
    """The attributes' names and what they hold, from the oldest and the newest accounts; kept a minute."""
    newest = Account.objects.order_by("-pk").values_list("pk", flat=True).first()
    remembered = f"segments.attributes.{settings.DATABASES['default']['NAME']}.{newest}"
    kinds: dict[str, Kind] | None = cache.get(remembered)
    if kinds is None:
        kinds = _sampled_kinds()
        cache.set(remembered, kinds, REMEMBERED_SECONDS)
    return kinds


def _sampled_kinds() -> dict[str, Kind]:
    seen: dict[str, set[Kind]] = defaultdict(set)
    for order in ("pk", "-pk"):
        sample = Account.objects.filter(withdrawn_at=None).order_by(order)
        for attributes in sample.values_list("attributes", flat=True)[:SAMPLE]:
            for name, value in attributes.items():
                seen[name].update(_kind_of(value))
    return {name: kinds.pop() if len(kinds) == 1 else Kind.MIXED for name, kinds in seen.items()}


def _kind_of(value: Any) -> set[Kind]:
    if value is None:
        return set()
    if isinstance(value, bool):
        return {Kind.FLAG}
    if isinstance(value, int | float):
        return {Kind.NUMBER}
    if isinstance(value, str):
        return {Kind.DAY if _is_day(value) else Kind.TEXT}
    return {Kind.MIXED}


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return len(text) >= len("2026-09-01")


def _rare_attribute(name: str) -> Field | None:
    holders = Account.objects.filter(withdrawn_at=None, attributes__has_key=name)
    return _attribute_field(name, Kind.MIXED) if holders.exists() else None
